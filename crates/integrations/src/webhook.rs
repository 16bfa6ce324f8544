//! Ticket board: sends incidents to a signed webhook.
//!
//! `X-Trailwarden-Signature: sha256=HEX` is the HMAC-SHA256 of `TIMESTAMP.BODY` with the shared secret, where the
//! timestamp is that of `X-Trailwarden-Timestamp`. `Idempotency-Key` is the incident's id, followed in an update by its
//! revision, so that a receiver recognises repetitions.

use std::rc::Rc;

use trailwarden_core::event::Time;
use trailwarden_pipeline::{
    formats::{
        signature::sign,
        ticket::{Shape, id_in, ticket},
    },
    ports::{Board, Unavailable},
};
use trailwarden_response::incident::Incident;

use crate::{
    http::{Http, Repeat},
    now,
    secrets::{Contacts, sealed},
};

const SERVICE: &str = "webhook";

/// Ticket system behind a webhook.
pub struct Tickets {
    http: Http,
    contacts: Rc<Contacts>,
}

impl Tickets {
    /// Ticket system, if the contacts have its URL.
    pub fn of(http: &Http, contacts: &Rc<Contacts>) -> Option<Self> {
        (!contacts.webhook_url.is_empty()).then(|| Self { http: http.clone(), contacts: contacts.clone() })
    }

    async fn send(&self, incident: &Incident, key: &str) -> Result<Option<String>, Unavailable> {
        if self.contacts.webhook_secret.is_empty() {
            return Err(Unavailable::because(
                SERVICE,
                "the secret has a webhook_url but no webhook_secret to sign with",
            ));
        }
        sealed("webhook_url", &self.contacts.webhook_url)?;
        let body = ticket(incident, self.contacts.webhook_shape, &self.contacts.webhook_project).to_string();
        let at = now().0.to_string();
        let signature = sign(&self.contacts.webhook_secret, &[at.as_bytes(), b".", body.as_bytes()]);
        let mut request = self.http.client()?.post(&self.contacts.webhook_url);
        if !self.contacts.webhook_authorization.is_empty() {
            request = request.header("authorization", &self.contacts.webhook_authorization);
        }
        let request = request
            .header("content-type", "application/json")
            .header("x-trailwarden-timestamp", at)
            .header("x-trailwarden-signature", format!("sha256={signature}"))
            .header("idempotency-key", key)
            .body(body);
        let answer = self.http.send(SERVICE, request, Repeat::OnlyIfRefused).await?;
        Ok(serde_json::from_str(&answer).ok().as_ref().and_then(id_in))
    }
}

impl Board for Tickets {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn is_tickets(&self) -> bool {
        true
    }

    async fn open(&self, incident: &Incident, _: Option<Time>) -> Result<Option<String>, Unavailable> {
        // The same key at each try, so that the receiver opens one ticket.
        self.send(incident, &incident.id).await
    }

    /// Sends changes in the plain format only: Jira and ServiceNow would create another ticket.
    async fn update(&self, incident: &Incident, handle: Option<&str>) -> Result<Option<String>, Unavailable> {
        if self.contacts.webhook_shape == Shape::Plain {
            self.send(incident, &format!("{}/{}", incident.id, incident.revision)).await?;
        }
        Ok(handle.map(str::to_owned))
    }
}
