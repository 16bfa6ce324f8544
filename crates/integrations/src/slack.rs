//! Slack boards of incidents: a bot with one message per incident, updated in place, or an incoming webhook.

use std::rc::Rc;

use serde_json::{Value, json};
use trailwarden_core::event::Time;
use trailwarden_pipeline::{
    formats::slack::{digest, message},
    ports::{Board, Unavailable},
};
use trailwarden_response::incident::Incident;

use crate::{
    http::{Http, Repeat},
    secrets::{Contacts, sealed},
};

const SERVICE: &str = "slack";
/// Largest difference between Slack's clock and ours, in seconds.
const SKEW: i64 = 120;
/// Pages of 200 messages to search for a message that may have arrived.
const PAGES: usize = 10;

/// Board of a bot in a Slack channel.
pub struct Bot {
    http: Http,
    contacts: Rc<Contacts>,
}

impl Bot {
    /// Bot, if the contacts have its token and channel.
    pub fn of(http: &Http, contacts: &Rc<Contacts>) -> Option<Self> {
        let is_known = !contacts.slack_bot_token.is_empty() && !contacts.slack_channel.is_empty();
        is_known.then(|| Self { http: http.clone(), contacts: contacts.clone() })
    }

    fn post_to(&self, method: &str) -> Result<reqwest::RequestBuilder, Unavailable> {
        let api = Some(self.contacts.slack_api.trim_end_matches('/')).filter(|api| !api.is_empty());
        let api = api.unwrap_or("https://slack.com/api");
        sealed("slack_api", api)?;
        let request = self.http.client()?.post(format!("{api}/{method}"));
        Ok(request.bearer_auth(&self.contacts.slack_bot_token))
    }

    async fn call(&self, method: &str, body: &Value, repeat: Repeat) -> Result<Value, Unavailable> {
        self.answer(method, self.post_to(method)?.json(body), repeat).await
    }

    async fn answer(
        &self,
        method: &str,
        request: reqwest::RequestBuilder,
        repeat: Repeat,
    ) -> Result<Value, Unavailable> {
        checked(method, self.http.json(SERVICE, request, repeat).await?)
    }

    async fn post(&self, mut body: Value, incident: Option<&str>) -> Result<Option<String>, Unavailable> {
        body["channel"] = json!(self.contacts.slack_channel);
        if let Some(id) = incident {
            body["metadata"] =
                json!({ "event_type": "trailwarden_incident", "event_payload": { "incident": id } });
        }
        let answer = self.call("chat.postMessage", &body, Repeat::OnlyIfRefused).await?;
        Ok(answer["ts"].as_str().map(str::to_owned))
    }

    /// Updates a message; posts a new one if somebody has deleted it.
    async fn replace(
        &self,
        mut body: Value,
        ts: &str,
        incident: Option<&str>,
    ) -> Result<Option<String>, Unavailable> {
        body["channel"] = json!(self.contacts.slack_channel);
        body["ts"] = json!(ts);
        let request = self.post_to("chat.update")?.json(&body);
        let answer = self.http.json(SERVICE, request, Repeat::Always).await?;
        match answer["error"].as_str() {
            Some("message_not_found") => {
                body.as_object_mut().map(|fields| fields.remove("ts"));
                self.post(body, incident).await
            }
            _ => checked("chat.update", answer).map(|_| Some(ts.to_owned())),
        }
    }

    /// Finds an incident's message that arrived although its response was lost.
    async fn find(&self, id: &str, since: Time) -> Result<Option<String>, Unavailable> {
        let (oldest, mut cursor) = ((since.0 - SKEW).to_string(), String::new());
        for _ in 0..PAGES {
            // Slack's read methods accept forms only.
            let asked = [
                ("channel", self.contacts.slack_channel.as_str()),
                ("oldest", &oldest),
                ("include_all_metadata", "true"),
                ("limit", "200"),
                ("cursor", &cursor),
            ];
            let request = self.post_to("conversations.history")?.form(&asked);
            let answer = self.answer("conversations.history", request, Repeat::Always).await?;
            let messages = answer["messages"].as_array().into_iter().flatten();
            let mut found = messages.filter(|one| one["metadata"]["event_payload"]["incident"] == id);
            if let Some(ts) = found.find_map(|one| one["ts"].as_str()) {
                return Ok(Some(ts.to_owned()));
            }
            answer["response_metadata"]["next_cursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
            if cursor.is_empty() {
                break;
            }
        }
        Ok(None)
    }

    fn can_act(&self) -> bool {
        !self.contacts.slack_signing_secret.is_empty()
    }
}

fn checked(method: &str, answer: Value) -> Result<Value, Unavailable> {
    if answer["ok"] == true {
        return Ok(answer);
    }
    Err(Unavailable::because(SERVICE, format!("{method}: {}", answer["error"].as_str().unwrap_or("refused"))))
}

impl Board for Bot {
    fn name(&self) -> &'static str {
        "slack"
    }

    async fn open(&self, incident: &Incident, again: Option<Time>) -> Result<Option<String>, Unavailable> {
        if let Some(since) = again
            && let Some(ts) = self.find(&incident.id, since).await?
        {
            return self.replace(message(incident, self.can_act()), &ts, Some(&incident.id)).await;
        }
        self.post(message(incident, self.can_act()), Some(&incident.id)).await
    }

    async fn update(&self, incident: &Incident, handle: Option<&str>) -> Result<Option<String>, Unavailable> {
        match handle {
            Some(ts) => self.replace(message(incident, self.can_act()), ts, Some(&incident.id)).await,
            None => self.open(incident, None).await,
        }
    }

    async fn digest(
        &self,
        count: u32,
        worst: &[String],
        handle: Option<&str>,
    ) -> Result<Option<String>, Unavailable> {
        match handle {
            Some(ts) => self.replace(digest(count, worst), ts, None).await,
            None => self.post(digest(count, worst), None).await,
        }
    }
}

/// Board of an incoming webhook: its messages cannot be updated, so it posts only important changes.
pub struct Webhook {
    http: Http,
    url: String,
}

impl Webhook {
    /// Webhook, if the contacts have one and no bot token.
    pub fn of(http: &Http, contacts: &Rc<Contacts>) -> Option<Self> {
        let is_wanted = !contacts.slack_webhook.is_empty() && contacts.slack_bot_token.is_empty();
        is_wanted.then(|| Self { http: http.clone(), url: contacts.slack_webhook.clone() })
    }

    async fn say(&self, body: &Value) -> Result<(), Unavailable> {
        sealed("slack_webhook", &self.url)?;
        let request = self.http.client()?.post(&self.url).json(body);
        self.http.send(SERVICE, request, Repeat::OnlyIfRefused).await.map(drop)
    }
}

/// Severity and state: a change of these is important enough for another message.
fn weighty(incident: &Incident) -> String {
    format!("{} {:?}", incident.severity.label(), incident.state)
}

impl Board for Webhook {
    fn name(&self) -> &'static str {
        "slack-webhook"
    }

    async fn open(&self, incident: &Incident, _: Option<Time>) -> Result<Option<String>, Unavailable> {
        self.say(&message(incident, false)).await?;
        Ok(Some(weighty(incident)))
    }

    async fn update(&self, incident: &Incident, handle: Option<&str>) -> Result<Option<String>, Unavailable> {
        let weighty = weighty(incident);
        if handle != Some(weighty.as_str()) {
            self.say(&message(incident, false)).await?;
        }
        Ok(Some(weighty))
    }

    /// Posts the digest once per hour, since it cannot be updated.
    async fn digest(
        &self,
        count: u32,
        worst: &[String],
        handle: Option<&str>,
    ) -> Result<Option<String>, Unavailable> {
        if handle.is_none() {
            self.say(&digest(count, worst)).await?;
        }
        Ok(Some("said".to_owned()))
    }
}
