//! Parser of paths and queries, shared by the pages and the API.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;
use trailwarden_core::event::Time;
use trailwarden_pipeline::dashboard::{Asked, DAYS, Filter};

/// Query parameters by name.
pub(crate) type Query = BTreeMap<String, String>;

/// Maximum length of a parameter in bytes, about that of a table key.
const VALUE: usize = 900;

/// Whether the value can be part of a table key.
pub(crate) fn is_key(value: &str) -> bool {
    !value.is_empty() && value.len() <= VALUE
}

/// The request that a path and query stand for. `None`: unknown path; `Err`: the reason why the query is
/// invalid.
pub(crate) fn asked(path: &str, query: &Query) -> Option<Result<Asked, String>> {
    Some(match path.trim_matches('/') {
        "" | "board" => Ok(Asked::Board),
        "findings" => filter(query, &["day", "days", "severity", "kind", "principal", "from", "limit"])
            .map(Asked::Findings),
        "incidents" => {
            filter(query, &["days", "severity", "state", "principal", "from", "limit"]).map(Asked::Incidents)
        }
        "finding" => needed(query, "id").and_then(|id| {
            let of = query.get("of").filter(|of| !of.is_empty()).map(|_| needed(query, "of")).transpose()?;
            Ok(Asked::Finding(id, of))
        }),
        "principal" => needed(query, "of").map(Asked::Principal),
        "incident" => needed(query, "id").map(Asked::Incident),
        _ => return None,
    })
}

fn needed(query: &Query, name: &str) -> Result<String, String> {
    match query.get(name) {
        Some(value) if is_key(value) => Ok(value.clone()),
        Some(_) => Err(format!("{name} is empty, or longer than {VALUE} bytes")),
        None => Err(format!("{name} is missing")),
    }
}

fn filter(query: &Query, known: &[&str]) -> Result<Filter, String> {
    // Empty form fields count as absent.
    let said: BTreeMap<&str, &str> = query
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if let Some(strange) = said.keys().find(|name| !known.contains(name)) {
        return Err(format!("{strange:?} is not known here: there is {}", known.join(", ")));
    }
    let number = |name: &str| match said.get(name).map(|value| value.parse::<u32>()) {
        None => Ok(0),
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(format!("{name} is not a number")),
    };
    let days = number("days")?;
    if said.contains_key("days") && !(1..=DAYS.1).contains(&days) {
        return Err(format!("days is not from 1 to {}", DAYS.1));
    }
    let day = said.get("day").map(|day| {
        let time = Time::parse(&format!("{day}T00:00:00Z"));
        time.map(Time::day).ok_or_else(|| format!("{day:?} is no day such as 2026-03-02"))
    });
    Ok(Filter {
        days,
        day: day.transpose()?,
        severity: word(&said, "severity")?,
        kind: word(&said, "kind")?,
        state: word(&said, "state")?,
        principal: said.get("principal").map(|part| (*part).to_owned()),
        from: number("from")? as usize,
        limit: number("limit")? as usize,
    })
}

/// A parameter with a fixed set of values.
fn word<T: DeserializeOwned>(said: &BTreeMap<&str, &str>, name: &str) -> Result<Option<T>, String> {
    let Some(value) = said.get(name) else { return Ok(None) };
    let read = |text: String| serde_json::from_value(Value::String(text)).ok();
    let found = read(value.to_lowercase()).or_else(|| read(value.to_uppercase()));
    found.map(Some).ok_or_else(|| format!("{value:?} is no {name}"))
}

#[cfg(test)]
mod tests {
    use trailwarden_core::finding::{Kind, Severity};

    use super::*;

    fn ask(path: &str, query: &[(&str, &str)]) -> Option<Result<Asked, String>> {
        asked(path, &query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_query_says_what_is_wanted_or_what_is_wrong() {
        let filter = Filter {
            severity: Some(Severity::High),
            kind: Some(Kind::Compliance),
            from: 50,
            ..Filter::default()
        };
        let query = [("severity", "high"), ("kind", "compliance"), ("from", "50"), ("state", "")];
        assert_eq!(ask("/findings", &query), Some(Ok(Asked::Findings(filter))));
        assert_eq!(ask("/", &[]), Some(Ok(Asked::Board)));
        for (path, query) in [
            ("/findings", ("severity", "bad")),
            ("/findings", ("from", "-1")),
            ("/findings", ("days", "0")),
            ("/findings", ("days", "32")),
            ("/findings", ("day", "2026-02-31")),
            ("/findings", ("state", "open")),
            ("/incidents", ("kind", "threat")),
            ("/incidents", ("x", "1")),
        ] {
            assert!(matches!(ask(path, &[query]), Some(Err(_))), "{path} {query:?}");
        }
        assert!(matches!(ask("/finding", &[]), Some(Err(_))));
        assert_eq!(ask("/nothing", &[]), None);
    }
}
