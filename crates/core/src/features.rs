//! The twelve features of a window: a principal's 24 hours as numbers.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    activity::Window,
    baseline::{Habits, service_of},
    catalog::{Tactic, weight},
    event::{HOUR, Outcome, Time},
};

/// Twelve numbers. A feature that cannot be known is `None`, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Features {
    /// Console sign-ins that worked, in 24 hours. Exact up to 16 an hour.
    pub login_frequency: f32,
    /// Share (0 to 1) of active hours outside the principal's own rhythm; `None` without an established baseline.
    pub unusual_hours: Option<f32>,
    /// Share (0 to 1) of active hours on a Saturday or Sunday, UTC.
    pub weekend_access: f32,
    /// Different public addresses. Exact up to 24 an hour; the largest hour's estimate beyond.
    pub unique_ip_count: f32,
    /// Share (0 to 1) of public addresses in a network the principal never used; `None` without an established baseline.
    pub geographic_anomaly: Option<f32>,
    /// Share (0 to 1) of public addresses in a VPN, Tor, proxy or hosting network; `None` if no address is listed.
    pub vpn_usage: Option<f32>,
    /// Failed sign-ins and denied calls. Estimated where an hour had more than 48 events.
    pub failed_attempts: f32,
    /// Sum of the weights (0 to 1 each) of acts that raise rights.
    pub privilege_escalation: f32,
    /// Share (0 to 1) of named buckets, tables and secrets never named before; `None` without an established baseline.
    pub resource_access_pattern: Option<f32>,
    /// Different services called.
    pub service_diversity: f32,
    /// Acts of weight ODD and more.
    pub high_risk_actions: f32,
    /// Calls an hour, of the busiest hour. Exact up to 48, then within 15% (one standard error).
    pub api_call_velocity: f32,
}

impl Features {
    /// The features' names, in order.
    pub const NAMES: [&str; 12] = [
        "login_frequency",
        "unusual_hours",
        "weekend_access",
        "unique_ip_count",
        "geographic_anomaly",
        "vpn_usage",
        "failed_attempts",
        "privilege_escalation",
        "resource_access_pattern",
        "service_diversity",
        "high_risk_actions",
        "api_call_velocity",
    ];

    /// Reads the features of a window.
    pub fn of(window: &Window<'_>, habits: &Habits<'_>) -> Self {
        let hours = window.hours;
        let is_established = habits.own.is_established();
        let addresses: BTreeSet<_> = hours.iter().flat_map(|(_, hour)| hour.addresses.values()).collect();
        let listed: Vec<_> = addresses.iter().filter_map(|address| habits.network(**address)).collect();
        let resources: BTreeSet<u64> =
            hours.iter().flat_map(|(_, hour)| hour.resources.iter().map(|(key, _)| key)).collect();
        let services: BTreeSet<&str> =
            hours.iter().flat_map(|(_, hour)| hour.calls.values().map(|call| service_of(call))).collect();
        let acts = || hours.iter().flat_map(|(_, hour)| hour.acts.iter());
        let denied = Window::count(hours, |trace| trace.outcome == Outcome::Denied);
        let in_hours =
            |is_counted: &dyn Fn(u32) -> bool| share(hours.iter().map(|(hour, _)| is_counted(*hour)));
        let within = |known: bool, value: f32| known.then_some(value);
        Self {
            login_frequency: hours.iter().map(|(_, hour)| hour.sign_ins.distinct()).sum::<f64>() as f32,
            unusual_hours: within(
                is_established,
                in_hours(&|hour| habits.own.strangeness_of_hour(hour).is_some_and(|strange| strange >= 0.75)),
            ),
            weekend_access: in_hours(&|hour| Time(i64::from(hour) * HOUR).hour_of_week() >= 5 * 24),
            unique_ip_count: hours
                .iter()
                .map(|(_, hour)| hour.addresses.distinct())
                .fold(addresses.len() as f64, f64::max) as f32,
            geographic_anomaly: within(
                is_established,
                share(addresses.iter().map(|address| habits.own.days_with_network(**address) == 0)),
            ),
            vpn_usage: within(
                !listed.is_empty(),
                share(
                    listed
                        .iter()
                        .map(|network| matches!(network.usage.as_str(), "vpn" | "tor" | "proxy" | "hosting")),
                ),
            ),
            failed_attempts: (window.failed_sign_in_count() + denied) as f32,
            privilege_escalation: acts()
                .filter(|(notable, _)| notable.act.tactic == Tactic::PrivilegeEscalation)
                .map(|(notable, _)| notable.act.weight)
                .sum(),
            resource_access_pattern: within(
                is_established,
                share(resources.iter().map(|resource| habits.own.days_with_resource(*resource) == 0)),
            ),
            service_diversity: services.len() as f32,
            high_risk_actions: acts()
                .filter(|(notable, _)| notable.act.weight >= weight::ODD)
                .map(|(_, scale)| scale)
                .sum::<f64>() as f32,
            api_call_velocity: hours.iter().map(|(_, hour)| hour.events.distinct()).fold(0.0, f64::max)
                as f32,
        }
    }
}

/// The share of `true`; 0 of none.
fn share(flags: impl Iterator<Item = bool>) -> f32 {
    let (mut set, mut all) = (0u32, 0u32);
    for flag in flags {
        set += u32::from(flag);
        all += 1;
    }
    set as f32 / all.max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_new_principal_has_numbers_only_where_they_can_be_known() {
        let story = Story::new()
            .sign_in(true, Some(true))
            .sign_in(false, None)
            .failed("iam", "ListUsers", "{}", "AccessDenied")
            .call("s3", "GetObject", r#"{"bucketName":"b"}"#);
        let features = story.look(Features::of);
        assert_eq!(
            (features.login_frequency, features.failed_attempts, features.service_diversity),
            (1.0, 2.0, 3.0)
        );
        assert_eq!(
            (features.unusual_hours, features.geographic_anomaly, features.vpn_usage),
            (None, None, None)
        );
        assert_eq!(
            (features.unique_ip_count, features.weekend_access, features.api_call_velocity),
            (1.0, 0.0, 4.0)
        );
    }

    #[test]
    fn with_a_past_what_is_new_is_counted() {
        let own = r#"{"bucketName":"b"}"#;
        let story =
            Story::new().on_days(10, "s3", "GetObject", own).call("s3", "GetObject", own).from("203.0.113.9");
        let features = story.call("s3", "GetObject", r#"{"bucketName":"other"}"#).look(Features::of);
        assert_eq!((features.geographic_anomaly, features.resource_access_pattern), (Some(0.5), Some(0.5)));
        assert_eq!(features.unusual_hours, Some(0.0));
    }

    #[test]
    fn there_are_twelve() {
        let features = Story::new().call("s3", "GetObject", "{}").look(Features::of);
        let json = serde_json::to_value(features).unwrap();
        let names: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, Features::NAMES.into_iter().collect());
    }
}
