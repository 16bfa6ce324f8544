//! Attacks: impact, from resource hijacking to ransom and destruction.

use serde_json::json;

use super::{Attack, Disguise, Stage, Victim};
use crate::{
    record::call,
    truth::Difficulty::{Easy, Hard, Medium},
    world::FAR_REGIONS,
};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        id: "mining-fleet",
        title: "Large machines in regions nobody uses",
        source: "Unit 42, EleKtra-Leak, 2023; Permiso, GUI-vil, 2023",
        difficulty: Easy,
        tactics: &["TA0002", "TA0040", "TA0005"],
        techniques: &["T1496.001", "T1496", "T1578.002", "T1535", "T1578", "T1059.009"],
        behaviours: &["execution", "impact", "evasion"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: mining,
    },
    Attack {
        id: "mining-containers",
        title: "Container clusters by the dozen",
        source: "AWS Security Blog, Cryptomining campaign on EC2 and ECS, 2025; Datadog, 2024",
        difficulty: Medium,
        tactics: &["TA0002", "TA0040"],
        techniques: &["T1496.001", "T1496", "T1610", "T1578.002", "T1535", "T1648", "T1059.009", "T1078.004"],
        behaviours: &["execution", "impact", "anomalous-access"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: containers,
    },
    Attack {
        id: "models-hijacked",
        title: "Hosted models run on the victim's bill",
        source: "Sysdig, LLMjacking, 2024; Permiso, Exploiting hosted models, 2024",
        difficulty: Hard,
        tactics: &["TA0040", "TA0007"],
        techniques: &["T1496.004", "T1496", "T1526", "T1078.004", "T1580"],
        behaviours: &["impact", "reconnaissance", "anomalous-access", "execution"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: models,
    },
    Attack {
        id: "objects-encrypted",
        title: "Objects encrypted with a key of the attacker's",
        source: "Halcyon, Codefinger, 2025",
        difficulty: Medium,
        tactics: &["TA0040"],
        techniques: &["T1486", "T1485", "T1485.001", "T1490"],
        behaviours: &["impact"],
        victim: Victim::Administrator,
        disguise: Disguise::None,
        act: encrypted,
    },
    Attack {
        id: "bucket-wiped",
        title: "Versioning suspended, objects deleted, a note left",
        source: "Invictus IR, Ransomware in the cloud, 2023",
        difficulty: Medium,
        tactics: &["TA0040", "TA0007"],
        techniques: &["T1485", "T1490", "T1530", "T1619"],
        behaviours: &["impact", "data-exfiltration"],
        victim: Victim::Administrator,
        disguise: Disguise::None,
        act: wiped,
    },
    Attack {
        id: "everything-deleted",
        title: "Databases, snapshots and machines deleted",
        source: "Code Spaces, statement of June 2014; US v. Ramesh (Cisco), 2020",
        difficulty: Easy,
        tactics: &["TA0040"],
        techniques: &["T1485", "T1490", "T1489"],
        behaviours: &["impact", "evasion"],
        victim: Victim::Administrator,
        disguise: Disguise::None,
        act: deleted,
    },
    Attack {
        id: "key-deleted-quietly",
        title: "An encryption key is scheduled for deletion",
        source: "Stratus Red Team; MITRE ATT&CK, T1485",
        difficulty: Hard,
        tactics: &["TA0040"],
        techniques: &["T1485", "T1486", "T1489"],
        behaviours: &["impact"],
        victim: Victim::Administrator,
        disguise: Disguise::IsVictim,
        act: key_deleted,
    },
    Attack {
        id: "door-opened",
        title: "An administrator's port is opened to the world",
        source: "FortiGuard, Catching EC2 Grouper, 2024",
        difficulty: Medium,
        tactics: &["TA0005", "TA0001", "TA0003"],
        techniques: &["T1562.007", "T1133", "T1562", "T1567", "T1578"],
        behaviours: &["evasion", "persistence", "execution"],
        victim: Victim::Person,
        disguise: Disguise::LooksLikeVictim,
        act: door_opened,
    },
];

fn mining(stage: &mut Stage<'_>) {
    stage.ask(&["ec2:DescribeRegions", "servicequotas:ListServiceQuotas"], 0.0);
    let size = (*stage.draw.pick(&["c5a.24xlarge", "p3.16xlarge", "g4dn.12xlarge"])).to_owned();
    for region in FAR_REGIONS.iter().take(4) {
        stage.region(region);
        stage.calls(&["ec2:DescribeInstanceTypes", "ec2:CreateKeyPair"]);
        let image = format!("ami-{}", stage.draw.hex(17));
        let is_limited = stage.draw.chance(0.3);
        let mut start = call("ec2:RunInstances").with(json!({"instancesSet": {"items": [{"imageId": image, "minCount": 4, "maxCount": 4}]}, "instanceType": size}));
        if is_limited {
            start = start.fails("Client.VcpuLimitExceeded");
        }
        stage.call(start);
    }
}

fn containers(stage: &mut Stage<'_>) {
    stage.call(call("ec2:RunInstances").with(json!({"instancesSet": {"items": [{"imageId": "ami-0123456789abcdef0", "minCount": 1, "maxCount": 1}]}, "instanceType": "c6a.8xlarge"})).fails("Client.DryRunOperation"));
    for n in 0..stage.draw.count(12, 40) {
        stage.call(
            call("ecs:CreateCluster")
                .with(json!({"clusterName": format!("c{n}"), "capacityProviders": ["FARGATE"]})),
        );
        stage.call(call("ecs:RegisterTaskDefinition").with(json!({"family": format!("f{n}"), "cpu": "16384", "memory": "65536", "containerDefinitions": [{"image": "user/secret:latest"}]})));
        stage.call(call("ecs:CreateService").with(json!({"cluster": format!("c{n}"), "serviceName": "s", "desiredCount": 10, "launchType": "FARGATE"})));
    }
}

fn models(stage: &mut Stage<'_>) {
    for region in ["us-east-1", "us-west-2", "eu-central-1"] {
        stage.region(region);
        stage.calls(&["bedrock:ListFoundationModels", "bedrock:GetModelInvocationLoggingConfiguration"]);
        stage.call(
            call("bedrock:InvokeModel")
                .with(json!({"modelId": "anthropic.claude-v2"}))
                .fails("ValidationException"),
        );
    }
    stage.calls(&[
        "bedrock:PutUseCaseForModelAccess",
        "bedrock:CreateFoundationModelAgreement",
        "bedrock:PutFoundationModelEntitlement",
    ]);
    stage.next_day();
    for _ in 0..stage.draw.count(80, 300) {
        stage.call(call("bedrock:InvokeModel").with(json!({"modelId": "anthropic.claude-3-5-sonnet"})));
    }
}

fn encrypted(stage: &mut Stage<'_>) {
    let bucket = stage.bucket();
    stage.call(call("s3:ListBuckets"));
    stage.call(call("s3:GetBucketVersioning").with(json!({"bucketName": bucket})));
    if stage.world.has_data_events {
        for n in 0..stage.draw.count(60, 200) {
            stage.call(call("s3:CopyObject").with(json!({"bucketName": bucket, "key": format!("k{n}"), "x-amz-copy-source": format!("{bucket}/k{n}"), "x-amz-server-side-encryption-customer-algorithm": "AES256"})));
        }
    }
    stage.call(call("s3:PutBucketLifecycle").with(json!({"bucketName": bucket, "LifecycleConfiguration": {"Rule": {"ID": "x", "Status": "Enabled", "Expiration": {"Days": 7}, "Prefix": ""}}})));
}

fn wiped(stage: &mut Stage<'_>) {
    let bucket = stage.bucket();
    stage.ask(&["s3:ListBuckets"], 0.0);
    stage.read_objects(&bucket, 40);
    stage.call(
        call("s3:PutBucketVersioning")
            .with(json!({"bucketName": bucket, "VersioningConfiguration": {"Status": "Suspended"}})),
    );
    if stage.world.has_data_events {
        for n in 0..stage.draw.count(80, 200) {
            stage.call(call("s3:DeleteObject").with(json!({"bucketName": bucket, "key": format!("k{n}")})));
        }
        stage.call(call("s3:PutObject").with(json!({"bucketName": bucket, "key": "README-TO-RESTORE.txt"})));
    }
    stage.call(call("s3:DeleteBucket").with(json!({"bucketName": bucket})));
}

fn deleted(stage: &mut Stage<'_>) {
    stage.ask(&["rds:DescribeDBInstances", "ec2:DescribeInstances", "ec2:DescribeSnapshots"], 0.0);
    for database in stage.account().things.databases.iter().take(3) {
        stage.call(
            call("rds:ModifyDBInstance")
                .with(json!({"dBInstanceIdentifier": database, "deletionProtection": false})),
        );
        stage.call(call("rds:DeleteDBInstance").with(json!({"dBInstanceIdentifier": database, "skipFinalSnapshot": true, "deleteAutomatedBackups": true})));
    }
    for snapshot in stage.account().things.snapshots.iter().take(6) {
        stage.call(call("ec2:DeleteSnapshot").with(json!({"snapshotId": snapshot})));
    }
    let instances: Vec<_> =
        stage.account().things.instances.iter().map(|id| json!({"instanceId": id})).collect();
    stage.call(call("ec2:TerminateInstances").with(json!({"instancesSet": {"items": instances}})));
}

fn key_deleted(stage: &mut Stage<'_>) {
    let key = stage.draw.pick(&stage.account().things.keys).clone();
    stage.call(call("kms:DescribeKey").with(json!({"keyId": key})));
    stage.call(call("kms:ScheduleKeyDeletion").with(json!({"keyId": key, "pendingWindowInDays": 7})));
}

fn door_opened(stage: &mut Stage<'_>) {
    let group = format!("sg-{}", stage.draw.hex(17));
    let port = *stage.draw.pick(&[22, 3389]);
    stage.call(
        call("ec2:CreateSecurityGroup")
            .with(json!({"groupName": "web2", "groupDescription": "web", "vpcId": "vpc-0a1b2c3d4e5f60718"}))
            .gives(json!({"groupId": group})),
    );
    stage.call(call("ec2:AuthorizeSecurityGroupIngress").with(json!({"groupId": group, "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}})));
}
