//! What each function does, on ports: a Lambda function, or the command, runs a stage.
//!
//! **Outbox law**: what is sent follows from what is saved, never from whether this call changed it; that it was sent
//! is recorded only afterwards. So a crash anywhere, and any redelivery, sends what is missing.

pub mod acting;
pub mod backfill;
pub mod compliance_check;
pub mod compliance_report;
pub mod dashboard;
pub mod feature_extract;
pub mod findings;
pub mod incidents;
pub mod ingest;
pub mod interface;
pub mod notify;
pub mod respond;
pub mod score;
pub mod settings;
pub mod verdicts;
pub mod watermark;
