//! IAM users, roles and groups: keys, passwords, inline and managed policies, policy versions and trust policies.

use aws_config::SdkConfig;
use aws_sdk_iam::{
    Client,
    types::{StatusType, Tag},
};
use percent_encoding::percent_decode_str;
use trailwarden_pipeline::ports::{Identity, Trouble};
use trailwarden_response::{DOCUMENT, Holder, HolderKind, Resource, State};

use super::{beyond, malformed, one, trouble, unless_missing};

const MISSING: &[&str] = &["NoSuchEntity", "NoSuchEntityException"];

pub(super) async fn identity(aws: &SdkConfig, holder: &Holder) -> Result<Identity, Trouble> {
    let (iam, name) = (Client::new(aws), &holder.name);
    let (arn, tags) = match holder.kind {
        HolderKind::User => {
            let answer = iam.get_user().user_name(name).send().await.map_err(trouble)?;
            answer.user.map(|user| (user.arn, user.tags)).unwrap_or_default()
        }
        HolderKind::Role => {
            let answer = iam.get_role().role_name(name).send().await.map_err(trouble)?;
            answer.role.map(|role| (role.arn, role.tags)).unwrap_or_default()
        }
        // Groups have no tags.
        HolderKind::Group => {
            let answer = iam.get_group().group_name(name).send().await.map_err(trouble)?;
            answer.group.map(|group| (group.arn, None)).unwrap_or_default()
        }
    };
    let tags = tags.unwrap_or_default().into_iter().map(|Tag { key, value, .. }| (key, value)).collect();
    Ok(Identity { arn, tags })
}

pub(super) async fn read(aws: &SdkConfig, resource: &Resource) -> Result<State, Trouble> {
    let iam = Client::new(aws);
    match resource {
        Resource::Keys { user, since } => {
            let mut pages = iam.list_access_keys().user_name(user).into_paginator().items().send();
            let mut state = State::new();
            while let Some(key) = pages.next().await {
                let key = key.map_err(trouble)?;
                let made = key.create_date.map_or(0, |date| date.secs());
                if since.is_none_or(|since| made >= since.0) {
                    let status = key.status.map(|status| status.as_str().to_owned());
                    state.insert(key.access_key_id.unwrap_or_default(), status.unwrap_or_default());
                }
            }
            Ok(state)
        }
        Resource::Password { user } => {
            let answer = unless_missing(iam.get_login_profile().user_name(user).send().await, MISSING)?;
            Ok(answer.map(|_| one("password", "set")).unwrap_or_default())
        }
        Resource::InlinePolicy { holder, policy } => Ok(match inline(&iam, holder, policy).await? {
            Some(document) => one(DOCUMENT, decoded(&document)?),
            None => State::new(),
        }),
        Resource::Attached { holder } => attached(&iam, holder).await,
        Resource::Versions { policy } => {
            let mut state = State::new();
            let mut pages = iam.list_policy_versions().policy_arn(policy).into_paginator().items().send();
            while let Some(version) = pages.next().await {
                let version = version.map_err(trouble)?;
                let is = if version.is_default_version { "default" } else { "" };
                state.insert(version.version_id.unwrap_or_default(), is.to_owned());
            }
            Ok(state)
        }
        Resource::Trust { role } => {
            let answer = unless_missing(iam.get_role().role_name(role).send().await, MISSING)?;
            let trust = answer.and_then(|answer| answer.role?.assume_role_policy_document);
            trust.map(|trust| Ok(one(DOCUMENT, decoded(&trust)?))).transpose().map(Option::unwrap_or_default)
        }
        _ => Err(unknown()),
    }
}

pub(super) async fn write(
    aws: &SdkConfig,
    resource: &Resource,
    from: &State,
    to: &State,
) -> Result<(), Trouble> {
    let iam = Client::new(aws);
    match resource {
        Resource::Keys { user, .. } => {
            for (key, status) in beyond(to, from) {
                let update = iam.update_access_key().user_name(user).access_key_id(key);
                update.status(StatusType::from(status.as_str())).send().await.map_err(trouble)?;
            }
        }
        Resource::Password { user } if to.is_empty() => {
            unless_missing(iam.delete_login_profile().user_name(user).send().await, MISSING)?;
        }
        Resource::Password { .. } => {
            return Err(Trouble::Refused("nobody can put a password back".to_owned()));
        }
        Resource::InlinePolicy { holder, policy } => match to.get(DOCUMENT) {
            Some(document) => put(&iam, holder, policy, document).await?,
            None => delete(&iam, holder, policy).await?,
        },
        Resource::Attached { holder } => {
            for (arn, _) in beyond(from, to) {
                detach(&iam, holder, arn).await?;
            }
            for (arn, _) in beyond(to, from) {
                attach(&iam, holder, arn).await?;
            }
        }
        Resource::Versions { policy } => {
            if let Some((version, _)) = to.iter().find(|(_, is)| *is == "default") {
                let set = iam.set_default_policy_version().policy_arn(policy).version_id(version);
                set.send().await.map_err(trouble)?;
            }
        }
        Resource::Trust { role } => {
            let document = to.get(DOCUMENT).ok_or_else(unknown)?;
            let update = iam.update_assume_role_policy().role_name(role).policy_document(document);
            update.send().await.map_err(trouble)?;
        }
        _ => return Err(unknown()),
    }
    Ok(())
}

fn unknown() -> Trouble {
    Trouble::Refused("nobody knows how".to_owned())
}

/// Decodes a policy document, which IAM percent-encodes.
fn decoded(document: &str) -> Result<String, Trouble> {
    percent_decode_str(document).decode_utf8().map(Into::into).map_err(malformed)
}

async fn inline(iam: &Client, holder: &Holder, policy: &str) -> Result<Option<String>, Trouble> {
    let name = &holder.name;
    Ok(match holder.kind {
        HolderKind::User => {
            let call = iam.get_user_policy().user_name(name).policy_name(policy);
            unless_missing(call.send().await, MISSING)?.map(|answer| answer.policy_document)
        }
        HolderKind::Role => {
            let call = iam.get_role_policy().role_name(name).policy_name(policy);
            unless_missing(call.send().await, MISSING)?.map(|answer| answer.policy_document)
        }
        HolderKind::Group => {
            let call = iam.get_group_policy().group_name(name).policy_name(policy);
            unless_missing(call.send().await, MISSING)?.map(|answer| answer.policy_document)
        }
    })
}

async fn put(iam: &Client, holder: &Holder, policy: &str, document: &str) -> Result<(), Trouble> {
    let name = &holder.name;
    match holder.kind {
        HolderKind::User => {
            let call = iam.put_user_policy().user_name(name).policy_name(policy).policy_document(document);
            call.send().await.map(drop).map_err(trouble)
        }
        HolderKind::Role => {
            let call = iam.put_role_policy().role_name(name).policy_name(policy).policy_document(document);
            call.send().await.map(drop).map_err(trouble)
        }
        HolderKind::Group => {
            let call = iam.put_group_policy().group_name(name).policy_name(policy).policy_document(document);
            call.send().await.map(drop).map_err(trouble)
        }
    }
}

async fn delete(iam: &Client, holder: &Holder, policy: &str) -> Result<(), Trouble> {
    let name = &holder.name;
    match holder.kind {
        HolderKind::User => {
            let call = iam.delete_user_policy().user_name(name).policy_name(policy);
            unless_missing(call.send().await, MISSING).map(drop)
        }
        HolderKind::Role => {
            let call = iam.delete_role_policy().role_name(name).policy_name(policy);
            unless_missing(call.send().await, MISSING).map(drop)
        }
        HolderKind::Group => {
            let call = iam.delete_group_policy().group_name(name).policy_name(policy);
            unless_missing(call.send().await, MISSING).map(drop)
        }
    }
}

async fn attached(iam: &Client, holder: &Holder) -> Result<State, Trouble> {
    let name = &holder.name;
    let mut found = Vec::new();
    match holder.kind {
        HolderKind::User => {
            let mut pages = iam.list_attached_user_policies().user_name(name).into_paginator().items().send();
            while let Some(policy) = pages.next().await {
                found.push(policy.map_err(trouble)?);
            }
        }
        HolderKind::Role => {
            let mut pages = iam.list_attached_role_policies().role_name(name).into_paginator().items().send();
            while let Some(policy) = pages.next().await {
                found.push(policy.map_err(trouble)?);
            }
        }
        HolderKind::Group => {
            let mut pages =
                iam.list_attached_group_policies().group_name(name).into_paginator().items().send();
            while let Some(policy) = pages.next().await {
                found.push(policy.map_err(trouble)?);
            }
        }
    }
    let entry = |policy: aws_sdk_iam::types::AttachedPolicy| Some((policy.policy_arn?, policy.policy_name?));
    Ok(found.into_iter().filter_map(entry).collect())
}

async fn detach(iam: &Client, holder: &Holder, arn: &str) -> Result<(), Trouble> {
    let name = &holder.name;
    match holder.kind {
        HolderKind::User => {
            let call = iam.detach_user_policy().user_name(name).policy_arn(arn);
            unless_missing(call.send().await, MISSING).map(drop)
        }
        HolderKind::Role => {
            let call = iam.detach_role_policy().role_name(name).policy_arn(arn);
            unless_missing(call.send().await, MISSING).map(drop)
        }
        HolderKind::Group => {
            let call = iam.detach_group_policy().group_name(name).policy_arn(arn);
            unless_missing(call.send().await, MISSING).map(drop)
        }
    }
}

async fn attach(iam: &Client, holder: &Holder, arn: &str) -> Result<(), Trouble> {
    let name = &holder.name;
    match holder.kind {
        HolderKind::User => {
            let call = iam.attach_user_policy().user_name(name).policy_arn(arn);
            call.send().await.map(drop).map_err(trouble)
        }
        HolderKind::Role => {
            let call = iam.attach_role_policy().role_name(name).policy_arn(arn);
            call.send().await.map(drop).map_err(trouble)
        }
        HolderKind::Group => {
            let call = iam.attach_group_policy().group_name(name).policy_arn(arn);
            call.send().await.map(drop).map_err(trouble)
        }
    }
}
