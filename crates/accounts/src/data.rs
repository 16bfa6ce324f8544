//! Access to data: shares of EC2 and RDS snapshots and images, public access of S3 buckets, and ingress rules.

use aws_config::SdkConfig;
use aws_sdk_ec2::types::{
    Filter, ImageAttributeName, IpPermission, IpRange, Ipv6Range, LaunchPermission,
    LaunchPermissionModifications, OperationType, PermissionGroup, SecurityGroupRule, SnapshotAttributeName,
};
use aws_sdk_s3::types::PublicAccessBlockConfiguration;
use trailwarden_pipeline::ports::Trouble;
use trailwarden_response::{Resource, SWITCHES, Shareable, State};

use super::{beyond, is_on, trouble, unless_missing};

/// Name for everybody in EC2 and RDS.
const ALL: &str = "all";
/// RDS attribute of the accounts that may restore a snapshot.
const RESTORE: &str = "restore";

pub(super) async fn read(aws: &SdkConfig, resource: &Resource) -> Result<State, Trouble> {
    match resource {
        Resource::Shares { of: Shareable::Snapshot, resource, .. } => {
            let asked = aws_sdk_ec2::Client::new(aws).describe_snapshot_attribute().snapshot_id(resource);
            let asked = asked.attribute(SnapshotAttributeName::CreateVolumePermission);
            let shares = asked.send().await.map_err(trouble)?.create_volume_permissions.unwrap_or_default();
            Ok(shares.into_iter().map(|share| sharer(share.user_id, share.group)).collect())
        }
        Resource::Shares { of: Shareable::Image, resource, .. } => {
            let asked = aws_sdk_ec2::Client::new(aws).describe_image_attribute().image_id(resource);
            let asked = asked.attribute(ImageAttributeName::LaunchPermission);
            let shares = asked.send().await.map_err(trouble)?.launch_permissions.unwrap_or_default();
            Ok(shares.into_iter().map(|share| sharer(share.user_id, share.group)).collect())
        }
        Resource::Shares { of, resource, .. } => database_shares(aws, *of, resource).await,
        Resource::PublicAccess { bucket, .. } => {
            let asked = aws_sdk_s3::Client::new(aws).get_public_access_block().bucket(bucket).send().await;
            let answer = unless_missing(asked, &["NoSuchPublicAccessBlockConfiguration"])?;
            let switches = answer.and_then(|answer| answer.public_access_block_configuration);
            let switches = switches.map(|is| {
                [
                    is.block_public_acls,
                    is.block_public_policy,
                    is.ignore_public_acls,
                    is.restrict_public_buckets,
                ]
            });
            let entries = SWITCHES.into_iter().zip(switches.into_iter().flatten());
            Ok(entries.map(|(name, is)| (name.to_owned(), is.unwrap_or_default().to_string())).collect())
        }
        Resource::Ingress { group, .. } => {
            let groups = Filter::builder().name("group-id").values(group).build();
            let asked = aws_sdk_ec2::Client::new(aws).describe_security_group_rules().filters(groups);
            let mut pages = asked.into_paginator().items().send();
            let mut state = State::new();
            while let Some(rule) = pages.next().await {
                state.extend(entry(&rule.map_err(trouble)?));
            }
            Ok(state)
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
    match resource {
        Resource::Shares { of, resource, .. } => {
            let names = |entries: Vec<(&String, &String)>| -> Vec<String> {
                entries.into_iter().map(|(name, _)| name.clone()).collect()
            };
            let [ended, begun] = [names(beyond(from, to).collect()), names(beyond(to, from).collect())];
            match of {
                Shareable::Snapshot => snapshot(aws, resource, ended, begun).await,
                Shareable::Image => image(aws, resource, &ended, &begun).await,
                Shareable::DbSnapshot | Shareable::DbClusterSnapshot => {
                    database(aws, *of, resource, ended, begun).await
                }
            }
        }
        Resource::PublicAccess { bucket, .. } if to.is_empty() => {
            let delete = aws_sdk_s3::Client::new(aws).delete_public_access_block().bucket(bucket);
            delete.send().await.map(drop).map_err(trouble)
        }
        Resource::PublicAccess { bucket, .. } => {
            let [acls, policy, ignore, restrict] = SWITCHES.map(|name| is_on(to, name));
            let block = PublicAccessBlockConfiguration::builder()
                .block_public_acls(acls)
                .block_public_policy(policy)
                .ignore_public_acls(ignore)
                .restrict_public_buckets(restrict)
                .build();
            let put = aws_sdk_s3::Client::new(aws).put_public_access_block().bucket(bucket);
            put.public_access_block_configuration(block).send().await.map(drop).map_err(trouble)
        }
        Resource::Ingress { group, .. } => {
            let ec2 = aws_sdk_ec2::Client::new(aws);
            for (rule, _) in beyond(from, to) {
                let revoke = ec2.revoke_security_group_ingress().group_id(group);
                revoke.ip_permissions(permission(rule, None)?).send().await.map_err(trouble)?;
            }
            for (rule, description) in beyond(to, from) {
                let authorize = ec2.authorize_security_group_ingress().group_id(group);
                let permission = permission(rule, Some(description))?;
                authorize.ip_permissions(permission).send().await.map_err(trouble)?;
            }
            Ok(())
        }
        _ => Err(unknown()),
    }
}

fn sharer(account: Option<String>, group: Option<PermissionGroup>) -> (String, String) {
    (
        account.unwrap_or_else(|| group.map_or(ALL.to_owned(), |group| group.as_str().to_owned())),
        String::new(),
    )
}

async fn snapshot(aws: &SdkConfig, id: &str, ended: Vec<String>, begun: Vec<String>) -> Result<(), Trouble> {
    let ec2 = aws_sdk_ec2::Client::new(aws);
    for (operation, whom) in [(OperationType::Remove, ended), (OperationType::Add, begun)] {
        for name in whom {
            let modify = ec2
                .modify_snapshot_attribute()
                .snapshot_id(id)
                .attribute(SnapshotAttributeName::CreateVolumePermission)
                .operation_type(operation.clone());
            let modify = if name == ALL { modify.group_names(name) } else { modify.user_ids(name) };
            modify.send().await.map_err(trouble)?;
        }
    }
    Ok(())
}

async fn image(aws: &SdkConfig, id: &str, ended: &[String], begun: &[String]) -> Result<(), Trouble> {
    let permission = |name: &String| {
        let permission = LaunchPermission::builder();
        if name == ALL { permission.group(PermissionGroup::All) } else { permission.user_id(name) }.build()
    };
    let modifications = LaunchPermissionModifications::builder()
        .set_remove(Some(ended.iter().map(permission).collect()))
        .set_add(Some(begun.iter().map(permission).collect()))
        .build();
    let modify = aws_sdk_ec2::Client::new(aws).modify_image_attribute().image_id(id);
    modify.launch_permission(modifications).send().await.map(drop).map_err(trouble)
}

async fn database_shares(aws: &SdkConfig, of: Shareable, id: &str) -> Result<State, Trouble> {
    let rds = aws_sdk_rds::Client::new(aws);
    let values: Vec<String> = if of == Shareable::DbSnapshot {
        let asked = rds.describe_db_snapshot_attributes().db_snapshot_identifier(id).send().await;
        let answer = asked.map_err(trouble)?.db_snapshot_attributes_result;
        let attributes = answer.and_then(|answer| answer.db_snapshot_attributes).unwrap_or_default();
        let restore = attributes.into_iter().find(|one| one.attribute_name.as_deref() == Some(RESTORE));
        restore.and_then(|restore| restore.attribute_values).unwrap_or_default()
    } else {
        let asked = rds.describe_db_cluster_snapshot_attributes().db_cluster_snapshot_identifier(id);
        let answer = asked.send().await.map_err(trouble)?.db_cluster_snapshot_attributes_result;
        let attributes = answer.and_then(|answer| answer.db_cluster_snapshot_attributes).unwrap_or_default();
        let restore = attributes.into_iter().find(|one| one.attribute_name.as_deref() == Some(RESTORE));
        restore.and_then(|restore| restore.attribute_values).unwrap_or_default()
    };
    Ok(values.into_iter().map(|value| (value, String::new())).collect())
}

async fn database(
    aws: &SdkConfig,
    of: Shareable,
    id: &str,
    ended: Vec<String>,
    begun: Vec<String>,
) -> Result<(), Trouble> {
    let rds = aws_sdk_rds::Client::new(aws);
    let some = |names: Vec<String>| (!names.is_empty()).then_some(names);
    if of == Shareable::DbSnapshot {
        let modify = rds.modify_db_snapshot_attribute().db_snapshot_identifier(id).attribute_name(RESTORE);
        let modify = modify.set_values_to_remove(some(ended)).set_values_to_add(some(begun));
        modify.send().await.map(drop).map_err(trouble)
    } else {
        let modify = rds.modify_db_cluster_snapshot_attribute().db_cluster_snapshot_identifier(id);
        let modify = modify.attribute_name(RESTORE).set_values_to_remove(some(ended));
        modify.set_values_to_add(some(begun)).send().await.map(drop).map_err(trouble)
    }
}

/// State entry of an ingress rule, for example `tcp 22-22 0.0.0.0/0`, and its description; `None` for egress rules and
/// for rules whose source is no address range.
fn entry(rule: &SecurityGroupRule) -> Option<(String, String)> {
    let range =
        rule.cidr_ipv4.as_ref().or(rule.cidr_ipv6.as_ref()).filter(|_| rule.is_egress != Some(true))?;
    let ports = match (rule.from_port, rule.to_port) {
        (Some(from), Some(to)) if from >= 0 => format!("{from}-{to}"),
        _ => "all".to_owned(),
    };
    let protocol = rule.ip_protocol.as_deref().unwrap_or("-1");
    Some((format!("{protocol} {ports} {range}"), rule.description.clone().unwrap_or_default()))
}

fn permission(entry: &str, description: Option<&str>) -> Result<IpPermission, Trouble> {
    let mut parts = entry.split(' ');
    let (Some(protocol), Some(span), Some(range)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(unknown());
    };
    let mut permission = IpPermission::builder().ip_protocol(protocol);
    if let Some((from, to)) = span.split_once('-') {
        permission = permission.set_from_port(from.parse().ok()).set_to_port(to.parse().ok());
    }
    let description = description.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(if range.contains(':') {
        permission.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(range).set_description(description).build())
    } else {
        permission.ip_ranges(IpRange::builder().cidr_ip(range).set_description(description).build())
    }
    .build())
}

fn unknown() -> Trouble {
    Trouble::Refused("nobody knows how".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_read_and_written_back() {
        for (entry, from) in [("tcp 22-22 0.0.0.0/0", Some(22)), ("-1 all ::/0", None)] {
            let permission = permission(entry, Some("ssh")).unwrap();
            assert_eq!(permission.from_port, from);
            let range = permission.ip_ranges.iter().flatten().find_map(|range| range.cidr_ip.clone());
            let other = permission.ipv6_ranges.iter().flatten().find_map(|range| range.cidr_ipv6.clone());
            let rule = SecurityGroupRule::builder()
                .set_ip_protocol(permission.ip_protocol)
                .set_from_port(permission.from_port)
                .set_to_port(permission.to_port)
                .set_cidr_ipv4(range)
                .set_cidr_ipv6(other)
                .description("ssh")
                .build();
            assert_eq!(super::entry(&rule), Some((entry.to_owned(), "ssh".to_owned())));
        }
        assert!(permission("nonsense", None).is_err());
    }
}
