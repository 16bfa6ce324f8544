//! What can be wrong with a settings document, and what is right.

/// What is wrong with a settings document.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Not TOML, or a key or type that is not known.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A value that cannot be.
    #[error("{place}: {reason}")]
    Value {
        /// Where.
        place: String,
        /// Why, and what would be right.
        reason: String,
    },
}

/// An account's id, or what is wrong with it.
pub(super) fn check_account(place: &str, account: &str) -> Result<(), Invalid> {
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Invalid::Value {
        place: place.to_owned(),
        reason: format!("{account:?} is not an account id of 12 digits, in quotes"),
    })
}
