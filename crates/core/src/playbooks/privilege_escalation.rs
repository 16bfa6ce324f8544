//! Somebody took rights: by a policy, a trust, a role passed to a machine.

use super::Playbook;

pub(super) const PLAYBOOK: Playbook = Playbook {
    id: "privilege-escalation",
    title: "Rights taken",
    handles: |finding| ["privilege-escalation", "execution"].contains(&finding.detector.as_str()),
    contains: true,
    plan: |case, plan| {
        if case.is_of(&["execution"]) {
            plan.next_steps.push(
                "Look at what ran: commands, machines, functions; stop what nobody asked for".to_owned(),
            );
        }
        plan.next_steps.push("Compare the rights of those who gained with the day before (IAM Access Analyzer, credential report)".to_owned());
        plan.residual
            .push("Sessions begun with the new rights keep them until they end or are revoked.".to_owned());
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{found, planned, texts};

    #[test]
    fn a_policy_just_attached_is_detached_and_a_version_goes_back() {
        let plan = planned(&found(
            "privilege-escalation",
            &[
                ("iam:AttachRolePolicy", "web", "web", "attaches AdministratorAccess"),
                (
                    "iam:CreatePolicyVersion",
                    "arn:aws:iam::1:policy/p",
                    "",
                    "allows every action on every resource",
                ),
            ],
        ));
        assert!(texts(&plan).contains(&"Detach AdministratorAccess from web"));
        assert!(texts(&plan).contains(&"Make the version before the default one of arn:aws:iam::1:policy/p"));
    }

    #[test]
    fn an_inline_policy_is_left_to_people() {
        let plan = planned(&found(
            "privilege-escalation",
            &[("iam:PutUserPolicy", "eva", "eva", "allows every action on every resource")],
        ));
        assert!(plan.next_steps.iter().any(|step| step.contains("iam:PutUserPolicy on eva")));
    }
}
