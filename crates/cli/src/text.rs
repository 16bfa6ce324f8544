//! Text layout for a terminal, with log content made safe.

pub use trailwarden_core::event::printable;

/// `12345` as `12,345`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 file`, `2,000 files`.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// Breaks text at spaces into lines of at most `width` characters; a longer word stays whole.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.len() - 1;
        let length = lines[last].chars().count();
        if length > 0 && length + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if length > 0 {
                lines[last].push(' ');
            }
            lines[last].push_str(word);
        }
    }
    lines
}

/// Line width in characters.
pub(crate) const WIDTH: usize = 110;

/// Writes wrapped text with a hanging indent; `before` precedes the first line.
pub(crate) fn paragraph(out: &mut impl std::io::Write, before: &str, text: &str) -> std::io::Result<()> {
    for (at, line) in wrap(&printable(text), WIDTH.saturating_sub(before.len())).into_iter().enumerate() {
        if at == 0 {
            writeln!(out, "{before}{line}")?;
        } else {
            writeln!(out, "{:width$}{line}", "", width = before.len())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_cannot_drive_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mb\n"), "a\\u{1b}[31mb\\n");
        assert_eq!(printable("\u{202e}x"), "\\u{202e}x");
        assert_eq!(printable("Zoë"), "Zoë");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn one_is_singular() {
        assert_eq!([count(1, "file"), count(2000, "file")], ["1 file", "2,000 files"]);
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }
}
