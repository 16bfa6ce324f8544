//! Managed policies attached to a user, role or group. State: ARN to name.

use super::{ActionSheet, ResourceSheet, pair, without, word};
use crate::{Commands, Holder, HolderKind, Impossible, Resource, Undo};

pub(crate) fn sheet(holder: &Holder) -> ResourceSheet<'_> {
    let calls: &[&str] = match holder.kind {
        HolderKind::User => &["iam:ListAttachedUserPolicies", "iam:AttachUserPolicy", "iam:DetachUserPolicy"],
        HolderKind::Role => &["iam:ListAttachedRolePolicies", "iam:AttachRolePolicy", "iam:DetachRolePolicy"],
        HolderKind::Group => {
            &["iam:ListAttachedGroupPolicies", "iam:AttachGroupPolicy", "iam:DetachGroupPolicy"]
        }
    };
    ResourceSheet { name: &holder.name, calls, region: None }
}

/// Detaches the policy of this name.
pub(crate) fn detach<'a>(holder: &'a Holder, policy: &'a str) -> ActionSheet<'a> {
    ActionSheet {
        text: format!("Detach {policy} from {}", holder.name),
        undo: (Undo::Exact, "attach it again"),
        resource: Resource::Attached { holder: holder.clone() },
        desired: Box::new(move |before, _| {
            without(before, |_, name| name == policy, Impossible::Needless("it is not attached"))
        }),
        commands: commands(holder, policy),
        names: vec![&holder.name, policy],
    }
}

fn commands(holder: &Holder, policy: &str) -> Commands {
    let (kind, name) = (word(holder), &holder.name);
    let arn = format!(
        "$(aws iam list-attached-{kind}-policies --{kind}-name '{name}' --query \"AttachedPolicies[?PolicyName=='{policy}'].PolicyArn\" --output text)"
    );
    pair(
        format!("aws iam detach-{kind}-policy --{kind}-name '{name}' --policy-arn \"{arn}\""),
        format!("aws iam attach-{kind}-policy --{kind}-name '{name}' --policy-arn ARN"),
    )
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{desired, state},
        *,
    };
    use crate::Action;

    #[test]
    fn a_policy_goes_by_its_name_and_the_others_stay() {
        let action = Action::DetachPolicy { holder: Holder::role("web"), policy: "Admin".into() };
        let attached = [("arn:aws:iam::aws:policy/Admin", "Admin"), ("arn:aws:iam::1:policy/p", "p")];
        assert_eq!(desired(&action, &attached).unwrap(), state(&attached[1..]));
        assert!(desired(&action, &attached[1..]).is_err());
    }
}
