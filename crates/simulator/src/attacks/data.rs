//! Attacks: exfiltration of data by sharing, exposure and copies.

use serde_json::json;

use super::{Attack, Disguise, Stage, Victim};
use crate::{
    record::call,
    truth::Difficulty::{Easy, Hard, Medium},
};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        id: "snapshot-shared",
        title: "A disk's snapshot is shared with an outsider",
        source: "DNC v. Russian Federation, 2018; Rapid7, Crimson Collective, 2025",
        difficulty: Easy,
        tactics: &["TA0010"],
        techniques: &["T1537", "T1578.001"],
        behaviours: &["data-exfiltration"],
        victim: Victim::Administrator,
        disguise: Disguise::None,
        act: snapshot,
    },
    Attack {
        id: "database-shared",
        title: "A database's snapshot is shared with an outsider, quietly",
        source: "Rapid7, Crimson Collective, 2025",
        difficulty: Hard,
        tactics: &["TA0010"],
        techniques: &["T1537", "T1578.001"],
        behaviours: &["data-exfiltration"],
        victim: Victim::Person,
        disguise: Disguise::IsVictim,
        act: database,
    },
    Attack {
        id: "image-shared",
        title: "A machine's image is opened to everybody",
        source: "Mitiga, Oops, I leaked it again (public images), 2022",
        difficulty: Medium,
        tactics: &["TA0010"],
        techniques: &["T1537", "T1578.005", "T1530"],
        behaviours: &["data-exfiltration"],
        victim: Victim::Person,
        disguise: Disguise::LooksLikeVictim,
        act: image,
    },
    Attack {
        id: "bucket-public",
        title: "A bucket is opened to everybody",
        source: "Stratus Red Team, Backdoor an S3 bucket via its bucket policy, 2022",
        difficulty: Medium,
        tactics: &["TA0010", "TA0005"],
        techniques: &["T1537", "T1530", "T1562.007"],
        behaviours: &["data-exfiltration", "evasion"],
        victim: Victim::Person,
        disguise: Disguise::LooksLikeVictim,
        act: bucket_public,
    },
    Attack {
        id: "database-restored-public",
        title: "A copy of the database on the internet, with a new password",
        source: "Unit 42, SugarCRM zero-day, 2023",
        difficulty: Medium,
        tactics: &["TA0010", "TA0005"],
        techniques: &["T1537", "T1578.001", "T1578.002", "T1530", "T1562.007"],
        behaviours: &["data-exfiltration", "evasion"],
        victim: Victim::Administrator,
        disguise: Disguise::None,
        act: restored,
    },
    Attack {
        id: "objects-in-bulk",
        title: "A bucket is copied out at once",
        source: "Unit 42, Large-scale cloud extortion, 2024",
        difficulty: Easy,
        tactics: &["TA0009", "TA0010", "TA0007"],
        techniques: &["T1530", "T1567.002", "T1619", "T1537", "T1078.004"],
        behaviours: &["data-exfiltration", "anomalous-access"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: objects,
    },
    Attack {
        id: "insider-snapshot",
        title: "An administrator shares a snapshot with an account of his own",
        source: "US v. Sharp (Ubiquiti), indictment, 2021",
        difficulty: Hard,
        tactics: &["TA0010"],
        techniques: &["T1537"],
        behaviours: &["data-exfiltration"],
        victim: Victim::Administrator,
        disguise: Disguise::IsVictim,
        act: snapshot,
    },
    Attack {
        id: "replication-outside",
        title: "A bucket copies itself to an outsider",
        source: "MITRE ATT&CK, T1020 and T1537",
        difficulty: Hard,
        tactics: &["TA0010"],
        techniques: &["T1537", "T1020"],
        behaviours: &["data-exfiltration"],
        victim: Victim::Administrator,
        disguise: Disguise::IsVictim,
        act: replication,
    },
];

fn snapshot(stage: &mut Stage<'_>) {
    let snapshot = stage.draw.pick(&stage.account().things.snapshots).clone();
    let outside = stage.outside.clone();
    stage.ask(&["ec2:DescribeSnapshots"], 0.0);
    stage.call(call("ec2:ModifySnapshotAttribute").with(json!({"snapshotId": snapshot, "createVolumePermission": {"add": {"items": [{"userId": outside}]}}, "attributeType": "CREATE_VOLUME_PERMISSION"})));
}

fn database(stage: &mut Stage<'_>) {
    let database = stage.draw.pick(&stage.account().things.databases).clone();
    let outside = stage.outside.clone();
    stage.call(
        call("rds:CreateDBSnapshot")
            .with(json!({"dBInstanceIdentifier": database, "dBSnapshotIdentifier": "pre-upgrade"})),
    );
    stage.minutes(20, 60);
    stage.call(call("rds:ModifyDBSnapshotAttribute").with(
        json!({"dBSnapshotIdentifier": "pre-upgrade", "attributeName": "restore", "valuesToAdd": [outside]}),
    ));
}

fn image(stage: &mut Stage<'_>) {
    let instance = stage.draw.pick(&stage.account().things.instances).clone();
    let image = format!("ami-{}", stage.draw.hex(17));
    stage.call(
        call("ec2:CreateImage")
            .with(json!({"instanceId": instance, "name": "web"}))
            .gives(json!({"imageId": image})),
    );
    stage.minutes(8, 30);
    stage.call(call("ec2:ModifyImageAttribute").with(json!({"imageId": image, "launchPermission": {"add": {"items": [{"group": "all"}]}}, "attributeType": "launchPermission"})));
}

fn bucket_public(stage: &mut Stage<'_>) {
    let bucket = stage.bucket();
    stage.call(call("s3:DeleteBucketPublicAccessBlock").with(json!({"bucketName": bucket})));
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")]}]});
    stage.call(call("s3:PutBucketPolicy").with(json!({"bucketName": bucket, "bucketPolicy": policy})));
}

fn restored(stage: &mut Stage<'_>) {
    let database = stage.draw.pick(&stage.account().things.databases).clone();
    stage.ask(&["rds:DescribeDBInstances", "organizations:ListAccounts", "ce:GetCostAndUsage"], 0.2);
    stage.call(
        call("rds:CreateDBSnapshot")
            .with(json!({"dBInstanceIdentifier": database, "dBSnapshotIdentifier": "s1"})),
    );
    stage.minutes(10, 40);
    stage.call(call("ec2:AuthorizeSecurityGroupIngress").with(json!({"groupId": "sg-0123456789abcdef0", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 3306, "toPort": 3306, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}})));
    stage.call(call("rds:RestoreDBInstanceFromDBSnapshot").with(
        json!({"dBInstanceIdentifier": "restored", "dBSnapshotIdentifier": "s1", "publiclyAccessible": true}),
    ));
    stage.minutes(10, 20);
    stage.call(call("rds:ModifyDBInstance").with(
        json!({"dBInstanceIdentifier": "restored", "masterUserPassword": "****", "publiclyAccessible": true}),
    ));
}

fn objects(stage: &mut Stage<'_>) {
    let bucket = stage.bucket();
    stage.ask(&["sts:GetCallerIdentity", "s3:ListBuckets"], 0.0);
    stage.call(call("s3:GetBucketLocation").with(json!({"bucketName": bucket})));
    stage.call(call("s3:GetBucketAcl").with(json!({"bucketName": bucket})));
    let count = stage.draw.count(250, 900);
    stage.read_objects(&bucket, count);
}

fn replication(stage: &mut Stage<'_>) {
    let bucket = stage.bucket();
    let configuration = json!({"Role": format!("arn:aws:iam::{}:role/repl", stage.session.account), "Rule": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::backup-eu-mirror", "Account": stage.outside, "AccessControlTranslation": {"Owner": "Destination"}}}]});
    stage.call(
        call("s3:PutBucketReplication")
            .with(json!({"bucketName": bucket, "ReplicationConfiguration": configuration})),
    );
}
