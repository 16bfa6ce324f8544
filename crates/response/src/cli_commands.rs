//! An action as commands of the AWS CLI, for whoever carries it out by hand.
//!
//! Names come from logs, and the commands go into a shell: a name with any character but those that AWS's names need makes
//! no command.

use super::{
    Action,
    action::person_name,
    desired_state::{QUARANTINE, REQUIRE_MFA, REVOKE},
    resource::{Credential, Holder, HolderKind, Shareable, State},
};
use trailwarden_core::{event::Time, settings::Directory};

/// Commands that carry an action out, and those that take it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// To carry it out.
    pub forth: Vec<String>,
    /// To take it back, as far as that can be said without knowing what was there before.
    pub back: Vec<String>,
}

/// The commands of an action, to be run in its account; `None` if a name in it is not safe in a shell, or there are none.
pub fn commands(action: &Action, now: Time) -> Option<Commands> {
    let made = made(action, now)?;
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "+=,.@_/:-*".contains(c);
    names(action)
        .iter()
        .all(|name| !name.is_empty() && !name.starts_with('-') && name.chars().all(is_safe))
        .then_some(made)
}

fn names(action: &Action) -> Vec<&str> {
    match action {
        Action::DeactivateKeys { user }
        | Action::DeactivateNewKeys { user, .. }
        | Action::RevokeUserSessions { user }
        | Action::QuarantineUser { user }
        | Action::RequireMfa { user }
        | Action::RemovePassword { user } => vec![user],
        Action::Reissue { user, secret, .. } => vec![user, secret],
        Action::DenyPerson { person, directory } => {
            vec![person_name(person), &directory.region, &directory.store, &directory.policy]
        }
        Action::RevokeRoleSessions { role } => vec![role],
        Action::DetachPolicy { holder, policy } | Action::RemoveInlinePolicy { holder, policy } => {
            vec![&holder.name, policy]
        }
        Action::RestorePolicyVersion { policy } => vec![policy],
        Action::RemoveFromTrust { role, whom } => vec![role, whom],
        Action::RestartTrail { trail, region } => vec![trail, region],
        Action::RestartRecorder { recorder, region } => vec![recorder, region],
        Action::EnableDetector { detector, region } => vec![detector, region],
        Action::Unshare { resource, with, region, .. } => vec![resource, with, region],
        Action::BlockPublicAccess { bucket, region } => vec![bucket, region],
        Action::CancelKeyDeletion { key, region } | Action::EnableKey { key, region } => vec![key, region],
        Action::RevokeIngress { group, region, .. } => vec![group, region],
    }
}

fn made(action: &Action, now: Time) -> Option<Commands> {
    match action {
        Action::DeactivateKeys { user } | Action::DeactivateNewKeys { user, .. } => {
            let status = |status: &str| {
                format!(
                    "aws iam update-access-key --user-name '{user}' --status {status} --access-key-id KEY"
                )
            };
            let list = format!("aws iam list-access-keys --user-name '{user}'   # then, of each active one:");
            let again = "# of those that were active before:".to_owned();
            Some(Commands { forth: vec![list, status("Inactive")], back: vec![again, status("Active")] })
        }
        Action::RevokeUserSessions { user } => inline(action, &Holder::user(user), REVOKE, now),
        Action::RevokeRoleSessions { role } => inline(action, &Holder::role(role), REVOKE, now),
        Action::QuarantineUser { user } => inline(action, &Holder::user(user), QUARANTINE, now),
        Action::RequireMfa { user } => inline(action, &Holder::user(user), REQUIRE_MFA, now),
        Action::DenyPerson { person, directory } => Some(deny(person_name(person), directory)),
        Action::RemovePassword { user } => Some(Commands {
            forth: vec![format!("aws iam delete-login-profile --user-name '{user}'")],
            back: Vec::new(),
        }),
        Action::Reissue { credential, user, secret } => Some(reissue(*credential, user, secret)),
        _ => of_policies(action).or_else(|| of_defences(action)).or_else(|| of_data(action)),
    }
}

/// The policy's statement lists user ids: one more, and it is put back.
fn deny(person: &str, directory: &Directory) -> Commands {
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

/// What is secret goes from one command to the next, and shows in none.
fn reissue(credential: Credential, user: &str, secret: &str) -> Commands {
    let keep = format!("aws secretsmanager create-secret --name '{secret}' --secret-string");
    match credential {
        Credential::Key => Commands {
            forth: vec![format!(
                "aws iam create-access-key --user-name '{user}' --query AccessKey --output json | {keep} file:///dev/stdin"
            )],
            back: vec![
                format!("aws iam delete-access-key --user-name '{user}' --access-key-id KEY   # the new one"),
                format!("aws secretsmanager delete-secret --secret-id '{secret}'"),
            ],
        },
        Credential::Password => Commands {
            forth: vec![
                format!(
                    r#"aws secretsmanager get-random-password --require-each-included-type --exclude-characters '"\' --output text | {keep} file:///dev/stdin"#
                ),
                format!(
                    r#"printf '{{"UserName":"{user}","PasswordResetRequired":true,"Password":"%s"}}' "$(aws secretsmanager get-secret-value --secret-id '{secret}' --query SecretString --output text)" | aws iam update-login-profile --cli-input-json file:///dev/stdin   # create-login-profile, if there is none"#
                ),
            ],
            back: Vec::new(),
        },
    }
}

/// Policies that somebody got.
fn of_policies(action: &Action) -> Option<Commands> {
    let both = |forth: String, back: String| Some(Commands { forth: vec![forth], back: vec![back] });
    match action {
        Action::DetachPolicy { holder, policy } => {
            let kind = word(holder);
            let name = &holder.name;
            let arn = format!(
                "$(aws iam list-attached-{kind}-policies --{kind}-name '{name}' --query \"AttachedPolicies[?PolicyName=='{policy}'].PolicyArn\" --output text)"
            );
            both(
                format!("aws iam detach-{kind}-policy --{kind}-name '{name}' --policy-arn \"{arn}\""),
                format!("aws iam attach-{kind}-policy --{kind}-name '{name}' --policy-arn ARN"),
            )
        }
        Action::RemoveInlinePolicy { holder, policy } => {
            let kind = word(holder);
            let whose = format!("--{kind}-name '{}' --policy-name '{policy}'", holder.name);
            Some(Commands {
                forth: vec![
                    format!("aws iam get-{kind}-policy {whose} --query PolicyDocument > before.json"),
                    format!("aws iam delete-{kind}-policy {whose}"),
                ],
                back: vec![format!("aws iam put-{kind}-policy {whose} --policy-document file://before.json")],
            })
        }
        Action::RestorePolicyVersion { policy } => {
            let set = format!("aws iam set-default-policy-version --policy-arn '{policy}' --version-id");
            let list = format!(
                "aws iam list-policy-versions --policy-arn '{policy}'   # which was the default before?"
            );
            Some(Commands { forth: vec![list, format!("{set} BEFORE")], back: vec![format!("{set} NEWER")] })
        }
        Action::RemoveFromTrust { role, whom } => {
            let put = |file: &str| {
                format!(
                    "aws iam update-assume-role-policy --role-name '{role}' --policy-document file://{file}"
                )
            };
            let get = format!(
                "aws iam get-role --role-name '{role}' --query Role.AssumeRolePolicyDocument > before.json   # copy it to after.json without {whom}"
            );
            Some(Commands { forth: vec![get, put("after.json")], back: vec![put("before.json")] })
        }
        _ => None,
    }
}

/// What watches, and keys.
fn of_defences(action: &Action) -> Option<Commands> {
    let pair = |forth: String, back: String| Some(Commands { forth: vec![forth], back: vec![back] });
    match action {
        Action::RestartTrail { trail, region } => pair(
            format!("aws cloudtrail start-logging --region {region} --name '{trail}'"),
            format!("aws cloudtrail stop-logging --region {region} --name '{trail}'"),
        ),
        Action::RestartRecorder { recorder, region } => {
            let what = format!("--region {region} --configuration-recorder-name '{recorder}'");
            pair(
                format!("aws configservice start-configuration-recorder {what}"),
                format!("aws configservice stop-configuration-recorder {what}"),
            )
        }
        Action::EnableDetector { detector, region } => {
            let update =
                format!("aws guardduty update-detector --region {region} --detector-id '{detector}'");
            pair(format!("{update} --enable"), format!("{update} --no-enable"))
        }
        Action::CancelKeyDeletion { key, region } => Some(Commands {
            forth: ["cancel-key-deletion", "enable-key"]
                .map(|call| format!("aws kms {call} --region {region} --key-id '{key}'"))
                .to_vec(),
            back: vec![format!("aws kms disable-key --region {region} --key-id '{key}'")],
        }),
        Action::EnableKey { key, region } => pair(
            format!("aws kms enable-key --region {region} --key-id '{key}'"),
            format!("aws kms disable-key --region {region} --key-id '{key}'"),
        ),
        _ => None,
    }
}

/// Who reaches data.
fn of_data(action: &Action) -> Option<Commands> {
    let pair = |forth: String, back: String| Some(Commands { forth: vec![forth], back: vec![back] });
    match action {
        Action::Unshare { of, resource, with, region } => {
            let whom = if with == "*" { "all" } else { with };
            let [forth, back] = ["remove", "add"].map(|change| share(*of, resource, whom, region, change));
            pair(forth, back)
        }
        Action::BlockPublicAccess { bucket, .. } => {
            let switches = super::SWITCHES.map(|switch| format!("{switch}=true")).join(",");
            pair(
                format!(
                    "aws s3api put-public-access-block --bucket '{bucket}' --public-access-block-configuration {switches}"
                ),
                format!(
                    "aws s3api delete-public-access-block --bucket '{bucket}'   # if there was none before"
                ),
            )
        }
        Action::RevokeIngress { group, region, .. } => Some(Commands {
            forth: vec![
                format!(
                    "aws ec2 describe-security-group-rules --region {region} --filters Name=group-id,Values='{group}'   # then, of the rule:"
                ),
                format!(
                    "aws ec2 revoke-security-group-ingress --region {region} --group-id '{group}' --security-group-rule-ids RULE"
                ),
            ],
            back: vec![format!(
                "aws ec2 authorize-security-group-ingress --region {region} --group-id '{group}' --ip-permissions RULE"
            )],
        }),
        _ => None,
    }
}

fn word(holder: &Holder) -> &'static str {
    match holder.kind {
        HolderKind::User => "user",
        HolderKind::Role => "role",
        HolderKind::Group => "group",
    }
}

fn inline(action: &Action, holder: &Holder, policy: &str, now: Time) -> Option<Commands> {
    let document = action.aim(&State::new(), now).ok()?.remove(super::DOCUMENT)?;
    let kind = word(holder);
    let whose = format!("--{kind}-name '{}' --policy-name {policy}", holder.name);
    Some(Commands {
        forth: vec![format!("aws iam put-{kind}-policy {whose} --policy-document '{document}'")],
        back: vec![format!("aws iam delete-{kind}-policy {whose}")],
    })
}

fn share(of: Shareable, resource: &str, whom: &str, region: &str, change: &str) -> String {
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
    use super::*;

    #[test]
    fn a_hostile_name_makes_no_command() {
        let quarantine = |user: &str| commands(&Action::QuarantineUser { user: user.into() }, Time(0));
        let made = quarantine("kim@x.example").unwrap();
        assert!(
            made.forth[0].starts_with("aws iam put-user-policy --user-name 'kim@x.example' --policy-name")
        );
        for hostile in ["", "kim'; rm -rf ~; '", "$(id)", "`id`", "a b", "--cli-input-json", "a\nb", "ä"] {
            assert_eq!(quarantine(hostile), None, "{hostile}");
        }
    }

    #[test]
    fn each_sort_of_share_has_its_words() {
        let unshare = |of, with: &str| {
            let action =
                Action::Unshare { of, resource: "it".into(), with: with.into(), region: "eu-west-1".into() };
            commands(&action, Time(0)).unwrap().forth[0].clone()
        };
        assert!(
            unshare(Shareable::Snapshot, "*")
                .ends_with("--attribute createVolumePermission --operation-type remove --group-names all")
        );
        assert!(unshare(Shareable::Image, "*").ends_with("--user-groups all"));
        assert!(
            unshare(Shareable::DbSnapshot, "111122223333")
                .ends_with("--attribute-name restore --values-to-remove 111122223333")
        );
    }
}
