//! Rarity: has this principal, or anybody around it, done this before?

use super::Factor;
use crate::{
    activity::{Notable, Window},
    baseline::Habits,
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
/// What one other principal of the account does too ...
const ONE_PEER: f32 = 0.85;
/// ... and several.
const PEERS: f32 = 0.6;
const SEVERAL: usize = 3;

/// How rare an act is for who did it. Without history nothing is known: neutral, and said.
pub(crate) fn rarity(window: &Window<'_>, habits: &Habits<'_>, notable: &Notable) -> Factor {
    let Some(principal) = window.principal else { return Factor::NEUTRAL };
    let own = habits.own;
    let today = window.hour / 24;
    let days = own.days_with_act(notable);
    if days > 0 {
        let factor = (ONCE_BEFORE.powi(days.min(8) as i32)).max(HABIT);
        return Factor::new(factor, format!("done on {days} of its last {} active days", own.active_days()));
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
    } else if habits.peers.days_of_account(&principal.account_id, today) >= ACCOUNT_DAYS {
        rarity.times(NOBODY, "nobody in the account did it before".to_owned());
    }
    rarity
}
