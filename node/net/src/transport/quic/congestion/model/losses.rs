//! What is lost: how much of all, and how far apart.

/// Packets over which the share of lost ones is smoothed: at 10 % the standard deviation of the estimate is 2 %.
const SMOOTHING_PACKETS: f64 = 128.0;

/// Loss intervals that count, RFC 5348, with its weights.
const WEIGHTS: [f64; 8] = [1.0, 1.0, 1.0, 1.0, 0.8, 0.6, 0.4, 0.2];

#[derive(Clone, Debug)]
pub(super) struct Losses {
    share: f64,
    intervals: [f64; WEIGHTS.len()],
    known: usize,
    open: f64,
    event_until: f64,
}

impl Losses {
    pub(super) fn new() -> Self {
        Self { share: 0.0, intervals: [0.0; WEIGHTS.len()], known: 0, open: 0.0, event_until: 0.0 }
    }

    pub(super) fn delivered(&mut self, packets: f64) {
        self.share -= self.share * (packets / SMOOTHING_PACKETS).min(1.0);
        self.open += packets;
    }

    /// Losses within one round trip are one event: a loss-based sender answers them once.
    pub(super) fn lost(&mut self, now: f64, packets: f64, rtt: f64) {
        self.share += (1.0 - self.share) * (packets / SMOOTHING_PACKETS).min(1.0);
        if now < self.event_until {
            return;
        }
        self.event_until = now + rtt;
        self.intervals.rotate_right(1);
        self.intervals[0] = self.open.max(1.0);
        self.known = (self.known + 1).min(WEIGHTS.len());
        self.open = 0.0;
    }

    /// Of all packets, lately.
    pub(super) fn share(&self) -> f64 {
        self.share
    }

    /// Packets that a flow of TCP has in flight on average where losses are as far apart as here: Reno's square root
    /// or, where that is more, Cubic's law (RFC 9438). Infinite while nothing was lost.
    pub(super) fn tcp_window(&self, rtt: f64) -> f64 {
        let average = |intervals: &mut dyn Iterator<Item = f64>| {
            let (sum, weights) = intervals
                .zip(WEIGHTS)
                .fold((0.0, 0.0), |(sum, weights), (interval, weight)| (sum + interval * weight, weights + weight));
            if weights > 0.0 { sum / weights } else { f64::INFINITY }
        };
        let known = &self.intervals[..self.known];
        let closed = average(&mut known.iter().copied());
        let with_open = average(&mut std::iter::once(self.open).chain(known.iter().copied()));
        let apart = if self.known == 0 { f64::INFINITY } else { closed.max(with_open) };
        let reno = 1.22 * apart.sqrt();
        let cubic = 1.054 * (rtt * apart).powf(0.75);
        reno.max(cubic)
    }
}
