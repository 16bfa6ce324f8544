//! What AWS API calls mean.
//!
//! One table names the calls; a few readers look into a call's parameters, because the same call can
//! be routine or an attack: `CreateAccessKey` for oneself is rotation, for another user persistence.
//! Meaning is read once, when an event is folded; nobody asks JSON for a field after that.

mod attack;
mod defences;
mod identity;
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

/// How bad a call is in itself, from 0 to 1, before rarity and context.
///
/// The steps are chosen by what one such call alone, by somebody without history, must raise.
pub mod weight {
    /// Innocent by itself; not remembered.
    pub const ROUTINE: f32 = 0.02;
    /// Says something only together with others: two do not reach MEDIUM.
    pub const MINOR: f32 = 0.22;
    /// Silent alone; MEDIUM in number, or when it is new for an established principal from a new place.
    pub const TELLING: f32 = 0.32;
    /// Worth a look: MEDIUM.
    pub const ODD: f32 = 0.46;
    /// Seldom innocent: MEDIUM, and HIGH together with anything.
    pub const BAD: f32 = 0.6;
    /// An incident unless somebody planned it: HIGH.
    pub const SEVERE: f32 = 0.76;
    /// An incident: CRITICAL.
    pub const CRITICAL: f32 = 0.92;
}

/// Acts below this weight are not remembered.
const NOTABLE: f32 = 0.1;

/// What part of its weight an attempt keeps that AWS refused: it did no damage, but somebody meant it.
const REFUSED: f32 = 0.65;

/// What a call gives to whom it benefits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grants {
    /// Nothing.
    #[default]
    Nothing,
    /// Some right or credential.
    Access,
    /// All rights, or enough to take them.
    Administrator,
}

/// To whom a call opens something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Exposure {
    /// To nobody outside the account.
    #[default]
    None,
    /// To another account.
    OtherAccount,
    /// To everybody.
    Public,
}

/// What one call meant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// Service and name, as in `iam:CreateUser`.
    pub call: Box<str>,
    /// The tactic it serves first; it decides which detector speaks of it.
    pub tactic: Tactic,
    /// Its techniques, the first the most telling.
    pub techniques: Vec<Technique>,
    /// How bad, by itself, from 0 to 1; see [`weight`].
    pub weight: f32,
    /// How it ended.
    pub outcome: Outcome,
    /// What it acted on: a user, a bucket, an instance. At most 96 bytes.
    pub target: Box<str>,
    /// Who gains by it: a user, an account, `*`. At most 64 bytes.
    pub recipient: Box<str>,
    /// What it gives.
    pub grants: Grants,
    /// To whom it opens something.
    pub exposure: Exposure,
    /// What was read from its parameters, in words. At most 120 bytes.
    pub detail: Box<str>,
    /// How many things this one call reached: 10 parameters read at once are 10.
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

/// Looks into one call's parameters and says what they make of its meaning.
type Reader = fn(&mut Act, &Call<'_>);

/// A call and its parameters, as a tree.
pub struct Call<'e> {
    pub(crate) event: &'e Event<'e>,
    /// The request parameters; `null` if the record has none.
    pub parameters: Value,
}

impl<'e> Call<'e> {
    /// Reads the parameters of a record.
    pub fn new(event: &'e Event<'e>) -> Self {
        Self { event, parameters: unwrapped(event.parameters()) }
    }

    /// The parameter of this name. Services spell the same name in either case.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let fields = self.parameters.as_object()?;
        fields.get(key).or_else(|| {
            fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
        })
    }

    /// Text under the first of `keys` that has some.
    pub fn text(&self, keys: &[&str]) -> &str {
        keys.iter().find_map(|key| self.get(key)?.as_str()).unwrap_or_default()
    }

    /// Is `key` given, and false?
    pub fn is_off(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value == false || value == "false")
    }

    /// Whether `key` is given, and true.
    pub fn is_on(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value == true || value == "true")
    }

    /// How many things a list names: `{"items":[...]}` of EC2, or a plain list.
    pub(crate) fn items(&self, key: &str) -> &[Value] {
        let list = self.get(key).map(|value| value.get("items").unwrap_or(value));
        list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// An account other than the call's own that any ARN or account id among the parameters names.
    fn stranger(&self) -> Option<&str> {
        strings(&self.parameters).into_iter().find_map(|text| {
            let account = crate::event::account_of(text)?;
            (account != self.account() && account.len() == 12).then_some(account)
        })
    }

    pub(crate) fn account(&self) -> &str {
        &self.event.account_id
    }

    /// The name of the role whose session calls; empty for others.
    pub fn role(&self) -> &str {
        let arn = &self.event.identity.arn;
        arn.split_once(":assumed-role/").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default())
    }
}

/// EC2 wraps some calls' parameters in one object named after the call: `{"DeleteFlowLogsRequest": {...}}`.
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

/// Every text in a tree.
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

/// The hash of `service:name`, by which calls are remembered.
pub fn call_key(service: &str, name: &str) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(service.as_bytes());
    hasher.update(b":");
    hasher.update(name.as_bytes());
    hasher.digest()
}

/// The urgent calls, as (event source, event name): those whose finding should not wait for the bulk lane.
pub fn urgent_calls() -> impl Iterator<Item = (String, &'static str)> {
    table::ROWS
        .iter()
        .filter(|row| row.urgent)
        .map(|row| (format!("{}.amazonaws.com", row.service), row.name))
}

/// Does the catalogue speak of this call?
pub fn knows(service: &str, name: &str) -> bool {
    BY_NAME.contains_key(&call_key(service, name)) || table::is_routine(service, name)
}

/// The tactic that a call serves first, by the table alone.
pub fn tactic_of(service: &str, name: &str) -> Option<Tactic> {
    BY_NAME.get(&call_key(service, name)).map(|row| row.tactic)
}

/// What `event` meant, if anything worth remembering. `call` is its [`call_key`].
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

/// A VPC endpoint's policy refused a call: somebody carried other credentials into the network, or data out of it.
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
