//! Tickets of incidents in the formats of Jira, ServiceNow and Systems Manager.

use serde_json::{Value, json};

use super::{
    plain::plain,
    slack::{headline, progress},
};
use trailwarden_core::{event::clip, finding::Severity};
use trailwarden_response::incident::Incident;

/// Format of a webhook's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Trailwarden's own JSON: the stored incident, and its plan's digest.
    #[default]
    Plain,
    /// Jira: create an issue.
    Jira,
    /// ServiceNow: insert into the incident table.
    ServiceNow,
}

/// Body of a webhook request; `project` is Jira's.
pub fn ticket(incident: &Incident, shape: Shape, project: &str) -> Value {
    let (title, description) = (headline(incident), description(incident, 30_000));
    match shape {
        Shape::Plain => json!({ "incident": incident, "plan": incident.plan_digest() }),
        Shape::Jira => json!({ "fields": {
            "project": { "key": project }, "issuetype": { "name": "Task" }, "summary": title,
            // Outside `noformat`, Jira interprets markup, mentions and images.
            "description": format!("{{noformat}}\n{}\n{{noformat}}", description.replace("{noformat}", "")), "labels": ["trailwarden", incident.id],
        } }),
        Shape::ServiceNow => json!({
            "short_description": clip(&title, 160), "description": description, "correlation_id": incident.id,
            "urgency": if incident.severity >= Severity::High { "1" } else { "2" },
            "impact": if incident.severity >= Severity::Critical { "1" } else { "2" },
            "state": "1",
        }),
    }
}

/// Incident as plain lines, of at most `limit` bytes in all.
pub fn description(incident: &Incident, limit: usize) -> String {
    let mut lines = vec![
        format!("Incident {}", incident.id),
        format!("Who: {}", incident.principal),
        format!("When: {} to {}", incident.first_seen, incident.last_seen),
        String::new(),
    ];
    for finding in &incident.findings {
        lines.push(format!("{} {} ({})", finding.severity.label(), finding.title, finding.id));
        lines.extend(finding.evidence.iter().map(|reason| format!("- {reason}")));
    }
    lines.extend([String::new(), format!("Plan ({}: {})", incident.level.label(), incident.because)]);
    lines.extend(
        incident.acts.iter().map(|act| format!("- [{}] {}", progress(act.progress), act.planned.text)),
    );
    lines.extend([String::new(), "Left to people".to_owned()]);
    lines.extend(
        incident
            .next_steps
            .iter()
            .map(|step| format!("- [{}] {}", if step.done.is_some() { "x" } else { " " }, step.text)),
    );
    let lines: Vec<String> = lines.iter().map(|line| plain(line, 600)).collect();
    clip(&lines.join("\n"), limit).to_owned()
}

/// Ticket id in a webhook's answer: Jira's `key`, ServiceNow's `result.number`, or `id`.
pub fn id_in(answer: &Value) -> Option<String> {
    let found =
        [answer.get("key"), answer.get("result").and_then(|result| result.get("number")), answer.get("id")];
    let id = found.into_iter().flatten().find_map(Value::as_str)?;
    Some(plain(id, 100))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailwarden_response::{
        incident::{Progress, testing::incident},
        playbooks::testing::found,
    };

    #[test]
    fn each_shape_says_what_and_whose() {
        let made = incident(found("evasion", &[]), Progress::Waiting);
        assert_eq!(ticket(&made, Shape::Jira, "SEC")["fields"]["project"]["key"], "SEC");
        assert_eq!(ticket(&made, Shape::ServiceNow, "")["correlation_id"], made.id);
        assert_eq!(ticket(&made, Shape::Plain, "")["incident"]["id"], made.id);
        assert!(description(&made, 2_000).contains("Deactivate the access keys of kim"));
        assert_eq!(id_in(&json!({ "result": { "number": "INC001" } })), Some("INC001".to_owned()));
        assert_eq!(id_in(&json!({ "ok": true })), None);
    }
}
