//! A control was broken.
//!
//! It is seldom an attacker: the act is taken back by whoever owns it, with the remedy that the check names.

use super::Playbook;

pub(super) const PLAYBOOK: Playbook = Playbook {
    id: "compliance-violation",
    title: "Compliance violation",
    contains: false,
    plan: |case, plan| {
        plan.next_steps.extend(case.gravest().recommendations.iter().cloned());
        plan.next_steps
            .push("Accept it in the settings with a reason and a date, if it was meant to be".to_owned());
        plan.hits.push("Nobody: nothing is done without a person.".to_owned());
        plan.residual.push("The control stays broken until somebody mends it.".to_owned());
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{planned, violated};

    #[test]
    fn the_remedy_of_the_check_is_the_next_step() {
        let plan = planned(&violated("root-use"));
        assert_eq!(plan.playbook, "compliance-violation");
        assert_eq!(plan.next_steps[0], "Switch it on", "the finding's own recommendation");
    }
}
