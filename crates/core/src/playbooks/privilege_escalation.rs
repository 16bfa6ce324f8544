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
                    "arn:aws:iam::111122223333:policy/p",
                    "",
                    "allows every action on every resource",
                ),
            ],
        ));
        assert!(texts(&plan).contains(&"Detach AdministratorAccess from web"));
        assert!(texts(&plan).contains(
            &"Make the version before the default one of arn:aws:iam::111122223333:policy/p the default"
        ));
    }

    #[test]
    fn an_inline_policy_is_removed_and_where_it_is_not_known_left_to_people() {
        let put = |detail| {
            let plan =
                planned(&found("privilege-escalation", &[("iam:PutUserPolicy", "eva", "eva", detail)]));
            (texts(&plan).join("; "), plan.next_steps.join("; "))
        };
        let (actions, _) = put("allows every action on every resource, inline policy admin");
        assert!(actions.contains("Remove the inline policy admin of eva"), "{actions}");
        let (actions, steps) = put("allows every action on every resource");
        assert!(
            !actions.contains("inline") || steps.contains("iam:PutUserPolicy on eva"),
            "{actions} {steps}"
        );
        assert!(steps.contains("iam:PutUserPolicy on eva"));
    }
}
