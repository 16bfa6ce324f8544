//! Rarity: has this principal, or anybody around it, done this before?

use super::Factor;
use crate::{
    activity::{Notable, Window},
    baseline::Habits,
    catalog::{Tactic, weight},
    event::PrincipalKind,
};

/// What somebody does for the first time with an established past weighs more.
const NEVER_BEFORE: f32 = 1.3;
/// What nobody in the account has done in 30 days weighs more.
const NOBODY: f32 = 1.1;
/// An account's silence says something once its log has run so long.
const ACCOUNT_DAYS: u32 = 7;
/// What was done on one earlier day; each further day halves it again ...
const ONCE_BEFORE: f32 = 0.5;
/// ... down to a habit. A habit is never nothing: a thief inherits it.
const HABIT: f32 = 0.12;
/// What is seldom innocent becomes a habit only after so many days: an attacker comes back too.
const SLOW_HABIT_DAYS: u32 = 2;
/// What one other principal of the account does too ...
const ONE_PEER: f32 = 0.85;
/// ... and several.
const PEERS: f32 = 0.6;
const SEVERAL: usize = 3;

/// How rare an act is for who did it; `news` is the share of its targets that are new. Without history nothing is known: neutral, and said.
pub(crate) fn rarity(window: &Window<'_>, habits: &Habits<'_>, notable: &Notable, news: f32) -> Factor {
    let Some(principal) = window.principal else { return Factor::NEUTRAL };
    let own = habits.own;
    let today = window.hour / 24;
    let days = own.days_with_act(notable);
    let slow = if notable.act.weight >= weight::BAD { SLOW_HABIT_DAYS } else { 0 };
    if days > slow {
        return habit(days - slow, days, news, notable, own.active_days());
    }
    if days > 0 {
        return Factor::new(1.0, format!("done on {days} earlier day(s), too few for a habit"));
    }
    let mut rarity = Factor::NEUTRAL;
    if own.is_established() && principal.kind != PrincipalKind::Unknown {
        rarity.times(NEVER_BEFORE, format!("never before in its {} active days", own.active_days()));
    } else if own.active_days() == 0 {
        rarity.note("no history of this principal");
    }
    let others = habits.peers.others_who_did(principal, notable, today);
    if others >= SEVERAL {
        rarity.times(PEERS, format!("{others} others in the account do it"));
    } else if others > 0 {
        rarity.times(ONE_PEER, format!("{others} other(s) in the account did it"));
    } else if habits.peers.has_watched(&principal.account_id, ACCOUNT_DAYS, today) {
        rarity.times(NOBODY, "nobody in the account did it before".to_owned());
    }
    rarity
}

/// Who reads secrets every day reads its own: others weigh as if it had never read one. Other acts meet new targets daily.
fn habit(halvings: u32, days: u32, news: f32, notable: &Notable, active_days: u32) -> Factor {
    let habit = ONCE_BEFORE.powi(halvings.min(8) as i32).max(HABIT);
    let done = format!("done on {days} of its last {active_days} active days");
    if notable.act.tactic == Tactic::CredentialAccess && news > 0.0 {
        let factor = habit * (1.0 - news) + NEVER_BEFORE * news;
        return Factor::new(factor, format!("{done}, but {:.0}% of the targets are new to it", news * 100.0));
    }
    Factor::new(habit, done)
}
