//! Check: MFA device removed without a replacement.
//!
//! Only a password remains. Not a violation: a user who replaces their own device, unless the session is
//! known to lack MFA; a device registered again; and a user who leaves, because IAM deletes no user that has
//! a device.

use crate::{BrokenTogether, Check, Group, Rule, Speaks, Together, Trace, Traces, act, told, traces::by_day};
use trailwarden_core::{
    catalog::{Call, weight},
    event::{DAY, Event, HOUR, date},
    finding::Severity,
    settings::Facts,
};

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "An MFA device was removed",
    group: Group::Authentication,
    severity: Severity::Medium,
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
    rule: Rule::Together { trace, judge, sheet: Together::PLAIN },
    config_rules: &[],
};

const ID: &str = "mfa-removed";
const REMOVED: u8 = 0;
const REPLACED: u8 = 1;
const LEFT: u8 = 2;
/// Seconds after a removal within which another event can explain it.
const SOON: i64 = DAY;
/// Seconds before a removal within which the new device may be registered: people test it first.
const BEFORE: i64 = 4 * HOUR;

fn trace(event: &Event<'_>, _: &Facts) -> Option<Trace> {
    let call = Call::new(event);
    let user = call.text(&["userName", "userId"]);
    let subject = format!("{} {user}", event.account_id);
    let day = date(event.event_time.day());
    let of = |part: u8, who: &str| Trace::of(event, ID, &subject, part, who);
    match &*event.event_name {
        "EnableMFADevice" => Some(of(REPLACED, &day)),
        "DeleteUser" => Some(of(LEFT, &day)),
        _ => {
            // The catalogue gives removal of one's own device a low weight: a new telephone, if the old one
            // was used for MFA.
            let is_own = act(event).is_some_and(|act| act.weight < weight::ODD);
            let more = if is_own { "its own, without using it" } else { "" };
            let is_weaker = !is_own || event.mfa == Some(false);
            is_weaker.then(|| of(REMOVED, &by_day(event)).saying(&told(event, user, more)))
        }
    }
}

fn judge(traces: &Traces) -> Vec<BrokenTogether> {
    traces.of(REMOVED).map(|span| removal(traces, &span.first)).collect()
}

/// A removal, excused if events around it explain it.
fn removal(traces: &Traces, removed: &Trace) -> BrokenTogether {
    let has = |part: u8, around: std::ops::RangeInclusive<i64>| {
        let mut seen = traces.of(part).flat_map(|span| [&span.first, &span.last]);
        seen.any(|trace| around.contains(&(trace.time.0 - removed.time.0)))
    };
    let reason = if has(LEFT, 0..=SOON) {
        Some("the user was deleted")
    } else if has(REPLACED, -BEFORE..=SOON) {
        Some("another device was registered")
    } else {
        None
    };
    BrokenTogether {
        what: removed.what.to_string(),
        proof: vec![removed.clone()],
        at: removed.time,
        excused: reason.map(str::to_owned),
    }
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
        let first = then("iam:EnableMFADevice").at("2026-03-04T11:00:00Z");
        assert_eq!(together(vec![first, removed("lee")], "", &CHECK), None, "the new one was tried first");
        let before = then("iam:EnableMFADevice").at("2026-03-03T12:00:00Z");
        assert!(together(vec![before, removed("lee")], "", &CHECK).is_some(), "the device that was removed");
    }
}
