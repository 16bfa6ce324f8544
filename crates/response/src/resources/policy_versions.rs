//! Versions of a customer managed policy. State: `v1` to nothing, the default version to `default`.

use super::{ActionSheet, ResourceSheet};
use crate::{
    Commands,
    Impossible::{self, Lost},
    Resource, State, Undo,
};

pub(crate) fn sheet(policy: &str) -> ResourceSheet<'_> {
    let calls = &["iam:ListPolicyVersions", "iam:SetDefaultPolicyVersion"];
    ResourceSheet { name: policy, calls, region: None }
}

/// Makes the version before the default one the default.
pub(crate) fn restore(policy: &str) -> ActionSheet<'_> {
    let set = format!("aws iam set-default-policy-version --policy-arn '{policy}' --version-id");
    let list =
        format!("aws iam list-policy-versions --policy-arn '{policy}'   # which was the default before?");
    ActionSheet {
        text: format!("Make the version before the default one of {policy} the default"),
        undo: (Undo::Exact, "make the newer version the default again: it is kept"),
        resource: Resource::Versions { policy: policy.to_owned() },
        desired: Box::new(|before, _| earlier_version(before)),
        commands: Commands { forth: vec![list, format!("{set} BEFORE")], back: vec![format!("{set} NEWER")] },
        names: vec![policy],
    }
}

/// The version before the default one. AWS records nowhere which version was the default earlier; it is the one before, unless
/// somebody had gone back on purpose.
fn earlier_version(before: &State) -> Result<State, Impossible> {
    let number = |version: &str| version.strip_prefix('v')?.parse::<u32>().ok();
    let default = before.iter().find(|(_, is)| *is == "default").and_then(|(version, _)| number(version));
    let default = default.ok_or(Lost("there is no such policy"))?;
    let earlier =
        before.keys().filter_map(|version| number(version)).filter(|version| *version < default).max();
    let earlier = earlier.ok_or(Lost("there is no earlier version"))?;
    let is = |version: &str| if number(version) == Some(earlier) { "default" } else { "" };
    Ok(before.keys().map(|version| (version.clone(), is(version).to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{desired, state};
    use crate::Action;

    #[test]
    fn the_version_before_the_default_one_becomes_it() {
        let action = Action::RestorePolicyVersion { policy: "arn:aws:iam::1:policy/p".into() };
        let after = desired(&action, &[("v1", ""), ("v10", "default"), ("v9", "")]).unwrap();
        assert_eq!(after, state(&[("v1", ""), ("v10", ""), ("v9", "default")]));
        assert!(desired(&action, &[("v1", "default")]).is_err());
    }
}
