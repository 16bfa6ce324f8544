use super::*;

#[test]
fn a_value_of_another_form_is_refused() {
    let item = |body: Vec<u8>| Item { body, version: 1 };
    assert_eq!(read::<u32>(&item(write(&7u32))), Ok(7));
    for body in [vec![], vec![FORM], vec![FORM + 1, 7]] {
        assert_eq!(read::<u32>(&item(body)), Err(Damaged));
    }
}

#[test]
fn what_an_older_version_wrote_is_unknown() {
    let item = |body: Vec<u8>| Item { body, version: 1 };
    assert_eq!(known::<u32>(Some(&item(vec![FORM - 1, 7]))), Ok(None));
    assert_eq!(known::<u32>(Some(&item(write(&7u32)))), Ok(Some(7)));
    assert_eq!(known::<u32>(Some(&item(vec![FORM + 1, 7]))), Err(Damaged));
    assert_eq!(known::<u32>(None), Ok(None));
}

#[test]
fn a_finding_that_was_sent_but_not_recorded_is_still_closed_afterwards() {
    let open = trailwarden_core::finding::testing::finding();
    let sent = KeptFinding::new(open.clone());
    let closed = Finding { status: Status::Closed("x".into()), ..open.clone() };
    let kept = sent.replaced(closed).unwrap();
    assert_eq!((sent.revision, kept.revision, kept.is_due()), (1, 2, true));
    let kept = kept.published(1); // the slow sender of the first revision
    assert!(kept.is_due() && !kept.published(2).is_due());
    let suppressed = Finding { status: Status::Suppressed("x".into()), ..open };
    assert!(!KeptFinding::new(suppressed).is_due());
}

#[test]
fn an_old_hour_lives_on_for_two_days_and_a_new_one_for_long() {
    let now = Time(1_000 * DAY);
    let scope = Scope::Account("1".into());
    let expires = |hour: u32| KeptHour::default().write(&scope, hour, now).expires.unwrap().0 - now.0;
    assert_eq!(expires(1_000 * 24), i64::from(HOURS_KEPT) * DAY);
    assert_eq!(expires(0), 2 * DAY);
}

#[test]
fn keys_sort_by_time() {
    assert!(hour_sort(9) < hour_sort(10) && hour_sort(99_999) < hour_sort(495_000));
    assert_eq!(hour_of(&hour_sort(495_000)), Some(495_000));
    let scope = Scope::Account("1".into());
    let key = finding_key(&scope, &Finding::id_of("silence", "account:1", 10)).sort;
    assert!(*findings_from(10) < *key && *key < *findings_from(11));
}
