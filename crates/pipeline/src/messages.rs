//! Messages between the functions: their types, encodings and size limits.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use trailwarden_compliance::Counted;
use trailwarden_core::{
    activity::{Damaged, Folded, Scope},
    finding::FindingRaised,
    severity::thresholds::Verdict,
};

/// An hour of a scope whose judgement is due.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeaturesExtracted {
    /// Principal, person, address or account.
    pub scope: Scope,
    /// Clock hour, in hours since 1970.
    pub hour: u32,
    /// Whether the hour's watermark has passed, which makes the judgement final.
    pub is_final: bool,
}

/// Steps taken for a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseTaken {
    /// Finding id.
    pub finding_id: String,
    /// Published revision of the finding.
    pub revision: u32,
    /// Steps, in words.
    pub taken: Vec<String>,
}

/// An incident has changed and must be shown again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentChanged {
    /// Incident id.
    pub id: String,
    /// Partition of the incident.
    pub partition: String,
    /// Revision of the incident; boards never replace a newer one by an older one.
    pub revision: u32,
}

/// A person's decision on an incident, such as an approval or an undo, is due for execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseAsked {
    /// Incident id.
    pub id: String,
    /// Partition of the incident.
    pub partition: String,
}

/// A message on the bus.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// An hour is due for judgement.
    FeaturesExtracted(FeaturesExtracted),
    /// A finding is published.
    FindingRaised(Box<FindingRaised>),
    /// A finding was handled.
    ResponseTaken(ResponseTaken),
    /// An incident has changed.
    IncidentChanged(IncidentChanged),
    /// A person's decision is due.
    ResponseAsked(ResponseAsked),
}

impl Notice {
    /// `detail-type` on the bus.
    pub fn detail_type(&self) -> &'static str {
        match self {
            Self::FeaturesExtracted(_) => "FeaturesExtracted",
            Self::FindingRaised(_) => "FindingRaised",
            Self::ResponseTaken(_) => "ResponseTaken",
            Self::IncidentChanged(_) => "IncidentChanged",
            Self::ResponseAsked(_) => "ResponseAsked",
        }
    }

    /// `detail` on the bus.
    pub fn detail(&self) -> String {
        match self {
            Self::FeaturesExtracted(detail) => serde_json::to_string(detail),
            Self::FindingRaised(detail) => serde_json::to_string(detail),
            Self::ResponseTaken(detail) => serde_json::to_string(detail),
            Self::IncidentChanged(detail) => serde_json::to_string(detail),
            Self::ResponseAsked(detail) => serde_json::to_string(detail),
        }
        .unwrap_or_default()
    }
}

/// An analyst's verdict on a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Partition of the finding.
    pub partition: String,
    /// Finding id.
    pub finding_id: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Analyst's name; `Security Hub` if the verdict comes from there.
    pub by: String,
}

/// The part of a Security Hub event with the workflow status of findings.
#[derive(Deserialize)]
struct HubEvent {
    source: String,
    detail: HubDetail,
}

#[derive(Deserialize)]
struct HubDetail {
    findings: Vec<HubFinding>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HubFinding {
    id: String,
    generator_id: String,
    workflow: Option<HubWorkflow>,
    #[serde(default)]
    product_fields: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HubWorkflow {
    status: String,
}

/// Verdicts in a Security Hub event `Security Hub Findings - Imported`; `None` if `body` is something else.
///
/// `SUPPRESSED` is a false positive, `RESOLVED` a true positive. Other statuses are no verdict.
pub fn said(body: &str) -> Option<Vec<Said>> {
    let event: HubEvent = serde_json::from_str(body).ok()?;
    if event.source != "aws.securityhub" {
        return None;
    }
    let one = |finding: HubFinding| {
        let verdict = match finding.workflow?.status.as_str() {
            "SUPPRESSED" => Verdict::FalsePositive,
            "RESOLVED" => Verdict::TruePositive,
            _ => return None,
        };
        let partition = finding.product_fields.get("trailwarden/scope")?.clone();
        let is_ours = finding.generator_id.starts_with("trailwarden/");
        // The event does not name the analyst.
        let by = "Security Hub".to_owned();
        is_ours.then_some(Said { partition, finding_id: finding.id, verdict, by })
    };
    Some(event.detail.findings.into_iter().filter_map(one).collect())
}

/// `source` of every event that the suite puts on the bus.
pub const SOURCE: &str = "trailwarden";

/// Batch of hours whose watermark has passed, sent for final judgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closings {
    /// The hours.
    pub closings: Vec<FeaturesExtracted>,
}

/// Input of the score function: one hour from the bus, or a batch of closed hours.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Judgeable {
    Closed(Closings),
    Extracted { detail: FeaturesExtracted },
}

/// Decodes a message of the score function: an event of the bus or [`Closings`].
///
/// # Errors
/// [`Damaged`] if it is neither.
pub fn judgeable(body: &str) -> Result<Vec<FeaturesExtracted>, Damaged> {
    match serde_json::from_str(body).map_err(|_| Damaged)? {
        Judgeable::Closed(closed) => Ok(closed.closings),
        Judgeable::Extracted { detail } => Ok(vec![detail]),
    }
}

/// Input of the respond function.
#[derive(Debug)]
pub enum Respondable {
    /// A finding is new, worse, closed or reopened.
    Raised(Box<FindingRaised>),
    /// A person's decision is due.
    Asked(ResponseAsked),
    /// Verdicts of analysts.
    Said(Vec<Said>),
}

/// Decodes a message of the respond function.
///
/// # Errors
/// [`Damaged`] if it is none of these.
pub fn respondable(body: &str) -> Result<Respondable, Damaged> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        source: &'a str,
        #[serde(rename = "detail-type")]
        detail_type: &'a str,
        #[serde(borrow)]
        detail: &'a serde_json::value::RawValue,
    }
    if let Some(said) = said(body) {
        return Ok(Respondable::Said(said));
    }
    let envelope: Envelope<'_> = serde_json::from_str(body).map_err(|_| Damaged)?;
    let detail = envelope.detail.get();
    match (envelope.source, envelope.detail_type) {
        (SOURCE, "FindingRaised") => serde_json::from_str(detail).map(Respondable::Raised),
        (SOURCE, "ResponseAsked") => serde_json::from_str(detail).map(Respondable::Asked),
        _ => return Err(Damaged),
    }
    .map_err(|_| Damaged)
}

/// Decodes an `IncidentChanged` event of the bus.
///
/// # Errors
/// [`Damaged`] if it is something else.
pub fn incident_changed(body: &str) -> Result<IncidentChanged, Damaged> {
    #[derive(Deserialize)]
    struct Envelope {
        detail: IncidentChanged,
    }
    serde_json::from_str::<Envelope>(body).map(|envelope| envelope.detail).map_err(|_| Damaged)
}

/// JSON that SQS and EventBridge accept: the [`REFUSED`] characters are escaped.
pub fn sendable(json: &str) -> std::borrow::Cow<'_, str> {
    if json.contains(REFUSED) {
        json.replace('\u{FFFE}', "\\uFFFE").replace('\u{FFFF}', "\\uFFFF").into()
    } else {
        json.into()
    }
}

/// Characters that JSON allows and SQS and EventBridge refuse: the last two of Unicode's first plane.
pub const REFUSED: [char; 2] = ['\u{FFFE}', '\u{FFFF}'];

/// Format version of packed hours: changes whenever an older reader would misread them.
const PACKED: &str = "h2:";
/// Longest message, in bytes: SQS charges per 64 KB, and takes ten such messages in one call.
pub const MESSAGE_BYTES: usize = 64 << 10;

/// Packs hours into as few messages as their size allows, sorted by scope and hour.
pub fn pack(mut hours: Vec<Folded>) -> Vec<String> {
    hours.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut messages = Vec::new();
    let mut batch = Vec::new();
    let room = (MESSAGE_BYTES - PACKED.len()) / 4 * 3;
    for hour in hours {
        let Ok(bytes) = postcard::to_stdvec(&hour) else { continue };
        if !batch.is_empty() && batch.len() + bytes.len() > room {
            messages.push(sealed(&std::mem::take(&mut batch)));
        }
        batch.extend(bytes);
    }
    if !batch.is_empty() {
        messages.push(sealed(&batch));
    }
    messages
}

fn sealed(batch: &[u8]) -> String {
    format!("{PACKED}{}", STANDARD.encode(batch))
}

/// Format version of packed counts.
const COUNTED: &str = "c1:";
/// Counts per message: each takes at most 15 KB, and a third more as Base64.
const COUNTS: usize = 3;

/// Packs counts of events for the compliance queue.
pub fn pack_counts(counted: &[Counted]) -> Vec<String> {
    let pack = |some: &[Counted]| {
        postcard::to_stdvec(some)
            .map(|bytes| format!("{COUNTED}{}", STANDARD.encode(bytes)))
            .unwrap_or_default()
    };
    counted.chunks(COUNTS).map(pack).collect()
}

/// Decodes a message of [`pack_counts`]; `None` if it is something else.
///
/// # Errors
/// [`Damaged`] if the message has the prefix of packed counts and cannot be decoded.
pub fn unpack_counts(message: &str) -> Result<Option<Vec<Counted>>, Damaged> {
    let Some(packed) = message.strip_prefix(COUNTED) else { return Ok(None) };
    let bytes = STANDARD.decode(packed).map_err(|_| Damaged)?;
    postcard::from_bytes(&bytes).map(Some).map_err(|_| Damaged)
}

/// Decodes a message of [`pack`].
///
/// # Errors
/// [`Damaged`] if it is something else, or has another format version.
pub fn unpack(message: &str) -> Result<Vec<Folded>, Damaged> {
    let bytes =
        message.strip_prefix(PACKED).and_then(|packed| STANDARD.decode(packed).ok()).ok_or(Damaged)?;
    let mut rest = &bytes[..];
    let mut hours = Vec::new();
    while !rest.is_empty() {
        let (hour, behind) = postcard::take_from_bytes(rest).map_err(|_| Damaged)?;
        hours.push(hour);
        rest = behind;
    }
    Ok(hours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailwarden_core::{activity::Hour, event::hash};

    fn hour(words: u32) -> Hour {
        let mut hour = Hour::default();
        for word in 0..words {
            let word = format!("service:Operation{word}");
            hour.calls.insert(hash(&word), &word);
        }
        hour
    }

    #[test]
    fn hours_are_packed_within_the_limit_and_come_back_whole() {
        let account = |n: u32| Scope::Account(format!("{n:012}").into());
        let hours: Vec<Folded> = (0..300).rev().map(|n| (account(n), n, hour(n % 64))).collect();
        let messages = pack(hours.clone());
        assert!(messages.len() > 1 && messages.iter().all(|message| message.len() <= MESSAGE_BYTES));
        let mut unpacked: Vec<Folded> =
            messages.iter().flat_map(|message| unpack(message).unwrap()).collect();
        unpacked.reverse();
        assert_eq!(unpacked, hours);
    }

    #[test]
    fn a_name_that_sqs_would_refuse_is_escaped_and_comes_back() {
        let text = serde_json::to_string("a\u{FFFF}b\u{FFFE}").unwrap();
        let sent = sendable(&text);
        assert!(!sent.contains(REFUSED), "{sent}");
        assert_eq!(serde_json::from_str::<String>(&sent).unwrap(), "a\u{FFFF}b\u{FFFE}");
    }

    #[test]
    fn an_analysts_word_is_read_and_anything_else_is_not() {
        let event = |status: &str, source: &str| {
            format!(
                r#"{{"source":"{source}","detail-type":"Security Hub Findings - Imported","detail":{{"findings":[{{"Id":"evasion/2026-03-02/1","GeneratorId":"trailwarden/evasion","Workflow":{{"Status":"{status}"}},"ProductFields":{{"trailwarden/scope":"PRINCIPAL#kim"}}}}]}}}}"#
            )
        };
        let said = |status, source| super::said(&event(status, source));
        let verdict = said("SUPPRESSED", "aws.securityhub").unwrap();
        assert_eq!(
            (verdict[0].verdict, verdict[0].partition.as_str()),
            (Verdict::FalsePositive, "PRINCIPAL#kim")
        );
        assert_eq!(said("RESOLVED", "aws.securityhub").unwrap()[0].verdict, Verdict::TruePositive);
        assert_eq!(said("NEW", "aws.securityhub").unwrap(), vec![]);
        assert_eq!(said("SUPPRESSED", "trailwarden"), None);
        assert_eq!(super::said("{}"), None);
    }

    #[test]
    fn counts_fit_their_messages_and_come_back() {
        let mut census = trailwarden_compliance::Census::default();
        for event in 0..2_000u64 {
            census.count(hash(&event.to_string()));
            (0..trailwarden_compliance::ALL.len())
                .for_each(|check| census.spoke(check, hash(&event.to_string())));
        }
        let counted: Vec<Counted> = (0..9).map(|day| ("111122223333".into(), day, census.clone())).collect();
        let messages = pack_counts(&counted);
        assert!(messages.iter().all(|message| message.len() <= MESSAGE_BYTES), "{}", messages[0].len());
        let unpacked: Vec<Counted> =
            messages.iter().flat_map(|message| unpack_counts(message).unwrap().unwrap()).collect();
        assert_eq!(unpacked, counted);
        assert!(unpack_counts("{}").unwrap().is_none() && unpack_counts("c1:!").is_err());
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        for message in ["", "h2:", "h2:!!", "h1:AAAA", "{}", "h2:AAAA"] {
            assert_eq!(unpack(message).unwrap_or_default(), vec![], "{message}");
        }
        assert_eq!(unpack("h1:AAAA"), Err(Damaged));
    }
}
