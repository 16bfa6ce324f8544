//! Findings in; filed in Security Hub, told to people, remembered as incidents. Analysts' verdicts in; remembered.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use trailwarden_core::{
    messages::{raised, said},
    ports::Unavailable,
    stages::{
        respond::{Filing, Outlets, respond},
        verdicts::record,
    },
};
use trailwarden_integrations::{
    bus::Bus,
    copy,
    environment::{aws, optional, variable},
    knowledge::Remembered,
    lambda::{Failed, serve_queue},
    now,
    people::Topic,
    security_hub::SecurityHub,
    table::DynamoTable,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let people = Topic::new(&aws, variable("ALERT_TOPIC_ARN")?);
    let role = optional("MEMBER_ROLE_NAME");
    let filing = Filing {
        account: variable("HUB_ACCOUNT_ID")?,
        region: variable("AWS_REGION")?,
        each_in_its_own: role.is_some(),
    };
    let hub = SecurityHub::new(&aws, filing.account.clone(), role);
    let remembered = Remembered::new(table.clone());
    let copy = copy();
    serve_queue(async |messages| {
        let mut failed: Failed = BTreeMap::new();
        let (mut batch, mut positions) = (Vec::new(), Vec::new());
        for (at, message) in messages.iter().enumerate() {
            if let Some(verdicts) = said(message) {
                for said in &verdicts {
                    if let Err(error) = record(&table, said, now()).await {
                        failed.insert(at, error);
                    }
                }
                continue;
            }
            match raised(message) {
                Ok(finding) => {
                    batch.push(finding);
                    positions.push(at);
                }
                Err(error) => _ = failed.insert(at, Unavailable::from(error)),
            }
        }
        // A plan is told with the alert; nobody waits for settings to be told that something is wrong.
        let settings = remembered.current().await.unwrap_or_default();
        let outlets = Outlets {
            hub: &hub,
            people: &people,
            bus: &bus,
            filing: filing.clone(),
            copy,
            settings: &settings,
        };
        let again = respond(&table, &outlets, batch, now()).await;
        failed.extend(again.into_iter().map(|(at, error)| (positions[at], error)));
        failed
    })
    .await
}
