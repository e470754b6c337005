//! The simulated link: one bottleneck with a buffer, and the way there and back.

use super::random::Random;

/// Bytes of IP and UDP headers around a datagram (IPv4).
pub(super) const HEADER_BYTES: u64 = 28;

/// One link, as the profiles of the test lab describe theirs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    pub(super) rate_bps: f64,
    /// There and back, without queue.
    pub(super) rtt: f64,
    /// Each way takes up to this much more or less.
    pub(super) jitter: f64,
    /// Of packets, each way, independently of one another.
    pub(super) loss: f64,
    /// Packets lost in a row where one is lost.
    pub(super) burst_packets: f64,
    /// What the bottleneck holds, in seconds at its rate.
    pub(super) buffer: f64,
    /// Seconds up and down, in turn; never down where `None`.
    pub(super) outages: Option<(f64, f64)>,
}

const STEADY: Profile =
    Profile { rate_bps: 2e6, rtt: 0.08, jitter: 0.0, loss: 0.0, burst_packets: 1.0, buffer: 0.3, outages: None };

pub(super) const COUNTY10M: Profile = Profile { rate_bps: 10e6, rtt: 0.02, loss: 0.001, buffer: 0.2, ..STEADY };
pub(super) const RURAL2M: Profile = Profile { jitter: 0.005, loss: 0.01, ..STEADY };
pub(super) const RURAL512K: Profile =
    Profile { rate_bps: 512e3, rtt: 0.15, jitter: 0.01, loss: 0.02, buffer: 0.6, ..STEADY };
pub(super) const SATELLITE: Profile =
    Profile { rate_bps: 1e6, rtt: 0.6, jitter: 0.01, loss: 0.03, buffer: 0.6, ..STEADY };
pub(super) const FLAKY: Profile = Profile { rtt: 0.1, jitter: 0.01, loss: 0.01, outages: Some((20.0, 15.0)), ..STEADY };

impl Profile {
    pub(super) fn rate(&self) -> f64 {
        self.rate_bps / 8.0
    }

    pub(super) fn is_up(&self, now: f64) -> bool {
        self.outages.is_none_or(|(up, down)| now % (up + down) < up)
    }
}

/// The bottleneck and the wires behind and before it. What is lost is lost behind the bottleneck: it has used it.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) profile: Profile,
    random: Random,
    /// When the bottleneck has sent all that it holds.
    free_at: f64,
    last_arrival: f64,
    last_return: f64,
    burst_left: u64,
    pub(super) overflowed: u64,
    /// Seconds of queue at each arrival, for the mean.
    pub(super) queue_sum: f64,
    pub(super) offered: u64,
}

impl Path {
    pub(super) fn new(profile: Profile, seed: u64) -> Self {
        Self {
            profile,
            random: Random::new(seed),
            free_at: 0.0,
            last_arrival: 0.0,
            last_return: 0.0,
            burst_left: 0,
            overflowed: 0,
            queue_sum: 0.0,
            offered: 0,
        }
    }

    /// Changes the link under the feet of its users.
    pub(super) fn change(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// Seconds that the bottleneck needs for what it holds.
    pub(super) fn queue(&self, now: f64) -> f64 {
        (self.free_at - now).max(0.0)
    }

    /// When a datagram of `bytes` arrives at the other end; `None` if it does not.
    pub(super) fn forward(&mut self, now: f64, bytes: u64) -> Option<f64> {
        if !self.profile.is_up(now) {
            return None;
        }
        let service = (bytes + HEADER_BYTES) as f64 / self.profile.rate();
        let queue = self.queue(now);
        self.queue_sum += queue;
        self.offered += 1;
        // A buffer holds the packet in service and at least one more, however short it is.
        if queue + service > self.profile.buffer.max(2.0 * service) {
            self.overflowed += 1;
            return None;
        }
        self.free_at = now.max(self.free_at) + service;
        if self.is_lost() || !self.profile.is_up(self.free_at) {
            return None;
        }
        let arrival = self.free_at + self.profile.rtt / 2.0 + self.jitter();
        self.last_arrival = self.last_arrival.max(arrival);
        Some(self.last_arrival)
    }

    /// The way back, for acknowledgements: never full, as lossy and as jittery as the way there.
    pub(super) fn back(&mut self, now: f64) -> Option<f64> {
        if !self.profile.is_up(now) || self.random.chance(self.profile.loss) {
            return None;
        }
        let arrival = now + self.profile.rtt / 2.0 + self.jitter();
        self.last_return = self.last_return.max(arrival);
        Some(self.last_return)
    }

    fn jitter(&mut self) -> f64 {
        self.profile.jitter * (2.0 * self.random.unit() - 1.0)
    }

    fn is_lost(&mut self) -> bool {
        if self.burst_left > 0 {
            self.burst_left -= 1;
            return true;
        }
        let lost = self.random.chance(self.profile.loss / self.profile.burst_packets);
        if lost {
            // Geometric, with the mean of the profile.
            while self.random.unit() > 1.0 / self.profile.burst_packets {
                self.burst_left += 1;
            }
        }
        lost
    }
}
