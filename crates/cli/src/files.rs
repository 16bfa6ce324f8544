//! Search for input files.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// All files below the paths, sorted and without duplicates; and unreadable paths, with the reason.
pub(crate) fn find(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<(PathBuf, String)>) {
    let mut files = Vec::new();
    let mut unreadable = Vec::new();
    for path in paths {
        for entry in WalkDir::new(path).follow_links(true) {
            match entry {
                Ok(entry) if entry.file_type().is_file() => files.push(entry.into_path()),
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(entry) => unreadable.push((entry.into_path(), "neither a file nor a folder".to_owned())),
                Err(error) => unreadable.push((error.path().unwrap_or(path).to_owned(), reason(&error))),
            }
        }
    }
    files.sort_unstable();
    files.dedup();
    (files, unreadable)
}

fn reason(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!("a link back to {}", show(ancestor)),
        (None, Some(error)) => error.to_string(),
        (None, None) => "cannot be read".to_owned(),
    }
}

/// A path as text, safe to print.
pub(crate) fn show(path: &Path) -> String {
    crate::text::printable(&path.to_string_lossy())
}
