//! How the line comes and goes: stretches of movement, and the outages between them.
//!
//! Where stretches are alike (a radio link that is reset by the minute, a satellite that sets), the next outage is expected
//! when such a stretch is over. Where they are not, outages are expected in proportion to the movement.

use std::collections::VecDeque;

/// Stretches that are remembered: enough for a mean of what goes as it likes, few enough that a night's line is this
/// night's.
const REMEMBERED: usize = 24;
/// Stretches are alike where none is further than this share from their mean.
const ALIKE: f64 = 0.2;
/// An outage that lasts longer than others may last on by this share of its length so far.
const LASTS_ON: f64 = 0.25;

#[derive(Clone, Debug, Default)]
pub(super) struct Outages {
    /// Movement between two outages, and the outage after it.
    stretches: VecDeque<(f64, f64)>,
    /// Movement since the last outage or rest.
    current_ms: f64,
    /// The current stretch, or the first remembered one, began before it was looked at.
    current_is_cut: bool,
    first_is_cut: bool,
    begun: bool,
}

impl Outages {
    pub(super) fn moved(&mut self, ms: u64) {
        if !self.begun {
            (self.begun, self.current_is_cut) = (true, true);
        }
        self.current_ms += ms as f64;
    }

    /// An outage is over.
    pub(super) fn came_back(&mut self, outage_ms: u64) {
        if self.stretches.is_empty() {
            self.first_is_cut = true;
        } else if self.current_is_cut {
            // Of a stretch that began in a rest only the outage is known.
            let mean = self.stretch_ms(None).unwrap_or(self.current_ms);
            self.current_ms = self.current_ms.max(mean);
        }
        self.stretches.push_back((self.current_ms, outage_ms as f64));
        if self.stretches.len() > 1 && self.first_is_cut {
            self.stretches[0].0 = self.stretches[0].0.max(self.stretches[1].0);
            self.first_is_cut = false;
        }
        if self.stretches.len() > REMEMBERED {
            self.stretches.pop_front();
        }
        (self.current_ms, self.current_is_cut, self.begun) = (0.0, false, true);
    }

    /// Nothing was to come for a while: what the line did meanwhile is not known.
    pub(super) fn rested(&mut self) {
        (self.current_ms, self.current_is_cut) = (0.0, true);
    }

    /// The usual stretch, the current one included once it is longer; `None` before the first outage.
    fn stretch_ms(&self, current: Option<f64>) -> Option<f64> {
        let count = self.stretches.len() as f64;
        let sum: f64 = self.stretches.iter().map(|(up, _)| up).sum();
        match current {
            _ if self.stretches.is_empty() => None,
            Some(current) if current * count > sum => Some((sum + current) / (count + 1.0)),
            _ => Some(sum / count),
        }
    }

    fn outage_mean_ms(&self) -> Option<f64> {
        let sum: f64 = self.stretches.iter().map(|(_, down)| down).sum();
        (!self.stretches.is_empty()).then(|| sum / self.stretches.len() as f64)
    }

    /// Milliseconds of outage that are to be expected within so much movement. `lasts_ms`: an outage goes on since then.
    pub(super) fn within(&self, moving_ms: f64, lasts_ms: Option<u64>) -> f64 {
        let lasts_ms = lasts_ms.map(|ms| ms as f64);
        let Some(mean) = self.outage_mean_ms() else {
            // The first one: it may last as long again, and nothing is known of others.
            return lasts_ms.unwrap_or(0.0);
        };
        let rest = lasts_ms.map_or(0.0, |lasts| (mean - lasts).max(lasts * LASTS_ON));
        // In an outage the stretch before it is over.
        let (usual, into) = match lasts_ms {
            Some(_) => (self.stretch_ms(Some(self.current_ms)), 0.0),
            None => (self.stretch_ms(Some(self.current_ms)), self.current_ms),
        };
        let usual = usual.unwrap_or(moving_ms).max(1.0);
        let count = if self.are_alike() { ((moving_ms + into) / usual).floor() } else { moving_ms / usual };
        rest + count * mean
    }

    fn are_alike(&self) -> bool {
        let Some(mean) = self.stretch_ms(None) else { return false };
        let near = |ms: f64| (ms - mean).abs() <= mean * ALIKE;
        self.stretches.len() >= 3
            && self.stretches.iter().all(|(up, _)| near(*up))
            && self.current_ms <= mean * (1.0 + ALIKE)
    }
}
