//! What calls name: parameters as the services write them, from the things of the account.

use serde_json::{Value, json};

use crate::{
    draw::Draw,
    record::{Call, call},
    world::Account,
};

/// An everyday call with everyday parameters: `favourites` is where in the account's lists this caller's own things begin.
pub(crate) fn everyday(
    api: &str,
    account: &Account,
    region: &str,
    favourites: usize,
    draw: &mut Draw,
) -> Call {
    let things = &account.things;
    let mut own = |list: &[String]| -> String {
        let at = favourites + draw.favourite(&[0usize, 1, 2]);
        list[at % list.len()].clone()
    };
    let bucket = own(&things.buckets);
    let named = |kind: &str, name: &str| format!("arn:aws:{kind}:{region}:{}:{name}", account.id);
    let parameters = match api.split_once(':').unwrap_or_default() {
        ("s3", "ListBuckets") => Value::Null,
        ("s3", name) if name.contains("Object") => {
            let key = format!("{}/{}.parquet", draw.pick(&["daily", "raw", "in", "out"]), draw.hex(8));
            json!({"bucketName": bucket, "key": key, "Host": format!("{bucket}.s3.{region}.amazonaws.com")})
        }
        ("s3", _) => json!({"bucketName": bucket, "Host": format!("{bucket}.s3.{region}.amazonaws.com")}),
        ("lambda", "ListFunctions20150331") => json!({"maxItems": 50}),
        ("lambda", _) => json!({"functionName": own(&things.functions)}),
        ("secretsmanager", "ListSecrets") => json!({"maxResults": 100}),
        ("secretsmanager", _) => json!({"secretId": own(&things.secrets)}),
        ("ssm", "GetParameter") => json!({"name": own(&things.parameters), "withDecryption": true}),
        ("ssm", "GetParameters") => json!({"names": [own(&things.parameters)], "withDecryption": true}),
        ("ssm", "StartSession") => json!({"target": own(&things.instances)}),
        ("ssm", "SendCommand") => {
            json!({"documentName": "AWS-RunPatchBaseline", "targets": [{"key": "tag:Patch", "values": ["weekly"]}]})
        }
        ("dynamodb", _) => json!({"tableName": own(&things.tables)}),
        ("kms", "Decrypt" | "GenerateDataKey" | "Encrypt" | "DescribeKey") => {
            json!({"keyId": named("kms", &format!("key/{}", own(&things.keys)))})
        }
        ("rds", "CreateDBSnapshot") => {
            json!({"dBInstanceIdentifier": own(&things.databases), "dBSnapshotIdentifier": format!("manual-{}", draw.hex(6))})
        }
        ("rds", "DeleteDBSnapshot") => json!({"dBSnapshotIdentifier": format!("manual-{}", draw.hex(6))}),
        ("rds", "ModifyDBInstance") => {
            json!({"dBInstanceIdentifier": own(&things.databases), "allocatedStorage": 200, "applyImmediately": true})
        }
        ("rds", "RestoreDBInstanceFromDBSnapshot") => {
            json!({"dBInstanceIdentifier": format!("restore-{}", draw.hex(5)), "dBSnapshotIdentifier": "rds:nightly", "deletionProtection": false, "publiclyAccessible": false})
        }
        ("ec2", "DescribeInstances") => json!({"instancesSet": {}, "filterSet": {}}),
        ("ec2", "StartInstances" | "StopInstances" | "RebootInstances") => {
            json!({"instancesSet": {"items": [{"instanceId": own(&things.instances)}]}})
        }
        ("ec2", "RunInstances") => {
            json!({"instancesSet": {"items": [{"imageId": format!("ami-{}", draw.hex(17)), "minCount": 1, "maxCount": 1}]}, "instanceType": draw.pick(&["t3.micro", "t3.medium", "m6i.large"])})
        }
        ("ec2", "TerminateInstances") => {
            json!({"instancesSet": {"items": [{"instanceId": format!("i-{}", draw.hex(17))}]}})
        }
        ("ec2", "CreateSnapshot") => {
            json!({"volumeId": format!("vol-{}", draw.hex(17)), "description": "before the change"})
        }
        ("ec2", "DeleteSnapshot") => json!({"snapshotId": format!("snap-{}", draw.hex(17))}),
        ("ec2", "CreateSecurityGroup") => {
            json!({"groupName": format!("sg-{}", draw.hex(6)), "groupDescription": "managed", "vpcId": "vpc-0a1b2c3d4e5f60718"})
        }
        ("ec2", "AuthorizeSecurityGroupIngress") => {
            json!({"groupId": format!("sg-{}", draw.hex(17)), "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "ipRanges": {"items": [{"cidrIp": "10.20.0.0/16"}]}}]}})
        }
        ("iam", "GetRole" | "ListAttachedRolePolicies" | "ListRolePolicies" | "DeleteRole") => {
            json!({"roleName": own(&things.roles)})
        }
        (
            "iam",
            "GetUser"
            | "ListAccessKeys"
            | "ListUserPolicies"
            | "ListAttachedUserPolicies"
            | "ListGroupsForUser",
        ) => json!({"userName": own(&things.users)}),
        ("iam", "CreateRole") => {
            json!({"roleName": format!("svc-{}-{}", own(&things.roles), draw.hex(4)), "path": "/", "assumeRolePolicyDocument": service_trust(["lambda", "ecs-tasks", "ec2", "states"][draw.count(0, 4)])})
        }
        ("iam", "AttachRolePolicy") => {
            json!({"roleName": format!("svc-{}", draw.hex(4)), "policyArn": format!("arn:aws:iam::aws:policy/{}", draw.pick(&["AmazonS3ReadOnlyAccess", "CloudWatchAgentServerPolicy", "service-role/AWSLambdaBasicExecutionRole", "AmazonSSMManagedInstanceCore"]))})
        }
        ("iam", "DetachRolePolicy") => {
            json!({"roleName": format!("svc-{}", draw.hex(4)), "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"})
        }
        ("iam", "PutRolePolicy") => {
            json!({"roleName": format!("svc-{}", draw.hex(4)), "policyName": "access", "policyDocument": narrow_policy(&bucket)})
        }
        ("iam", "CreatePolicy") => {
            json!({"policyName": format!("p-{}", draw.hex(6)), "policyDocument": narrow_policy(&bucket)})
        }
        ("iam", "CreatePolicyVersion") => {
            json!({"policyArn": format!("arn:aws:iam::{}:policy/app", account.id), "policyDocument": narrow_policy(&bucket), "setAsDefault": true})
        }
        ("iam", "PassRole") => Value::Null,
        ("iam", "CreateUser") => json!({"userName": format!("new.{}", draw.hex(5))}),
        ("iam", "AddUserToGroup" | "RemoveUserFromGroup") => {
            json!({"groupName": own(&things.groups), "userName": format!("new.{}", draw.hex(5))})
        }
        ("iam", "DeleteUser" | "DeleteLoginProfile") => json!({"userName": format!("old.{}", draw.hex(5))}),
        ("iam", "CreateLoginProfile") => {
            json!({"userName": format!("new.{}", draw.hex(5)), "passwordResetRequired": true})
        }
        ("iam", "CreateAccessKey") => json!({"userName": own(&things.users)}),
        ("iam", "DeactivateMFADevice") => {
            json!({"userName": format!("staff.{}", draw.hex(5)), "serialNumber": "arn:aws:iam::1:mfa/x"})
        }
        ("sso", "CreateAccountAssignment") => {
            json!({"instanceArn": "arn:aws:sso:::instance/ssoins-1", "targetId": account.id, "targetType": "AWS_ACCOUNT", "permissionSetArn": format!("arn:aws:sso:::permissionSet/ssoins-1/ps-{}", draw.hex(16)), "principalType": "USER", "principalId": draw.uuid()})
        }
        ("athena", "StartQueryExecution") => json!({"queryString": "***OMITTED***", "workGroup": "primary"}),
        ("logs", "FilterLogEvents" | "StartQuery") => {
            json!({"logGroupName": format!("/aws/lambda/{}", own(&things.functions))})
        }
        ("kinesis", _) => json!({"streamName": own(&things.tables)}),
        ("sqs", _) => {
            json!({"queueUrl": format!("https://sqs.{region}.amazonaws.com/{}/{}", account.id, own(&things.functions))})
        }
        ("ecr", _) => json!({"repositoryName": own(&things.functions)}),
        _ => Value::Null,
    };
    call(api).with(parameters)
}

/// A trust policy for a service.
pub(crate) fn service_trust(service: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": format!("{service}.amazonaws.com")}, "Action": "sts:AssumeRole"}]}).to_string()
}

/// A trust policy for an account.
pub(crate) fn account_trust(account: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "sts:AssumeRole"}]}).to_string()
}

fn narrow_policy(bucket: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": format!("arn:aws:s3:::{bucket}/*")}]}).to_string()
}

/// All rights.
pub(crate) fn all_rights() -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        .to_string()
}
