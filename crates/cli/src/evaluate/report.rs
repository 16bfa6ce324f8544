//! Evaluation report as a table or as JSON.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};

use anyhow::Result;
use serde::Serialize;
use trailwarden_simulator::Difficulty;

use super::{
    cases::Corpus,
    measures::{Case, Measures},
    models::Row,
};
use crate::{
    args::{self, Form},
    text::{count, printable, thousands},
};

/// All measurements.
#[derive(Default, Serialize)]
pub(super) struct Report {
    pub(super) rows: Vec<Measures>,
    pub(super) models: Vec<Row>,
    pub(super) corpora: Vec<Corpus>,
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

impl Measures {
    fn among(&self, is: impl Fn(&Case) -> bool) -> (usize, usize) {
        let cases = || self.cases.iter().filter(|case| is(case));
        (cases().filter(|case| case.is_detected).count(), cases().count())
    }

    fn of_detected(&self, is: impl Fn(&Case) -> bool) -> f64 {
        let detected = || self.cases.iter().filter(|case| case.is_detected);
        share(detected().filter(|case| is(case)).count(), detected().count())
    }

    fn false_per_1000(&self) -> f64 {
        share(self.accused_identity_days, self.benign_identity_days) * 1000.0
    }

    /// Calibration error: mean distance between the confidence of alerts and the share of true ones.
    fn calibration_error(&self) -> f64 {
        let distance = |(tenth, (alerts, right)): (&u8, &(usize, usize))| {
            (f64::from(*tenth) / 10.0 + 0.05 - share(*right, *alerts)).abs() * *alerts as f64
        };
        self.calibration.iter().map(distance).sum::<f64>() / self.alerts.max(1) as f64
    }
}

impl Report {
    pub(super) fn write(&self, arguments: &args::Evaluate) -> Result<u8> {
        let mut out = BufWriter::new(anstream::stdout().lock());
        if arguments.format == Form::Json {
            writeln!(out, "{}", serde_json::to_string(self)?)?;
            return Ok(out.flush().map(|()| 0)?);
        }
        for corpus in &self.corpora {
            tell_corpus(&mut out, corpus, arguments.list)?;
        }
        if let Some(whole) = self.rows.first() {
            self.tell_rows(&mut out, whole)?;
            tell_whole(&mut out, whole)?;
            tell_models(&mut out, &self.models)?;
            if arguments.list {
                tell_list(&mut out, whole)?;
            }
        }
        Ok(out.flush().map(|()| 0)?)
    }

    fn tell_rows(&self, out: &mut impl Write, whole: &Measures) -> Result<()> {
        writeln!(
            out,
            "{}, {}: {} under attack, {} benign",
            count(whole.organisations as u64, "organisation"),
            count(whole.cases.len() as u64, "attack"),
            count(whole.attacked_identity_days as u64, "identity-day"),
            thousands(whole.benign_identity_days as u64)
        )?;
        writeln!(
            out,
            "\n{:<20}{:>8}{:>8}{:>11}{:>8}{:>12}{:>10}{:>11}",
            "", "recall", "hard", "false/1000", "right", "alerts/day", "detector", "technique"
        )?;
        for row in &self.rows {
            let (all, hard) = (row.among(|_| true), row.among(|case| case.difficulty == Difficulty::Hard));
            writeln!(
                out,
                "{:<20}{:>8.3}{:>8.3}{:>11.1}{:>8.3}{:>12.2}{:>10.3}{:>11.3}",
                row.name,
                share(all.0, all.1),
                share(hard.0, hard.1),
                row.false_per_1000(),
                share(row.right_alerts, row.alerts),
                row.alerts as f64 / row.days.max(1) as f64,
                row.of_detected(|case| case.has_right_detector),
                row.of_detected(|case| case.has_right_technique),
            )?;
        }
        Ok(())
    }
}

/// Detection by difficulty and tactic, then the alerts.
fn tell_whole(out: &mut impl Write, whole: &Measures) -> Result<()> {
    writeln!(out, "\nDetected by difficulty and tactic")?;
    for difficulty in [Difficulty::Easy, Difficulty::Medium, Difficulty::Hard] {
        let (found, all) = whole.among(|case| case.difficulty == difficulty);
        writeln!(out, "  {:<10}{found:>4} of {all}", format!("{difficulty:?}").to_lowercase())?;
    }
    let mut tactics: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for case in &whole.cases {
        for tactic in &case.tactics {
            let known = tactics.entry(tactic).or_default();
            known.0 += usize::from(case.is_detected);
            known.1 += 1;
        }
    }
    for (tactic, (found, all)) in tactics {
        writeln!(out, "  {tactic:<10}{found:>4} of {all}")?;
    }
    tell_alerts(out, whole)
}

/// Time to detection, precision and calibration of alerts.
fn tell_alerts(out: &mut impl Write, whole: &Measures) -> Result<()> {
    let mut hours: Vec<f64> = whole.cases.iter().filter_map(|case| case.hours_to_detect).collect();
    hours.sort_by(f64::total_cmp);
    let at =
        |share: f64| hours.get(((hours.len() as f64 - 1.0) * share) as usize).copied().unwrap_or_default();
    writeln!(
        out,
        "\nFrom an attack's first event to the evidence of its first alert: {:.2} h in the middle, {:.1} h at 95%",
        at(0.5),
        at(0.95)
    )?;
    let mut named = whole.named.clone();
    named.sort_by(f64::total_cmp);
    let at = |share: f64| {
        named.get((named.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
    };
    writeln!(
        out,
        "Of the events that a right alert names, the attack's are {:.0}% in the middle, {:.0}% at the lowest tenth",
        at(0.5) * 100.0,
        at(0.1) * 100.0
    )?;
    writeln!(
        out,
        "Alerts a day: {:.2}, in the busiest organisation {:.2}",
        whole.alerts as f64 / whole.days.max(1) as f64,
        whole.most_alerts_a_day
    )?;
    writeln!(out, "Confidence of alerts, and the share that was right")?;
    for (tenth, (alerts, right)) in &whole.calibration {
        writeln!(out, "  0.{tenth}x  {right:>4} of {alerts:<4} {:.2}", share(*right, *alerts))?;
    }
    writeln!(out, "  mean distance {:.3}", whole.calibration_error())?;
    let benign = whole.benign_identity_days - whole.accused_identity_days;
    let all = whole.benign_identity_days + whole.attacked_identity_days;
    let (recall, precision) = (
        share(whole.found_identity_days, whole.attacked_identity_days),
        share(whole.found_identity_days, whole.found_identity_days + whole.accused_identity_days),
    );
    writeln!(
        out,
        "\nIdentity-days: recall {recall:.3}, precision {precision:.3}, F1 {:.3}, accuracy {:.4}",
        2.0 * recall * precision / (recall + precision).max(1e-9),
        share(benign + whole.found_identity_days, all)
    )?;
    Ok(())
}

fn tell_models(out: &mut impl Write, models: &[Row]) -> Result<()> {
    if models.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nModels of whole days, each from the score that one benign day in 200 had reached before\n{:<16}{:>7}{:>8}{:>11}{:>7}{:>10}{:>12}{:>11}",
        "", "AUC", "recall", "precision", "F1", "accuracy", "false/1000", "threshold"
    )?;
    for row in models {
        writeln!(
            out,
            "{:<16}{:>7.3}{:>8.3}{:>11.3}{:>7.3}{:>10.4}{:>12.1}{:>11.3}",
            row.model,
            row.auc,
            row.recall,
            row.precision,
            row.f1,
            row.accuracy,
            row.false_per_1000,
            row.threshold
        )?;
    }
    Ok(())
}

fn tell_list(out: &mut impl Write, whole: &Measures) -> Result<()> {
    writeln!(out, "\nMissed, or under another name")?;
    for case in whole
        .cases
        .iter()
        .filter(|case| !case.is_detected || !case.has_right_detector || !case.has_right_technique)
    {
        let how = match case {
            case if !case.is_detected => "missed",
            case if !case.has_right_detector => "another detector",
            _ => "another technique",
        };
        let difficulty = format!("{:?}", case.difficulty).to_lowercase();
        writeln!(
            out,
            "  {} {} ({difficulty}): {how}; {}",
            printable(&case.organisation),
            printable(&case.id),
            printable(&case.said)
        )?;
    }
    writeln!(out, "\nInnocents accused")?;
    for accusation in &whole.accusations {
        writeln!(out, "  {}", printable(accusation))?;
    }
    Ok(())
}

fn tell_corpus(out: &mut impl Write, corpus: &Corpus, lists: bool) -> Result<()> {
    writeln!(
        out,
        "{}: each case alone, without history\n  attacks: {} of {} detected, {} with the labelled tactic, {} with its technique\n  innocents: {} of {} accused\n",
        corpus.folder,
        corpus.detected,
        corpus.malicious,
        corpus.right_tactic,
        corpus.right_technique,
        corpus.accused,
        corpus.benign
    )?;
    if lists {
        corpus.missed.iter().try_for_each(|case| writeln!(out, "  missed: {}", printable(case)))?;
        corpus.accusations.iter().try_for_each(|case| writeln!(out, "  accused: {}", printable(case)))?;
    }
    Ok(())
}
