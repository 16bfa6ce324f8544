use crate::catalog::*;
use crate::sources::{Item, Limits, read};

/// The act of a call by IAM user kim of account 111122223333.
pub(crate) fn act(source: &str, name: &str, parameters: &str) -> Option<Act> {
    act_by(r#"{"type":"IAMUser","userName":"kim","accountId":"111122223333"}"#, source, name, parameters, "")
}

fn act_by(who: &str, source: &str, name: &str, parameters: &str, error: &str) -> Option<Act> {
    let record = format!(
        r#"{{"eventSource":"{source}.amazonaws.com","eventName":"{name}","userIdentity":{who},"errorCode":"{error}","recipientAccountId":"111122223333","requestParameters":{parameters}}}"#
    );
    let mut found = None;
    read(record.as_bytes(), Limits::default(), &mut |item| {
        let Item::Event(event) = item else { panic!("not an event: {record}") };
        let kind = event.identity.principal(&event.account_id).kind;
        found = meaning(&event, call_key(event.service(), &event.event_name), kind);
    })
    .unwrap();
    found
}

#[test]
fn every_call_that_changes_something_has_an_entry() {
    let names = include_str!("../../tests/data/aws-operations.txt");
    let missing: Vec<String> = names
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| {
            let (service, names) = line.split_once(' ').unwrap();
            names
                .split(' ')
                .filter(|name| !knows(service, name))
                .map(|name| format!("{service}:{name}"))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(missing.is_empty(), "no entry for {missing:?}");
}

#[test]
fn rows_are_unique_and_name_known_techniques() {
    let mut seen = std::collections::HashSet::new();
    for row in table::ROWS {
        assert!(seen.insert((row.service, row.name)), "{}:{} twice", row.service, row.name);
        assert!(!table::is_routine(row.service, row.name), "{}:{} is routine too", row.service, row.name);
        assert!(!row.techniques.is_empty());
        for technique in row.techniques {
            assert!(
                Technique::find(technique).is_some(),
                "{}:{}: {technique} is unknown",
                row.service,
                row.name
            );
        }
    }
}

#[test]
fn what_blinds_is_urgent_and_what_is_daily_is_not() {
    let urgent: Vec<(String, &str)> = urgent_calls().collect();
    let is_urgent = |source: &str, name: &str| urgent.contains(&(source.to_owned(), name));
    assert!(
        is_urgent("cloudtrail.amazonaws.com", "StopLogging")
            && is_urgent("guardduty.amazonaws.com", "DeleteDetector")
    );
    assert!(
        !is_urgent("secretsmanager.amazonaws.com", "GetSecretValue")
            && !is_urgent("sts.amazonaws.com", "AssumeRole")
    );
}

#[test]
fn who_keeps_responses_from_somebody_blinds_us() {
    let tag = |tags: &str| act("iam", "TagUser", &format!(r#"{{"userName":"kim","tags":[{tags}]}}"#));
    let found = tag(r#"{"key":"trailwarden:protected","value":"yes"}"#).unwrap();
    assert_eq!((found.tactic, &*found.target), (Tactic::DefenseEvasion, "kim"));
    assert!(found.weight >= weight::BAD);
    for tags in [r#"{"key":"trailwarden:protected","value":"false"}"#, r#"{"key":"team","value":"web"}"#, ""]
    {
        assert!(tag(tags).is_none(), "{tags}");
    }
    let tagged = r#""tags":[{"key":"trailwarden:protected","value":"yes"}]"#;
    for (call, with) in [
        ("CreateUser", format!(r#"{{"userName":"backdoor",{tagged}}}"#)),
        ("CreateRole", format!(r#"{{"roleName":"backdoor",{tagged}}}"#)),
    ] {
        let made = act("iam", call, &with).unwrap();
        assert!(made.weight >= weight::SEVERE && made.detail.contains("every response"), "{call}: {made:?}");
        let without = act("iam", call, &with.replace(tagged, r#""path":"/""#));
        assert!(without.is_none_or(|act| act.weight <= weight::ODD), "{call}");
    }
}

#[test]
fn each_door_that_a_call_opens_is_told() {
    let door = |port: u32| {
        format!(
            r#"{{"ipProtocol":"tcp","fromPort":{port},"toPort":{port},"ipRanges":{{"items":[{{"cidrIp":"0.0.0.0/0"}}]}}}}"#
        )
    };
    let opened = |ports: &[u32]| {
        let doors: Vec<String> = ports.iter().map(|port| door(*port)).collect();
        let asked = format!(r#"{{"groupId":"sg-1","ipPermissions":{{"items":[{}]}}}}"#, doors.join(","));
        act("ec2", "AuthorizeSecurityGroupIngress", &asked).unwrap().detail.to_string()
    };
    assert_eq!(opened(&[22]), "port 22 open to everybody");
    assert_eq!(opened(&[22, 443, 3389]), "port 22, port 3389 open to everybody");
    let many = opened(&[22, 23, 135, 445, 1433, 3306, 3389]);
    assert!(many.ends_with(", and more open to everybody"), "{many}");
}

#[test]
fn a_key_for_another_is_persistence_and_for_oneself_is_not() {
    let other = act("iam", "CreateAccessKey", r#"{"userName":"lee"}"#).unwrap();
    assert_eq!((other.tactic, &*other.recipient), (Tactic::Persistence, "lee"));
    assert!(other.weight >= weight::ODD);
    assert!(
        act("iam", "CreateAccessKey", r#"{"userName":"kim"}"#).is_none_or(|act| act.weight < weight::MINOR)
    );
    assert!(act("iam", "CreateAccessKey", "null").is_none_or(|act| act.weight < weight::MINOR));
}

#[test]
fn a_key_for_root_is_critical() {
    let root = r#"{"type":"Root","accountId":"111122223333"}"#;
    assert!(act_by(root, "iam", "CreateAccessKey", "null", "").unwrap().weight >= weight::CRITICAL);
    assert!(act_by(root, "ec2", "CreateTags", "null", "").unwrap().weight >= weight::ODD);
    assert!(act_by(root, "ec2", "DescribeInstances", "null", "").is_none());
}

#[test]
fn administrators_are_told_from_others() {
    let admin = act(
        "iam",
        "AttachUserPolicy",
        r#"{"userName":"lee","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#,
    )
    .unwrap();
    assert_eq!(admin.grants, Grants::Administrator);
    let reader = act(
        "iam",
        "AttachUserPolicy",
        r#"{"userName":"lee","policyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}"#,
    )
    .unwrap();
    assert_eq!((reader.grants, reader.weight), (Grants::Access, weight::MINOR));
}

#[test]
fn a_refused_attempt_weighs_less_and_is_still_an_attempt() {
    let who = r#"{"type":"IAMUser","userName":"kim"}"#;
    let refused = act_by(who, "cloudtrail", "StopLogging", r#"{"name":"t"}"#, "AccessDenied").unwrap();
    assert!((refused.weight - weight::SEVERE * REFUSED).abs() < 1e-6);
    assert_eq!(refused.outcome, Outcome::Denied);
}

#[test]
fn sharing_outside_is_told_from_sharing_inside() {
    let outside =
        r#"{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"444455556666"}]}}}"#;
    let act_outside = act("ec2", "ModifySnapshotAttribute", outside).unwrap();
    assert_eq!((act_outside.exposure, &*act_outside.recipient), (Exposure::OtherAccount, "444455556666"));
    let inside =
        r#"{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"111122223333"}]}}}"#;
    assert!(act("ec2", "ModifySnapshotAttribute", inside).is_none());
    let removed = r#"{"snapshotId":"snap-1","createVolumePermission":{"remove":{"items":[{"userId":"444455556666"}]}}}"#;
    assert!(act("ec2", "ModifySnapshotAttribute", removed).is_none());
    let everybody = act("rds", "ModifyDBSnapshotAttribute", r#"{"valuesToAdd":["all"]}"#).unwrap();
    assert_eq!(everybody.exposure, Exposure::Public);
}

#[test]
fn firewalls_are_open_only_where_they_let_everybody_in() {
    let rule = |cidr: &str, from: u32| {
        format!(
            r#"{{"groupId":"sg-1","ipPermissions":{{"items":[{{"ipProtocol":"tcp","fromPort":{from},"toPort":{from},"ipRanges":{{"items":[{{"cidrIp":"{cidr}"}}]}}}}]}}}}"#
        )
    };
    assert!(
        act("ec2", "AuthorizeSecurityGroupIngress", &rule("0.0.0.0/0", 22)).unwrap().weight >= weight::ODD
    );
    assert!(act("ec2", "AuthorizeSecurityGroupIngress", &rule("10.0.0.0/8", 22)).is_none());
    assert!(
        act("ec2", "AuthorizeSecurityGroupIngress", &rule("0.0.0.0/0", 443)).unwrap().weight <= weight::MINOR
    );
}

#[test]
fn wrapped_and_differently_spelt_parameters_are_read() {
    let rule = r#"{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-1","SecurityGroupRule":{"SecurityGroupRule":{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIpv4":"0.0.0.0/0"}}}}"#;
    assert!(act("ec2", "ModifySecurityGroupRules", rule).unwrap().weight >= weight::ODD);
    let web = rule.replace("22", "443");
    assert!(act("ec2", "ModifySecurityGroupRules", &web).is_none_or(|act| act.weight < weight::ODD));
}

#[test]
fn strangers_are_found_wherever_a_call_names_them() {
    for (source, name, parameters) in [
        (
            "lambda",
            "AddPermission",
            r#"{"functionName":"f","principal":"s3.amazonaws.com","sourceAccount":"999988887777"}"#,
        ),
        ("ram", "CreateResourceShare", r#"{"name":"r","principals":["999988887777"]}"#),
        (
            "logs",
            "PutSubscriptionFilter",
            r#"{"logGroupName":"l","destinationArn":"arn:aws:logs:eu-west-1:999988887777:destination:d"}"#,
        ),
        (
            "events",
            "PutTargets",
            r#"{"rule":"r","targets":[{"id":"1","arn":"arn:aws:events:eu-west-1:999988887777:event-bus/default"}]}"#,
        ),
        (
            "s3",
            "PutBucketEncryption",
            r#"{"bucketName":"b","ServerSideEncryptionConfiguration":{"Rule":{"KMSMasterKeyID":"arn:aws:kms:eu-west-1:999988887777:key/k"}}}"#,
        ),
    ] {
        let found = act(source, name, parameters).unwrap_or_else(|| panic!("{source}:{name} means nothing"));
        assert!(found.weight >= weight::BAD, "{source}:{name}: {}", found.weight);
        assert!(
            act(source, name, &parameters.replace("999988887777", "111122223333")).is_none(),
            "{source}:{name} within the account"
        );
    }
}

#[test]
fn a_policy_is_found_wherever_a_service_puts_it() {
    let open = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let quoted = serde_json::to_string(open).unwrap();
    for (source, name, parameters) in [
        ("s3", "PutBucketPolicy", format!(r#"{{"bucketName":"b","bucketPolicy":{open}}}"#)),
        ("glacier", "SetVaultAccessPolicy", format!(r#"{{"vaultName":"v","policy":{{"policy":{quoted}}}}}"#)),
        ("sqs", "SetQueueAttributes", format!(r#"{{"queueUrl":"q","attributes":{{"Policy":{quoted}}}}}"#)),
        (
            "sns",
            "SetTopicAttributes",
            format!(r#"{{"topicArn":"t","attributeName":"Policy","attributeValue":{quoted}}}"#),
        ),
        ("kms", "PutKeyPolicy", format!(r#"{{"keyId":"k","policy":{quoted}}}"#)),
        ("ecr", "SetRepositoryPolicy", format!(r#"{{"repositoryName":"r","policyText":{quoted}}}"#)),
    ] {
        let found = act(source, name, &parameters).unwrap_or_else(|| panic!("{source}:{name} means nothing"));
        assert_eq!(found.exposure, Exposure::Public, "{source}:{name}");
    }
}

#[test]
fn a_selector_of_reads_alone_is_blind() {
    let only = |value: &str| {
        format!(
            r#"{{"trailName":"t","advancedEventSelectors":[{{"fieldSelectors":[{{"field":"eventCategory","equals":["Management"]}},{{"field":"readOnly","equals":["{value}"]}}]}}]}}"#
        )
    };
    assert!(act("cloudtrail", "PutEventSelectors", &only("true")).is_some());
    assert!(act("cloudtrail", "PutEventSelectors", &only("false")).is_none());
}

#[test]
fn accelerators_and_fleets_are_worth_stealing() {
    let run = |kind: &str, count: u32| {
        format!(r#"{{"instanceType":"{kind}","instancesSet":{{"items":[{{"maxCount":{count}}}]}}}}"#)
    };
    assert!(act("ec2", "RunInstances", &run("p4d.24xlarge", 20)).unwrap().weight >= weight::SEVERE);
    assert!(act("ec2", "RunInstances", &run("g5.xlarge", 1)).unwrap().weight >= weight::ODD);
    assert!(act("ec2", "RunInstances", &run("t3.micro", 2)).is_none());
    assert!(act("ec2", "RunInstances", &run("m5.large", 1)).is_none());
}

#[test]
fn a_trail_is_blind_only_when_it_no_longer_sees_changes() {
    let blind = r#"{"trailName":"t","eventSelectors":[{"includeManagementEvents":false,"readWriteType":"ReadOnly"}]}"#;
    assert!(act("cloudtrail", "PutEventSelectors", blind).unwrap().weight >= weight::BAD);
    let seeing =
        r#"{"trailName":"t","eventSelectors":[{"includeManagementEvents":true,"readWriteType":"All"}]}"#;
    assert!(act("cloudtrail", "PutEventSelectors", seeing).is_none());
}

#[test]
fn parameters_are_secrets_only_decrypted_and_in_number() {
    assert!(act("ssm", "GetParameters", r#"{"names":["a","b"],"withDecryption":false}"#).is_none());
    assert_eq!(
        act("ssm", "GetParameters", r#"{"names":["a","b"],"withDecryption":true}"#).unwrap().breadth,
        2
    );
}

#[test]
fn nothing_in_parameters_can_break_a_reader() {
    let odd = [
        r#""text""#,
        "[]",
        "17",
        "null",
        r#"{"policyDocument":7,"names":{},"add":[],"ipPermissions":[[[]]]}"#,
        r#"{"createVolumePermission":{"add":{"items":[7]}}}"#,
    ];
    for row in table::ROWS {
        for parameters in odd {
            let _ = act(row.service, row.name, parameters);
        }
    }
}

#[test]
fn root_sessions_weigh_by_their_task() {
    let assumed = |task: &str| {
        let policy = format!("arn:aws:iam::aws:policy/root-task/{task}");
        let parameters =
            format!(r#"{{"targetPrincipal":"222233334444","taskPolicyArn":{{"arn":"{policy}"}}}}"#);
        act("sts", "AssumeRoot", &parameters).map_or(0.0, |act| act.weight)
    };
    assert!(assumed("IAMAuditRootUserCredentials") <= weight::MINOR);
    assert!(assumed("IAMCreateRootUserPassword") >= weight::SEVERE);
    assert!(assumed("AnotherOne") >= weight::SEVERE, "what AWS adds later is grave until it is known");
}

#[test]
fn an_account_that_leaves_the_root_for_a_unit_only_gains_guard_rails() {
    let moved = |from: &str, to: &str| {
        let parameters =
            format!(r#"{{"accountId":"1","sourceParentId":"{from}","destinationParentId":"{to}"}}"#);
        act("organizations", "MoveAccount", &parameters)
    };
    assert!(moved("r-ab12", "ou-ab12-1").is_none());
    assert!(moved("ou-ab12-1", "ou-ab12-2").is_some_and(|act| act.weight >= weight::ODD));
    assert!(moved("ou-ab12-1", "r-ab12").is_some());
}
