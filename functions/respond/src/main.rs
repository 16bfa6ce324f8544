//! Response function: joins findings to incidents, executes responses and people's decisions, alerts people, files
//! findings in Security Hub, and records analysts' verdicts.

use lambda_runtime::Error;
use trailwarden_accounts::ResponseAccounts;
use trailwarden_integrations::{
    bus::Bus,
    copy,
    environment::{aws, optional, variable},
    lambda::{all_failed, serve_queue},
    now,
    people::Topic,
    security_hub::SecurityHub,
    settings_cache::StoredSettings,
    table::DynamoTable,
};
use trailwarden_pipeline::{
    respond::{Filing, Outlets, serve},
    responder::{Guard, Mode},
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
    let mode = variable("RESPONSE_MODE")?;
    let mode = Mode::parse(&mode).ok_or_else(|| format!("RESPONSE_MODE is {mode:?}, no mode"))?;
    let response_role = variable("RESPONSE_ROLE_NAME")?;
    let own_roles: Vec<String> =
        variable("OWN_ROLES")?.split(',').chain([response_role.as_str()]).map(str::to_owned).collect();
    let role = (mode > Mode::Observe).then_some(response_role);
    let accounts = ResponseAccounts::new(&aws, filing.account.clone(), role);
    let remembered = StoredSettings::new(table.clone());
    let copy = copy();
    serve_queue(async |messages| {
        // The settings list the protected identities, so nothing runs without them.
        let settings = match remembered.current().await {
            Ok(settings) => settings,
            Err(error) => return all_failed(messages.len(), &error),
        };
        let guard = Guard { mode, settings: &settings, own_roles: &own_roles, copy };
        let (hub, people, bus, accounts) = (&hub, &people, &bus, &accounts);
        let outlets = Outlets { hub, accounts, guard, people, bus, filing: filing.clone() };
        Box::pin(serve(&table, &outlets, &messages, now())).await
    })
    .await
}
