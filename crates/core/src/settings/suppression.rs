//! Suppression rules: findings that an organisation knows and accepts.

use serde::Deserialize;
use wildmatch::WildMatch;

use super::invalid::{Invalid, check_account};
use crate::event::Time;

/// Suppression rule. All given keys must match; without an expiry it holds forever.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    /// ARN pattern of the principal, with `*` and `?`.
    pub principal: Option<String>,
    /// Account id.
    pub account: Option<String>,
    /// Id of a detector or compliance check.
    pub detector: Option<String>,
    /// The reason, shown with the rule.
    pub reason: String,
    /// Last day on which the rule holds, for example `2026-12-31`.
    pub expires: Option<String>,
}

impl Suppression {
    pub(super) fn check(&self, place: &str, detectors: &[&str]) -> Result<(), Invalid> {
        let wrong = |reason: String| Err(Invalid::Value { place: place.to_owned(), reason });
        if self.principal.is_none() && self.account.is_none() && self.detector.is_none() {
            return wrong("would suppress everything; give a principal, an account or a detector".to_owned());
        }
        if self.reason.trim().is_empty() {
            return wrong("needs a reason".to_owned());
        }
        if let Some(account) = &self.account {
            check_account(place, account)?;
        }
        match &self.detector {
            Some(detector) if !detectors.contains(&detector.as_str()) => {
                return wrong(format!(
                    "no detector or check is called {detector:?}; there are {}",
                    detectors.join(", ")
                ));
            }
            _ => {}
        }
        match &self.expires {
            Some(day) if self.expiry().is_none() => {
                wrong(format!("expires {day:?} is not a day such as 2026-12-31"))
            }
            _ => Ok(()),
        }
    }

    fn expiry(&self) -> Option<u32> {
        Time::parse(&format!("{}T00:00:00Z", self.expires.as_deref()?)).map(Time::day)
    }

    pub(super) fn covers(&self, principal: &str, account: &str, detector: &str, day: u32) -> bool {
        let is = |rule: &Option<String>, value: &str| rule.as_deref().is_none_or(|rule| rule == value);
        let is_in_force = self.expires.is_none() || self.expiry().is_some_and(|last| day <= last);
        let is_whose =
            self.principal.as_deref().is_none_or(|pattern| WildMatch::new(pattern).matches(principal));
        is_in_force && is(&self.account, account) && is(&self.detector, detector) && is_whose
    }

    /// The rule as text.
    pub fn describe(&self) -> String {
        let part = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("{name} {value}"));
        let parts = [
            part("principal", &self.principal),
            part("account", &self.account),
            part("detector", &self.detector),
            part("until", &self.expires),
        ];
        let scope: Vec<String> = parts.into_iter().flatten().collect();
        format!("{} ({})", self.reason, scope.join(", "))
    }
}
