//! A node that gives: how much may be asked of it at once, and what is asked of it now.

use std::collections::{BTreeMap, BTreeSet};

use super::{DEAR, HOME_COST};
use crate::blob::BlobId;
use crate::blob::message::{MAX_OPEN_REQUESTS, RequestId, Urgency};
use crate::time::Timestamp;

/// The window aims at this much of a source's measured rate: several round trips of the longest links, so that a
/// lost second is not felt, and little enough to move elsewhere when the source fails.
const WINDOW_SECONDS: u64 = 4;
const MIN_WINDOW_BYTES: u64 = 64 * 1024;
/// Before a rate is known: what the fastest links of today carry in a round trip.
const FIRST_WINDOW_BYTES: u64 = 512 * 1024;
const MAX_WINDOW_BYTES: u64 = 16 * 1024 * 1024;
/// Everything asked of one source, waiting requests included: bounds what a source can make the receiver buffer
/// by sending many pieces and finishing none.
const MAX_OPEN_BYTES: u64 = 32 * 1024 * 1024;
/// Requests kept free for what a person waits for.
const RESERVED_REQUESTS: usize = 32;
const RATE_SAMPLE_MS: u64 = 500;
/// Answers without content that may cross a cancellation: a refusal, and news of the fetching in the time of a round trip.
const LATE_NOTICES: u64 = 16;

/// How far a source is that fetches a blob itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ahead {
    pub(super) pieces: u32,
    pub(super) bytes: u64,
}

/// One request on its way.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) blob: BlobId,
    pub(super) urgency: Urgency,
    /// Whether the piece list was asked for with it.
    pub(super) list: bool,
    /// Whether the recipe was.
    pub(super) recipe: bool,
    /// Pieces that have not arrived whole.
    pub(super) pieces: BTreeSet<u32>,
    pub(super) bytes_left: u64,
    /// The source has sent something of it, or said that it will.
    pub(super) granted: bool,
    /// How far the source was when it last said that it is fetching the blob itself.
    pub(super) waiting: Option<Ahead>,
    /// How often it has said so since content of it came.
    pub(super) notices: u64,
    pub(super) asked_at: Timestamp,
    /// When the source last sent something of the blob, for this request or another.
    pub(super) content_at: Timestamp,
    pub(super) progress_at: Timestamp,
}

/// A connected node.
#[derive(Debug)]
pub(super) struct Source {
    /// Cheaper sources are asked first.
    pub(super) cost: u8,
    /// Whether it fetches for us what it lacks (a parent).
    pub(super) relays: bool,
    pub(super) open: BTreeMap<RequestId, Open>,
    pub(super) faults: u32,
    /// Silent stretches since it last answered.
    pub(super) silences: u32,
    /// Not asked before this time.
    pub(super) rests_until: Timestamp,
    pub(super) heard_at: Timestamp,
    /// When it last sent something that a person waits for; meanwhile bulk may rightly stand still.
    pub(super) interactive_at: Timestamp,
    next_request: RequestId,
    /// Content that may still arrive for requests that were cancelled.
    late_bytes: u64,
    /// Answers without content that may.
    late_notices: u64,
    rate: Rate,
    /// Since its window was three quarters empty of bulk, until it is full: so requests go out a few dozen in one packet,
    /// where one for each small answer would be a packet each.
    refilling: bool,
}

impl Source {
    /// What it costs for a blob that it has published itself, or for another.
    pub(super) fn cost_of(&self, own: bool) -> u8 {
        if own && self.cost < DEAR { self.cost.min(HOME_COST) } else { self.cost }
    }

    pub(super) fn new(now: Timestamp, cost: u8, relays: bool, faults: u32) -> Self {
        Self {
            cost,
            relays,
            open: BTreeMap::new(),
            faults,
            silences: 0,
            rests_until: now,
            heard_at: now,
            interactive_at: now,
            next_request: 0,
            late_bytes: 0,
            late_notices: 0,
            rate: Rate::default(),
            refilling: true,
        }
    }

    /// How many more bytes may be asked for now; 0 where nothing may. What a person waits for has a window of its
    /// own, so that it never waits until bulk has arrived.
    pub(super) fn room_bytes(&self, urgency: Urgency) -> u64 {
        if urgency == Urgency::Bulk && !self.refilling { 0 } else { self.free_bytes(urgency) }
    }

    fn free_bytes(&self, urgency: Urgency) -> u64 {
        let reserved = if urgency == Urgency::Bulk { RESERVED_REQUESTS } else { 0 };
        let all: u64 = self.open.values().map(|open| open.bytes_left).sum();
        if self.open.len() >= MAX_OPEN_REQUESTS - reserved || all >= MAX_OPEN_BYTES {
            return 0;
        }
        self.window_bytes().saturating_sub(self.used_bytes(urgency)).min(MAX_OPEN_BYTES - all)
    }

    fn used_bytes(&self, urgency: Urgency) -> u64 {
        let counted = self.open.values().filter(|open| open.urgency == urgency && open.waiting.is_none());
        counted.map(|open| open.bytes_left).sum()
    }

    fn window_bytes(&self) -> u64 {
        match self.rate.bytes_per_second {
            0 => FIRST_WINDOW_BYTES,
            rate => (rate * WINDOW_SECONDS).clamp(MIN_WINDOW_BYTES, MAX_WINDOW_BYTES),
        }
    }

    /// Something was asked for or has come: is it time for more?
    fn look_at_room(&mut self) {
        if self.free_bytes(Urgency::Bulk) == 0 {
            self.refilling = false;
        } else if !self.refilling {
            let bytes = self.used_bytes(Urgency::Bulk) <= self.window_bytes() / 4 * 3;
            let requests = self.open.len() <= (MAX_OPEN_REQUESTS - RESERVED_REQUESTS) / 4 * 3;
            self.refilling = bytes && requests;
        }
    }

    /// Takes note of a request and gives it its number.
    pub(super) fn ask(&mut self, now: Timestamp, open: Open) -> RequestId {
        if self.open.values().all(|open| open.waiting.is_some()) {
            // It had nothing to say until now: neither silence nor the rate is counted from before.
            self.heard_at = self.heard_at.max(now);
            self.rate.restart(now);
        }
        let request = self.next_request;
        // A connection that lives for 4 billion requests would reuse numbers that are long over.
        self.next_request = self.next_request.wrapping_add(1);
        self.open.insert(request, open);
        self.look_at_room();
        request
    }

    pub(super) fn heard(&mut self, now: Timestamp, content_bytes: u64) {
        self.heard_at = now;
        self.silences = 0;
        self.rests_until = Timestamp::default();
        self.rate.add(now, content_bytes);
    }

    /// Notes that content of a request has come.
    pub(super) fn came(&mut self, request: RequestId, content_bytes: u64) {
        if let Some(open) = self.open.get_mut(&request) {
            open.bytes_left = open.bytes_left.saturating_sub(content_bytes);
        }
        self.look_at_room();
    }

    /// A request is over.
    pub(super) fn end(&mut self, request: RequestId) -> Option<Open> {
        let open = self.open.remove(&request);
        self.look_at_room();
        open
    }

    /// Forgets a request; what is still on its way for it will be ignored.
    pub(super) fn cancel(&mut self, request: RequestId) -> Option<Open> {
        let open = self.end(request)?;
        self.late_bytes += open.bytes_left;
        self.late_notices += LATE_NOTICES;
        Some(open)
    }

    /// Whether content for a request that is no longer open is explained by a cancellation.
    pub(super) fn explains_late(&mut self, request: RequestId, content_bytes: u64) -> bool {
        if request >= self.next_request || content_bytes > self.late_bytes {
            return false;
        }
        self.late_bytes -= content_bytes;
        if content_bytes == 0 {
            let Some(left) = self.late_notices.checked_sub(1) else { return false };
            self.late_notices = left;
        }
        true
    }
}

/// Bytes a second while something was outstanding.
#[derive(Debug, Default)]
struct Rate {
    bytes_per_second: u64,
    since: Timestamp,
    bytes: u64,
}

impl Rate {
    fn restart(&mut self, now: Timestamp) {
        (self.since, self.bytes) = (now, 0);
    }

    fn add(&mut self, now: Timestamp, bytes: u64) {
        self.bytes += bytes;
        let elapsed_ms = now.millis_since(self.since);
        if elapsed_ms >= RATE_SAMPLE_MS {
            let sample = self.bytes.saturating_mul(1000) / elapsed_ms;
            self.bytes_per_second = match self.bytes_per_second {
                0 => sample,
                known => (3 * known + sample) / 4,
            };
            self.restart(now);
        }
    }
}
