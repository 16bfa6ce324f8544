//! One table for people, JSON for machines.

use anyhow::Result;
use trailwarden_simulator::Difficulty;

use super::measures::{Case, Measures};
use crate::args;

pub(super) fn write(arguments: &args::Evaluate, rows: &[(String, Measures)]) -> Result<()> {
    for (name, measures) in rows {
        let share = |of: &dyn Fn(&&Case) -> bool, among: &dyn Fn(&&Case) -> bool| {
            let all = measures.cases.iter().filter(among).count();
            let hit = measures.cases.iter().filter(among).filter(of).count();
            format!("{hit}/{all} {:.3}", hit as f64 / all.max(1) as f64)
        };
        let detected = |case: &&Case| case.is_detected;
        println!(
            "{name}: recall {} hard {} | detector {} technique {} | false/1000 {:.1} ({}/{}) precision {:.3} ({}/{}) alerts/day {:.2} attack days {:.1}%",
            share(&detected, &|_| true),
            share(&detected, &|case| case.difficulty == Difficulty::Hard),
            share(&|case| case.has_right_detector, &detected),
            share(&|case| case.has_right_technique, &detected),
            measures.accused_days as f64 * 1000.0 / measures.benign_days.max(1) as f64,
            measures.accused_days,
            measures.benign_days,
            measures.right as f64 / measures.alerts.max(1) as f64,
            measures.right,
            measures.alerts,
            measures.alerts as f64 / f64::from(measures.days.max(1)),
            measures.attack_days as f64 * 100.0 / (measures.attack_days + measures.benign_days).max(1) as f64
        );
        if arguments.list {
            for case in measures
                .cases
                .iter()
                .filter(|case| !case.is_detected || !case.has_right_detector || !case.has_right_technique)
            {
                println!(
                    "  {} {} {:?}: {} {}{}",
                    case.organisation,
                    case.id,
                    case.difficulty,
                    if case.is_detected { "" } else { "MISSED" },
                    case.said,
                    if case.is_detected && !case.has_right_technique { " wrong technique" } else { "" }
                );
            }
            measures.accused.iter().for_each(|accused| println!("  FALSE {accused}"));
        }
    }
    Ok(())
}
