//! Small page elements shared by the pages.

use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use trailwarden_core::{
    event::{Time, printable},
    finding::{Kind, Severity},
};
use trailwarden_pipeline::dashboard::Placed;
use trailwarden_response::incident::{IncidentState, scope_of};

const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/');

/// Text from a log, safe to show.
pub(super) fn shown(text: &str) -> String {
    printable(text)
}

/// A value, percent-encoded for a query.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, KEPT).to_string()
}

pub(super) fn severity(severity: Severity) -> Markup {
    let label = severity.label();
    html! { span class={ "severity " (label.to_lowercase()) } { (label) } }
}

pub(super) fn state(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Open => "open",
        IncidentState::Contained => "contained",
        IncidentState::Closed => "closed",
    }
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Threat => "threat",
        Kind::Anomaly => "anomaly",
        Kind::Compliance => "violation",
    }
}

/// A time, to the minute.
pub(super) fn time(time: Time) -> Markup {
    let text = time.to_string();
    let minute = text.get(..16).unwrap_or(&text);
    html! { time datetime={ (minute) "Z" } { (minute.replace('T', " ")) } }
}

/// Link to a principal's page: short name, full ARN as the tooltip.
pub(super) fn principal(arn: &str) -> Markup {
    if !arn.starts_with("arn:") {
        return html! { (shown(arn)) };
    }
    whose(arn, &scope_of(arn).partition())
}

/// Link to a principal's page by its partition `of`.
pub(super) fn whose(name: &str, of: &str) -> Markup {
    html! { a.principal href={ "/principal?of=" (encoded(of)) } title=(shown(name)) { (shown(short(name))) } }
}

/// Short name of a principal: the resource part of its ARN; for Identity Center the session name.
fn short(arn: &str) -> &str {
    let rest = arn.splitn(6, ':').nth(5).filter(|_| arn.starts_with("arn:")).unwrap_or(arn);
    match rest.split_once('/') {
        Some(("assumed-role", who)) if who.starts_with("AWSReservedSSO_") => {
            who.rsplit('/').next().unwrap_or(who)
        }
        _ => rest,
    }
}

/// A link to a finding.
pub(super) fn to_finding<L>(one: &Placed<L>, id: &str, text: &str) -> Markup {
    html! { a href={ "/finding?id=" (encoded(id)) "&of=" (encoded(&one.of)) } { (shown(text)) } }
}

/// A link to an incident.
pub(super) fn to_incident(id: &str, text: &str) -> Markup {
    html! { a href={ "/incident?id=" (encoded(id)) } { (shown(text)) } }
}

/// A number with thousands separators.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Titled list; nothing if it is empty.
pub(super) fn list<'l>(title: &str, lines: impl IntoIterator<Item = &'l String>) -> Markup {
    let mut lines = lines.into_iter().peekable();
    html! {
        @if lines.peek().is_some() {
            h3 { (title) }
            ul { @for line in lines { li { (shown(line)) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_no_markup() {
        assert_eq!(short("arn:aws:iam::111122223333:user/ops/kim"), "user/ops/kim");
        assert_eq!(
            short("arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0a/kim@x.example"),
            "kim@x.example"
        );
        let hostile = principal("arn:aws:iam::1:user/<img src=x onerror=alert(1)>\u{202e}").into_string();
        assert!(!hostile.contains("<img") && !hostile.contains('\u{202e}'), "{hostile}");
    }

    #[test]
    fn thousands_are_apart() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"].map(str::to_owned)
        );
    }
}
