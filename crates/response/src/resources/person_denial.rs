//! Denial of a person behind Identity Center by a service control policy. State: user id to `denied` or to nothing; no entry
//! if nobody has that name.

use super::{ActionSheet, ResourceSheet};
use crate::{Commands, DENIED, Impossible, Resource, State, Undo};
use trailwarden_core::settings::Directory;

pub(crate) fn sheet(directory: &Directory) -> ResourceSheet<'_> {
    let calls = &[
        "identitystore:GetUserId",
        "organizations:DescribePolicy",
        "organizations:ListTargetsForPolicy",
        "organizations:UpdatePolicy",
    ];
    ResourceSheet { name: &directory.policy, calls, region: Some(&directory.region) }
}

/// The person as found before a change, by the user id of its state: they may have been renamed since, or deleted.
pub(crate) fn as_found(person: String, before: &State) -> String {
    before.keys().next().map_or(person, |id| format!("arn:aws:identitystore:::user/{id}"))
}

/// User name of a person, or the id in the ARN of a user of the store.
fn name(person: &str) -> &str {
    person.rsplit('/').next().unwrap_or_default()
}

/// Denies the person everything.
pub(crate) fn deny<'a>(person: &'a str, directory: &'a Directory) -> ActionSheet<'a> {
    ActionSheet {
        text: format!(
            "Deny {} everything where the service control policy {} is attached (its user id in that)",
            name(person),
            directory.policy
        ),
        undo: (Undo::Exact, "take its user id out of the policy again"),
        resource: Resource::Denial { person: person.to_owned(), directory: directory.clone() },
        desired: Box::new(|before, _| denied(before)),
        commands: commands(name(person), directory),
        names: vec![name(person), &directory.region, &directory.store, &directory.policy],
    }
}

fn denied(before: &State) -> Result<State, Impossible> {
    if before.is_empty() {
        return Err(Impossible::Lost("nobody of that name is in Identity Center"));
    }
    Ok(before.keys().map(|id| (id.clone(), DENIED.to_owned())).collect())
}

/// The policy's statement lists user ids: one more, and it is put back.
fn commands(person: &str, directory: &Directory) -> Commands {
    let Directory { region, store, policy, .. } = directory;
    let change = |sign: &str| {
        format!(
            r#"aws organizations describe-policy --policy-id {policy} --query Policy.Content --output text | jq -c '(.Statement[] | select(.Sid == "TrailwardenDeniedPeople").Condition.StringEquals[]) |= ([.] | flatten {sign} ["ID"])' > changed.json && aws organizations update-policy --policy-id {policy} --content file://changed.json   # ID: theirs"#
        )
    };
    let look_up = format!(
        r#"aws identitystore get-user-id --region {region} --identity-store-id {store} --alternate-identifier '{{"UniqueAttribute":{{"AttributePath":"userName","AttributeValue":"{person}"}}}}' --query UserId --output text   # their ID, unless this is one"#
    );
    Commands { forth: vec![look_up, change("+")], back: vec![change("-")] }
}
