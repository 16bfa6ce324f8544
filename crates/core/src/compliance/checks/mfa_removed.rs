//! A second factor was taken away.
//!
//! What is left is a password. Innocent twin: somebody who replaces their own device, proving themselves with it.

use crate::{
    catalog::{Call, weight},
    compliance::{Broken, Check, Facts, Group, Rule, Speaks, act, told},
    event::Event,
    finding::Severity,
};

pub(in crate::compliance) const CHECK: Check = Check {
    id: "mfa-removed",
    title: "An MFA device was removed",
    group: Group::Authentication,
    severity: Severity::High,
    remediation: &[
        "Ask the user whether they lost it",
        "Register a device again, and end the user's sessions",
    ],
    blind_spot: "A device of Identity Center, which some directories keep themselves; whether another device is left.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("iam", &["DeactivateMFADevice"]),
        ("sso-directory", &["DeleteMfaDeviceForUser"]),
    ]),
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    let act = act(event)?;
    // Of its own, the catalogue finds it minor: a new telephone, if the old one was at hand.
    let is_own = act.weight < weight::ODD;
    let user = Call::new(event).text(&["userName", "userId"]).to_owned();
    (!is_own || event.mfa == Some(false))
        .then(|| told(event, &user, if is_own { "its own, without using it" } else { "" }).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, user},
        *,
    };

    fn session(mfa: &str) -> serde_json::Value {
        let mut kim = user("kim");
        kim["sessionContext"] = json!({ "attributes": { "mfaAuthenticated": mfa } });
        kim
    }

    #[test]
    fn another_users_device_breaks_it_and_so_does_ones_own_without_it() {
        assert!(call("iam:DeactivateMFADevice", json!({ "userName": "lee" })).breaks(&CHECK).is_some());
        assert!(
            call("iam:DeactivateMFADevice", json!({ "userName": "kim" }))
                .by(session("false"))
                .breaks(&CHECK)
                .is_some()
        );
    }

    #[test]
    fn a_new_telephone_and_a_refusal_do_not() {
        assert_eq!(
            call("iam:DeactivateMFADevice", json!({ "userName": "kim" })).by(session("true")).breaks(&CHECK),
            None
        );
        assert_eq!(
            call("iam:DeactivateMFADevice", json!({ "userName": "lee" })).refused().breaks(&CHECK),
            None
        );
    }
}
