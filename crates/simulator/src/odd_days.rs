//! Benign oddities as calls.

use serde_json::json;

use crate::{
    desk::Desk,
    identity::Access,
    oddities::Oddity,
    people::HOUR,
    personas::CURIOSITY,
    record::{Session, call},
    tools::Tool,
};

const ALARM: &[&str] = &[
    "monitoring:DescribeAlarms*3",
    "monitoring:GetMetricData*12",
    "ec2:DescribeInstances*3",
    "logs:FilterLogEvents*6",
    "health:DescribeEvents",
];
const REPAIR: &[&str] = &[
    "sts:GetCallerIdentity",
    "ssm:StartSession*2",
    "ec2:DescribeInstanceStatus*3",
    "ec2:RebootInstances",
    "ecs:DescribeServices*2",
    "ecs:UpdateService",
];
const FIGURES: &[&str] =
    &["athena:StartQueryExecution*8", "athena:GetQueryResults*8", "s3:GetObject*40", "ce:GetCostAndUsage*6"];
const DRILL: &[&str] = &[
    "ec2:DescribeSnapshots*2",
    "ec2:CopySnapshot*3",
    "rds:CopyDBSnapshot*2",
    "rds:RestoreDBInstanceFromDBSnapshot*2",
    "ec2:RunInstances*3",
    "ec2:DescribeInstances*6",
    "ec2:CreateSecurityGroup",
    "ec2:AuthorizeSecurityGroupIngress",
    "elasticloadbalancing:CreateLoadBalancer",
    "route53:ChangeResourceRecordSets",
    "ec2:TerminateInstances*3",
];
const APPLY: &[&str] = &[
    "sts:GetCallerIdentity",
    "iam:GetRole*20",
    "iam:CreateRole*6",
    "iam:AttachRolePolicy*9",
    "iam:PutRolePolicy*5",
    "iam:CreatePolicy*3",
    "kms:CreateKey*2",
    "s3:CreateBucket*3",
    "s3:PutBucketPolicy*3",
    "s3:PutBucketPublicAccessBlock*3",
    "ec2:CreateSecurityGroup*4",
    "ec2:AuthorizeSecurityGroupIngress*5",
    "lambda:CreateFunction20150331*4",
    "events:PutRule*3",
    "events:PutTargets*3",
    "sns:CreateTopic*2",
    "monitoring:PutMetricAlarm*6",
    "rds:CreateDBInstance",
];
const CLEARING: &[&str] = &[
    "ec2:DescribeSnapshots",
    "ec2:DeleteSnapshot*15",
    "ec2:DescribeVolumes",
    "ec2:DeleteVolume*5",
    "logs:DeleteLogGroup*4",
    "s3:DeleteObject*20",
];

impl Desk<'_> {
    /// Writes the records of one oddity of the day.
    pub(crate) fn oddity(&mut self, oddity: Oddity) {
        let noon = self.person.noon(self.day);
        match oddity {
            Oddity::OnCall => self.on_call(),
            Oddity::QuarterEnd => {
                (0..3).for_each(|hour| self.with(Tool::Python, FIGURES, noon + hour * HOUR));
            }
            Oddity::BulkRead => self.with(Tool::Python, &["s3:ListObjects*4", "s3:GetObject*220"], noon),
            Oddity::Drill(region) => {
                let session = Session { region: region.to_owned(), ..self.session(0, Tool::Cli, noon) };
                self.calls(&session, DRILL, noon);
            }
            Oddity::KeyRotation => self.rotate_key(noon),
            Oddity::BigApply => self.with(Tool::Terraform, APPLY, noon),
            Oddity::ForgottenPassword => self.forget_password(noon - 2 * HOUR),
            Oddity::NewProject => self.begin_project(noon),
            Oddity::Denials => self.lack_permission(noon),
            Oddity::CleanUp => self.with(Tool::Cli, CLEARING, noon),
            Oddity::VendorOnboarding(vendor) => self.let_vendor_in(&vendor, noon),
            Oddity::MachineUser => self.make_machine_user(noon),
            // These change the whole day: persona, place or computer.
            Oddity::Trip(_) | Oddity::NewLaptop(_) | Oddity::RoleChange(_) => {}
        }
    }

    fn with(&mut self, tool: Tool, calls: &[&str], at: i64) {
        let session = self.session(0, tool, at);
        self.calls(&session, calls, at);
    }

    fn on_call(&mut self) {
        let at = self.person.midnight(self.day) + self.draw.within(HOUR, 4 * HOUR);
        let session = self.session(0, Tool::Browser, at);
        self.sign_in(&session, at);
        self.calls(&session, ALARM, at + 20);
        self.with(Tool::Cli, REPAIR, at + 600);
    }

    fn begin_project(&mut self, at: i64) {
        let session = self.session(0, Tool::Browser, at);
        self.sign_in(&session, at - 30);
        let mut calls: Vec<&str> = CURIOSITY.to_vec();
        self.draw.shuffle(&mut calls);
        calls.truncate(self.draw.count(7, 14));
        self.calls(&session, &calls, at);
    }

    fn lack_permission(&mut self, at: i64) {
        const WANTED: &[&str] = &[
            "s3:GetObject",
            "dynamodb:DescribeTable",
            "states:StartExecution",
            "sqs:SendMessage",
            "kms:Decrypt",
        ];
        let session = self.session(0, Tool::Cli, at);
        let api = *self.draw.pick(WANTED);
        for nth in 0..self.draw.within(8, 30) {
            let call = self.everyday(api, &session).denied();
            self.add(at + nth * 40, &session, call);
        }
    }

    fn let_vendor_in(&mut self, vendor: &str, at: i64) {
        let session = self.session(0, Tool::Terraform, at);
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{vendor}:root")}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": self.draw.hex(16)}}}]});
        let role = json!({"roleName": "vendor-monitoring", "assumeRolePolicyDocument": trust.to_string()});
        self.add(at, &session, call("iam:CreateRole").with(role));
        let policy =
            json!({"roleName": "vendor-monitoring", "policyArn": "arn:aws:iam::aws:policy/SecurityAudit"});
        self.add(at + 3, &session, call("iam:AttachRolePolicy").with(policy));
    }

    fn make_machine_user(&mut self, at: i64) {
        let session = self.session(0, Tool::Browser, at);
        self.sign_in(&session, at - 30);
        let user = format!("svc-{}", self.draw.hex(4));
        let policy = json!({"userName": user, "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"});
        let key =
            json!({"accessKey": {"userName": user, "accessKeyId": self.draw.id("AKIA"), "status": "Active"}});
        self.add(at, &session, call("iam:CreateUser").with(json!({"userName": user})));
        self.add(at + 20, &session, call("iam:AttachUserPolicy").with(policy));
        self.add(at + 50, &session, call("iam:CreateAccessKey").with(json!({"userName": user})).gives(key));
    }

    fn rotate_key(&mut self, at: i64) {
        let Access::User { name, .. } = self.person.accesses[0].clone() else { return };
        let session = self.session(0, Tool::Cli, at);
        let (new, old) = (self.draw.id("AKIA"), self.draw.id("AKIA"));
        self.add(at, &session, call("iam:ListAccessKeys").with(json!({"userName": name})));
        self.add(
            at + 10,
            &session,
            call("iam:CreateAccessKey")
                .with(json!({"userName": name}))
                .gives(json!({"accessKey": {"userName": name, "accessKeyId": new, "status": "Active"}})),
        );
        self.add(
            at + 900,
            &session,
            call("iam:UpdateAccessKey")
                .with(json!({"userName": name, "status": "Inactive", "accessKeyId": old})),
        );
        self.add(
            at + 1800,
            &session,
            call("iam:DeleteAccessKey").with(json!({"userName": name, "accessKeyId": old})),
        );
    }

    fn forget_password(&mut self, at: i64) {
        let Access::User { account, name, .. } = self.person.accesses[0].clone() else { return };
        let mut session = self.session(0, Tool::Browser, at);
        session.identity =
            json!({"type": "IAMUser", "accountId": account, "accessKeyId": "", "userName": name});
        let failures = self.draw.within(2, 7);
        for n in 0..failures {
            let call = call("signin:ConsoleLogin")
                .gives(json!({"ConsoleLogin": "Failure"}))
                .fails("Failed")
                .extra("additionalEventData", json!({"MobileVersion": "No", "MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com/console/home"}));
            self.add(at + n * 25, &session, call);
        }
        let session = self.session(0, Tool::Browser, at);
        self.sign_in(&session, at + failures * 25 + 40);
    }
}
