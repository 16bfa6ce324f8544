//! Catalogue of AWS API calls: tactic, techniques and weight of each call.
//!
//! One table lists the calls. A few readers inspect a call's parameters, because the same call can be routine
//! or an attack: `CreateAccessKey` for oneself is rotation, for another user it is persistence. Meaning is
//! read once, when an event is folded; nothing parses the parameters for it after that.

mod attack;
mod defences;
mod identity;
mod ingress;
mod policy;
mod receivers;
mod resources;
mod sharing;
mod table;

use std::{collections::HashMap, sync::LazyLock};

pub use attack::{TECHNIQUES, Tactic, Technique};
pub use defences::shortest_expiry;
pub use identity::INLINE;
pub use identity::PROTECTED_TAG;
pub use receivers::receivers;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use crate::event::{Event, Outcome, PrincipalKind, clip};

/// Weights: how bad a call is in itself, from 0 to 1, before rarity and context.
///
/// Each step is the severity that one such call alone must raise for a principal without history.
pub mod weight {
    /// Innocent by itself; not kept.
    pub const ROUTINE: f32 = 0.02;
    /// Relevant only together with others: two do not reach MEDIUM.
    pub const MINOR: f32 = 0.22;
    /// Below an alert alone; MEDIUM in number, or when new for an established principal from a new place.
    pub const TELLING: f32 = 0.32;
    /// Unusual: MEDIUM.
    pub const ODD: f32 = 0.46;
    /// Seldom innocent: MEDIUM alone, HIGH together with anything else.
    pub const BAD: f32 = 0.6;
    /// An incident unless it was planned: HIGH.
    pub const SEVERE: f32 = 0.76;
    /// An incident: CRITICAL.
    pub const CRITICAL: f32 = 0.92;
}

/// Acts below this weight are not kept.
const NOTABLE: f32 = 0.1;

/// Factor for attempts that failed: they did no damage, but somebody meant them.
const REFUSED: f32 = 0.65;

/// Rights that a call gives to its recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grants {
    /// Nothing.
    #[default]
    Nothing,
    /// A right or credential.
    Access,
    /// All rights, or enough to obtain them.
    Administrator,
}

/// Audience to which a call opens a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Exposure {
    /// Nobody outside the account.
    #[default]
    None,
    /// Another account.
    OtherAccount,
    /// Everybody.
    Public,
}

/// Act: the meaning of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// Service and name, for example `iam:CreateUser`.
    pub call: Box<str>,
    /// The main tactic; it decides which detector handles the act.
    pub tactic: Tactic,
    /// ATT&CK techniques, the most specific first.
    pub techniques: Vec<Technique>,
    /// How bad the call is by itself, from 0 to 1; see [`weight`].
    pub weight: f32,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// Target: a user, a bucket, an instance. At most 96 bytes.
    pub target: Box<str>,
    /// Beneficiary: a user, an account, `*`. At most 64 bytes.
    pub recipient: Box<str>,
    /// Rights given to the recipient.
    pub grants: Grants,
    /// Audience to which the target is opened.
    pub exposure: Exposure,
    /// Details from the parameters, as text. At most 120 bytes.
    pub detail: Box<str>,
    /// Number of targets of this one call: 10 parameters read at once are 10.
    pub breadth: u16,
}

impl Act {
    fn weigh(&mut self, weight: f32, detail: impl AsRef<str>) {
        self.weight = weight;
        self.detail = clip(detail.as_ref(), 120).into();
    }

    fn on(&mut self, target: &str) {
        self.target = clip(target, 96).into();
    }

    fn to(&mut self, recipient: &str) {
        self.recipient = clip(recipient, 64).into();
    }

    fn technique(&mut self, tactic: Tactic, techniques: &[&'static str]) {
        self.tactic = tactic;
        self.techniques = techniques.iter().map(|id| Technique::new(id)).collect();
    }
}

/// A row of the table.
pub(crate) struct Row {
    service: &'static str,
    name: &'static str,
    tactic: Tactic,
    techniques: &'static [&'static str],
    weight: f32,
    read: Option<Reader>,
    urgent: bool,
}

/// Reader: inspects one call's parameters and refines its act.
type Reader = fn(&mut Act, &Call<'_>);

/// A call with its parameters parsed.
pub struct Call<'e> {
    pub(crate) event: &'e Event<'e>,
    /// The request parameters; `null` if the record has none.
    pub parameters: Value,
}

impl<'e> Call<'e> {
    /// Parses the parameters of an event.
    pub fn new(event: &'e Event<'e>) -> Self {
        Self { event, parameters: unwrapped(event.parameters()) }
    }

    /// The parameter of this name, in any letter case: services differ.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let fields = self.parameters.as_object()?;
        fields.get(key).or_else(|| {
            fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        })
    }

    /// The text of the first of `keys` that has one; empty if none has.
    pub fn text(&self, keys: &[&str]) -> &str {
        keys.iter().find_map(|key| self.get(key)?.as_str()).unwrap_or_default()
    }

    /// Whether `key` is present and false.
    pub fn is_off(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value == false || value == "false")
    }

    /// Whether `key` is present and true.
    pub fn is_on(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value == true || value == "true")
    }

    /// The elements of a list: `{"items":[...]}` as EC2 writes it, or a plain array.
    pub(crate) fn items(&self, key: &str) -> &[Value] {
        let list = self.get(key).map(|value| value.get("items").unwrap_or(value));
        list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The first other account named by an ARN among the parameters.
    fn stranger(&self) -> Option<&str> {
        strings(&self.parameters).into_iter().find_map(|text| {
            let account = crate::event::account_of(text)?;
            (account != self.account() && account.len() == 12).then_some(account)
        })
    }

    pub(crate) fn account(&self) -> &str {
        &self.event.account_id
    }

    /// The name of the calling session's role; empty for other identities.
    pub fn role(&self) -> &str {
        let arn = &self.event.identity.arn;
        arn.split_once(":assumed-role/").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default())
    }
}

/// EC2 wraps some calls' parameters in one object named after the call, for example
/// `{"DeleteFlowLogsRequest": {...}}`.
fn unwrapped(parameters: Value) -> Value {
    match parameters {
        Value::Object(mut fields) if fields.len() == 1 => {
            let wrapper = fields
                .iter()
                .find(|(name, inner)| name.ends_with("Request") && inner.is_object())
                .map(|(name, _)| name.clone());
            wrapper.and_then(|name| fields.remove(&name)).unwrap_or(Value::Object(fields))
        }
        other => other,
    }
}

/// Every string in a JSON tree.
pub fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

static BY_NAME: LazyLock<HashMap<u64, &'static Row>> =
    LazyLock::new(|| table::ROWS.iter().map(|row| (call_key(row.service, row.name), row)).collect());

/// Hash of `service:name`, the key of a call.
pub fn call_key(service: &str, name: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(service.as_bytes());
    hasher.update(b":");
    hasher.update(name.as_bytes());
    hasher.digest()
}

/// The urgent calls, as (event source, event name): their findings go through the fast lane.
pub fn urgent_calls() -> impl Iterator<Item = (String, &'static str)> {
    table::ROWS
        .iter()
        .filter(|row| row.urgent)
        .map(|row| (format!("{}.amazonaws.com", row.service), row.name))
}

/// Whether the catalogue has an entry for this call.
pub fn knows(service: &str, name: &str) -> bool {
    BY_NAME.contains_key(&call_key(service, name)) || table::is_routine(service, name)
}

/// The main tactic of a call, from the table alone.
pub fn tactic_of(service: &str, name: &str) -> Option<Tactic> {
    BY_NAME.get(&call_key(service, name)).map(|row| row.tactic)
}

/// The act of an event, if it is notable. `call` is its [`call_key`].
pub fn meaning(event: &Event<'_>, call: u64, kind: PrincipalKind) -> Option<Act> {
    if let Some(act) = network_boundary(event) {
        return Some(act);
    }
    let row = BY_NAME.get(&call);
    if row.is_none() && kind != PrincipalKind::Root {
        return None;
    }
    let mut act = row.map_or_else(|| identity::root_use(event), |row| row.act(event));
    if kind == PrincipalKind::Root && row.is_some() {
        identity::done_by_root(&mut act, event);
    }
    if act.outcome != Outcome::Success {
        act.weight *= REFUSED;
    }
    (act.weight >= NOTABLE).then_some(act)
}

impl Row {
    fn act(&self, event: &Event<'_>) -> Act {
        let mut act = blank(event, self.tactic, self.techniques, self.weight);
        if let Some(read) = self.read {
            read(&mut act, &Call::new(event));
        }
        act
    }
}

fn blank(event: &Event<'_>, tactic: Tactic, techniques: &[&'static str], weight: f32) -> Act {
    let call = format!("{}:{}", event.service(), event.event_name);
    Act {
        call: clip(&call, 96).into(),
        tactic,
        techniques: techniques.iter().map(|id| Technique::new(id)).collect(),
        weight,
        outcome: event.outcome,
        target: "".into(),
        recipient: "".into(),
        grants: Grants::Nothing,
        exposure: Exposure::None,
        detail: "".into(),
        breadth: 1,
    }
}

/// A VPC endpoint's policy denied a call: somebody brought foreign credentials into the network, or tried to
/// move data out of it.
fn network_boundary(event: &Event<'_>) -> Option<Act> {
    if &*event.error_code != "VpceAccessDenied" {
        return None;
    }
    let mut act = blank(event, Tactic::DefenseEvasion, &["T1599"], weight::ODD);
    act.detail = "refused by a VPC endpoint's policy".into();
    Some(act)
}

#[cfg(test)]
mod tests;
