//! Joining of findings to an incident: which belong together, and what the incident's state is then.

use super::{ACTS, Act, FINDINGS, Incident, IncidentState, Joined, Progress, Step, TEXT, US};
use crate::{
    Plan, Planned,
    planner::STOPS,
    playbooks::{self, Playbook},
};
use trailwarden_core::{
    event::{DAY, Time, clip},
    finding::{Finding, FindingRaised, Status},
};

/// Days without anything new after which another finding is another incident.
const APART: i64 = 7 * DAY;
/// Reasons of one finding that are told.
const REASONS: usize = 3;
/// Lines of each list.
const LINES: usize = 20;

impl Incident {
    /// Is a finding part of it?
    pub fn knows(&self, finding: &Finding) -> bool {
        self.findings.iter().any(|known| known.id == finding.id)
    }

    /// Would a finding that is part of no incident yet join it? One that came long before it would not either.
    pub fn takes(&self, finding: &Finding) -> bool {
        let at = finding.last_seen.0;
        self.state != IncidentState::Closed && at < self.last_seen.0 + APART && at > self.first_seen.0 - APART
    }

    /// Joins a finding as it now is, with its plan; `decide` says what an act of the plan waits for. Safe to repeat.
    pub fn join(
        &mut self,
        raised: &FindingRaised,
        plan: Option<&Plan>,
        decide: impl Fn(&Planned) -> Progress,
        now: Time,
    ) {
        let before = self.clone();
        self.reopen(&raised.finding, now);
        self.note(raised, now);
        // What people closed, only people go on with.
        let is_closed = self.state == IncidentState::Closed;
        let decide = |planned: &Planned| if is_closed { Progress::Waiting } else { decide(planned) };
        if let (Some(plan), Status::Open) = (plan, &raised.finding.status) {
            self.merge(plan, &raised.finding, decide, now);
        }
        self.settle(now);
        if *self != before {
            self.revision += 1;
        }
    }

    /// What we closed is open again when its finding is; what a person closed, when it has become worse.
    fn reopen(&mut self, finding: &Finding, now: Time) {
        let known = self.findings.iter().find(|known| known.id == finding.id);
        let is_worse = known.is_none_or(|known| finding.severity > known.severity);
        let is_ours = self.closed_by.as_deref() == Some(US);
        let is_back = is_ours && known.is_some_and(|known| !known.is_open);
        if self.state == IncidentState::Closed && finding.status == Status::Open && (is_worse || is_back) {
            (self.state, self.closed_by) = (IncidentState::Open, None);
            self.say(now, US, format!("open again: {}", finding.title));
        }
    }

    fn note(&mut self, raised: &FindingRaised, now: Time) {
        let finding = &raised.finding;
        let joined = Joined {
            id: finding.id.clone(),
            partition: raised.scope.partition(),
            title: finding.title.clone(),
            severity: finding.severity,
            is_open: finding.status == Status::Open,
            evidence: finding.evidence.iter().take(REASONS).map(|line| shortened(line)).collect(),
        };
        let what = match &finding.status {
            Status::Open => format!("{}: {}", finding.severity.label(), finding.title),
            Status::Closed(why) | Status::Suppressed(why) => {
                format!("no longer stands: {} ({why})", finding.title)
            }
        };
        let has_room = self.findings.len() < FINDINGS;
        match self.findings.iter_mut().find(|known| known.id == joined.id) {
            Some(known) if known.severity == joined.severity && known.is_open == joined.is_open => {
                *known = joined;
            }
            Some(known) => {
                *known = joined;
                self.say(now, US, what);
            }
            None if has_room => {
                self.findings.push(joined);
                self.say(now, US, what);
            }
            None => {}
        }
        self.first_seen = self.first_seen.min(finding.first_seen);
        self.last_seen = self.last_seen.max(finding.last_seen);
    }

    fn merge(&mut self, plan: &Plan, finding: &Finding, decide: impl Fn(&Planned) -> Progress, now: Time) {
        if finding.severity > self.severity || self.classification.is_empty() {
            self.classification.clone_from(&plan.classification);
            (self.level, self.because) = (plan.level, plan.because.clone());
        }
        if !self.playbooks.iter().any(|known| known == plan.playbook) {
            self.playbooks.push(plan.playbook.to_owned());
        }
        let acts_before = self.acts.len();
        for planned in &plan.actions {
            let is_it = |act: &Act| {
                act.planned.action == planned.action && act.planned.account_id == planned.account_id
            };
            let progress = decide(planned);
            match self.acts.iter().rposition(is_it) {
                Some(at) if !self.acts[at].is_outlived(finding.last_seen) => {
                    self.acts[at].go_on(progress, finding.last_seen);
                }
                known if self.acts.len() < ACTS => {
                    // Whoever revokes again hits the innocents again, and what somebody took back they had a reason for: a person
                    // decides.
                    let progress = if known.is_some() { Progress::Waiting } else { progress };
                    let asks = known.is_some();
                    self.acts.push(Act { asks, ..Act::new(planned.clone(), plan.playbook, progress) });
                    self.planned = now;
                }
                _ => {}
            }
        }
        for text in &plan.next_steps {
            if self.next_steps.len() < LINES && !self.next_steps.iter().any(|step| step.text == *text) {
                self.next_steps.push(Step { text: text.clone(), done: None });
            }
        }
        // Where somebody is stopped, it is not true any more that nobody is hit.
        if acts_before == 0 && !self.acts.is_empty() {
            self.hits.clear();
            self.residual.clear();
        }
        if plan.actions.is_empty() && !self.acts.is_empty() {
            return;
        }
        for (known, lines) in [(&mut self.hits, &plan.hits), (&mut self.residual, &plan.residual)] {
            for line in lines {
                if known.len() < LINES && !known.contains(line) {
                    known.push(line.clone());
                }
            }
        }
    }

    /// The state and severity that follow from the findings and acts.
    pub fn settle(&mut self, now: Time) {
        let open = self.findings.iter().filter(|finding| finding.is_open);
        self.severity = open.map(|finding| finding.severity).max().unwrap_or(self.severity);
        let is_standing = self.findings.iter().any(|finding| finding.is_open);
        let acts = || self.acts.iter().filter(|act| act.planned.action.contains());
        let is_contained = acts().any(|act| act.progress == Progress::Done)
            && acts().all(|act| matches!(act.progress, Progress::Done | Progress::Impossible))
            && (self.is_nobody_to_be_stopped() || acts().any(|act| self.is_stopped_by(act)));
        match self.state {
            IncidentState::Closed => {}
            _ if !is_standing && !self.findings.is_empty() => {
                (self.state, self.closed_by) = (IncidentState::Closed, Some(US.to_owned()));
                self.say(now, US, "closed: none of its findings stands any more");
            }
            IncidentState::Open if is_contained => {
                self.state = IncidentState::Contained;
                self.contained = Some(now);
                self.say(now, US, "contained: all that was planned is done");
            }
            IncidentState::Contained if !is_contained => {
                self.state = IncidentState::Open;
                self.say(now, US, "open again");
            }
            _ => {}
        }
    }

    /// Do its playbooks only mend?
    fn is_nobody_to_be_stopped(&self) -> bool {
        let stops =
            |playbook: &&&Playbook| playbook.contains && self.playbooks.iter().any(|id| id == playbook.id);
        !playbooks::ALL.iter().any(|playbook| stops(&playbook))
    }

    /// Does an act stop whoever stands behind it? What they assumed on the way may end as often as it will.
    fn is_stopped_by(&self, act: &Act) -> bool {
        let resource = act.planned.action.resource();
        let whom = resource.holder().map(|holder| holder.name);
        let whom = whom.as_deref().or(resource.person().map(last)).unwrap_or_default();
        act.planned.why == STOPS && act.progress == Progress::Done && whom == last(&self.principal)
    }
}

/// What somebody is called at the end of their ARN.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

/// A reason in short, which says that there is more.
fn shortened(line: &str) -> String {
    if line.len() <= TEXT { line.to_owned() } else { format!("{}\u{2026}", clip(line, TEXT).trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{behind, testing::*},
        *,
    };
    use crate::playbooks::testing::found;
    use trailwarden_core::{activity::Scope, finding::Severity};

    #[test]
    fn a_finding_joined_five_times_changes_nothing_after_the_first() {
        let finding = found("evasion", &[("cloudtrail:StopLogging", "main", "", "")]);
        let mut joined = incident(finding.clone(), Progress::Waiting);
        assert_eq!((joined.acts.len(), joined.findings.len(), joined.revision), (4, 1, 1));
        let plan = crate::planner::plan(&[&finding], &trailwarden_core::settings::Settings::default());
        for _ in 0..4 {
            joined.join(&raised(finding.clone()), plan.as_ref(), |_| Progress::Waiting, Time(9));
        }
        assert_eq!(joined, incident(finding, Progress::Waiting));
    }

    #[test]
    fn sessions_begun_after_a_revocation_are_revoked_too() {
        let finding = found("evasion", &[]);
        let mut done = incident(finding.clone(), Progress::Done);
        let plan = crate::planner::plan(&[&finding], &trailwarden_core::settings::Settings::default());
        done.acts.iter_mut().for_each(|act| act.at = Some(Time(finding.last_seen.0 + 60)));
        done.join(&raised(finding.clone()), plan.as_ref(), |_| Progress::Due, Time(9));
        assert_eq!(done.acts.len(), 3);
        let later = Finding { last_seen: Time(finding.last_seen.0 + 61), ..finding };
        done.join(&raised(later), plan.as_ref(), |_| Progress::Due, Time(9));
        assert_eq!((done.acts.len(), done.acts[3].progress), (4, Progress::Waiting), "a person decides");
        assert_eq!(done.acts[3].planned.action, done.acts[1].planned.action);
        assert_eq!(done.acts[0].again, Some(Progress::Due), "whether it still holds is looked at");
    }

    #[test]
    fn whoever_began_a_chain_of_roles_stands_behind_it() {
        let caller = "arn:aws:iam::111122223333:user/kim".to_owned();
        let chained = Finding {
            callers: vec!["arn:aws:iam::1:role/ci".into(), caller.clone()],
            ..found("evasion", &[])
        };
        assert_eq!(behind(&raised(chained)), (caller.clone(), format!("PRINCIPAL#{caller}")));
        let person = "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0a/Kim@x.example".to_owned();
        let chained = Finding { callers: vec![person.clone()], ..found("evasion", &[]) };
        assert_eq!(behind(&raised(chained)), (person, "PERSON#kim@x.example".to_owned()));
        let given_away = FindingRaised { scope: Scope::Account("1".into()), ..raised(found("evasion", &[])) };
        assert_eq!(behind(&given_away), (caller.clone(), format!("PRINCIPAL#{caller}")));
        let nobody = Finding { principal: "address:192.0.2.1".into(), ..found("evasion", &[]) };
        let scope = Scope::Address("192.0.2.1".parse().unwrap());
        let unknown = FindingRaised { scope, ..raised(nobody) };
        assert_eq!(behind(&unknown).1, "ADDRESS#192.0.2.1");
    }

    #[test]
    fn it_is_contained_when_all_is_done_and_closed_when_nothing_stands() {
        let finding = found("evasion", &[]);
        assert_eq!(incident(finding.clone(), Progress::Waiting).state, IncidentState::Open);
        let mut done = incident(finding.clone(), Progress::Done);
        assert_eq!(done.state, IncidentState::Contained);
        let closed = Finding { status: Status::Closed("explained".into()), ..finding };
        done.join(&raised(closed), None, |_| Progress::Waiting, Time(9));
        assert_eq!(done.state, IncidentState::Closed);
    }

    #[test]
    fn it_is_not_contained_while_whoever_stands_behind_it_is_free() {
        let behind = |caller: &str| {
            let principal = "arn:aws:iam::111122223333:role/web".to_owned();
            let principal_kind = trailwarden_core::event::PrincipalKind::Role;
            let finding =
                Finding { principal, principal_kind, callers: vec![caller.into()], ..found("evasion", &[]) };
            let texts =
                |incident: &Incident| incident.acts.iter().map(|act| act.planned.text.clone()).collect();
            let done = incident(finding, Progress::Done);
            let acts: Vec<String> = texts(&done);
            (done.state, acts)
        };
        let (state, acts) = behind("arn:aws:iam::111122223333:role/ci");
        assert_eq!((state, acts.len()), (IncidentState::Open, 1), "the role ci can assume it again");
        let (state, acts) = behind("arn:aws:iam::111122223333:user/kim");
        assert_eq!((state, acts.len()), (IncidentState::Contained, 4));
        assert_eq!(acts[0], "Deactivate the access keys of kim", "first who could come again");
        assert!(acts[3].starts_with("Revoke all sessions of the role web"), "{acts:?}");
    }

    #[test]
    fn what_was_taken_back_is_planned_anew_by_what_came_since() {
        let finding = found("evasion", &[]);
        let mut undone = incident(finding.clone(), Progress::Undone);
        undone.acts.iter_mut().for_each(|act| act.undone = Some(finding.last_seen));
        let plan = crate::planner::plan(&[&finding], &trailwarden_core::settings::Settings::default());
        undone.join(&raised(finding.clone()), plan.as_ref(), |_| Progress::Due, Time(9));
        assert_eq!(undone.acts.len(), 3, "nothing new");
        let later = Finding { last_seen: Time(finding.last_seen.0 + 61), ..finding };
        for _ in 0..3 {
            undone.join(&raised(later.clone()), plan.as_ref(), |_| Progress::Due, Time(9));
        }
        let waiting = undone.acts.iter().filter(|act| act.progress == Progress::Waiting).count();
        assert_eq!((undone.acts.len(), waiting), (6, 3), "a person decides");
    }

    #[test]
    fn where_somebody_is_stopped_it_is_not_said_that_nobody_is_hit() {
        let odd = found("anomalous-access", &[]);
        let mut joined = incident(odd.clone(), Progress::Waiting);
        assert!(joined.hits[0].starts_with("Nobody"));
        let grave = Finding { id: "evasion/x/1".into(), ..found("evasion", &[]) };
        for finding in [grave, odd] {
            let plan = crate::planner::plan(&[&finding], &trailwarden_core::settings::Settings::default());
            joined.join(&raised(finding), plan.as_ref(), |_| Progress::Waiting, Time(9));
        }
        assert!(joined.hits.iter().all(|hit| !hit.starts_with("Nobody")), "{:?}", joined.hits);
    }

    #[test]
    fn what_a_person_closed_stays_closed_unless_it_gets_worse() {
        let finding = found("evasion", &[]);
        let mut closed = incident(finding.clone(), Progress::Waiting);
        closed.close("exercise", "kim", Time(9));
        let plan = crate::planner::plan(&[&finding], &trailwarden_core::settings::Settings::default());
        let again = Finding { last_seen: Time(finding.last_seen.0 + 60), ..finding.clone() };
        closed.join(&raised(again), plan.as_ref(), |_| Progress::Due, Time(9));
        assert_eq!(closed.state, IncidentState::Closed);
        assert!(closed.acts.iter().all(|act| act.progress == Progress::Waiting));
        let worse = Finding { severity: Severity::Critical, ..finding };
        closed.join(&raised(worse), plan.as_ref(), |_| Progress::Due, Time(9));
        assert_eq!(closed.state, IncidentState::Open);
    }

    #[test]
    fn its_size_is_bounded() {
        let mut flooded = incident(found("evasion", &[]), Progress::Waiting);
        for number in 0..500 {
            let calls = format!("snap-{number}");
            let finding = Finding {
                id: format!("data-exfiltration/2026-03-02/{number}"),
                evidence: vec!["x".repeat(5_000); 9],
                ..found("data-exfiltration", &[("ec2:ModifySnapshotAttribute", &calls, "999900001111", "")])
            };
            let plan = crate::planner::plan(&[&finding], &trailwarden_core::settings::Settings::default());
            flooded.join(&raised(finding), plan.as_ref(), |_| Progress::Waiting, Time(9));
        }
        assert_eq!((flooded.findings.len(), flooded.acts.len()), (FINDINGS, ACTS));
        assert!(flooded.fits(), "{}", serde_json::to_vec(&flooded).unwrap().len());
    }
}
