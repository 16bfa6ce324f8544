//! Command `baseline`: the baseline of one principal as text.

use std::io::{BufWriter, Write};

use anstyle::{AnsiColor, Style};
use anyhow::{Context, Result};
use trailwarden_core::baseline::profile::{Portrait, Seen, portrait};

use crate::{
    args::{self, Form},
    identities::{Identities, show},
    text::{count, printable, thousands, wrap},
};

/// Prints the baseline of the given principal.
pub(crate) fn baseline(arguments: &args::Baseline) -> Result<u8> {
    let identities = Identities::load(&arguments.input)?;
    let scope = identities.find(&arguments.principal)?;
    let hours = identities.hours(&scope)?;
    let portrait =
        portrait(&scope, &hours, &identities.knowledge.networks).context("no activity is known")?;
    let mut out = BufWriter::new(anstream::stdout().lock());
    match arguments.format {
        Form::Json => writeln!(out, "{}", serde_json::to_string(&portrait)?)?,
        Form::Table => tell(&mut out, &show(&scope), &portrait)?,
    }
    Ok(out.flush().map(|()| 0)?)
}

/// Line width in characters.
const WIDTH: usize = 100;
/// Column at which names begin.
const INDENT: usize = 12;
/// Maximum number of names of each kind.
const TOLD: usize = 8;

fn tell(out: &mut impl Write, name: &str, portrait: &Portrait) -> Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "{bold}{}{bold:#}", printable(name))?;
    for arn in portrait.principals.iter().filter(|arn| **arn != name) {
        writeln!(out, "  as {}", printable(arn))?;
    }
    writeln!(
        out,
        "{} to {}: active on {}, {}; {:.1}% refused or failed",
        portrait.from,
        portrait.to,
        count(u64::from(portrait.active_days), "day"),
        count(portrait.calls.round() as u64, "call"),
        portrait.error_rate * 100.0
    )?;
    let rhythm = match portrait.workday {
        Some((from, to)) => format!("Usually active from {from:02}:00 to {to:02}:00 UTC"),
        None => "No usual hours".to_owned(),
    };
    writeln!(
        out,
        "{rhythm}. A middle day has {}, the busiest had {}.\n",
        count(portrait.median_day.round() as u64, "call"),
        thousands(portrait.busiest_day.round() as u64)
    )?;
    week(out, portrait)?;
    for (title, seen) in [
        ("Services", &portrait.services),
        ("Networks", &portrait.networks),
        ("Programs", &portrait.programs),
        ("Regions", &portrait.regions),
        ("Accounts", &portrait.accounts),
        ("Calls", &portrait.api_calls),
        ("Resources", &portrait.resources),
        ("Acts", &portrait.acts),
    ] {
        list(out, title, seen)?;
    }
    news(out, portrait)
}

fn news(out: &mut impl Write, portrait: &Portrait) -> Result<()> {
    let place = match portrait.mobility {
        share if share < 0.1 => "It stays where it is".to_owned(),
        share => format!("It calls from a network new to it on {:.0}% of its days", share * 100.0),
    };
    let new = portrait.usual_new_calls.map_or_else(String::new, |new| {
        format!("; on a curious day it makes {new:.0} call(s) for the first time")
    });
    writeln!(out, "\n{place}{new}.")?;
    for doubt in &portrait.uncertain {
        writeln!(out, "Uncertain: {doubt}.")?;
    }
    writeln!(out, "Stored, this takes {} bytes.", thousands(portrait.stored_bytes as u64))?;
    Ok(())
}

/// Heat map of the week: share of days on which each hour was active.
fn week(out: &mut impl Write, portrait: &Portrait) -> Result<()> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const SHADES: [&str; 5] = ["·", "░", "▒", "▓", "█"];
    let most = portrait.week.iter().flatten().copied().max().unwrap_or(1).max(1);
    let hours: Vec<String> = (0..24).step_by(3).map(|hour| format!("{hour:02}    ")).collect();
    writeln!(out, "{:INDENT$}{} UTC", "", hours.concat())?;
    let style = Style::new().fg_color(Some(AnsiColor::Green.into()));
    for (day, active) in DAYS.iter().zip(portrait.week) {
        let cell = |days: u32| {
            let shade = (days * (SHADES.len() as u32 - 1)).div_ceil(most) as usize;
            SHADES[shade].repeat(2)
        };
        let cells: String = active.into_iter().map(cell).collect();
        writeln!(out, "{day:INDENT$}{style}{cells}{style:#}")?;
    }
    writeln!(out, "{:INDENT$}· never, █ on up to {}\n", "", count(u64::from(most), "day"))?;
    Ok(())
}

fn list(out: &mut impl Write, title: &str, seen: &[Seen]) -> Result<()> {
    if seen.is_empty() {
        return Ok(());
    }
    let mut names: Vec<String> =
        seen.iter().take(TOLD).map(|seen| format!("{} ({})", printable(&seen.name), seen.days)).collect();
    if seen.len() > TOLD {
        names.push(format!("and {} more", seen.len() - TOLD));
    }
    for (at, line) in wrap(&names.join(", "), WIDTH - INDENT).into_iter().enumerate() {
        writeln!(out, "{:INDENT$}{line}", if at == 0 { title } else { "" })?;
    }
    Ok(())
}
