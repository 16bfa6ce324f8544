//! Hostile text as one harmless line: what a log says is shown, and does nothing where it is shown.

use crate::messages::REFUSED;
use trailwarden_core::event::clip;

/// Characters that are not seen and change what is seen beside them: directions, joiners, marks of order.
fn is_trick(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{061C}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

/// One line, without controls and tricks, of at most so many bytes.
pub fn plain(text: &str, limit: usize) -> String {
    let clean: String = text
        .chars()
        .filter(|c| !is_trick(*c))
        .map(|c| {
            if c.is_control() || REFUSED.contains(&c) || matches!(c, '\u{2028}' | '\u{2029}') {
                ' '
            } else {
                c
            }
        })
        .collect();
    clip(&clean, limit).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_turns_text_is_gone() {
        assert_eq!(plain("a\u{202E}b\u{1b}[31m\nc\u{200B}d", 99), "ab [31m cd");
        assert_eq!(plain("ääää", 3), "ä");
    }
}
