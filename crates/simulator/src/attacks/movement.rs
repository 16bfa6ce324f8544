//! Attacks: lateral movement between identities and machines, and defence evasion.

use serde_json::json;

use super::{Attack, Disguise, Stage, Victim};
use crate::{
    identity::Access,
    record::call,
    tools::Tool,
    truth::Difficulty::{Easy, Hard, Medium},
    world::FAR_REGIONS,
};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        id: "role-sweep",
        title: "Which roles can be taken? All are tried",
        source: "Sysdig, AI-assisted cloud intrusion, 2026",
        difficulty: Medium,
        tactics: &["TA0008", "TA0007", "TA0004"],
        techniques: &["T1550.001", "T1021.007", "T1078.004", "T1087.004", "T1069.003", "T1548.005", "T1548"],
        behaviours: &["lateral-movement", "reconnaissance", "anomalous-access", "privilege-escalation"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: role_sweep,
    },
    Attack {
        id: "commands-on-instances",
        title: "Commands on instances, with a stolen session",
        source: "Mandiant, UNC3944 and cloud lateral movement, 2023",
        difficulty: Medium,
        tactics: &["TA0002", "TA0008"],
        techniques: &["T1651", "T1059.009", "T1021.007", "T1021", "T1078.004"],
        behaviours: &["execution", "lateral-movement", "anomalous-access"],
        victim: Victim::Person,
        disguise: Disguise::None,
        act: commands,
    },
    Attack {
        id: "instance-connect",
        title: "Own SSH keys are pushed to instances",
        source: "Datadog, ECS is the new EC2 for crypto mining, 2024",
        difficulty: Medium,
        tactics: &["TA0008"],
        techniques: &["T1021.004", "T1098.004", "T1021", "T1021.008", "T1078.004"],
        behaviours: &["lateral-movement", "anomalous-access", "persistence"],
        victim: Victim::Person,
        disguise: Disguise::None,
        act: instance_connect,
    },
    Attack {
        id: "trail-stopped",
        title: "The trail is stopped before anything else",
        source: "Sysdig, SCARLETEEL, 2023",
        difficulty: Easy,
        tactics: &["TA0005"],
        techniques: &["T1562.008", "T1562.001", "T1562"],
        behaviours: &["evasion"],
        victim: Victim::Administrator,
        disguise: Disguise::None,
        act: trail_stopped,
    },
    Attack {
        id: "trail-narrowed",
        title: "The trail goes on, but sees less",
        source: "US v. Sharp (Ubiquiti), indictment, 2021; Stratus Red Team",
        difficulty: Hard,
        tactics: &["TA0005", "TA0040"],
        techniques: &["T1562.008", "T1562", "T1070", "T1485"],
        behaviours: &["evasion", "impact"],
        victim: Victim::Administrator,
        disguise: Disguise::IsVictim,
        act: trail_narrowed,
    },
    Attack {
        id: "guard-sent-home",
        title: "GuardDuty is switched off",
        source: "Permiso, LUCR-3, 2023",
        difficulty: Medium,
        tactics: &["TA0005"],
        techniques: &["T1562.001", "T1562"],
        behaviours: &["evasion"],
        victim: Victim::Administrator,
        disguise: Disguise::LooksLikeVictim,
        act: guard_duty,
    },
    Attack {
        id: "other-permission-set",
        title: "A hijacked person goes where that person never went",
        source: "Permiso, LUCR-3, 2023",
        difficulty: Hard,
        tactics: &["TA0008", "TA0001", "TA0007"],
        techniques: &["T1078.004", "T1021.007", "T1550.001", "T1580", "T1087.004", "T1526", "T1555.006"],
        behaviours: &["lateral-movement", "anomalous-access", "reconnaissance", "credential-access"],
        victim: Victim::SignedOn,
        disguise: Disguise::None,
        act: other_permission_set,
    },
];

fn role_sweep(stage: &mut Stage<'_>) {
    stage.ask(&["sts:GetCallerIdentity", "iam:ListRoles"], 0.2);
    for account in &stage.world.accounts {
        for role in account.things.roles.iter().take(3) {
            let arn = format!("arn:aws:iam::{}:role/{role}", account.id);
            stage.call(call("sts:AssumeRole").with(json!({"roleArn": arn, "roleSessionName": "x"})).denied());
        }
    }
}

fn commands(stage: &mut Stage<'_>) {
    stage.ask(&["ssm:DescribeInstanceInformation", "ec2:DescribeInstances"], 0.0);
    let instances = stage.account().things.instances.clone();
    stage.call(call("ssm:SendCommand").with(json!({"documentName": "AWS-RunShellScript", "instanceIds": instances, "parameters": "HIDDEN_DUE_TO_SECURITY_REASONS"})));
    stage.calls(&["ssm:ListCommandInvocations"]);
    for instance in instances.iter().take(3) {
        stage.call(call("ssm:StartSession").with(json!({"target": instance})));
    }
}

fn instance_connect(stage: &mut Stage<'_>) {
    stage.ask(&["ec2:DescribeInstances"], 0.0);
    for instance in stage.account().things.instances.iter().take(6) {
        stage.call(call("ec2-instance-connect:SendSSHPublicKey").with(
            json!({"instanceId": instance, "instanceOSUser": "ec2-user", "sSHPublicKey": "ssh-ed25519 AAAA"}),
        ));
    }
}

fn trail_stopped(stage: &mut Stage<'_>) {
    let trail = format!("arn:aws:cloudtrail:{}:{}:trail/main", stage.session.region, stage.session.account);
    stage.ask(&["cloudtrail:DescribeTrails"], 0.0);
    stage.call(call("cloudtrail:StopLogging").with(json!({"name": trail})));
    stage.call(call("cloudtrail:DeleteTrail").with(json!({"name": trail})));
}

fn trail_narrowed(stage: &mut Stage<'_>) {
    stage.call(call("cloudtrail:PutEventSelectors").with(json!({"trailName": "main", "eventSelectors": [{"readWriteType": "ReadOnly", "includeManagementEvents": false, "dataResources": []}]})));
    let bucket = format!("{}-cloudtrail-logs", stage.session.account);
    stage.minutes(3, 30);
    stage.call(call("s3:PutBucketLifecycle").with(json!({"bucketName": bucket, "LifecycleConfiguration": {"Rule": {"ID": "x", "Status": "Enabled", "Expiration": {"Days": 1}, "Prefix": ""}}})));
}

fn guard_duty(stage: &mut Stage<'_>) {
    let detector = stage.draw.hex(32);
    stage.ask(&["guardduty:ListDetectors"], 0.0);
    if stage.draw.chance(0.5) {
        stage.call(call("guardduty:DeleteDetector").with(json!({"detectorId": detector})));
    } else {
        stage.call(call("guardduty:UpdateDetector").with(json!({"detectorId": detector, "enable": false})));
    }
}

fn other_permission_set(stage: &mut Stage<'_>) {
    let Access::SingleSignOn { email, .. } = stage.access.clone() else { return };
    let account = stage.world.account("management").id.clone();
    let access = Access::single_sign_on(&account, "BreakGlassAdmin", &email);
    stage.become_(&access, Tool::Browser);
    let region = (*stage.draw.pick(FAR_REGIONS)).to_owned();
    stage.call(
        call("signin:ConsoleLogin")
            .gives(json!({"ConsoleLogin": "Success"}))
            .extra("additionalEventData", json!({"MFAUsed": "No"})),
    );
    stage.ask(
        &[
            "organizations:ListAccounts",
            "organizations:DescribeOrganization",
            "iam:ListUsers",
            "iam:ListRoles",
            "sso:ListPermissionSets",
            "s3:ListBuckets",
            "ce:GetCostAndUsage",
        ],
        0.0,
    );
    stage.region(&region);
    stage.ask(&["ec2:DescribeInstances", "rds:DescribeDBInstances", "secretsmanager:ListSecrets"], 0.0);
}
