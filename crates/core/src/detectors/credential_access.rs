//! Detector: collection of secrets, instance passwords or traffic, and AWS's quarantine of a leaked key.
//!
//! Secrets open the next door, so an attacker reads all that can be read. An application reads its own few
//! secrets every day, and a deployment reads a handful; neither reads everything once.

use super::{Aspect, Detector, ScopeKind, weigh_acts};
use crate::{activity::Window, baseline::Habits, catalog::Tactic, finding::Severity, risk::Signal};

pub(super) const DETECTOR: Detector = Detector {
    id: "credential-access",
    title: "Credential access: secrets collected",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "credential-compromise",
    guesses: false,
    mitigation: &[
        "Rotate every secret that was read",
        "Revoke the sessions of the principal and find where it called from",
        "Limit each role to its own secrets by name or tag",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    weigh_acts(window, habits, |act| act.tactic == Tactic::CredentialAccess)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn many_secrets_at_once_are_collected() {
        let story = (0..20).fold(Story::new(), |story, n| {
            story.call("secretsmanager", "GetSecretValue", &format!(r#"{{"secretId":"s{n}"}}"#))
        });
        assert!(story.score(detect) >= 0.4);
        assert!(Story::new().call("secretsmanager", "BatchGetSecretValue", "{}").score(detect) >= 0.4);
    }

    #[test]
    fn who_reads_its_own_secret_daily_is_noticed_reading_all_others() {
        let story = Story::new().on_days(10, "secretsmanager", "GetSecretValue", r#"{"secretId":"mine"}"#);
        assert!(
            story.clone().call("secretsmanager", "GetSecretValue", r#"{"secretId":"mine"}"#).score(detect)
                < 0.1
        );
        let all = (0..12).fold(story, |story, n| {
            story.call("secretsmanager", "GetSecretValue", &format!(r#"{{"secretId":"s{n}"}}"#))
        });
        assert!(all.score(detect) >= 0.4);
    }

    #[test]
    fn an_applications_own_secret_is_not() {
        assert!(
            Story::new().call("secretsmanager", "GetSecretValue", r#"{"secretId":"mine"}"#).score(detect)
                < 0.4
        );
    }
}
