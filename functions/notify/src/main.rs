//! Notification function: shows changed incidents in Slack and in ticket systems.
//!
//! It is a function of its own so that a slow or dead board cannot delay a response.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use trailwarden_integrations::{
    copy,
    environment::{aws, optional, variable},
    http::Http,
    lambda::{Failed, serve_queue},
    now,
    ops_items::OpsItems,
    secrets::Secrets,
    slack::{Bot, Webhook},
    table::DynamoTable,
    webhook::Tickets,
};
use trailwarden_pipeline::{
    messages::{IncidentChanged, incident_changed},
    notify::notify,
    ports::{Board, Unavailable},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let secrets = Secrets::new(&aws, optional("CONTACTS_SECRET_ARN"));
    let ops_items = (optional("OPS_ITEMS").as_deref() == Some("true")).then(|| OpsItems::new(&aws));
    let (http, copy) = (Http::default(), copy());
    let show = async |message: &str| -> Result<(), Unavailable> {
        let changed = incident_changed(message)?;
        let contacts = secrets.contacts().await?;
        // Boards fail independently: a dead one does not keep the others from showing the incident.
        let (bot, webhook) = (Bot::of(&http, &contacts), Webhook::of(&http, &contacts));
        let tickets = Tickets::of(&http, &contacts);
        let shown = tokio::join!(
            on(&table, bot.as_ref(), &changed, copy),
            on(&table, webhook.as_ref(), &changed, copy),
            on(&table, tickets.as_ref(), &changed, copy),
            on(&table, ops_items.as_ref(), &changed, copy),
        );
        [shown.0, shown.1, shown.2, shown.3].into_iter().collect()
    };
    serve_queue(async |messages| {
        let mut failed: Failed = BTreeMap::new();
        for (at, message) in messages.iter().enumerate() {
            if let Err(error) = Box::pin(show(message)).await {
                failed.insert(at, error);
            }
        }
        failed
    })
    .await
}

async fn on(
    table: &DynamoTable,
    board: Option<&impl Board>,
    changed: &IncidentChanged,
    copy: u64,
) -> Result<(), Unavailable> {
    match board {
        Some(board) => notify(table, board, changed, copy, now()).await,
        None => Ok(()),
    }
}
