//! SVG charts: shapes coloured by style sheet classes, each with a text alternative.

use maud::{Markup, html};
use trailwarden_core::finding::Severity;
use trailwarden_pipeline::dashboard::{Bucket, Week, overview::Threat};

use super::parts::thousands;

/// Half-circle gauge of the threat score.
pub(super) fn gauge(threat: &Threat) -> Markup {
    let arc = std::f32::consts::PI * 80.0;
    let filled = arc * threat.score.min(100) as f32 / 100.0;
    let label = threat.level.label().to_lowercase();
    html! {
        svg.gauge viewBox="0 0 200 112" role="img" aria-label={ "Threat score " (threat.score) " of 100" } {
            path.track d="M20 100 A80 80 0 0 1 180 100" fill="none" stroke-width="16" {}
            @if threat.score > 0 {
                path class={ "fill " (label) } d="M20 100 A80 80 0 0 1 180 100" fill="none" stroke-width="16"
                    stroke-dasharray={ (filled) " " (arc) } {}
            }
            text.score x="100" y="88" text-anchor="middle" { (threat.score) }
            text.of x="100" y="108" text-anchor="middle" { "of 100" }
        }
    }
}

/// Height of the timeline's bars.
const HIGH: f32 = 96.0;
/// Width of a bar, and of the gap between two.
const WIDE: (f32, f32) = (20.0, 6.0);

/// Findings over time: one bar for six hours, stacked by severity.
pub(super) fn timeline(buckets: &[Bucket]) -> Markup {
    let total = |bucket: &Bucket| bucket.findings.iter().sum::<u32>();
    let most = buckets.iter().map(total).max().unwrap_or_default();
    let all: u32 = buckets.iter().map(total).sum();
    let step = WIDE.0 + WIDE.1;
    let width = step * buckets.len() as f32 + 30.0;
    html! {
        svg.timeline viewBox={ "0 0 " (width) " 132" } role="group"
            aria-label={ (thousands(all.into())) " findings in seven days, most in six hours: " (most) } {
            line.axis x1="26" y1={ (HIGH + 8.0) } x2=(width) y2={ (HIGH + 8.0) } {}
            text.tick x="22" y="16" text-anchor="end" { (most) }
            text.tick x="22" y={ (HIGH + 8.0) } text-anchor="end" { "0" }
            @for (at, bucket) in buckets.iter().enumerate() {
                @let x = 28.0 + step * at as f32;
                @if bucket.from.0 % 86_400 == 0 {
                    line.day x1={ (x - 3.0) } y1="8" x2={ (x - 3.0) } y2={ (HIGH + 14.0) } {}
                    @let is_last = at + 2 > buckets.len();
                    text.tick x=(if is_last { x + WIDE.0 } else { x }) y="126" text-anchor=[is_last.then_some("end")] {
                        (day_of(bucket).get(5..).unwrap_or_default())
                    }
                }
                @if total(bucket) > 0 {
                    a href={ "/findings?day=" (day_of(bucket)) } aria-label=(bucket_title(bucket)) {
                        title { (bucket_title(bucket)) }
                        rect.room x=(x) y="8" width=(WIDE.0) height=(HIGH) {}
                        @for (y, height, class) in stacked(bucket, most) {
                            rect class=(class) x=(x) y=(y) width=(WIDE.0) height=(height) rx="1.5" {}
                        }
                    }
                }
            }
        }
    }
}

fn day_of(bucket: &Bucket) -> String {
    bucket.from.to_string().get(..10).unwrap_or_default().to_owned()
}

fn bucket_title(bucket: &Bucket) -> String {
    let parts = Severity::ALL.iter().rev().zip(bucket.findings.iter().rev());
    let parts: Vec<String> = parts
        .filter(|(_, count)| **count > 0)
        .map(|(severity, count)| format!("{count} {}", severity.label()))
        .collect();
    let from = bucket.from.to_string().get(..16).unwrap_or_default().replace('T', " ");
    let what = if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") };
    format!("from {from}: {what}")
}

/// Parts of a stacked bar, the highest severity at the bottom: top edge, height and class.
fn stacked(bucket: &Bucket, most: u32) -> Vec<(f32, f32, String)> {
    let mut bottom = HIGH + 8.0;
    let mut parts = Vec::new();
    for (severity, count) in Severity::ALL.iter().rev().zip(bucket.findings.iter().rev()) {
        if *count > 0 {
            let height = HIGH * *count as f32 / most.max(1) as f32;
            bottom -= height;
            parts.push((bottom, height.max(1.5), format!("bar {}", severity.label().to_lowercase())));
        }
    }
    parts
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Heat map of a week's hours: the shade shows usual activity, a ring the activity of the last seven days.
pub(super) fn week(week: &Week) -> Markup {
    let most = week.usual.iter().flatten().copied().fold(1.0, f32::max);
    // Four shades on a logarithmic scale from one event to the maximum.
    let shade = |usual: f32| match usual {
        usual if usual <= 0.0 => 0,
        usual => (1.0 + 3.0 * (1.0 + usual).ln() / (1.0 + most).ln()).floor().clamp(1.0, 4.0) as u8,
    };
    html! {
        figure.week {
            div.scroll tabindex="0" role="region" aria-label="Hours of the week" { svg viewBox="0 0 660 196" role="img" aria-label={ (week.active) " hours with activity in the last seven days, "
                (week.new) " of them at hours of the week in which nothing was seen in the " (week.weeks) " weeks before" } {
                @for clock in (0..24).step_by(3) {
                    text.tick x={ (40 + clock * 26) } y="12" { (format!("{clock:02}")) }
                }
                @for (day, name) in DAYS.iter().enumerate() {
                    text.tick x="0" y={ (34 + day * 25) } { (name) }
                    @for clock in 0..24 {
                        @let (usual, seen) = (week.usual[day][clock], week.seen[day][clock]);
                        @let (x, y) = (40 + clock * 26, 18 + day * 25);
                        g {
                            title { (format!("{name} {clock:02}:00, usually {usual:.1} events, now {seen:.0}")) }
                            rect class={ "cell shade" (shade(usual)) } x=(x) y=(y) width="24" height="22" rx="3" {}
                            @if seen > 0.0 {
                                circle class=(if usual > 0.0 || week.weeks == 0 { "seen" } else { "seen new" })
                                    cx={ (x + 12) } cy={ (y + 11) } r="5" {}
                            }
                        }
                    }
                }
            } }
            figcaption {
                "UTC. Shade: usual (" (week.weeks) " weeks). "
                span.seen { "\u{25cf}" } " seen in the last seven days, "
                span.new { "\u{25cf}" } " where nothing was before: "
                strong { (week.new) " of " (week.active) } " hours."
            }
        }
    }
}

/// Bar that shows `part` as a share of `of`.
pub(super) fn share(part: f32, of: f32) -> Markup {
    let width = if of > 0.0 { (100.0 * part / of).clamp(0.0, 100.0) } else { 0.0 };
    html! {
        svg.share viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect.track x="0" y="0" width="100" height="8" {}
            rect.part x="0" y="0" width=(width) height="8" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use trailwarden_core::event::Time;

    use super::*;

    #[test]
    fn bars_are_as_high_as_their_counts() {
        let bucket = Bucket { from: Time(0), findings: [0, 0, 1, 0, 3] };
        let parts = stacked(&bucket, 4);
        assert_eq!(parts.len(), 2);
        assert!((parts[0].1 - 72.0).abs() < 0.01 && (parts[1].1 - 24.0).abs() < 0.01, "{parts:?}");
        assert!(bucket_title(&bucket).ends_with("3 CRITICAL, 1 MEDIUM"));
        assert!(timeline(&[]).into_string().contains("0 findings"));
    }
}
