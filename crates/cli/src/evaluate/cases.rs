//! Labelled cases from a folder, each judged alone and without history.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use trailwarden_core::{activity::Fold, finding::Finding, networks::Networks, settings::Settings};

use super::organisation::fold_log;
use crate::{files, judging, knowledge::Knowledge, store::hours::Hours};

/// A line of `labels.jsonl`.
#[derive(Deserialize)]
struct Label {
    case: String,
    files: Vec<String>,
    event_ids: Option<Vec<String>>,
    label: String,
    tactic: Option<String>,
    technique: Option<String>,
    partial_event: Option<bool>,
    weak_label: Option<bool>,
    log_type: String,
}

/// Result of a folder of cases; counts only cases with a strong label and complete events.
#[derive(Default, Serialize)]
pub(super) struct Corpus {
    pub(super) folder: String,
    pub(super) malicious: usize,
    pub(super) detected: usize,
    pub(super) right_tactic: usize,
    pub(super) right_technique: usize,
    pub(super) benign: usize,
    pub(super) accused: usize,
    pub(super) missed: Vec<String>,
    pub(super) accusations: Vec<String>,
}

/// Judges each case of a folder.
pub(super) fn measure(folder: &Path, jobs: usize) -> Result<Corpus> {
    let path = folder.join("labels.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", files::show(&path)))?;
    let mut corpus = Corpus { folder: files::show(folder), ..Corpus::default() };
    for (line, number) in text.lines().zip(1..) {
        let label: Label =
            serde_json::from_str(line).with_context(|| format!("{}, line {number}", files::show(&path)))?;
        let is_strong = label.log_type == "cloudtrail"
            && label.weak_label == Some(false)
            && label.partial_event == Some(false);
        if !is_strong || !matches!(label.label.as_str(), "malicious" | "benign") {
            continue;
        }
        let alerts = alerts(folder, &label, jobs).with_context(|| format!("case {}", label.case))?;
        corpus.count(&label, &alerts);
    }
    Ok(corpus)
}

impl Corpus {
    fn count(&mut self, label: &Label, alerts: &[Finding]) {
        let said = || alerts.iter().map(|alert| alert.detector.as_str()).collect::<Vec<_>>().join(" ");
        if label.label == "benign" {
            self.benign += 1;
            self.accused += usize::from(!alerts.is_empty());
            if !alerts.is_empty() {
                self.accusations.push(format!("{}: {}", label.case, said()));
            }
            return;
        }
        self.malicious += 1;
        self.detected += usize::from(!alerts.is_empty());
        let is_tactic = |alert: &Finding| {
            label.tactic.as_deref().is_none_or(|wanted| {
                alert.tactics.iter().any(|tactic| tactic.name().to_lowercase().replace(' ', "-") == wanted)
            })
        };
        let family = |id: &str| id.split('.').next().unwrap_or_default().to_owned();
        let is_technique = |alert: &Finding| {
            label.technique.as_deref().is_none_or(|wanted| {
                alert.techniques.iter().any(|technique| family(technique.id()) == family(wanted))
            })
        };
        let has_tactic = alerts.iter().any(is_tactic);
        self.right_tactic += usize::from(has_tactic);
        self.right_technique += usize::from(alerts.iter().any(is_technique));
        if !has_tactic {
            let said = if alerts.is_empty() { "nothing".to_owned() } else { said() };
            self.missed.push(format!("{} ({}): {said}", label.case, label.tactic.as_deref().unwrap_or("-")));
        }
    }
}

fn alerts(folder: &Path, label: &Label, jobs: usize) -> Result<Vec<Finding>> {
    let memory = Hours::default();
    fold_log(&memory, &mut Fold::default(), events(folder, label)?.join("\n").as_bytes())?;
    let knowledge = Knowledge { settings: Settings::default(), networks: Networks::default() };
    let judged = judging::judge_memory(&memory, &knowledge, jobs)?;
    Ok(judged.findings.into_iter().map(|(_, finding)| finding).filter(Finding::is_alert).collect())
}

/// Events of a case: from whole files or single lines (`file#n`, from 0), restricted to the given ids, if
/// any.
fn events(folder: &Path, label: &Label) -> Result<Vec<String>> {
    let mut events = Vec::new();
    for file in &label.files {
        let (name, line) = file
            .split_once('#')
            .map_or((file.as_str(), None), |(name, line)| (name, line.parse::<usize>().ok()));
        let log = fs::read_to_string(folder.join(name)).with_context(|| format!("reading {name}"))?;
        let wanted = log.lines().enumerate().filter(|(at, _)| line.is_none_or(|line| line == *at));
        events.extend(wanted.map(|(_, event)| event.to_owned()));
    }
    if let Some(ids) = &label.event_ids {
        let id =
            |event: &str| serde_json::from_str::<Value>(event).ok()?["eventID"].as_str().map(str::to_owned);
        events.retain(|event| id(event).is_some_and(|id| ids.contains(&id)));
    }
    Ok(events)
}
