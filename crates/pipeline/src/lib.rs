//! What each function does, on ports: a Lambda function, or the command, runs a stage.
//!
//! **Outbox law**: what is sent follows from what is saved, never from whether this call changed it; that it was sent
//! is recorded only afterwards. So a crash anywhere, and any redelivery, sends what is missing.

pub mod backfill;
pub mod compliance_check;
pub mod compliance_report;
pub mod dashboard;
pub mod event_patterns;
pub mod feature_extract;
pub mod feedback;
pub mod finding_outbox;
pub mod formats;
pub mod incident_api;
pub mod incidents;
pub mod index_entries;
pub mod ingest;
pub mod messages;
pub mod notify;
pub mod ports;
pub mod respond;
pub mod responder;
pub mod score;
pub mod stored_settings;
pub mod table_schema;
pub mod triggers;
pub mod watermark;
