//! Wakes a connection that hears nothing, so that it notices within a second that its link is back.
//!
//! Quinn looks at the window only when something happens: an event, or its probe timer, which doubles. The model lets a
//! packet through now and then during an outage; this gives it the occasion.

use std::task::Context;
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::adapter::Adapter;
use crate::transport::MAX_STREAMS_PER_CONNECTION;

/// Half a second more until a link that is back is used is what one can bear; a check costs two locks.
const EVERY: Duration = Duration::from_millis(500);

/// Polled by the connection's owner for as long as the connection lives.
#[derive(Debug)]
pub(in super::super) struct Prober {
    adapter: Option<Adapter>,
    interval: Interval,
}

impl Prober {
    pub(in super::super) fn new(connection: &quinn::Connection) -> Self {
        let mut interval = interval(EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { adapter: Adapter::of(connection), interval }
    }

    /// Never ready; wakes the task when it is time to look again.
    pub(in super::super) fn poll(&mut self, cx: &mut Context<'_>, connection: &quinn::Connection) {
        let Some(adapter) = &self.adapter else { return };
        while self.interval.poll_tick(cx).is_ready() {
            if adapter.is_stalled(Instant::now()) {
                // Says nothing to the peer that it does not know, but makes quinn ask whether it may send.
                connection.set_max_concurrent_bi_streams(MAX_STREAMS_PER_CONNECTION.into());
            }
        }
    }
}
