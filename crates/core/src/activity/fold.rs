//! Fold of events into the hours of their scopes.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::{Edge, Hour, Notable, Scope, Seat, SignIn, Trace, Who, client::client};
use crate::{
    catalog::{call_key, meaning},
    event::{Caller, Event, HOUR, Outcome, Principal, PrincipalKind, Time, clip, hash},
};

/// Collects events into hours until [`Fold::take`].
///
/// A fold caches the identities and clients it has seen, so that most events cost a few hashes and no
/// allocation.
#[derive(Default)]
pub struct Fold {
    hours: HashMap<(u32, u32), Hour>,
    scopes: Vec<Scope>,
    scope_ids: HashMap<Scope, u32>,
    identities: HashMap<u64, Option<Known>>,
    clients: HashMap<u64, (u64, Arc<str>)>,
    /// Account, Region and hour of the last event: the next event usually has the same.
    last_place: Option<(u64, u64, u32)>,
}

/// A cached identity.
#[derive(Clone)]
struct Known {
    scope: u32,
    principal: Arc<Principal>,
}

/// A collected hour: scope, hour since 1970, activity.
pub type Folded = (Scope, u32, Hour);

/// Most identities and clients in the cache: hostile logs may name millions.
const REMEMBERED: usize = 50_000;

impl Fold {
    /// Number of collected hours.
    pub fn len(&self) -> usize {
        self.hours.len()
    }

    /// Whether no hour is collected.
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }

    /// Takes the collected hours.
    pub fn take(&mut self) -> Vec<Folded> {
        self.last_place = None;
        let scopes = &self.scopes;
        let taken = self
            .hours
            .drain()
            .map(|((scope, hour), folded)| (scopes[scope as usize].clone(), hour, folded))
            .collect();
        if self.scopes.len() > REMEMBERED {
            self.scopes.clear();
            self.scope_ids.clear();
            self.identities.clear();
        }
        taken
    }

    /// Adds an event. AWS's own acts are skipped: a service is not an identity that can be taken over.
    pub fn add(&mut self, event: &Event<'_>) {
        let Some(known) = self.identify(event).filter(|_| &*event.event_type != "AwsServiceEvent") else {
            return;
        };
        let (client_key, client) = self.client_of(&event.user_agent);
        let seen = Seen::new(event, client_key, client);
        let hour = self.hours.entry((known.scope, seen.hour)).or_default();
        hour.add(event, &known.principal, &seen);
        self.add_place(event, &seen);
        self.add_elsewhere(event, &known, &seen);
    }

    /// The identity of an event; `None` for AWS itself.
    fn identify(&mut self, event: &Event<'_>) -> Option<Known> {
        let key = event.identity.key(&event.account_id);
        if let Some(known) = self.identities.get(&key) {
            return known.clone();
        }
        let principal = Arc::new(event.identity.principal(&event.account_id));
        let known = (principal.kind != PrincipalKind::Service).then(|| {
            let scope = self.scope_id(Scope::of(&principal));
            Known { scope, principal }
        });
        make_room(&mut self.identities);
        self.identities.insert(key, known.clone());
        known
    }

    fn scope_id(&mut self, scope: Scope) -> u32 {
        if let Some(&id) = self.scope_ids.get(&scope) {
            return id;
        }
        let id = self.scopes.len() as u32;
        self.scopes.push(scope.clone());
        self.scope_ids.insert(scope, id);
        id
    }

    fn client_of(&mut self, user_agent: &str) -> (u64, Arc<str>) {
        let key = hash(user_agent);
        if let Some(known) = self.clients.get(&key) {
            return known.clone();
        }
        let name = client(user_agent);
        let known = (hash(&name), name.into());
        make_room(&mut self.clients);
        self.clients.insert(key, known.clone());
        known
    }

    /// The account's own hours record the Regions in which somebody acted.
    fn add_place(&mut self, event: &Event<'_>, seen: &Seen) {
        let (account, region) = (clip(&event.account_id, 64), clip(&event.aws_region, 32));
        let place = (hash(account), hash(region), seen.hour);
        if self.last_place.replace(place) == Some(place) {
            return;
        }
        let scope = self.scope_id(Scope::Account(account.into()));
        self.hours.entry((scope, seen.hour)).or_default().regions.insert(place.1, region);
    }

    /// Sign-ins also count for their address and account; instance credentials and browsers also for their
    /// address.
    fn add_elsewhere(&mut self, event: &Event<'_>, known: &Known, seen: &Seen) {
        if event.is_sign_in() || event.is_failed_sign_in() {
            let account = self.scope_id(Scope::Account(clip(&event.account_id, 64).into()));
            self.hours.entry((account, seen.hour)).or_default().add_sign_in(event, &known.principal.id, seen);
            if let Some(address) = seen.address {
                let scope = self.scope_id(Scope::Address(address));
                self.hours.entry((scope, seen.hour)).or_default().add_sign_in(
                    event,
                    &known.principal.id,
                    seen,
                );
            }
        }
        let Some(address) = seen.address else { return };
        let is_browser = known.principal.kind != PrincipalKind::Workload && is_at_a_browser(&seen.client);
        if is_browser || event.identity.is_instance_session() {
            let scope = self.scope_id(Scope::Address(address));
            self.hours.entry((scope, seen.hour)).or_default().add_seat(event, &known.principal, seen);
        }
    }
}

/// Clears a full cache: one role may have a million sessions in an hour.
fn make_room<T>(remembered: &mut HashMap<u64, T>) {
    if remembered.len() >= REMEMBERED {
        remembered.clear();
    }
}

/// A browser or console means that a human is at the address.
fn is_at_a_browser(client: &str) -> bool {
    client.starts_with("browser") || client == "console"
}

/// Values that are hashed once per event and used by several hours.
struct Seen {
    hour: u32,
    second: u16,
    call: u64,
    address: Option<IpAddr>,
    address_key: u64,
    client_key: u64,
    client: Arc<str>,
}

impl Seen {
    fn new(event: &Event<'_>, client_key: u64, client: Arc<str>) -> Self {
        let hour = event.event_time.hour();
        let second = (event.event_time.0 - i64::from(hour) * HOUR) as u16;
        let address = event.caller.public_address();
        let address_key = address.map_or(0, address_key);
        Self {
            hour,
            second,
            call: call_key(service(event), name(event)),
            address,
            address_key,
            client_key,
            client,
        }
    }
}

/// Limits of names, longer than AWS's own.
fn service<'e>(event: &'e Event<'_>) -> &'e str {
    clip(event.service(), 40)
}

fn name<'e>(event: &'e Event<'_>) -> &'e str {
    clip(&event.event_name, 80)
}

/// The hash of an address, its key in sketches.
pub(crate) fn address_key(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => xxh3_64(&v4.octets()),
        IpAddr::V6(v6) => xxh3_64(&v6.octets()),
    }
}

impl Hour {
    fn add(&mut self, event: &Event<'_>, principal: &Arc<Principal>, seen: &Seen) {
        if self
            .who
            .as_ref()
            .is_none_or(|known| (principal.kind, &principal.account_id) < (known.kind, &known.account_id))
        {
            self.who = Some(Who { kind: principal.kind, account_id: principal.account_id.clone() });
        }
        if principal.person().is_some() {
            self.identities.insert(hash(&principal.id), &principal.id);
        }
        self.events.insert(event.key, || Trace {
            event_id: event.event_id.clone(),
            second: seen.second,
            call: seen.call as u32,
            outcome: event.outcome,
            address: seen.address_key as u32,
        });
        if self.calls.get(seen.call).is_none() && self.calls.would_take(seen.call) {
            let name = format!("{}:{}", service(event), name(event));
            self.calls.insert(seen.call, &name);
        }
        if let Some(address) = seen.address {
            self.addresses.insert(seen.address_key, || address);
        }
        self.clients.insert(seen.client_key, &seen.client);
        let region = clip(&event.aws_region, 32);
        self.regions.insert(hash(region), region);
        let account = clip(&event.account_id, 64);
        self.accounts.insert(hash(account), account);
        if let Some(resource) = resource(event).map(|name| clip(name, 96)) {
            self.resources.insert(hash(resource), resource);
        }
        self.add_meaning(event, principal, seen);
    }

    fn add_meaning(&mut self, event: &Event<'_>, principal: &Principal, seen: &Seen) {
        if let Some(act) = meaning(event, seen.call, principal.kind) {
            self.acts.insert(event.key, notable(event, act, seen));
        }
        if event.is_sign_in() || event.is_failed_sign_in() {
            self.add_sign_in(event, "", seen);
        }
        if event.service() == "sts"
            && event.event_name.starts_with("AssumeRole")
            && event.outcome == Outcome::Success
        {
            self.add_session(event);
        }
        if event.identity.is_instance_session() {
            self.add_seat(event, principal, seen);
        }
    }

    fn add_sign_in(&mut self, event: &Event<'_>, user: &str, seen: &Seen) {
        let sign_in = || SignIn {
            event_id: event.event_id.clone(),
            second: seen.second,
            user: clip(user, 160).into(),
            address: seen.address,
            mfa: event.mfa,
        };
        if event.is_failed_sign_in() {
            self.failed_sign_ins.insert(event.key, sign_in);
        } else {
            self.sign_ins.insert(event.key, sign_in);
        }
    }

    fn add_session(&mut self, event: &Event<'_>) {
        let response = event.response();
        let Some(key) =
            response.get("credentials").and_then(|credentials| credentials.get("accessKeyId")?.as_str())
        else {
            return;
        };
        let role =
            response.get("assumedRoleUser").and_then(|user| user.get("arn")?.as_str()).unwrap_or_default();
        let parent = event.identity.access_key_id.filled().map_or(0, hash);
        self.sessions.insert(hash(key), || Edge { parent, role: clip(role, 160).into() });
    }

    /// One seat per principal, instance, program and address. The earliest event represents it, so that order
    /// does not matter.
    fn add_seat(&mut self, event: &Event<'_>, principal: &Principal, seen: &Seen) {
        let instance = if event.identity.is_instance_session() { event.identity.session_name() } else { "" };
        let mut key = Xxh3::new();
        for part in [
            principal.id.as_bytes(),
            instance.as_bytes(),
            &seen.client_key.to_le_bytes(),
            &seen.address_key.to_le_bytes(),
        ] {
            key.update(part);
            key.update(&[0]);
        }
        let key = key.digest();
        if self
            .seats
            .get(key)
            .is_some_and(|seat| (seat.second, &seat.event_id) <= (seen.second, &event.event_id))
        {
            return;
        }
        self.seats.insert(key, || Seat {
            principal: clip(&principal.id, 160).into(),
            instance: clip(instance, 32).into(),
            address: seen.address,
            client: (*seen.client).into(),
            event_id: event.event_id.clone(),
            second: seen.second,
        });
    }
}

fn notable(event: &Event<'_>, act: crate::catalog::Act, seen: &Seen) -> Notable {
    let is_called_by_service = matches!(event.caller, Caller::AwsService(host) if host != "AWS Internal");
    Notable {
        event_id: event.event_id.clone(),
        second: seen.second,
        address: seen.address,
        via_service: is_called_by_service || event.identity.invoked_by.ends_with(".amazonaws.com"),
        client: (*seen.client).into(),
        region: clip(&event.aws_region, 32).into(),
        account_id: clip(&event.account_id, 64).into(),
        session: event.identity.access_key_id.filled().map_or(0, hash),
        mfa: event.mfa,
        act,
    }
}

/// The bucket, table or secret named by a call, found without parsing the parameters.
fn resource<'e>(event: &'e Event<'_>) -> Option<&'e str> {
    let key = match event.service() {
        "s3" => "\"bucketName\":",
        "dynamodb" => "\"tableName\":",
        "secretsmanager" => "\"secretId\":",
        _ => return None,
    };
    let raw = event.request_parameters?.get();
    let rest = raw[raw.find(key)? + key.len()..].trim_ascii_start().strip_prefix('"')?;
    rest.split('"').next()
}

impl Seat {
    /// Time of the first event; `hour` is the hour that holds it, since 1970.
    pub fn time(&self, hour: u32) -> Time {
        Time(i64::from(hour) * HOUR + i64::from(self.second))
    }
}

impl Trace {
    /// Time of the event; `hour` is the hour that holds it, since 1970.
    pub fn time(&self, hour: u32) -> Time {
        Time(i64::from(hour) * HOUR + i64::from(self.second))
    }
}

impl SignIn {
    /// Time of the sign-in; `hour` is the hour that holds it, since 1970.
    pub fn time(&self, hour: u32) -> Time {
        Time(i64::from(hour) * HOUR + i64::from(self.second))
    }
}

#[cfg(test)]
mod tests;
