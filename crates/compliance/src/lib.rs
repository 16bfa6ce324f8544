//! Compliance from activity: the controls that principals broke, the events that prove it, and the
//! remediation.
//!
//! A check judges activity; a framework maps its controls to checks and owns none. Each check states its own
//! blind spot, and each framework lists the controls that no log can prove.

mod census;
mod check;
mod checks;
mod config_rule;
pub mod control_status;
mod coverage;
mod frameworks;
mod html_report;
mod judging;
mod prefilter;
pub mod report;
mod touched_resources;
mod traces;
mod window;
mod wording;

pub use census::{Census, Tally};
pub use check::{Broken, BrokenTogether, Check, Group, Keeping, Need, Rule, Speaks, Together};
pub use checks::ALL;
pub use config_rule::finding_of;
pub use coverage::{Coverage, coverage};
pub use frameworks::{ALL as FRAMEWORKS, Control, Framework};
pub use html_report::page;
pub(crate) use judging::finding;
pub use judging::{Judged, ids, judge, judge_together, remembering, speaking, urgent_calls};
pub use prefilter::{Counted, Screen, Screened};
pub use traces::{Span, Trace, Traces};

use wording::{act, done, is_root, opened_to_accounts, opened_to_all, principal, told};
