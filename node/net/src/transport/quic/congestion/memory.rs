//! What is remembered of the path to each peer, so that the next connection need not find it out again.
//!
//! In memory; the node may keep it across restarts ([`PathMemory::paths`], [`PathMemory::insert`]). Knowledge that is
//! a day old is used no more: links of villages differ by the hour, but half of yesterday's rate is a fair guess, and
//! the round trip of the new connection must resemble the old one (RFC 9959).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use libp2p::PeerId;

use super::model::Remembered;

/// As old as this and no older.
const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Bounds memory: about 100 KiB. The oldest goes first.
const MAX_PATHS: usize = 1024;

/// Bytes a second and a round trip beyond which figures are none of a link: 100 Gbit/s, and the probe timeout's bound.
const MAX_RATE: f64 = 12.5e9;
const MAX_RTT: Duration = Duration::from_secs(60);

/// One peer's path, as it was last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// Bytes a second that arrived when the link was full.
    pub delivery_rate: f64,
    /// The round trip without a queue.
    pub min_rtt: Duration,
    /// When that was so.
    pub at: SystemTime,
}

impl Path {
    fn is_possible(&self) -> bool {
        (0.0..=MAX_RATE).contains(&self.delivery_rate)
            && self.delivery_rate > 0.0
            && !self.min_rtt.is_zero()
            && self.min_rtt <= MAX_RTT
    }
}

/// The paths to all peers of a node; clones share them.
#[derive(Clone, Debug, Default)]
pub struct PathMemory(Arc<Mutex<HashMap<PeerId, Path>>>);

impl PathMemory {
    /// All paths, to be kept across a restart.
    #[must_use]
    pub fn paths(&self) -> Vec<(PeerId, Path)> {
        self.lock().iter().map(|(&peer, &path)| (peer, path)).collect()
    }

    /// Remembers a path, from this run or an earlier one. Figures that no path can have are not taken.
    pub fn insert(&self, peer: PeerId, path: Path) {
        if !path.is_possible() {
            return;
        }
        let mut paths = self.lock();
        if paths.len() >= MAX_PATHS && !paths.contains_key(&peer) {
            let oldest = paths.iter().min_by_key(|(_, path)| path.at).map(|(&peer, _)| peer);
            oldest.map(|oldest| paths.remove(&oldest));
        }
        paths.insert(peer, path);
    }

    /// The least round trip to `peer`, if it is known.
    pub(in super::super) fn min_rtt(&self, peer: PeerId) -> Option<Duration> {
        let remembered = self.recall(peer, SystemTime::now())?;
        Duration::try_from_secs_f64(remembered.min_rtt).ok()
    }

    pub(super) fn remember(&self, peer: PeerId, now: SystemTime, remembered: Remembered) {
        if let Ok(min_rtt) = Duration::try_from_secs_f64(remembered.min_rtt) {
            self.insert(peer, Path { delivery_rate: remembered.delivery_rate, min_rtt, at: now });
        }
    }

    pub(super) fn recall(&self, peer: PeerId, now: SystemTime) -> Option<Remembered> {
        let path = *self.lock().get(&peer)?;
        // A clock that was set back makes it young, never old.
        let age = now.duration_since(path.at).unwrap_or_default();
        let fresh = age <= MAX_AGE;
        fresh.then_some(Remembered { delivery_rate: path.delivery_rate, min_rtt: path.min_rtt.as_secs_f64() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, Path>> {
        // Nothing in here can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(at: SystemTime) -> Path {
        Path { delivery_rate: 1e5, min_rtt: Duration::from_millis(600), at }
    }

    #[test]
    fn a_path_is_remembered_for_a_day() {
        let (memory, peer, now) = (PathMemory::default(), PeerId::random(), SystemTime::now());
        memory.insert(peer, path(now));
        assert!(memory.recall(peer, now + MAX_AGE).is_some());
        assert!(memory.recall(peer, now + MAX_AGE + Duration::from_secs(1)).is_none());
        assert!(memory.recall(PeerId::random(), now).is_none());
    }

    #[test]
    fn the_oldest_path_makes_room() {
        let (memory, oldest, now) = (PathMemory::default(), PeerId::random(), SystemTime::now());
        memory.insert(oldest, path(now - Duration::from_secs(1)));
        for _ in 0..MAX_PATHS {
            memory.insert(PeerId::random(), path(now));
        }
        assert_eq!(memory.paths().len(), MAX_PATHS);
        assert!(memory.recall(oldest, now).is_none());
    }

    #[test]
    fn figures_that_no_path_can_have_are_not_taken() {
        let memory = PathMemory::default();
        for delivery_rate in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            memory.insert(PeerId::random(), Path { delivery_rate, ..path(SystemTime::now()) });
        }
        for min_rtt in [Duration::ZERO, Duration::MAX] {
            memory.insert(PeerId::random(), Path { min_rtt, ..path(SystemTime::now()) });
        }
        assert!(memory.paths().is_empty());
    }
}
