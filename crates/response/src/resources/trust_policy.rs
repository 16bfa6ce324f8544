//! Trust policy of a role. State: its document.

use serde_json::{Value, json};

use super::{ActionSheet, ResourceSheet, one};
use crate::{
    Commands, DOCUMENT,
    Impossible::{self, Lost, Needless},
    Resource, Undo,
};

pub(crate) fn sheet(role: &str) -> ResourceSheet<'_> {
    ResourceSheet { name: role, calls: &["iam:GetRole", "iam:UpdateAssumeRolePolicy"], region: None }
}

/// Removes an account, or everybody (`*`), from the trust policy.
pub(crate) fn remove<'a>(role: &'a str, whom: &'a str) -> ActionSheet<'a> {
    ActionSheet {
        text: format!("Take {whom} out of the trust policy of {role}"),
        undo: (Undo::Exact, "put back the trust policy, which is recorded before"),
        resource: Resource::Trust { role: role.to_owned() },
        desired: Box::new(move |before, _| {
            let trust = before.get(DOCUMENT).ok_or(Lost("there is no such role"))?;
            Ok(one(DOCUMENT, &distrust(trust, whom)?))
        }),
        commands: commands(role, whom),
        names: vec![role, whom],
    }
}

fn commands(role: &str, whom: &str) -> Commands {
    let put = |file: &str| {
        format!("aws iam update-assume-role-policy --role-name '{role}' --policy-document file://{file}")
    };
    let get = format!(
        "aws iam get-role --role-name '{role}' --query Role.AssumeRolePolicyDocument > before.json   # copy it to after.json without {whom}"
    );
    Commands { forth: vec![get, put("after.json")], back: vec![put("before.json")] }
}

/// A trust policy without an account's id, or without `*`.
fn distrust(trust: &str, whom: &str) -> Result<String, Impossible> {
    let mut policy: Value =
        serde_json::from_str(trust).map_err(|_| Lost("the trust policy cannot be read"))?;
    let statements = match policy["Statement"].take() {
        Value::Array(statements) => statements,
        one => vec![one],
    };
    let count = statements.len();
    let mut is_changed = false;
    let mut left: Vec<Value> =
        statements.into_iter().filter_map(|statement| keep(statement, whom, &mut is_changed)).collect();
    if !is_changed {
        return Err(Needless("they are not in the trust policy"));
    }
    if left.is_empty() && count > 0 {
        // IAM takes no empty policy: one that trusts nobody says so.
        left.push(json!({ "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" }));
    }
    policy["Statement"] = Value::Array(left);
    Ok(policy.to_string())
}

/// A statement without somebody; `None` if nobody is left in it.
fn keep(mut statement: Value, whom: &str, is_changed: &mut bool) -> Option<Value> {
    if statement["Effect"] != "Allow" {
        return Some(statement);
    }
    let is_whom = |principal: &Value| {
        let principal = principal.as_str().unwrap_or_default();
        principal == whom || trailwarden_core::event::account_of(principal) == Some(whom)
    };
    let trusted = statement.get_mut("Principal")?;
    if is_whom(trusted) {
        *is_changed = true;
        return None;
    }
    let Some(kinds) = trusted.as_object_mut() else { return Some(statement) };
    kinds.retain(|kind, list| {
        let goes = |one: &Value| kind == "AWS" && is_whom(one);
        match list {
            Value::Array(several) => {
                let before = several.len();
                several.retain(|one| !goes(one));
                *is_changed |= several.len() < before;
                !several.is_empty()
            }
            one => {
                *is_changed |= goes(one);
                !goes(one)
            }
        }
    });
    if kinds.is_empty() { None } else { Some(statement) }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::desired, *};
    use crate::Action;

    #[test]
    fn a_foreign_account_goes_from_a_trust_policy_and_the_rest_stays() {
        let trust = |principals: Value| {
            json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole" }] })
            .to_string()
        };
        let action = Action::RemoveFromTrust { role: "web".into(), whom: "999900001111".into() };
        let before =
            trust(json!({ "AWS": ["arn:aws:iam::999900001111:root", "arn:aws:iam::111122223333:root"],
            "Service": "ec2.amazonaws.com" }));
        let after = desired(&action, &[(DOCUMENT, &before)]).unwrap();
        let expected =
            trust(json!({ "AWS": ["arn:aws:iam::111122223333:root"], "Service": "ec2.amazonaws.com" }));
        assert_eq!(after[DOCUMENT], expected);
        let alone = trust(json!({ "AWS": "999900001111" }));
        let after = desired(&action, &[(DOCUMENT, &alone)]).unwrap();
        assert!(after[DOCUMENT].contains("Deny") && !after[DOCUMENT].contains("Allow"), "{after:?}");
        assert!(desired(&action, &[(DOCUMENT, &trust(json!({ "Service": "ec2.amazonaws.com" })))]).is_err());
        let anybody = Action::RemoveFromTrust { role: "web".into(), whom: "*".into() };
        assert!(desired(&anybody, &[(DOCUMENT, &trust(json!("*")))]).unwrap()[DOCUMENT].contains("Deny"));
    }
}
