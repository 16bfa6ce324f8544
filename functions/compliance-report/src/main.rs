//! Compliance report function: writes a report and its evidence into the data bucket. Runs on a schedule or by hand.

use lambda_runtime::Error;
use serde_json::{Value, json};
use trailwarden_compliance::{page, report::Report};
use trailwarden_integrations::{
    environment::{aws, variable},
    lambda::serve,
    now,
    objects::Objects,
    table::DynamoTable,
};
use trailwarden_pipeline::{
    compliance_report::{compliance_report, keep_standing},
    stored_settings::settings,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let (objects, bucket) = (Objects::new(&aws), variable("DATA_BUCKET")?);
    let days: u32 = variable("REPORT_DAYS")?.parse()?;
    serve(async |_: Value| {
        let report = compliance_report(&table, &settings(&table).await?, days, now()).await?;
        // Each report has its own folder, so that none replaces another.
        let folder = format!("reports/compliance/{}/{}", report.period.until, report.generated);
        for (name, text) in files(&report)? {
            objects.write(&bucket, &format!("{folder}/{name}"), text.into_bytes()).await?;
        }
        keep_standing(&table, &report, days).await?;
        let scores = report.frameworks.iter().map(|one| (one.framework.to_owned(), json!(one.compliance_score)));
        Ok(json!({ "folder": folder, "open": report.open().count(), "scores": Value::Object(scores.collect()) }))
    })
    .await
}

/// Files of a report: for people, for machines, and the evidence whose hash the report contains.
fn files(report: &Report) -> Result<[(&'static str, String); 3], Error> {
    Ok([
        ("evidence.ndjson", report.evidence_lines()),
        ("report.json", serde_json::to_string_pretty(report)?),
        ("report.html", page(report)),
    ])
}
