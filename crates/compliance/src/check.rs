//! A check: its sheet, what it speaks about, and how it judges events alone or together.

use trailwarden_core::{
    event::{Event, Time},
    finding::Severity,
    settings::{Data, Facts},
};

use crate::{FRAMEWORKS, Trace, Traces};

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

impl Check {
    /// Can it judge, given what the settings say?
    pub fn is_in_force(&self, facts: &Facts) -> bool {
        self.needs.as_ref().is_none_or(|need| (need.is_given)(facts))
    }

    /// Is it about this one of its calls?
    pub(crate) fn is_about(&self, event: &Event<'_>) -> bool {
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
