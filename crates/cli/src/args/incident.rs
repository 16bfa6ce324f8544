//! Arguments of `incident`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::Form;

/// Arguments of `incident`.
#[derive(Args)]
pub struct Incident {
    /// The command on incidents to run.
    #[command(subcommand)]
    pub what: Decision,
    /// The state file that `analyze --state` writes
    #[arg(long, value_name = "FILE", global = true)]
    pub state: Option<PathBuf>,
    /// Settings of the organisation: protected principals, actions that need no approval (TOML)
    #[arg(long, value_name = "FILE", global = true)]
    pub settings: Option<PathBuf>,
    /// Output format: table or JSON
    #[arg(long, value_enum, default_value_t = Form::Table, global = true, help_heading = "Output")]
    pub format: Form,
}

/// Commands on incidents.
#[derive(Subcommand)]
pub enum Decision {
    /// Lists incidents, the newest first
    List {
        /// Include closed incidents
        #[arg(long)]
        all: bool,
    },
    /// Shows an incident: findings, plan, decisions, and steps left to people
    Show {
        /// The incident's id, or its beginning
        id: String,
    },
    /// Approves the plan as it was shown, and prints the commands that carry it out; this command acts in no
    /// account
    Approve {
        /// The incident's id, or its beginning
        id: String,
        /// The plan's digest, as `show` prints it
        #[arg(long, value_name = "PLAN")]
        plan: String,
    },
    /// Withdraws approved actions, and prints the commands that undo them
    Undo {
        /// The incident's id, or its beginning
        id: String,
        /// Only this action, by its number in `show`
        #[arg(long, value_name = "N")]
        act: Option<usize>,
    },
    /// Requests a new access key or password for a user of the incident, and prints the commands that hand it
    /// over
    Reissue {
        /// The incident's id, or its beginning
        id: String,
        /// The credential to re-issue
        credential: Reissued,
        /// The user of this action, by its number in `show`
        #[arg(long, value_name = "N")]
        act: Option<usize>,
    },
    /// Assigns an incident to a person
    Assign {
        /// The incident's id, or its beginning
        id: String,
        /// The person's name
        whom: String,
    },
    /// Marks a step that was left to people as done
    Step {
        /// The incident's id, or its beginning
        id: String,
        /// The step, by its number in `show`
        step: usize,
    },
    /// Closes an incident
    Close {
        /// The incident's id, or its beginning
        id: String,
        /// The reason
        #[arg(long)]
        reason: String,
    },
}

/// Credentials that can be re-issued.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Reissued {
    /// An access key
    Key,
    /// A password, which must be changed at the first sign-in
    Password,
}
