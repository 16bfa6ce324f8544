//! Running the command, and reading what it says.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The log of a scenario.
pub(crate) fn scenario_log(id: &str) -> PathBuf {
    log_in(&root().join("tests/scenarios").join(id))
}

/// The log in a scenario's folder.
pub(crate) fn log_in(folder: &Path) -> PathBuf {
    let mut files =
        std::fs::read_dir(folder).expect("a scenario").map(|entry| entry.expect("an entry").path());
    let is_log =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log."));
    files.find(is_log).expect("a log")
}

/// Runs the command.
pub(crate) fn trailwarden(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailwarden")).args(arguments).output().expect("the command runs")
}

/// The findings of an analysis, as NDJSON.
pub(crate) fn ndjson(arguments: &[&str]) -> String {
    let output = trailwarden(&[&["analyze", "--format", "ndjson"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// NDJSON, parsed.
pub(crate) fn findings(ndjson: &str) -> Vec<Value> {
    ndjson.lines().map(|line| serde_json::from_str(line).expect("a finding")).collect()
}

/// Is this finding one that a person should look at?
pub(crate) fn is_alert(finding: &Value) -> bool {
    matches!(finding["severity"].as_str(), Some("MEDIUM" | "HIGH" | "CRITICAL"))
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The events of any of the envelopes in a file, by the core's own reader, as JSON.
pub(crate) fn records(path: &Path) -> Vec<Value> {
    let bytes = std::fs::read(path).expect("a log");
    let plain = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut plain)
            .expect("gzip");
        plain
    } else {
        bytes
    };
    let text = String::from_utf8(plain).expect("UTF-8");
    let documents: Vec<Value> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .map(|document| document.expect("JSON"))
        .collect();
    documents.into_iter().flat_map(open).collect()
}

fn open(document: Value) -> Vec<Value> {
    if let Some(list) = document.get("Records").or_else(|| document.get("Events")).and_then(Value::as_array) {
        return list.iter().cloned().flat_map(open).collect();
    }
    if let Some(inner) = document.get("CloudTrailEvent").and_then(Value::as_str) {
        return vec![serde_json::from_str(inner).expect("JSON inside")];
    }
    vec![document.get("detail").cloned().unwrap_or(document)]
}
