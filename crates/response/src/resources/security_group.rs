//! Ingress rules of a security group. State: `tcp 22-22 0.0.0.0/0` to the rule's description.

use super::{ActionSheet, ResourceSheet, without};
use crate::{Commands, Impossible, Resource, Undo};

pub(crate) fn sheet<'a>(group: &'a str, region: &'a str) -> ResourceSheet<'a> {
    let calls = &[
        "ec2:DescribeSecurityGroupRules",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupIngress",
    ];
    ResourceSheet { name: group, calls, region: Some(region) }
}

/// Revokes the rules that a finding describes, `port 22, port 3389 open to everybody`.
pub(crate) fn revoke<'a>(group: &'a str, rule: &'a str, region: &'a str) -> ActionSheet<'a> {
    ActionSheet {
        text: format!("Revoke the rule of {group}: {rule}"),
        undo: (Undo::Exact, "authorise the rule again, which is recorded before"),
        resource: Resource::Ingress { group: group.to_owned(), region: region.to_owned() },
        desired: Box::new(move |before, _| {
            without(before, |entry, _| is_open_at(entry, rule), Impossible::Needless("there is no such rule"))
        }),
        commands: commands(group, region),
        names: vec![group, region],
    }
}

/// Whether an entry, `tcp 22-22 0.0.0.0/0`, lets everybody in where a rule in words says so.
fn is_open_at(entry: &str, rule: &str) -> bool {
    let mut parts = entry.split(' ').skip(1);
    let (span, range) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if !["0.0.0.0/0", "::/0"].contains(&range) {
        return false;
    }
    let doors = rule.strip_suffix(" open to everybody").unwrap_or_default();
    doors.split(", ").any(|door| match door.strip_prefix("port ") {
        Some(port) => port.parse::<u32>().is_ok() && span.split('-').next() == Some(port),
        None => door == "every port" && span == "all",
    })
}

fn commands(group: &str, region: &str) -> Commands {
    Commands {
        forth: vec![
            format!(
                "aws ec2 describe-security-group-rules --region {region} --filters Name=group-id,Values='{group}'   # then, of the rule:"
            ),
            format!(
                "aws ec2 revoke-security-group-ingress --region {region} --group-id '{group}' --security-group-rule-ids RULE"
            ),
        ],
        back: vec![format!(
            "aws ec2 authorize-security-group-ingress --region {region} --group-id '{group}' --ip-permissions RULE"
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{desired, state};
    use crate::Action;

    #[test]
    fn a_door_that_was_opened_is_shut_and_no_other() {
        let revoke = |rule: &str| Action::RevokeIngress {
            group: "sg-1".into(),
            rule: rule.into(),
            region: "eu-west-1".into(),
        };
        let action = revoke("port 22 open to everybody");
        let kept = [("tcp 22-22 10.0.0.0/8", ""), ("tcp 443-443 0.0.0.0/0", "web")];
        let opened = [kept[0], kept[1], ("tcp 22-22 0.0.0.0/0", ""), ("tcp 22-22 ::/0", "")];
        assert_eq!(desired(&action, &opened).unwrap(), state(&kept));
        assert!(desired(&action, &kept).is_err());
        let several = revoke("port 22, port 3389, and more open to everybody");
        let opened = [kept[0], kept[1], ("tcp 22-22 0.0.0.0/0", ""), ("tcp 3389-3389 0.0.0.0/0", "")];
        assert_eq!(desired(&several, &opened).unwrap(), state(&kept));
    }
}
