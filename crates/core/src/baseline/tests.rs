use super::*;
use crate::activity::Words;

fn hour_with_call(call: u64) -> Hour {
    let mut calls = Words::default();
    calls.insert(call, "iam:X");
    Hour { calls, ..Hour::default() }
}

#[test]
fn old_days_fade() {
    let mut baseline = Baseline::default();
    baseline.close(100, &[(2400, hour_with_call(7))]);
    baseline.close(101, &[(2424, hour_with_call(7))]);
    assert_eq!(baseline.days_with_call(7), 2);
    baseline.fade(131);
    assert_eq!((baseline.days_with_call(7), baseline.active_days()), (1, 1));
    baseline.fade(132);
    assert_eq!((baseline.days_with_call(7), baseline.active_days()), (0, 0));
    assert_eq!(baseline.last_active(), None);
}

#[test]
fn a_baseline_stays_below_32_kb_keeps_the_newest_and_comes_back_whole() {
    let mut baseline = Baseline::default();
    for day in 0..40u32 {
        let hours: Vec<(u32, Hour)> = (0..24)
            .map(|hour| {
                let mut folded = Hour::default();
                for n in 0..20 {
                    let word = format!("bucket-{day}-{hour}-{n}");
                    folded.resources.insert(hash(&word), &word);
                }
                (day * 24 + hour, folded)
            })
            .collect();
        baseline.close(day, &hours);
    }
    let bytes = baseline.encode();
    assert!(bytes.len() < 32 << 10, "{}", bytes.len());
    assert_eq!(Baseline::decode(&bytes), Ok(baseline.clone()));
    assert_eq!(baseline.days_with_resource(hash("bucket-39-3-3")), 1);
    assert_eq!(baseline.days_with_resource(hash("bucket-10-3-3")), 0);
    assert_eq!(Baseline::decode(&bytes[..9]), Err(Damaged));
}

#[test]
fn what_came_with_a_grave_act_does_not_become_usual() {
    let home: IpAddr = "198.51.100.1".parse().unwrap();
    let elsewhere: IpAddr = "203.0.113.9".parse().unwrap();
    let hour = |address: IpAddr| {
        let mut folded = hour_with_call(7);
        folded.addresses.insert(crate::activity::address_key(address), || address);
        folded
    };
    let mut baseline = Baseline::default();
    (0..8).for_each(|day| baseline.close(100 + day, &[((100 + day) * 24, hour(home))]));
    let mut attack = hour(elsewhere);
    attack.acts.insert(1, crate::activity::testing::grave(elsewhere));
    baseline.close(108, &[(108 * 24, attack)]);
    assert_eq!((baseline.days_with_network(home), baseline.days_with_network(elsewhere)), (8, 0));
    baseline.close(109, &[(109 * 24, hour(elsewhere))]);
    assert_eq!(baseline.days_with_network(elsewhere), 1, "without the act, it is learnt");
}

#[test]
fn a_day_counts_once() {
    let mut baseline = Baseline::default();
    baseline.close(100, &[(2400, hour_with_call(7))]);
    baseline.close(100, &[(2400, hour_with_call(7))]);
    assert_eq!((baseline.days_with_call(7), baseline.active_days()), (1, 1));
}

#[test]
fn an_hour_is_strange_only_against_an_established_rhythm() {
    let mut baseline = Baseline::default();
    assert_eq!(baseline.strangeness_of_hour(3), None);
    let monday = 4; // 1970-01-05
    for day in monday..monday + 5 {
        let hours: Vec<_> = (9..17).map(|hour| (day * 24 + hour, hour_with_call(1))).collect();
        baseline.close(day, &hours);
    }
    let next_monday = monday + 7;
    assert_eq!(baseline.strangeness_of_hour(next_monday * 24 + 12), Some(0.0));
    assert_eq!(baseline.strangeness_of_hour(next_monday * 24 + 3), Some(1.0));
    assert_eq!(baseline.strangeness_of_hour((next_monday - 1) * 24 + 12), Some(0.5));
    assert!(!baseline.is_around_the_clock());
}
