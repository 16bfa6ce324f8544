//! `trailwarden`: the stages over a folder of logs, on one machine, with nothing but itself.

mod analysis;
mod args;
mod explain;
mod files;
mod judging;
mod output;
mod state;
mod text;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::args::{Arguments, Command};

/// Nothing could be read.
const NOTHING_READ: u8 = 1;
/// An option, or a file given by one, is wrong.
const WRONG_USE: u8 = 2;
/// There is a finding as severe as `--fail-on` says.
const FAILED_ON: u8 = 3;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Analyze(arguments) => analyze(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
    };
    match outcome {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trailwarden: {}", text::printable(&format!("{error:#}")));
            ExitCode::from(WRONG_USE)
        }
    }
}

fn analyze(arguments: &args::Analyze) -> Result<u8> {
    let analysis = analysis::run(&arguments.input, true)?;
    output::write(arguments, &analysis)?;
    if !analysis.has_read() {
        eprintln!(
            "trailwarden: nothing could be read: no CloudTrail log among the {} file(s) given",
            analysis.files
        );
        return Ok(NOTHING_READ);
    }
    let is_failing = arguments
        .fail_on
        .is_some_and(|bound| analysis.open().any(|finding| finding.severity >= bound.into()));
    Ok(if is_failing { FAILED_ON } else { 0 })
}

/// Somebody stopped reading our output, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
