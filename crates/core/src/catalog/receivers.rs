//! Receivers of a call: all accounts to which it opens a resource. A policy or list may name several.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Call, Exposure, policy, sharing};
use crate::event::Event;

/// Receivers of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receivers {
    /// Everybody.
    pub is_public: bool,
    /// Accounts other than the call's own.
    pub accounts: BTreeSet<String>,
}

/// Parameter of a new role's trust policy.
const TRUST: &str = "assumeRolePolicyDocument";

/// Accounts of AWS's own load balancers, which write access logs, by Region; and of its billing reports.
/// Sources: Elastic Load Balancing user guide, "Enable access logs"; AWS Billing user guide, "Cost and Usage Reports".
const AWS_OWN: &[&str] = &[
    "127311923021",
    "033677994240",
    "027434742980",
    "797873946194",
    "098369216593",
    "754344448648",
    "589379963580",
    "718504428378",
    "383597477331",
    "600734575887",
    "114774131450",
    "783225319266",
    "582318560864",
    "985666609251",
    "054676820928",
    "156460612806",
    "652711504416",
    "635631232127",
    "009996457667",
    "897822967062",
    "076674570225",
    "507241528517",
    "386209384616",
];

/// Reads the receivers from the parameters; `of_act` is the exposure and recipient of the call's act.
pub fn receivers(event: &Event<'_>, of_act: Option<(Exposure, &str)>) -> Receivers {
    let call = Call::new(event);
    let mut found = Receivers::default();
    let attributes = call.get("attributes").unwrap_or(&Value::Null);
    let keys = sharing::POLICIES.iter().copied().chain([TRUST]);
    for document in keys.filter_map(|key| call.get(key).or_else(|| attributes.get(key))) {
        let Some(reach) = policy::reach(document, call.account()) else { continue };
        found.is_public |= reach.is_public;
        // A role that requires an external id is opened to a vendor on purpose.
        let is_trust = event.service() == "iam";
        if reach.is_unguarded || !is_trust {
            found.accounts.extend(reach.accounts);
        }
    }
    for name in listed(&call) {
        found.add(name, call.account());
    }
    match of_act {
        Some((Exposure::Public, _)) => found.is_public = true,
        Some((Exposure::OtherAccount, account))
            if found.accounts.is_empty() && !matches!(event.service(), "ram" | "iam") =>
        {
            found.add(account, call.account());
        }
        _ => {}
    }
    found.accounts.retain(|account| !AWS_OWN.contains(&account.as_str()));
    found
}

/// Receivers in the lists of snapshots, images and shares.
fn listed<'c>(call: &'c Call<'_>) -> Vec<&'c str> {
    let permissions =
        ["createVolumePermission", "launchPermission", "loadPermission"].iter().find_map(|key| call.get(key));
    let added = permissions.and_then(|changes| changes.get("add")?.get("items")?.as_array());
    let of_item = |item: &'c Value| ["group", "userId"].iter().find_map(|key| item.get(key)?.as_str());
    let mut names: Vec<&str> = added.into_iter().flatten().filter_map(of_item).collect();
    names.extend(call.items("valuesToAdd").iter().filter_map(Value::as_str));
    names.extend(call.items("principals").iter().filter_map(Value::as_str));
    names
}

impl Receivers {
    fn add(&mut self, name: &str, own: &str) {
        let account =
            crate::event::account_of(name).filter(|_| !name.contains(":organizations:")).unwrap_or(name);
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        self.is_public |= matches!(name, "all" | "*");
        if is_account && account != own {
            self.accounts.insert(account.to_owned());
        }
    }
}
