//! Slack messages of incidents in Block Kit, and the buttons that come back.
//!
//! Text from a log goes into `plain_text` objects, where Slack interprets neither markup nor mentions; the fallback
//! text, which Slack does interpret, is escaped as it requires (`&`, `<`, `>`). Slack's limits: 50 blocks, 3,000
//! characters per section, 150 per header, 2,000 per button value.

use serde_json::{Value, json};

use super::plain::plain;
use trailwarden_core::event::Time;
use trailwarden_response::{
    Planned, Undo,
    incident::{Act, Decision, Incident, IncidentState, Progress},
};

const HEADER: usize = 140;
const SECTION: usize = 2_800;
/// Most findings, and most notes of impact, in a message; the incident has the rest.
const LINES: usize = 8;
/// Most lines of a section, and bytes of each.
const MOST: usize = 16;
const LINE: usize = 600;

/// Message for an incident; `can_act` adds buttons, which need a Slack app that receives them.
pub fn message(incident: &Incident, can_act: bool) -> Value {
    let mut blocks = vec![
        json!({ "type": "header", "text": text(&headline(incident), HEADER) }),
        json!({ "type": "section", "fields": fields(incident) }),
        section("What happened", &happened(incident)),
    ];
    let (acts, is_whole) = acts(incident);
    if !acts.is_empty() {
        let title = format!("Plan ({}: {})", incident.level.label(), incident.because);
        blocks.push(section(&title, &acts));
    }
    let left = incident.next_steps.iter().filter(|step| step.done.is_none());
    let left: Vec<String> = left.map(|step| format!("\u{2022} {}", step.text)).collect();
    if !left.is_empty() {
        blocks.push(section("Left to people", &left));
    }
    let told = incident.hits.iter().map(|hit| format!("Hits: {hit}"));
    let told: Vec<String> =
        told.chain(incident.residual.iter().map(|rest| format!("Remains: {rest}"))).take(LINES).collect();
    if !told.is_empty() {
        blocks.push(json!({ "type": "context", "elements": told.iter().map(|line| text(line, 300)).collect::<Vec<_>>() }));
    }
    let buttons = if can_act { buttons(incident, is_whole) } else { Vec::new() };
    if !buttons.is_empty() {
        blocks.push(json!({ "type": "actions", "block_id": "decide", "elements": buttons }));
    }
    json!({ "text": escaped(&headline(incident)), "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}

/// Digest of an hour's further incidents.
pub fn digest(count: u32, worst: &[String]) -> Value {
    let title = format!("{count} more incidents in this hour");
    let lines: Vec<String> = worst.iter().map(|line| format!("\u{2022} {line}")).collect();
    json!({
        "text": title,
        "blocks": [
            { "type": "header", "text": text(&title, HEADER) },
            section("They are not shown one by one. The worst of them", &lines),
        ],
    })
}

/// Headline, for example `[CRITICAL, contained] Data on its way out: kim in 111122223333`.
pub fn headline(incident: &Incident) -> String {
    let state = match incident.state {
        IncidentState::Open => "",
        IncidentState::Contained => ", contained",
        IncidentState::Closed => ", closed",
    };
    let name = incident.principal.rsplit('/').next().unwrap_or_default();
    let what = incident.classification.split(" (").next().unwrap_or_default();
    plain(
        &format!("[{}{state}] {what}: {name} in {}", incident.severity.label(), incident.account_id),
        HEADER,
    )
}

fn text(line: &str, limit: usize) -> Value {
    let line = plain(line, limit);
    json!({ "type": "plain_text", "emoji": false, "text": if line.trim().is_empty() { "-" } else { &line } })
}

fn fields(incident: &Incident) -> Vec<Value> {
    let assignee = incident.assignee.as_deref().unwrap_or("nobody");
    [
        format!("Who: {}", incident.principal),
        format!("Account: {}", incident.account_id),
        format!("When: {} to {}", incident.first_seen, incident.last_seen),
        format!("Looked after by: {assignee}"),
        format!("Incident: {}", incident.id),
        incident.ticket.as_ref().map_or_else(String::new, |ticket| format!("Ticket: {ticket}")),
    ]
    .iter()
    .filter(|line| !line.is_empty())
    .map(|line| text(line, 1_000))
    .collect()
}

fn section(title: &str, lines: &[String]) -> Value {
    let mut told: Vec<String> = vec![plain(title, 300)];
    let mut room = SECTION;
    for line in lines.iter().take(MOST) {
        let line = plain(line, LINE);
        if line.len() > room {
            break;
        }
        room -= line.len();
        told.push(line);
    }
    json!({ "type": "section", "text": { "type": "plain_text", "emoji": false, "text": told.join("\n") } })
}

fn happened(incident: &Incident) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in incident.findings.iter().filter(|finding| finding.is_open).take(LINES) {
        lines.push(format!("{} {}", finding.severity.label(), finding.title));
        lines.extend(finding.evidence.first().map(|reason| format!("   {reason}")));
    }
    if lines.is_empty() {
        lines.push("Nothing of it stands any more".to_owned());
    }
    lines
}

/// Lines of the plan, waiting actions first, and whether they include all waiting ones: nobody approves what they are
/// not shown.
fn acts(incident: &Incident) -> (Vec<String>, bool) {
    let line = |(at, act): (usize, &Act)| {
        let Planned { text, account_id, waits, .. } = &act.planned;
        let what = format!("{}. [{}] {text} in {account_id}", at + 1, progress(act.progress));
        let told = [&what, waits, &act.note].map(String::as_str);
        let told: Vec<&str> = told.into_iter().filter(|part| !part.is_empty()).collect();
        plain(&told.join("; "), SECTION)
    };
    let is_waiting = |act: &Act| act.progress == Progress::Waiting;
    let (waiting, others): (Vec<_>, Vec<_>) =
        incident.acts.iter().enumerate().partition(|(_, act)| is_waiting(act));
    let all = waiting.len() + others.len();
    let mut room = SECTION - LINE;
    let mut lines: Vec<String> = waiting.iter().chain(&others).map(|one| line(*one)).collect();
    let fits = |told: &String| {
        let is_room = told.len() < LINE && told.len() < room;
        room -= told.len().min(room);
        is_room
    };
    let told = lines.iter().take(MOST - 1).map(fits).take_while(|fits| *fits).count();
    lines.truncate(told);
    if told < all {
        lines.push(format!("and {} more: see the incident", all - told));
    }
    (lines, told >= waiting.len())
}

/// Progress in words for people.
pub fn progress(progress: Progress) -> &'static str {
    match progress {
        Progress::Waiting => "waits for approval",
        Progress::Due | Progress::Begun => "under way",
        Progress::Done => "done",
        Progress::Impossible => "nothing to do",
        Progress::Refused => "not done",
        Progress::UndoDue => "being taken back",
        Progress::Undone => "taken back",
    }
}

fn buttons(incident: &Incident, is_whole: bool) -> Vec<Value> {
    let button = |id: &str, label: &str, value: String, confirm: &str, style: &str| {
        json!({
            "type": "button", "action_id": id, "style": style, "value": value,
            "text": { "type": "plain_text", "emoji": false, "text": label },
            "confirm": {
                "title": text(label, 90), "text": text(confirm, 290),
                "confirm": text("Yes", 20), "deny": text("No", 20),
            },
        })
    };
    let mut found = Vec::new();
    if let Some(digest) = incident.plan_digest().filter(|_| is_whole) {
        let until =
            format!("It is done in the account at once. It can be approved until {}.", incident.expires());
        found.push(button(
            "approve",
            "Approve the plan",
            format!("{} {digest}", incident.id),
            &until,
            "primary",
        ));
    }
    let is_undoable = |act: &Act| act.progress == Progress::Done && act.planned.undo != Undo::None;
    if incident.acts.iter().any(is_undoable) {
        let done = incident.acts.iter().filter(|act| is_undoable(act)).count();
        let confirm = format!(
            "All {done} acts are taken back: whoever was stopped can go on, sessions revive, and what was shut, unshared or \
             started again is as the incident left it."
        );
        found.push(button("undo", "Take it back", incident.id.clone(), &confirm, "danger"));
    }
    found
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Button pressed in Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Slack user id.
    pub user: String,
    /// Incident id.
    pub id: String,
    /// Approval of the plan that was shown, or undoing all.
    pub decision: Decision,
}

/// Decodes Slack's request for a pressed button, a form with JSON in `payload`; `None` if it is something else.
pub fn pressed(body: &str) -> Option<Pressed> {
    let form = body.split('&').find_map(|field| field.strip_prefix("payload="))?.replace('+', " ");
    let payload = percent_encoding::percent_decode_str(&form).decode_utf8().ok()?;
    let payload: Value = serde_json::from_str(&payload).ok()?;
    let action = payload.get("actions")?.get(0)?;
    let mut value = action.get("value")?.as_str()?.split(' ');
    let id = value.next()?.to_owned();
    let decision = match action.get("action_id")?.as_str()? {
        "approve" => Decision::Approve { plan: value.next()?.to_owned() },
        "undo" => Decision::Undo { act: None },
        _ => return None,
    };
    Some(Pressed { user: payload.get("user")?.get("id")?.as_str()?.to_owned(), id, decision })
}

/// Most seconds between a request's timestamp and now: anything older may be a replay.
const FRESH: i64 = 5 * 60;

/// Whether a body is fresh and signed by Slack, in its scheme `v0`: the HMAC-SHA256 of `v0:TIMESTAMP:BODY`.
pub fn is_signed(secret: &str, timestamp: &str, body: &str, signature: &str, now: Time) -> bool {
    let Ok(at) = timestamp.parse::<i64>() else { return false };
    let is_fresh = (now.0 - at).abs() <= FRESH;
    let signed = signature.strip_prefix("v0=").and_then(super::signature::from_hex);
    is_fresh
        && signed.is_some_and(|signed| {
            super::signature::is_by(secret, &[b"v0:", timestamp.as_bytes(), b":", body.as_bytes()], &signed)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailwarden_core::finding::Finding;
    use trailwarden_response::{incident::testing::incident, playbooks::testing::found};

    fn hostile() -> Incident {
        let name = "arn:aws:iam::1:user/<!channel>\u{202E}<script>*bold*\u{1b}[31m";
        let finding = found("evasion", &[("cloudtrail:StopLogging", "<@U1> <https://x|y>", "", "")]);
        let mut made = incident(
            Finding { evidence: vec![name.into()], principal: name.into(), ..finding },
            Progress::Waiting,
        );
        made.because = "<!here>".into();
        made
    }

    /// Every string of a message that Slack reads for markup.
    fn read_for_markup(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == "mrkdwn") => {
                found.push(fields["text"].to_string());
            }
            Value::Object(fields) => fields.values().for_each(|inner| read_for_markup(inner, found)),
            Value::Array(list) => list.iter().for_each(|inner| read_for_markup(inner, found)),
            _ => {}
        }
    }

    #[test]
    fn hostile_text_mentions_nobody_and_hides_nothing() {
        let message = message(&hostile(), true);
        let mut found = vec![message["text"].to_string()];
        read_for_markup(&message, &mut found);
        assert_eq!(found.len(), 1, "nothing is markup");
        assert!(found.iter().all(|text| !text.contains('<') && !text.contains('>')), "{found:?}");
        let whole = message.to_string();
        assert!(!whole.contains('\u{202E}') && !whole.contains("\\u001b") && whole.contains("<!channel>"));
    }

    #[test]
    fn nobody_approves_what_they_are_not_shown() {
        let calls: Vec<String> = (0..20).map(|number| format!("snap-{number}")).collect();
        let planned = |count: usize| {
            let deeds: Vec<_> = calls[..count]
                .iter()
                .map(|snap| ("ec2:ModifySnapshotAttribute", &**snap, "999900001111", ""))
                .collect();
            let mut made = incident(found("data-exfiltration", &deeds), Progress::Done);
            made.acts.iter_mut().skip(3).for_each(|act| act.progress = Progress::Waiting);
            message(&made, true).to_string()
        };
        let whole = planned(5);
        assert!(
            whole.contains("Approve the plan")
                && whole.contains("Stop sharing snap-4 with 999900001111 in 111122223333")
        );
        let cut = planned(20);
        assert!(!cut.contains("Approve the plan"), "{cut}");
        assert!(cut.contains("Stop sharing snap-0") && cut.contains("more: see the incident"), "{cut}");
    }

    #[test]
    fn it_keeps_slacks_limits_whatever_is_in_it() {
        let mut large = hostile();
        large.hits = vec!["x".repeat(5_000); 20];
        large.next_steps =
            vec![trailwarden_response::incident::Step { text: "y".repeat(5_000), done: None }; 20];
        let message = message(&large, true);
        let blocks = message["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        for block in blocks {
            let text = block["text"]["text"].as_str().unwrap_or_default();
            let limit = if block["type"] == "header" { 150 } else { 3_000 };
            assert!(text.chars().count() <= limit, "{block}");
        }
    }

    #[test]
    fn a_press_is_read_and_only_slacks_own() {
        let body = "payload=%7B%22user%22%3A%7B%22id%22%3A%22U1%22%7D%2C%22actions%22%3A%5B%7B%22action_id%22%3A%22approve%22%2C%22value%22%3A%22i1+d1%22%7D%5D%7D";
        let read = pressed(body).unwrap();
        assert_eq!((read.user.as_str(), read.id.as_str()), ("U1", "i1"));
        assert_eq!(read.decision, Decision::Approve { plan: "d1".into() });
        assert_eq!(pressed(&body.replace("approve", "close")), None, "no button of ours closes");
        assert_eq!(pressed("payload=%7B"), None);
        // Slack's own example of a signature.
        let (secret, at) = ("8f742231b10e8888abcd99yyyzzz85a5", "1531420618");
        let example = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        let now = Time(1_531_420_700);
        assert!(is_signed(secret, at, example, signature, now));
        assert!(!is_signed(secret, at, &format!("{example}x"), signature, now));
        assert!(!is_signed(secret, at, example, signature, Time(now.0 + 600)), "a replay");
        assert!(!is_signed("other", at, example, signature, now));
        assert!(!is_signed(secret, at, example, "v0=zz", now));
    }
}
