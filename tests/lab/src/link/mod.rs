//! One direction of a line, as a pure model: a packet comes in, its fate goes out.
//!
//! A packet waits in a drop-tail queue, takes its time on the transmitter, may be lost on the way ([`loss`]), and arrives
//! after the propagation delay and some jitter. Order is kept: what delays a packet delays those behind it, as queues do.
//! While the line is down nothing passes, and what waits at the moment when it goes down is lost ([`outage`]): the harder
//! of the two ways that modems have.
//!
//! Time is a [`Duration`] since the line's start. The same calls under the same seed always give the same fates.

mod loss;
mod outage;
#[cfg(test)]
mod tests;

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use loss::Loss;
pub use outage::Outages;

/// What one direction of a line is like. Bytes are those of IP packets.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Direction {
    pub rate_bps: u64,
    /// Propagation, one way.
    pub delay_ms: f64,
    /// The most that is added to the delay of a packet; between 0 and this all are equally likely.
    #[serde(default)]
    pub jitter_ms: f64,
    /// The part of the packets that is lost at random, 0 to below 1.
    #[serde(default)]
    pub loss: f64,
    /// How many packets are lost in a row, on average; 1 and less: each for itself.
    #[serde(default)]
    pub burst: f64,
    /// How long the queue may make a packet wait before newcomers are dropped.
    pub queue_ms: f64,
    #[serde(default)]
    pub outages: Option<Outages>,
}

/// A line: what the near end receives, and what it sends.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Link {
    pub down: Direction,
    pub up: Direction,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// To the near end: where content is fetched to.
    Down,
    /// To the far end.
    Up,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    Delivered {
        at: Duration,
    },
    /// The queue was full.
    Dropped,
    /// Lost at random; it has taken its time on the transmitter.
    Lost,
    /// It met an outage.
    Outage,
}

impl Direction {
    /// Time on the transmitter.
    #[must_use]
    pub fn transmission(&self, bytes: usize) -> Duration {
        Duration::from_nanos(bytes as u64 * 8 * 1_000_000_000 / self.rate_bps.max(1))
    }

    /// Why this is no line, if it is none.
    ///
    /// # Errors
    /// The field and its value.
    pub fn check(&self) -> Result<(), String> {
        let is_time = |ms: f64| ms.is_finite() && (0.0..=60_000.0).contains(&ms);
        let times = [("delay_ms", self.delay_ms), ("jitter_ms", self.jitter_ms), ("queue_ms", self.queue_ms)];
        if let Some((name, ms)) = times.into_iter().find(|(_, ms)| !is_time(*ms)) {
            return Err(format!("{name} is {ms}; it must be between 0 and 60000"));
        }
        if !(0.0..1.0).contains(&self.loss) {
            return Err(format!("loss is {}; it must be at least 0 and below 1", self.loss));
        }
        if self.rate_bps == 0 {
            return Err("rate_bps is 0; a line that is down is described by outages".into());
        }
        self.outages.as_ref().map_or(Ok(()), Outages::check)
    }

    fn delay(&self) -> Duration {
        millis(self.delay_ms)
    }
}

impl Link {
    /// The same both ways.
    #[must_use]
    pub fn symmetric(both: &Direction) -> Self {
        Self { down: both.clone(), up: both.clone() }
    }

    /// The same line on its best day: nothing is lost and it is never down.
    #[must_use]
    pub fn on_a_good_day(&self) -> Self {
        let good = |way: &Direction| Direction { loss: 0.0, outages: None, ..way.clone() };
        Self { down: good(&self.down), up: good(&self.up) }
    }

    /// A round trip of a small packet on the idle line, on average.
    #[must_use]
    pub fn rtt(&self) -> Duration {
        let way = |way: &Direction| way.delay() + millis(way.jitter_ms / 2.0);
        way(&self.down) + way(&self.up)
    }
}

/// One direction at work.
#[derive(Debug)]
pub struct Transmitter {
    direction: Direction,
    loss: Loss,
    jitter: ChaCha8Rng,
    /// When the last packet that was taken will have left.
    free_at: Duration,
    /// The up-time that `free_at` belongs to.
    period: u64,
    last_arrival: Duration,
    busy: Duration,
}

impl Transmitter {
    /// A line that begins now. Loss and jitter draw from different streams of the seed, so that which packet is lost
    /// depends on its number alone.
    #[must_use]
    pub fn new(direction: Direction, seed: u64) -> Self {
        let mut jitter = ChaCha8Rng::seed_from_u64(seed);
        jitter.set_stream(1);
        Self {
            loss: Loss::new(direction.loss, direction.burst, seed),
            direction,
            jitter,
            free_at: Duration::ZERO,
            period: 0,
            last_arrival: Duration::ZERO,
            busy: Duration::ZERO,
        }
    }

    /// A packet of so many bytes comes in. `now` never goes back.
    pub fn push(&mut self, now: Duration, bytes: usize) -> Fate {
        let up = self.direction.outages.map_or(Some(outage::ALWAYS), |outages| outages.up(now));
        let Some(up) = up else { return Fate::Outage };
        if up.period != self.period {
            // What was queued when the line went down is gone.
            (self.period, self.free_at) = (up.period, Duration::ZERO);
        }
        let wait = self.wait(now);
        if wait > millis(self.direction.queue_ms) {
            return Fate::Dropped;
        }
        let transmission = self.direction.transmission(bytes);
        let left = now + wait + transmission;
        self.free_at = left;
        if left > up.until {
            return Fate::Outage;
        }
        self.busy += transmission;
        if self.loss.takes_the_next() {
            return Fate::Lost;
        }
        let jitter = millis(self.direction.jitter_ms * self.jitter.random::<f64>());
        let at = (left + self.direction.delay() + jitter).max(self.last_arrival);
        self.last_arrival = at;
        Fate::Delivered { at }
    }

    /// How long a packet that came now would wait.
    #[must_use]
    pub fn wait(&self, now: Duration) -> Duration {
        self.free_at.saturating_sub(now)
    }

    /// How long the transmitter has worked, and will for what it has taken.
    #[must_use]
    pub fn busy(&self) -> Duration {
        self.busy
    }
}

fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}
