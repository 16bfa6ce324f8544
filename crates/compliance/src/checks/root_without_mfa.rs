//! Check: console sign-in of the root user without MFA.
//!
//! A mailbox and a password then suffice for everything. Not a violation: root with its MFA device, and a
//! failed sign-in.

use crate::{Check, Group, Rule, Speaks, is_root};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "root-without-mfa",
    title: "Root signed in without MFA",
    group: Group::Authentication,
    severity: Severity::Critical,
    remediation: &[
        "Register a hardware MFA device for root now",
        "Change root's password",
        "Remove root's credentials from member accounts",
    ],
    blind_spot: "Whether a device is registered that AWS did not ask for.",
    needs: None,
    speaks_about: Speaks::CallsOf(&[("signin", &["ConsoleLogin"])], is_root),
    rule: Rule::Event(|event, _| {
        (is_root(event) && event.mfa == Some(false))
            .then(|| "root signed in to the console without MFA".to_owned().into())
    }),
    config_rules: &["root-account-mfa-enabled", "root-account-hardware-mfa-enabled"],
};

#[cfg(test)]
mod tests {
    use super::{
        super::{
            sign_in_without_mfa::tests::sign_in,
            testing::{root, user},
        },
        *,
    };

    #[test]
    fn root_with_a_password_alone_breaks_it_and_nobody_else() {
        assert!(sign_in(root(), "No", "Success").breaks(&CHECK).is_some());
        assert_eq!(sign_in(root(), "Yes", "Success").breaks(&CHECK), None);
        assert_eq!(sign_in(root(), "No", "Failure").breaks(&CHECK), None);
        assert_eq!(sign_in(user("kim"), "No", "Success").breaks(&CHECK), None);
    }
}
