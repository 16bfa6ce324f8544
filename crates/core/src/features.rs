//! Feature vector of a window: twelve numbers for a principal's 24 hours.

use std::{collections::BTreeSet, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{
    activity::{Hour, Window},
    baseline::{Baseline, Habits, service_of},
    catalog::{Act, Tactic, weight},
    event::{HOUR, Outcome, Time},
    networks::Network,
};

/// The twelve features. A feature that cannot be known is `None`, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Successful console sign-ins. Exact up to 16 an hour, then an estimate.
    pub login_frequency: f32,
    /// Share (0 to 1) of active hours that are unusual for the principal; `None` without an established
    /// baseline.
    pub unusual_hours: Option<f32>,
    /// Share (0 to 1) of active hours on a Saturday or Sunday, UTC.
    pub weekend_access: f32,
    /// Distinct public addresses. Exact up to 24 an hour; beyond, at least the largest hour's estimate.
    pub unique_ip_count: f32,
    /// Share (0 to 1) of public addresses in networks the principal never used; `None` without an established
    /// baseline.
    pub geographic_anomaly: Option<f32>,
    /// Share (0 to 1) of listed public addresses in a VPN, Tor, proxy or hosting network; `None` if none is
    /// listed.
    pub vpn_usage: Option<f32>,
    /// Failed sign-ins and denied calls. An estimate where an hour has more than 48 events.
    pub failed_attempts: f32,
    /// Sum of the weights (0 to 1 each) of privilege-escalation acts.
    pub privilege_escalation: f32,
    /// Share (0 to 1) of named buckets, tables and secrets that are new; `None` without an established
    /// baseline.
    pub resource_access_pattern: Option<f32>,
    /// Distinct services called.
    pub service_diversity: f32,
    /// Number of acts of weight ODD or more.
    pub high_risk_actions: f32,
    /// Calls in the busiest hour. Exact up to 48, then within 15% (one standard error).
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

    /// Computes the features of a window.
    pub fn of(window: &Window<'_>, habits: &Habits<'_>) -> Self {
        let hours = window.hours;
        let own = habits.own.is_established().then_some(habits.own);
        let addresses: BTreeSet<IpAddr> = all(hours, |hour| hour.addresses.values().copied());
        let listed: Vec<Network> = addresses.iter().filter_map(|address| habits.network(*address)).collect();
        let resources: BTreeSet<u64> = all(hours, |hour| hour.resources.iter().map(|(key, _)| key));
        let services: BTreeSet<&str> = all(hours, |hour| hour.calls.values().map(|call| service_of(call)));
        let busiest = |count: fn(&Hour) -> f64| hours.iter().map(|(_, hour)| count(hour)).fold(0.0, f64::max);
        let denied = Window::count(hours, |trace| trace.outcome == Outcome::Denied);
        Self {
            login_frequency: hours.iter().map(|(_, hour)| hour.sign_ins.distinct()).sum::<f64>() as f32,
            unusual_hours: own.map(|own| share(hours.iter().map(|(hour, _)| is_strange(own, *hour)))),
            weekend_access: share(hours.iter().map(|(hour, _)| is_weekend(*hour))),
            unique_ip_count: busiest(|hour| hour.addresses.distinct()).max(addresses.len() as f64) as f32,
            geographic_anomaly: own
                .map(|own| share(addresses.iter().map(|address| own.days_with_network(*address) == 0))),
            vpn_usage: (!listed.is_empty()).then(|| share(listed.iter().map(is_hiding))),
            failed_attempts: (window.failed_sign_in_count() + denied) as f32,
            privilege_escalation: weights(
                hours,
                |act| act.tactic == Tactic::PrivilegeEscalation,
                |act| act.weight,
            ),
            resource_access_pattern: own
                .map(|own| share(resources.iter().map(|resource| own.days_with_resource(*resource) == 0))),
            service_diversity: services.len() as f32,
            high_risk_actions: weights(hours, |act| act.weight >= weight::ODD, |_| 1.0),
            api_call_velocity: busiest(|hour| hour.events.distinct()) as f32,
        }
    }
}

fn all<'h, T: Ord, I: Iterator<Item = T>>(
    hours: &'h [(u32, Hour)],
    of: impl Fn(&'h Hour) -> I,
) -> BTreeSet<T> {
    hours.iter().flat_map(|(_, hour)| of(hour)).collect()
}

fn is_strange(own: &Baseline, hour: u32) -> bool {
    own.strangeness_of_hour(hour).is_some_and(|strangeness| strangeness >= 0.75)
}

fn is_weekend(hour: u32) -> bool {
    Time(i64::from(hour) * HOUR).hour_of_week() >= 5 * 24
}

fn is_hiding(network: &Network) -> bool {
    matches!(network.usage.as_str(), "vpn" | "tor" | "proxy" | "hosting")
}

/// The sum of `of` over the selected acts, each times the number of acts it stands for.
fn weights(hours: &[(u32, Hour)], is_counted: impl Fn(&Act) -> bool, of: impl Fn(&Act) -> f32) -> f32 {
    let acts =
        hours.iter().flat_map(|(_, hour)| hour.acts.iter()).filter(|(notable, _)| is_counted(&notable.act));
    acts.map(|(notable, scale)| of(&notable.act) * scale as f32).sum()
}

/// The share of `true`; 0 for no flags.
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
