//! Compliance from activity: which controls did identities break, by which events, and what to do about it.
//!
//! A check judges what was done; a framework maps its controls to checks and owns none. What a log cannot prove is said
//! where it would be asked: by each check of itself, and by each framework of its controls.

mod census;
mod checks;
mod config_rule;
mod coverage;
pub(crate) mod facts;
mod frameworks;
mod page;
pub mod report;
mod said;
mod screen;
pub mod standing;
mod touched;
mod traces;
mod window;

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

pub use census::{Census, Tally};
pub use checks::ALL;
pub use config_rule::finding_of;
pub use coverage::{Coverage, coverage};
pub use facts::{Data, Facts};
pub use frameworks::{ALL as FRAMEWORKS, Control, Framework};
pub use page::page;
pub use screen::{Counted, Screen, Screened};
pub use traces::{Span, Trace, Traces};

use said::{act, done, is_root, opened_to_accounts, opened_to_all, principal, told};

use crate::{
    catalog::call_key,
    event::{Event, Outcome, Principal, Time},
    finding::{CONFIG_RULE, Finding, Kind, Severity, Status},
    risk::thresholds::Thresholds,
};

/// A rule of good conduct that what somebody does can break.
pub struct Check {
    /// Stable name, equal to the file's.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it is about.
    pub group: Group,
    /// How bad breaking it is.
    pub severity: Severity,
    /// What to do.
    pub remediation: &'static [&'static str],
    /// What a log cannot show of it.
    pub blind_spot: &'static str,
    /// What the settings must say before it can judge; `None` if it can without.
    pub needs: Option<Need>,
    /// Which events it judges: asked of every event, so cheap.
    pub speaks_about: Speaks,
    /// Judges them.
    pub rule: Rule,
    /// Managed rules of AWS Config that say the same of a configuration.
    pub config_rules: &'static [&'static str],
}

/// What checks are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "title() says it")]
pub enum Group {
    PrivilegedAccess,
    Authentication,
    Credentials,
    DataAccess,
    Logging,
    Encryption,
    Exposure,
    Separation,
    Retention,
    Boundary,
}

impl Group {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::PrivilegedAccess => "Privileged access",
            Self::Authentication => "Authentication and MFA",
            Self::Credentials => "Keys and passwords",
            Self::DataAccess => "Data access and transfer",
            Self::Logging => "Logging and monitoring",
            Self::Encryption => "Encryption",
            Self::Exposure => "Exposure to the Internet",
            Self::Separation => "Separation of duties",
            Self::Retention => "Retention and backups",
            Self::Boundary => "Declared boundaries",
        }
    }
}

/// A fact that a check cannot do without.
pub struct Need {
    /// The key of the settings.
    pub key: &'static str,
    /// Is it given?
    pub is_given: fn(&Facts) -> bool,
}

/// Which events a check judges. Only calls that AWS carried out, by somebody other than AWS.
pub enum Speaks {
    /// These calls, by service.
    Calls(Calls),
    /// These calls, of those events that this picks.
    CallsOf(Calls, fn(&Event<'_>) -> bool),
    /// Those that this picks.
    Those(fn(&Event<'_>, &Facts) -> bool),
    /// Every call; only those that this picks need a closer look.
    Every(fn(&Event<'_>, &Facts) -> bool),
}

/// Calls by service.
type Calls = &'static [(&'static str, &'static [&'static str])];

/// How a check judges.
pub enum Rule {
    /// Each event by itself: what happened, in words, if the event breaks it.
    Event(fn(&Event<'_>, &Facts) -> Option<Broken>),
    /// Several events together, whatever their order: each leaves a trace under a subject.
    Together {
        /// What an event leaves.
        trace: fn(&Event<'_>, &Facts) -> Option<Trace>,
        /// Do all the traces of one subject break it?
        judge: fn(&Traces) -> Vec<BrokenTogether>,
        /// What it needs besides, and what its silence says.
        sheet: Together,
    },
}

/// What a check of several events needs, and what its silence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together {
    /// Is one event a day, of those alike, enough?
    pub is_by_day: bool,
    /// Does it want to know where AWS writes audit logs?
    pub wants_deliveries: bool,
    /// When is it evidence that nothing was broken?
    pub evidence: Keeping,
}

/// When the silence of a check is evidence that nothing was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Whenever it judged something.
    Always,
    /// Never: it judges little of what it is asked about, as of all buckets those that keep logs.
    Never,
    /// Once the log is so many days long.
    AfterDays(u32),
}

impl Together {
    /// What most are like.
    pub const PLAIN: Self = Self { is_by_day: false, wants_deliveries: false, evidence: Keeping::Always };
    /// Of audit logs.
    pub const OF_AUDIT_LOGS: Self =
        Self { is_by_day: true, wants_deliveries: true, evidence: Keeping::Never };
}

/// What one event broke.
pub struct Broken {
    /// In words, for the auditor.
    pub what: String,
    /// What sort of data it was about, where the settings say so: then it concerns only frameworks for such data.
    pub data: Option<Data>,
    /// The accounts that something was opened to, if that is all: it breaks nothing if they turn out to be the organisation's.
    pub outsiders: Vec<String>,
}

impl From<String> for Broken {
    fn from(what: String) -> Self {
        Self { what, data: None, outsiders: Vec::new() }
    }
}

/// What several events broke together.
pub struct BrokenTogether {
    /// In words, for the auditor.
    pub what: String,
    /// The traces that prove it; whoever left the first is named.
    pub proof: Vec<Trace>,
    /// When it was broken: the same however much later it is judged.
    pub at: Time,
    /// Why it is none after all, where later events explain it.
    pub excused: Option<String>,
}

/// Which checks speak of a call by its name.
static BY_CALL: LazyLock<HashMap<u64, Vec<usize>>> = LazyLock::new(|| {
    let mut by_call: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, check) in ALL.iter().enumerate() {
        let (Speaks::Calls(services) | Speaks::CallsOf(services, _)) = check.speaks_about else { continue };
        for (service, names) in services {
            names.iter().for_each(|name| by_call.entry(call_key(service, name)).or_default().push(at));
        }
    }
    by_call
});

impl Check {
    /// Can it judge, given what the settings say?
    pub fn is_in_force(&self, facts: &Facts) -> bool {
        self.needs.as_ref().is_none_or(|need| (need.is_given)(facts))
    }

    /// Is it about this one of its calls?
    fn is_about(&self, event: &Event<'_>) -> bool {
        !matches!(self.speaks_about, Speaks::CallsOf(_, picks) if !picks(event))
    }

    /// Does it judge every event there is?
    pub fn is_asked_of_all(&self) -> bool {
        matches!(self.speaks_about, Speaks::Every(_))
    }

    /// The controls it speaks to, framework by framework, in an account; `data` is what sort of data was touched, if known.
    pub fn controls(&self, data: Option<Data>, account: &str, facts: &Facts) -> Vec<String> {
        let concerned = FRAMEWORKS.iter().filter(|framework| match (framework.data, data) {
            (Some(of), Some(touched)) => of == touched,
            _ => true,
        });
        let concerned = concerned.filter(|framework| facts.is_in_scope(framework.id, account));
        concerned.flat_map(|framework| framework.labels_of(self)).collect()
    }
}

/// Was it done, and by somebody other than AWS itself? A role that only a service can assume is AWS.
fn is_judged(event: &Event<'_>) -> bool {
    event.outcome == Outcome::Success
        && !event.identity.is_linked_service()
        && &*event.event_type != "AwsServiceEvent"
        && !matches!(&*event.identity.kind, "AWSService" | "")
}

/// Names the checks that judge an event, by their place in [`ALL`], to `each`; but for those asked of every event,
/// only if they want a closer look at this one.
pub fn speaking(event: &Event<'_>, facts: &Facts, mut each: impl FnMut(usize)) {
    if !is_judged(event) {
        return;
    }
    if let Some(checks) = BY_CALL.get(&call_key(event.service(), &event.event_name)) {
        checks.iter().filter(|at| ALL[**at].is_about(event)).for_each(|at| each(*at));
    }
    for (at, check) in ALL.iter().enumerate() {
        let (Speaks::Those(picks) | Speaks::Every(picks)) = check.speaks_about else { continue };
        if check.is_in_force(facts) && picks(event, facts) {
            each(at);
        }
    }
}

/// Names the checks that want to remember what AWS's own services do, which breaks nothing and counts as nothing.
pub fn remembering(event: &Event<'_>, mut each: impl FnMut(usize)) {
    if traces::is_delivery(event) {
        traces::OF_DELIVERY.iter().for_each(|at| each(*at));
    }
}

/// What the checks make of an event.
#[derive(Default)]
pub struct Judged {
    /// What it broke by itself; with accounts, if it is broken only as long as one of them is none of the organisation's.
    pub findings: Vec<(Finding, Vec<String>)>,
    /// What it leaves for judging it together with others.
    pub traces: Vec<Trace>,
}

/// Judges one event by all the checks that speak of it.
pub fn judge(event: &Event<'_>, facts: &Facts) -> Judged {
    let mut judged = Judged::default();
    let mut asked = Vec::new();
    speaking(event, facts, |at| asked.push(at));
    remembering(event, |at| asked.push(at));
    for check in asked.into_iter().map(|at| ALL[at]) {
        match check.rule {
            Rule::Event(violates) if check.is_in_force(facts) => {
                if let Some(mut broken) = violates(event, facts) {
                    let outsiders = std::mem::take(&mut broken.outsiders);
                    judged.findings.push((found(check, event, broken, facts), outsiders));
                }
            }
            Rule::Event(_) => {}
            Rule::Together { trace, .. } => judged.traces.extend(trace(event, facts)),
        }
    }
    judged
}

/// Judges what the events of one subject left, whatever their order.
pub fn judge_together(traces: &Traces, facts: &Facts) -> Vec<Finding> {
    let Some(check) = ALL.iter().find(|check| check.id == &*traces.check) else { return Vec::new() };
    let Rule::Together { judge, .. } = check.rule else { return Vec::new() };
    judge(traces).into_iter().filter_map(|broken| found_together(check, broken, facts)).collect()
}

fn found_together(check: &Check, broken: BrokenTogether, facts: &Facts) -> Option<Finding> {
    let BrokenTogether { what, proof, at, excused } = broken;
    let first = proof.first()?.clone();
    let seen = proof.iter().map(|trace| trace.time);
    let event_ids: BTreeSet<String> = proof.iter().map(|trace| trace.event_id.to_string()).collect();
    Some(Finding {
        first_seen: seen.clone().min()?,
        last_seen: seen.max()?,
        // In order, as those of findings that are joined: so that judging again changes nothing.
        event_ids: event_ids.into_iter().collect(),
        evidence: vec![what],
        controls: check.controls(None, &first.account_id, facts),
        status: excused.map_or(Status::Open, Status::Closed),
        ..finding(check, &first.principal, &first.account_id, &first.region, at)
    })
}

fn found(check: &Check, event: &Event<'_>, broken: Broken, facts: &Facts) -> Finding {
    let principal = principal(event);
    Finding {
        event_ids: vec![event.event_id.to_string()],
        evidence: vec![broken.what],
        controls: check.controls(broken.data, &event.account_id, facts),
        ..finding(check, &principal, &event.account_id, &event.aws_region, event.event_time)
    }
}

/// ASFF's middle of a severity's band, as a score.
fn score(severity: Severity) -> f32 {
    [0.1, 0.3, 0.5, 0.75, 0.95][severity as usize]
}

/// A finding of a check about a principal on the day of `at`, without evidence.
fn finding(check: &Check, principal: &Principal, account: &str, region: &str, at: Time) -> Finding {
    Finding {
        id: Finding::id_of(check.id, &principal.id, at.day()),
        kind: Kind::Compliance,
        detector: check.id.to_owned(),
        title: check.title.to_owned(),
        severity: check.severity,
        score: score(check.severity),
        confidence: 1.0,
        principal: principal.id.to_string(),
        principal_kind: principal.kind,
        callers: Vec::new(),
        account_id: account.to_owned(),
        region: region.to_owned(),
        first_seen: at,
        last_seen: at,
        techniques: Vec::new(),
        tactics: Vec::new(),
        event_ids: Vec::new(),
        evidence: Vec::new(),
        recommendations: check.remediation.iter().map(ToString::to_string).collect(),
        controls: Vec::new(),
        status: Status::Open,
        thresholds: Thresholds::default(),
        contributions: Vec::new(),
        usual: Vec::new(),
        observed: Vec::new(),
        features: None,
    }
}

/// Calls that are made too often to be brought one by one.
const BUSY: &[(&str, &[&str])] = &[
    ("s3", &["DeleteObject", "DeleteObjects", "PutObjectAcl", "PutObjectRetention", "PutObjectLegalHold"]),
    ("kms", &["CreateGrant"]),
    ("logs", &["DeleteLogGroup", "DeleteLogStream"]),
    ("signin", &["ConsoleLogin"]), // has a rule of its own
];

/// The calls that can break a control gravely, as (event source, event name): people are told of such at once.
pub fn urgent_calls() -> impl Iterator<Item = (String, &'static str)> {
    let grave = ALL.iter().filter(|check| check.severity >= Severity::High);
    let calls = grave.filter_map(|check| match check.speaks_about {
        Speaks::Calls(services) | Speaks::CallsOf(services, _) => Some(services),
        Speaks::Those(_) | Speaks::Every(_) => None,
    });
    let is_busy =
        |service: &str, name: &str| BUSY.iter().any(|(of, names)| *of == service && names.contains(&name));
    calls
        .flatten()
        .flat_map(|(service, names)| names.iter().map(move |name| (*service, *name)))
        .filter(move |(service, name)| !is_busy(service, name))
        .map(|(service, name)| (format!("{service}.amazonaws.com"), name))
}

/// The check, or AWS Config's rule, that a finding is of: may a rule of the settings name it?
pub fn ids() -> Vec<&'static str> {
    ALL.iter().map(|check| check.id).chain([CONFIG_RULE]).collect()
}
