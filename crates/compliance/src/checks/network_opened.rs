//! Check: administration or database port opened to the whole Internet.
//!
//! Not a violation: a web server's port, an office address, and revoking a rule.

use crate::{Check, Group, Rule, Speaks, done};
use trailwarden_core::{catalog::Exposure, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "network-opened",
    title: "A sensitive port was opened to the Internet",
    group: Group::Exposure,
    severity: Severity::High,
    remediation: &[
        "Close it",
        "Let people in through Session Manager or a VPN",
        "Look for connections from outside meanwhile (flow logs)",
    ],
    blind_spot: "Whether anything listens behind it, or can be reached; network ACLs, which have to let answers back in.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("ec2", &["AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"]),
        ("rds", &["AuthorizeDBSecurityGroupIngress"]),
        ("redshift", &["AuthorizeClusterSecurityGroupIngress"]),
    ]),
    rule: Rule::Event(|event, _| done(event, |act| act.exposure == Exposure::Public)),
    config_rules: &["restricted-ssh", "restricted-common-ports", "vpc-sg-open-only-to-authorized-ports"],
};

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::testing::call, *};

    fn rule(port: u16, cidr: &str) -> Value {
        json!({ "groupId": "sg-1", "ipPermissions": { "items": [{ "ipProtocol": "tcp", "fromPort": port, "toPort": port,
            "ipRanges": { "items": [{ "cidrIp": cidr }] } }] } })
    }

    #[test]
    fn ssh_for_everybody_breaks_it() {
        assert!(call("ec2:AuthorizeSecurityGroupIngress", rule(22, "0.0.0.0/0")).breaks(&CHECK).is_some());
    }

    #[test]
    fn a_web_server_an_office_and_a_refusal_do_not() {
        assert_eq!(call("ec2:AuthorizeSecurityGroupIngress", rule(443, "0.0.0.0/0")).breaks(&CHECK), None);
        assert_eq!(call("ec2:AuthorizeSecurityGroupIngress", rule(22, "192.0.2.0/24")).breaks(&CHECK), None);
        assert_eq!(
            call("ec2:AuthorizeSecurityGroupIngress", rule(22, "0.0.0.0/0")).refused().breaks(&CHECK),
            None
        );
    }
}
