//! The rate while bytes move: steady over what varies by itself, and quick to see that the line has become another.
//!
//! The mean over the run, in which what lies back counts less and less (its time constant is a third of the movement seen,
//! so that the estimate of a night does not hang on its last minute). Beside it the last twenty seconds are kept: when both
//! halves of them are far from the mean on the same side, it is another line than before (a carrier that throttles,
//! another peer), and the mean begins anew with them.

use std::collections::VecDeque;

/// The two halves that are compared with the mean.
const HALF_MS: u64 = 10_000;
/// What people see as the rate of this moment.
const LATELY_MS: u64 = 5_000;
/// Beyond this, or its reciprocal, is another line: weak radio and satellites vary by a third within seconds.
const OTHER_LINE: f64 = 1.4;
/// How much of the movement seen the mean remembers.
const MEMORY_SHARE: f64 = 1.0 / 3.0;
/// Bounds of it: below, it would follow every swing; above, it is longer than a window of the night matters.
const MIN_MEMORY_MS: f64 = 20_000.0;
const MAX_MEMORY_MS: f64 = 1_800_000.0;

#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// Bytes and the milliseconds in which they came, faded.
    bytes: f64,
    ms: f64,
    /// Movement seen on this line.
    seen_ms: f64,
    /// The last two halves, newest last.
    recent: VecDeque<(u64, u64)>,
    recent_ms: u64,
}

impl Rate {
    pub(super) fn add(&mut self, bytes: u64, ms: u64) {
        if ms == 0 {
            // Two looks within a millisecond: the bytes belong to the time before.
            self.bytes += bytes as f64;
            if let Some((newest, _)) = self.recent.back_mut() {
                *newest = newest.saturating_add(bytes);
            }
            return;
        }
        self.seen_ms += ms as f64;
        let memory = (self.seen_ms * MEMORY_SHARE).clamp(MIN_MEMORY_MS, MAX_MEMORY_MS);
        let fading = (-(ms as f64) / memory).exp();
        self.bytes = self.bytes * fading + bytes as f64;
        self.ms = self.ms * fading + ms as f64;
        self.recent.push_back((bytes, ms));
        self.recent_ms += ms;
        while let Some((_, oldest)) = self.recent.front().filter(|(_, oldest)| self.recent_ms - oldest >= 2 * HALF_MS) {
            self.recent_ms -= oldest;
            self.recent.pop_front();
        }
        self.look_for_change();
    }

    /// The mean begins anew where the line has become another.
    fn look_for_change(&mut self) {
        if self.recent_ms < 2 * HALF_MS || self.bytes <= 0.0 {
            return;
        }
        let (newer, newer_ms) = self.newest(HALF_MS);
        let all = self.recent.iter().fold(0u64, |sum, (bytes, _)| sum.saturating_add(*bytes));
        let mean = self.bytes / self.ms;
        let of = |bytes: u64, ms: u64| bytes as f64 / ms.max(1) as f64 / mean;
        let halves = [of(newer, newer_ms), of(all.saturating_sub(newer), self.recent_ms - newer_ms)];
        if halves.iter().all(|half| *half > OTHER_LINE) || halves.iter().all(|half| *half < 1.0 / OTHER_LINE) {
            (self.bytes, self.ms) = (all as f64, self.recent_ms as f64);
            self.seen_ms = self.ms;
        }
    }

    /// Bytes and milliseconds of the newest looks that make up `span_ms`.
    fn newest(&self, span_ms: u64) -> (u64, u64) {
        let (mut bytes, mut ms) = (0, 0);
        for (more, its_ms) in self.recent.iter().rev() {
            if ms >= span_ms {
                break;
            }
            bytes = u64::saturating_add(bytes, *more);
            ms += its_ms;
        }
        (bytes, ms)
    }

    pub(super) fn lately_bps(&self) -> u64 {
        let (bytes, ms) = self.newest(LATELY_MS);
        if ms == 0 { 0 } else { (bytes as f64 * 1000.0 / ms as f64) as u64 }
    }

    /// Milliseconds of movement in which so many bytes come; `None` before any came.
    pub(super) fn ms_for(&self, bytes: u64) -> Option<f64> {
        (self.bytes > 0.0 && self.ms > 0.0).then(|| bytes as f64 * self.ms / self.bytes)
    }
}
