//! Record stream: cuts JSON input into records without holding all of it.
//!
//! The buffer holds a few records; serde parses each in place and borrows from it. If a record is incomplete,
//! the buffer reads on; if it is not JSON, it is skipped by its brackets.

use std::io::Read;

use super::Limits;

/// A sliding window on the input.
pub(super) struct Stream<'a> {
    input: &'a mut dyn Read,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    is_at_end: bool,
    /// Most bytes that may still be read.
    remaining: u64,
    limits: Limits,
    /// Reason why the input ended early, if it did.
    pub(super) failure: Option<String>,
}

const CHUNK: usize = 256 << 10;
/// Start of every record in CloudTrail's own files; within a string its quotes would be escaped.
const RECORD_START: &[u8] = br#"{"eventVersion":"#;

impl<'a> Stream<'a> {
    pub(super) fn new(input: &'a mut dyn Read, limits: Limits) -> Self {
        let remaining = limits.object_bytes;
        Self {
            input,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            is_at_end: false,
            remaining,
            limits,
            failure: None,
        }
    }

    /// The bytes in the buffer.
    pub(super) fn window(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads more; `false` at the end of the input.
    pub(super) fn fill(&mut self) -> bool {
        if self.is_at_end {
            return false;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() - self.end < CHUNK / 2 {
            self.buffer.resize((self.buffer.len() * 2).max(CHUNK), 0);
        }
        let before = self.end;
        while self.end < self.buffer.len() && !self.is_at_end {
            self.fill_once();
        }
        self.end > before
    }

    fn fill_once(&mut self) {
        match self.input.read(&mut self.buffer[self.end..]) {
            Ok(0) => self.is_at_end = true,
            Ok(read) if read as u64 > self.remaining => {
                self.is_at_end = true;
                self.end += self.remaining as usize;
                self.failure = Some(format!(
                    "more than {} uncompressed bytes; the rest was not read",
                    self.limits.object_bytes
                ));
            }
            Ok(read) => {
                self.remaining -= read as u64;
                self.end += read;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.is_at_end = true;
                self.failure = Some(format!("reading ended early: {error}"));
            }
        }
    }

    /// The next byte that is neither white space nor a comma.
    pub(super) fn next_token(&mut self) -> Option<u8> {
        loop {
            let skip = self
                .window()
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b','))
                .count();
            self.advance(skip);
            if let Some(&byte) = self.window().first() {
                return Some(byte);
            }
            if !self.fill() {
                return None;
            }
        }
    }

    /// The number of bytes up to the inside of the record list, if the object at the window's start opens
    /// with one.
    pub(super) fn list_start(&mut self) -> Option<usize> {
        if self.window().len() < 256 {
            self.fill();
        }
        let rest = self.window().strip_prefix(b"{")?.trim_ascii_start();
        let rest = rest.strip_prefix(b"\"Records\"").or_else(|| rest.strip_prefix(b"\"Events\""))?;
        let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"[")?;
        Some(self.window().len() - rest.len())
    }

    /// Extends the window; returns the reason if it cannot.
    pub(super) fn read_on(&mut self) -> Option<String> {
        if self.window().len() >= self.limits.record_bytes {
            return Some(format!("longer than {} bytes", self.limits.record_bytes));
        }
        if self.fill() {
            return None;
        }
        Some(self.failure.take().unwrap_or_else(|| "cut off at the end of the file".to_owned()))
    }

    /// Skips a broken element of a list: to the end of its brackets, to the comma after a bare word, or to
    /// the start of the next record.
    pub(super) fn skip_element(&mut self) {
        self.skip(Brackets::default());
    }

    /// Skips the rest of an envelope after its record list, including the closing bracket.
    pub(super) fn skip_tail(&mut self) {
        self.skip(Brackets { depth: 1, ..Brackets::default() });
    }

    fn skip(&mut self, mut brackets: Brackets) {
        let mut first = true;
        loop {
            let window = self.window();
            let next_record = find(&window[usize::from(first).min(window.len())..], RECORD_START)
                .map(|at| at + usize::from(first));
            let end = brackets.end(&window[..next_record.unwrap_or(window.len())]);
            if let Some(skip) = end.or(next_record) {
                // A stray closing bracket ends an element before it starts; skip it all the same.
                return self.advance(if first { skip.max(1) } else { skip });
            }
            // Keep a tail, so that a record's start across two windows is found.
            let keep = RECORD_START.len().min(window.len());
            let skip = window.len() - keep;
            if !self.refill_keeping(keep) {
                return self.advance(keep);
            }
            brackets.unread = keep;
            first = first && skip == 0;
        }
    }

    /// Skips to the next line that may start a record.
    pub(super) fn skip_lines(&mut self) {
        loop {
            if let Some(at) = self.window().iter().position(|&byte| byte == b'\n') {
                self.advance(at + 1);
                if self.window().is_empty() {
                    self.fill();
                }
                if matches!(self.window().trim_ascii_start().first(), None | Some(b'{' | b'[')) {
                    return;
                }
            } else {
                self.advance(usize::MAX - self.start);
                if !self.fill() {
                    return;
                }
            }
        }
    }

    fn refill_keeping(&mut self, keep: usize) -> bool {
        self.start = self.end - keep;
        self.fill()
    }
}

/// Finds the end of a broken element by brackets and quotes.
#[derive(Default)]
struct Brackets {
    depth: u64,
    in_string: bool,
    is_escaped: bool,
    /// Bytes at the next window's start that were scanned already.
    unread: usize,
}

impl Brackets {
    fn end(&mut self, window: &[u8]) -> Option<usize> {
        let seen = std::mem::take(&mut self.unread).min(window.len());
        for (at, &byte) in window.iter().enumerate().skip(seen) {
            if self.in_string {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' if self.depth == 0 => return Some(at),
                b'}' | b']' if self.depth == 1 => return Some(at + 1),
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
        None
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
