//! Somebody signed in to the console with a password alone.
//!
//! A leaked password is then enough. Innocent twin: people who come through an identity provider, whose second factor
//! AWS does not see, and records that do not say: missing is not negative.

use super::super::Check;
use crate::{
    event::{Event, Outcome},
    finding::Severity,
};

pub(super) const CHECK: Check = Check {
    id: "sign-in-without-mfa",
    title: "Console sign-in without MFA",
    severity: Severity::Medium,
    remediation: &["Register an MFA device for the user", "Deny everything without MFA by policy"],
    speaks_about: |event| event.is_sign_in(),
    violates,
};

fn violates(event: &Event<'_>) -> Option<String> {
    let is_by_password = matches!(&*event.identity.kind, "IAMUser" | "Root");
    let is_in = event.outcome == Outcome::Success;
    (is_by_password && is_in && event.mfa == Some(false))
        .then(|| "signed in to the console without MFA".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{super::testing::says, *};

    fn sign_in(kind: &str, used: &str) -> String {
        format!(
            r#"{{"eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com","userIdentity":{{"type":"{kind}"}},"responseElements":{{"ConsoleLogin":"Success"}},"additionalEventData":{{"MFAUsed":"{used}"}}}}"#
        )
    }

    #[test]
    fn a_password_alone_breaks_it() {
        assert!(says(&CHECK, &sign_in("IAMUser", "No")).is_some());
    }

    #[test]
    fn a_second_factor_and_a_federated_role_do_not() {
        assert_eq!(says(&CHECK, &sign_in("IAMUser", "Yes")), None);
        assert_eq!(says(&CHECK, &sign_in("AssumedRole", "No")), None);
    }
}
