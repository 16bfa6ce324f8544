//! Access keys of an IAM user. State: `AKIA...` to `Active` or `Inactive`.

use super::{ActionSheet, ResourceSheet};
use crate::{Commands, Impossible, Resource, State, Undo};
use trailwarden_core::event::Time;

pub(crate) fn sheet(user: &str) -> ResourceSheet<'_> {
    ResourceSheet { name: user, calls: &["iam:ListAccessKeys", "iam:UpdateAccessKey"], region: None }
}

/// Deactivates a user's keys: all, or those created since a time.
pub(crate) fn deactivate(user: &str, since: Option<Time>) -> ActionSheet<'_> {
    ActionSheet {
        text: match since {
            None => format!("Deactivate the access keys of {user}"),
            Some(since) => format!("Deactivate the access keys that {user} got since {since}"),
        },
        undo: (Undo::Exact, "activate those keys that were active before"),
        resource: Resource::Keys { user: user.to_owned(), since },
        desired: Box::new(|before, _| asleep(before)),
        commands: commands(user),
        names: vec![user],
    }
}

fn asleep(before: &State) -> Result<State, Impossible> {
    if before.is_empty() {
        return Err(Impossible::Needless("it has no keys"));
    }
    Ok(before.keys().map(|key| (key.clone(), "Inactive".to_owned())).collect())
}

fn commands(user: &str) -> Commands {
    let status = |status: &str| {
        format!("aws iam update-access-key --user-name '{user}' --status {status} --access-key-id KEY")
    };
    let list = format!("aws iam list-access-keys --user-name '{user}'   # then, of each active one:");
    let again = "# of those that were active before:".to_owned();
    Commands { forth: vec![list, status("Inactive")], back: vec![again, status("Active")] }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{desired, state},
        *,
    };
    use crate::Action;

    #[test]
    fn every_key_sleeps_and_nobody_without_keys_is_touched() {
        let action = Action::DeactivateKeys { user: "kim".into() };
        let after = desired(&action, &[("AKIA1", "Active"), ("AKIA2", "Inactive")]).unwrap();
        assert_eq!(after, state(&[("AKIA1", "Inactive"), ("AKIA2", "Inactive")]));
        assert_eq!(desired(&action, &[]), Err(Impossible::Needless("it has no keys")));
    }
}
