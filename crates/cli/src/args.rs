//! The command's words.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use trailwarden_core::{event::Time, finding::Severity};

/// Tells which AWS identities stopped behaving like themselves, from CloudTrail logs.
#[derive(Parser)]
#[command(name = "trailwarden", version, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// Reads CloudTrail logs and says, with evidence, which identities did what they should not have
    #[command(after_help = EXIT_CODES)]
    Analyze(Analyze),
    /// Tells the whole story of one finding: what was usual, what happened, how its score was made
    Explain(Explain),
    /// Shows what is normal for an identity: its week, services, networks, programs, and what is still uncertain
    Baseline(Baseline),
    /// Says how risky an identity is and why; of `all`, which are the riskiest, and how identity providers are used
    Assess(Assess),
    /// Says how the organisation stood by its controls, by what was done: who broke which, by which events
    #[command(after_help = EXIT_CODES)]
    Compliance(Compliance),
    /// Says what to do about the alerts: in which order, who else is hit, how it is taken back, what remains. Does nothing itself
    Respond(Respond),
    /// Shows a state as a page in the browser, on this machine
    Serve(Serve),
    /// Follows folders: log files are read as they arrive, and what they change is said at once
    Watch(Watch),
    /// A board of numbers: threat level, who is at risk, today beside yesterday, compliance, incidents
    Status(Status),
    /// Shows the incidents of a state file, and keeps what you decide about them; prints the commands that carry it out
    Incident(Incident),
    /// Makes up an organisation and writes its trail: people, machines, innocent oddities and labelled attacks
    Simulate(Simulate),
    /// Says how well attacks are found, and how often innocents are accused, where the truth is known
    Evaluate(Evaluate),
}

const EXIT_CODES: &str = "Exit codes: 0 read; 1 nothing could be read; 2 an option or settings are wrong; 3 something reaches --fail-on.";

/// `analyze`.
#[derive(Args)]
pub struct Analyze {
    /// What is read.
    #[command(flatten)]
    pub input: Input,
    /// What analysts said of findings, to learn thresholds from: a CSV `finding,verdict,day` (true_positive, false_positive)
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Table for people, one JSON object a line, or AWS Security Finding Format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Leave out findings less severe than this
    #[arg(long, value_enum, default_value_t = Level::Low, value_name = "SEVERITY")]
    pub min_severity: Level,
    /// Exit with 3 if a finding is at least so severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<Level>,
}

/// `explain`.
#[derive(Args)]
pub struct Explain {
    /// The finding's id, or its beginning or end
    pub finding_id: String,
    /// What is read.
    #[command(flatten)]
    pub input: Input,
    /// What analysts said of findings, to learn thresholds from: a CSV `finding,verdict,day` (true_positive, false_positive)
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
}

/// `baseline`.
#[derive(Args)]
pub struct Baseline {
    /// Its ARN, or the end of it: a name
    pub principal: String,
    /// What is read.
    #[command(flatten)]
    pub input: Input,
    /// Table for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub format: Form,
}

/// `assess`.
#[derive(Args)]
pub struct Assess {
    /// Its ARN, or the end of it: a name. `all` for everybody
    pub principal: String,
    /// What is read.
    #[command(flatten)]
    pub input: Input,
    /// How many hours, up to the end of the logs (or --until)
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=720))]
    pub hours: u32,
    /// Table for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub format: Form,
}

/// `compliance`.
#[derive(Args)]
pub struct Compliance {
    /// Files and folders of logs, .json or .json.gz, in any of CloudTrail's envelopes
    #[arg(value_name = "PATH", required_unless_present = "coverage")]
    pub paths: Vec<PathBuf>,
    /// By which frameworks [default: all]
    #[arg(long = "framework", value_enum, value_name = "NAME", value_delimiter = ',')]
    pub frameworks: Vec<FrameworkName>,
    /// How many days, up to the last with an event (or --until); compared with as many before
    #[arg(long, value_parser = days, default_value = "30d", value_name = "DAYS")]
    pub period: u32,
    /// Table for people, JSON for machines, or one HTML page to print and file
    #[arg(long, value_enum, default_value_t = Paper::Table)]
    pub format: Paper,
    /// Write the evidence there too, one JSON object a line: the report has its SHA-256
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
    /// Say instead how much of each framework activity can speak to, and by which checks
    #[arg(long)]
    pub coverage: bool,
    /// How it is read.
    #[command(flatten)]
    pub reading: Reading,
    /// Exit with 3 if an open violation is at least so severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<Level>,
}

/// What can be given anew.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reissued {
    /// An access key
    Key,
    /// A password, to be changed at the first sign-in
    Password,
}

/// Frameworks, as the option spells them.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "they are the frameworks' ids")]
pub enum FrameworkName {
    All,
    Soc2,
    #[value(alias = "pci")]
    PciDss,
    Hipaa,
    Gdpr,
    #[value(alias = "fedramp")]
    FedrampModerate,
}

/// Forms of a report that is filed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Paper {
    /// For people
    Table,
    /// For machines
    Json,
    /// One self-contained page
    Html,
}

/// `respond`.
#[derive(Args)]
pub struct Respond {
    /// What is read.
    #[command(flatten)]
    pub input: Input,
    /// Plan, and do nothing: this command never acts in an account
    #[arg(long, required = true)]
    pub plan: bool,
    /// Only about this principal: its ARN, or the end of it
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: Option<String>,
    /// Plan for a credential compromise, whatever the findings say
    #[arg(long)]
    pub as_compromised: bool,
    /// Table for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub format: Form,
}

/// `watch`.
#[derive(Args)]
pub struct Watch {
    /// What is read. Without --state, what is learnt is forgotten at the end.
    #[command(flatten)]
    pub input: Input,
    /// Table for people, or one JSON object a line
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Leave out findings less severe than this
    #[arg(long, value_enum, default_value_t = Level::Low, value_name = "SEVERITY")]
    pub min_severity: Level,
    /// Seconds between two looks
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub every: u16,
}

/// `serve`.
#[derive(Args)]
#[command(override_usage = "trailwarden serve --state FILE [OPTIONS] [PATH]...")]
pub struct Serve {
    /// What is shown: the state; logs that are given too are read into it first, and tell how controls are kept.
    #[command(flatten)]
    pub input: Input,
    /// The port on loopback; any free one, if it is 0
    #[arg(long, default_value_t = 8787, value_name = "N")]
    pub port: u16,
}

/// `status`.
#[derive(Args)]
pub struct Status {
    /// What is read.
    #[command(flatten)]
    pub input: Input,
    /// Table for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub format: Form,
}

/// `incident`.
#[derive(Args)]
pub struct Incident {
    /// What to do.
    #[command(subcommand)]
    pub what: Decision,
    /// The file that `analyze --state` keeps
    #[arg(long, value_name = "FILE", global = true)]
    pub state: Option<PathBuf>,
    /// The organisation's own facts: protected principals, what needs no asking (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    pub settings: Option<PathBuf>,
    /// Table for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Form::Table, global = true)]
    pub format: Form,
}

/// What is done with an incident.
#[derive(Subcommand)]
pub enum Decision {
    /// Lists them, the newest first
    List {
        /// Those that are closed too
        #[arg(long)]
        all: bool,
    },
    /// Shows one: findings, plan, what was decided, what is left to people
    Show {
        /// Its id, or the beginning of it
        id: String,
    },
    /// Approves its plan as it was shown, and prints the commands that carry it out: this command acts in no account
    Approve {
        /// Its id, or the beginning of it
        id: String,
        /// The plan, as `show` names it
        #[arg(long, value_name = "PLAN")]
        plan: String,
    },
    /// Takes back what was approved, and prints the commands that do so
    Undo {
        /// Its id, or the beginning of it
        id: String,
        /// Only this act, by the number that `show` gives it
        #[arg(long, value_name = "N")]
        act: Option<usize>,
    },
    /// Asks for a new access key or password for a user whom it is about, and prints the commands that hand it over
    Reissue {
        /// Its id, or the beginning of it
        id: String,
        /// What is given anew
        credential: Reissued,
        /// Of whom this act is, by the number that `show` gives it
        #[arg(long, value_name = "N")]
        act: Option<usize>,
    },
    /// Gives it to somebody
    Assign {
        /// Its id, or the beginning of it
        id: String,
        /// To whom
        whom: String,
    },
    /// Ticks a step that was left to people
    Step {
        /// Its id, or the beginning of it
        id: String,
        /// The step, by the number that `show` gives it
        step: usize,
    },
    /// Closes it
    Close {
        /// Its id, or the beginning of it
        id: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

/// `simulate`.
#[derive(Args)]
pub struct Simulate {
    /// What everything is drawn from: the same seed makes the same organisation
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Days of logs; the last third, at most 15 days, has the attacks
    #[arg(long, default_value_t = 45, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
    /// People
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub people: usize,
    /// Machines
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub workloads: usize,
    /// Attacks [default: 18 for 60 identities and 15 days]
    #[arg(long, value_name = "N")]
    pub attacks: Option<usize>,
    /// The first day [default: 2026-02-02]
    #[arg(long, value_parser = time, value_name = "DAY")]
    pub start: Option<Time>,
    /// The folder to write to; new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// `evaluate`.
#[derive(Args)]
pub struct Evaluate {
    /// Folders of `simulate` (with truth.jsonl), or of labelled cases (with labels.jsonl)
    #[arg(value_name = "DIR", required_unless_present = "seeds")]
    pub folders: Vec<PathBuf>,
    /// Simulate these organisations in memory instead: 7, or 1001-1010
    #[arg(long, value_name = "SEEDS", value_parser = seeds, conflicts_with = "folders")]
    pub seeds: Option<std::ops::RangeInclusive<u64>>,
    /// Judge again without peers, without context, with whole days compared, and with the list of networks
    #[arg(long)]
    pub ablate: bool,
    /// Measure the models of whole days too: anomaly, behaviour, risk, threat
    #[arg(long)]
    pub models: bool,
    /// Teach a forest half the kinds of attacks on these simulated organisations; it is measured on the other half
    #[arg(long, value_name = "SEEDS", value_parser = seeds, requires = "models")]
    pub train: Option<std::ops::RangeInclusive<u64>>,
    /// Name every attack that was missed and every innocent that was accused
    #[arg(long)]
    pub list: bool,
    /// Table for people, or JSON for machines
    #[arg(long, value_enum, default_value_t = Form::Table)]
    pub format: Form,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
}

/// Forms of a report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Table,
    /// For machines
    Json,
}

/// What is read, and with which knowledge.
#[derive(Args, Clone)]
pub struct Input {
    /// Files and folders of logs, .json or .json.gz, in any of CloudTrail's envelopes
    #[arg(value_name = "PATH", required_unless_present = "state")]
    pub paths: Vec<PathBuf>,
    /// How it is read.
    #[command(flatten)]
    pub reading: Reading,
    /// Keep what was learnt in this file, and continue from it
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// What addresses are: a MaxMind database, or a CSV `cidr,country,asn,organisation,use`
    #[arg(long, value_name = "FILE")]
    pub networks: Option<PathBuf>,
}

/// How logs are read.
#[derive(Args, Clone)]
pub struct Reading {
    /// Only events from this time on: 2026-03-01 or 2026-03-01T12:00:00Z
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub since: Option<Time>,
    /// Only events before this time
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub until: Option<Time>,
    /// The organisation's own facts: suppressions, accounts, regions, protected data (TOML)
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Stop reading a file after so many uncompressed bytes
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 30)]
    pub max_file_bytes: u64,
}

/// Forms of output.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON object a line
    Ndjson,
    /// One AWS Security Finding a line
    Asff,
}

/// Severities, as options spell them.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
#[expect(missing_docs, reason = "they are Severity's")]
pub enum Level {
    #[value(alias = "INFORMATIONAL")]
    Informational,
    #[value(alias = "LOW")]
    Low,
    #[value(alias = "MEDIUM")]
    Medium,
    #[value(alias = "HIGH")]
    High,
    #[value(alias = "CRITICAL")]
    Critical,
}

impl From<Level> for Severity {
    fn from(level: Level) -> Self {
        Self::ALL[level as usize]
    }
}

fn time(text: &str) -> Result<Time, String> {
    Time::parse(text)
        .or_else(|| Time::parse(&format!("{text}T00:00:00Z")))
        .ok_or_else(|| "not a time such as 2026-03-01 or 2026-03-01T12:00:00Z".to_owned())
}

/// `30d`, or `30`.
fn days(text: &str) -> Result<u32, String> {
    let days = text.strip_suffix('d').unwrap_or(text).parse::<u32>().ok();
    days.filter(|days| (1..=400).contains(days))
        .ok_or_else(|| "not a number of days such as 30d, at most 400d".to_owned())
}

/// `7` or `1001-1010`, at most a thousand.
fn seeds(text: &str) -> Result<std::ops::RangeInclusive<u64>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last && last - first < 1000 => Ok(first..=last),
        _ => Err("not a seed such as 7, or seeds such as 1001-1010".to_owned()),
    }
}
