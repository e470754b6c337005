//! A line that is up and down by turns.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Up first, then down, and again.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Outages {
    pub up_s: f64,
    pub down_s: f64,
}

/// An up-time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Up {
    pub(super) period: u64,
    pub(super) until: Duration,
}

pub(super) const ALWAYS: Up = Up { period: 0, until: Duration::MAX };

impl Outages {
    pub(super) fn check(&self) -> Result<(), String> {
        let is_span = |seconds: f64| seconds.is_finite() && (0.001..=86_400.0).contains(&seconds);
        if is_span(self.up_s) && is_span(self.down_s) {
            return Ok(());
        }
        Err(format!("up_s is {}, down_s is {}; both must be between 0.001 and 86400", self.up_s, self.down_s))
    }

    /// The up-time that `now` is in, if the line is up.
    pub(super) fn up(&self, now: Duration) -> Option<Up> {
        let (up, cycle) = (nanos(self.up_s), nanos(self.up_s) + nanos(self.down_s));
        let (period, into) = (now.as_nanos() / cycle.max(1), now.as_nanos() % cycle.max(1));
        let until = Duration::from_nanos(u64::try_from(period * cycle + up).unwrap_or(u64::MAX));
        (into < up).then_some(Up { period: u64::try_from(period).unwrap_or(u64::MAX), until })
    }

    /// How much of the time between two moments the line is up.
    #[must_use]
    pub fn up_time(&self, from: Duration, to: Duration) -> Duration {
        let (up, cycle) = (nanos(self.up_s), nanos(self.up_s) + nanos(self.down_s));
        let until = |time: Duration| {
            let (whole, rest) = (time.as_nanos() / cycle.max(1), time.as_nanos() % cycle.max(1));
            whole * up + rest.min(up)
        };
        Duration::from_nanos(u64::try_from(until(to).saturating_sub(until(from))).unwrap_or(u64::MAX))
    }

    /// When the line comes back between two moments.
    #[must_use]
    pub fn returns(&self, from: Duration, to: Duration) -> Vec<Duration> {
        let cycle = nanos(self.up_s) + nanos(self.down_s);
        let turn = |number: u128| Duration::from_nanos(u64::try_from(number * cycle).unwrap_or(u64::MAX));
        let first = from.as_nanos() / cycle.max(1) + 1;
        (first..).map(turn).take_while(|at| *at < to).collect()
    }
}

fn nanos(seconds: f64) -> u128 {
    Duration::try_from_secs_f64(seconds).unwrap_or_default().as_nanos()
}
