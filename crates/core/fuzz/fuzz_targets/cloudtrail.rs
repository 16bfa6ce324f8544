//! Fuzz target of the CloudTrail source: no input may panic. Run `cargo fuzz run cloudtrail` in
//! `crates/core`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trailwarden_core::{activity::{Fold, Hour}, sources::{Item, Limits, read}};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { object_bytes: 1 << 20, record_bytes: 64 << 10 };
    let mut fold = Fold::default();
    let _ = read(bytes, limits, &mut |item| {
        if let Item::Event(event) = item {
            fold.add(&event);
        }
    });
    for (_, _, hour) in fold.take() {
        assert_eq!(Hour::decode(&hour.encode()).as_ref(), Ok(&hour));
    }
    let _ = Hour::decode(bytes);
});
