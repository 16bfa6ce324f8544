//! Reader of policy documents: the access they allow, and to whom.
//!
//! IAM writes policies as JSON inside a string, sometimes URL-encoded; S3 writes them as objects.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::event::account_of;

/// Access given by the `Allow` statements of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Open to everybody: `Principal: "*"` without a narrowing condition, or `NotPrincipal`.
    pub(super) is_public: bool,
    /// Other accounts that the policy names.
    pub(super) accounts: BTreeSet<String>,
    /// One of these accounts needs no external id. Vendors' roles require one; a back door does not.
    pub(super) is_unguarded: bool,
    /// Open to a federation (SAML or OIDC provider).
    pub(super) is_federated: bool,
    /// Open to every user of a web identity provider (GitHub, a cluster): no condition on the subject.
    pub(super) is_any_federated: bool,
    /// Every action on every resource.
    pub(super) is_administrator: bool,
    /// Enough to become administrator: an action of `PRIVILEGED`, or `NotAction`, on every resource.
    pub(super) is_privileged: bool,
    /// No statement allows; at least one denies.
    pub(super) only_denies: bool,
}

/// Actions that let a principal raise its own rights when allowed on every resource.
/// Source: Rhino Security Labs, "AWS IAM Privilege Escalation Methods" (2018, revised 2021).
const PRIVILEGED: &[&str] = &[
    "iam:passrole",
    "iam:createaccesskey",
    "iam:createloginprofile",
    "iam:updateloginprofile",
    "iam:attachuserpolicy",
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:putuserpolicy",
    "iam:putgrouppolicy",
    "iam:putrolepolicy",
    "iam:addusertogroup",
    "iam:updateassumerolepolicy",
    "iam:createpolicyversion",
    "iam:setdefaultpolicyversion",
    "sts:assumerole",
];

/// Condition keys that narrow `Principal: "*"` to known callers.
const NARROWING: &[&str] = &[
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "aws:viaawsservice",
    "kms:calleraccount",
    "kms:viaservice",
    "lambda:functionurlauthtype",
    "s3:dataaccesspointaccount",
    "elasticfilesystem:accessedviamounttarget",
];

/// Whether the statement requires an external id.
fn asks_for_external_id(statement: &Value) -> bool {
    let conditions = statement.get("Condition").and_then(Value::as_object);
    conditions.into_iter().flatten().any(|(operator, tests)| {
        let is_equality = operator.eq_ignore_ascii_case("StringEquals");
        let is_asked = |key: &String| key.eq_ignore_ascii_case("sts:ExternalId");
        is_equality && tests.as_object().is_some_and(|tests| tests.keys().any(is_asked))
    })
}

/// Reads a policy from an object or a string; `own` is the account it belongs to. `None` if it is no policy.
pub(super) fn reach(policy: &Value, own: &str) -> Option<Reach> {
    let parsed;
    let policy = match policy {
        Value::String(text) => {
            parsed = parse(text)?;
            &parsed
        }
        other => other,
    };
    let statements = as_list(policy.get("Statement").or_else(|| policy.get("statement"))?);
    let mut reach = Reach { only_denies: !statements.is_empty(), ..Reach::default() };
    for statement in statements.iter().filter(|statement| text_of(statement, "Effect") == "allow") {
        reach.only_denies = false;
        reach.add_principals(statement, own);
        reach.add_actions(statement);
    }
    Some(reach)
}

impl Reach {
    fn add_principals(&mut self, statement: &Value, own: &str) {
        self.is_public |= statement.get("NotPrincipal").is_some();
        let Some(principal) = statement.get("Principal") else { return };
        if let Some(text) = principal.as_str() {
            return self.add_principal(text, statement, own);
        }
        let Some(kinds) = principal.as_object() else { return };
        for (kind, who) in kinds {
            match kind.as_str() {
                "AWS" | "CanonicalUser" => {
                    as_list(who)
                        .iter()
                        .filter_map(|who| who.as_str())
                        .for_each(|who| self.add_principal(who, statement, own));
                }
                "Federated" => {
                    self.is_federated = true;
                    let is_web = as_list(who)
                        .iter()
                        .filter_map(|who| who.as_str())
                        .any(|who| who.contains("oidc-provider"));
                    self.is_any_federated |= is_web && !names_subject(statement);
                }
                _ => {}
            }
        }
    }

    fn add_principal(&mut self, who: &str, statement: &Value, own: &str) {
        if who == "*" {
            self.is_public |= !is_narrowed(statement);
            return;
        }
        let account = account_of(who).unwrap_or(who);
        if account != own
            && (12..=12).contains(&account.len())
            && account.bytes().all(|byte| byte.is_ascii_digit())
        {
            self.accounts.insert(account.to_owned());
            self.is_unguarded |= !asks_for_external_id(statement);
        }
    }

    fn add_actions(&mut self, statement: &Value) {
        let everywhere = as_list(statement.get("Resource").unwrap_or(&Value::Null))
            .iter()
            .any(|resource| is_wide(resource));
        if statement.get("NotAction").is_some() && everywhere {
            self.is_privileged = true;
        }
        for action in as_list(statement.get("Action").unwrap_or(&Value::Null)) {
            let action = action.as_str().unwrap_or_default().to_ascii_lowercase();
            let is_all = matches!(action.as_str(), "*" | "*:*");
            // A condition narrows when or from where, not what: an administrator by day is still one.
            self.is_administrator |= is_all && everywhere && statement.get("Condition").is_none();
            self.is_privileged |= everywhere && reaches_privileged(&action);
        }
    }
}

/// Whether an action pattern includes a privileged action.
fn reaches_privileged(action: &str) -> bool {
    let pattern = wildmatch::WildMatch::new(action);
    PRIVILEGED.iter().any(|privileged| pattern.matches(privileged))
}

/// `*`, every IAM ARN of any account, or every role.
fn is_wide(resource: &Value) -> bool {
    resource
        .as_str()
        .is_some_and(|text| text == "*" || text.starts_with("arn:aws:iam::*:") || text.ends_with(":role/*"))
}

fn is_narrowed(statement: &Value) -> bool {
    let Some(conditions) = statement.get("Condition").and_then(Value::as_object) else { return false };
    conditions.values().filter_map(Value::as_object).flat_map(|keys| keys.iter()).any(|(key, value)| {
        let key = key.to_ascii_lowercase();
        NARROWING.contains(&key.as_str()) || (key == "aws:sourceip" && !names_everywhere(value))
    })
}

/// Whether a condition requires a certain subject of a web identity provider.
fn names_subject(statement: &Value) -> bool {
    let Some(conditions) = statement.get("Condition").and_then(Value::as_object) else { return false };
    let mut keys = conditions.values().filter_map(Value::as_object).flat_map(|keys| keys.iter());
    keys.any(|(key, value)| {
        key.to_ascii_lowercase().ends_with(":sub") && !as_list(value).iter().any(|subject| *subject == "*")
    })
}

fn names_everywhere(value: &Value) -> bool {
    as_list(value).iter().any(|cidr| cidr.as_str().is_some_and(is_everywhere))
}

/// Whether a CIDR is the whole Internet, or nearly.
pub(super) fn is_everywhere(cidr: &str) -> bool {
    /// A /8 holds sixteen million addresses.
    const WIDE: u8 = 8;
    let Some((address, bits)) = cidr.split_once('/') else { return false };
    let is_wide = bits.parse::<u8>().is_ok_and(|bits| bits < WIDE);
    is_wide && address.parse::<std::net::IpAddr>().is_ok()
}

fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&percent_decode(text)?).ok())
}

/// Decodes URL encoding; `None` if there is none.
fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    let mut found = false;
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let hex = [bytes.next()?, bytes.next()?];
        decoded.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
        found = true;
    }
    if found { String::from_utf8(decoded).ok() } else { None }
}

fn text_of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
}

/// AWS writes a list of one element as that element.
fn as_list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach_of(statement: &str) -> Reach {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        reach(&Value::String(text), "111122223333").unwrap()
    }

    #[test]
    fn everybody_is_public_unless_narrowed() {
        assert!(
            reach_of(r#"[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]"#)
                .is_public
        );
        assert!(reach_of(r#"{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":"sqs:*","Condition":{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}}"#).is_public);
        for condition in [
            r#"{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["198.51.100.0/24"]}}"#,
        ] {
            let statement =
                format!(r#"{{"Effect":"Allow","Principal":"*","Action":"sqs:*","Condition":{condition}}}"#);
            assert!(!reach_of(&statement).is_public, "{condition}");
        }
        assert!(!reach_of(r#"{"Effect":"Deny","Principal":"*","Action":"*"}"#).is_public);
    }

    #[test]
    fn other_accounts_are_named_and_the_own_is_not() {
        let reach = reach_of(
            r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:root","arn:aws:iam::444455556666:role/x","999988887777"]},"Action":"sts:AssumeRole"}"#,
        );
        assert_eq!(
            reach.accounts.iter().map(String::as_str).collect::<Vec<_>>(),
            ["444455556666", "999988887777"]
        );
    }

    #[test]
    fn administrators_and_those_who_can_become_one() {
        let admin = reach_of(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
        assert!(admin.is_administrator);
        let escalating = reach_of(r#"{"Effect":"Allow","Action":["iam:PassRole"],"Resource":"*"}"#);
        assert!(escalating.is_privileged && !escalating.is_administrator);
        let narrow =
            reach_of(r#"{"Effect":"Allow","Action":["iam:PassRole"],"Resource":"arn:aws:iam::1:role/one"}"#);
        assert!(!narrow.is_privileged);
        assert!(reach_of(r#"[{"Effect":"Deny","Action":"*","Resource":"*"}]"#).only_denies);
    }

    #[test]
    fn wildcards_conditions_and_everybody_but_are_seen() {
        assert!(reach_of(r#"{"Effect":"Allow","Action":"iam:P*","Resource":"*"}"#).is_privileged);
        let by_region = r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}}"#;
        assert!(reach_of(by_region).is_privileged);
        assert!(!reach_of(r#"{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}"#).is_privileged);
        assert!(
            reach_of(
                r#"{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}"#
            )
            .is_public
        );
    }

    #[test]
    fn a_web_identity_without_a_subject_is_anybody() {
        let trust = |condition: &str| {
            reach_of(&format!(
                r#"{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.example"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{condition}}}"#
            ))
        };
        assert!(trust(r#"{"StringEquals":{"token.example:aud":"sts.amazonaws.com"}}"#).is_any_federated);
        assert!(!trust(r#"{"StringLike":{"token.example:sub":"repo:acme/*"}}"#).is_any_federated);
    }

    #[test]
    fn encoded_text_is_read_and_nonsense_is_not() {
        let encoded = Value::String(
            "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%22*%22%7D%5D%7D"
                .to_owned(),
        );
        assert!(reach(&encoded, "1").unwrap().is_public);
        for text in ["", "{", "%7", "[]", "%zz"] {
            assert_eq!(reach(&Value::String(text.to_owned()), "1"), None);
        }
    }

    #[test]
    fn a_slash_seven_is_everywhere() {
        assert!(is_everywhere("0.0.0.0/0") && is_everywhere("::/0") && is_everywhere("128.0.0.0/1"));
        assert!(!is_everywhere("10.0.0.0/8") && !is_everywhere("x/0") && !is_everywhere("198.51.100.7"));
    }
}
