//! Somebody behaves unlike themselves, and nothing grave was done yet.
//!
//! Most such people are innocent, so nobody is stopped: they are asked.

use super::Playbook;

pub(super) const PLAYBOOK: Playbook = Playbook {
    id: "unusual-access",
    title: "Unusual access",
    contains: false,
    plan: |case, plan| {
        let who = case.gravest().principal.clone();
        plan.next_steps
            .push(format!("Ask the owner of {who} whether it was them, by another way than e-mail"));
        plan.next_steps.push(format!("If not: treat it as a credential compromise: trailwarden respond --plan --as-compromised --principal {who}"));
        plan.hits.push("Nobody: nothing is done without a person.".to_owned());
        plan.residual.push("If it is not the owner, they go on until somebody decides.".to_owned());
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{found, planned};
    use crate::Level;

    #[test]
    fn somebody_unusual_is_asked_and_not_stopped() {
        let plan = planned(&found("anomalous-access", &[]));
        assert_eq!((plan.actions.len(), plan.level), (0, Level::Escalate));
        assert!(plan.next_steps[0].starts_with("Ask the owner of arn:aws:iam::111122223333:user/kim"));
    }
}
