//! Attacks: privilege escalation and persistence.

use serde_json::json;

use super::{Attack, Disguise, Stage, Victim};
use crate::{
    calls::{account_trust, all_rights},
    identity::Access,
    record::call,
    tools::Tool,
    truth::Difficulty::{Easy, Hard, Medium},
};

pub(super) const ATTACKS: &[Attack] = &[
    Attack {
        id: "new-administrator",
        title: "A new user with all rights and a key",
        source: "Expel, From CLI to console, 2022; Invictus IR, DangerDev, 2024",
        difficulty: Easy,
        tactics: &["TA0003", "TA0004"],
        techniques: &["T1136.003", "T1098.003", "T1098.001", "T1078.004"],
        behaviours: &["persistence", "privilege-escalation"],
        victim: Victim::Administrator,
        disguise: Disguise::None,
        act: new_administrator,
    },
    Attack {
        id: "key-for-another",
        title: "A second key for somebody else, at the victim's desk",
        source: "CERT-EU on the Trivy compromise, 2026; Sysdig, SCARLETEEL 2.0, 2023",
        difficulty: Hard,
        tactics: &["TA0003"],
        techniques: &["T1098.001", "T1098", "T1078.004"],
        behaviours: &["persistence"],
        victim: Victim::Person,
        disguise: Disguise::IsVictim,
        act: key_for_another,
    },
    Attack {
        id: "policy-on-oneself",
        title: "A user gives itself all rights",
        source: "Expel, From CLI to console, 2022",
        difficulty: Medium,
        tactics: &["TA0004"],
        techniques: &["T1098.003", "T1098", "T1078.004"],
        behaviours: &["privilege-escalation", "persistence"],
        victim: Victim::Key,
        disguise: Disguise::LooksLikeVictim,
        act: policy_on_oneself,
    },
    Attack {
        id: "policy-version",
        title: "A policy's new version allows everything",
        source: "Rhino Security Labs, AWS IAM privilege escalation methods, 2018",
        difficulty: Hard,
        tactics: &["TA0004"],
        techniques: &["T1098.003", "T1098", "T1484"],
        behaviours: &["privilege-escalation"],
        victim: Victim::Person,
        disguise: Disguise::IsVictim,
        act: policy_version,
    },
    Attack {
        id: "role-for-outsider",
        title: "A role that an outside account may take",
        source: "Datadog, Unwanted visitor, 2024; Invictus IR, DangerDev, 2024",
        difficulty: Medium,
        tactics: &["TA0003", "TA0004"],
        techniques: &["T1136.003", "T1098.003", "T1484.002", "T1199", "T1078.004"],
        behaviours: &["persistence", "privilege-escalation"],
        victim: Victim::Administrator,
        disguise: Disguise::LooksLikeVictim,
        act: role_for_outsider,
    },
    Attack {
        id: "trust-rewritten",
        title: "An old role's trust is opened to an outsider",
        source: "Stratus Red Team, Backdoor an IAM role, 2022",
        difficulty: Hard,
        tactics: &["TA0003", "TA0004"],
        techniques: &["T1098", "T1098.003", "T1484.002", "T1199"],
        behaviours: &["persistence", "privilege-escalation"],
        victim: Victim::Administrator,
        disguise: Disguise::IsVictim,
        act: trust_rewritten,
    },
    Attack {
        id: "federation-token",
        title: "A session that outlives its key",
        source: "CrowdStrike, How adversaries persist with AWS user federation, 2023",
        difficulty: Medium,
        tactics: &["TA0003", "TA0008", "TA0004"],
        techniques: &["T1098.001", "T1550.001", "T1078.004"],
        behaviours: &["persistence", "lateral-movement", "privilege-escalation"],
        victim: Victim::Key,
        disguise: Disguise::None,
        act: federation_token,
    },
    Attack {
        id: "second-factor-swapped",
        title: "A colleague's second factor removed and password set",
        source: "Permiso, LUCR-3, 2023",
        difficulty: Medium,
        tactics: &["TA0003", "TA0005"],
        techniques: &["T1556.006", "T1098.001", "T1098", "T1098.003"],
        behaviours: &["persistence", "evasion"],
        victim: Victim::Person,
        disguise: Disguise::LooksLikeVictim,
        act: second_factor,
    },
    Attack {
        id: "function-backdoor",
        title: "Somebody else's function gets other code and a stranger may call it",
        source: "Sysdig, AI-assisted cloud intrusion, 2026; Datadog, The attacker doth persist too much, 2025",
        difficulty: Medium,
        tactics: &["TA0003", "TA0004"],
        techniques: &["T1546", "T1648", "T1525", "T1098", "T1098.003", "T1059"],
        behaviours: &["persistence", "privilege-escalation", "execution"],
        victim: Victim::Person,
        disguise: Disguise::None,
        act: function_backdoor,
    },
    Attack {
        id: "pass-role",
        title: "A function with a strong role is made and run",
        source: "Rhino Security Labs, AWS IAM privilege escalation methods, 2018",
        difficulty: Hard,
        tactics: &["TA0004", "TA0003"],
        techniques: &["T1098.003", "T1098", "T1548.005", "T1648", "T1136.003"],
        behaviours: &["privilege-escalation", "persistence", "execution"],
        victim: Victim::Person,
        disguise: Disguise::LooksLikeVictim,
        act: pass_role,
    },
    Attack {
        id: "stack-makes-administrator",
        title: "A stack makes an administrator role in a pipeline's name",
        source: "Google Threat Horizons on UNC6426, 2026",
        difficulty: Hard,
        tactics: &["TA0004", "TA0003"],
        techniques: &["T1098.003", "T1136.003", "T1098", "T1484.002", "T1078.004"],
        behaviours: &["privilege-escalation", "persistence", "reconnaissance", "anomalous-access"],
        victim: Victim::Pipeline,
        disguise: Disguise::None,
        act: stack,
    },
];

fn new_administrator(stage: &mut Stage<'_>) {
    stage.ask(&["iam:ListUsers", "iam:ListAttachedUserPolicies"], 0.0);
    let name = (*stage.draw.pick(&["aws_support", "backup-svc", "devops2", "ses"])).to_owned();
    let user = stage.new_user(&name, "AdministratorAccess");
    stage
        .call(call("iam:CreateLoginProfile").with(json!({"userName": name, "passwordResetRequired": false})));
    stage.minutes(5, 40);
    stage.become_(&user, Tool::Cli);
    stage.ask(&["sts:GetCallerIdentity", "iam:ListUsers", "s3:ListBuckets"], 0.0);
}

fn key_for_another(stage: &mut Stage<'_>) {
    let user = stage.draw.pick(&stage.account().things.users).clone();
    let key = stage.draw.id("AKIA");
    stage.call(call("iam:ListAccessKeys").with(json!({"userName": user})));
    stage.call(
        call("iam:CreateAccessKey")
            .with(json!({"userName": user}))
            .gives(json!({"accessKey": {"userName": user, "accessKeyId": key, "status": "Active"}})),
    );
}

fn policy_on_oneself(stage: &mut Stage<'_>) {
    let name = stage.access.arn().rsplit('/').next().unwrap_or_default().to_owned();
    stage.call(call("iam:ListAttachedUserPolicies").with(json!({"userName": name})));
    stage.call(
        call("iam:AttachUserPolicy")
            .with(json!({"userName": name, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})),
    );
    stage.minutes(2, 9);
    stage
        .call(call("iam:CreateLoginProfile").with(json!({"userName": name, "passwordResetRequired": false})));
}

fn policy_version(stage: &mut Stage<'_>) {
    let policy = format!("arn:aws:iam::{}:policy/team-access", stage.session.account);
    stage.call(call("iam:GetPolicy").with(json!({"policyArn": policy})));
    stage.next_day();
    stage.call(
        call("iam:CreatePolicyVersion")
            .with(json!({"policyArn": policy, "policyDocument": all_rights(), "setAsDefault": true})),
    );
}

fn role_for_outsider(stage: &mut Stage<'_>) {
    let trust = account_trust(&stage.outside);
    let name = (*stage.draw.pick(&["SupportAWS", "AWSLanding-Zones-ConfigRecorder", "OrgAudit"])).to_owned();
    stage.call(call("iam:CreateRole").with(json!({"roleName": name, "assumeRolePolicyDocument": trust})));
    stage.call(
        call("iam:AttachRolePolicy")
            .with(json!({"roleName": name, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})),
    );
}

fn trust_rewritten(stage: &mut Stage<'_>) {
    let role = stage.draw.pick(&stage.account().things.roles).clone();
    stage.call(call("iam:GetRole").with(json!({"roleName": role})));
    let trust = account_trust(&stage.outside);
    stage.call(call("iam:UpdateAssumeRolePolicy").with(json!({"roleName": role, "policyDocument": trust})));
}

fn federation_token(stage: &mut Stage<'_>) {
    let key = stage.draw.id("ASIA");
    stage.call(
        call("sts:GetFederationToken")
            .with(json!({"name": "admin", "policy": all_rights(), "durationSeconds": 129_600}))
            .gives(json!({"credentials": {"accessKeyId": key}})),
    );
    let account = stage.session.account.clone();
    stage.session.identity = json!({"type": "FederatedUser", "principalId": format!("{account}:admin"), "arn": format!("arn:aws:sts::{account}:federated-user/admin"), "accountId": account, "accessKeyId": key,
        "sessionContext": {"sessionIssuer": {"type": "IAMUser", "arn": stage.access.arn(), "accountId": account}, "attributes": {"mfaAuthenticated": "false"}}});
    stage.acting = format!("arn:aws:sts::{account}:federated-user/admin");
    stage.tool(Tool::Browser);
    stage.calls(&["signin:GetSigninToken"]);
    stage.call(
        call("signin:ConsoleLogin")
            .gives(json!({"ConsoleLogin": "Success"}))
            .extra("additionalEventData", json!({"MFAUsed": "No"})),
    );
    stage.ask(&["ec2:DescribeInstances", "iam:ListUsers", "s3:ListBuckets"], 0.2);
}

fn second_factor(stage: &mut Stage<'_>) {
    let user = stage.draw.pick(&stage.account().things.users).clone();
    stage.call(call("iam:ListMFADevices").with(json!({"userName": user})));
    stage.call(call("iam:DeactivateMFADevice").with(json!({"userName": user, "serialNumber": format!("arn:aws:iam::{}:mfa/{user}", stage.session.account)})));
    stage
        .call(call("iam:UpdateLoginProfile").with(json!({"userName": user, "passwordResetRequired": false})));
}

fn function_backdoor(stage: &mut Stage<'_>) {
    let function = stage.draw.pick(&stage.account().things.functions).clone();
    stage.ask(&["lambda:ListFunctions20150331"], 0.0);
    stage.call(
        call("lambda:UpdateFunctionCode20150331v2").with(json!({"functionName": function, "dryRun": false})),
    );
    let outside = stage.outside.clone();
    stage.call(call("lambda:AddPermission20150331v2").with(json!({"functionName": function, "statementId": "x", "action": "lambda:InvokeFunction", "principal": outside})));
}

fn pass_role(stage: &mut Stage<'_>) {
    let role = stage.draw.pick(&stage.account().things.roles).clone();
    let arn = format!("arn:aws:iam::{}:role/{role}-admin", stage.session.account);
    stage.ask(&["iam:ListRoles"], 0.0);
    stage.minutes(10, 40);
    stage.call(call("lambda:CreateFunction20150331").with(
        json!({"functionName": "health-check", "runtime": "python3.12", "role": arn, "handler": "x.handler"}),
    ));
    stage.call(call("lambda:Invoke").with(json!({"functionName": "health-check"})));
    // The function attaches a policy to the victim, under the function's own role.
    let account = stage.session.account.clone();
    let function = Access::role(&account, &format!("{role}-admin"), "health-check");
    let who = stage.access.clone();
    stage.become_(&function, Tool::Python);
    let name = who.arn().rsplit('/').next().unwrap_or_default().to_owned();
    stage.call(
        call("iam:PutUserPolicy")
            .with(json!({"userName": name, "policyName": "p", "policyDocument": all_rights()})),
    );
}

fn stack(stage: &mut Stage<'_>) {
    stage.calls(&["sts:GetCallerIdentity"]);
    stage.call(
        call("cloudformation:CreateStack")
            .with(json!({"stackName": "infra-bootstrap", "capabilities": ["CAPABILITY_NAMED_IAM"]})),
    );
    let address = std::mem::replace(&mut stage.session.address, "cloudformation.amazonaws.com".to_owned());
    let agent = std::mem::replace(&mut stage.session.agent, "cloudformation.amazonaws.com".to_owned());
    stage.session.identity["invokedBy"] = "cloudformation.amazonaws.com".into();
    let trust = account_trust(&stage.outside);
    stage.call(
        call("iam:CreateRole")
            .with(json!({"roleName": "bootstrap-admin", "assumeRolePolicyDocument": trust})),
    );
    stage.call(call("iam:AttachRolePolicy").with(
        json!({"roleName": "bootstrap-admin", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ));
    stage.session.address = address;
    stage.session.agent = agent;
}
