//! Random loss, each packet for itself or in bursts.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Gilbert's channel of two states (Gilbert 1960, "Capacity of a burst-noise channel"), with all lost in the bad one: a
/// burst ends after each packet with 1/burst, so that it is that long on average, and begins as often as the loss needs.
#[derive(Debug)]
pub(super) struct Loss {
    random: ChaCha8Rng,
    begins: f64,
    ends: f64,
    is_bad: bool,
}

impl Loss {
    pub(super) fn new(loss: f64, burst: f64, seed: u64) -> Self {
        // Without bursts the next packet's fate does not depend on this one's.
        let (begins, ends) = if burst > 1.0 { (loss / (1.0 - loss) / burst, 1.0 / burst) } else { (loss, 1.0 - loss) };
        Self { random: ChaCha8Rng::seed_from_u64(seed), begins: begins.min(1.0), ends, is_bad: false }
    }

    pub(super) fn takes_the_next(&mut self) -> bool {
        let chance = self.random.random::<f64>();
        self.is_bad = if self.is_bad { chance >= self.ends } else { chance < self.begins };
        self.is_bad
    }
}
