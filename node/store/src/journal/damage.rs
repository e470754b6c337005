//! What could not be read: ranges of positions, for whoever fetches them again.

use std::collections::BTreeMap;

/// A row of bytes in the journal that holds no intact frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Position of the first bad byte.
    pub from: u64,
    /// Position of the next intact frame, or of the segment's end.
    pub to: u64,
}

/// Damaged ranges remembered at most; a disk with more than that is not mended frame by frame.
const MAX_REMEMBERED: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct DamageList(BTreeMap<u64, u64>);

impl DamageList {
    pub(super) fn note(&mut self, damage: Damage) {
        if self.0.len() < MAX_REMEMBERED && self.0.insert(damage.from, damage.to).is_none() {
            tracing::warn!(from = damage.from, to = damage.to, "bad frame in the journal, skipped");
        }
    }

    pub(super) fn list(&self) -> Vec<Damage> {
        self.0.iter().map(|(&from, &to)| Damage { from, to }).collect()
    }
}
