//! The command's words.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use trailwarden_core::{event::Time, finding::Severity};

/// Tells which AWS identities stopped behaving like themselves, from CloudTrail logs.
#[derive(Parser)]
#[command(name = "trailwarden", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Reads CloudTrail logs and says, with evidence, which identities did what they should not have
    #[command(after_help = EXIT_CODES)]
    Analyze(Analyze),
    /// Tells the whole story of one finding: what was usual, what happened, how its score was made
    Explain(Explain),
}

const EXIT_CODES: &str = "Exit codes: 0 read; 1 nothing could be read; 2 an option or settings are wrong; 3 a finding reaches --fail-on.";

#[derive(Args)]
pub(crate) struct Analyze {
    #[command(flatten)]
    pub(crate) input: Input,
    /// Table for people, one JSON object a line, or AWS Security Finding Format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
    /// Leave out findings less severe than this
    #[arg(long, value_enum, default_value_t = Level::Low, value_name = "SEVERITY")]
    pub(crate) min_severity: Level,
    /// Exit with 3 if a finding is at least so severe
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<Level>,
}

#[derive(Args)]
pub(crate) struct Explain {
    /// The finding's id, or its beginning or end
    pub(crate) finding_id: String,
    #[command(flatten)]
    pub(crate) input: Input,
}

/// What is read, and with which knowledge.
#[derive(Args)]
pub(crate) struct Input {
    /// Files and folders of logs, .json or .json.gz, in any of CloudTrail's envelopes
    #[arg(value_name = "PATH", required_unless_present = "state")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only events from this time on: 2026-03-01 or 2026-03-01T12:00:00Z
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub(crate) since: Option<Time>,
    /// Only events before this time
    #[arg(long, value_parser = time, value_name = "TIME")]
    pub(crate) until: Option<Time>,
    /// The organisation's own facts: suppressions, accounts, regions (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
    /// Keep what was learnt in this file, and continue from it
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// What addresses are: a MaxMind database, or a CSV `cidr,country,asn,organisation,use`
    #[arg(long, value_name = "FILE")]
    pub(crate) networks: Option<PathBuf>,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Stop reading a file after so many uncompressed bytes
    #[arg(long, value_name = "BYTES", default_value_t = 8 << 30)]
    pub(crate) max_file_bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Ndjson,
    Asff,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "lower")]
pub(crate) enum Level {
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
