//! What each function does, on ports: a Lambda function, or the command, runs a stage.

pub mod feature_extract;
pub mod ingest;
pub mod score;
