//! Statistical models, independent of AWS.

pub mod isolation_forest;
