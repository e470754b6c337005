//! What is kept of each resource, and what it adds up to. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kapok_http::port::Pending;
use kapok_library::resource::ResourceId;
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;

use super::interner::{Interned, Interner};
use crate::node::local::Subscription;

/// A blob that is wanted and not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::node) struct Missing {
    pub(in crate::node) blob: BlobId,
    pub(in crate::node) size: u64,
    pub(in crate::node) home: NodeId,
    /// The file that it replaces, by the entry.
    pub(in crate::node) base: Option<BlobId>,
    pub(in crate::node) name: String,
    pub(in crate::node) resource: String,
    /// Texts go first: they are small and make things findable.
    pub(in crate::node) is_text: bool,
    pub(in crate::node) time: Timestamp,
}

/// How many resources, and how many of them are here whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::node) struct Count {
    pub(in crate::node) resources: u64,
    pub(in crate::node) held: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.resources += other.resources;
        self.held += other.held;
    }
}

/// What is kept of one resource: with its place in the map some 70 bytes, so 100,000 take 7 MB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) author: Interned,
    pub(super) subject: Interned,
    pub(super) stage: Interned,
    pub(super) kind: Interned,
    pub(super) largest_file_bytes: u64,
    pub(super) visibility: Visibility,
    /// Whether a subscription covers it.
    pub(super) is_wanted: bool,
    /// Whether all its files are here.
    pub(super) is_whole: bool,
}

impl Line {
    fn count(&self) -> Count {
        Count { resources: 1, held: self.is_whole.into() }
    }
}

/// All resources that are known, and what they add up to.
#[derive(Debug, Default)]
pub(in crate::node) struct Figures {
    lines: BTreeMap<ResourceId, Line>,
    counts: BTreeMap<(NodeId, Visibility), Count>,
    missing: BTreeMap<ResourceId, Vec<Missing>>,
    /// What is missing in the order in which it is fetched, until that changes.
    queue: Option<Arc<Vec<Missing>>>,
    pub(super) words: Interner<String>,
    pub(super) authors: Interner<NodeId>,
}

impl Figures {
    /// Whether a resource falls under a subscription.
    pub(super) fn covers(&self, subscription: &Subscription, line: &Line) -> bool {
        let within = |list: &[String], word| list.is_empty() || list.contains(self.words.name(word));
        within(&subscription.subject, line.subject)
            && within(&subscription.stage, line.stage)
            && within(&subscription.kind, line.kind)
            && subscription.max_size.is_none_or(|most| line.largest_file_bytes <= most)
    }

    /// Puts what was found of a resource in place of what was known; says whether it became whole just now.
    pub(super) fn put(&mut self, id: ResourceId, found: Option<(Line, Vec<Missing>)>) -> bool {
        let before = self.lines.remove(&id);
        if let Some(line) = &before
            && let Some(count) = self.counts.get_mut(&(*self.authors.name(line.author), line.visibility))
        {
            count.resources = count.resources.saturating_sub(1);
            count.held = count.held.saturating_sub(line.is_whole.into());
        }
        let lacked = self.missing.remove(&id);
        let Some((line, missing)) = found else {
            if lacked.is_some() {
                self.queue = None;
            }
            return false;
        };
        self.counts.entry((*self.authors.name(line.author), line.visibility)).or_default().add(line.count());
        if lacked.as_ref().map_or(&[][..], Vec::as_slice) != missing {
            self.queue = None;
        }
        if !missing.is_empty() {
            self.missing.insert(id, missing);
        }
        let became_whole = line.is_whole && !before.is_some_and(|before| before.is_whole);
        self.lines.insert(id, line);
        became_whole
    }

    /// All that are known.
    pub(super) fn ids(&self) -> impl Iterator<Item = ResourceId> + '_ {
        self.lines.keys().copied()
    }

    /// Those of which this holds.
    pub(super) fn ids_where(&self, holds: impl Fn(&Line) -> bool) -> impl Iterator<Item = ResourceId> {
        self.lines.iter().filter(move |(_, line)| holds(line)).map(|(id, _)| *id)
    }

    /// Those of which something is not here that may come.
    pub(super) fn incomplete(&self) -> impl Iterator<Item = ResourceId> {
        let lacking = self.missing.keys().copied();
        lacking.chain(self.ids_where(|line| !line.is_whole))
    }

    /// Of all nodes, as far as `sees`.
    pub(in crate::node) fn count(&self, sees: impl Fn(Visibility) -> bool) -> Count {
        let mut all = Count::default();
        self.counts.iter().filter(|((_, visibility), _)| sees(*visibility)).for_each(|(_, count)| all.add(*count));
        all
    }

    /// Of each node, as far as `sees`.
    pub(in crate::node) fn count_by_author(&self, sees: impl Fn(Visibility) -> bool) -> BTreeMap<NodeId, Count> {
        let mut all = BTreeMap::<NodeId, Count>::new();
        for ((author, visibility), count) in &self.counts {
            if sees(*visibility) {
                all.entry(*author).or_default().add(*count);
            }
        }
        all
    }

    /// Of what a subscription covers, as far as `sees`.
    pub(in crate::node) fn count_covered(
        &self,
        subscription: &Subscription,
        sees: impl Fn(Visibility) -> bool,
    ) -> Count {
        let mut all = Count::default();
        let covered = self.lines.values().filter(|line| sees(line.visibility) && self.covers(subscription, line));
        covered.for_each(|line| all.add(line.count()));
        all
    }

    /// What is wanted and not here, each blob once: texts, then the newest, then the small.
    pub(in crate::node) fn missing(&mut self) -> Arc<Vec<Missing>> {
        let missing = &self.missing;
        let queue = self.queue.get_or_insert_with(|| {
            let mut all: Vec<Missing> = missing.values().flatten().cloned().collect();
            all.sort_by_key(|m| (!m.is_text, std::cmp::Reverse(m.time), m.size, m.blob));
            let mut seen = BTreeSet::new();
            all.retain(|m| seen.insert(m.blob));
            Arc::new(all)
        });
        queue.clone()
    }

    pub(in crate::node) fn pending(&mut self) -> Pending {
        let missing = self.missing();
        Pending { blobs: missing.len() as u64, bytes: missing.iter().map(|m| m.size).sum() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHOOL: NodeId = NodeId([1; 32]);
    const COUNTY: NodeId = NodeId([2; 32]);

    fn line(figures: &mut Figures, author: NodeId, visibility: Visibility, subject: &str, is_whole: bool) -> Line {
        Line {
            author: figures.authors.intern(&author),
            visibility,
            subject: figures.words.intern(subject),
            stage: figures.words.intern("primary"),
            kind: figures.words.intern("courseware"),
            largest_file_bytes: 1000,
            is_wanted: true,
            is_whole,
        }
    }

    fn lacks(blob: u8, time: u64, is_text: bool) -> Missing {
        Missing {
            base: None,
            blob: BlobId([blob; 32]),
            size: 10,
            home: SCHOOL,
            name: String::new(),
            resource: String::new(),
            is_text,
            time: Timestamp(time),
        }
    }

    fn id(number: u8) -> ResourceId {
        ResourceId([number; 16])
    }

    #[test]
    fn counts_follow_what_comes_changes_and_goes() {
        let mut figures = Figures::default();
        let open = line(&mut figures, SCHOOL, Visibility::Public, "math", false);
        let own = line(&mut figures, SCHOOL, Visibility::School, "math", true);
        let other = line(&mut figures, COUNTY, Visibility::Federation, "music", true);
        assert!(!figures.put(id(1), Some((open.clone(), vec![lacks(1, 1, false)]))));
        assert!(figures.put(id(2), Some((own, Vec::new()))));
        assert!(figures.put(id(3), Some((other, Vec::new()))));
        let everyone = |visibility| visibility <= Visibility::Federation;
        assert_eq!(figures.count(everyone), Count { resources: 2, held: 1 });
        assert_eq!(figures.count(|_| true), Count { resources: 3, held: 2 });
        assert_eq!(figures.count_by_author(everyone)[&SCHOOL], Count { resources: 1, held: 0 });
        // It arrives.
        assert!(figures.put(id(1), Some((Line { is_whole: true, ..open.clone() }, Vec::new()))));
        assert!(!figures.put(id(1), Some((Line { is_whole: true, ..open }, Vec::new()))), "it was whole before");
        assert_eq!(figures.count(everyone), Count { resources: 2, held: 2 });
        assert_eq!(figures.pending(), Pending::default());
        // It is withdrawn.
        assert!(!figures.put(id(1), None));
        assert_eq!(figures.count(everyone), Count { resources: 1, held: 1 });
        assert_eq!(figures.ids().count(), 2);
    }

    #[test]
    fn a_subscription_counts_what_it_covers() {
        let mut figures = Figures::default();
        for (number, subject, whole) in [(1, "math", true), (2, "math", false), (3, "music", true)] {
            let line = line(&mut figures, COUNTY, Visibility::Public, subject, whole);
            figures.put(id(number), Some((line, Vec::new())));
        }
        let math = Subscription { subject: vec!["math".to_owned()], ..Subscription::default() };
        assert_eq!(figures.count_covered(&math, |_| true), Count { resources: 2, held: 1 });
        let small = Subscription { max_size: Some(999), ..Subscription::default() };
        assert_eq!(figures.count_covered(&small, |_| true), Count::default());
    }

    #[test]
    fn what_is_missing_comes_once_texts_first_then_the_newest() {
        let mut figures = Figures::default();
        let wanted = line(&mut figures, SCHOOL, Visibility::Public, "math", false);
        figures.put(id(1), Some((wanted.clone(), vec![lacks(1, 1, false), lacks(2, 1, true)])));
        figures.put(id(2), Some((wanted, vec![lacks(3, 9, false), lacks(1, 9, false)])));
        let order: Vec<u8> = figures.missing().iter().map(|m| m.blob.0[0]).collect();
        assert_eq!(order, [2, 1, 3]);
        assert_eq!(figures.pending(), Pending { blobs: 3, bytes: 30 });
        figures.put(id(2), None);
        assert_eq!(figures.pending().blobs, 2);
    }
}
