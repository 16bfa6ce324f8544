//! Stages of the suite: async functions over ports, one per Lambda function; the command runs them too.
//!
//! Pure: no network, no clock and no runtime of its own; time is an argument.
//!
//! **Outbox law**: what a stage sends follows from what is stored, never from whether this call changed it, and
//! "sent" is recorded only afterwards. So a crash anywhere, or a redelivery, sends what is missing.

pub mod backfill;
pub mod compliance_check;
pub mod compliance_report;
pub mod dashboard;
pub mod decisions;
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
