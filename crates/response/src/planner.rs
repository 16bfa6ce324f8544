//! From findings and what the organisation says of itself to a plan, by the playbook that is for them.

use crate::{
    Case, Level, Plan, Planned, containment,
    playbooks::{self, Playbook},
    reverse,
};
use trailwarden_core::{
    catalog::Tactic,
    detectors,
    event::{Outcome, PrincipalKind, Time, account_of, is_session_of_person, is_user},
    finding::{Deed, Finding, Severity},
    settings::Settings,
};

/// Why an act is planned that stops the principal itself.
pub const STOPS: &str = "stops the access";
/// Below this confidence nobody but a person decides.
const SURE: f32 = 0.6;

/// Plans for the findings of one principal; `None` if there are none, or no playbook is for them.
pub fn plan(findings: &[&Finding], settings: &Settings) -> Option<Plan> {
    let ids: Vec<&str> = findings.iter().filter_map(|finding| playbooks::id_for(finding)).collect();
    plan_by(playbooks::ALL.iter().find(|playbook| ids.contains(&playbook.id))?, findings, settings)
}

/// Plans by a playbook that somebody chose; `None` without a finding.
pub fn plan_by(playbook: &Playbook, findings: &[&Finding], settings: &Settings) -> Option<Plan> {
    let mut findings: Vec<&Finding> = findings.to_vec();
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(b.score.total_cmp(&a.score)).then_with(|| a.id.cmp(&b.id))
    });
    let first = *findings.first()?;
    let reasons = findings.iter().flat_map(|finding| &finding.contributions);
    let deeds = reasons.flat_map(|reason| reason.deeds.iter().map(|deed| (reason.first_seen, deed)));
    let deeds: Vec<(Time, &Deed)> = deeds.filter(|(_, deed)| deed.outcome == Outcome::Success).collect();
    let case = Case { findings: &findings, deeds };
    let directory = settings.response.identity_center.as_ref();
    // Who stands behind it first: they could go on by the same way.
    let behind = whoever_began(first);
    let stands: Vec<&Finding> = behind.iter().chain([first]).collect();
    let mut can_stop = true;
    let mut plan = Plan {
        finding_ids: findings.iter().map(|finding| finding.id.clone()).collect(),
        playbook: playbook.id,
        classification: classification(playbook, &findings),
        level: Level::Automated,
        because: String::new(),
        principal: first.principal.clone(),
        from: "",
        actions: Vec::new(),
        next_steps: Vec::new(),
        hits: Vec::new(),
        residual: Vec::new(),
    };
    for about in stands.into_iter().filter(|_| playbook.contains) {
        let kind = containment(about, directory);
        let ways = (kind.actions)(about, directory);
        let told = |text: &str| text.replace("PRINCIPAL", &about.principal);
        can_stop &= !ways.is_empty();
        let account = account_of(&about.principal).unwrap_or(&about.account_id);
        plan.from = if plan.from.is_empty() { kind.from } else { plan.from };
        plan.actions.extend(ways.into_iter().map(|action| Planned::new(action, account, STOPS)));
        plan.next_steps.extend(kind.next_steps.iter().map(|step| told(step)));
        plan.hits.push(told(kind.hits));
        plan.residual.push(kind.remains.to_owned());
    }
    take_back(&case, &mut plan);
    (playbook.plan)(&case, &mut plan);
    dedupe(&mut plan);
    (plan.level, plan.because) = level(&plan, &findings, settings);
    if plan.level != Level::Escalate && playbook.contains && !can_stop {
        plan.because.push_str("; stopping the principal itself is left to people");
    }
    if plan.residual.is_empty() {
        plan.residual.push("What was read or copied before is known to whoever read it.".to_owned());
    }
    Some(plan)
}

/// The finding as if it were about whoever began a chain of roles, where that is a user or a person: whose role it is that
/// others came by, is left to people, since more than those come by it.
fn whoever_began(finding: &Finding) -> Option<Finding> {
    let root = finding.callers.last()?;
    let principal_kind = if is_user(root) {
        PrincipalKind::User
    } else if is_session_of_person(root) {
        PrincipalKind::Person
    } else {
        return None;
    };
    let account_id = account_of(root).unwrap_or(&finding.account_id).to_owned();
    Some(Finding {
        principal: root.clone(),
        principal_kind,
        account_id,
        callers: Vec::new(),
        ..finding.clone()
    })
}

/// Does a finding speak of tries alone?
fn only_guesses(finding: &Finding) -> bool {
    detectors::find(&finding.detector).is_some_and(|detector| detector.guesses)
        && !finding.tactics.contains(&Tactic::InitialAccess)
}

/// What was done is taken back, where that can be; what was made in the same breath was not there before.
fn take_back(case: &Case<'_>, plan: &mut Plan) {
    const MAKING: [&str; 3] = ["iam:CreateUser", "iam:CreateRole", "iam:CreateGroup"];
    let makes = |deed: &&Deed| MAKING.contains(&deed.call.as_str());
    let made: Vec<&Deed> = case.deeds.iter().map(|(_, deed)| *deed).filter(makes).collect();
    for (since, deed) in &case.deeds {
        reverse(deed, *since, &made, plan);
    }
}

fn classification(playbook: &Playbook, findings: &[&Finding]) -> String {
    let mut titles: Vec<&str> = findings.iter().map(|finding| finding.title.as_str()).collect();
    titles.dedup();
    let own = format!("{}: ", playbook.title);
    let shortened: Vec<&str> = titles.iter().map(|title| title.strip_prefix(&own).unwrap_or(title)).collect();
    format!("{} ({})", playbook.title, shortened.join("; "))
}

fn dedupe(plan: &mut Plan) {
    let mut actions: Vec<Planned> = Vec::new();
    for planned in std::mem::take(&mut plan.actions) {
        let is_it =
            |known: &Planned| known.action == planned.action && known.account_id == planned.account_id;
        if !actions.iter().any(is_it) {
            actions.push(planned);
        }
    }
    plan.actions = actions;
    for list in [&mut plan.next_steps, &mut plan.hits, &mut plan.residual] {
        let mut seen = std::collections::HashSet::new();
        list.retain(|line| seen.insert(line.clone()));
    }
}

/// Who decides, and why; of the findings, the gravest is the first.
fn level(plan: &Plan, findings: &[&Finding], settings: &Settings) -> (Level, String) {
    let gravest = findings[0];
    let escalate = |why: &str| (Level::Escalate, why.to_owned());
    if settings.is_protected(&plan.principal) {
        return escalate("the principal is protected: nothing acts on it");
    }
    if gravest.callers.iter().any(|caller| settings.is_protected(caller)) {
        return escalate("who stands behind it is protected");
    }
    if plan.actions.is_empty() {
        return escalate("nothing of it can be done by us");
    }
    if matches!(gravest.principal_kind, PrincipalKind::Root) {
        return escalate("root cannot be contained by IAM");
    }
    let waiting = plan.actions.iter().filter(|planned| !planned.waits.is_empty()).count();
    if waiting == plan.actions.len() {
        return escalate("none of it can be done without asking");
    }
    if findings.iter().all(|finding| only_guesses(finding)) {
        // Or whoever guesses at somebody's password could have them locked out.
        return escalate("passwords were guessed at, and nobody got in");
    }
    if gravest.confidence < SURE {
        return escalate("we are not sure enough");
    }
    let all = if waiting == 0 {
        "all of it can be taken back"
    } else {
        "it can be taken back; some of it waits for a person"
    };
    match gravest.severity {
        Severity::Critical => (Level::Immediate, format!("critical, and {all}")),
        Severity::High => (Level::Automated, all.to_owned()),
        _ => escalate("it is not grave enough to act without a person"),
    }
}

/// Findings in groups of one principal, those that should be answered together; the gravest group first.
pub fn cases<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<Vec<&'a Finding>> {
    let mut groups: std::collections::BTreeMap<&str, Vec<&Finding>> = std::collections::BTreeMap::new();
    for finding in findings {
        groups.entry(&finding.principal).or_default().push(finding);
    }
    let mut groups: Vec<Vec<&Finding>> = groups.into_values().collect();
    let gravest = |group: &[&Finding]| {
        group.iter().map(|finding| (finding.severity, (finding.score * 1e3) as u32)).max()
    };
    groups.sort_by_key(|group| std::cmp::Reverse(gravest(group)));
    groups
}
