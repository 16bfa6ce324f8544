//! Sanitiser: turns hostile text from a log into one harmless line.
//!
//! An attacker chooses names, user agents and policy texts. They must not forge lines, hide text or reverse it.

use crate::messages::REFUSED;
use trailwarden_core::event::clip;

/// Whether a character is invisible and changes how its neighbours appear: directions, joiners, byte order marks.
fn is_trick(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{061C}' | '\u{FEFF}' | '\u{E0000}'..='\u{E007F}')
}

/// One line of at most `limit` bytes: control characters and line separators become spaces, invisible ones are removed.
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
