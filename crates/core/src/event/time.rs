//! Time in whole seconds, UTC, and CloudTrail's formats for it.

use std::fmt;

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds in an hour.
pub const HOUR: i64 = 3_600;
/// Seconds in a day.
pub const DAY: i64 = 86_400;

/// A time in seconds since 1970, UTC. CloudTrail's order within a second means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// An absent `eventTime`: 1970, which no real event has.
    pub const UNDATED: Self = Self(0);

    /// Parses `2024-08-01T13:24:47Z`, also with milliseconds or an offset, and `2024-08-01 13:24:47[.n]`
    /// (UTC). `None` for anything else, and for years outside 2000 to 2099.
    pub fn parse(text: &str) -> Option<Self> {
        let time = parse_plain(text.as_bytes()).or_else(|| parse_any(text))?;
        (FIRST..LAST).contains(&time.0).then_some(time)
    }

    /// The hour, counted since 1970.
    pub fn hour(self) -> u32 {
        self.0.div_euclid(HOUR) as u32
    }

    /// The day, counted since 1970.
    pub fn day(self) -> u32 {
        self.0.div_euclid(DAY) as u32
    }

    /// Hour of the week, UTC; 0 is Monday 00:00.
    pub fn hour_of_week(self) -> usize {
        const EPOCH_WAS_THURSDAY: i64 = 3 * 24;
        (self.0.div_euclid(HOUR) + EPOCH_WAS_THURSDAY).rem_euclid(168) as usize
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or_default()
    }
}

/// 2000-01-01: AWS is younger.
const FIRST: i64 = 946_684_800;
/// 2100-01-01.
const LAST: i64 = 4_102_444_800;

/// The usual format, parsed by position.
fn parse_plain(text: &[u8]) -> Option<Time> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2, b'Z'] = text
    else {
        return None;
    };
    let two = |a: u8, b: u8| Some(digit(a)? * 10 + digit(b)?);
    let year = i16::from(two(y1, y2)?) * 100 + i16::from(two(y3, y4)?);
    let second = two(s1, s2)?.min(59); // a leap second
    let date = civil::DateTime::new(year, two(m1, m2)?, two(d1, d2)?, two(h1, h2)?, two(n1, n2)?, second, 0);
    to_time(date.ok()?)
}

fn digit(byte: u8) -> Option<i8> {
    byte.is_ascii_digit().then(|| (byte - b'0') as i8)
}

fn parse_any(text: &str) -> Option<Time> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(Time(time.as_second()));
    }
    to_time(text.trim_end_matches('Z').parse::<civil::DateTime>().ok()?)
}

fn to_time(date: civil::DateTime) -> Option<Time> {
    TimeZone::UTC.to_timestamp(date).ok().map(|time| Time(time.as_second()))
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(time.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_the_same_moment() {
        let expected = Time::parse("2024-08-01T13:24:47Z").unwrap();
        for text in [
            "2024-08-01T13:24:47.123Z",
            "2024-08-01 13:24:47",
            "2024-08-01 13:24:47.000000000",
            "2024-08-02T00:24:47+11:00",
            "2024-08-01T13:24:47",
        ] {
            assert_eq!(Time::parse(text), Some(expected), "{text}");
        }
        assert_eq!(expected.to_string(), "2024-08-01T13:24:47Z");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-13-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "9999-01-01T00:00:00Z",
            "2024-08-0aT13:24:47Z",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_week_begins_on_monday() {
        assert_eq!(Time::parse("2024-07-29T00:00:00Z").unwrap().hour_of_week(), 0);
        assert_eq!(Time::parse("2024-08-04T23:59:59Z").unwrap().hour_of_week(), 167);
    }
}
