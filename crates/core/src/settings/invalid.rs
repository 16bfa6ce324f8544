//! Error of a settings document, with what would be valid.

/// Error of a settings document.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Not TOML, or an unknown key or a wrong type.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// An invalid value.
    #[error("{place}: {reason}")]
    Value {
        /// Key in the settings.
        place: String,
        /// The reason, with what would be valid.
        reason: String,
    },
}

/// Checks that an account id has 12 digits.
pub(super) fn check_account(place: &str, account: &str) -> Result<(), Invalid> {
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err(Invalid::Value {
        place: place.to_owned(),
        reason: format!("{account:?} is not an account id of 12 digits, in quotes"),
    })
}
