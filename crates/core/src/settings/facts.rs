//! Facts of the settings, compiled for compliance checks: patterns, networks, windows.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::event::{Caller, Event, Principal, Time};

/// Classification of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// Payment cards: PCI DSS.
    Cardholder,
    /// Patients: HIPAA.
    Health,
    /// People: GDPR.
    Personal,
    /// The organisation's secrets.
    Confidential,
    /// Its audit logs, watched like those of AWS's own services.
    AuditLog,
}

impl Data {
    /// The classification as text.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Cardholder => "cardholder data",
            Self::Health => "health data",
            Self::Personal => "personal data",
            Self::Confidential => "confidential data",
            Self::AuditLog => "audit logs",
        }
    }
}

/// Resources with restricted access, as written in the settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectedRule {
    /// ARN patterns of the resources, with `*` and `?`.
    pub resources: Vec<String>,
    /// Classification of their data.
    pub data: Option<Data>,
    /// ARN patterns of the only principals with access; empty for no restriction.
    #[serde(default)]
    pub principals: Vec<String>,
    /// The only CIDRs with access; empty for no restriction.
    #[serde(default)]
    pub networks: Vec<String>,
}

/// Window for changes of configuration, as written in the settings. Times are UTC.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRule {
    /// Accounts of the window; empty for all.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Days on which the window begins, `mon` to `sun`; empty for every day.
    #[serde(default)]
    pub days: Vec<String>,
    /// Start, for example `22:00`.
    pub from: String,
    /// End, for example `04:00`; on the next day if not after the start.
    pub until: String,
}

/// Resources with restricted access, compiled.
#[derive(Clone, Debug)]
pub struct Protected {
    resources: Vec<WildMatch>,
    /// Classification of their data.
    pub data: Option<Data>,
    principals: Vec<WildMatch>,
    networks: Vec<IpNet>,
}

/// Window for changes of configuration, compiled.
#[derive(Clone, Debug)]
pub struct ChangeWindow {
    accounts: Vec<String>,
    /// Days on which the window begins; Monday first.
    days: [bool; 7],
    /// Minutes of the day.
    from: i64,
    until: i64,
}

/// Facts of the settings, compiled.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The organisation's accounts.
    pub accounts: Vec<String>,
    /// Regions in use; empty if not given.
    pub regions: Vec<String>,
    /// Patterns of emergency identities.
    pub break_glass: Vec<WildMatch>,
    /// Resources with restricted access.
    pub protected: Vec<Protected>,
    /// Keys of tags that classify a resource and must not be removed.
    pub protected_tags: Vec<String>,
    /// Windows for changes of configuration; empty for any time.
    pub change_windows: Vec<ChangeWindow>,
    /// Accounts in scope of a framework, by its id; a framework not listed covers all accounts.
    pub scope: BTreeMap<String, Vec<String>>,
}

/// An invalid fact.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// Key in the settings.
    pub place: String,
    /// The reason, with what would be valid.
    pub reason: String,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MINUTE: i64 = 60;
const MINUTES: i64 = 24 * 60;

impl Protected {
    pub(crate) fn read(rule: &ProtectedRule, place: &str) -> Result<Self, Wrong> {
        let wrong = |reason: String| Err(Wrong { place: place.to_owned(), reason });
        if rule.resources.is_empty() {
            return wrong("names no resources".to_owned());
        }
        for pattern in rule.resources.iter().chain(&rule.principals) {
            if !pattern.starts_with("arn:") {
                return wrong(format!("{pattern:?} is not an ARN, with * and ? where it may differ"));
            }
        }
        let mut networks = Vec::new();
        for cidr in &rule.networks {
            match cidr.parse() {
                Ok(network) => networks.push(network),
                Err(_) => return wrong(format!("{cidr:?} is not a network such as \"192.0.2.0/24\"")),
            }
        }
        Ok(Self {
            resources: patterns(&rule.resources),
            data: rule.data,
            principals: patterns(&rule.principals),
            networks,
        })
    }

    /// Whether an ARN is one of these resources.
    pub fn covers(&self, arn: &str) -> bool {
        self.resources.iter().any(|pattern| pattern.matches(arn))
    }

    /// Whether access is restricted to certain principals.
    pub fn has_principals(&self) -> bool {
        !self.principals.is_empty()
    }

    /// Whether this principal has access.
    pub fn admits(&self, principal: &Principal) -> bool {
        self.principals.iter().any(|pattern| pattern.matches(&principal.id))
    }

    /// Whether access is restricted to certain networks.
    pub fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    /// The address of a caller outside the networks; `None` for a service or an unknown caller.
    pub fn is_outside(&self, caller: Caller<'_>) -> Option<IpAddr> {
        let Caller::Ip(address) = caller else { return None };
        (!self.networks.iter().any(|network| network.contains(&address))).then_some(address)
    }
}

impl ChangeWindow {
    pub(crate) fn read(rule: &WindowRule, place: &str) -> Result<Self, Wrong> {
        let wrong = |reason: String| Wrong { place: place.to_owned(), reason };
        let mut days = [rule.days.is_empty(); 7];
        for day in &rule.days {
            let at = DAYS.iter().position(|known| known == day);
            days
                [at.ok_or_else(|| wrong(format!("{day:?} is not a day; there are {}", DAYS.join(", "))))?] =
                true;
        }
        let time = |text: &str| {
            minutes(text).ok_or_else(|| wrong(format!("{text:?} is not a time of the day such as \"22:00\"")))
        };
        Ok(Self { accounts: rule.accounts.clone(), days, from: time(&rule.from)?, until: time(&rule.until)? })
    }

    fn is_of(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|of| of == account)
    }

    fn holds(&self, at: Time) -> bool {
        let minute = at.0.div_euclid(MINUTE).rem_euclid(MINUTES);
        // 1970-01-01 was a Thursday.
        let weekday = (i64::from(at.day()) + 3).rem_euclid(7) as usize;
        let yesterday = (weekday + 6) % 7;
        if self.from < self.until {
            self.days[weekday] && (self.from..self.until).contains(&minute)
        } else {
            (self.days[weekday] && minute >= self.from) || (self.days[yesterday] && minute < self.until)
        }
    }
}

fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let is_number = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (hour, minute) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    (is_number(hours) && is_number(minutes) && hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

pub(crate) fn patterns(texts: &[String]) -> Vec<WildMatch> {
    texts.iter().map(|text| WildMatch::new(text)).collect()
}

impl Facts {
    /// Whether this is an emergency identity.
    pub fn is_break_glass(&self, principal: &Principal) -> bool {
        self.break_glass.iter().any(|pattern| pattern.matches(&principal.id))
    }

    /// Whether the account is in scope of the framework.
    pub fn is_in_scope(&self, framework: &str, account: &str) -> bool {
        self.scope.get(framework).is_none_or(|accounts| accounts.iter().any(|of| of == account))
    }

    /// Whether the account is listed as the organisation's own.
    pub fn owns(&self, account: &str) -> bool {
        self.accounts.iter().any(|own| own == account)
    }

    /// Whether the event's account has change windows and the event is in none of them.
    pub fn is_out_of_hours(&self, event: &Event<'_>) -> bool {
        let mut of_account =
            self.change_windows.iter().filter(|window| window.is_of(&event.account_id)).peekable();
        of_account.peek().is_some() && !of_account.any(|window| window.holds(event.event_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[&str], from: &str, until: &str) -> Result<ChangeWindow, Wrong> {
        let days = days.iter().map(ToString::to_string).collect();
        let rule = WindowRule { accounts: vec![], days, from: from.into(), until: until.into() };
        ChangeWindow::read(&rule, "change_window 1")
    }

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_begins_on() {
        let window = window(&["fri"], "22:00", "04:00").unwrap();
        // 2026-03-06 is a Friday.
        assert!(window.holds(at("2026-03-06T22:00:00Z")) && window.holds(at("2026-03-07T03:59:59Z")));
        assert!(!window.holds(at("2026-03-06T03:00:00Z")) && !window.holds(at("2026-03-07T04:00:00Z")));
        assert!(!window.holds(at("2026-03-07T22:30:00Z")));
    }

    #[test]
    fn a_window_within_a_day_ends_before_its_last_minute() {
        let window = window(&[], "09:00", "17:00").unwrap();
        assert!(window.holds(at("2026-03-06T09:00:00Z")) && !window.holds(at("2026-03-06T17:00:00Z")));
    }

    #[test]
    fn nonsense_is_named() {
        for (days, from) in
            [(&["someday"][..], "09:00"), (&[], "9:00"), (&[], "24:00"), (&[], "noon"), (&[], "+1:30")]
        {
            assert_eq!(window(days, from, "10:00").unwrap_err().place, "change_window 1", "{days:?} {from}");
        }
    }
}
