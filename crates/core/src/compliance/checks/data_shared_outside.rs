//! A disk, an image, a database, a bucket, a key or a queue was opened to another account.
//!
//! Data leaves without being copied. Innocent twin: an account of the organisation, and a share that is taken back.

use crate::{
    catalog::Exposure,
    compliance::{Broken, Check, Facts, Group, Rule, Speaks, act, told},
    event::Event,
    finding::Severity,
};

pub(in crate::compliance) const CHECK: Check = Check {
    id: "data-shared-outside",
    title: "Data was opened to an account outside the organisation",
    group: Group::DataAccess,
    severity: Severity::High,
    remediation: &[
        "Take the share back",
        "Ask whose account it is; name it in the settings if it is yours",
        "Find out what was read there",
    ],
    blind_spot: "Whether an account is the organisation's that the settings do not name and whose logs are not read; what is done there.",
    needs: None,
    speaks_about: Speaks::Calls(super::made_public::OPENING),
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn violates(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let act = act(event)?;
    let is_outside = act.exposure == Exposure::OtherAccount && !facts.owns(&act.recipient);
    is_outside.then(|| Broken {
        what: told(event, &act.target, &act.detail),
        data: None,
        outsider: (act.exposure == Exposure::OtherAccount).then(|| act.recipient.clone()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::testing::call, *};

    fn share(account: &str, way: &str) -> Value {
        json!({ "snapshotId": "snap-1", "createVolumePermission": { way: { "items": [{ "userId": account }] } } })
    }

    #[test]
    fn a_snapshot_for_a_stranger_breaks_it() {
        let said = call("ec2:ModifySnapshotAttribute", share("999900001111", "add")).breaks(&CHECK);
        assert_eq!(
            said.as_deref(),
            Some("ec2:ModifySnapshotAttribute on snap-1: open to account 999900001111")
        );
    }

    #[test]
    fn ones_own_account_and_a_share_taken_back_do_not() {
        let own = "accounts = [\"999900001111\"]";
        assert_eq!(
            call("ec2:ModifySnapshotAttribute", share("999900001111", "add")).breaks_given(own, &CHECK),
            None
        );
        assert_eq!(call("ec2:ModifySnapshotAttribute", share("999900001111", "remove")).breaks(&CHECK), None);
        assert_eq!(
            call("ec2:ModifySnapshotAttribute", share("999900001111", "add")).refused().breaks(&CHECK),
            None
        );
    }
}
