//! The round-trip time without a queue: the least that was seen lately.

/// Seconds after which a bucket is closed. The least of the buckets counts, so a link whose path became longer is
/// believed after [`BUCKETS`] times this.
const BUCKET: f64 = 10.0;

/// A minute. Shorter, and a flow that shares a link with one that always keeps a queue would take that queue for a part
/// of the path.
const BUCKETS: usize = 6;

/// A pair takes longer than a packet alone by a packet's time: by no more than this share of the round trip and so many
/// seconds. Without this bound, a first pair that met a queue would be the base.
const PAIR_SHARE: f64 = 0.25;
const PAIR_TIME: f64 = 0.03;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Of packets that were sent together with another.
    paired: f64,
    /// Of packets that were sent alone.
    single: f64,
}

const EMPTY: Bucket = Bucket { paired: f64::INFINITY, single: f64::INFINITY };

#[derive(Clone, Debug)]
pub(super) struct BaseRtt {
    buckets: [Bucket; BUCKETS],
    current: usize,
    opened: f64,
}

impl BaseRtt {
    pub(super) fn new() -> Self {
        Self { buckets: [EMPTY; BUCKETS], current: 0, opened: 0.0 }
    }

    pub(super) fn observe(&mut self, now: f64, rtt: f64, paired: bool) {
        // Closed by what comes next, not by the clock: what is known stays known until there is something newer.
        if now - self.opened > BUCKET {
            self.current = (self.current + 1) % BUCKETS;
            self.buckets[self.current] = EMPTY;
            self.opened = now;
        }
        let bucket = &mut self.buckets[self.current];
        let least = if paired { &mut bucket.paired } else { &mut bucket.single };
        *least = least.min(rtt);
    }

    /// Infinite before the first observation.
    pub(super) fn get(&self) -> f64 {
        let least = |of: fn(&Bucket) -> f64| self.buckets.iter().map(of).fold(f64::INFINITY, f64::min);
        let (paired, single) = (least(|bucket| bucket.paired), least(|bucket| bucket.single));
        if paired.is_finite() { paired.min(single * (1.0 + PAIR_SHARE) + PAIR_TIME) } else { single }
    }

    /// Packets became longer: what was measured with shorter ones takes so much longer.
    pub(super) fn lengthen(&mut self, by: f64) {
        let by = by.clamp(0.0, self.get() / 16.0);
        for bucket in &mut self.buckets {
            bucket.paired += by;
        }
    }
}
