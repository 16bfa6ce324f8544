//! Somebody took rights: by a policy, a trust, a role passed to a machine.

use super::Playbook;

pub(super) const PLAYBOOK: Playbook = Playbook {
    id: "privilege-escalation",
    title: "Privilege escalation",
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
    fn what_another_of_the_same_name_may_have_had_before_waits_for_a_person() {
        let waits = |holder: &str, making: &str| {
            let attached = (holder, "kim", "kim", "attaches AdministratorAccess");
            let plan = planned(&found("privilege-escalation", &[(making, "kim", "kim", ""), attached]));
            let detach = plan.actions.iter().find(|planned| planned.text.starts_with("Detach")).unwrap();
            !detach.waits.is_empty()
        };
        assert!(!waits("iam:AttachUserPolicy", "iam:ListUsers"), "its own");
        assert!(!waits("iam:AttachRolePolicy", "iam:CreateRole"), "just made");
        assert!(waits("iam:AttachRolePolicy", "iam:CreateUser"), "a role that is called as a user is");
        assert!(
            waits("iam:AttachGroupPolicy", "iam:ListUsers"),
            "a group that is called as the principal is"
        );
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
