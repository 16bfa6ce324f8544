//! Request parameters of calls, as the services write them, from the resources of the account.

use serde_json::{Value, json};

use crate::{
    draw::Draw,
    record::{Call, call},
    world::Account,
};

/// An everyday call with plausible parameters. `favourites` is the offset of this caller's own resources in
/// the account's lists.
pub(crate) fn everyday(
    api: &str,
    account: &Account,
    region: &str,
    favourites: usize,
    draw: &mut Draw,
) -> Call {
    let mut own = Own { account, region, favourites, draw };
    let (service, name) = api.split_once(':').unwrap_or_default();
    let parameters = of_identities(service, name, &mut own)
        .or_else(|| of_machines(service, name, &mut own))
        .or_else(|| of_data(service, name, &mut own));
    call(api).with(parameters.unwrap_or_default())
}

/// A caller's resources in its account.
struct Own<'o> {
    account: &'o Account,
    region: &'o str,
    favourites: usize,
    draw: &'o mut Draw,
}

impl Own<'_> {
    /// One of the caller's own entries in a list.
    fn one(&mut self, list: &[String]) -> String {
        let at = self.favourites + self.draw.favourite(&[0usize, 1, 2]);
        list[at % list.len()].clone()
    }

    fn hex(&mut self, length: usize) -> String {
        self.draw.hex(length)
    }

    fn pick<'l>(&mut self, list: &[&'l str]) -> &'l str {
        let at = self.draw.count(0, list.len());
        list[at]
    }
}

/// Parameters for users, roles and policies.
fn of_identities(service: &str, name: &str, own: &mut Own<'_>) -> Option<Value> {
    let things = &own.account.things;
    let bucket = own.one(&things.buckets);
    Some(match (service, name) {
        ("iam", "GetRole" | "ListAttachedRolePolicies" | "ListRolePolicies" | "DeleteRole") => {
            json!({"roleName": own.one(&things.roles)})
        }
        (
            "iam",
            "GetUser"
            | "ListAccessKeys"
            | "CreateAccessKey"
            | "ListUserPolicies"
            | "ListAttachedUserPolicies"
            | "ListGroupsForUser",
        ) => json!({"userName": own.one(&things.users)}),
        ("iam", "CreateRole") => {
            json!({"roleName": format!("svc-{}-{}", own.one(&things.roles), own.hex(4)), "path": "/", "assumeRolePolicyDocument": service_trust(["lambda", "ecs-tasks", "ec2", "states"][own.draw.count(0, 4)])})
        }
        ("iam", "AttachRolePolicy") => {
            json!({"roleName": format!("svc-{}", own.hex(4)), "policyArn": format!("arn:aws:iam::aws:policy/{}", own.pick(&["AmazonS3ReadOnlyAccess", "CloudWatchAgentServerPolicy", "service-role/AWSLambdaBasicExecutionRole", "AmazonSSMManagedInstanceCore"]))})
        }
        ("iam", "DetachRolePolicy") => {
            json!({"roleName": format!("svc-{}", own.hex(4)), "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"})
        }
        ("iam", "PutRolePolicy") => {
            json!({"roleName": format!("svc-{}", own.hex(4)), "policyName": "access", "policyDocument": narrow_policy(&bucket)})
        }
        ("iam", "CreatePolicy") => {
            json!({"policyName": format!("p-{}", own.hex(6)), "policyDocument": narrow_policy(&bucket)})
        }
        ("iam", "CreatePolicyVersion") => {
            json!({"policyArn": format!("arn:aws:iam::{}:policy/app", own.account.id), "policyDocument": narrow_policy(&bucket), "setAsDefault": true})
        }
        ("iam", "CreateUser") => json!({"userName": format!("new.{}", own.hex(5))}),
        ("iam", "AddUserToGroup" | "RemoveUserFromGroup") => {
            json!({"groupName": own.one(&things.groups), "userName": format!("new.{}", own.hex(5))})
        }
        ("iam", "DeleteUser" | "DeleteLoginProfile") => json!({"userName": format!("old.{}", own.hex(5))}),
        ("iam", "CreateLoginProfile") => {
            json!({"userName": format!("new.{}", own.hex(5)), "passwordResetRequired": true})
        }
        ("iam", "DeactivateMFADevice") => {
            json!({"userName": format!("staff.{}", own.hex(5)), "serialNumber": "arn:aws:iam::1:mfa/x"})
        }
        ("sso", "CreateAccountAssignment") => {
            json!({"instanceArn": "arn:aws:sso:::instance/ssoins-1", "targetId": own.account.id, "targetType": "AWS_ACCOUNT", "permissionSetArn": format!("arn:aws:sso:::permissionSet/ssoins-1/ps-{}", own.hex(16)), "principalType": "USER", "principalId": own.draw.uuid()})
        }
        _ => return None,
    })
}

/// Parameters for machines, functions, databases and operations.
fn of_machines(service: &str, name: &str, own: &mut Own<'_>) -> Option<Value> {
    let things = &own.account.things;
    Some(match (service, name) {
        ("lambda", "ListFunctions20150331") => json!({"maxItems": 50}),
        ("lambda", _) => json!({"functionName": own.one(&things.functions)}),
        ("ssm", "GetParameter") => json!({"name": own.one(&things.parameters), "withDecryption": true}),
        ("ssm", "GetParameters") => json!({"names": [own.one(&things.parameters)], "withDecryption": true}),
        ("ssm", "StartSession") => json!({"target": own.one(&things.instances)}),
        ("ssm", "SendCommand") => {
            json!({"documentName": "AWS-RunPatchBaseline", "targets": [{"key": "tag:Patch", "values": ["weekly"]}]})
        }
        ("rds", "CreateDBSnapshot") => {
            json!({"dBInstanceIdentifier": own.one(&things.databases), "dBSnapshotIdentifier": format!("manual-{}", own.hex(6))})
        }
        ("rds", "DeleteDBSnapshot") => json!({"dBSnapshotIdentifier": format!("manual-{}", own.hex(6))}),
        ("rds", "ModifyDBInstance") => {
            json!({"dBInstanceIdentifier": own.one(&things.databases), "allocatedStorage": 200, "applyImmediately": true})
        }
        ("rds", "RestoreDBInstanceFromDBSnapshot") => {
            json!({"dBInstanceIdentifier": format!("restore-{}", own.hex(5)), "dBSnapshotIdentifier": "rds:nightly", "deletionProtection": false, "publiclyAccessible": false})
        }
        ("ec2", "DescribeInstances") => json!({"instancesSet": {}, "filterSet": {}}),
        ("ec2", "StartInstances" | "StopInstances" | "RebootInstances") => {
            json!({"instancesSet": {"items": [{"instanceId": own.one(&things.instances)}]}})
        }
        ("ec2", "RunInstances") => {
            json!({"instancesSet": {"items": [{"imageId": format!("ami-{}", own.hex(17)), "minCount": 1, "maxCount": 1}]}, "instanceType": own.pick(&["t3.micro", "t3.medium", "m6i.large"])})
        }
        ("ec2", "TerminateInstances") => {
            json!({"instancesSet": {"items": [{"instanceId": format!("i-{}", own.hex(17))}]}})
        }
        ("ec2", "CreateSnapshot") => {
            json!({"volumeId": format!("vol-{}", own.hex(17)), "description": "before the change"})
        }
        ("ec2", "DeleteSnapshot") => json!({"snapshotId": format!("snap-{}", own.hex(17))}),
        ("ec2", "CreateSecurityGroup") => {
            json!({"groupName": format!("sg-{}", own.hex(6)), "groupDescription": "managed", "vpcId": "vpc-0a1b2c3d4e5f60718"})
        }
        ("ec2", "AuthorizeSecurityGroupIngress") => {
            json!({"groupId": format!("sg-{}", own.hex(17)), "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "ipRanges": {"items": [{"cidrIp": "10.20.0.0/16"}]}}]}})
        }
        ("logs", "FilterLogEvents" | "StartQuery") => {
            json!({"logGroupName": format!("/aws/lambda/{}", own.one(&things.functions))})
        }
        ("ecr", _) => json!({"repositoryName": own.one(&things.functions)}),
        _ => return None,
    })
}

/// Parameters for data, secrets and keys.
fn of_data(service: &str, name: &str, own: &mut Own<'_>) -> Option<Value> {
    let (things, region) = (&own.account.things, own.region);
    let bucket = own.one(&things.buckets);
    Some(match (service, name) {
        ("s3", "ListBuckets") => return None,
        ("s3", name) if name.contains("Object") => {
            let key = format!("{}/{}.parquet", own.pick(&["daily", "raw", "in", "out"]), own.hex(8));
            json!({"bucketName": bucket, "key": key, "Host": format!("{bucket}.s3.{region}.amazonaws.com")})
        }
        ("s3", _) => json!({"bucketName": bucket, "Host": format!("{bucket}.s3.{region}.amazonaws.com")}),
        ("secretsmanager", "ListSecrets") => json!({"maxResults": 100}),
        ("secretsmanager", _) => json!({"secretId": own.one(&things.secrets)}),
        ("dynamodb", _) => json!({"tableName": own.one(&things.tables)}),
        ("kms", "Decrypt" | "GenerateDataKey" | "Encrypt" | "DescribeKey") => {
            json!({"keyId": format!("arn:aws:kms:{region}:{}:key/{}", own.account.id, own.one(&things.keys))})
        }
        ("athena", "StartQueryExecution") => json!({"queryString": "***OMITTED***", "workGroup": "primary"}),
        ("kinesis", _) => json!({"streamName": own.one(&things.tables)}),
        ("sqs", _) => {
            json!({"queueUrl": format!("https://sqs.{region}.amazonaws.com/{}/{}", own.account.id, own.one(&things.functions))})
        }
        _ => return None,
    })
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

/// A policy that allows everything.
pub(crate) fn all_rights() -> String {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        .to_string()
}
