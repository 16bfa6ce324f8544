//! Command-line arguments; the doc comments are the help texts.

mod incident;
mod simulation;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub use incident::{Decision, Incident, Reissued};
pub use simulation::{Evaluate, Simulate};
use trailwarden_core::{event::Time, finding::Severity};

/// Detects AWS identities that stop behaving like themselves, from CloudTrail logs.
#[derive(Parser)]
#[command(name = "trailwarden", version, max_term_width = 100)]
pub struct Arguments {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    /// Analyzes CloudTrail logs and reports, with evidence, which identities stopped behaving like themselves
    #[command(after_help = EXIT_CODES)]
    Analyze(Analyze),
    /// Explains one finding: what was usual, what happened, and how its score was computed
    Explain(Explain),
    /// Shows the baseline of a principal: its week, services, networks, programs, and what is still uncertain
    Baseline(Baseline),
    /// Assesses the risk of a principal and explains it; `all` ranks all principals, and reports on identity
    /// providers
    Assess(Assess),
    /// Reports compliance from activity: which controls were violated, by whom, and by which events
    #[command(after_help = EXIT_CODES)]
    Compliance(Compliance),
    /// Plans the response to the alerts: actions in order, who else is affected, how to undo them, what
    /// remains. Changes nothing in any account
    Respond(Respond),
    /// Serves a state file as a web page, to this machine only. Logs are read into the state first, and add
    /// the compliance report
    Serve(Serve),
    /// Follows folders: reads log files as they arrive, and prints new and changed findings at once. Without
    /// --state, nothing learnt outlives the command
    Watch(Watch),
    /// Shows an overview: threat level, who is at risk, today against yesterday, compliance, incidents
    Status(Status),
    /// Shows the incidents of a state file and records your decisions; prints the commands that carry them
    /// out
    Incident(Incident),
    /// Simulates an organisation and writes its CloudTrail logs: people, machines, benign oddities and
    /// labelled attacks
    Simulate(Simulate),
    /// Prints the completions of a shell, for example `trailwarden completions bash`
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page, for example `trailwarden man | man -l -`
    Man,
    /// Evaluates detection where the truth is known: attacks found, and benign identities accused
    Evaluate(Evaluate),
}

const EXIT_CODES: &str = "Exit codes: 0 read; 1 nothing could be read; 2 an option or settings are wrong; 3 something reaches --fail-on.";

/// Arguments of `analyze`.
#[derive(Args)]
pub struct Analyze {
    /// Logs, state and context.
    #[command(flatten)]
    pub input: Input,
    /// Analysts' verdicts on findings, to learn thresholds from: a CSV `finding,verdict,day` (true_positive,
    /// false_positive)
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Output format: table, one JSON object a line, or AWS Security Finding Format
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    pub format: Format,
    /// Lowest severity to show
    #[arg(long, value_enum, default_value_t = Level::Low, value_name = "SEVERITY", help_heading = "Output")]
    pub min_severity: Level,
    /// Exit with 3 if a finding has at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Output")]
    pub fail_on: Option<Level>,
}

/// Arguments of `explain`.
#[derive(Args)]
pub struct Explain {
    /// The finding's id, or its beginning or end
    pub finding_id: String,
    /// Logs, state and context.
    #[command(flatten)]
    pub input: Input,
    /// Analysts' verdicts on findings, to learn thresholds from: a CSV `finding,verdict,day` (true_positive,
    /// false_positive)
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
}

/// Arguments of `baseline`.
#[derive(Args)]
pub struct Baseline {
    /// The principal's ARN, or its end, for example the name
    pub principal: String,
    /// Logs, state and context.
    #[command(flatten)]
    pub input: Input,
    /// Output format: table or JSON
    #[arg(long, value_enum, default_value_t = Form::Table, help_heading = "Output")]
    pub format: Form,
}

/// Arguments of `assess`.
#[derive(Args)]
pub struct Assess {
    /// The principal's ARN, or its end, for example the name; `all` for all principals
    pub principal: String,
    /// Logs, state and context.
    #[command(flatten)]
    pub input: Input,
    /// Number of hours, up to the end of the logs (or --until)
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=720))]
    pub hours: u32,
    /// Output format: table or JSON
    #[arg(long, value_enum, default_value_t = Form::Table, help_heading = "Output")]
    pub format: Form,
}

/// Arguments of `compliance`.
#[derive(Args)]
pub struct Compliance {
    /// Log files and folders, .json or .json.gz, in any of CloudTrail's envelopes
    #[arg(value_name = "PATH", required_unless_present = "coverage")]
    pub paths: Vec<PathBuf>,
    /// Frameworks to report on [default: all]
    #[arg(long = "framework", value_enum, value_name = "NAME", value_delimiter = ',')]
    pub frameworks: Vec<FrameworkName>,
    /// Number of days, up to the last with an event (or --until); compared with as many days before
    #[arg(long, value_parser = days, default_value = "30d", value_name = "DAYS")]
    pub period: u32,
    /// Output format: table, JSON, or one HTML page to print and file
    #[arg(long, value_enum, default_value_t = Paper::Table, help_heading = "Output")]
    pub format: Paper,
    /// Also write the evidence to this file, one JSON object a line; the report has its SHA-256
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
    /// Show instead how much of each framework activity can prove or disprove, and by which checks
    #[arg(long)]
    pub coverage: bool,
    /// Options for reading the logs.
    #[command(flatten)]
    pub reading: Reading,
    /// Exit with 3 if an open violation has at least this severity
    #[arg(long, value_enum, value_name = "SEVERITY", help_heading = "Output")]
    pub fail_on: Option<Level>,
}

/// Values of `--framework`.
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

/// Output formats of a report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Paper {
    /// For people
    Table,
    /// For machines
    Json,
    /// One self-contained HTML page
    Html,
}

/// Arguments of `respond`.
#[derive(Args)]
pub struct Respond {
    /// Logs, state and context.
    #[command(flatten)]
    pub input: Input,
    /// Print the plan only; required, because this command never acts in an account
    #[arg(long, required = true)]
    pub plan: bool,
    /// Only this principal: its ARN, or its end
    #[arg(long, value_name = "PRINCIPAL")]
    pub principal: Option<String>,
    /// Plan as for compromised credentials, whatever the findings are
    #[arg(long)]
    pub as_compromised: bool,
    /// Output format: table or JSON
    #[arg(long, value_enum, default_value_t = Form::Table, help_heading = "Output")]
    pub format: Form,
}

/// Arguments of `watch`.
#[derive(Args)]
pub struct Watch {
    /// Logs, state and context. Without --state, nothing learnt outlives the command.
    #[command(flatten)]
    pub input: Input,
    /// Output format: table or one JSON object a line
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "Output")]
    pub format: Format,
    /// Lowest severity to show
    #[arg(long, value_enum, default_value_t = Level::Low, value_name = "SEVERITY", help_heading = "Output")]
    pub min_severity: Level,
    /// Seconds between two scans of the folders
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub every: u16,
}

/// Arguments of `serve`.
#[derive(Args)]
#[command(override_usage = "trailwarden serve --state FILE [OPTIONS] [PATH]...")]
pub struct Serve {
    /// The state to show. Logs are read into the state first, and add the compliance report.
    #[command(flatten)]
    pub input: Input,
    /// Port on loopback; 0 for any free port
    #[arg(long, default_value_t = 8787, value_name = "N")]
    pub port: u16,
}

/// Arguments of `status`.
#[derive(Args)]
pub struct Status {
    /// Logs, state and context.
    #[command(flatten)]
    pub input: Input,
    /// Output format: table or JSON
    #[arg(long, value_enum, default_value_t = Form::Table, help_heading = "Output")]
    pub format: Form,
}

/// Output formats: table or JSON.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For people
    Table,
    /// For machines
    Json,
}

/// Logs, state and context of a run.
#[derive(Args, Clone)]
#[command(next_help_heading = "Logs and context")]
pub struct Input {
    /// Log files and folders, .json or .json.gz, in any of CloudTrail's envelopes
    #[arg(value_name = "PATH", required_unless_present = "state")]
    pub paths: Vec<PathBuf>,
    /// Options for reading the logs.
    #[command(flatten)]
    pub reading: Reading,
    /// State file: keeps what was learnt, and continues from it
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
}

/// Options for reading logs.
#[derive(Args, Clone)]
#[command(next_help_heading = "Logs and context")]
pub struct Reading {
    /// Only events from this time on: 2026-03-01 or 2026-03-01T12:00:00Z
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub since: Option<Time>,
    /// Only events before this time
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub until: Option<Time>,
    /// Settings of the organisation: suppressions, accounts, Regions, protected data (TOML)
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Networks of addresses: a MaxMind database, or a CSV `cidr,country,asn,organisation,use`
    #[arg(long, value_name = "FILE")]
    pub networks: Option<PathBuf>,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// No progress, and no line for each record or file that is skipped; the counts stay
    #[arg(long)]
    pub quiet: bool,
    /// Stop reading a file after this many uncompressed bytes
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 30)]
    pub max_file_bytes: u64,
}

/// Output formats of findings.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON object a line
    Ndjson,
    /// One AWS Security Finding a line
    Asff,
}

/// Severities as option values.
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

/// Parses a number of days, `30d` or `30`.
fn days(text: &str) -> Result<u32, String> {
    let days = text.strip_suffix('d').unwrap_or(text).parse::<u32>().ok();
    days.filter(|days| (1..=400).contains(days))
        .ok_or_else(|| "not a number of days such as 30d, at most 400d".to_owned())
}
