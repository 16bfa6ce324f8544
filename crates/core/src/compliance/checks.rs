//! Every check.

mod logging_weakened;
mod root_use;
mod sign_in_without_mfa;

use super::Check;

/// Every check, by name.
pub const ALL: &[&Check] = &[&logging_weakened::CHECK, &root_use::CHECK, &sign_in_without_mfa::CHECK];

#[cfg(test)]
pub(super) mod testing {
    use crate::{
        compliance::Check,
        sources::{Item, Limits, read},
    };

    /// What a check says of one record.
    pub(crate) fn says(check: &Check, record: &str) -> Option<String> {
        let mut said = None;
        read(record.as_bytes(), Limits::default(), &mut |item| {
            let Item::Event(event) = item else { panic!("not an event") };
            said = (check.speaks_about)(&event).then(|| (check.violates)(&event)).flatten();
        })
        .unwrap();
        said
    }

    #[test]
    fn each_check_has_a_name_of_its_own_and_a_remedy() {
        let ids: std::collections::BTreeSet<&str> = super::ALL.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), super::ALL.len());
        assert!(super::ALL.iter().all(|check| !check.remediation.is_empty()));
    }
}
