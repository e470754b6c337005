//! What a connection's owner does for it now and then: wakes it when it hears nothing, so that it notices within a second
//! that its link is back, and keeps what waits to be sent short.
//!
//! Quinn looks at the window only when something happens: an event, or its probe timer, which doubles. The model lets a
//! packet through now and then during an outage; this gives it the occasion.
//!
//! Quinn takes as many bytes as its send window allows, and what it has taken cannot be overtaken. At 512 kbit/s two
//! megabytes are half a minute in front of what a person waits for. So it is given half a second's worth, or what two round
//! trips take where that is more.

use std::task::Context;
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::adapter::Adapter;
use crate::transport::MAX_STREAMS_PER_CONNECTION;

/// Half a second more until a link that is back is used is what one can bear; a check costs two locks.
const EVERY: Duration = Duration::from_millis(250);
/// Calls for quinn's attention in an outage are this many checks apart.
const CHECKS_BETWEEN_CALLS: u32 = 2;

/// What may wait to be sent: long enough that no disk and no busy processor makes the line wait.
const AHEAD: Duration = Duration::from_millis(250);
/// Never less: a first flight and what answers it.
const MIN_SEND_WINDOW_BYTES: u64 = 48 * 1024;
/// Never more: bounds the memory for one connection. 28 Mbit/s over 600 ms.
pub(in super::super) const MAX_SEND_WINDOW_BYTES: u64 = 2 * 1024 * 1024;

/// Polled by the connection's owner for as long as the connection lives.
#[derive(Debug)]
pub(in super::super) struct Prober {
    adapter: Option<Adapter>,
    interval: Interval,
    checks: u32,
    send_window_bytes: u64,
}

impl Prober {
    pub(in super::super) fn new(connection: &quinn::Connection) -> Self {
        let mut interval = interval(EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { adapter: Adapter::of(connection), interval, checks: 0, send_window_bytes: MAX_SEND_WINDOW_BYTES }
    }

    /// Never ready; wakes the task when it is time to look again.
    pub(in super::super) fn poll(&mut self, cx: &mut Context<'_>, connection: &quinn::Connection) {
        while self.interval.poll_tick(cx).is_ready() {
            let Some(adapter) = &self.adapter else { return };
            self.checks = self.checks.wrapping_add(1);
            if self.checks.is_multiple_of(CHECKS_BETWEEN_CALLS) && adapter.is_stalled(Instant::now()) {
                // Says nothing to the peer that it does not know, but makes quinn ask whether it may send.
                connection.set_max_concurrent_bi_streams(MAX_STREAMS_PER_CONNECTION.into());
            }
            let wanted = adapter.sendable(AHEAD).clamp(MIN_SEND_WINDOW_BYTES, MAX_SEND_WINDOW_BYTES);
            if wanted.abs_diff(self.send_window_bytes) * 8 > self.send_window_bytes {
                self.send_window_bytes = wanted;
                connection.set_send_window(wanted);
            }
        }
    }
}
