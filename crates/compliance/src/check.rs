//! Data types of a check: its sheet, the events it judges, and its rule for single or related events.

use trailwarden_core::{
    event::{Event, Time},
    finding::Severity,
    settings::{Data, Facts},
};

use crate::{FRAMEWORKS, Trace, Traces};

/// A rule that activity can violate, with its data sheet.
pub struct Check {
    /// Stable kebab-case id, equal to the file's name.
    pub id: &'static str,
    /// Display title.
    pub title: &'static str,
    /// Subject area.
    pub group: Group,
    /// Severity of a violation.
    pub severity: Severity,
    /// Remediation steps.
    pub remediation: &'static [&'static str],
    /// Violations that a log cannot show.
    pub blind_spot: &'static str,
    /// Setting without which the check cannot judge; `None` if it needs none.
    pub needs: Option<Need>,
    /// Filter for the events it judges. It runs on every event, so it must be cheap.
    pub speaks_about: Speaks,
    /// Decides whether the events violate the check.
    pub rule: Rule,
    /// AWS Config managed rules that test the same requirement on the configuration.
    pub config_rules: &'static [&'static str],
}

/// Subject area of a check.
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
    /// Display title.
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

/// A setting that a check requires.
pub struct Need {
    /// Key in the settings file.
    pub key: &'static str,
    /// Whether the settings contain it.
    pub is_given: fn(&Facts) -> bool,
}

/// Filter for the events a check judges. Only successful calls by principals other than AWS reach it.
pub enum Speaks {
    /// These calls.
    Calls(Calls),
    /// These calls, if the function also accepts the event.
    CallsOf(Calls, fn(&Event<'_>) -> bool),
    /// Events that the function accepts.
    Those(fn(&Event<'_>, &Facts) -> bool),
    /// Every call counts as judged; the rule runs only on events that the function accepts.
    Every(fn(&Event<'_>, &Facts) -> bool),
}

/// Event names by service, for example `("iam", &["CreateUser"])`.
type Calls = &'static [(&'static str, &'static [&'static str])];

/// Decision function of a check.
pub enum Rule {
    /// Judges each event alone; returns the violation, if any.
    Event(fn(&Event<'_>, &Facts) -> Option<Broken>),
    /// Judges several events together, independent of their order: each leaves a trace under a subject.
    Together {
        /// Trace of an event.
        trace: fn(&Event<'_>, &Facts) -> Option<Trace>,
        /// Violations proved by all traces of one subject.
        judge: fn(&Traces) -> Vec<BrokenTogether>,
        /// Retention of traces, and when no violation counts as evidence.
        sheet: Together,
    },
}

/// Trace retention of a check of several events, and when no violation counts as evidence of compliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together {
    /// Whether one event a day is enough among events of the same kind.
    pub is_by_day: bool,
    /// Whether it needs traces of AWS delivering audit logs.
    pub wants_deliveries: bool,
    /// When the absence of a violation is evidence of compliance.
    pub evidence: Keeping,
}

/// Condition under which the absence of a violation is evidence of compliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Whenever the check judged an event.
    Always,
    /// Never: few of the events it counts can violate it, for example only those on buckets that store audit
    /// logs.
    Never,
    /// Once the log spans this many days.
    AfterDays(u32),
}

impl Together {
    /// Default: every event, no delivery traces, always evidence.
    pub const PLAIN: Self = Self { is_by_day: false, wants_deliveries: false, evidence: Keeping::Always };
    /// For checks on stores of audit logs.
    pub const OF_AUDIT_LOGS: Self =
        Self { is_by_day: true, wants_deliveries: true, evidence: Keeping::Never };
}

/// A violation by one event.
pub struct Broken {
    /// Description for the auditor.
    pub what: String,
    /// Kind of data involved, if the settings declare it; restricts the violation to frameworks that cover
    /// it.
    pub data: Option<Data>,
    /// Accounts that gained access, if that alone is the violation: it is void if all of them turn out to
    /// belong to the organisation.
    pub outsiders: Vec<String>,
}

impl From<String> for Broken {
    fn from(what: String) -> Self {
        Self { what, data: None, outsiders: Vec::new() }
    }
}

/// A violation by several events together.
pub struct BrokenTogether {
    /// Description for the auditor.
    pub what: String,
    /// Traces that prove it; the principal of the first is the finding's.
    pub proof: Vec<Trace>,
    /// Time of the violation; independent of when it is judged.
    pub at: Time,
    /// Reason to close it, if other events explain it.
    pub excused: Option<String>,
}

impl Check {
    /// Whether the settings contain everything the check needs.
    pub fn is_in_force(&self, facts: &Facts) -> bool {
        self.needs.as_ref().is_none_or(|need| (need.is_given)(facts))
    }

    /// Whether the check judges this event among those of its calls.
    pub(crate) fn is_about(&self, event: &Event<'_>) -> bool {
        !matches!(self.speaks_about, Speaks::CallsOf(_, picks) if !picks(event))
    }

    /// Whether every event counts as judged by the check.
    pub fn is_asked_of_all(&self) -> bool {
        matches!(self.speaks_about, Speaks::Every(_))
    }

    /// Names of the controls it maps to in an account, by framework. `data` is the kind of data involved, if
    /// known.
    pub fn controls(&self, data: Option<Data>, account: &str, facts: &Facts) -> Vec<String> {
        let concerned = FRAMEWORKS.iter().filter(|framework| match (framework.data, data) {
            (Some(of), Some(touched)) => of == touched,
            _ => true,
        });
        let concerned = concerned.filter(|framework| facts.is_in_scope(framework.id, account));
        concerned.flat_map(|framework| framework.labels_of(self)).collect()
    }
}
