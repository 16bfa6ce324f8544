//! The service control policy by which people behind Identity Center are denied everything, each by their user id.
//!
//! Source: IAM Identity Center user guide, "Use a Deny policy to revoke active user permissions".

use serde_json::{Value, json};

use crate::Impossible;

/// The statement that names them, by its `Sid`.
const STATEMENT: &str = "TrailwardenDeniedPeople";
/// Who people are, where a session came by Identity Center. Names of conditions have no case.
const USER_ID: &str = "identitystore:userid";

/// Does a policy's document deny somebody everything?
///
/// # Errors
/// [`Impossible`] if it is no such policy.
pub fn is_denied(document: &str, user_id: &str) -> Result<bool, Impossible> {
    let mut policy = read(document)?;
    Ok(people(&mut policy)?.iter().any(|id| id == user_id))
}

/// A policy's document with somebody denied, or not denied any more, and all else as it is.
///
/// # Errors
/// [`Impossible`] if it is no such policy.
pub fn denying(document: &str, user_id: &str, is_denied: bool) -> Result<String, Impossible> {
    let mut policy = read(document)?;
    let denied = people(&mut policy)?;
    denied.retain(|id| id != user_id);
    if is_denied {
        denied.push(json!(user_id));
    }
    if denied.is_empty() {
        return Err(Impossible::Lost("the policy would deny nobody: it needs an id that nobody has"));
    }
    Ok(policy.to_string())
}

fn read(document: &str) -> Result<Value, Impossible> {
    serde_json::from_str(document).map_err(|_| Impossible::Lost("the service control policy cannot be read"))
}

/// Whom the statement names, as a list: AWS takes one id alone, too.
fn people(policy: &mut Value) -> Result<&mut Vec<Value>, Impossible> {
    const MISSING: Impossible = Impossible::Lost(
        "the service control policy has no statement TrailwardenDeniedPeople that denies everything by user id alone",
    );
    let is_all = |value: &Value| *value == "*" || *value == json!(["*"]);
    let is_alone = |condition: &Value| condition.as_object().is_some_and(|parts| parts.len() == 1);
    let statements = policy["Statement"].as_array_mut().ok_or(MISSING)?;
    let ours = statements.iter_mut().find(|statement| statement["Sid"] == STATEMENT).ok_or(MISSING)?;
    let is_sole = is_alone(&ours["Condition"]) && is_alone(&ours["Condition"]["StringEquals"]);
    if ours["Effect"] != "Deny" || !is_all(&ours["Action"]) || !is_all(&ours["Resource"]) || !is_sole {
        return Err(MISSING);
    }
    let condition = ours["Condition"]["StringEquals"].as_object_mut().ok_or(MISSING)?;
    let ids = condition.iter_mut().find(|(name, _)| name.to_lowercase() == USER_ID).ok_or(MISSING)?.1;
    if !ids.is_array() {
        *ids = json!([ids.take()]);
    }
    ids.as_array_mut().ok_or(MISSING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(ids: &Value) -> String {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "Regions", "Effect": "Deny", "Action": "*", "Resource": "*" },
            { "Sid": STATEMENT, "Effect": "Deny", "Action": "*", "Resource": "*",
              "Condition": { "StringEquals": { "identitystore:userId": ids } } }] })
        .to_string()
    }

    #[test]
    fn somebody_is_denied_and_then_no_more_and_the_others_stay() {
        let before = policy(&json!(["nobody", "kim"]));
        assert!(!is_denied(&before, "eva").unwrap());
        let denied = denying(&before, "eva", true).unwrap();
        assert_eq!(denied, policy(&json!(["nobody", "kim", "eva"])));
        assert!(is_denied(&denied, "eva").unwrap());
        assert_eq!(denying(&denied, "eva", true).unwrap(), denied, "once is enough");
        assert_eq!(denying(&denied, "eva", false).unwrap(), before);
    }

    #[test]
    fn one_id_alone_is_a_list_too_and_somebody_stays_in_it() {
        assert!(is_denied(&policy(&json!("nobody")), "nobody").unwrap());
        assert_eq!(
            denying(&policy(&json!("nobody")), "eva", true).unwrap(),
            policy(&json!(["nobody", "eva"]))
        );
        assert!(denying(&policy(&json!("eva")), "eva", false).is_err());
    }

    #[test]
    fn another_policy_is_not_touched() {
        let other = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "*" }] });
        let changed = |from: &str, to: &str| policy(&json!("nobody")).replace(from, to);
        let allows = changed("\"Deny\"", "\"Allow\"");
        let less = changed("\"Action\":\"*\"", "\"Action\":\"s3:*\"");
        let also =
            changed("{\"StringEquals\"", "{\"Bool\":{\"aws:SecureTransport\":\"true\"},\"StringEquals\"");
        assert!(less.contains("s3:*") && also.contains("Bool"));
        for document in ["", "{}", &other.to_string(), &allows, &less, &also] {
            assert!(
                is_denied(document, "eva").is_err() && denying(document, "eva", true).is_err(),
                "{document}"
            );
        }
    }
}
