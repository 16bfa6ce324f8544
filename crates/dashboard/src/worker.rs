//! Actor that serialises access to the non-`Send` [`Desk`]: one task owns it and answers requests one by one.

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use trailwarden_core::event::Time;
use trailwarden_pipeline::{
    dashboard::{Asked, Desk, View},
    decisions::{self, Caller, is_approver},
    feedback,
    incident_api::{self, Reply},
    messages::{Notice, Said},
    ports::{Channel, Table, Unavailable},
};
use trailwarden_response::incident::Decision;

/// Maximum number of queued requests; beyond it, a request fails and the user retries.
const WAITING: usize = 64;

/// Channel for the answer to one request.
type Answer<A> = oneshot::Sender<Result<A, Unavailable>>;

/// A request to the actor.
enum Order {
    /// Query for a view.
    See(Asked, Answer<Box<View>>),
    /// Query whether a user with these names may approve.
    Lets(Vec<String>, Answer<bool>),
    /// Query for the key figures of incidents.
    Metrics(Answer<Value>),
    /// A change to the table.
    Change(Change, Answer<Reply>),
}

/// A change requested by a user.
pub(crate) enum Change {
    /// An analyst's verdict on a finding.
    Verdict(Said),
    /// A decision about the incident with this id; `reissues` permits new credentials.
    Decision { id: String, decision: Decision, caller: Caller, reissues: bool },
    /// Stopping or starting all responses.
    Switch { stops: bool, caller: Caller },
}

/// Sender of requests to the actor; cheap to clone.
#[derive(Clone, Debug)]
pub struct Orders(mpsc::Sender<Order>);

/// The actor, with its receiver of requests.
#[derive(Debug)]
pub struct Worker(mpsc::Receiver<Order>);

/// Creates the actor and a sender of requests to it.
pub fn orders() -> (Orders, Worker) {
    let (give, take) = mpsc::channel(WAITING);
    (Orders(give), Worker(take))
}

impl Orders {
    /// Fetches a view.
    pub(crate) async fn see(&self, asked: Asked) -> Result<View, Unavailable> {
        self.give(|reply| Order::See(asked, reply)).await.map(|view| *view)
    }

    /// Whether a user with these names may approve.
    pub(crate) async fn lets(&self, names: Vec<String>) -> Result<bool, Unavailable> {
        self.give(|reply| Order::Lets(names, reply)).await
    }

    /// Fetches the key figures of the incidents of the default range.
    pub(crate) async fn metrics(&self) -> Result<Value, Unavailable> {
        self.give(Order::Metrics).await
    }

    /// Applies a change.
    pub(crate) async fn change(&self, change: Change) -> Result<Reply, Unavailable> {
        self.give(|reply| Order::Change(change, reply)).await
    }

    async fn give<A>(&self, order: impl FnOnce(Answer<A>) -> Order) -> Result<A, Unavailable> {
        let away = || Unavailable { service: "dashboard", source: "request queue is full or closed".into() };
        let (reply, answer) = oneshot::channel();
        self.0.try_send(order(reply)).map_err(|_| away())?;
        answer.await.map_err(|_| away())?
    }
}

impl Worker {
    /// Serves requests until every [`Orders`] is dropped. `clock` returns the time that views show and the
    /// current time; `is_changed` tells whether another writer changed the table since the last call.
    pub async fn attend<T: Table>(
        mut self,
        desk: &Desk<T>,
        bus: &impl Channel<Notice>,
        clock: impl Fn() -> (Time, Time),
        mut is_changed: impl FnMut() -> bool,
    ) {
        while let Some(order) = self.0.recv().await {
            if is_changed() {
                desk.forget();
            }
            let (seen, is) = clock();
            // Sending fails if the client has disconnected; that is no error.
            match order {
                Order::See(asked, reply) => _ = reply.send(desk.see(&asked, seen).await.map(Box::new)),
                Order::Lets(names, reply) => _ = reply.send(is_approver(desk.table(), &names).await),
                Order::Metrics(reply) => {
                    let metrics = incident_api::metrics_of(desk.table(), incident_api::DEFAULT_DAYS, seen);
                    _ = reply.send(metrics.await);
                }
                Order::Change(change, reply) => {
                    _ = reply.send(carry_out(desk, bus, change, (seen, is)).await);
                }
            }
        }
    }
}

async fn carry_out<T: Table>(
    desk: &Desk<T>,
    bus: &impl Channel<Notice>,
    change: Change,
    (seen, is): (Time, Time),
) -> Result<Reply, Unavailable> {
    let answered = match change {
        Change::Verdict(said) => {
            tracing::info!(who = said.by, finding = said.finding_id, verdict = ?said.verdict, "verdict received");
            let (status, body) = if feedback::record(desk.table(), &said, seen).await? {
                (200, serde_json::json!({ "finding": said.finding_id, "verdict": said.verdict }))
            } else {
                (409, serde_json::json!({ "error": "only what was an alert can be judged: this was none" }))
            };
            Reply { status, body }
        }
        Change::Decision { id, decision, caller, reissues } => {
            tracing::info!(who = caller.name, incident = id, decision = decision.name(), "decision received");
            let outcome =
                decisions::decide(desk.table(), bus, (&id, &decision), &caller, reissues, is).await?;
            let accepted = |incident| Reply { status: 202, body: incident_api::shown(&incident) };
            outcome.map_or_else(|refusal| incident_api::refused(&refusal), accepted)
        }
        Change::Switch { stops, caller } => {
            tracing::info!(who = caller.name, stops, "kill switch turned");
            match decisions::switch(desk.table(), stops, &caller, is).await? {
                Ok(()) => incident_api::switch_state(desk.table()).await?,
                Err(refusal) => incident_api::refused(&refusal),
            }
        }
    };
    desk.forget();
    Ok(answered)
}
