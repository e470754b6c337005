//! Progress: what of all that is wanted moves, how fast, and how long the rest takes.
//!
//! The desk works the figures out some times a second while something moves, and others read them from the [`Board`].
//! However much is wanted, only what has begun is looked at; the rest are numbers that the downloads keep up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::estimate::{Condition, Estimator};
use kapok_protocol::blob::message::Urgency;
use kapok_protocol::identity::NodeId;

use super::Ledger;
use super::backend::Begun;
use super::desk::Desk;
use crate::clock::now;

/// Transfers that are listed. More than a screen shows and than are under way on any line but the fastest; of a hundred
/// thousand the others are counted.
pub const MAX_LISTED: usize = 256;
/// Stuck blobs that are named, and how often they are looked for, which walks all that is wanted.
const MAX_STUCK: usize = 256;
const LOOK_FOR_STUCK_EVERY: Duration = Duration::from_secs(5);
/// A rate is taken anew after this long.
const MEASURED_OVER: Duration = Duration::from_secs(1);
/// Who has sent nothing of a blob for so long is not where it comes from.
const FROM_LATELY: Duration = Duration::from_secs(10);

/// One blob on its way here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    pub blob: BlobId,
    pub size: u64,
    /// Bytes that have come; those of a piece that is not whole are not proved yet.
    pub done: u64,
    /// Bytes a second, lately.
    pub rate_bps: u64,
    /// Who is asked for it, or has sent something of it lately.
    pub from: BTreeSet<NodeId>,
    /// Whether a person waits for it.
    pub asked_for: bool,
}

/// How all that is wanted comes along.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// Blobs that are wanted and not complete, and the bytes of them that have not come.
    pub blobs_left: u64,
    pub bytes_left: u64,
    /// Bytes that have come since something was wanted last after nothing was.
    pub bytes_come: u64,
    /// What the line has shown; it says how long so many bytes take.
    pub estimator: Estimator,
    /// Blobs that no linked node gives, as of some seconds ago, and the first of them by name.
    pub stuck_count: u64,
    pub stuck: Arc<BTreeSet<BlobId>>,
}

/// What the desk lets others see.
#[derive(Debug, Default)]
pub(super) struct Board {
    transfers: Mutex<Arc<Vec<Transfer>>>,
    flow: Mutex<Flow>,
    pub(super) ledger: Mutex<BTreeMap<NodeId, Ledger>>,
    pub(super) stuck: AtomicBool,
}

impl Board {
    pub(super) fn transfers(&self) -> Arc<Vec<Transfer>> {
        lock(&self.transfers).clone()
    }

    pub(super) fn flow(&self) -> Flow {
        let flow = lock(&self.flow).clone();
        // While no link stands nothing is worked out, and time passes all the same.
        Flow { estimator: flow.estimator.at(now()), ..flow }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is measured.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    /// Blobs of which something has come or is asked for.
    begun: BTreeMap<BlobId, Measured>,
    estimator: Estimator,
    /// Bytes that had come when nothing was wanted last.
    had_come: u64,
    looked_for_stuck: Option<Instant>,
    stuck_count: u64,
    stuck: Arc<BTreeSet<BlobId>>,
}

#[derive(Debug)]
struct Measured {
    at: Instant,
    bytes: u64,
    rate_bps: u64,
}

impl Gauge {
    /// A blob is wanted from now on, of which something may be here.
    pub(super) fn begins(&mut self, blob: BlobId, begun: &Begun) {
        if !begun.present.is_empty() || !begun.parts.is_empty() {
            self.begun.insert(blob, Measured { at: Instant::now(), bytes: 0, rate_bps: 0 });
        }
    }
}

impl Measured {
    /// Half the old rate, half the new: steady enough to be read. The first stands alone.
    fn look(&mut self, at: Instant, bytes: u64) {
        let span = at.duration_since(self.at);
        if span > MEASURED_OVER {
            let rate = bytes.saturating_sub(self.bytes) as f64 / span.as_secs_f64();
            let before = if self.rate_bps == 0 { rate } else { self.rate_bps as f64 };
            self.rate_bps = f64::midpoint(before, rate) as u64;
            (self.at, self.bytes) = (at, bytes);
        }
    }
}

impl Desk {
    /// Works out the figures that others see.
    pub(super) fn measure(&mut self) {
        let at = Instant::now();
        let under_way = self.download.under_way();
        for blob in under_way.keys() {
            let received = || self.download.progress(*blob).map_or(0, |progress| progress.received_bytes);
            let new = || Measured { at, bytes: received(), rate_bps: 0 };
            self.gauge.begun.entry(*blob).or_insert_with(new);
        }
        let is_linked = !self.sources.is_empty();
        let mut part_bytes = 0;
        let mut transfers = Vec::new();
        self.gauge.begun.retain(|blob, measured| {
            let Some(progress) = self.download.progress(*blob) else { return false };
            let Some(moving) = self.moving.get_mut(blob) else { return false };
            let done = progress.verified_bytes + progress.part_bytes;
            part_bytes += progress.part_bytes;
            if progress.stuck || !is_linked {
                measured.rate_bps = 0;
                moving.from.clear();
            } else {
                measured.look(at, progress.received_bytes);
                moving.from.retain(|_, last| at.duration_since(*last) < FROM_LATELY);
            }
            let asked = under_way.get(blob);
            if done == 0 && asked.is_none() {
                return false;
            }
            let transfer = Transfer {
                blob: *blob,
                size: moving.wish.size,
                done: done.min(moving.wish.size),
                rate_bps: measured.rate_bps,
                from: moving.from.keys().chain(asked.into_iter().flatten()).copied().collect::<BTreeSet<_>>(),
                asked_for: moving.wish.urgency == Urgency::Interactive,
            };
            transfers.push((moving.wish.urgency, moving.wish.rank, transfer));
            true
        });
        transfers.sort_by_key(|(urgency, rank, _)| (*urgency, *rank));
        transfers.truncate(MAX_LISTED);
        *lock(&self.board.transfers) = Arc::new(transfers.into_iter().map(|(_, _, transfer)| transfer).collect());

        let totals = self.download.totals();
        let may_come = !under_way.is_empty() || (self.download.is_allowed(Urgency::Bulk) && !self.download.is_idle());
        let condition = if may_come { Condition::Wanting } else { Condition::Resting };
        let come = totals.verified_bytes + part_bytes;
        self.gauge.estimator.observe(now(), come, condition);
        let bytes_come = come.saturating_sub(self.gauge.had_come);
        if totals.blobs_missing == 0 {
            self.gauge.had_come = come;
        }
        self.look_for_stuck(at);
        *lock(&self.board.flow) = Flow {
            blobs_left: totals.blobs_missing,
            bytes_left: totals.bytes_missing.saturating_sub(part_bytes),
            bytes_come,
            estimator: self.gauge.estimator.clone(),
            stuck_count: self.gauge.stuck_count,
            stuck: self.gauge.stuck.clone(),
        };
    }

    fn look_for_stuck(&mut self, at: Instant) {
        let gauge = &mut self.gauge;
        let is_due = gauge.looked_for_stuck.is_none_or(|last| at.duration_since(last) >= LOOK_FOR_STUCK_EVERY);
        if !is_due && !self.download.is_idle() {
            return;
        }
        gauge.looked_for_stuck = Some(at);
        let mut stuck = BTreeSet::new();
        gauge.stuck_count = 0;
        for blob in self.download.stuck() {
            gauge.stuck_count += 1;
            if stuck.len() < MAX_STUCK {
                stuck.insert(blob);
            }
        }
        gauge.stuck = Arc::new(stuck);
    }
}
