//! Attacks: discovery with stolen credentials, and theft of further credentials.

use serde_json::json;

use super::{Attack, Disguise, Stage, Victim};
use crate::{
    record::call,
    truth::Difficulty::{Easy, Hard, Medium},
};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        id: "leaked-key-enumeration",
        title: "A leaked key is tried out: what is there?",
        source: "Unit 42, TeamTNT operations in cloud environments, 2021",
        difficulty: Easy,
        tactics: &["TA0007"],
        techniques: &["T1087.004", "T1580", "T1526", "T1069.003", "T1078.004", "T1619"],
        behaviours: &["reconnaissance", "anomalous-access"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: enumeration,
    },
    Attack {
        id: "slow-enumeration",
        title: "A few questions a day, for days",
        source: "Invictus IR, The curious case of DangerDev, 2024",
        difficulty: Hard,
        tactics: &["TA0007", "TA0001"],
        techniques: &["T1087.004", "T1580", "T1526", "T1078.004", "T1069.003", "T1619"],
        behaviours: &["reconnaissance", "anomalous-access"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: slow_enumeration,
    },
    Attack {
        id: "mail-quota-probe",
        title: "Can this key send mail? Then it does",
        source: "Wiz, Cloud email abuse campaign, 2025; Datadog, Unwanted visitor, 2024",
        difficulty: Medium,
        tactics: &["TA0007", "TA0040", "TA0003"],
        techniques: &["T1526", "T1496.004", "T1496", "T1078.004", "T1580", "T1136.003", "T1098.003", "T1098"],
        behaviours: &["reconnaissance", "anomalous-access", "impact", "persistence"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: mail,
    },
    Attack {
        id: "secrets-swept",
        title: "Every secret read at once",
        source: "Permiso, LUCR-3, 2023",
        difficulty: Easy,
        tactics: &["TA0006", "TA0007"],
        techniques: &["T1555.006", "T1526", "T1078.004"],
        behaviours: &["credential-access", "anomalous-access"],
        victim: Victim::Person,
        disguise: Disguise::None,
        act: secrets,
    },
    Attack {
        id: "secrets-slowly",
        title: "Two strange secrets a day",
        source: "LastPass, incident 2, 2023",
        difficulty: Hard,
        tactics: &["TA0006"],
        techniques: &["T1555.006", "T1078.004"],
        behaviours: &["credential-access", "anomalous-access"],
        victim: Victim::Person,
        disguise: Disguise::LooksLikeVictim,
        act: secrets_slowly,
    },
    Attack {
        id: "parameters-decrypted",
        title: "The whole parameter store, decrypted",
        source: "Sysdig, AI-assisted cloud intrusion, 2026",
        difficulty: Medium,
        tactics: &["TA0006"],
        techniques: &["T1555.006", "T1555", "T1078.004"],
        behaviours: &["credential-access", "anomalous-access"],
        victim: Victim::Pipeline,
        disguise: Disguise::None,
        act: parameters,
    },
    Attack {
        id: "instance-credentials-outside",
        title: "An instance's credentials, used from elsewhere",
        source: "FBI complaint in US v. Thompson (Capital One), 2019; Sysdig, SCARLETEEL, 2023",
        difficulty: Medium,
        tactics: &["TA0006", "TA0007", "TA0009"],
        techniques: &["T1552.005", "T1619", "T1530", "T1526", "T1580", "T1087.004", "T1078.004"],
        behaviours: &["instance-credentials", "reconnaissance", "data-exfiltration", "anomalous-access"],
        victim: Victim::Instance,
        disguise: Disguise::None,
        act: instance,
    },
    Attack {
        id: "pipeline-credentials-outside",
        title: "A build pipeline's credentials ask what they may",
        source: "CircleCI, incident report of January 2023; CERT-EU on the Trivy compromise, 2026",
        difficulty: Medium,
        tactics: &["TA0007", "TA0001", "TA0006"],
        techniques: &["T1078.004", "T1087.004", "T1580", "T1526", "T1069.003", "T1555.006", "T1619"],
        behaviours: &["reconnaissance", "anomalous-access", "credential-access"],
        victim: Victim::Pipeline,
        disguise: Disguise::None,
        act: pipeline,
    },
];

const QUESTIONS: &[&str] = &[
    "iam:ListUsers",
    "iam:ListRoles",
    "iam:ListGroups",
    "iam:ListPolicies",
    "iam:GetAccountSummary",
    "iam:GetAccountAuthorizationDetails",
    "iam:ListAttachedUserPolicies",
    "s3:ListBuckets",
    "ec2:DescribeInstances",
    "ec2:DescribeVpcs",
    "ec2:DescribeRegions",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSnapshots",
    "ec2:DescribeAccountAttributes",
    "lambda:ListFunctions20150331",
    "rds:DescribeDBInstances",
    "secretsmanager:ListSecrets",
    "ssm:DescribeParameters",
    "kms:ListKeys",
    "ecs:ListClusters",
    "eks:ListClusters",
    "dynamodb:ListTables",
    "cloudtrail:DescribeTrails",
    "guardduty:ListDetectors",
    "organizations:ListAccounts",
    "ses:GetSendQuota",
    "sns:ListTopics",
    "sqs:ListQueues",
    "bedrock:ListFoundationModels",
    "ce:GetCostAndUsage",
];

fn enumeration(stage: &mut Stage<'_>) {
    stage.calls(&["sts:GetCallerIdentity"]);
    let mut questions = QUESTIONS.to_vec();
    stage.draw.shuffle(&mut questions);
    questions.truncate(stage.draw.count(19, 28));
    stage.ask(&questions, 0.5);
}

fn slow_enumeration(stage: &mut Stage<'_>) {
    let mut questions = QUESTIONS.to_vec();
    stage.draw.shuffle(&mut questions);
    for day in questions.chunks(6).take(4) {
        stage.ask(day, 0.3);
        stage.next_day();
    }
}

fn mail(stage: &mut Stage<'_>) {
    stage.ask(
        &["ses:GetSendQuota", "ses:ListIdentities", "ses:GetAccount", "servicequotas:ListServiceQuotas"],
        0.0,
    );
    stage.minutes(3, 20);
    stage.call(call("ses:PutAccountDetails").with(json!({"mailType": "MARKETING", "websiteURL": "https://example.com", "productionAccessEnabled": true})));
    stage.call(call("ses:CreateEmailIdentity").with(json!({"emailIdentity": "billing.example"})));
    stage.call(call("ses:UpdateAccountSendingEnabled").with(json!({"enabled": true})));
    let user = format!("ses-smtp-{}", stage.draw.hex(5));
    stage.new_user(&user, "AmazonSESFullAccess");
}

fn secrets(stage: &mut Stage<'_>) {
    stage.call(call("secretsmanager:ListSecrets").with(json!({"maxResults": 100})));
    for secret in &stage.account().things.secrets {
        stage.call(call("secretsmanager:GetSecretValue").with(json!({"secretId": secret})));
    }
}

fn secrets_slowly(stage: &mut Stage<'_>) {
    let secrets = stage.account().things.secrets.clone();
    for pair in secrets.chunks(3).take(4) {
        for secret in pair {
            let secret = format!("prod/{secret}/{}", stage.draw.hex(3));
            stage.call(call("secretsmanager:GetSecretValue").with(json!({"secretId": secret})));
        }
        stage.next_day();
    }
}

fn parameters(stage: &mut Stage<'_>) {
    stage.calls(&["sts:GetCallerIdentity", "ssm:DescribeParameters"]);
    for names in stage.account().things.parameters.chunks(5) {
        stage.call(call("ssm:GetParameters").with(json!({"names": names, "withDecryption": true})));
    }
    stage.call(
        call("ssm:GetParametersByPath").with(json!({"path": "/", "recursive": true, "withDecryption": true})),
    );
}

fn instance(stage: &mut Stage<'_>) {
    stage.ask(
        &[
            "sts:GetCallerIdentity",
            "s3:ListBuckets",
            "iam:ListRoles",
            "lambda:ListFunctions20150331",
            "ec2:DescribeInstances",
            "secretsmanager:ListSecrets",
        ],
        0.3,
    );
    stage.minutes(2, 30);
    let bucket = stage.bucket();
    stage.call(call("s3:ListObjects").with(json!({"bucketName": bucket})));
    let count = stage.draw.count(60, 300);
    stage.read_objects(&bucket, count);
}

fn pipeline(stage: &mut Stage<'_>) {
    stage.calls(&["sts:GetCallerIdentity"]);
    stage.ask(
        &[
            "iam:ListUsers",
            "iam:ListAttachedRolePolicies",
            "iam:SimulatePrincipalPolicy",
            "s3:ListBuckets",
            "secretsmanager:ListSecrets",
            "ssm:DescribeParameters",
            "ec2:DescribeInstances",
            "rds:DescribeDBInstances",
            "organizations:ListAccounts",
            "kms:ListKeys",
            "dynamodb:ListTables",
            "lambda:ListFunctions20150331",
            "iam:ListAccessKeys",
        ],
        0.4,
    );
    for secret in stage.account().things.secrets.iter().take(3) {
        stage.call(
            call("secretsmanager:GetSecretValue")
                .with(json!({"secretId": secret}))
                .denied_if(secret.len() % 2 == 0),
        );
    }
}
