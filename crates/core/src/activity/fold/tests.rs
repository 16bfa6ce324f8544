use super::*;
use crate::sources::{Item, Limits, read};

#[test]
fn a_million_sessions_and_programs_of_one_hour_are_not_remembered() {
    let mut fold = Fold::default();
    let mut add = |item: Item<'_>| {
        if let Item::Event(event) = item {
            fold.add(&event);
        }
    };
    let mut log = String::new();
    for n in 0..REMEMBERED * 2 + 5 {
        let identity = match n % 2 {
            0 => format!(r#"{{"type":"AWSService","invokedBy":"s{n}.amazonaws.com"}}"#),
            _ => {
                format!(r#"{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/app/{n}"}}"#)
            }
        };
        let record = format!(
            r#"{{"eventID":"{n}","eventName":"A","eventSource":"b","userAgent":"agent-{n}","userIdentity":{identity}}}"#
        );
        log.push_str(&record);
        log.push('\n');
    }
    read(log.as_bytes(), Limits::default(), &mut add).unwrap();
    assert!(fold.identities.len() <= REMEMBERED && fold.clients.len() <= REMEMBERED);
    assert_eq!(
        (fold.scopes.len(), fold.len()),
        (2, 2),
        "one role and its account, one hour; AWS's services have none"
    );
}
