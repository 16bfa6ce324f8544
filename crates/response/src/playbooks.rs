//! Playbooks: the responses to findings, each a sheet, a function and its tests.

mod compliance_violation;
mod credential_compromise;
mod data_exfiltration;
mod evasion;
mod privilege_escalation;
mod unusual_access;

use crate::{Case, Plan, response_role};
use trailwarden_core::{
    detectors,
    finding::{Finding, Kind},
    silence,
};

/// Every playbook; of several that handle a finding, the first one counts.
pub const ALL: &[&Playbook] = &[
    &credential_compromise::PLAYBOOK,
    &data_exfiltration::PLAYBOOK,
    &privilege_escalation::PLAYBOOK,
    &evasion::PLAYBOOK,
    &unusual_access::PLAYBOOK,
    &compliance_violation::PLAYBOOK,
];

/// The id of the playbook that answers a finding: its detector's sheet names it. `None` for an unknown detector.
pub fn id_for(finding: &Finding) -> Option<&'static str> {
    match finding.detector.as_str() {
        _ if finding.kind == Kind::Compliance => Some(compliance_violation::PLAYBOOK.id),
        silence::DETECTOR => Some(evasion::PLAYBOOK.id),
        response_role::DETECTOR => Some(credential_compromise::PLAYBOOK.id),
        detector => Some(detectors::find(detector)?.playbook),
    }
}

/// What is done about some findings.
pub struct Playbook {
    /// Stable name, equal to the file's.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// Does it stop the principal, before anything is taken back?
    pub contains: bool,
    /// Adds what is particular to it: what is done to stop and to take back is planned already.
    pub plan: fn(&Case<'_>, &mut Plan),
}

#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::wildcard_imports,
    reason = "tests start from it"
)]
pub mod testing {
    //! Findings and their plans, to start tests from.

    use crate::{Plan, planner::plan};
    use trailwarden_core::{
        event::{Outcome, PrincipalKind, Time},
        finding::{Deed, Evidence, Finding, Kind, testing::finding},
        settings::Settings,
    };

    /// A finding of a detector, by the user kim, that rests on these calls: `("iam:CreateUser", "target", "recipient", "detail")`.
    pub fn found(detector: &str, calls: &[(&str, &str, &str, &str)]) -> Finding {
        let deeds = calls.iter().map(|(call, target, recipient, detail)| Deed {
            call: (*call).to_owned(),
            target: (*target).to_owned(),
            recipient: (*recipient).to_owned(),
            detail: (*detail).to_owned(),
            outcome: Outcome::Success,
            account_id: "111122223333".into(),
            region: "eu-west-1".into(),
        });
        let evidence = Evidence {
            text: String::new(),
            points: 0.5,
            first_seen: Time(0),
            last_seen: Time(0),
            event_ids: vec![],
            deeds: deeds.collect(),
        };
        Finding { detector: detector.into(), contributions: vec![evidence], confidence: 0.8, ..finding() }
    }

    /// The finding, about another principal.
    pub fn of_kind(finding: Finding, kind: PrincipalKind, principal: &str) -> Finding {
        Finding { principal_kind: kind, principal: principal.into(), ..finding }
    }

    /// A finding of a compliance check.
    pub fn violated(check: &str) -> Finding {
        Finding { kind: Kind::Compliance, ..found(check, &[]) }
    }

    /// The plan for one finding, by default settings.
    pub fn planned(finding: &Finding) -> Plan {
        plan(&[finding], &Settings::default()).unwrap()
    }

    /// The actions in words.
    pub fn texts(plan: &Plan) -> Vec<&str> {
        plan.actions.iter().map(|planned| planned.text.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        testing::{found, of_kind, planned, texts, violated},
        *,
    };
    use crate::{Level, containment};
    use trailwarden_core::event::PrincipalKind;

    #[test]
    fn each_detector_and_violation_has_a_playbook_and_each_playbook_a_name() {
        let ids: BTreeSet<&str> = ALL.iter().map(|playbook| playbook.id).collect();
        assert_eq!(ids, trailwarden_core::settings::PLAYBOOKS.into());
        for detector in trailwarden_core::detectors::ids() {
            let id = id_for(&found(detector, &[])).unwrap();
            assert!(ALL.iter().any(|playbook| playbook.id == id), "{detector}");
        }
        assert_eq!(id_for(&violated("root-use")), Some("compliance-violation"));
        assert_eq!(id_for(&found("no-such-detector", &[])), None);
    }

    /// What every plan must say: how the access is stopped, who else is hit, how it is undone, what remains.
    #[test]
    fn a_plan_stops_says_who_is_hit_how_it_is_undone_and_what_remains() {
        use PrincipalKind::{
            Anonymous, ExternalAccount, Federated, IdentityCenter, Person, Role, Root, Unknown, User,
            Workload,
        };
        for kind in [
            User,
            Person,
            IdentityCenter,
            Role,
            Workload,
            Root,
            Federated,
            ExternalAccount,
            Anonymous,
            Unknown,
        ] {
            for playbook in ["initial-access", "data-exfiltration", "privilege-escalation", "evasion"] {
                let finding = of_kind(found(playbook, &[]), kind, "arn:aws:iam::111122223333:role/web");
                let plan = planned(&finding);
                assert!(
                    !plan.actions.is_empty() || !plan.next_steps.is_empty(),
                    "{kind:?}: nothing stops it"
                );
                assert!(!plan.hits.is_empty() && !plan.residual.is_empty(), "{kind:?}");
                assert!(
                    plan.actions
                        .iter()
                        .all(|planned| !planned.undone_by.is_empty() && !planned.account_id.is_empty())
                );
                let can_act = !(containment(&finding, None).actions)(&finding, None).is_empty();
                assert!(can_act || plan.level == Level::Escalate, "{kind:?}");
            }
        }
    }

    #[test]
    fn a_person_behind_single_sign_on_is_never_acted_upon_by_iam() {
        let person =
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0a1b2c3d4e5f6071/kim@x.example";
        let plan = planned(&of_kind(found("initial-access", &[]), PrincipalKind::Person, person));
        assert_eq!(plan.actions, vec![]);
        assert!(plan.next_steps.iter().any(|step| step.contains("cannot be edited in IAM")));
    }

    #[test]
    fn a_role_that_is_only_called_like_one_of_single_sign_on_is_stopped_like_any_other() {
        for (path, is_stopped) in [("", true), ("aws-reserved/sso.amazonaws.com/eu-west-1/", false)] {
            let role = format!("arn:aws:iam::111122223333:role/{path}AWSReservedSSO_Admin_0a1b2c3d4e5f6071");
            let plan = planned(&of_kind(found("initial-access", &[]), PrincipalKind::Role, &role));
            assert_eq!(!plan.actions.is_empty(), is_stopped, "{role}: {:?}", texts(&plan));
        }
    }

    #[test]
    fn a_person_behind_single_sign_on_is_denied_where_the_settings_say_by_which_policy() {
        let settings = "[response.identity_center]\naccount = \"999999999999\"\nregion = \"eu-west-1\"\nstore = \"d-1234567890\"\npolicy = \"p-examplepolicyid\"";
        let settings = trailwarden_core::settings::Settings::parse(settings, &[], &[]).unwrap();
        let person =
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0a1b2c3d4e5f6071/kim@x.example";
        let finding = of_kind(found("initial-access", &[]), PrincipalKind::Person, person);
        let plan = crate::planner::plan(&[&finding], &settings).unwrap();
        assert_eq!(
            texts(&plan),
            [
                "Deny kim@x.example everything where the service control policy p-examplepolicyid is attached (its user id in that)"
            ]
        );
        assert_eq!((plan.actions[0].account_id.as_str(), plan.level), ("999999999999", Level::Automated));
        // A service control policy binds nobody in the management account, and a session of another account may be anybody's.
        let at_home = person.replace("111122223333", "999999999999");
        for (principal, account) in [(at_home.as_str(), "999999999999"), (person, "444455556666")] {
            let elsewhere = trailwarden_core::finding::Finding {
                principal: principal.to_owned(),
                account_id: account.into(),
                ..finding.clone()
            };
            let plan = crate::planner::plan(&[&elsewhere], &settings).unwrap();
            assert_eq!((plan.actions, plan.level), (vec![], Level::Escalate), "{principal} in {account}");
        }
    }

    #[test]
    fn whoever_only_guesses_locks_nobody_out() {
        use trailwarden_core::catalog::Tactic;
        let guessed = found("brute-force", &[]);
        let got_in =
            trailwarden_core::finding::Finding { tactics: vec![Tactic::InitialAccess], ..guessed.clone() };
        assert_eq!(planned(&guessed).level, Level::Escalate);
        assert_eq!(planned(&got_in).level, Level::Automated);
    }

    #[test]
    fn a_protected_principal_is_left_to_people() {
        let settings = trailwarden_core::settings::Settings::parse(
            "protected_principals = [\"arn:aws:iam::*:user/kim\"]",
            &[],
            &[],
        )
        .unwrap();
        let finding = found("initial-access", &[]);
        let plan = crate::planner::plan(&[&finding], &settings).unwrap();
        assert_eq!(
            (plan.level, plan.because.as_str()),
            (Level::Escalate, "the principal is protected: nothing acts on it")
        );
    }
}
