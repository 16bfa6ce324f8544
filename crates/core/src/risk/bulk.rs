//! Volume: many like data events in a day, by a principal that does not usually make them.

use super::{Reason, force};
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::{Technique, call_key},
    event::PrincipalKind,
};

/// Multiple of its busiest day that is unusual for a principal that makes such calls too.
const TIMES_BUSIEST: f64 = 3.0;

/// A reason if the day has at least `threshold` of `calls`, some in the judged hour, by a human or by an
/// established principal that does not usually make them. Applications without history are not judged.
pub(crate) fn bulk(
    window: &Window<'_>,
    habits: &Habits<'_>,
    what: &str,
    calls: &[&str],
    threshold: f64,
    weight: f32,
    techniques: &[&'static str],
) -> Option<Reason> {
    let keys: Vec<u64> = calls
        .iter()
        .filter_map(|call| call.split_once(':'))
        .map(|(service, name)| call_key(service, name))
        .collect();
    if !keys.iter().any(|key| window.now().calls.get(*key).is_some()) || !is_judged(window, habits) {
        return None;
    }
    let is_counted = |call: u32| keys.iter().any(|key| *key as u32 == call);
    let count = Window::count(window.today(), |trace| is_counted(trace.call));
    let usual = if keys.iter().any(|key| habits.own.days_with_call(*key) > 0) {
        habits.own.busiest_day() * TIMES_BUSIEST
    } else {
        0.0
    };
    if count < threshold.max(usual) {
        return None;
    }
    let traces = || {
        window
            .today()
            .iter()
            .flat_map(|(hour, folded)| folded.events.values().map(move |trace| (hour, trace)))
            .filter(|(_, trace)| is_counted(trace.call))
    };
    let places = addresses(window);
    let past =
        if habits.own.is_established() { "never did so before" } else { "no history of this principal" };
    Some(Reason {
        force: force(weight) * (1.0 + 0.35 * (count / threshold).log2().max(0.0) as f32),
        text: format!("about {count:.0} {what}{places} ({past})"),
        times: traces().map(|(hour, trace)| trace.time(*hour)).collect(),
        event_ids: traces().map(|(_, trace)| trace.event_id.to_string()).collect(),
        tactics: techniques.iter().filter_map(|id| Technique::find(id)).map(Technique::tactic).collect(),
        techniques: techniques.iter().filter_map(|id| Technique::find(id)).collect(),
        region: window.now().regions.values().next().map(ToString::to_string).unwrap_or_default(),
        account_id: window.now().accounts.values().next().map(ToString::to_string).unwrap_or_default(),
        sessions: Vec::new(),
        deeds: Vec::new(),
    })
}

fn is_judged(window: &Window<'_>, habits: &Habits<'_>) -> bool {
    let is_human = window.principal.is_some_and(|principal| {
        matches!(
            principal.kind,
            PrincipalKind::User
                | PrincipalKind::Person
                | PrincipalKind::Root
                | PrincipalKind::Federated
                | PrincipalKind::IdentityCenter
        )
    });
    window.scope.is_identity() && (is_human || habits.own.is_established())
}

fn addresses(window: &Window<'_>) -> String {
    let list: Vec<String> = window.now().addresses.values().take(3).map(ToString::to_string).collect();
    if list.is_empty() { String::new() } else { format!(" from {}", list.join(", ")) }
}
