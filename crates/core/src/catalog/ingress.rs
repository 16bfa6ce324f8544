//! Readers of firewall rules: audience and ports that a call opens.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Act, Call, Exposure, policy, sharing::opened, weight};

/// Ports that give access to machines and databases.
const ENTRANCES: &[u64] = &[
    22, 23, 135, 445, 1433, 1521, 2375, 2379, 3306, 3389, 5432, 5601, 5900, 5985, 5986, 6379, 6443, 9200,
    10250, 11211, 27017,
];

/// Most ports named in a detail.
const DOORS: usize = 6;

/// A firewall rule: audience and ports.
pub(super) fn ingress(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["groupId", "groupName", "networkAclId", "dBSecurityGroupName"]));
    let mut rules = Vec::new();
    collect_rules(&call.parameters, &mut rules);
    let open: Vec<&Value> = rules.into_iter().filter(|rule| is_open(rule)).collect();
    let door = |rule: &&Value| {
        port(rule, "fromPort").map_or_else(|| "every port".to_owned(), |port| format!("port {port}"))
    };
    let doors: BTreeSet<String> = open.iter().filter(|rule| reaches_entrance(rule)).map(door).collect();
    if !doors.is_empty() {
        act.exposure = Exposure::Public;
        act.to("*");
        let more = if doors.len() > DOORS { ", and more" } else { "" };
        let doors: Vec<String> = doors.into_iter().take(DOORS).collect();
        act.detail = format!("{}{more} open to everybody", doors.join(", ")).into();
    } else if open.is_empty() {
        act.weigh(weight::ROUTINE, "not open to everybody");
    } else {
        act.weigh(weight::MINOR, "open to everybody");
    }
}

/// Collects the objects that have ports, however EC2 nests them.
fn collect_rules<'v>(value: &'v Value, rules: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => {
            if ["ipProtocol", "IpProtocol", "protocol", "aclProtocol", "ipRanges", "cidrIp"]
                .iter()
                .any(|key| fields.contains_key(*key))
            {
                rules.push(value);
                return;
            }
            fields.values().for_each(|inner| collect_rules(inner, rules));
        }
        Value::Array(list) => list.iter().for_each(|inner| collect_rules(inner, rules)),
        _ => {}
    }
}

fn is_open(rule: &Value) -> bool {
    let text = |value: &Value| value.as_str().is_some_and(policy::is_everywhere);
    let has = |value: &Value| match value {
        Value::Object(fields) => {
            fields.iter().any(|(key, inner)| key.to_ascii_lowercase().contains("cidr") && text(inner))
        }
        _ => false,
    };
    if has(rule) {
        return rule.get("ruleAction").and_then(Value::as_str) != Some("deny")
            && rule.get("egress") != Some(&Value::Bool(true));
    }
    ["ipRanges", "ipv6Ranges", "IpRanges", "Ipv6Ranges"].iter().filter_map(|key| rule.get(key)).any(
        |ranges| {
            let items = ranges.get("items").unwrap_or(ranges);
            items.as_array().map_or_else(|| has(items), |items| items.iter().any(has))
        },
    )
}

fn port(rule: &Value, key: &str) -> Option<u64> {
    let range = rule.get("portRange").or_else(|| rule.get("aclPortRange")).unwrap_or(rule);
    let (upper, short) = if key == "fromPort" { ("FromPort", "from") } else { ("ToPort", "to") };
    [key, upper, short].iter().find_map(|key| range.get(key)).and_then(Value::as_u64)
}

fn reaches_entrance(rule: &Value) -> bool {
    let protocol = ["ipProtocol", "IpProtocol", "protocol", "aclProtocol"]
        .iter()
        .find_map(|key| rule.get(key)?.as_str());
    if matches!(protocol, Some("-1" | "all")) {
        return true;
    }
    if matches!(protocol, Some("icmp" | "icmpv6" | "1" | "58")) {
        return false;
    }
    let (Some(from), Some(to)) = (port(rule, "fromPort"), port(rule, "toPort")) else {
        return protocol.is_none();
    };
    ENTRANCES.iter().any(|entrance| (from..=to).contains(entrance))
}

/// A rule in a database's own firewall. Such groups remain from EC2-Classic and are easily forgotten.
pub(super) fn database_ingress(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["dBSecurityGroupName", "clusterSecurityGroupName"]));
    let cidr = call.text(&["cIDRIP", "cidrip"]);
    if policy::is_everywhere(cidr) {
        opened(act, "*");
    } else {
        act.detail = format!("lets in {cidr}").into();
    }
}
