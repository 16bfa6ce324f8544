//! Check: one user shared by two people: sign-ins alternate between two places and two kinds of machine.
//!
//! Actions of a shared user cannot be attributed to anybody. Not a violation: a user who moves to another
//! place and stays there, and a telephone beside a computer.

use std::net::IpAddr;

use crate::{BrokenTogether, Check, Group, Rule, Speaks, Together, Trace, Traces, principal};
use trailwarden_core::{
    activity::client,
    event::{Event, HOUR, Time},
    finding::Severity,
    settings::Facts,
};

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "An identity is shared by several people",
    group: Group::Authentication,
    severity: Severity::Medium,
    remediation: &[
        "Give each person an identity of their own",
        "Change the password; if nobody shares it, somebody stole it",
    ],
    blind_spot: "People who share a machine or a network, or do not sign in within the same two hours.",
    needs: None,
    speaks_about: Speaks::CallsOf(&[("signin", &["ConsoleLogin"])], |event| {
        matches!(&*event.identity.kind, "IAMUser" | "Root")
    }),
    rule: Rule::Together { trace, judge, sheet: Together::PLAIN },
    config_rules: &[],
};

const ID: &str = "shared-identity";
/// Length in seconds of the windows within which sign-ins are compared.
const TOGETHER: i64 = 2 * HOUR;

fn trace(event: &Event<'_>, _: &Facts) -> Option<Trace> {
    let has_password = matches!(&*event.identity.kind, "IAMUser" | "Root");
    let machine = client(&event.user_agent);
    let is_telephone = ["android", "ios", "unknown", "console"].iter().any(|word| machine.contains(word));
    let address = event.caller.public_address()?;
    if !has_password || is_telephone || event.event_time == Time::UNDATED {
        return None;
    }
    let subject = format!("{} {}", principal(event).id, event.event_time.0.div_euclid(TOGETHER));
    let place = format!("{} with {machine}", network(address));
    Some(Trace::of(event, ID, &subject, 0, &place).saying(&format!("{address} with {machine}")))
}

/// First half of an IPv4 address, or first 32 bits of an IPv6 address: a provider, or a site.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("{}.{}", v4.octets()[0], v4.octets()[1]),
        IpAddr::V6(v6) => format!("{:x}:{:x}", v6.segments()[0], v6.segments()[1]),
    }
}

/// Violated by a sign-in from one place, then another, then the first again.
fn judge(traces: &Traces) -> Vec<BrokenTogether> {
    in_turn(traces).into_iter().collect()
}

fn in_turn(traces: &Traces) -> Option<BrokenTogether> {
    let places: Vec<_> = traces.of(0).collect();
    let apart = |a: &str, b: &str| {
        let (a, b) = (a.split_once(" with "), b.split_once(" with "));
        a.zip(b).is_some_and(|(a, b)| a.0 != b.0 && a.1 != b.1)
    };
    places.iter().find_map(|here| {
        let there = places.iter().map(|place| &place.first).find(|there| {
            here.first.time < there.time && there.time < here.last.time && apart(&here.first.who, &there.who)
        })?;
        Some(BrokenTogether {
            what: format!(
                "signed in from {}, then from {}, then from the first again, within two hours",
                here.first.what, there.what
            ),
            proof: vec![there.clone(), here.first.clone(), here.last.clone()],
            at: there.time,
            excused: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call, together},
        *,
    };

    fn sign_in(minute: u8, address: &str, system: &str) -> Told {
        call("signin:ConsoleLogin", json!(null))
            .at(&format!("2026-03-04T12:{minute:02}:00Z"))
            .with("sourceIPAddress", address)
            .with("userAgent", format!("Mozilla/5.0 ({system})"))
            .with("responseElements", json!({ "ConsoleLogin": "Success" }))
    }

    const WINDOWS: &str = "Windows NT 10.0";
    const MAC: &str = "Macintosh";

    #[test]
    fn two_machines_in_two_places_in_turn_break_it() {
        let said = together(
            vec![
                sign_in(1, "198.51.100.7", WINDOWS),
                sign_in(20, "203.0.113.9", MAC),
                sign_in(40, "198.51.100.7", WINDOWS),
            ],
            "",
            &CHECK,
        );
        assert!(said.unwrap().starts_with(
            "signed in from 198.51.100.7 with browser (windows), then from 203.0.113.9 with browser (mac)"
        ));
    }

    #[test]
    fn moving_once_one_machine_and_a_telephone_do_not() {
        assert_eq!(
            together(vec![sign_in(1, "198.51.100.7", WINDOWS), sign_in(20, "203.0.113.9", MAC)], "", &CHECK),
            None
        );
        let one = vec![
            sign_in(1, "198.51.100.7", MAC),
            sign_in(20, "203.0.113.9", MAC),
            sign_in(40, "198.51.100.7", MAC),
        ];
        assert_eq!(together(one, "", &CHECK), None);
        let telephone = vec![
            sign_in(1, "198.51.100.7", MAC),
            sign_in(20, "203.0.113.9", "iPhone; Mac OS X"),
            sign_in(40, "198.51.100.7", MAC),
        ];
        assert_eq!(together(telephone, "", &CHECK), None);
    }
}
