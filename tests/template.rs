//! What the templates and sample events say is what the code says.

use std::{fmt::Write, fs};

use crate::support::root;
use trailwarden_pipeline::event_patterns::patterns;

const BEGIN: &str = "  # fast lane: begin (generated from the catalogue of calls)\n";
const END: &str = "  # fast lane: end\n";

/// The rules of a template, each with its target.
fn rules(target: &str) -> String {
    let mut rules = String::new();
    for (nth, pattern) in patterns().iter().enumerate() {
        let _ = write!(
            rules,
            "  FastLane{}:\n    Type: AWS::Events::Rule\n    Properties:\n      Description: Calls that should not wait for the trail's next object\n      EventPattern: {pattern}\n      Targets:\n{target}\n",
            nth + 1
        );
    }
    rules
}

/// Into the hub's own queue.
const TO_QUEUE: &str = "        - Id: fast-queue
          Arn: !GetAtt FastQueue.Arn
          DeadLetterConfig: { Arn: !GetAtt RulesDeadLetters.Arn }
";
/// To the hub's bus, by a role of the account.
const TO_HUB: &str = "        - Id: hub
          Arn: !Ref HubBusArn
          RoleArn: !Sub arn:${AWS::Partition}:iam::${AWS::AccountId}:role/${ForwardingRoleName}
";

/// With `UPDATE_TEMPLATE=1` the rules are written instead.
#[test]
fn the_fast_lanes_rules_are_those_of_the_catalogue() {
    for (name, target) in [("template.yaml", TO_QUEUE), ("member.yaml", TO_HUB)] {
        let path = root().join(name);
        let text = fs::read_to_string(&path).expect("a template");
        let (before, rest) = text.split_once(BEGIN).expect("where the rules begin");
        let (written, after) = rest.split_once(END).expect("where the rules end");
        let expected = rules(target);
        if std::env::var_os("UPDATE_TEMPLATE").is_some() {
            fs::write(&path, [before, BEGIN, &expected, END, after].concat()).expect("written");
        } else {
            assert_eq!(written, expected, "{name}: run this test once with UPDATE_TEMPLATE=1");
        }
    }
}

/// Logical ids of a type in the hub's template.
fn resources(kind: &str) -> Vec<String> {
    let template = fs::read_to_string(root().join("template.yaml")).expect("a template");
    let lines: Vec<&str> = template.lines().collect();
    let of_kind = lines.windows(2).filter(|pair| pair[1] == format!("    Type: {kind}"));
    of_kind.map(|pair| pair[0].trim().trim_end_matches(':').to_owned()).collect()
}

#[test]
fn the_readme_explains_every_alarm_and_every_parameter() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let alarms = resources("AWS::CloudWatch::Alarm");
    assert!(alarms.len() > 20);
    let template = fs::read_to_string(root().join("template.yaml")).expect("a template");
    let (_, parameters) = template.split_once("\nParameters:\n").expect("parameters");
    let (parameters, _) = parameters.split_once("\nConditions:\n").expect("conditions");
    let named = |line: &str| Some(line.strip_prefix("  ")?.strip_suffix(':')?.to_owned());
    let parameters: Vec<String> =
        parameters.lines().filter_map(named).filter(|name| !name.starts_with(' ')).collect();
    assert!(parameters.len() > 10);
    for name in alarms.iter().chain(&parameters) {
        assert!(readme.contains(name), "{name}");
    }
}

#[test]
fn each_function_of_the_template_is_a_package() {
    let functions = resources("AWS::Serverless::Function");
    let packages: Vec<_> = fs::read_dir(root().join("functions")).expect("functions").flatten().collect();
    assert_eq!(functions.len(), packages.len(), "{functions:?}");
    let template = fs::read_to_string(root().join("template.yaml")).expect("a template");
    for package in packages {
        let name = package.file_name().into_string().expect("a name");
        let built = format!(
            "    Metadata:\n      BuildMethod: rust-cargolambda\n    Properties:\n      CodeUri: functions/{name}\n"
        );
        assert!(template.contains(&built), "{name} is not built by cargo lambda");
        let read = |file: &str| fs::read_to_string(package.path().join(file)).expect("a package");
        let is_tested = !read("Cargo.toml").contains("test = false");
        assert!(is_tested || !read("src/main.rs").contains("cfg(test)"), "{name}: its tests never run");
    }
}

/// No response touches a role of ours: each is named to the responder, but the one it acts by, which it knows.
#[test]
fn the_responder_knows_each_role_of_ours() {
    let template = fs::read_to_string(root().join("template.yaml")).expect("a template");
    let (_, own) = template.split_once("OWN_ROLES: !Join\n").expect("our own roles");
    let (own, _) = own.split_once("\n\n").expect("its end");
    let roles = resources("AWS::IAM::Role");
    assert!(roles.len() > 10, "{roles:?}");
    for role in roles.iter().filter(|role| *role != "ResponseRole") {
        assert!(own.contains(&format!("!Ref {role}")), "{role}");
    }
}

/// What responses may do in the hub's account they may do in a member's.
#[test]
fn both_templates_let_responses_do_the_same() {
    let statements = |name: &str| {
        let template = fs::read_to_string(root().join(name)).expect("a template");
        let (_, role) = template.split_once("\n  ResponseRole:\n").expect("the role");
        let (_, allowed) =
            role.split_once("        - Effect: Allow\n                Action:\n").expect("what it may");
        let end = allowed.find("\n\n").expect("its end");
        allowed[..end].to_owned()
    };
    let (hub, member) = (statements("template.yaml"), statements("member.yaml"));
    assert!(hub.contains("iam:PutUserPolicy") && hub.contains("rds:ModifyDBSnapshotAttribute"), "{hub}");
    assert_eq!(hub, member);
}

/// Where responses may only deny people, they may do all that this takes, and nothing else.
#[test]
fn to_deny_people_takes_what_is_not_denied() {
    let template = fs::read_to_string(root().join("member.yaml")).expect("a template");
    let listed = |text: &str, end: &str| -> Vec<String> {
        let list = text.split(end).next().unwrap_or_default();
        let names = list.split(['-', '\n', ' ']).filter(|word| word.contains(':') && !word.ends_with(':'));
        names.map(str::to_owned).collect()
    };
    let granted = template.split("- MayDenyPeople\n").skip(1);
    let granted: Vec<String> = granted.flat_map(|text| listed(text, "Resource:")).collect();
    let (_, kept) = template.split_once("NotAction:").expect("all but some");
    assert_eq!(granted.len(), 4, "{granted:?}");
    assert_eq!(granted, listed(kept, "Resource:"));
    let policy = "        - !If\n          - MayDenyOnly\n          - PolicyName: nothing-else\n            PolicyDocument:\n              \
                  Version: \"2012-10-17\"\n              Statement:\n                - Effect: Deny\n                  NotAction:\n";
    assert!(template.contains(policy), "all but that is denied, and only where that is asked for");
    let rest = kept.split_once("Resource:").map(|(_, rest)| rest.lines().next());
    assert_eq!(rest, Some(Some(" \"*\"")));
}

/// Each widget is JSON, and none is wider than the page; whatever fails shows there.
#[test]
fn the_operators_dashboard_has_every_function() {
    let template = fs::read_to_string(root().join("template.yaml")).expect("a template");
    let (_, body) = template.split_once("      DashboardBody: !Sub |\n").expect("a dashboard");
    let body: Vec<&str> = body.lines().take_while(|line| line.starts_with("        ")).collect();
    let body: serde_json::Value = serde_json::from_str(&body.concat()).expect("JSON");
    let widgets = body["widgets"].as_array().expect("widgets");
    assert!(widgets.iter().all(|widget| widget["x"].as_u64() < Some(24)));
    let errors = widgets.iter().find(|widget| widget["properties"]["title"] == "Errors").expect("errors");
    for function in fs::read_dir(root().join("functions")).expect("functions") {
        let name = function.expect("a function").file_name().into_string().expect("a name");
        assert!(errors.to_string().contains(&format!("${{AWS::StackName}}-{name}\"")), "{name}");
    }
}
