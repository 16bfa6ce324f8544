//! Check: account password policy deleted, or weaker than the frameworks demand.
//!
//! The minimum is twelve characters with letters and digits, and none of the last four passwords: PCI DSS
//! 4.0.1, 8.3.6 and 8.3.7, the strictest mapped controls. Not a violation: a policy that meets it.

use crate::{Broken, Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: "password-policy-weak",
    title: "The account's password rules are too weak",
    group: Group::Credentials,
    severity: Severity::Medium,
    remediation: &[
        "Demand at least 12 characters, letters and digits, and none of the last 4 passwords",
        "Let people sign in through an identity provider",
    ],
    blind_spot: "Rules that were set before the log begins; those of an identity provider.",
    needs: None,
    speaks_about: Speaks::Calls(&[("iam", &["UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"])]),
    rule: Rule::Event(violates),
    config_rules: &["iam-password-policy"],
};

const LENGTH: u64 = 12;
const REMEMBERED: u64 = 4;

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    if &*event.event_name == "DeleteAccountPasswordPolicy" {
        return Some(told(event, "", "the rules were deleted").into());
    }
    let call = Call::new(event);
    let number = |key: &str| call.get(key).and_then(serde_json::Value::as_u64);
    // AWS sets parameters absent from the call to their defaults: IAM API reference,
    // UpdateAccountPasswordPolicy.
    let length = number("minimumPasswordLength").unwrap_or(6);
    let remembered = number("passwordReusePrevention").unwrap_or_default();
    let has_letters = call.is_on("requireLowercaseCharacters") || call.is_on("requireUppercaseCharacters");
    let faults: Vec<String> = [
        (length < LENGTH).then(|| format!("{length} characters are enough")),
        (remembered < REMEMBERED).then(|| format!("{remembered} old passwords are remembered")),
        (!has_letters || !call.is_on("requireNumbers"))
            .then(|| "letters and digits are not both demanded".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!faults.is_empty()).then(|| told(event, "", &faults.join(", ")).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    fn rules(length: u64, remembered: u64) -> serde_json::Value {
        json!({ "minimumPasswordLength": length, "passwordReusePrevention": remembered,
            "requireNumbers": true, "requireLowercaseCharacters": true })
    }

    #[test]
    fn short_or_forgetful_or_no_rules_break_it() {
        let said = call("iam:UpdateAccountPasswordPolicy", rules(8, 4)).breaks(&CHECK);
        assert_eq!(said.as_deref(), Some("iam:UpdateAccountPasswordPolicy: 8 characters are enough"));
        assert!(call("iam:UpdateAccountPasswordPolicy", rules(12, 3)).breaks(&CHECK).is_some());
        assert!(
            call(
                "iam:UpdateAccountPasswordPolicy",
                json!({ "minimumPasswordLength": 14, "passwordReusePrevention": 24 })
            )
            .breaks(&CHECK)
            .is_some()
        );
        assert!(call("iam:DeleteAccountPasswordPolicy", json!(null)).breaks(&CHECK).is_some());
    }

    #[test]
    fn good_rules_do_not() {
        assert_eq!(call("iam:UpdateAccountPasswordPolicy", rules(12, 4)).breaks(&CHECK), None);
    }
}
