//! Console password of an IAM user. State: `password` to `set`, or nothing.

use super::{ActionSheet, ResourceSheet, removed};
use crate::{Commands, Impossible, Resource, Undo};

/// Why removing or replacing a password cannot be undone.
pub(super) const UNREADABLE: (Undo, &str) =
    (Undo::None, "nobody can read a password: a new one has to be given");

pub(crate) fn sheet(user: &str) -> ResourceSheet<'_> {
    ResourceSheet { name: user, calls: &["iam:GetLoginProfile", "iam:DeleteLoginProfile"], region: None }
}

/// Removes the password.
pub(crate) fn remove(user: &str) -> ActionSheet<'_> {
    ActionSheet {
        text: format!("Remove the password of {user}"),
        undo: UNREADABLE,
        resource: Resource::Password { user: user.to_owned() },
        desired: removed(Impossible::Needless("it has no password")),
        commands: Commands {
            forth: vec![format!("aws iam delete-login-profile --user-name '{user}'")],
            back: Vec::new(),
        },
        names: vec![user],
    }
}
