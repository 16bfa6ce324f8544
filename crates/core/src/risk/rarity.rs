//! Rarity of an act: whether the principal, its peers or its account did the same before.

use super::Factor;
use crate::{
    activity::{Notable, Window},
    baseline::Habits,
    catalog::{Tactic, weight},
    event::{Outcome, PrincipalKind},
};

/// First time for a principal with an established baseline.
const NEVER_BEFORE: f32 = 1.3;
/// First time in the account in 30 days.
const NOBODY: f32 = 1.1;
/// Days the account's log must have been read before a first time in it counts.
const ACCOUNT_DAYS: u32 = 7;
/// Factor per earlier day with the act ...
const ONCE_BEFORE: f32 = 0.5;
/// ... down to a habit. A habit never weighs nothing: a thief inherits it.
const HABIT: f32 = 0.12;
/// Earlier days with a grave act that do not yet make a habit: an attacker comes back too.
const SLOW_HABIT_DAYS: u32 = 1;
/// Factor per such day.
const SLOW_HABIT: f32 = 0.75;
/// New secrets for a principal that reads others every day: one or two come with its work ...
const FEW_STRANGE: f32 = 0.7;
/// ... this many do not.
const MANY_STRANGE: f32 = 3.0;
const STRANGE_TARGETS: f32 = 1.5;
/// The principal did acts of the same tactic ...
const DUTY: f32 = 0.7;
/// ... on this many days.
const DUTY_DAYS: u32 = 3;
/// One other principal of the account does the same ...
const ONE_PEER: f32 = 0.85;
/// ... or several.
const PEERS: f32 = 0.6;
const SEVERAL: usize = 3;
/// Factor per colleague with the same permission set or role name, up to three.
const COLLEAGUE: f32 = 0.7;

/// Rarity of an act; `news` is the share of its `reached` targets that are new. Without history the factor is
/// neutral, and the reason says so.
pub(crate) fn rarity(
    window: &Window<'_>,
    habits: &Habits<'_>,
    notable: &Notable,
    news: f32,
    reached: f32,
) -> Factor {
    let Some(principal) = window.principal else { return Factor::NEUTRAL };
    let own = habits.own;
    let days = own.days_with_act(notable);
    let slow = if notable.act.weight >= weight::BAD { SLOW_HABIT_DAYS } else { 0 };
    if days > slow {
        return habit(days - slow, days, news, reached, notable, own.active_days());
    }
    if days > 0 {
        let factor = SLOW_HABIT.powi(days as i32);
        let mut rarity = Factor::new(factor, format!("done on {days} earlier day(s), too few for a habit"));
        colleagues(&mut rarity, window, habits, notable);
        if own.days_with_duty(&notable.act) >= DUTY_DAYS {
            rarity.times(DUTY, "such things are its task".to_owned());
        }
        return rarity;
    }
    let mut rarity = Factor::NEUTRAL;
    if own.is_established() && principal.kind != PrincipalKind::Unknown {
        rarity.times(NEVER_BEFORE, format!("never before in its {} active days", own.active_days()));
    } else if own.active_days() == 0 {
        rarity.note("no history of this principal");
    }
    colleagues(&mut rarity, window, habits, notable);
    let days = own.days_with_duty(&notable.act);
    if days >= DUTY_DAYS {
        rarity.times(DUTY, format!("it did such things on {days} days"));
    }
    rarity
}

/// Weighs what peers do: those with the same part, else those of the account.
fn colleagues(rarity: &mut Factor, window: &Window<'_>, habits: &Habits<'_>, notable: &Notable) {
    let Some(principal) = window.principal else { return };
    let others = habits.peers.others_who_did(window, notable);
    if others.alike > 0 {
        let factor = COLLEAGUE.powi(others.alike.min(SEVERAL) as i32);
        let part = window.part_in(&notable.account_id).unwrap_or("the same part");
        rarity.times(factor, format!("{} other(s) with {part} do it", others.alike));
    } else if others.in_account >= SEVERAL {
        rarity.times(PEERS, format!("{} others in the account do it", others.in_account));
    } else if others.in_account > 0 {
        rarity.times(ONE_PEER, format!("{} other(s) in the account did it", others.in_account));
    } else if habits.peers.has_watched(&principal.account_id, ACCOUNT_DAYS, window.hour / 24) {
        rarity.times(NOBODY, "nobody in the account did it before".to_owned());
    }
}

/// Factor of a habit. A principal that reads secrets every day reads its own: new ones weigh as if it had
/// never read any. The same holds for denied role assumptions. Other acts meet new targets daily.
fn habit(halvings: u32, days: u32, news: f32, reached: f32, notable: &Notable, active_days: u32) -> Factor {
    let habit = ONCE_BEFORE.powi(halvings.min(8) as i32).max(HABIT);
    let done = format!("done on {days} of its last {active_days} active days");
    let act = &notable.act;
    let tries_doors = act.tactic == Tactic::LateralMovement && act.outcome == Outcome::Denied;
    if (act.tactic == Tactic::CredentialAccess || tries_doors) && news > 0.0 {
        let strange = if news * reached >= MANY_STRANGE { STRANGE_TARGETS } else { FEW_STRANGE };
        let factor = habit * (1.0 - news) + strange * news;
        return Factor::new(factor, format!("{done}, but {:.0}% of the targets are new to it", news * 100.0));
    }
    Factor::new(habit, done)
}
