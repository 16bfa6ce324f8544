//! A second factor was taken away, and nothing came in its place.
//!
//! What is left is a password. Innocent twin: somebody who replaces their own device, proving themselves with it; a
//! device that is registered anew; and a user who leaves, since IAM deletes none that has a device.

use crate::{
    catalog::{Call, weight},
    compliance::{BrokenTogether, Check, Facts, Group, Rule, Speaks, Trace, Traces, act, told},
    event::{DAY, Event},
    finding::Severity,
};

pub(in crate::compliance) const CHECK: Check = Check {
    id: ID,
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
        ("iam", &["DeactivateMFADevice", "EnableMFADevice", "DeleteUser"]),
        ("sso-directory", &["DeleteMfaDeviceForUser", "DeleteUser"]),
    ]),
    rule: Rule::Together { trace, judge },
    config_rules: &[],
};

const ID: &str = "mfa-removed";
const REMOVED: u8 = 0;
const REPLACED: u8 = 1;
const LEFT: u8 = 2;
/// Until when a removal may find its reason.
const SOON: i64 = DAY;

fn trace(event: &Event<'_>, _: &Facts) -> Option<Trace> {
    let call = Call::new(event);
    let user = call.text(&["userName", "userId"]);
    let subject = format!("{} {user}", event.account_id);
    let of = |part: u8, who: &str| Trace::of(event, ID, &subject, part, who);
    match &*event.event_name {
        "EnableMFADevice" => Some(of(REPLACED, "")),
        "DeleteUser" => Some(of(LEFT, "")),
        _ => {
            // Of its own, the catalogue finds it minor: a new telephone, if the old one was at hand.
            let is_own = act(event).is_some_and(|act| act.weight < weight::ODD);
            let more = if is_own { "its own, without using it" } else { "" };
            let is_weaker = !is_own || event.mfa == Some(false);
            is_weaker.then(|| of(REMOVED, &event.identity.arn).saying(&told(event, user, more)))
        }
    }
}

fn judge(traces: &Traces) -> Option<BrokenTogether> {
    let removed = traces.of(REMOVED).map(|span| &span.last).max()?;
    let soon = |part: u8| {
        let mut seen = traces.of(part).flat_map(|span| [&span.first, &span.last]);
        seen.any(|trace| (0..=SOON).contains(&(trace.time.0 - removed.time.0)))
    };
    let reason = if soon(LEFT) {
        Some("the user was deleted")
    } else if soon(REPLACED) {
        Some("another device was registered")
    } else {
        None
    };
    Some(BrokenTogether {
        what: removed.what.to_string(),
        proof: vec![removed.clone()],
        at: removed.time,
        excused: reason.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call, together, user},
        *,
    };

    fn removed(whose: &str) -> Told {
        call("iam:DeactivateMFADevice", json!({ "userName": whose }))
    }

    fn session(mfa: &str) -> serde_json::Value {
        let mut kim = user("kim");
        kim["sessionContext"] = json!({ "attributes": { "mfaAuthenticated": mfa } });
        kim
    }

    #[test]
    fn another_users_device_breaks_it_and_so_does_ones_own_without_it() {
        assert!(together(vec![removed("lee")], "", &CHECK).is_some());
        assert!(together(vec![removed("kim").by(session("false"))], "", &CHECK).is_some());
    }

    #[test]
    fn a_new_telephone_and_a_refusal_do_not() {
        assert_eq!(together(vec![removed("kim").by(session("true"))], "", &CHECK), None);
        assert_eq!(together(vec![removed("lee").refused()], "", &CHECK), None);
    }

    #[test]
    fn a_user_who_leaves_and_a_device_registered_anew_do_not() {
        let then = |what: &str| call(what, json!({ "userName": "lee" })).at("2026-03-04T12:05:00Z");
        assert_eq!(together(vec![removed("lee"), then("iam:DeleteUser")], "", &CHECK), None);
        assert_eq!(together(vec![removed("lee"), then("iam:EnableMFADevice")], "", &CHECK), None);
        let before = then("iam:EnableMFADevice").at("2026-03-03T12:00:00Z");
        assert!(together(vec![before, removed("lee")], "", &CHECK).is_some(), "the device that was removed");
    }
}
