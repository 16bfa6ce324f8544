use proptest::prelude::*;

use super::*;

fn doers(pairs: &[(u32, u64)]) -> Fact {
    let mut fact = Fact::Doers(BTreeMap::new());
    pairs.iter().for_each(|(day, who)| fact.merge(Fact::Doers([(*day, vec![*who])].into())));
    fact
}

proptest! {
    #[test]
    fn the_order_and_copies_of_facts_change_nothing(pairs in prop::collection::vec((0u32..4, 0u64..30), 0..80), at in 0usize..80) {
        let (left, right) = pairs.split_at(at.min(pairs.len()));
        let mut merged = doers(right);
        merged.merge(doers(left));
        merged.merge(doers(right));
        prop_assert_eq!(merged, doers(&pairs));
    }
}

#[test]
fn an_account_remembers_a_bounded_number_of_regions() {
    let mut peers = Peers::default();
    for n in 0..100 {
        let mut hour = Hour::default();
        let region = format!("region-{n:03}");
        hour.regions.insert(hash(&region), &region);
        peers.learn(&Scope::Account("111122223333".into()), 48, &hour);
    }
    assert_eq!(peers.watched("111122223333").map(BTreeMap::len), Some(REGIONS));
    assert!(
        peers.knows_region("111122223333", "region-005", 3)
            && !peers.knows_region("111122223333", "region-005", 2)
    );
}
