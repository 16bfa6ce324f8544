//! New credentials of IAM users, handed over in a secret of Secrets Manager. No log or record ever contains a
//! credential.
//!
//! An empty secret is created first, and a tag on it gets the id of a new key. If an attempt breaks off before the
//! key's secret is stored, the next one deletes that key, which nobody can use, and creates another.

use aws_config::SdkConfig;
use aws_sdk_iam::Client as Iam;
use aws_sdk_secretsmanager::{Client as Secrets, types::Tag};
use trailwarden_pipeline::ports::Trouble;
use trailwarden_response::{Credential, State};

use super::{one, trouble, unless_missing};

/// Tag of a secret that contains its credential.
const HANDED: &str = "trailwarden:handed-over";
/// Tag with the access key id.
const KEY: &str = "trailwarden:access-key";
/// Days in which a deleted secret can be restored: the minimum of Secrets Manager.
const RECOVERY: i64 = 7;
/// Length of a password in characters: more than account policies commonly require.
const LENGTH: i64 = 32;

/// Tags and deletion status of a secret.
struct Cover {
    is_handed: bool,
    is_deleted: bool,
    key: Option<String>,
}

/// State `handed over` of a credential. A key counts as handed over while it exists, even if its secret is gone since.
pub(super) async fn read(
    aws: &SdkConfig,
    credential: Credential,
    user: &str,
    secret: &str,
) -> Result<State, Trouble> {
    let Some(cover) = cover(&Secrets::new(aws), secret).await? else { return Ok(State::new()) };
    let is_there = match (credential, &cover.key) {
        (Credential::Password, _) => true,
        (Credential::Key, Some(key)) => {
            let keys = Iam::new(aws).list_access_keys().user_name(user).send().await.map_err(trouble)?;
            keys.access_key_metadata.iter().any(|known| known.access_key_id.as_deref() == Some(key))
        }
        (Credential::Key, None) => false,
    };
    Ok(if cover.is_handed && is_there { one("handed over", "yes") } else { State::new() })
}

/// Describes a secret; `None` if it does not exist.
async fn cover(secrets: &Secrets, secret: &str) -> Result<Option<Cover>, Trouble> {
    let answer = secrets.describe_secret().secret_id(secret).send().await;
    let Some(answer) = unless_missing(answer, &["ResourceNotFoundException"])? else { return Ok(None) };
    let tags = answer.tags.unwrap_or_default();
    let value = |name: &str| tags.iter().find(|tag| tag.key() == Some(name))?.value().map(str::to_owned);
    let is_deleted = answer.deleted_date.is_some();
    Ok(Some(Cover { is_handed: value(HANDED).is_some(), is_deleted, key: value(KEY) }))
}

pub(super) async fn hand_over(
    aws: &SdkConfig,
    credential: Credential,
    user: &str,
    secret: &str,
) -> Result<(), Trouble> {
    let (iam, secrets) = (Iam::new(aws), Secrets::new(aws));
    match cover(&secrets, secret).await? {
        None => {
            let create = secrets.create_secret().name(secret);
            let about =
                format!("A new credential of the IAM user {user}, to be handed over by whoever asked for it");
            create.description(about).send().await.map_err(trouble)?;
        }
        Some(Cover { key: Some(key), .. }) => delete_key(&iam, user, &key).await?,
        Some(_) => {}
    }
    let value = match credential {
        Credential::Key => new_key(&iam, &secrets, user, secret).await?,
        Credential::Password => new_password(&secrets, user).await?,
    };
    let put = secrets.put_secret_value().secret_id(secret).secret_string(value.to_string());
    if let Err(error) = put.send().await.map_err(trouble) {
        // Nobody has this key's secret, so the key is of no use and only a risk.
        if let Some(key) = value["access_key_id"].as_str() {
            delete_key(&iam, user, key).await?;
        }
        return Err(error);
    }
    if let Credential::Password = credential {
        set_password(&iam, user, value["password"].as_str().unwrap_or_default()).await?;
    }
    tag(&secrets, secret, HANDED, "yes").await
}

pub(super) async fn take_back(
    aws: &SdkConfig,
    credential: Credential,
    user: &str,
    secret: &str,
) -> Result<(), Trouble> {
    let (iam, secrets) = (Iam::new(aws), Secrets::new(aws));
    if credential == Credential::Password {
        return Err(Trouble::Refused("nobody can put a password back".to_owned()));
    }
    let Some(cover) = cover(&secrets, secret).await? else {
        return Err(Trouble::Refused(
            "its secret is gone, which knew the key: delete that in IAM".to_owned(),
        ));
    };
    if let Some(key) = &cover.key {
        delete_key(&iam, user, key).await?;
    }
    if cover.is_deleted {
        return Ok(());
    }
    let delete = secrets.delete_secret().secret_id(secret).recovery_window_in_days(RECOVERY);
    delete.send().await.map(drop).map_err(trouble)
}

async fn new_key(
    iam: &Iam,
    secrets: &Secrets,
    user: &str,
    secret: &str,
) -> Result<serde_json::Value, Trouble> {
    let made =
        iam.create_access_key().user_name(user).send().await.map_err(|error| match trouble(error) {
            Trouble::Refused(why) if why.contains("LimitExceeded") => Trouble::Refused(format!(
                "{user} has two access keys already: delete one that is not used any more"
            )),
            other => other,
        })?;
    let key = made.access_key.ok_or_else(|| Trouble::Refused("AWS made no key".to_owned()))?;
    if let Err(error) = tag(secrets, secret, KEY, &key.access_key_id).await {
        // Without the tag, no later attempt could find the key.
        delete_key(iam, user, &key.access_key_id).await?;
        return Err(error);
    }
    Ok(serde_json::json!({
        "user": user, "access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key,
    }))
}

async fn new_password(secrets: &Secrets, user: &str) -> Result<serde_json::Value, Trouble> {
    let call = secrets.get_random_password().password_length(LENGTH).require_each_included_type(true);
    let made = call.send().await.map_err(trouble)?.random_password.unwrap_or_default();
    Ok(serde_json::json!({ "user": user, "password": made }))
}

/// Sets a password that must be changed at the first sign-in.
async fn set_password(iam: &Iam, user: &str, password: &str) -> Result<(), Trouble> {
    let update = iam.update_login_profile().user_name(user).password(password).password_reset_required(true);
    let answer = unless_missing(update.send().await, &["NoSuchEntity", "NoSuchEntityException"])?;
    if answer.is_none() {
        let create =
            iam.create_login_profile().user_name(user).password(password).password_reset_required(true);
        create.send().await.map_err(trouble)?;
    }
    Ok(())
}

async fn delete_key(iam: &Iam, user: &str, key: &str) -> Result<(), Trouble> {
    let delete = iam.delete_access_key().user_name(user).access_key_id(key);
    unless_missing(delete.send().await, &["NoSuchEntity", "NoSuchEntityException"]).map(drop)
}

async fn tag(secrets: &Secrets, secret: &str, name: &str, value: &str) -> Result<(), Trouble> {
    let tag = Tag::builder().key(name).value(value).build();
    secrets.tag_resource().secret_id(secret).tags(tag).send().await.map(drop).map_err(trouble)
}
