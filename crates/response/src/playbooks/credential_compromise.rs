//! Somebody else uses an identity: its credentials were guessed, stolen, or carried out of where they belong.

use super::Playbook;
use crate::{Action, Planned};
use trailwarden_core::event::{PrincipalKind, account_of};

pub(super) const PLAYBOOK: Playbook = Playbook {
    id: "credential-compromise",
    title: "Credential compromise",
    contains: true,
    plan: |case, plan| {
        if case.is_of(&["credential-access"]) {
            plan.next_steps.push("Change every secret that was read: whoever read it has it".to_owned());
            plan.residual.push("Secrets that were read are known until they are changed.".to_owned());
        }
        if (case.is_guessed() || case.is_of(&["initial-access"]))
            && case.gravest().principal_kind == PrincipalKind::User
            && let Some(user) = case.gravest().principal.rsplit('/').next()
        {
            // It outlives the quarantine: whoever ends that one cannot come back with the password alone.
            let account = account_of(&case.gravest().principal).unwrap_or(&case.gravest().account_id);
            let action = Action::RequireMfa { user: user.to_owned() };
            plan.actions.push(Planned::new(action, account, "a password alone was enough"));
            plan.next_steps.push(format!(
                "Register an MFA device for {user}, if it has none of its own: without one it can do nothing, nor register one itself"
            ));
        }
        if case.is_guessed() {
            plan.next_steps.push(
                "Change the passwords of those users who signed in from the same addresses, and demand MFA"
                    .to_owned(),
            );
        }
        plan.next_steps.push(
            "Look for what was made meanwhile: keys, users, roles, trust, functions, and take it back"
                .to_owned(),
        );
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{found, planned, texts};

    #[test]
    fn a_stolen_users_keys_and_sessions_end_and_so_does_what_it_made_for_others() {
        let plan =
            planned(&found("persistence", &[("iam:CreateAccessKey", "eva", "eva", "for another user, eva")]));
        assert_eq!(
            texts(&plan),
            [
                "Deactivate the access keys of kim",
                "Revoke the sessions that kim has (deny by the time their tokens were issued)",
                "Quarantine kim (an inline policy that denies everything)",
                "Deactivate the access keys that eva got since 1970-01-01T00:00:00Z",
            ]
        );
    }

    #[test]
    fn whose_password_an_attacker_changed_is_not_stopped_without_asking() {
        let changed = ("iam:UpdateLoginProfile", "eva", "eva", "");
        let quarantine = |calls: &[(&str, &str, &str, &str)]| {
            let plan = planned(&found("persistence", calls));
            let planned = plan.actions.into_iter().find(|planned| planned.text.starts_with("Quarantine eva"));
            (planned.unwrap().waits.is_empty(), plan.hits.iter().any(|hit| hit.starts_with("eva: ")))
        };
        assert_eq!(quarantine(&[changed]), (false, true), "the attacker's choice may run the shop");
        assert_eq!(quarantine(&[("iam:CreateUser", "eva", "eva", ""), changed]), (true, false), "it is new");
    }

    #[test]
    fn its_own_key_is_not_taken_back_twice() {
        let plan = planned(&found("persistence", &[("iam:CreateAccessKey", "kim", "kim", "for itself")]));
        assert_eq!(plan.actions.len(), 3);
    }
}
