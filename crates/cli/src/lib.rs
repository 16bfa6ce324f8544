//! `trailwarden` command: the pipeline's stages on one machine, over folders of logs, without any service.

pub mod analysis;
pub mod args;
mod assess;
mod baseline;
pub mod compliance;
mod evaluate;
mod explain;
mod files;
mod identities;
mod incident;
mod judging;
mod knowledge;
mod output;
pub mod reading;
mod respond;
mod serve;
mod simulate;
mod status;
mod store;
mod text;
mod verdicts;
mod watch;

use anyhow::Result;
use clap::CommandFactory;
pub use text::printable;

use crate::args::{Arguments, Command};

/// Exit code: nothing could be read.
const NOTHING_READ: u8 = 1;
/// Exit code: a finding or violation reaches `--fail-on`.
const FAILED_ON: u8 = 3;

/// Runs the command; returns the exit code.
///
/// # Errors
/// If an option, or a file that it names, is wrong.
pub fn run(arguments: &Arguments) -> Result<u8> {
    match &arguments.command {
        Command::Analyze(arguments) => analyze(arguments),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Baseline(arguments) => baseline::baseline(arguments),
        Command::Assess(arguments) => assess::assess(arguments),
        Command::Compliance(arguments) => compliance::compliance(arguments),
        Command::Respond(arguments) => respond::respond(arguments),
        Command::Status(arguments) => status::status(arguments),
        Command::Watch(arguments) => watch::watch(arguments),
        Command::Serve(arguments) => serve::serve(arguments),
        Command::Incident(arguments) => incident::incident(arguments),
        Command::Simulate(arguments) => simulate::simulate(arguments),
        Command::Evaluate(arguments) => evaluate::evaluate(arguments),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "trailwarden", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man => {
            clap_mangen::Man::new(Arguments::command()).render(&mut std::io::stdout())?;
            Ok(0)
        }
    }
}

fn analyze(arguments: &args::Analyze) -> Result<u8> {
    let analysis = analysis::run(&arguments.input, arguments.verdicts.as_deref(), true)?;
    output::write(arguments, &analysis)?;
    if !analysis.has_read() && !arguments.input.paths.is_empty() {
        eprintln!("trailwarden: nothing could be read: no CloudTrail log in {} file(s)", analysis.files);
        return Ok(NOTHING_READ);
    }
    let is_failing = arguments
        .fail_on
        .is_some_and(|bound| analysis.open().any(|finding| finding.severity >= bound.into()));
    Ok(if is_failing { FAILED_ON } else { 0 })
}
