//! Identity Center users: denied everything by a service control policy that names them by user id.

use aws_config::SdkConfig;
use aws_sdk_identitystore::types::{AlternateIdentifier, UniqueAttribute};
use trailwarden_core::settings::Directory;
use trailwarden_pipeline::ports::Trouble;
use trailwarden_response::{DENIED, Impossible, State, denying, is_denied};

use super::{malformed, one, trouble, unless_missing};

pub(super) async fn read(aws: &SdkConfig, person: &str, directory: &Directory) -> Result<State, Trouble> {
    let Some(user_id) = user_id(aws, person, directory).await? else { return Ok(State::new()) };
    let is_denied = is_denied(&document(aws, directory).await?, &user_id).map_err(unusable)?;
    Ok(one(&user_id, if is_denied { DENIED } else { "" }))
}

/// Organizations has no optimistic locking: the caller holds a lease, and the policy is read again after the write,
/// since people may edit it at the same time.
pub(super) async fn write(aws: &SdkConfig, directory: &Directory, to: &State) -> Result<(), Trouble> {
    let policies = aws_sdk_organizations::Client::new(aws);
    for (user_id, state) in to {
        let to_deny = state == DENIED;
        if to_deny && !is_attached(&policies, directory).await? {
            return Err(Trouble::Refused("the service control policy is attached to nothing".to_owned()));
        }
        let changed = denying(&document(aws, directory).await?, user_id, to_deny).map_err(unusable)?;
        let update = policies.update_policy().policy_id(&directory.policy).content(changed);
        update.send().await.map_err(trouble)?;
        if is_denied(&document(aws, directory).await?, user_id).map_err(unusable)? != to_deny {
            return Err(malformed("somebody else changed the service control policy just now"));
        }
    }
    Ok(())
}

async fn is_attached(
    policies: &aws_sdk_organizations::Client,
    directory: &Directory,
) -> Result<bool, Trouble> {
    let targets =
        policies.list_targets_for_policy().policy_id(&directory.policy).send().await.map_err(trouble)?;
    Ok(targets.targets.is_some_and(|targets| !targets.is_empty()))
}

/// A policy that only people can repair: a permanent error.
fn unusable(policy: Impossible) -> Trouble {
    Trouble::Refused(policy.to_string())
}

async fn document(aws: &SdkConfig, directory: &Directory) -> Result<String, Trouble> {
    let policies = aws_sdk_organizations::Client::new(aws);
    let answer = policies.describe_policy().policy_id(&directory.policy).send().await.map_err(trouble)?;
    Ok(answer.policy.and_then(|policy| policy.content).unwrap_or_default())
}

/// User id of a person: sessions carry the user name, events of Identity Center itself the id.
async fn user_id(aws: &SdkConfig, person: &str, directory: &Directory) -> Result<Option<String>, Trouble> {
    let name = person.rsplit('/').next().unwrap_or_default();
    if person.contains(":identitystore:") {
        return Ok(Some(name.to_owned()));
    }
    let attribute = UniqueAttribute::builder().attribute_path("userName").attribute_value(name.into());
    let wanted = AlternateIdentifier::UniqueAttribute(attribute.build().map_err(malformed)?);
    let ask = aws_sdk_identitystore::Client::new(aws).get_user_id().identity_store_id(&directory.store);
    let answer = ask.alternate_identifier(wanted).send().await;
    Ok(unless_missing(answer, &["ResourceNotFoundException"])?.map(|answer| answer.user_id))
}
