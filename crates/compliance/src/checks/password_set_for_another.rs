//! Check: console password set for another user, without a forced change.
//!
//! Two people then know the password, and neither can be held accountable. Not a violation: an initial
//! password that must be changed at once, and one's own password.

use crate::{Broken, Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: "password-set-for-another",
    title: "A password that somebody else knows",
    group: Group::Credentials,
    severity: Severity::Medium,
    remediation: &["Set it anew with a change demanded at the next sign-in", "Ask why it was set"],
    blind_spot: "Passwords of an identity provider; whether the user changed it all the same.",
    needs: None,
    speaks_about: Speaks::Calls(&[("iam", &["CreateLoginProfile", "UpdateLoginProfile"])]),
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    let call = Call::new(event);
    let user = call.text(&["userName"]);
    let is_own = &*event.identity.kind == "IAMUser" && user == &*event.identity.user_name;
    let response = event.response();
    let is_to_change =
        call.is_on("passwordResetRequired") || response["loginProfile"]["passwordResetRequired"] == true;
    (!user.is_empty() && !is_own && !is_to_change).then(|| told(event, user, "it need not be changed").into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn a_password_for_another_that_stays_breaks_it() {
        assert!(
            call("iam:CreateLoginProfile", json!({ "userName": "lee", "passwordResetRequired": false }))
                .breaks(&CHECK)
                .is_some()
        );
        assert!(call("iam:CreateLoginProfile", json!({ "userName": "lee" })).breaks(&CHECK).is_some());
        // CloudTrail never logs the password itself.
        assert!(call("iam:UpdateLoginProfile", json!({ "userName": "lee" })).breaks(&CHECK).is_some());
    }

    #[test]
    fn a_first_password_and_ones_own_do_not() {
        assert_eq!(
            call("iam:CreateLoginProfile", json!({ "userName": "lee", "passwordResetRequired": true }))
                .breaks(&CHECK),
            None
        );
        let answered = json!({ "loginProfile": { "userName": "lee", "passwordResetRequired": true } });
        assert_eq!(
            call("iam:CreateLoginProfile", json!({ "userName": "lee" }))
                .with("responseElements", answered)
                .breaks(&CHECK),
            None
        );
        assert_eq!(call("iam:UpdateLoginProfile", json!({ "userName": "kim" })).breaks(&CHECK), None);
        assert_eq!(
            call("iam:CreateLoginProfile", json!({ "userName": "lee" })).refused().breaks(&CHECK),
            None
        );
    }
}
