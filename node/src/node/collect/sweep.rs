//! The sweep's decisions: when one begins, whether it goes on, and what becomes of a blob that it meets.
//!
//! A blob that nothing names is the left-over of an add that was killed between storing and publishing. But it may as
//! well belong to an add under way, or the catalogue may know too little. So a blob goes only if it was unnamed in two
//! sweeps that lie far enough apart, and only while the catalogue can be trusted; whoever removes it looks once more,
//! under the lock of the pins. Pure: the caller says what time it is and what is so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kapok_protocol::blob::BlobId;

/// After the start: views are made anew, peers bring what they have, and a node of a short errand never sweeps.
const FIRST_AFTER: Duration = Duration::from_secs(10 * 60);
/// What a kill leaves is rare and costs only room, so that once a day is often enough to look at every folder.
const BETWEEN: Duration = Duration::from_secs(24 * 60 * 60);
/// No add lasts so long between storing and publishing, and a point that is switched off at night gets to its second
/// sweep.
const APART: Duration = Duration::from_secs(60 * 60);
/// About 6 MB of memory. What is beyond is suspected when these are gone.
const MAX_SUSPECTS: usize = 100_000;

/// What a sweep needs to know of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// How far the journal is applied.
    pub(super) applied: u64,
    /// Whether that is all of it, and the catalogue can be asked.
    pub(super) is_settled: bool,
    /// Whether the journal has lost anything: then what nothing names may have been named there.
    pub(super) is_damaged: bool,
}

/// What becomes of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// It goes, if nobody has come to need it.
    Goes,
}

#[derive(Debug)]
pub(super) struct Sweep {
    next_at: Instant,
    /// Blobs that were unnamed in a sweep that was not broken off, and when they were met.
    suspects: BTreeMap<BlobId, Instant>,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    applied: u64,
    unnamed: BTreeMap<BlobId, Instant>,
}

impl Sweep {
    pub(super) fn new(started: Instant) -> Self {
        Self { next_at: started + FIRST_AFTER, suspects: BTreeMap::new(), under_way: None }
    }

    /// Begins a sweep if it is time and the catalogue can be trusted.
    pub(super) fn begin(&mut self, now: Instant, standing: Standing) -> bool {
        let begins = self.under_way.is_none() && now >= self.next_at && standing.is_settled && !standing.is_damaged;
        if begins {
            self.under_way = Some(UnderWay { applied: standing.applied, unnamed: BTreeMap::new() });
        }
        begins
    }

    /// Whether the sweep under way may go on. A journal that turns out damaged, or a catalogue that is made anew (it then
    /// goes back), ends it; nothing counts that it has met.
    pub(super) fn goes_on(&mut self, now: Instant, standing: Standing) -> bool {
        let Some(under_way) = &mut self.under_way else { return false };
        if standing.is_damaged || standing.applied < under_way.applied {
            self.break_off(now);
            return false;
        }
        under_way.applied = standing.applied;
        true
    }

    /// What is to become of a blob that the sweep has met.
    pub(super) fn meet(&mut self, blob: BlobId, is_named: bool, now: Instant) -> Fate {
        if is_named {
            self.suspects.remove(&blob);
            return Fate::Stays;
        }
        let first = self.suspects.get(&blob).copied();
        if first.is_some_and(|first| now.duration_since(first) >= APART) {
            return Fate::Goes;
        }
        if let Some(under_way) = &mut self.under_way
            && under_way.unnamed.len() < MAX_SUSPECTS
        {
            under_way.unnamed.insert(blob, first.unwrap_or(now));
        }
        Fate::Stays
    }

    /// All blobs were met.
    pub(super) fn end(&mut self, now: Instant) {
        let Some(under_way) = self.under_way.take() else { return };
        self.suspects = under_way.unnamed;
        self.next_at = now + if self.suspects.is_empty() { BETWEEN } else { APART };
    }

    /// The sweep under way comes to nothing.
    pub(super) fn break_off(&mut self, now: Instant) {
        self.under_way = None;
        self.next_at = now + FIRST_AFTER;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const GOOD: Standing = Standing { applied: 7, is_settled: true, is_damaged: false };
    const LOST: BlobId = BlobId([1; 32]);

    /// A whole sweep that meets one unnamed blob; its fate, if a sweep began at all.
    fn sweep(sweep: &mut Sweep, now: Instant) -> Option<Fate> {
        sweep.begin(now, GOOD).then(|| {
            let fate = sweep.meet(LOST, false, now);
            sweep.end(now);
            fate
        })
    }

    #[test]
    fn an_unnamed_blob_goes_in_a_second_sweep_an_hour_after_the_first() {
        let start = Instant::now();
        let mut sweeps = Sweep::new(start);
        assert_eq!(sweep(&mut sweeps, start + 9 * MINUTE), None);
        assert_eq!(sweep(&mut sweeps, start + 10 * MINUTE), Some(Fate::Stays));
        assert_eq!(sweep(&mut sweeps, start + 69 * MINUTE), None);
        assert_eq!(sweep(&mut sweeps, start + 70 * MINUTE), Some(Fate::Goes));
        // Nothing is suspected any more, so that tomorrow is time enough.
        assert_eq!(sweep(&mut sweeps, start + 140 * MINUTE), None);
        assert_eq!(sweep(&mut sweeps, start + 70 * MINUTE + BETWEEN), Some(Fate::Stays));
    }

    #[test]
    fn a_blob_that_was_named_in_between_begins_anew() {
        let start = Instant::now();
        let mut sweeps = Sweep::new(start);
        sweep(&mut sweeps, start + 10 * MINUTE);
        assert!(sweeps.begin(start + 70 * MINUTE, GOOD));
        assert_eq!(sweeps.meet(LOST, true, start + 70 * MINUTE), Fate::Stays);
        assert_eq!(sweeps.meet(LOST, false, start + 70 * MINUTE), Fate::Stays);
    }

    #[test]
    fn no_sweep_begins_while_the_catalogue_lags_or_the_journal_is_damaged() {
        let start = Instant::now();
        for bad in [Standing { is_settled: false, ..GOOD }, Standing { is_damaged: true, ..GOOD }] {
            assert!(!Sweep::new(start).begin(start + BETWEEN, bad), "{bad:?}");
        }
    }

    #[test]
    fn a_sweep_that_is_broken_off_counts_for_nothing() {
        let start = Instant::now();
        let rebuilt = Standing { applied: 3, ..GOOD };
        for bad in [rebuilt, Standing { is_damaged: true, ..GOOD }] {
            let mut sweeps = Sweep::new(start);
            assert!(sweeps.begin(start + 10 * MINUTE, GOOD));
            assert!(sweeps.goes_on(start + 10 * MINUTE, GOOD));
            sweeps.meet(LOST, false, start + 10 * MINUTE);
            assert!(!sweeps.goes_on(start + 11 * MINUTE, bad), "{bad:?}");
            sweeps.end(start + 11 * MINUTE);
            assert_eq!(sweep(&mut sweeps, start + 90 * MINUTE), Some(Fate::Stays), "{bad:?}");
        }
    }
}
