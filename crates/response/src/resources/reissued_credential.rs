//! New credential of an IAM user, handed over in a secret of Secrets Manager. State: `handed over` to `yes`, or nothing.

use super::{ActionSheet, ResourceSheet, always, one, password};
use crate::{Commands, Credential, Resource, Undo};

pub(crate) fn sheet(credential: Credential, user: &str) -> ResourceSheet<'_> {
    let calls: &[&str] = match credential {
        Credential::Key => &[
            "iam:ListAccessKeys",
            "iam:CreateAccessKey",
            "iam:DeleteAccessKey",
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "secretsmanager:DeleteSecret",
            // Secrets Manager calls these in the caller's name.
            "kms:GenerateDataKey",
            "kms:Decrypt",
        ],
        Credential::Password => &[
            "iam:CreateLoginProfile",
            "iam:UpdateLoginProfile",
            "secretsmanager:GetRandomPassword",
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "kms:GenerateDataKey",
            "kms:Decrypt",
        ],
    };
    ResourceSheet { name: user, calls, region: None }
}

/// Makes a new credential.
pub(crate) fn reissue<'a>(credential: Credential, user: &'a str, secret: &'a str) -> ActionSheet<'a> {
    let (text, undo) = match credential {
        Credential::Key => (
            format!("Make a new access key for {user}, handed over in the secret {secret}"),
            (Undo::Exact, "delete the new key, and its secret"),
        ),
        Credential::Password => (
            format!(
                "Give {user} a new password, handed over in the secret {secret}, to be changed at the first sign-in"
            ),
            password::UNREADABLE,
        ),
    };
    ActionSheet {
        text,
        undo,
        resource: Resource::Reissued { credential, user: user.to_owned(), secret: secret.to_owned() },
        desired: always(one("handed over", "yes")),
        commands: commands(credential, user, secret),
        names: vec![user, secret],
    }
}

/// The credential goes from one command to the next, and is printed by none.
fn commands(credential: Credential, user: &str, secret: &str) -> Commands {
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
