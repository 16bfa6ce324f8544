//! Statistics that know nothing of AWS.

pub mod isolation_forest;
