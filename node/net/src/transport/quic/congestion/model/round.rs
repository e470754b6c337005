//! One round: from an acknowledgement to the first of a packet that was sent after it.

#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) started: f64,
    pub(super) acked: f64,
    pub(super) lost: f64,
    /// The least round-trip time: the queue that never went away while it lasted.
    pub(super) standing: f64,
    /// The most that was in flight.
    pub(super) in_flight: f64,
    pub(super) app_limited: bool,
    pub(super) marked: bool,
    /// Samples of packets that were sent together.
    pub(super) pairs: u32,
}

impl Round {
    pub(super) fn new(now: f64) -> Self {
        Self {
            started: now,
            acked: 0.0,
            lost: 0.0,
            standing: f64::INFINITY,
            in_flight: 0.0,
            app_limited: false,
            marked: false,
            pairs: 0,
        }
    }

    /// A sample; those of single packets count only while there are no others.
    pub(super) fn observe(&mut self, rtt: f64, paired: bool) {
        if paired && self.pairs == 0 {
            self.standing = rtt;
        } else if paired || self.pairs == 0 {
            self.standing = self.standing.min(rtt);
        }
        self.pairs += u32::from(paired);
    }

    /// Bytes a second that went through, those included that were lost on the way: on a radio link they have used it.
    /// Losses count up to `max_lost` of what was sent, for beyond it is a buffer that overflows.
    pub(super) fn rate(&self, now: f64, max_lost: f64) -> f64 {
        let through = self.acked + self.lost.min(self.acked * max_lost / (1.0 - max_lost));
        through / (now - self.started).max(1e-6)
    }
}
