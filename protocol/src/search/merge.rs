//! Merging hit lists: the result is that of one list sorted as a whole.

use std::collections::BTreeSet;

use super::message::{Hit, HitList, MAX_HITS};

/// Best first: by score, then by id, so that equal scores have one order on every node.
fn better(a: &Hit, b: &Hit) -> std::cmp::Ordering {
    b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id))
}

/// The best `limit` hits of several lists, and how many resources match in all.
///
/// Hits whose score is not a finite number are dropped. A resource that several nodes answer for, which happens while
/// a school moves to another county, is kept once, with its best score, and counted once as far as it is seen.
#[must_use]
pub fn merge<'a>(lists: impl IntoIterator<Item = &'a HitList>, limit: usize) -> (Vec<Hit>, u64) {
    let (mut hits, mut total) = (Vec::new(), 0u64);
    for list in lists {
        total = total.saturating_add(list.total.max(list.hits.len() as u64));
        let finite = list.hits.iter().filter(|hit| hit.score.is_finite());
        // -0 and 0 are equal scores; adding 0 makes one of them.
        hits.extend(finite.map(|hit| Hit { score: hit.score + 0.0, ..hit.clone() }));
    }
    hits.sort_by(better);
    let mut seen = BTreeSet::new();
    let before = hits.len();
    hits.retain(|hit| seen.insert(hit.id.clone()));
    total = total.saturating_sub((before - hits.len()) as u64);
    hits.truncate(limit.min(MAX_HITS));
    (hits, total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hit(score: f32, id: &str) -> Hit {
        Hit { score, id: id.to_owned(), shown: id.as_bytes().to_vec() }
    }

    fn list(hits: Vec<Hit>) -> HitList {
        HitList { total: hits.len() as u64, hits, facets: Vec::new() }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]

        /// Resources are spread over nodes, each node gives its own best, and the merge must be the best of all.
        #[test]
        fn the_merge_of_each_nodes_best_is_the_best_of_one_central_list(
            // Few different scores, so that ties are common, -0 and 0 among them.
            scores in prop::collection::vec(prop_oneof![Just(-0.0f32), (0u8..6).prop_map(f32::from), any::<f32>()], 0..120),
            nodes in 1usize..12, limit in 0usize..40, seed in any::<u64>(),
        ) {
            let owner = |index: usize| (seed.rotate_left(index as u32) ^ index as u64) as usize % nodes;
            let all: Vec<Hit> = scores.iter().enumerate().map(|(index, score)| hit(*score, &format!("id{}", index * 7919 % 1000))).collect();
            let usable: Vec<&Hit> = all.iter().filter(|hit| hit.score.is_finite()).collect();

            let mut central = usable.clone();
            central.sort_by(|a, b| b.score.partial_cmp(&a.score).expect("finite").then(a.id.cmp(&b.id)));
            central.truncate(limit);

            let mut lists = vec![HitList::default(); nodes];
            for (index, hit) in all.iter().enumerate() {
                let list = &mut lists[owner(index)];
                list.total += 1;
                list.hits.push(hit.clone());
            }
            for list in &mut lists {
                list.hits.retain(|hit| hit.score.is_finite());
                list.hits.sort_by(|a, b| b.score.partial_cmp(&a.score).expect("finite").then(a.id.cmp(&b.id)));
                list.hits.truncate(limit);
                // Nodes need not send them in order.
                list.hits.reverse();
            }
            let (merged, total) = merge(&lists, limit);
            prop_assert_eq!(total, all.len() as u64);
            let ids = |hits: &[&Hit]| hits.iter().map(|hit| (hit.id.clone(), hit.score + 0.0)).collect::<Vec<_>>();
            prop_assert_eq!(ids(&merged.iter().collect::<Vec<_>>()), ids(&central));
        }

        #[test]
        fn the_order_in_which_nodes_answer_does_not_matter(
            entries in prop::collection::vec((0usize..4, any::<f32>(), 0u8..20), 0..60), limit in 0usize..30
        ) {
            let mut lists = vec![HitList::default(); 4];
            for (node, score, id) in entries {
                lists[node].hits.push(hit(score, &id.to_string()));
            }
            let forward = merge(&lists, limit);
            prop_assert_eq!(&merge(lists.iter().rev(), limit).1, &forward.1);
            let ids = |hits: &[Hit]| hits.iter().map(|hit| (hit.id.clone(), hit.score.to_bits())).collect::<Vec<_>>();
            prop_assert_eq!(ids(&merge(lists.iter().rev(), limit).0), ids(&forward.0));
        }
    }

    #[test]
    fn a_resource_that_two_nodes_answer_for_is_shown_once_with_its_best_score() {
        let (hits, total) = merge([&list(vec![hit(1.0, "a"), hit(0.5, "b")]), &list(vec![hit(2.0, "a")])], 10);
        assert_eq!(hits, [hit(2.0, "a"), hit(0.5, "b")]);
        assert_eq!(total, 2);
    }

    #[test]
    fn scores_that_are_no_numbers_are_dropped_and_totals_do_not_overflow() {
        let mut odd =
            list(vec![hit(f32::NAN, "a"), hit(f32::INFINITY, "b"), hit(f32::NEG_INFINITY, "c"), hit(1.0, "d")]);
        odd.total = u64::MAX;
        let (hits, total) = merge([&odd, &odd], 10);
        assert_eq!(hits, [hit(1.0, "d")]);
        assert_eq!(total, u64::MAX - 1);
    }
}
