//! Closer looks at what happened: the circumstances of an access, and who vouches for whom.

pub mod access_context;
pub mod federated_identity;
