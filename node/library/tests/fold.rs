//! The fold is a CRDT: any order, any duplication, any route gives the same catalogue.
#![allow(clippy::unwrap_used)]

use kapok_library::book::Book;
use kapok_library::profile::Profile;
use kapok_library::resource::state::{Current, Slot, Withdrawn};
use kapok_library::resource::{Resource, ResourceState};
use kapok_library::revocation::Revocation;
use kapok_protocol::entry::Sequence;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use proptest::prelude::*;

const AUTHOR: NodeId = NodeId([1; 32]);
const COUNTY: NodeId = NodeId([2; 32]);
const OTHER: NodeId = NodeId([3; 32]);

#[derive(Clone, Debug)]
enum Said {
    Slot(Visibility, Slot),
    Withdrawn(NodeId, Withdrawn),
}

fn sequence() -> impl Strategy<Value = Sequence> {
    (1u64..3, 1u64..6).prop_map(|(incarnation, number)| Sequence { incarnation, number })
}

fn said() -> impl Strategy<Value = Said> {
    let slot = (prop::sample::select(Visibility::SHARED.to_vec()), sequence(), any::<bool>(), 0u8..2);
    let slot = slot.prop_map(|(visibility, sequence, live, hash)| {
        // Author and sequence decide what was said, except where a node was cloned.
        let position = live.then_some(sequence.number * 2 + u64::from(hash));
        Said::Slot(
            visibility,
            Slot { sequence, hash: [hash * 2 + u8::from(live); 32], time: Timestamp(sequence.number), position },
        )
    });
    let withdrawn = (prop::sample::select(vec![OTHER, COUNTY, AUTHOR]), sequence()).prop_map(|(by, sequence)| {
        let reason = format!("{sequence:?}");
        Said::Withdrawn(
            by,
            Withdrawn {
                sequence,
                time: Timestamp(sequence.number),
                reason,
                title: String::new(),
                visibility: Visibility::Public,
            },
        )
    });
    prop_oneof![9 => slot, 1 => withdrawn]
}

fn fold(all: &[Said]) -> ResourceState {
    let mut state = ResourceState::default();
    for said in all {
        match said.clone() {
            Said::Slot(visibility, slot) => state.put(AUTHOR, visibility, slot),
            Said::Withdrawn(by, withdrawn) => state.withdraw(AUTHOR, by, withdrawn),
        }
    }
    state
}

proptest! {
    #[test]
    fn order_and_duplication_give_the_same_resource(
        (all, shuffled) in prop::collection::vec(said(), 1..12).prop_flat_map(|all| {
            let doubled = [all.clone(), all.clone()].concat();
            (Just(all), Just(doubled).prop_shuffle())
        })
    ) {
        prop_assert_eq!(fold(&all), fold(&shuffled));
        let bytes = fold(&all).to_bytes();
        prop_assert_eq!(ResourceState::from_bytes(&bytes).unwrap(), fold(&all));
    }

    #[test]
    fn what_was_withdrawn_never_comes_back(before in prop::collection::vec(said(), 0..6), after in prop::collection::vec(said(), 0..6)) {
        let withdrawal = Said::Withdrawn(COUNTY, Withdrawn {
            sequence: Sequence { incarnation: 1, number: 1 }, time: Timestamp(1), reason: String::new(), title: String::new(), visibility: Visibility::Public,
        });
        let state = fold(&[before, vec![withdrawal], after].concat());
        let withdrawn = matches!(state.current(|by| *by == COUNTY), Current::Withdrawn(..));
        prop_assert!(withdrawn);
    }

    #[test]
    fn a_strangers_withdrawal_does_not_count(all in prop::collection::vec(said(), 1..8)) {
        let strangers: Vec<_> = all.iter().filter(|s| matches!(s, Said::Slot(..) | Said::Withdrawn(OTHER, _))).cloned().collect();
        let withdrawn = matches!(fold(&strangers).current(|by| *by == COUNTY), Current::Withdrawn(..));
        prop_assert!(!withdrawn);
    }

    #[test]
    fn order_gives_the_same_book((all, shuffled) in prop::collection::vec((0u8..3, sequence(), any::<bool>()), 1..12)
        .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())))
    {
        let fold = |all: &[(u8, Sequence, bool)]| {
            let mut book = Book::default();
            for (node, sequence, is_profile) in all {
                if *is_profile {
                    let profile = Profile { addresses: vec![], agent: format!("{sequence:?}") };
                    book.put_profile(NodeId([*node; 32]), *sequence, Timestamp(sequence.number), profile);
                } else {
                    let revocation = Revocation { last: Some(*sequence), reason: String::new() };
                    book.put_revocation(COUNTY, *sequence, NodeId([*node; 32]), (sequence.number != 3).then_some(revocation));
                }
            }
            book
        };
        prop_assert_eq!(fold(&all), fold(&shuffled));
    }

    #[test]
    fn no_bytes_make_a_body_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Resource::from_body(&bytes);
        let _ = Profile::from_body(&bytes);
        let _ = ResourceState::from_bytes(&bytes);
    }
}

#[test]
fn a_new_version_keeps_the_list_of_the_old_ones() {
    let mut resource = Resource { title: "一".to_owned(), version: 1, created: Timestamp(5), ..Resource::default() };
    for n in 0..30u32 {
        let next = Resource { title: format!("版本 {n}"), ..Resource::default() };
        resource = resource.replaced_by(next, Timestamp(u64::from(n)), Visibility::Public, Visibility::Public);
    }
    assert_eq!(resource.version, 31);
    assert_eq!(resource.created, Timestamp(5));
    assert_eq!(resource.former.len(), 20);
    assert_eq!(resource.former.last().unwrap().number, 30);
}

#[test]
fn a_wider_version_does_not_list_what_fewer_could_see() {
    let of = |title: &str| Resource { title: title.to_owned(), note: title.to_owned(), ..Resource::default() };
    let first = Resource { version: 1, ..of("公开的") };
    let second = first.replaced_by(of("本校的"), Timestamp(1), Visibility::Public, Visibility::School);
    assert_eq!(second.former.len(), 1, "the school may see what everybody could");
    let third = second.replaced_by(of("全县的"), Timestamp(2), Visibility::School, Visibility::County);
    let notes: Vec<_> = third.former.iter().map(|version| version.note.as_str()).collect();
    assert_eq!(notes, ["公开的"]);
    assert_eq!(third.version, 3);
}

#[test]
fn what_a_shelf_holds_can_be_taken_back_and_the_older_one_counts_again() {
    let slot = |number| Slot {
        sequence: Sequence { incarnation: 1, number },
        hash: [1; 32],
        time: Timestamp(number),
        position: Some(number),
    };
    let mut state = ResourceState::default();
    state.set(AUTHOR, Visibility::Public, Some(slot(1)));
    state.set(AUTHOR, Visibility::School, Some(slot(2)));
    assert!(matches!(state.current(|_| false), Current::Live(Visibility::School, _)));
    state.set(AUTHOR, Visibility::School, None);
    assert!(matches!(state.current(|_| false), Current::Live(Visibility::Public, _)));
}
