//! Machine identities: regular workloads, and an occasional new deployment.

use serde_json::json;

use crate::{
    calls::everyday,
    draw::Draw,
    identity::{Access, service},
    log::Log,
    people::{DAY, HOUR},
    record::{Call, Session, call},
    tools::{System, Tool, agent},
    world::{Network, World},
};

/// Kind of machine.
pub(crate) struct Kind {
    pub(crate) id: &'static str,
    account: &'static str,
    tool: Tool,
    /// Where it runs.
    place: Place,
    /// First and last hour of work (UTC); a range from greater to smaller passes midnight.
    hours: (i64, i64),
    /// Rounds of calls an hour.
    rounds: f64,
    calls: &'static [&'static str],
    /// Calls made occasionally instead of a round.
    seldom: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Instances behind one gateway.
    Instances,
    /// A function or task, with AWS's addresses.
    Function,
    /// Hosted build machines, with a new address each time.
    Runners,
    /// A vendor's servers.
    Vendor,
    /// An AWS service that calls on its behalf.
    Service(&'static str),
    /// A program on one server, with an IAM user's key.
    Server,
}

/// All kinds of machines.
const KINDS: &[Kind] = &[
    Kind {
        id: "web",
        account: "production",
        tool: Tool::Java,
        place: Place::Instances,
        hours: (0, 24),
        rounds: 2.0,
        calls: &[
            "s3:GetObject*2",
            "s3:PutObject",
            "dynamodb:DescribeTable",
            "sqs:ReceiveMessage",
            "kms:Decrypt",
        ],
        seldom: &["secretsmanager:GetSecretValue", "ssm:GetParameters*2"],
    },
    Kind {
        id: "deploy-pipeline",
        account: "production",
        tool: Tool::Cli,
        place: Place::Runners,
        hours: (6, 20),
        rounds: 0.7,
        calls: &[
            "sts:GetCallerIdentity",
            "ecr:GetAuthorizationToken",
            "ecr:PutImage",
            "ecs:DescribeServices",
            "ecs:UpdateService",
            "lambda:UpdateFunctionCode20150331v2",
            "cloudformation:DescribeStacks*2",
        ],
        seldom: &[
            "cloudformation:CreateChangeSet",
            "cloudformation:ExecuteChangeSet",
            "iam:GetRole*2",
            "iam:PutRolePolicy",
            "lambda:CreateFunction20150331",
            "ssm:GetParameter*3",
        ],
    },
    Kind {
        id: "terraform-pipeline",
        account: "staging",
        tool: Tool::Terraform,
        place: Place::Runners,
        hours: (8, 19),
        rounds: 0.25,
        calls: &[
            "sts:GetCallerIdentity",
            "ec2:DescribeVpcs",
            "iam:GetRole*6",
            "iam:ListAttachedRolePolicies*6",
            "s3:GetBucketPolicy*4",
            "kms:DescribeKey*3",
        ],
        seldom: &[
            "iam:CreateRole",
            "iam:AttachRolePolicy*2",
            "s3:PutBucketPolicy",
            "ec2:AuthorizeSecurityGroupIngress",
            "lambda:CreateFunction20150331",
        ],
    },
    Kind {
        id: "orders-function",
        account: "production",
        tool: Tool::Node,
        place: Place::Function,
        hours: (0, 24),
        rounds: 2.0,
        calls: &["dynamodb:DescribeTable", "sqs:SendMessage", "kms:Decrypt"],
        seldom: &["secretsmanager:GetSecretValue"],
    },
    Kind {
        id: "nightly-batch",
        account: "data",
        tool: Tool::Python,
        place: Place::Instances,
        hours: (1, 4),
        rounds: 6.0,
        calls: &[
            "s3:ListObjects",
            "s3:GetObject*12",
            "s3:PutObject*6",
            "glue:GetTable",
            "athena:StartQueryExecution",
        ],
        seldom: &["glue:UpdateTable", "secretsmanager:GetSecretValue"],
    },
    Kind {
        id: "scaler",
        account: "production",
        tool: Tool::Go,
        place: Place::Instances,
        hours: (0, 24),
        rounds: 2.5,
        calls: &[
            "ec2:DescribeInstances",
            "autoscaling:DescribeAutoScalingGroups",
            "ec2:DescribeInstanceTypes",
        ],
        seldom: &["ec2:RunInstances", "ec2:TerminateInstances", "ec2:CreateTags"],
    },
    Kind {
        id: "vendor-monitoring",
        account: "production",
        tool: Tool::Python,
        place: Place::Vendor,
        hours: (0, 24),
        rounds: 1.0,
        calls: &[
            "ec2:DescribeInstances",
            "ec2:DescribeVolumes",
            "rds:DescribeDBInstances",
            "elasticloadbalancing:DescribeLoadBalancers",
            "monitoring:GetMetricData*3",
            "lambda:ListFunctions20150331",
        ],
        seldom: &[
            "s3:ListBuckets",
            "iam:ListRoles",
            "dynamodb:ListTables",
            "sqs:ListQueues",
            "cloudtrail:DescribeTrails",
        ],
    },
    Kind {
        id: "posture-scanner",
        account: "security",
        tool: Tool::Python,
        place: Place::Function,
        hours: (3, 5),
        rounds: 4.0,
        calls: &[
            "iam:ListUsers",
            "iam:ListRoles",
            "iam:GetAccountSummary",
            "iam:GetCredentialReport",
            "s3:ListBuckets",
            "s3:GetBucketPolicy*4",
            "s3:GetBucketAcl*4",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSnapshots",
            "kms:ListKeys",
            "rds:DescribeDBInstances",
            "cloudtrail:DescribeTrails",
            "guardduty:ListDetectors",
            "config:DescribeConfigRules",
        ],
        seldom: &[
            "iam:GetAccountAuthorizationDetails",
            "secretsmanager:ListSecrets",
            "ssm:DescribeInstanceInformation",
        ],
    },
    Kind {
        id: "backup",
        account: "production",
        tool: Tool::Java,
        place: Place::Service("backup.amazonaws.com"),
        hours: (4, 6),
        rounds: 3.0,
        calls: &[
            "ec2:CreateSnapshot*2",
            "ec2:DescribeSnapshots",
            "rds:CreateDBSnapshot",
            "ec2:DeleteSnapshot",
        ],
        seldom: &["rds:DeleteDBSnapshot"],
    },
    Kind {
        id: "reports",
        account: "data",
        tool: Tool::Python,
        place: Place::Server,
        hours: (5, 7),
        rounds: 3.0,
        calls: &["s3:ListObjects", "s3:GetObject*8", "s3:PutObject*2"],
        seldom: &["athena:StartQueryExecution", "athena:GetQueryResults"],
    },
    Kind {
        id: "mailer",
        account: "production",
        tool: Tool::Node,
        place: Place::Instances,
        hours: (0, 24),
        rounds: 1.0,
        calls: &["sqs:ReceiveMessage", "s3:GetObject"],
        seldom: &["ssm:GetParameter"],
    },
    Kind {
        id: "replicator",
        account: "data",
        tool: Tool::Python,
        place: Place::Function,
        hours: (2, 3),
        rounds: 2.0,
        calls: &["rds:DescribeDBSnapshots", "rds:CopyDBSnapshot"],
        seldom: &["kms:CreateGrant"],
    },
    Kind {
        id: "patcher",
        account: "production",
        tool: Tool::Python,
        place: Place::Function,
        hours: (22, 24),
        rounds: 0.5,
        calls: &["ssm:DescribeInstanceInformation", "ssm:ListCommands"],
        seldom: &["ssm:SendCommand", "ssm:ListCommandInvocations*3"],
    },
    Kind {
        id: "legacy-sync",
        account: "staging",
        tool: Tool::Java,
        place: Place::Server,
        hours: (0, 24),
        rounds: 0.6,
        calls: &["s3:ListObjects", "s3:PutObject"],
        seldom: &["s3:DeleteObject*3"],
    },
];

/// A machine identity.
pub(crate) struct Machine {
    pub(crate) kind: &'static Kind,
    pub(crate) access: Vec<Access>,
    pub(crate) account: String,
    pub(crate) region: String,
    name: String,
    network: Network,
    block: u8,
    favourites: usize,
    pace: f64,
    pub(crate) starts: i64,
}

impl Machine {
    pub(crate) fn new(world: &World, seed: u64, number: usize, first: i64, days: i64) -> Self {
        let mut draw = Draw::of(seed, "machine", number as u64);
        let kind = &KINDS[number % KINDS.len()];
        let region = (*draw.favourite(&world.regions)).to_owned();
        let account = world.account(kind.account).id.clone();
        let name = if number < KINDS.len() {
            kind.id.to_owned()
        } else {
            format!("{}-{}", kind.id, number / KINDS.len() + 1)
        };
        let role = format!("{name}-{}", draw.hex(4));
        let sessions: Vec<String> = match kind.place {
            Place::Instances => (0..draw.count(1, 4)).map(|_| format!("i-{}", draw.hex(17))).collect(),
            Place::Runners => vec!["GitHubActions".to_owned()],
            Place::Service(_) => vec!["AWSBackup-1".to_owned()],
            _ => vec![name.clone()],
        };
        let access = match kind.place {
            Place::Server => vec![Access::user(&account, &format!("svc-{name}"), false, &mut draw)],
            _ => sessions.iter().map(|session| Access::role(&account, &role, session)).collect(),
        };
        let network = match kind.place {
            Place::Runners | Place::Vendor | Place::Server => world.network(&mut draw, "US", "hosting"),
            _ => world.amazon(&region),
        };
        let is_new = number >= KINDS.len() && draw.chance(0.15);
        let starts = if is_new { first + draw.within(days / 2, days) } else { first };
        Self {
            kind,
            access,
            account,
            region,
            name,
            network,
            favourites: draw.count(0, 12),
            block: draw.within(0, 256) as u8,
            pace: draw.about(1.0).max(0.4),
            starts,
        }
    }

    /// The session it calls with at a time.
    pub(crate) fn session(&self, at: i64, draw: &mut Draw) -> Session {
        let access = draw.pick(&self.access).clone();
        let (block, host) = match self.kind.place {
            Place::Runners => (draw.within(0, 256) as u8, draw.within(1, 255) as u8),
            Place::Function => (self.block.wrapping_add(draw.within(0, 40) as u8), draw.within(1, 255) as u8),
            _ => (self.block.wrapping_add((at / (30 * DAY)) as u8), 10),
        };
        // A session lasts an hour, so the hour determines the key.
        let key = Draw::of((at / HOUR) as u64, &self.name, 5).id("ASIA");
        let age = ((at / DAY / 16) % 10) as u32;
        let address = match self.kind.place {
            Place::Service(host) => host.to_owned(),
            _ => self.network.address(block, host),
        };
        let user_agent = match self.kind.place {
            Place::Service(host) => host.to_owned(),
            Place::Function => {
                format!("{} exec-env/AWS_Lambda_nodejs20.x", agent(self.kind.tool, System::Linux, age))
            }
            _ => agent(self.kind.tool, System::Linux, age),
        };
        Session {
            identity: access.identity(at - at % HOUR, &key, false),
            account: self.account.clone(),
            region: self.region.clone(),
            address,
            agent: user_agent,
        }
    }

    pub(crate) fn work(&self, world: &World, seed: u64, day: i64, log: &mut Log) {
        if day < self.starts {
            return;
        }
        let mut draw = Draw::of(seed, &self.name, day as u64);
        let is_weekend = (day + 3).rem_euclid(7) >= 5;
        if is_weekend && self.kind.place == Place::Runners && draw.chance(0.8) {
            return;
        }
        let (from, to) = self.kind.hours;
        for hour in from..to {
            let rounds = draw.about(self.kind.rounds * self.pace);
            let whole = rounds.floor() as i64 + i64::from(draw.chance(rounds.fract()));
            for _ in 0..whole {
                let at = day * DAY + hour * HOUR + draw.within(0, HOUR - 120);
                self.round(world, at, log, &mut draw);
            }
        }
    }

    fn round(&self, world: &World, at: i64, log: &mut Log, draw: &mut Draw) {
        let session = self.session(at, draw);
        self.begin(at, &session, log, draw);
        let account =
            world.accounts.iter().find(|account| account.id == self.account).unwrap_or(&world.accounts[0]);
        let calls = if draw.chance(0.12) { self.kind.seldom } else { self.kind.calls };
        let mut at = at;
        for entry in calls {
            let (api, times) = entry.split_once('*').unwrap_or((entry, "1"));
            if api.contains("Object") && !world.has_data_events {
                continue;
            }
            for _ in 0..draw.about(times.parse().unwrap_or(1.0)).round().max(1.0) as usize {
                let is_denied = draw.chance(0.002);
                let call = everyday(api, account, &self.region, self.favourites, draw).denied_if(is_denied);
                log.add(at, &session, call, draw);
                at += draw.within(0, 4);
            }
        }
    }

    /// Records the call that begins a role session; some sessions of services have none.
    fn begin(&self, at: i64, session: &Session, log: &mut Log, draw: &mut Draw) {
        let host = match self.kind.place {
            Place::Instances => "ec2.amazonaws.com",
            Place::Function => "lambda.amazonaws.com",
            Place::Service(host) => host,
            Place::Runners => return self.begin_from_web(at, session, log, draw),
            _ => return,
        };
        if !draw.chance(0.3) {
            return;
        }
        let caller = Session {
            identity: service(host),
            address: host.to_owned(),
            agent: host.to_owned(),
            ..session.clone()
        };
        log.add(at - 2, &caller, self.assumed("sts:AssumeRole", session), draw);
    }

    fn begin_from_web(&self, at: i64, session: &Session, log: &mut Log, draw: &mut Draw) {
        let identity = json!({"type": "WebIdentityUser", "principalId": "token.actions.githubusercontent.com:repo", "userName": "repo:app:ref:refs/heads/main", "identityProvider": format!("arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com", self.account)});
        let caller = Session { identity, ..session.clone() };
        log.add(at - 2, &caller, self.assumed("sts:AssumeRoleWithWebIdentity", session), draw);
    }

    fn assumed(&self, api: &str, session: &Session) -> Call {
        let key = session.identity["accessKeyId"].clone();
        call(api).with(json!({"roleArn": self.access[0].arn(), "roleSessionName": self.name})).gives(
            json!({"credentials": {"accessKeyId": key}, "assumedRoleUser": {"arn": session.identity["arn"]}}),
        )
    }
}
