//! Somebody blinds or disarms: trails, detectors, recorders, locks.

use super::Playbook;

pub(super) const PLAYBOOK: Playbook = Playbook {
    id: "evasion",
    title: "Defense impairment",
    contains: true,
    plan: |_, plan| {
        plan.next_steps.push("Find out what happened while nobody saw: other Regions' trails, billing, access advisor, flow logs".to_owned());
        plan.residual.push("What happened while the log was off is in no log.".to_owned());
    },
};

#[cfg(test)]
mod tests {
    use super::super::testing::{found, planned, texts};

    #[test]
    fn a_stopped_trail_starts_again_after_its_stopper_is_stopped() {
        let plan = planned(&found("evasion", &[("cloudtrail:StopLogging", "main", "", "")]));
        assert_eq!(texts(&plan).first(), Some(&"Deactivate the access keys of kim"));
        assert_eq!(texts(&plan).last(), Some(&"Start the trail main in eu-west-1 again"));
    }

    #[test]
    fn what_we_cannot_mend_is_a_step_for_people() {
        let left = |call: &str, target: &str, detail: &str| {
            let plan = planned(&found("evasion", &[(call, target, "", detail)]));
            (plan.actions.len() == 3, plan.next_steps.iter().any(|step| step.contains(target)))
        };
        assert_eq!(left("guardduty:UpdateDetector", "d1", "switched off"), (false, false));
        assert_eq!(left("guardduty:UpdateDetector", "d1", "a protection is switched off"), (true, true));
        let ingress = "ec2:AuthorizeSecurityGroupIngress";
        assert_eq!(left(ingress, "sg-1", "port 22 open to everybody"), (false, false));
        assert_eq!(left(ingress, "sg-1", "port 22, and more open to everybody"), (false, true));
        assert_eq!(left(ingress, "default", "port 22 open to everybody"), (true, true), "whose VPC's?");
    }
}
