//! Identity-provider report: sign-ins per provider (SAML, OIDC, a directory), and what is unusual about them.
//!
//! A provider that is taken over, or a trust that is too wide, shows as unknown users, from unknown networks,
//! after unusual failures. A growing company brings new users too, a few at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use serde::Serialize;

use crate::{
    activity::{Hour, Scope},
    baseline::network_key,
    catalog::call_key,
    event::{Outcome, PrincipalKind},
    risk::components::saturating,
    severity::{Level, thresholds::Thresholds},
};

/// Protocol of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProviderKind {
    /// SAML assertions: Okta, AD FS.
    Saml,
    /// OIDC tokens: build systems, Kubernetes, apps.
    Oidc,
    /// Identity Center.
    Directory,
}

/// Sign-ins through one provider in a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProviderUse {
    /// The provider's name or ARN.
    pub provider: String,
    /// The provider's protocol.
    pub kind: ProviderKind,
    /// Successful sign-ins; an estimate where an hour has more than 48 calls.
    pub logins: f64,
    /// Distinct users.
    pub unique_users: usize,
    /// Failed sign-ins.
    pub failures: f64,
    /// Unusual patterns, as text.
    pub unusual_patterns: Vec<String>,
    /// Risk, 0 to 1.
    pub risk: f32,
    /// Level of the risk.
    pub level: Level,
}

/// Collector of hours, of the period and of the days before it.
#[derive(Debug)]
pub struct Federation {
    period: Range<u32>,
    providers: BTreeMap<(ProviderKind, String), Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    logins: f64,
    failures: f64,
    failures_before: f64,
    users: BTreeSet<String>,
    users_before: BTreeSet<String>,
    networks: BTreeSet<u64>,
    networks_before: BTreeSet<u64>,
    days_before: BTreeSet<u32>,
}

impl Federation {
    /// A collector for `period` (hours since 1970), to be compared with the hours before it.
    pub fn new(period: Range<u32>) -> Self {
        Self { period, providers: BTreeMap::new() }
    }

    /// Adds an hour of a scope; identities without a provider are ignored.
    pub fn add(&mut self, scope: &Scope, hour: u32, folded: &Hour) {
        let Some((kind, provider, user)) = provider_of(scope, folded) else { return };
        if hour >= self.period.end {
            return;
        }
        let (logins, failures) = sign_ins(kind, folded);
        if logins + failures == 0.0 {
            return;
        }
        let seen = self.providers.entry((kind, provider)).or_default();
        let networks = folded.addresses.values().map(|address| network_key(*address));
        if self.period.contains(&hour) {
            seen.logins += logins;
            seen.failures += failures;
            seen.users.insert(user);
            seen.networks.extend(networks);
        } else {
            seen.failures_before += failures;
            seen.users_before.insert(user);
            seen.networks_before.extend(networks);
            seen.days_before.insert(hour / 24);
        }
    }

    /// Report per provider, riskiest first.
    pub fn report(self, thresholds: &Thresholds) -> Vec<ProviderUse> {
        let hours = self.period.len().max(1);
        let mut uses: Vec<ProviderUse> = self
            .providers
            .into_iter()
            .filter(|(_, seen)| !seen.users.is_empty())
            .map(|((kind, provider), seen)| seen.judge(kind, provider, hours, thresholds))
            .collect();
        uses.sort_by(|a, b| b.risk.total_cmp(&a.risk).then_with(|| a.provider.cmp(&b.provider)));
        uses
    }
}

impl Seen {
    fn judge(
        self,
        kind: ProviderKind,
        provider: String,
        hours: usize,
        thresholds: &Thresholds,
    ) -> ProviderUse {
        /// Fewest earlier days to compare with.
        const KNOWN_DAYS: usize = 5;
        let mut patterns = Vec::new();
        let mut calm = 1.0f32;
        let mut note = |value: f32, text: String| {
            if value > 0.15 {
                calm *= 1.0 - value;
                patterns.push(text);
            }
        };
        let days = hours as f64 / 24.0;
        if self.days_before.len() >= KNOWN_DAYS {
            let new_users = self.users.difference(&self.users_before).count();
            let share = new_users as f32 / self.users.len().max(1) as f32;
            note(
                0.6 * share * saturating(new_users as f32, 1.5),
                format!("{new_users} of {} user(s) never signed in before", self.users.len()),
            );
            let new_networks = self.networks.difference(&self.networks_before).count();
            // Build machines have new networks every time.
            let is_restless = self.networks_before.len() > self.days_before.len() * 3;
            if !is_restless {
                note(
                    0.4 * saturating(new_networks as f32, 3.0),
                    format!("sign-ins from {new_networks} network(s) never used with it"),
                );
            }
            let usual = (self.failures_before / self.days_before.len() as f64 * days).max(2.0);
            note(
                0.7 * saturating((self.failures / usual) as f32 - 1.0, 3.0),
                format!("{:.0} failures, where {usual:.0} are usual", self.failures),
            );
        } else if self.days_before.is_empty() {
            note(0.3, "it was not used in the days before".to_owned());
        }
        let risk = 1.0 - calm;
        ProviderUse {
            provider,
            kind,
            logins: self.logins,
            unique_users: self.users.len(),
            failures: self.failures,
            unusual_patterns: patterns,
            risk,
            level: thresholds.level(risk),
        }
    }
}

/// Protocol, provider and user name of a scope; `None` without a provider.
fn provider_of(scope: &Scope, folded: &Hour) -> Option<(ProviderKind, String, String)> {
    match scope {
        Scope::Person(person) => {
            Some((ProviderKind::Directory, "IAM Identity Center".to_owned(), person.to_string()))
        }
        Scope::Principal(id) => {
            if folded.who.as_ref().is_some_and(|who| who.kind == PrincipalKind::IdentityCenter) {
                return Some((ProviderKind::Directory, "IAM Identity Center".to_owned(), id.to_string()));
            }
            let rest = id.strip_prefix("federated:")?.split_once(':')?.1;
            let (provider, user) = split(rest);
            let is_token = [
                "oidc-provider",
                "accounts.google.com",
                "cognito-identity",
                "www.amazon.com",
                "graph.facebook.com",
            ];
            let kind = if is_token.iter().any(|word| provider.contains(word)) {
                ProviderKind::Oidc
            } else {
                ProviderKind::Saml
            };
            Some((kind, provider.to_owned(), user.to_owned()))
        }
        _ => None,
    }
}

/// Splits provider and user: a provider's ARN holds five colons, other names none.
fn split(rest: &str) -> (&str, &str) {
    let colon = if rest.starts_with("arn:") { 5 } else { 0 };
    rest.match_indices(':').nth(colon).map_or((rest, ""), |(at, _)| (&rest[..at], &rest[at + 1..]))
}

/// Successful and failed sign-ins of an hour.
fn sign_ins(kind: ProviderKind, folded: &Hour) -> (f64, f64) {
    let mut names = vec![("sts", "AssumeRoleWithSAML"), ("sts", "AssumeRoleWithWebIdentity")];
    if kind == ProviderKind::Directory {
        names = vec![("signin", "UserAuthentication"), ("sso", "Authenticate")];
    }
    let keys: Vec<u32> = names.iter().map(|(service, name)| call_key(service, name) as u32).collect();
    let traces = folded.events.values().filter(|trace| keys.contains(&trace.call));
    let (mut worked, mut failed) = (0u32, 0u32);
    traces.for_each(|trace| if trace.outcome == Outcome::Success { worked += 1 } else { failed += 1 });
    let scale = folded.events.scale();
    let worked = f64::from(worked) * scale + folded.sign_ins.distinct();
    // A directory's failures are among the failed sign-ins already.
    let failed = if kind == ProviderKind::Directory { 0.0 } else { f64::from(failed) * scale };
    (worked, failed + folded.failed_sign_ins.distinct())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        activity::Fold,
        sources::{Item, Limits, read},
    };

    const PROVIDER: &str = "arn:aws:iam::111122223333:oidc-provider/token.example";

    fn log(day: u32, user: &str, address: &str) -> String {
        format!(
            r#"{{"eventID":"{day}-{user}-{address}","eventTime":"2026-03-{day:02}T10:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRoleWithWebIdentity","awsRegion":"us-east-1","sourceIPAddress":"{address}","recipientAccountId":"111122223333","userIdentity":{{"type":"WebIdentityUser","userName":"{user}","identityProvider":"{PROVIDER}"}}}}"#
        )
    }

    fn uses(records: &[String]) -> Vec<ProviderUse> {
        let mut fold = Fold::default();
        read(records.join("\n").as_bytes(), Limits::default(), &mut |item| {
            let Item::Event(event) = item else { panic!("not an event") };
            fold.add(&event);
        })
        .unwrap();
        let day = crate::event::Time::parse("2026-03-20T00:00:00Z").unwrap().hour();
        let mut federation = Federation::new(day..day + 24);
        fold.take().iter().for_each(|(scope, hour, folded)| federation.add(scope, *hour, folded));
        federation.report(&Thresholds::default())
    }

    fn past() -> Vec<String> {
        (10..20).map(|day| log(day, "repo:app:main", "198.51.100.1")).collect()
    }

    #[test]
    fn a_provider_and_its_user_are_told_apart() {
        assert_eq!(split(&format!("{PROVIDER}:repo:app:main")), (PROVIDER, "repo:app:main"));
        assert_eq!(split("okta:kim"), ("okta", "kim"));
    }

    #[test]
    fn the_usual_user_from_the_usual_place_is_low() {
        let mut records = past();
        records.push(log(20, "repo:app:main", "198.51.100.1"));
        let uses = uses(&records);
        assert_eq!(
            (uses[0].provider.as_str(), uses[0].kind, uses[0].unique_users),
            (PROVIDER, ProviderKind::Oidc, 1)
        );
        assert_eq!((uses[0].level, uses[0].unusual_patterns.len()), (Level::Low, 0));
    }

    #[test]
    fn users_nobody_knew_from_places_nobody_knew_are_not() {
        let mut records = past();
        records.extend((1..6).map(|n| log(20, &format!("repo:evil{n}:main"), &format!("203.0.{n}.9"))));
        let uses = uses(&records);
        assert!(uses[0].level >= Level::Medium, "{uses:?}");
        assert_eq!(uses[0].unusual_patterns.len(), 2, "{uses:?}");
    }
}
