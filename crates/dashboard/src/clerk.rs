//! One clerk holds the table, and answers one order after the other: what stages look things up in stays on one thread.

use tokio::sync::{mpsc, oneshot};
use trailwarden_core::{
    event::Time,
    messages::{Notice, Said},
    ports::{Channel, Table, Unavailable},
    stages::{
        dashboard::{Asked, Desk, View},
        interface::{self, Reply, Request},
        verdicts,
    },
};

/// Orders that wait, at most: whoever comes then is told to come again.
const WAITING: usize = 64;

/// What a clerk can be told.
pub(crate) enum Order {
    /// To look something up.
    See(Asked),
    /// To record what an analyst, of this name, says of a finding.
    Judge(Said, String),
    /// To do what is asked of an incident, or of all responses.
    Decide(Request),
}

/// What comes of an order.
pub(crate) enum Answer {
    Seen(Box<View>),
    Done(Reply),
}

type Given = (Order, oneshot::Sender<Result<Answer, Unavailable>>);

/// Where orders are given.
#[derive(Clone, Debug)]
pub struct Orders(mpsc::Sender<Given>);

/// Whoever carries orders out.
#[derive(Debug)]
pub struct Clerk(mpsc::Receiver<Given>);

/// A clerk, and where to give orders.
pub fn orders() -> (Orders, Clerk) {
    let (give, take) = mpsc::channel(WAITING);
    (Orders(give), Clerk(take))
}

impl Orders {
    pub(crate) async fn give(&self, order: Order) -> Result<Answer, Unavailable> {
        let away = || Unavailable { service: "dashboard", source: "too much is asked at once".into() };
        let (reply, answer) = oneshot::channel();
        self.0.try_send((order, reply)).map_err(|_| away())?;
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
        while let Some((order, reply)) = self.0.recv().await {
            if is_changed() {
                desk.forget();
            }
            // Whoever asked may have gone meanwhile.
            let _ = reply.send(carry_out(desk, bus, order, clock()).await);
        }
    }
}

async fn carry_out<T: Table>(
    desk: &Desk<T>,
    bus: &impl Channel<Notice>,
    order: Order,
    (now, decided): (Time, Time),
) -> Result<Answer, Unavailable> {
    match order {
        Order::See(asked) => Ok(Answer::Seen(Box::new(desk.see(&asked, now).await?))),
        Order::Judge(said, who) => {
            tracing::info!(%who, finding = said.finding_id, verdict = ?said.verdict, "a verdict");
            let is_kept = verdicts::record(desk.table(), &said, now).await?;
            desk.forget();
            let (status, body) = if is_kept {
                (200, serde_json::json!({ "finding": said.finding_id, "verdict": said.verdict }))
            } else {
                (409, serde_json::json!({ "error": "only what was an alert can be judged: this was none" }))
            };
            Ok(Answer::Done(Reply { status, body }))
        }
        Order::Decide(request) => {
            let is_change = request.method == "POST";
            if is_change {
                tracing::info!(who = request.who, path = request.path, "a decision");
            }
            let at = if is_change { decided } else { now };
            let reply = interface::serve(desk.table(), bus, &request, at).await?;
            if is_change {
                desk.forget();
            }
            Ok(Answer::Done(reply))
        }
    }
}
