//! Accounts with which a snapshot or image is shared. State: account ids, or `all`, to nothing.

use super::{ActionSheet, ResourceSheet, pair, without};
use crate::{Commands, Impossible, Resource, Shareable, Undo};

pub(crate) fn sheet<'a>(of: Shareable, resource: &'a str, region: &'a str) -> ResourceSheet<'a> {
    let calls: &[&str] = match of {
        Shareable::Snapshot => &["ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"],
        Shareable::Image => &["ec2:DescribeImageAttribute", "ec2:ModifyImageAttribute"],
        Shareable::DbSnapshot => &["rds:DescribeDBSnapshotAttributes", "rds:ModifyDBSnapshotAttribute"],
        Shareable::DbClusterSnapshot => {
            &["rds:DescribeDBClusterSnapshotAttributes", "rds:ModifyDBClusterSnapshotAttribute"]
        }
    };
    ResourceSheet { name: resource, calls, region: Some(region) }
}

/// Stops sharing with an account, or with everybody (`*`).
pub(crate) fn unshare<'a>(
    of: Shareable,
    resource: &'a str,
    with: &'a str,
    region: &'a str,
) -> ActionSheet<'a> {
    let whom = if with == "*" { "all" } else { with };
    ActionSheet {
        text: format!("Stop sharing {resource} with {with}"),
        undo: (Undo::Exact, "share it again with those recorded before"),
        resource: Resource::Shares { of, resource: resource.to_owned(), region: region.to_owned() },
        desired: Box::new(move |before, _| {
            let missing = Impossible::Needless("it is not shared with them");
            without(before, |account, _| account == whom, missing)
        }),
        commands: commands(of, resource, whom, region),
        names: vec![resource, with, region],
    }
}

fn commands(of: Shareable, resource: &str, whom: &str, region: &str) -> Commands {
    let [forth, back] = ["remove", "add"].map(|change| command(of, resource, whom, region, change));
    pair(forth, back)
}

fn command(of: Shareable, resource: &str, whom: &str, region: &str, change: &str) -> String {
    let (call, what, attribute) = match of {
        Shareable::Snapshot => ("ec2 modify-snapshot-attribute", "snapshot-id", "createVolumePermission"),
        Shareable::Image => ("ec2 modify-image-attribute", "image-id", "launchPermission"),
        Shareable::DbSnapshot => ("rds modify-db-snapshot-attribute", "db-snapshot-identifier", "restore"),
        Shareable::DbClusterSnapshot => {
            ("rds modify-db-cluster-snapshot-attribute", "db-cluster-snapshot-identifier", "restore")
        }
    };
    let who = match (of, whom) {
        (Shareable::DbSnapshot | Shareable::DbClusterSnapshot, _) => format!("--values-to-{change} {whom}"),
        (Shareable::Snapshot, "all") => format!("--operation-type {change} --group-names all"),
        (Shareable::Image, "all") => format!("--operation-type {change} --user-groups all"),
        _ => format!("--operation-type {change} --user-ids {whom}"),
    };
    let attribute_name = if call.starts_with("rds") { "attribute-name" } else { "attribute" };
    format!("aws {call} --region {region} --{what} '{resource}' --{attribute_name} {attribute} {who}")
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{desired, state},
        *,
    };
    use crate::{Action, commands};
    use trailwarden_core::event::Time;

    fn unshare(of: Shareable, with: &str) -> Action {
        Action::Unshare { of, resource: "it".into(), with: with.into(), region: "eu-west-1".into() }
    }

    #[test]
    fn a_share_ends_for_whom_it_was_opened() {
        let shared = [("999900001111", ""), ("all", "")];
        let after = |with: &str| desired(&unshare(Shareable::Snapshot, with), &shared).unwrap();
        assert_eq!(after("*"), state(&shared[..1]));
        assert_eq!(after("999900001111"), state(&shared[1..]));
    }

    #[test]
    fn each_sort_of_share_has_its_words() {
        let forth = |of, with: &str| commands(&unshare(of, with), Time(0)).unwrap().forth[0].clone();
        assert!(
            forth(Shareable::Snapshot, "*")
                .ends_with("--attribute createVolumePermission --operation-type remove --group-names all")
        );
        assert!(forth(Shareable::Image, "*").ends_with("--user-groups all"));
        assert!(
            forth(Shareable::DbSnapshot, "111122223333")
                .ends_with("--attribute-name restore --values-to-remove 111122223333")
        );
    }
}
