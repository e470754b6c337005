//! The survey: of every live resource the little that counts and rounds need, kept up with catalogue and files.
//!
//! How many resources there are and whose, which of them are here whole, what is wanted and missing: to answer that from
//! the catalogue means reading every entry, about a second for 100,000. So each is looked at once, and again only when
//! the journal, a file that arrives or a subscription says that something of it may have changed.
//!
//! Reading order: [`figures`] (what is kept and what it adds up to; pure) → [`follow`] (which resources have to be looked
//! at again) → [`look`] (looking at one).
//!
//! Invariant: nobody asks for the survey while holding a `Reading`: bringing it up to date takes readings of its own.

mod figures;
mod follow;
mod interner;
mod look;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use kapok_http::port::Result;
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use tokio::sync::broadcast;

use super::app::App;
use super::local::Subscription;

pub(super) use figures::{Figures, Missing};

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// How long a page waits for a survey that somebody else is making.
const GLANCE: Duration = Duration::from_secs(3);
const GLANCE_STEP: Duration = Duration::from_millis(10);

/// The survey of a running node.
#[derive(Debug, Default)]
pub(super) struct Survey {
    state: Mutex<Surveyed>,
    /// Files that somebody has found here.
    seen: Mutex<Vec<BlobId>>,
}

/// What is known, up to date when it is given out.
#[derive(Debug, Default)]
pub(super) struct Surveyed {
    pub(super) figures: Figures,
    /// Up to where the journal has been followed; none before the first look.
    position: Option<u64>,
    /// When everything was last looked at.
    whole_look: Option<Instant>,
    /// What the figures were worked out with.
    subscriptions: Vec<Subscription>,
    place: Option<look::Place>,
    /// Files that have come from others.
    completions: Option<broadcast::Receiver<BlobId>>,
    /// When resources of others became complete here, lately.
    arrivals: VecDeque<Timestamp>,
}

/// What everybody in the federation may see: counts of more would tell a visitor what a school keeps to itself.
pub(super) fn is_open(visibility: Visibility) -> bool {
    visibility <= Visibility::Federation
}

impl Survey {
    /// From now on files that come from others are noticed.
    pub(super) fn listen(&self, completions: broadcast::Receiver<BlobId>) {
        self.state().completions = Some(completions);
    }

    /// A file has come, or gone, otherwise than by a transfer: its resources are looked at again.
    pub(super) fn saw(&self, blob: BlobId) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(blob);
    }

    fn take_seen(&self) -> Vec<BlobId> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn state(&self) -> MutexGuard<'_, Surveyed> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, unless somebody else is at it for longer than a page waits.
    fn state_soon(&self) -> Option<MutexGuard<'_, Surveyed>> {
        let begun = Instant::now();
        loop {
            match self.state.try_lock() {
                Ok(state) => return Some(state),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > GLANCE => return None,
                Err(TryLockError::WouldBlock) => std::thread::sleep(GLANCE_STEP),
            }
        }
    }
}

impl Surveyed {
    /// Resources of others that became complete here in the last day, as far as this run has seen.
    pub(super) fn arrived_last_day(&self, now: Timestamp) -> u64 {
        self.arrivals.iter().filter(|at| now.millis_since(**at) < DAY_MILLIS).count() as u64
    }

    fn arrived(&mut self, whose: &NodeId, me: &NodeId, now: Timestamp) {
        if whose != me {
            self.arrivals.push_back(now);
        }
        while self.arrivals.front().is_some_and(|at| now.millis_since(*at) >= DAY_MILLIS) {
            self.arrivals.pop_front();
        }
    }
}

impl App {
    /// The survey as of now. The first one looks at everything; it may block for as long.
    pub(super) fn survey(&self) -> Result<MutexGuard<'_, Surveyed>> {
        let mut state = self.survey.state();
        self.follow(&mut state)?;
        Ok(state)
    }

    /// As [`Self::survey`]; none where it cannot be had soon, because somebody is making it or the catalogue is.
    pub(super) fn survey_soon(&self) -> Option<MutexGuard<'_, Surveyed>> {
        let mut state = self.survey.state_soon()?;
        self.catalogue.wait_for_catch_up(GLANCE).ok()?;
        self.follow(&mut state).ok()?;
        Some(state)
    }
}
