//! What an organisation says of itself, made ready to be asked of every event.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::event::{Caller, Event, Principal, Time};

/// Sorts of data that frameworks are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Data {
    /// Of payment cards: PCI DSS.
    Cardholder,
    /// Of patients: HIPAA.
    Health,
    /// Of people: GDPR.
    Personal,
    /// The organisation's own secrets.
    Confidential,
    /// Its audit logs: they are watched as those that AWS's own services write.
    AuditLog,
}

impl Data {
    /// In words.
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

/// Resources that not everybody may touch, as the settings give them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectedRule {
    /// ARN patterns, `*` and `?`.
    pub resources: Vec<String>,
    /// What they hold.
    pub data: Option<Data>,
    /// ARN patterns of those who may touch them; nobody else may, if given.
    #[serde(default)]
    pub principals: Vec<String>,
    /// CIDRs from which they may be touched; from nowhere else, if given.
    #[serde(default)]
    pub networks: Vec<String>,
}

/// When the configuration of accounts may be changed, as the settings give it. Times are UTC.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRule {
    /// Of these accounts; of all, if none is given.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// `mon` to `sun`, on which it begins; every day, if none is given.
    #[serde(default)]
    pub days: Vec<String>,
    /// `22:00`
    pub from: String,
    /// `04:00`, of the next day if it is earlier.
    pub until: String,
}

/// Resources that not everybody may touch.
#[derive(Clone, Debug)]
pub struct Protected {
    resources: Vec<WildMatch>,
    /// What they hold.
    pub data: Option<Data>,
    principals: Vec<WildMatch>,
    networks: Vec<IpNet>,
}

/// When the configuration of accounts may be changed.
#[derive(Clone, Debug)]
pub struct ChangeWindow {
    accounts: Vec<String>,
    /// From Monday.
    days: [bool; 7],
    /// Minutes of the day.
    from: i64,
    until: i64,
}

/// What an organisation says of itself.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Accounts of the organisation.
    pub accounts: Vec<String>,
    /// Regions in use; empty if not said.
    pub regions: Vec<String>,
    /// Identities for emergencies.
    pub break_glass: Vec<WildMatch>,
    /// Resources that not everybody may touch.
    pub protected: Vec<Protected>,
    /// Keys of tags that say what a resource holds, and may not be taken away.
    pub protected_tags: Vec<String>,
    /// When configurations may be changed; empty if at any time.
    pub change_windows: Vec<ChangeWindow>,
    /// The accounts that a framework is about, by its id: of those not named, it is about all.
    pub scope: BTreeMap<String, Vec<String>>,
}

/// What is wrong with a fact, and what would be right.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// Which key of the settings.
    pub place: String,
    /// Why, and what would be right.
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

    /// Is this resource one of them?
    pub fn covers(&self, arn: &str) -> bool {
        self.resources.iter().any(|pattern| pattern.matches(arn))
    }

    /// May not everybody touch them?
    pub fn has_principals(&self) -> bool {
        !self.principals.is_empty()
    }

    /// May this principal touch them?
    pub fn admits(&self, principal: &Principal) -> bool {
        self.principals.iter().any(|pattern| pattern.matches(&principal.id))
    }

    /// May they not be touched from everywhere?
    pub fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    /// The address of a caller who is in none of the networks. A service, or what is unknown, is nowhere.
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
    /// Is this identity kept for emergencies?
    pub fn is_break_glass(&self, principal: &Principal) -> bool {
        self.break_glass.iter().any(|pattern| pattern.matches(&principal.id))
    }

    /// Is what happens in this account a framework's business?
    pub fn is_in_scope(&self, framework: &str, account: &str) -> bool {
        self.scope.get(framework).is_none_or(|accounts| accounts.iter().any(|of| of == account))
    }

    /// Is this account, or this receiver, the organisation's own?
    pub fn owns(&self, account: &str) -> bool {
        self.accounts.iter().any(|own| own == account)
    }

    /// Is a change to this account at this time outside every window that is declared for it?
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
