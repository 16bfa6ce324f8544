//! Extraction of the resources that a call accesses, as ARNs.

use trailwarden_core::settings::{Facts, Protected};
use trailwarden_core::{
    catalog::{Call, strings},
    event::Event,
};

/// Services whose resources an organisation may declare as protected.
const KEEPERS: &[&str] = &[
    "s3",
    "dynamodb",
    "secretsmanager",
    "ssm",
    "rds",
    "kms",
    "rds-data",
    "redshift-data",
    "athena",
    "glue",
    "ebs",
    "ec2",
    "backup",
    "elasticfilesystem",
    "sqs",
    "sns",
    "kinesis",
    "lambda",
    "logs",
    "bedrock",
    "es",
    "opensearch",
];

/// Protected resources that a call accesses, with the ARN it names.
pub(super) fn protected<'f>(event: &Event<'_>, facts: &'f Facts) -> Vec<(&'f Protected, String)> {
    // A service acting on a principal's behalf, and a call that only reads configuration, access no data.
    if facts.protected.is_empty()
        || !KEEPERS.contains(&event.service())
        || !event.identity.invoked_by.is_empty()
        || is_about_settings(event)
    {
        return Vec::new();
    }
    let touched = resources(event);
    let of = |rule: &'f Protected| touched.iter().find(|arn| rule.covers(arn)).map(|arn| (rule, arn.clone()));
    facts.protected.iter().filter_map(of).collect()
}

/// Calls that read data, not configuration.
const READS: &[&str] = &[
    "GetObject",
    "GetObjectVersion",
    "SelectObjectContent",
    "ListObjects",
    "ListObjectsV2",
    "ListObjectVersions",
    "GetItem",
    "BatchGetItem",
    "Query",
    "Scan",
    "ExecuteStatement",
    "BatchExecuteStatement",
    "GetSecretValue",
    "BatchGetSecretValue",
    "GetParameter",
    "GetParameters",
    "GetParametersByPath",
    "GetParameterHistory",
    "Decrypt",
    "ReEncrypt",
    "GenerateDataKey",
    "GetSnapshotBlock",
    "ListSnapshotBlocks",
    "GetRecords",
    "ReceiveMessage",
    "GetQueryResults",
    "GetStatementResult",
    "GetLogEvents",
    "FilterLogEvents",
    "GetFunction",
];

fn is_about_settings(event: &Event<'_>) -> bool {
    let name = &*event.event_name;
    let asks = ["Get", "List", "Describe", "Head"].iter().any(|verb| name.starts_with(verb));
    asks && !READS.contains(&name)
}

/// ARNs that CloudTrail lists or the parameters contain, and ARNs built from names in the parameters.
fn resources(event: &Event<'_>) -> Vec<String> {
    let mut arns = event.resource_arns();
    let call = Call::new(event);
    arns.extend(
        strings(&call.parameters).into_iter().filter(|text| text.starts_with("arn:")).map(str::to_owned),
    );
    let (region, account) = (&event.aws_region, &event.account_id);
    let mut add = |key: &str, arn: &dyn Fn(&str) -> String| {
        let name = call.text(&[key]);
        if !name.is_empty() && !name.starts_with("arn:") {
            arns.push(arn(name));
        }
    };
    match event.service() {
        "s3" => {
            let key = call.text(&["key"]);
            add("bucketName", &|bucket| format!("arn:aws:s3:::{bucket}"));
            if !key.is_empty() {
                add("bucketName", &|bucket| format!("arn:aws:s3:::{bucket}/{key}"));
            }
        }
        "dynamodb" => add("tableName", &|name| format!("arn:aws:dynamodb:{region}:{account}:table/{name}")),
        "secretsmanager" => {
            // A secret's ARN ends in six random characters, which a call by name does not contain.
            add("secretId", &|name| format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}"));
            add("secretId", &|name| {
                format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-??????")
            });
        }
        "ssm" => add("name", &|name| {
            format!("arn:aws:ssm:{region}:{account}:parameter/{}", name.trim_start_matches('/'))
        }),
        "rds" => {
            add("dBInstanceIdentifier", &|name| format!("arn:aws:rds:{region}:{account}:db:{name}"));
            add("dBClusterIdentifier", &|name| format!("arn:aws:rds:{region}:{account}:cluster:{name}"));
            add("dBClusterSnapshotIdentifier", &|name| {
                format!("arn:aws:rds:{region}:{account}:cluster-snapshot:{name}")
            });
            add("dBSnapshotIdentifier", &|name| format!("arn:aws:rds:{region}:{account}:snapshot:{name}"));
        }
        "kms" => add("keyId", &|name| format!("arn:aws:kms:{region}:{account}:key/{name}")),
        "ec2" | "ebs" => add("snapshotId", &|name| format!("arn:aws:ec2:{region}:{account}:snapshot/{name}")),
        _ => {}
    }
    arns
}
