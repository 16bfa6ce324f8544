//! Access context: score of an access by time, location, device, resource and authentication.
//!
//! Each component is compared with the principal's own baseline. Unknown components are left out, and the
//! others count for them.

use std::{collections::BTreeSet, net::IpAddr};

use serde::Serialize;

use crate::networks::describe;
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::{Tactic, weight},
    event::PrincipalKind,
    risk::{
        components::{Component, weigh},
        is_human,
    },
    severity::{Level, thresholds::Thresholds},
};

/// Names and weights of the components.
pub const WEIGHTS: [(&str, f32); 5] = [
    ("unusual_time", 0.20),
    ("unusual_location", 0.30),
    ("new_device", 0.25),
    ("sensitive_resource", 0.15),
    ("weak_authentication", 0.10),
];

/// Access-context score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccessContext {
    /// 0 to 1; the points of the parts add up to it.
    pub score: f32,
    /// Level of the score.
    pub level: Level,
    /// The circumstances.
    pub components: Vec<Component>,
}

/// Value of a component, and its reason.
type Circumstance = (Option<f32>, String);

/// Scores the access context of the judged hour.
pub fn access_context(window: &Window<'_>, habits: &Habits<'_>, thresholds: &Thresholds) -> AccessContext {
    let circumstances = [
        time(window, habits),
        location(window, habits),
        device(window, habits),
        resource(window, habits),
        authentication(window),
    ];
    let mut components: Vec<Component> = WEIGHTS
        .into_iter()
        .zip(circumstances)
        .map(|((name, weight), (value, because))| Component::new(name, weight, value, because))
        .collect();
    let score = weigh(&mut components);
    AccessContext { score, level: thresholds.level(score), components }
}

const NO_HISTORY: &str = "too few days are known";

fn time(window: &Window<'_>, habits: &Habits<'_>) -> Circumstance {
    if !is_human(window) {
        return (None, "machines keep no hours".to_owned());
    }
    match habits.own.strangeness_of_hour(window.hour) {
        None => (None, NO_HISTORY.to_owned()),
        Some(strange) if strange >= 0.5 => {
            (Some(strange), format!("{:02}:00 UTC, when it hardly ever is active", window.hour % 24))
        }
        Some(strange) => (Some(strange), format!("{:02}:00 UTC, as usual", window.hour % 24)),
    }
}

fn location(window: &Window<'_>, habits: &Habits<'_>) -> Circumstance {
    let Some(address) = strangest(window, habits) else { return (None, "no public address".to_owned()) };
    if !habits.own.is_established() {
        return (None, NO_HISTORY.to_owned());
    }
    let described =
        habits.network(address).map_or_else(String::new, |network| format!(" ({})", describe(&network)));
    let (value, how) = match () {
        () if habits.own.days_with_network(address) > 0 => (0.0, "known to it"),
        () if habits.own.days_with_provider(address) > 0 => (0.4, "new, of a provider it uses"),
        () if habits.peers.is_known_desk(address, window.hour / 24) => {
            (0.3, "new to it, where colleagues work")
        }
        () => (1.0 - habits.own.mobility(), "new to it"),
    };
    (Some(value), format!("{address}{described}, {how}"))
}

/// The address seen on the fewest days.
fn strangest(window: &Window<'_>, habits: &Habits<'_>) -> Option<IpAddr> {
    window.now().addresses.values().copied().min_by_key(|address| habits.own.days_with_network(*address))
}

fn device(window: &Window<'_>, habits: &Habits<'_>) -> Circumstance {
    if !habits.own.is_established() {
        return (None, NO_HISTORY.to_owned());
    }
    let programs = || window.now().clients.values().filter(|client| ***client != *"console");
    match programs().find(|client| habits.own.days_with_client(client) == 0) {
        Some(new) => (Some(1.0), format!("{new}, which it never used")),
        None => (Some(0.0), format!("{} program(s) it knows", programs().count())),
    }
}

/// Secrets, rights and logs are sensitive in themselves; other data by the share that is new to the
/// principal.
fn resource(window: &Window<'_>, habits: &Habits<'_>) -> Circumstance {
    let is_sensitive = |tactic: Tactic| {
        matches!(
            tactic,
            Tactic::CredentialAccess
                | Tactic::PrivilegeEscalation
                | Tactic::Persistence
                | Tactic::DefenseEvasion
                | Tactic::Exfiltration
        )
    };
    let acts = window.now().acts.iter().map(|(notable, _)| &notable.act);
    let worst = acts.filter(|act| is_sensitive(act.tactic)).max_by(|a, b| a.weight.total_cmp(&b.weight));
    if let Some(act) = worst {
        let target = if act.target.is_empty() { "" } else { &act.target };
        return (
            Some((act.weight / weight::SEVERE).min(1.0)),
            format!("{} {target}", act.call).trim().to_owned(),
        );
    }
    let named: BTreeSet<&str> = window.now().resources.values().map(|name| &**name).collect();
    if named.is_empty() || !habits.own.is_established() {
        return (Some(0.0), "nothing known to be sensitive".to_owned());
    }
    let new =
        window.now().resources.iter().filter(|(key, _)| habits.own.days_with_resource(*key) == 0).count();
    let share = new as f32 / named.len() as f32;
    (Some(share * 0.5), format!("{new} of {} bucket(s), table(s) and secret(s) new to it", named.len()))
}

fn authentication(window: &Window<'_>) -> Circumstance {
    let kind = window.principal.map(|principal| principal.kind);
    let signed_in: Vec<Option<bool>> = window.sign_ins().map(|(_, sign_in)| sign_in.mfa).collect();
    let is_directory = matches!(
        kind,
        Some(PrincipalKind::Person | PrincipalKind::IdentityCenter | PrincipalKind::Federated)
    );
    match kind {
        Some(PrincipalKind::Root) => (Some(1.0), "the root user".to_owned()),
        _ if is_directory => (None, "its identity provider asks for the second factor".to_owned()),
        _ if signed_in.contains(&Some(false)) => (Some(1.0), "signed in without MFA".to_owned()),
        _ if signed_in.contains(&Some(true)) => (Some(0.0), "signed in with MFA".to_owned()),
        Some(PrincipalKind::User) => (Some(0.5), "a long-lived key, without sign-in".to_owned()),
        Some(PrincipalKind::Role | PrincipalKind::Workload) => {
            (Some(0.0), "temporary credentials".to_owned())
        }
        _ => (None, "not known".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn context(story: &Story) -> AccessContext {
        story.look(|window, habits| access_context(window, habits, &Thresholds::default()))
    }

    #[test]
    fn the_weights_are_a_whole() {
        assert!((WEIGHTS.iter().map(|(_, weight)| weight).sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn at_the_usual_desk_nothing_is_out_of_place() {
        let story = Story::new().on_days(10, "s3", "ListBuckets", "{}").call("s3", "ListBuckets", "{}");
        assert!(context(&story).score < 0.1, "{:?}", context(&story));
    }

    #[test]
    fn elsewhere_with_another_program_and_a_secret_is() {
        let story = Story::new()
            .on_days(10, "s3", "ListBuckets", "{}")
            .from("203.0.113.9")
            .client("Boto3/1 Linux")
            .call("secretsmanager", "GetSecretValue", r#"{"secretId":"prod/db"}"#);
        let context = context(&story);
        assert!(context.level >= Level::Medium, "{context:?}");
        assert!(
            (context.components.iter().map(|part| part.points).sum::<f32>() - context.score).abs() < 1e-5
        );
    }

    #[test]
    fn without_history_place_and_program_are_left_out() {
        let context = context(&Story::new().call("s3", "ListBuckets", "{}"));
        let unknown = context.components.iter().filter(|part| part.value.is_none()).map(|part| part.name);
        assert_eq!(unknown.collect::<Vec<_>>(), ["unusual_time", "unusual_location", "new_device"]);
    }
}
