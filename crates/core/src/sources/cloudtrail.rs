//! Source of CloudTrail records, in every envelope that carries them.
//!
//! Envelopes: `{"Records":[...]}` log files, bare arrays, JSON Lines, EventBridge events, the response of
//! `lookup-events`, CloudWatch Logs subscriptions (packed or unpacked), Kinesis records, queue messages.
//! Digests and Insights look alike and are told apart. Any other JSON is reported and skipped.

use std::io::Read;

use base64::Engine;
use serde_json::{error::Category, value::RawValue};

use super::{Item, Limits, Malformed, Other, RuleChange, Sink, Source, record::Record, stream::Stream};
use crate::event::clip;

pub(super) const SOURCE: Source = Source { id: "cloudtrail", title: "AWS CloudTrail", recognises, read };

fn recognises(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    matches!(head.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Position in an object.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Outside any list: at a line, or at the whole document.
    Top,
    /// In a bare list.
    List,
    /// In the list of an envelope.
    Envelope,
}

fn read(input: &mut dyn Read, limits: Limits, sink: Sink<'_>) {
    let mut stream = Stream::new(input, limits);
    let mut reader = Reader { limits, sink, record: 0 };
    let mut place = Place::Top;
    while let Some(byte) = stream.next_token() {
        match (byte, place) {
            (0xef, Place::Top) if stream.window().starts_with(b"\xef\xbb\xbf") => stream.advance(3),
            (b'[', Place::Top) => {
                stream.advance(1);
                place = Place::List;
            }
            (b']', Place::List) => {
                stream.advance(1);
                place = Place::Top;
            }
            (b']', Place::Envelope) => {
                stream.advance(1);
                stream.skip_tail();
                place = Place::Top;
            }
            (b'{', Place::Top) => match stream.list_start() {
                Some(inside) => {
                    stream.advance(inside);
                    place = Place::Envelope;
                }
                None => reader.next(&mut stream, place),
            },
            _ => reader.next(&mut stream, place),
        }
    }
    if let Some(reason) = stream.failure.take() {
        reader.malformed(reason);
    }
}

/// EventBridge's detail type of AWS Config verdicts.
const RULE_CHANGE: &str = "Config Rules Compliance Change";
/// Deepest nesting of envelopes: a subscription that holds records is three deep.
const DEEPEST: u8 = 4;

struct Reader<'s> {
    limits: Limits,
    sink: Sink<'s>,
    /// Number of the record in the object, from 1.
    record: u64,
}

impl Reader<'_> {
    fn next(&mut self, stream: &mut Stream<'_>, place: Place) {
        self.record += 1;
        loop {
            match self.one(stream.window(), 0) {
                Ok(bytes) => return stream.advance(bytes),
                Err(Refused::Broken(reason)) => self.malformed(reason),
                Err(Refused::Incomplete) => match stream.read_on() {
                    None => continue,
                    Some(reason) => self.malformed(reason),
                },
            }
            return if place == Place::Top { stream.skip_lines() } else { stream.skip_element() };
        }
    }

    fn malformed(&mut self, reason: String) {
        (self.sink)(Item::Malformed(Malformed { record: self.record.max(1), reason }));
    }

    /// Reads the record at the start of `bytes`; returns its length.
    fn one(&mut self, bytes: &[u8], depth: u8) -> Result<usize, Refused> {
        if bytes.first() != Some(&b'{') {
            return Err(Refused::Broken("not a JSON object".to_owned()));
        }
        let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Record<'_>>();
        match values.next() {
            Some(Ok(record)) => {
                let length = values.byte_offset();
                self.open(record, &bytes[..length], depth);
                Ok(length)
            }
            Some(Err(error)) if error.classify() == Category::Data => self.mended(bytes, &error, depth),
            Some(Err(error)) if error.classify() != Category::Eof => Err(Refused::Broken(describe(&error))),
            _ => Err(Refused::Incomplete),
        }
    }

    /// Reads a record again without its identity's malformed parts.
    fn mended(&mut self, bytes: &[u8], error: &serde_json::Error, depth: u8) -> Result<usize, Refused> {
        let mut raw = serde_json::Deserializer::from_slice(bytes).into_iter::<&RawValue>();
        let Some(Ok(whole)) = raw.next() else { return Err(Refused::Incomplete) };
        let mended = Record::mended(bytes).ok_or_else(|| Refused::Broken(describe(error)))?;
        let record =
            serde_json::from_str::<Record<'_>>(&mended).map_err(|_| Refused::Broken(describe(error)))?;
        self.open(record, whole.get().as_bytes(), depth);
        Ok(raw.byte_offset())
    }

    /// Unwraps a record from its envelopes.
    fn open<'r>(&mut self, record: Record<'r>, bytes: &'r [u8], depth: u8) {
        if depth > DEEPEST {
            return self.malformed("envelopes nested too deep".to_owned());
        }
        if let Some(list) = record.records.or(record.events) {
            return self.list(list, depth);
        }
        if let Some(detail) = record.detail {
            if &*record.source == "aws.config" && &*record.detail_type == RULE_CHANGE {
                return match RuleChange::read(detail.get()).filter(|change| change.is_of(&record.account)) {
                    Some(change) => (self.sink)(Item::RuleChange(Box::new(change), bytes)),
                    None => self.malformed("a verdict of AWS Config that cannot be read".to_owned()),
                };
            }
            return self.nested(detail.get().as_bytes(), depth);
        }
        if let Some(text) = &record.cloud_trail_event {
            return self.nested(text.trim_ascii().as_bytes(), depth);
        }
        if let Some(logs) = &record.awslogs {
            return self.packed(&logs.data, depth);
        }
        if let Some(kinesis) = &record.kinesis {
            return self.encoded(&kinesis.data, depth);
        }
        if let Some(body) = &record.body {
            return self.nested(body.trim_ascii().as_bytes(), depth);
        }
        if &*record.message_type == "CONTROL_MESSAGE" {
            return;
        }
        if let Some(log_events) = &record.log_events {
            return log_events.iter().for_each(|log| self.nested(log.message.trim_ascii().as_bytes(), depth));
        }
        self.emit(record, bytes);
    }

    fn emit<'r>(&mut self, record: Record<'r>, bytes: &'r [u8]) {
        if let Some(other) = record.other() {
            return (self.sink)(Item::Other(other));
        }
        match record.into_event(bytes, self.record) {
            Ok(event) => (self.sink)(Item::Event(Box::new(event))),
            Err(malformed) => (self.sink)(Item::Malformed(malformed)),
        }
    }

    fn list(&mut self, list: &RawValue, depth: u8) {
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(list.get()) else {
            return (self.sink)(Item::Other(Other::NotCloudTrail));
        };
        for element in elements {
            self.nested(element.get().as_bytes(), depth);
        }
    }

    /// Reads a record inside an envelope; it is complete or broken.
    fn nested(&mut self, bytes: &[u8], depth: u8) {
        match self.one(bytes, depth + 1) {
            Ok(_) => {}
            Err(Refused::Broken(_)) if bytes.first() != Some(&b'{') => {
                (self.sink)(Item::Other(Other::NotCloudTrail));
            }
            Err(Refused::Broken(reason)) => self.malformed(reason),
            Err(Refused::Incomplete) => self.malformed("cut off inside its envelope".to_owned()),
        }
    }

    /// Kinesis data: base64 of a record, or of a gzip of one.
    fn encoded(&mut self, data: &str, depth: u8) {
        match base64::engine::general_purpose::STANDARD.decode(data.trim_ascii()) {
            Ok(bytes) if !bytes.starts_with(&[0x1f, 0x8b]) => self.nested(bytes.trim_ascii(), depth),
            _ => self.packed(data, depth),
        }
    }

    /// `awslogs.data`: base64 of a gzip of a subscription.
    fn packed(&mut self, data: &str, depth: u8) {
        let Ok(zipped) = base64::engine::general_purpose::STANDARD.decode(data.trim_ascii()) else {
            return self.malformed("packed data are not base64".to_owned());
        };
        let limit = self.limits.record_bytes as u64;
        let mut plain = Vec::new();
        match flate2::read::GzDecoder::new(&zipped[..]).take(limit + 1).read_to_end(&mut plain) {
            Err(error) => self.malformed(format!("packed data are no gzip: {error}")),
            Ok(read) if read as u64 > limit => {
                self.malformed(format!("packed data hold more than {limit} bytes"));
            }
            Ok(_) => self.nested(plain.trim_ascii_start(), depth),
        }
    }
}

enum Refused {
    /// More bytes may complete it.
    Incomplete,
    /// Not JSON, or not a record, with the reason.
    Broken(String),
}

/// serde's reason, without the position in our buffer, which means nothing to a reader.
fn describe(error: &serde_json::Error) -> String {
    const LONGEST: usize = 160;
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    clip(reason, LONGEST).to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::sources::{Unrecognised, read};

    const EVENT: &str = r#"{"eventVersion":"1.11","eventID":"e1","eventName":"ListUsers","eventSource":"iam.amazonaws.com","eventTime":"2026-03-01T00:00:00Z"}"#;

    /// Results as text: event names, kinds of other records, errors.
    fn items(bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        let outcome = read(bytes, Limits::default(), &mut |item| {
            found.push(match item {
                Item::Event(event) => event.event_name.to_string(),
                Item::RuleChange(..) => "rule change".to_owned(),
                Item::Other(other) => format!("{other:?}"),
                Item::Malformed(malformed) => malformed.to_string(),
            });
        });
        if let Err(error) = outcome {
            found.push(format!("{error}"));
        }
        found
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn every_envelope_gives_its_event() {
        let inside_string = serde_json::to_string(EVENT).unwrap();
        let subscription = format!(
            r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","message":{inside_string}}}]}}"#
        );
        let packed = base64::engine::general_purpose::STANDARD.encode(gzip(subscription.as_bytes()));
        for text in [
            format!(r#"{{"Records":[{EVENT}]}}"#),
            format!(r#"{{"Format":1,"Records":[{EVENT}]}}"#),
            format!("[{EVENT}]"),
            format!("\u{feff}{EVENT}\n"),
            format!(r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":{EVENT}}}"#),
            format!(
                r#"{{"Events":[{{"EventId":"e1","CloudTrailEvent":{inside_string}}}],"NextToken":"]}}"}}"#
            ),
            subscription,
            format!(r#"{{"awslogs":{{"data":"{packed}"}}}}"#),
            format!(
                r#"{{"Records":[{{"kinesis":{{"data":"{}"}}}}]}}"#,
                base64::engine::general_purpose::STANDARD.encode(EVENT)
            ),
            format!(r#"{{"Records":[{{"kinesis":{{"data":"{packed}"}}}}]}}"#),
            format!(r#"{{"Records":[{{"messageId":"1","body":{inside_string}}}]}}"#),
            format!(r#"{{"logEvents":null,{}"#, &EVENT[1..]),
            format!(r#"{{"userIdentity":"odd",{}"#, &EVENT[1..]),
            format!(r#"{{"userIdentity":{{"type":"IAMUser","sessionContext":[7]}},{}"#, &EVENT[1..]),
        ] {
            assert_eq!(items(text.as_bytes()), ["ListUsers"], "{text}");
            assert_eq!(items(&gzip(text.as_bytes())), ["ListUsers"], "{text}");
        }
        assert_eq!(items(format!("{EVENT}\n{EVENT}\n\n").as_bytes()), ["ListUsers", "ListUsers"]);
    }

    #[test]
    fn digests_insights_and_other_json_are_told_apart() {
        assert_eq!(items(br#"{"awsAccountId":"1","digestStartTime":"2026-01-01T00:00:00Z"}"#), ["Digest"]);
        assert_eq!(items(br#"{"Records":[{"eventType":"AwsCloudTrailInsight"}]}"#), ["Insight"]);
        assert_eq!(items(br#"{"configurationItems":[]}"#), ["NotCloudTrail"]);
        assert_eq!(items(b"<html>"), [Unrecognised::NotLogs.to_string()]);
        assert_eq!(items(b""), [Unrecognised::Empty.to_string()]);
    }

    #[test]
    fn the_neighbours_of_a_broken_record_pass() {
        for broken in [
            r#"{"eventVersion":oops}"#,
            "nonsense",
            "17",
            r#"{"eventVersion":"1.11","eventName":"Foo, "x":1}"#,
            "[[1,[2]]]",
            "}",
            r#"{"a":{"b":]}"#,
        ] {
            let found = items(format!(r#"{{"Records":[{EVENT},{broken},{EVENT}]}}"#).as_bytes());
            assert_eq!(found.len(), 3, "{broken}: {found:?}");
            assert!(found[1].starts_with("record 2: "), "{broken}: {found:?}");
            assert_eq!((found[0].as_str(), found[2].as_str()), ("ListUsers", "ListUsers"), "{broken}");
        }
    }

    #[test]
    fn the_lines_around_a_broken_line_pass() {
        for broken in ["{\"eventVersion\":\"1.1", "plain text", "{]"] {
            let found = items(format!("{EVENT}\n{broken}\n{EVENT}\n").as_bytes());
            assert_eq!(found.len(), 3, "{broken}: {found:?}");
            assert!(found[1].starts_with("record 2: "), "{found:?}");
        }
    }

    #[test]
    fn a_file_cut_short_gives_what_it_has() {
        let whole = gzip(format!(r#"{{"Records":[{EVENT},{EVENT}]}}"#).as_bytes());
        let found = items(&whole[..whole.len() - 12]);
        assert!(
            found.last().unwrap().contains("ended early") || found.last().unwrap().contains("damaged"),
            "{found:?}"
        );
        let text = format!(r#"{{"Records":[{EVENT},{EVENT}"#);
        assert_eq!(
            items(&text.as_bytes()[..text.len() - 5]),
            ["ListUsers", "record 2: cut off at the end of the file"]
        );
    }

    #[test]
    fn deep_nesting_is_one_bad_record() {
        let bomb = "[".repeat(2_000_000);
        let found = items(format!(r#"{{"Records":[{EVENT},{bomb}"#).as_bytes());
        assert_eq!(found.len(), 2, "{:?}", &found[..found.len().min(4)]);
        let objects = r#"{"a":"#.repeat(2_000_000);
        assert_eq!(items(objects.as_bytes()).len(), 1);
    }

    #[test]
    fn an_object_beyond_its_limit_ends_with_a_reason() {
        let lines = format!("{EVENT}\n").repeat(100);
        let mut found = Vec::new();
        let limits = Limits { object_bytes: 5_000, ..Limits::default() };
        let _ = read(lines.as_bytes(), limits, &mut |item| {
            if let Item::Malformed(malformed) = item {
                found.push(malformed.to_string());
            }
        });
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("more than 5000 uncompressed bytes"), "{found:?}");
    }

    #[test]
    fn records_larger_than_the_first_buffer_are_whole() {
        let big = format!(
            r#"{{"eventName":"A","eventSource":"b","requestParameters":{{"x":"{}"}}}}"#,
            "y".repeat(900_000)
        );
        assert_eq!(items(format!("[{big},{EVENT}]").as_bytes()), ["A", "ListUsers"]);
    }
}
