//! Arguments of `simulate` and `evaluate`.

use std::path::PathBuf;

use clap::Args;
use trailwarden_core::event::Time;

use super::{Form, time};

/// Arguments of `simulate`.
#[derive(Args)]
pub struct Simulate {
    /// Seed of all random draws: the same seed makes the same organisation
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Days of logs; the attacks are in the last third, at most 15 days
    #[arg(long, default_value_t = 45, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=400))]
    pub days: u32,
    /// Number of people
    #[arg(long, default_value_t = 40, value_name = "N")]
    pub people: usize,
    /// Number of machine identities
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub workloads: usize,
    /// Number of attacks [default: 18 for 60 identities and 15 days]
    #[arg(long, value_name = "N")]
    pub attacks: Option<usize>,
    /// First day of the logs [default: 2026-02-02]
    #[arg(long, value_parser = time, value_name = "DAY")]
    pub start: Option<Time>,
    /// Folder to write to; new or empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Arguments of `evaluate`.
#[derive(Args)]
pub struct Evaluate {
    /// Folders that `simulate` wrote (with truth.jsonl), or of labelled cases (with labels.jsonl)
    #[arg(value_name = "DIR", required_unless_present = "seeds")]
    pub folders: Vec<PathBuf>,
    /// Simulate the organisations with these seeds in memory instead: 7, or 1001-1010
    #[arg(long, value_name = "SEEDS", value_parser = seeds, conflicts_with = "folders")]
    pub seeds: Option<std::ops::RangeInclusive<u64>>,
    /// Measure again without peers, without context, with whole days compared, and with the list of networks
    #[arg(long)]
    pub ablate: bool,
    /// Also measure the models of whole days: anomaly, behaviour, risk, threat
    #[arg(long)]
    pub models: bool,
    /// Train a forest on half the kinds of attacks, on organisations with these seeds, and measure it on the
    /// other half
    #[arg(long, value_name = "SEEDS", value_parser = seeds, requires = "models")]
    pub train: Option<std::ops::RangeInclusive<u64>>,
    /// List every missed attack and every false alert
    #[arg(long)]
    pub list: bool,
    /// Output format: table or JSON
    #[arg(long, value_enum, default_value_t = Form::Table, help_heading = "Output")]
    pub format: Form,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
}

/// Parses a seed or a range of at most a thousand seeds, `7` or `1001-1010`.
fn seeds(text: &str) -> Result<std::ops::RangeInclusive<u64>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last && last - first < 1000 => Ok(first..=last),
        _ => Err("not a seed such as 7, or seeds such as 1001-1010".to_owned()),
    }
}
