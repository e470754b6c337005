//! Estimate: how long what is left will take, as far as the line has shown until now.
//!
//! What people disbelieve is a time that was worked out from the last second: on a line that is down a third of the time
//! it says "forever", then "three minutes", then "forever". So two things are learnt apart: the **rate while bytes move**
//! ([`rate`]) and **how the line comes and goes** ([`outages`]). What is left takes its bytes by the rate, and the outages
//! that are to be expected in so much moving.
//!
//! Only movement is looked at: in an outage of some seconds a connection stands and says nothing, so whether a link stands
//! tells little. Time in which nothing was to come ([`Condition::Resting`]: all is here, a window is shut, nobody has it)
//! is no outage and counts for nothing; who knows when a window opens adds that ([`crate::blob`] knows no clock).
//!
//! Bytes are progress, not what crossed a wire: of a new version of a file most is copied from the old one, and it goes the
//! quicker for it. Files have no cost of their own: wants for small ones go out in crowds, and a thousand files of 4 KiB
//! use nine tenths of what a large one uses of the same line, which is well within what is promised here.
//!
//! Promise, once a tenth has come: within a fifth of what it then takes, on a line whose future is like its past.

mod outages;
mod rate;
#[cfg(test)]
mod tests;

use crate::time::Timestamp;
use outages::Outages;
use rate::Rate;

/// Silence that may be an outage. Frames take up to a second on the slowest lines, and losses a round trip or two.
const MIN_SILENCE_MS: u64 = 3_000;
/// The same in gaps between arrivals: on a line that gives a frame every two seconds, three seconds say nothing.
const SILENCE_GAPS: u64 = 4;
/// An outage beyond this is not how the line comes and goes: it is cut, or the node that gives is switched off. Nobody
/// knows until when, and the outages of the rest are not expected to be like it.
const MAX_OUTAGE_MS: u64 = 600_000;
/// Movement that has to be seen before anything is said: less is the beginning of a connection.
const MIN_SEEN_MS: u64 = 2_000;
/// Movement that is enough for a time of any length: ten minutes of a night tell of the rest of it.
const ENOUGH_SEEN_MS: u64 = 600_000;
/// The same as a share of what is to come: a tenth of the whole, less the first bytes and the last, which are not seen to
/// move.
const ENOUGH_SHARE: f64 = 1.0 / 12.0;
/// What is still believed after a rest: the line is mostly what it was, and that shows within seconds.
const SEEN_AFTER_REST_MS: u64 = 20_000;
/// Nobody is told of times beyond this; a rate of a byte an hour is no rate.
const MAX_LEFT_MS: u64 = 366 * 24 * 60 * 60 * 1000;

/// Whether bytes are to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Something is wanted that may come now; if nothing moves, it is for the line.
    Wanting,
    /// Nothing is to come.
    Resting,
}

/// How long something will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLeft {
    /// Too little has moved to say anything, or nothing has for so long that nobody knows when it will.
    Unknown,
    /// Less than a tenth is done of what is asked about, and the line is not known either.
    Between {
        least_ms: u64,
        most_ms: u64,
    },
    About {
        ms: u64,
    },
}

impl TimeLeft {
    /// The seconds, where they can be relied on.
    #[must_use]
    pub fn firm_seconds(self) -> Option<u64> {
        match self {
            Self::About { ms } => Some(ms.div_ceil(1000)),
            Self::Unknown | Self::Between { .. } => None,
        }
    }
}

/// Learns from what moves; says how long the rest takes. Pure: time comes from outside and need only go forward.
#[derive(Clone, Debug, Default)]
pub struct Estimator {
    now: Timestamp,
    /// When bytes last came, and how many had then.
    last: Option<(Timestamp, u64)>,
    /// Nothing has come since bytes were wanted: how long the first take is the peer's matter, not the line's.
    begins: bool,
    /// The usual time between two arrivals.
    gap_ms: u64,
    /// Movement that was seen and still tells something.
    seen_ms: u64,
    rate: Rate,
    outages: Outages,
}

impl Estimator {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of how much has come in all. To be called some times a second while something is wanted, and when
    /// that changes.
    pub fn observe(&mut self, now: Timestamp, moved_bytes: u64, condition: Condition) {
        self.now = self.now.max(now);
        let Some((at, before)) = self.last.filter(|_| condition == Condition::Wanting) else {
            self.begin(condition, moved_bytes);
            return;
        };
        // What turned out wrong is taken back; what comes in its place counts from there.
        let Some(bytes) = moved_bytes.checked_sub(before) else {
            self.last = Some((at, moved_bytes));
            return;
        };
        if bytes == 0 {
            return;
        }
        let gap_ms = self.now.millis_since(at);
        self.last = Some((self.now, moved_bytes));
        if std::mem::take(&mut self.begins) {
            return;
        }
        if gap_ms > MAX_OUTAGE_MS {
            self.rested();
            return;
        }
        if gap_ms > self.silence_ms() {
            self.outages.came_back(gap_ms);
            return;
        }
        self.gap_ms = if self.gap_ms == 0 { gap_ms } else { self.gap_ms - self.gap_ms / 8 + gap_ms / 8 };
        self.seen_ms = self.seen_ms.saturating_add(gap_ms);
        self.outages.moved(gap_ms);
        self.rate.add(bytes, gap_ms);
    }

    fn begin(&mut self, condition: Condition, moved_bytes: u64) {
        if self.last.is_some() {
            self.rested();
        }
        self.last = (condition == Condition::Wanting).then_some((self.now, moved_bytes));
        self.begins = true;
    }

    fn rested(&mut self) {
        self.seen_ms = self.seen_ms.min(SEEN_AFTER_REST_MS);
        self.outages.rested();
    }

    /// Time has passed, in which nothing was seen to come. For whoever reads an estimate that is some seconds old.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = self.now.max(now);
        self
    }

    /// Silence longer than this is an outage.
    fn silence_ms(&self) -> u64 {
        MIN_SILENCE_MS.max(SILENCE_GAPS.saturating_mul(self.gap_ms))
    }

    /// How long the outage lasts that goes on now.
    fn outage_ms(&self) -> Option<u64> {
        let (at, _) = self.last.filter(|_| !self.begins)?;
        Some(self.now.millis_since(at)).filter(|silence_ms| *silence_ms > self.silence_ms())
    }

    /// Bytes a second over the last seconds; 0 in an outage and while nothing is to come.
    #[must_use]
    pub fn rate_bps(&self) -> u64 {
        if self.last.is_none() || self.begins || self.outage_ms().is_some() { 0 } else { self.rate.lately_bps() }
    }

    /// How long `bytes` take, from now on and one after the other.
    #[must_use]
    pub fn left(&self, bytes: u64) -> TimeLeft {
        if bytes == 0 {
            return TimeLeft::About { ms: 0 };
        }
        let outage_ms = self.outage_ms();
        let is_known = self.seen_ms >= MIN_SEEN_MS && outage_ms.is_none_or(|ms| ms <= MAX_OUTAGE_MS);
        let Some(moving_ms) = self.rate.ms_for(bytes).filter(|_| is_known) else {
            return TimeLeft::Unknown;
        };
        let ms = (moving_ms + self.outages.within(moving_ms, outage_ms)).min(MAX_LEFT_MS as f64).round() as u64;
        if self.seen_ms >= ENOUGH_SEEN_MS || self.seen_ms as f64 >= moving_ms * ENOUGH_SHARE {
            TimeLeft::About { ms }
        } else {
            TimeLeft::Between { least_ms: ms / 10 * 7, most_ms: ms.saturating_add(ms / 2) }
        }
    }
}
