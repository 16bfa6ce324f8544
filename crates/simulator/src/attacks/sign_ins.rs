//! Attacks: initial access through console sign-ins.

use serde_json::json;

use super::{Attack, Disguise, Stage, Victim};
use crate::{
    record::call,
    tools::Tool,
    truth::Difficulty::{Easy, Hard, Medium},
};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        id: "password-spraying",
        title: "One password tried for many users",
        source: "Unit 42, Muddled Libra's evolution to the cloud, 2024",
        difficulty: Medium,
        tactics: &["TA0006", "TA0001"],
        techniques: &["T1110.003", "T1110", "T1110.004", "T1078.004"],
        behaviours: &["password-spraying", "credential-stuffing", "brute-force", "initial-access"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: spraying,
    },
    Attack {
        id: "credential-stuffing",
        title: "Leaked passwords tried from many addresses",
        source: "AWS, Incident response guide: console sign-in attempts, 2023",
        difficulty: Easy,
        tactics: &["TA0006", "TA0001"],
        techniques: &["T1110.004", "T1110", "T1110.003", "T1078.004"],
        behaviours: &["credential-stuffing", "password-spraying", "brute-force", "initial-access"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: stuffing,
    },
    Attack {
        id: "brute-force",
        title: "Passwords tried for one user until one fits",
        source: "Code Spaces, statement of June 2014",
        difficulty: Easy,
        tactics: &["TA0006", "TA0001"],
        techniques: &["T1110", "T1110.001", "T1078.004"],
        behaviours: &["brute-force", "initial-access", "anomalous-access"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: brute_force,
    },
    Attack {
        id: "session-hijack",
        title: "A stolen browser session looks around and takes secrets",
        source: "Permiso, LUCR-3: Scattered Spider getting SaaS-y in the cloud, 2023",
        difficulty: Hard,
        tactics: &["TA0001", "TA0006", "TA0007"],
        techniques: &["T1078.004", "T1555.006", "T1580", "T1526", "T1087.004"],
        behaviours: &["anomalous-access", "credential-access", "reconnaissance"],
        victim: Victim::Person,
        disguise: Disguise::LooksLikeVictim,
        act: hijack,
    },
];

fn fail(stage: &mut Stage<'_>, user: &str) {
    let account = stage.session.account.clone();
    stage.session.identity =
        json!({"type": "IAMUser", "accountId": account, "accessKeyId": "", "userName": user});
    stage.call(
        call("signin:ConsoleLogin")
            .gives(json!({"ConsoleLogin": "Failure"}))
            .fails("Failed")
            .extra("additionalEventData", json!({"MobileVersion": "No", "MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com/console/home"})),
    );
}

fn succeed(stage: &mut Stage<'_>) {
    let access = stage.access.clone();
    stage.become_(&access, Tool::Browser);
    if let Some(fields) = stage.session.identity.as_object_mut() {
        fields.remove("sessionContext");
    }
    stage.session.identity["accessKeyId"] = "".into();
    stage.call(
        call("signin:ConsoleLogin")
            .gives(json!({"ConsoleLogin": "Success"}))
            .extra("additionalEventData", json!({"MobileVersion": "No", "MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com/console/home"})),
    );
    stage.become_(&access, Tool::Browser);
}

fn spraying(stage: &mut Stage<'_>) {
    stage.tool(Tool::Browser);
    for n in 0..stage.draw.count(9, 16) {
        let user = if n % 3 == 0 { "HIDDEN_DUE_TO_SECURITY_REASONS".to_owned() } else { format!("user{n}") };
        fail(stage, &user);
        stage.minutes(1, 4);
    }
}

fn stuffing(stage: &mut Stage<'_>) {
    stage.tool(Tool::Browser);
    for n in 0..stage.draw.count(24, 60) {
        stage.move_on();
        fail(stage, &format!("user{}", n % 19));
    }
    succeed(stage);
    stage.ask(&["iam:ListUsers", "ec2:DescribeInstances", "s3:ListBuckets"], 0.2);
}

fn brute_force(stage: &mut Stage<'_>) {
    stage.tool(Tool::Browser);
    let user = stage.access.arn().rsplit('/').next().unwrap_or("user").to_owned();
    for _ in 0..stage.draw.count(14, 40) {
        fail(stage, &user);
    }
    succeed(stage);
    stage.minutes(1, 5);
    stage.ask(
        &["iam:ListUsers", "iam:ListRoles", "s3:ListBuckets", "ec2:DescribeInstances", "iam:ListAccessKeys"],
        0.2,
    );
}

fn hijack(stage: &mut Stage<'_>) {
    stage.tool(Tool::Browser);
    let access = stage.access.clone();
    stage.become_(&access, Tool::Browser);
    stage.ask(
        &[
            "organizations:DescribeOrganization",
            "iam:ListUsers",
            "iam:ListRoles",
            "ec2:DescribeInstances",
            "s3:ListBuckets",
            "secretsmanager:ListSecrets",
            "ssm:DescribeParameters",
            "rds:DescribeDBInstances",
            "ec2:DescribeVpcs",
        ],
        0.25,
    );
    stage.minutes(5, 20);
    stage.calls(&["cloudshell:CreateEnvironment", "cloudshell:CreateSession"]);
    stage.tool(Tool::Cli);
    for secret in stage.account().things.secrets.iter().take(9) {
        stage.call(call("secretsmanager:GetSecretValue").with(json!({"secretId": secret})));
    }
}
