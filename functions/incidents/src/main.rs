//! Incident API function: serves authenticated HTTP requests and signed button presses from Slack.

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::Error;
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, optional, variable},
    lambda, now,
    secrets::Secrets,
    table::DynamoTable,
    web::{answered, asked, slack},
};
use trailwarden_pipeline::incident_api::{pressed, serve};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let secrets = Secrets::new(&aws, optional("CONTACTS_SECRET_ARN"));
    let reissues = variable("RESPONSE_REISSUE")? == "true";
    lambda::serve(async |request: ApiGatewayV2httpRequest| -> Result<ApiGatewayV2httpResponse, Error> {
        let reply = match slack(&request) {
            Some(signed) => {
                let contacts = secrets.contacts().await?;
                pressed(&table, &bus, &signed, &contacts.slack_signing_secret, now()).await?
            }
            None => serve(&table, &bus, &asked(&request, reissues), now()).await?,
        };
        Ok(answered(&reply))
    })
    .await
}
