//! Entry point of the `trailwarden` command.

use std::process::ExitCode;

use clap::Parser;
use trailwarden::{args::Arguments, printable, run};

/// Hours are many small allocations made and freed by several threads: mimalloc takes a third of the time of
/// the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code: an option, or a file that it names, is wrong. clap uses 2 for wrong options too.
const WRONG_USE: u8 = 2;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("trailwarden: {}", printable(&format!("{error:#}")));
            ExitCode::from(WRONG_USE)
        }
    }
}

/// Whether the reader of our output closed the pipe, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
