//! One clerk holds the table, and answers one order after the other: what stages look things up in stays on one thread.

use tokio::sync::{mpsc, oneshot};
use trailwarden_core::event::Time;
use trailwarden_pipeline::{
    dashboard::{Asked, Desk, View},
    feedback,
    incident_api::{self, Reply as Answered, Request, lets},
    messages::{Notice, Said},
    ports::{Channel, Table, Unavailable},
};

/// Orders that wait, at most: whoever comes then is told to come again.
const WAITING: usize = 64;

/// Where an answer goes.
type Reply<A> = oneshot::Sender<Result<A, Unavailable>>;

/// What a clerk can be told.
enum Order {
    /// To look something up.
    See(Asked, Reply<Box<View>>),
    /// To say whether somebody who goes by these names may decide.
    Lets(Vec<String>, Reply<bool>),
    /// To change something.
    Change(Change, Reply<Answered>),
}

/// A change that is asked for.
pub(crate) enum Change {
    /// To record what an analyst says of a finding.
    Verdict(Said),
    /// What is asked of an incident, or of all responses.
    Decision(Request),
}

/// Where orders are given.
#[derive(Clone, Debug)]
pub struct Orders(mpsc::Sender<Order>);

/// Whoever carries orders out.
#[derive(Debug)]
pub struct Clerk(mpsc::Receiver<Order>);

/// A clerk, and where to give orders.
pub fn orders() -> (Orders, Clerk) {
    let (give, take) = mpsc::channel(WAITING);
    (Orders(give), Clerk(take))
}

impl Orders {
    /// Looks something up.
    pub(crate) async fn see(&self, asked: Asked) -> Result<View, Unavailable> {
        self.give(|reply| Order::See(asked, reply)).await.map(|view| *view)
    }

    /// May somebody who goes by these names decide?
    pub(crate) async fn lets(&self, names: Vec<String>) -> Result<bool, Unavailable> {
        self.give(|reply| Order::Lets(names, reply)).await
    }

    /// Changes something.
    pub(crate) async fn change(&self, change: Change) -> Result<Answered, Unavailable> {
        self.give(|reply| Order::Change(change, reply)).await
    }

    async fn give<A>(&self, order: impl FnOnce(Reply<A>) -> Order) -> Result<A, Unavailable> {
        let away = || Unavailable { service: "dashboard", source: "too much is asked at once".into() };
        let (reply, answer) = oneshot::channel();
        self.0.try_send(order(reply)).map_err(|_| away())?;
        answer.await.map_err(|_| away())?
    }
}

impl Clerk {
    /// Carries out all orders, until nobody can give any more. `clock` tells the time that is looked at, and the time that
    /// it is; `is_changed` whether something else wrote into the table meanwhile.
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
            // Whoever asked may have gone meanwhile.
            match order {
                Order::See(asked, reply) => _ = reply.send(desk.see(&asked, seen).await.map(Box::new)),
                Order::Lets(names, reply) => _ = reply.send(lets(desk.table(), &names).await),
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
) -> Result<Answered, Unavailable> {
    let answered = match change {
        Change::Verdict(said) => {
            tracing::info!(who = said.by, finding = said.finding_id, verdict = ?said.verdict, "a verdict");
            let (status, body) = if feedback::record(desk.table(), &said, seen).await? {
                (200, serde_json::json!({ "finding": said.finding_id, "verdict": said.verdict }))
            } else {
                (409, serde_json::json!({ "error": "only what was an alert can be judged: this was none" }))
            };
            Answered { status, body }
        }
        Change::Decision(request) if request.method == "GET" => {
            return incident_api::serve(desk.table(), bus, &request, seen).await;
        }
        Change::Decision(request) => {
            tracing::info!(who = request.who, path = request.path, "a decision");
            incident_api::serve(desk.table(), bus, &request, is).await?
        }
    };
    desk.forget();
    Ok(answered)
}
