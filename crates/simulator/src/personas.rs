//! Personas: the daily work of each kind of person.

use crate::tools::Tool;

/// A task: calls in order; `*n` repeats a call about n times.
pub(crate) struct Task {
    pub(crate) tool: Tool,
    pub(crate) often: u32,
    pub(crate) calls: &'static [&'static str],
}

/// Kind of person.
pub(crate) struct Persona {
    pub(crate) id: &'static str,
    /// Permission set; for IAM users, the group.
    pub(crate) set: &'static str,
    /// Accounts, the most used first.
    pub(crate) accounts: &'static [&'static str],
    /// Number in a hundred people.
    pub(crate) share: u32,
    /// Tasks a day.
    pub(crate) tasks: f64,
    pub(crate) work: &'static [Task],
}

const fn task(tool: Tool, often: u32, calls: &'static [&'static str]) -> Task {
    Task { tool, often, calls }
}

use Tool::{Browser, Cli, Python, Terraform};

/// All personas.
pub(crate) const PERSONAS: &[Persona] = &[
    Persona {
        id: "developer",
        set: "Developer",
        accounts: &["staging", "production"],
        share: 38,
        tasks: 9.0,
        work: &[
            task(
                Browser,
                6,
                &[
                    "lambda:ListFunctions20150331",
                    "lambda:GetFunction20150331v2",
                    "lambda:GetPolicy20150331v2",
                    "logs:DescribeLogStreams*2",
                    "logs:FilterLogEvents*3",
                ],
            ),
            task(
                Browser,
                5,
                &["monitoring:DescribeAlarms", "monitoring:GetMetricData*5", "monitoring:ListDashboards"],
            ),
            task(
                Browser,
                3,
                &[
                    "ec2:DescribeInstances",
                    "ec2:DescribeInstanceStatus",
                    "ec2:DescribeVolumes",
                    "ec2:DescribeSecurityGroups",
                    "elasticloadbalancing:DescribeLoadBalancers",
                    "elasticloadbalancing:DescribeTargetHealth*2",
                ],
            ),
            task(Cli, 6, &["sts:GetCallerIdentity", "logs:StartQuery", "logs:GetQueryResults*4"]),
            task(
                Cli,
                5,
                &[
                    "ecr:GetAuthorizationToken",
                    "ecr:BatchCheckLayerAvailability*3",
                    "ecr:PutImage",
                    "ecs:DescribeServices*2",
                    "ecs:UpdateService",
                ],
            ),
            task(
                Cli,
                4,
                &[
                    "lambda:GetFunctionConfiguration20150331v2",
                    "lambda:UpdateFunctionCode20150331v2",
                    "lambda:PublishVersion20150331",
                ],
            ),
            task(Cli, 3, &["s3:ListBuckets", "s3:GetObject*4", "s3:PutObject*2"]),
            task(Cli, 2, &["ssm:GetParameter*2", "secretsmanager:GetSecretValue"]),
            task(
                Cli,
                3,
                &[
                    "dynamodb:DescribeTable",
                    "dynamodb:ListTables",
                    "sqs:GetQueueAttributes*2",
                    "sqs:ListQueues",
                ],
            ),
            task(
                Browser,
                1,
                &[
                    "cloudformation:ListStacks",
                    "cloudformation:DescribeStacks",
                    "cloudformation:DescribeStackEvents*2",
                ],
            ),
            task(
                Cli,
                1,
                &["ec2:RunInstances", "ec2:DescribeInstances*3", "ec2:CreateTags", "ec2:TerminateInstances"],
            ),
        ],
    },
    Persona {
        id: "infrastructure",
        set: "PlatformAdmin",
        accounts: &["production", "staging", "data", "management"],
        share: 14,
        tasks: 9.0,
        work: &[
            task(
                Terraform,
                6,
                &[
                    "sts:GetCallerIdentity",
                    "ec2:DescribeVpcs",
                    "ec2:DescribeSubnets",
                    "ec2:DescribeSecurityGroups*2",
                    "iam:GetRole*4",
                    "iam:ListAttachedRolePolicies*4",
                    "iam:ListRolePolicies*3",
                    "s3:GetBucketPolicy*3",
                    "s3:GetBucketVersioning*3",
                    "kms:DescribeKey*2",
                    "lambda:GetFunction20150331v2*3",
                ],
            ),
            task(
                Terraform,
                3,
                &[
                    "iam:GetRole*3",
                    "iam:CreateRole",
                    "iam:AttachRolePolicy*2",
                    "iam:PutRolePolicy",
                    "ec2:CreateSecurityGroup",
                    "ec2:AuthorizeSecurityGroupIngress",
                    "s3:PutBucketPolicy",
                    "monitoring:PutMetricAlarm*2",
                    "lambda:UpdateFunctionConfiguration20150331v2",
                ],
            ),
            task(
                Terraform,
                1,
                &[
                    "iam:DetachRolePolicy",
                    "iam:DeleteRole",
                    "ec2:DeleteSecurityGroup",
                    "s3:DeleteBucketPolicy",
                    "logs:DeleteLogGroup",
                ],
            ),
            task(
                Cli,
                4,
                &[
                    "ec2:DescribeInstances*2",
                    "ssm:StartSession",
                    "ssm:DescribeInstanceInformation",
                    "autoscaling:DescribeAutoScalingGroups",
                ],
            ),
            task(Cli, 1, &["ssm:SendCommand", "ssm:ListCommandInvocations*3"]),
            task(
                Browser,
                4,
                &[
                    "monitoring:GetMetricData*6",
                    "monitoring:DescribeAlarms",
                    "ec2:DescribeInstances",
                    "rds:DescribeDBInstances",
                ],
            ),
            task(Browser, 2, &["cloudtrail:LookupEvents*3", "config:DescribeConfigRules"]),
            task(
                Cli,
                2,
                &[
                    "eks:DescribeCluster",
                    "eks:ListNodegroups",
                    "ec2:DescribeNetworkInterfaces",
                    "route53:ListResourceRecordSets",
                    "route53:ChangeResourceRecordSets",
                ],
            ),
            task(Cli, 1, &["ec2:CreateSnapshot", "ec2:DescribeSnapshots", "ec2:DeleteSnapshot"]),
        ],
    },
    Persona {
        id: "data-scientist",
        set: "DataScience",
        accounts: &["data"],
        share: 12,
        tasks: 8.0,
        work: &[
            task(
                Python,
                6,
                &[
                    "athena:StartQueryExecution*3",
                    "athena:GetQueryExecution*6",
                    "athena:GetQueryResults*3",
                    "glue:GetTable*3",
                ],
            ),
            task(Python, 5, &["s3:ListObjects", "s3:GetObject*25"]),
            task(
                Browser,
                4,
                &[
                    "athena:ListWorkGroups",
                    "athena:ListDataCatalogs",
                    "glue:GetDatabases",
                    "glue:GetTables*2",
                ],
            ),
            task(Python, 2, &["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob*5"]),
            task(
                Browser,
                2,
                &[
                    "sagemaker:ListNotebookInstances",
                    "sagemaker:CreatePresignedNotebookInstanceUrl",
                    "sagemaker:ListEndpoints",
                ],
            ),
            task(Python, 1, &["s3:PutObject*6"]),
        ],
    },
    Persona {
        id: "security",
        set: "SecurityAudit",
        accounts: &["security", "production", "management", "data", "staging"],
        share: 7,
        tasks: 8.0,
        work: &[
            task(
                Browser,
                6,
                &[
                    "securityhub:GetFindings*3",
                    "securityhub:BatchUpdateFindings",
                    "guardduty:ListDetectors",
                    "guardduty:ListFindings",
                    "guardduty:GetFindings*2",
                ],
            ),
            task(
                Cli,
                4,
                &[
                    "iam:GenerateCredentialReport",
                    "iam:GetCredentialReport",
                    "iam:ListUsers",
                    "iam:ListRoles",
                    "iam:GetAccountAuthorizationDetails",
                    "access-analyzer:ListFindings",
                ],
            ),
            task(
                Browser,
                4,
                &[
                    "cloudtrail:LookupEvents*4",
                    "cloudtrail:DescribeTrails",
                    "config:DescribeComplianceByConfigRule",
                ],
            ),
            task(
                Cli,
                2,
                &[
                    "s3:ListBuckets",
                    "s3:GetBucketPolicy*6",
                    "s3:GetBucketAcl*6",
                    "ec2:DescribeSecurityGroups",
                    "kms:ListKeys",
                    "kms:GetKeyPolicy*3",
                ],
            ),
            task(Browser, 1, &["guardduty:UpdateFindingsFeedback", "guardduty:ArchiveFindings"]),
        ],
    },
    Persona {
        id: "identity-admin",
        set: "IdentityAdmin",
        accounts: &["management", "production"],
        share: 4,
        tasks: 6.0,
        work: &[
            task(
                Browser,
                5,
                &["iam:ListUsers", "iam:GetUser*2", "iam:ListGroupsForUser", "iam:ListAccessKeys"],
            ),
            task(
                Browser,
                3,
                &["sso:ListPermissionSets", "sso:DescribePermissionSet*3", "sso:CreateAccountAssignment"],
            ),
            task(Browser, 2, &["iam:CreateUser", "iam:AddUserToGroup", "iam:CreateLoginProfile"]),
            task(Browser, 2, &["iam:RemoveUserFromGroup", "iam:DeleteLoginProfile", "iam:DeleteUser"]),
            task(Browser, 1, &["iam:DeactivateMFADevice", "iam:DeleteVirtualMFADevice"]),
            task(Browser, 1, &["iam:CreateAccessKey", "iam:ListAccessKeys"]),
            task(Browser, 1, &["iam:CreatePolicyVersion", "iam:ListPolicyVersions"]),
        ],
    },
    Persona {
        id: "database-admin",
        set: "DatabaseAdmin",
        accounts: &["production", "staging"],
        share: 7,
        tasks: 7.0,
        work: &[
            task(
                Browser,
                6,
                &[
                    "rds:DescribeDBInstances",
                    "rds:DescribeEvents",
                    "monitoring:GetMetricData*4",
                    "rds:DescribeDBLogFiles",
                ],
            ),
            task(Cli, 3, &["rds:CreateDBSnapshot", "rds:DescribeDBSnapshots*3"]),
            task(Cli, 2, &["rds:DeleteDBSnapshot*2"]),
            task(Cli, 2, &["rds:ModifyDBInstance", "rds:DescribeDBInstances*3"]),
            task(Cli, 2, &["secretsmanager:GetSecretValue", "rds:DescribeDBInstances"]),
            task(Cli, 1, &["rds:RestoreDBInstanceFromDBSnapshot", "rds:DescribeDBInstances*4"]),
        ],
    },
    Persona {
        id: "support",
        set: "Support",
        accounts: &["production"],
        share: 12,
        tasks: 7.0,
        work: &[
            task(Browser, 7, &["logs:DescribeLogGroups", "logs:FilterLogEvents*4"]),
            task(
                Browser,
                5,
                &["monitoring:GetMetricData*4", "monitoring:DescribeAlarms", "health:DescribeEvents"],
            ),
            task(Browser, 2, &["dynamodb:ListTables", "dynamodb:DescribeTable*2"]),
            task(Browser, 2, &["s3:ListBuckets", "s3:GetObject*3"]),
            task(Browser, 1, &["support:DescribeCases", "support:CreateCase"]),
        ],
    },
    Persona {
        id: "finance",
        set: "Billing",
        accounts: &["management"],
        share: 6,
        tasks: 3.0,
        work: &[
            task(Browser, 7, &["ce:GetCostAndUsage*4", "ce:GetDimensionValues*2", "ce:GetCostForecast"]),
            task(Browser, 3, &["budgets:DescribeBudgets", "budgets:ViewBudget*2"]),
            task(Browser, 1, &["cur:DescribeReportDefinitions", "s3:ListBuckets", "s3:GetObject*2"]),
        ],
    },
];

/// Occasional read calls that fit every persona.
pub(crate) const CURIOSITY: &[&str] = &[
    "route53:ListHostedZones",
    "sns:ListTopics",
    "kinesis:ListStreams",
    "apigateway:GetRestApis",
    "states:ListStateMachines",
    "events:ListRules",
    "acm:ListCertificates",
    "wafv2:ListWebACLs",
    "backup:ListBackupJobs",
    "elasticache:DescribeCacheClusters",
    "es:ListDomainNames",
    "codebuild:ListProjects",
    "iam:ListRoles",
    "ec2:DescribeVpcs",
    "ec2:DescribeImages",
    "cloudfront:ListDistributions",
    "redshift:DescribeClusters",
    "batch:DescribeJobQueues",
    "ses:ListIdentities",
    "organizations:DescribeOrganization",
    "tagging:GetResources",
];

/// The persona with this id.
pub(crate) fn persona(id: &str) -> &'static Persona {
    PERSONAS.iter().find(|persona| persona.id == id).unwrap_or(&PERSONAS[0])
}
