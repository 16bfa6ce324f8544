//! What the templates and sample events say is what the code says.

use std::{fmt::Write, fs};

use crate::support::root;
use trailwarden_pipeline::event_patterns::patterns;

/// The marks between which the fast lane's rules stand in both templates.
const FAST_LANE: (&str, &str) =
    ("  # fast lane: begin (generated from the catalogue of calls)\n", "  # fast lane: end\n");
/// The marks between which the response role's permissions stand in both templates.
const RESPONSES: (&str, &str) = (
    "              # responses: begin (template.yaml has the source, member.yaml a generated copy)\n",
    "              # responses: end\n",
);

/// A file of the project's folder.
fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect(name)
}

/// A text before, between and after two marks.
fn parted<'a>(text: &'a str, (begin, end): (&str, &str)) -> [&'a str; 3] {
    let (before, rest) = text.split_once(begin).expect(begin);
    let (between, after) = rest.split_once(end).expect(end);
    [before, between, after]
}

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

/// Compares what stands between two marks of a template; with `UPDATE_TEMPLATE=1` writes it instead.
fn assert_generated(name: &str, marks: (&str, &str), expected: &str) {
    let template = read(name);
    let [before, written, after] = parted(&template, marks);
    if std::env::var_os("UPDATE_TEMPLATE").is_some() {
        let text = [before, marks.0, expected, marks.1, after].concat();
        fs::write(root().join(name), text).expect("written");
    } else {
        assert_eq!(written, expected, "{name}: run this test once with UPDATE_TEMPLATE=1");
    }
}

/// One test, as two would write member.yaml at the same time.
#[test]
fn generated_parts_of_the_templates_are_up_to_date() {
    assert_generated("template.yaml", FAST_LANE, &rules(TO_QUEUE));
    assert_generated("member.yaml", FAST_LANE, &rules(TO_HUB));
    let hub = read("template.yaml");
    let [_, responses, _] = parted(&hub, RESPONSES);
    assert!(responses.contains("iam:PutUserPolicy") && responses.contains("rds:ModifyDBSnapshotAttribute"));
    assert_generated("member.yaml", RESPONSES, responses);
}

/// The hub's template with its loops written out, as `AWS::LanguageExtensions` does it. Blank lines separate resources and
/// loops; a loop contains none.
fn expanded() -> String {
    let template = read("template.yaml");
    let blocks = template.split("\n\n").map(|block| match block.split_once("  Fn::ForEach::") {
        Some((_, repeated)) => copies(repeated),
        None => block.to_owned(),
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// The copies that a loop makes. Its lines are its name, an identifier, a collection and a fragment with `${identifier}`.
fn copies(repeated: &str) -> String {
    let mut lines = repeated.lines().skip(1).map(|line| &line["    - ".len()..]);
    let identifier = format!("${{{}}}", lines.next().expect("an identifier"));
    let collection = lines.next().expect("a collection");
    let items =
        collection.strip_prefix('[').and_then(|items| items.strip_suffix(']')).expect("a list in a line");
    let fragment: String = lines.map(|line| ["  ", line, "\n"].concat()).collect();
    items.split(", ").map(|item| fragment.replace(&identifier, item)).collect()
}

/// Logical ids of a type in the hub's template.
fn resources(kind: &str) -> Vec<String> {
    let template = expanded();
    let lines: Vec<&str> = template.lines().collect();
    let of_kind = lines.windows(2).filter(|pair| pair[1] == format!("    Type: {kind}"));
    of_kind.map(|pair| pair[0].trim().trim_end_matches(':').to_owned()).collect()
}

#[test]
fn loops_of_the_template_are_expanded() {
    let queues = resources("AWS::SQS::Queue");
    assert_eq!(queues.len(), 17, "{queues:?}");
    assert!(["FastQueue", "NotifyDeadLetters"].iter().all(|name| queues.iter().any(|queue| queue == name)));
    assert!(!resources("AWS::CloudWatch::Alarm").iter().any(|alarm| alarm.contains('$')));
}

/// The response role has a name, which takes one capability; the transforms are macros, which take another. Loops are
/// expanded, here and by AWS, before the serverless resources are read.
#[test]
fn samconfig_has_the_capabilities_that_the_template_needs() {
    let template = read("template.yaml");
    assert!(template.contains("\n      RoleName: "));
    assert!(template.contains("\nTransform:\n  - AWS::LanguageExtensions\n  - AWS::Serverless-2016-10-31\n"));
    let samconfig = read("samconfig.toml");
    assert!(samconfig.contains("\ncapabilities = \"CAPABILITY_NAMED_IAM CAPABILITY_AUTO_EXPAND\"\n"));
    assert!(samconfig.contains("\nlanguage_extensions = true\n"));
}

#[test]
fn the_readme_explains_every_alarm_and_every_parameter() {
    let readme = read("functions/README.md");
    let alarms = resources("AWS::CloudWatch::Alarm");
    assert!(alarms.len() > 20);
    let template = read("template.yaml");
    let [_, parameters, _] = parted(&template, ("\nParameters:\n", "\nMappings:\n"));
    let named = |line: &str| Some(line.strip_prefix("  ")?.strip_suffix(':')?.to_owned());
    let parameters: Vec<String> =
        parameters.lines().filter_map(named).filter(|name| !name.starts_with(' ')).collect();
    assert!(parameters.len() > 10);
    for name in alarms.iter().chain(&parameters) {
        assert!(readme.contains(name), "{name}");
    }
}

/// Names of the functions' packages.
fn packages() -> Vec<String> {
    let entries = fs::read_dir(root().join("functions")).expect("functions").flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|folder| folder.file_name().into_string().expect("a name")).collect()
}

#[test]
fn each_function_of_the_template_is_a_package() {
    let functions = resources("AWS::Serverless::Function");
    let packages = packages();
    assert_eq!(functions.len(), packages.len(), "{functions:?}");
    let template = read("template.yaml");
    for name in packages {
        let built = format!(
            "    Metadata:\n      BuildMethod: rust-cargolambda\n    Properties:\n      CodeUri: functions/{name}\n"
        );
        assert!(template.contains(&built), "{name} is not built by cargo lambda");
        let read = |file: &str| {
            fs::read_to_string(root().join("functions").join(&name).join(file)).expect("a package")
        };
        let is_tested = !read("Cargo.toml").contains("test = false");
        assert!(is_tested || !read("src/main.rs").contains("cfg(test)"), "{name}: its tests never run");
    }
}

/// No response touches a role of ours: each is named to the responder, but the one it acts by, which it knows.
#[test]
fn the_responder_knows_each_role_of_ours() {
    let template = read("template.yaml");
    let (_, own) = template.split_once("OWN_ROLES: !Join\n").expect("our own roles");
    let (own, _) = own.split_once("\n\n").expect("its end");
    let roles = resources("AWS::IAM::Role");
    assert!(roles.len() > 10, "{roles:?}");
    for role in roles.iter().filter(|role| *role != "ResponseRole") {
        assert!(own.contains(&format!("!Ref {role}")), "{role}");
    }
}

/// Where responses may only deny people, they may do all that this takes, and nothing else.
#[test]
fn to_deny_people_takes_what_is_not_denied() {
    let template = read("member.yaml");
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

/// Two widgets fill a row of 24 columns; whatever fails shows there.
#[test]
fn the_operators_dashboard_has_every_function() {
    let template = read("template.yaml");
    let [_, widgets, _] = parted(&template, ("          widgets:\n", "\n\n"));
    let widgets: Vec<&str> = widgets.split("            - type: metric\n").skip(1).collect();
    assert!(widgets.iter().all(|widget| widget.starts_with("              width: 12\n")), "two fill a row");
    let errors = widgets.iter().find(|widget| widget.contains("title: Errors\n")).expect("errors");
    for name in packages() {
        assert!(errors.contains(&format!("!Sub \"${{AWS::StackName}}-{name}\"")), "{name}");
    }
}
