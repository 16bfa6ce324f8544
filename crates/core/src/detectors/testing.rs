//! Test builder: small stories, so that a detector's test has a few lines.

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    activity::{Fold, Hour, Scope, Window},
    baseline::{Baseline, Habits, Peers},
    event::{DAY, Principal, Time},
    networks::Networks,
    risk::Signal,
    settings::Settings,
    sources::{Item, Limits, read},
};

/// Events one second apart, by default by IAM user kim of account 111122223333.
#[derive(Clone)]
pub(crate) struct Story {
    records: Vec<serde_json::Value>,
    now: i64,
    who: serde_json::Value,
    address: String,
    client: String,
    scope: Option<Scope>,
}

impl Story {
    pub(crate) fn new() -> Self {
        let start = Time::parse("2026-03-02T10:00:00Z").unwrap().0;
        let story = Self {
            records: Vec::new(),
            now: start,
            who: json!({}),
            address: "198.51.100.1".into(),
            client: "aws-cli/2 Darwin".into(),
            scope: None,
        };
        story.by("kim")
    }

    /// Events that follow are by this IAM user.
    pub(crate) fn by(mut self, user: &str) -> Self {
        let arn = format!("arn:aws:iam::111122223333:user/{user}");
        self.who = json!({"type": "IAMUser", "userName": user, "accountId": "111122223333", "arn": arn});
        self
    }

    /// Events that follow are by an instance's role.
    pub(crate) fn instance(mut self, role: &str, instance: &str) -> Self {
        let arn = format!("arn:aws:sts::111122223333:assumed-role/{role}/{instance}");
        self.who = json!({"type": "AssumedRole", "accountId": "111122223333", "arn": arn});
        self
    }

    pub(crate) fn from(mut self, address: &str) -> Self {
        self.address = address.into();
        self
    }

    pub(crate) fn client(mut self, user_agent: &str) -> Self {
        self.client = user_agent.into();
        self
    }

    pub(crate) fn later(mut self, seconds: i64) -> Self {
        self.now += seconds;
        self
    }

    pub(crate) fn of_account(mut self) -> Self {
        self.scope = Some(Scope::Account("111122223333".into()));
        self
    }

    pub(crate) fn of_address(mut self, address: &str) -> Self {
        self.scope = Some(Scope::Address(address.parse().unwrap()));
        self
    }

    pub(crate) fn call(self, source: &str, name: &str, parameters: &str) -> Self {
        self.record(source, name, parameters, &json!({}))
    }

    pub(crate) fn failed(self, source: &str, name: &str, parameters: &str, error: &str) -> Self {
        self.record(source, name, parameters, &json!({"errorCode": error}))
    }

    pub(crate) fn sign_in(self, works: bool, mfa: Option<bool>) -> Self {
        let mut more =
            json!({"responseElements": {"ConsoleLogin": if works { "Success" } else { "Failure" }}});
        if let Some(mfa) = mfa {
            more["additionalEventData"] = json!({"MFAUsed": if mfa { "Yes" } else { "No" }});
        }
        self.record("signin", "ConsoleLogin", "null", &more)
    }

    /// The same call on each of `days` days, up to the day before the events that follow.
    pub(crate) fn on_days(self, days: u32, source: &str, name: &str, parameters: &str) -> Self {
        (0..days).fold(self, |story, _| story.call(source, name, parameters).later(DAY - 1))
    }

    fn record(mut self, source: &str, name: &str, parameters: &str, more: &serde_json::Value) -> Self {
        let mut record = json!({
            "eventID": format!("e{}", self.records.len()), "eventTime": Time(self.now).to_string(), "eventName": name,
            "eventSource": format!("{source}.amazonaws.com"), "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
            "userIdentity": self.who, "sourceIPAddress": self.address, "userAgent": self.client,
            "requestParameters": serde_json::from_str::<serde_json::Value>(parameters).unwrap(),
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.records.push(record);
        self.now += 1;
        self
    }

    /// The detector's score in the last event's hour; 0 without a signal.
    pub(crate) fn score(&self, detect: fn(&Window<'_>, &Habits<'_>) -> Option<Signal>) -> f32 {
        self.signal(detect).map_or(0.0, |signal| signal.score)
    }

    pub(crate) fn signal(&self, detect: fn(&Window<'_>, &Habits<'_>) -> Option<Signal>) -> Option<Signal> {
        self.look(detect)
    }

    /// Calls `look` with the window that ends with the last event.
    pub(crate) fn look<T>(&self, look: impl Fn(&Window<'_>, &Habits<'_>) -> T) -> T {
        let scopes = self.fold();
        let last: Principal =
            serde_json::from_value::<Who>(self.records.last().unwrap()["userIdentity"].clone())
                .unwrap()
                .principal();
        let scope = self.scope.clone().unwrap_or(Scope::Principal(last.id.clone()));
        let hours = &scopes[&scope];
        let (own, peers) = self.past(&scopes, hours);
        let (networks, settings) = (Networks::default(), Settings::default());
        let habits = Habits {
            own: &own,
            peers: &peers,
            networks: &networks,
            settings: &settings,
            strangeness: None,
            parts: crate::baseline::Parts::default(),
        };
        look(&Window::ending_at(&scope, Some(&last), hours, hours.len() - 1), &habits)
    }

    fn fold(&self) -> BTreeMap<Scope, Vec<(u32, Hour)>> {
        let text = serde_json::to_string(&self.records).unwrap();
        let mut fold = Fold::default();
        read(text.as_bytes(), Limits::default(), &mut |item| {
            let Item::Event(event) = item else { panic!("not an event") };
            fold.add(&event);
        })
        .unwrap();
        let mut scopes: BTreeMap<Scope, Vec<(u32, Hour)>> = BTreeMap::new();
        for (scope, hour, folded) in fold.take() {
            scopes.entry(scope).or_default().push((hour, folded));
        }
        scopes.values_mut().for_each(|hours| hours.sort_by_key(|(hour, _)| *hour));
        scopes
    }

    fn past(&self, scopes: &BTreeMap<Scope, Vec<(u32, Hour)>>, hours: &[(u32, Hour)]) -> (Baseline, Peers) {
        let today = Time(self.now).day();
        let mut own = Baseline::default();
        for day in hours.chunk_by(|a, b| a.0 / 24 == b.0 / 24).filter(|day| day[0].0 / 24 < today) {
            own.close(day[0].0 / 24, day);
        }
        own.fade(today);
        let mut peers = Peers::default();
        for (scope, hours) in scopes {
            for (hour, folded) in hours {
                peers.learn(scope, *hour, folded);
            }
        }
        (own, peers)
    }
}

/// An owned `userIdentity`, parsed for its principal.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Who(serde_json::Value);

impl Who {
    fn principal(&self) -> Principal {
        let text = self.0.to_string();
        serde_json::from_str::<crate::event::Identity<'_>>(&text).unwrap().principal("111122223333")
    }
}
