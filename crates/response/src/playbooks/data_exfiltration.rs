//! Data leaves: it is shared, copied or opened to somebody outside.

use super::Playbook;

pub(super) const PLAYBOOK: Playbook = Playbook {
    id: "data-exfiltration",
    title: "Data exfiltration or destruction",
    contains: true,
    plan: |case, plan| {
        if case.is_of(&["data-exfiltration"]) {
            plan.next_steps.push("Find out what was copied while it was open (data events, access logs, flow logs), and whose data it is".to_owned());
            plan.next_steps.push("Ask counsel whether somebody must be told: the clock of GDPR's 72 hours begins when you know".to_owned());
            plan.residual.push("A copy that was made in another account stays there.".to_owned());
        }
        if case.is_of(&["impact"]) {
            plan.next_steps.push(
                "Keep what is left: lock backups, copy them to an account that the principal cannot reach"
                    .to_owned(),
            );
            plan.residual.push("What was deleted comes back only from backups.".to_owned());
        }
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{found, planned, texts};

    #[test]
    fn a_shared_disk_is_shared_no_longer() {
        let plan = planned(&found(
            "data-exfiltration",
            &[("ec2:ModifySnapshotAttribute", "snap-1", "999900001111", "open to account 999900001111")],
        ));
        assert!(texts(&plan).contains(&"Stop sharing snap-1 with 999900001111"), "{:?}", texts(&plan));
        assert!(plan.residual.iter().any(|line| line.contains("copy")));
    }

    #[test]
    fn a_key_that_is_to_be_deleted_is_kept() {
        let plan = planned(&found(
            "impact",
            &[("kms:ScheduleKeyDeletion", "arn:aws:kms:eu-west-1:1:key/k1", "", "")],
        ));
        assert!(
            texts(&plan).contains(&"Cancel the deletion of the key k1 in eu-west-1, and enable it"),
            "{:?}",
            texts(&plan)
        );
    }
}
