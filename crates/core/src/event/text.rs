//! Text field of a record: borrowed where JSON allows, and tolerant of wrong types.

use std::{borrow::Cow, fmt};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text borrowed from the record, or owned if it held escapes. An absent field, `null`, a list or an object
/// reads as empty; numbers and booleans read as their text.
///
/// serde borrows neither `Option<Cow<str>>` nor mistyped fields; real records have both.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text; `None` if it is empty.
    pub fn filled(&self) -> Option<&str> {
        Some(self.as_str()).filter(|text| !text.is_empty())
    }
}

impl<'a> Text<'a> {
    /// The text with the record's lifetime; `None` if it held escapes.
    pub fn borrowed(&self) -> Option<&'a str> {
        match self.0 {
            Cow::Borrowed(text) => Some(text),
            Cow::Owned(_) => None,
        }
    }

    /// The part of the text that `cut` selects, still borrowed.
    #[must_use]
    pub fn map(self, cut: impl Fn(&str) -> &str) -> Self {
        match self.0 {
            Cow::Owned(text) => Self(Cow::Owned(cut(&text).to_owned())),
            // `cut` works for any lifetime, so the part is found again by its position in the borrowed text.
            Cow::Borrowed(text) => {
                let part = cut(text);
                let start = (part.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
                Self(Cow::Borrowed(text.get(start..start + part.len()).unwrap_or_default()))
            }
        }
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Forgiving)
    }
}

struct Forgiving;

impl<'de> Visitor<'de> for Forgiving {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }
    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(if value { "true" } else { "false" })))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(value.to_string())))
    }
    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Text<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Text<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn plain_text_is_borrowed_and_escaped_text_is_not() {
        assert!(matches!(read(r#""iam""#).0, Cow::Borrowed("iam")));
        assert_eq!(read(r#""a\"b""#).as_str(), "a\"b");
    }

    #[test]
    fn mistyped_fields_do_not_lose_the_record() {
        assert_eq!(read("123456789012").as_str(), "123456789012");
        assert_eq!(read("true").as_str(), "true");
        assert_eq!(read("null").as_str(), "");
        assert_eq!(read(r#"{"a":[1]}"#).as_str(), "");
        assert_eq!(read(r#"[1,{"a":2}]"#).as_str(), "");
    }

    #[test]
    fn a_part_stays_borrowed() {
        let part = Text::from("[aws-cli]").map(|text| text.trim_matches(['[', ']']));
        assert!(matches!(part.0, Cow::Borrowed("aws-cli")));
    }
}
