//! Which pieces of a blob there are: a bitmap.

/// A set of piece numbers below a fixed count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PieceSet {
    count: u32,
    present: u32,
    words: Vec<u64>,
}

impl PieceSet {
    /// No pieces, of a blob of `count`.
    #[must_use]
    pub fn empty(count: u32) -> Self {
        Self { count, present: 0, words: vec![0; count.div_ceil(64) as usize] }
    }

    /// Every piece, of a blob of `count`.
    #[must_use]
    pub fn full(count: u32) -> Self {
        let mut set = Self::empty(count);
        (0..count).for_each(|index| {
            set.insert(index);
        });
        set
    }

    /// Reads back [`Self::to_bytes`]; `None` if the bytes are not a set of `count` pieces.
    #[must_use]
    pub fn from_bytes(count: u32, bytes: &[u8]) -> Option<Self> {
        if bytes.len() != count.div_ceil(8) as usize {
            return None;
        }
        let mut set = Self::empty(count);
        for (index, byte) in (0..).step_by(8).zip(bytes) {
            for bit in 0..8 {
                // A bit past the end means that the map belongs to another blob, or is damaged.
                if byte >> bit & 1 == 1 && !set.insert(index + bit) {
                    return None;
                }
            }
        }
        Some(set)
    }

    /// One bit a piece, the lowest bit of the first byte for piece 0.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes: Vec<u8> = self.words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.truncate(self.count.div_ceil(8) as usize);
        bytes
    }

    /// Adds a piece; false if it was there already or the blob has no such piece.
    pub fn insert(&mut self, index: u32) -> bool {
        let new = index < self.count && !self.contains(index);
        if new {
            self.words[index as usize / 64] |= 1 << (index % 64);
            self.present += 1;
        }
        new
    }

    /// Takes a piece out; false if it was not there.
    pub fn remove(&mut self, index: u32) -> bool {
        let there = self.contains(index);
        if there {
            self.words[index as usize / 64] &= !(1 << (index % 64));
            self.present -= 1;
        }
        there
    }

    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        index < self.count && self.words[index as usize / 64] >> (index % 64) & 1 == 1
    }

    /// The pieces that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut set = Self::full(self.count);
        self.iter().for_each(|index| {
            set.remove(index);
        });
        set
    }

    /// How many pieces the blob has.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many pieces are in the set.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.present
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.present == 0
    }

    #[must_use]
    pub fn is_full(&self) -> bool {
        self.present == self.count
    }

    /// The lowest piece in the set.
    #[must_use]
    pub fn first(&self) -> Option<u32> {
        let (word, bits) = self.words.iter().enumerate().find(|(_, bits)| **bits != 0)?;
        Some(word as u32 * 64 + bits.trailing_zeros())
    }

    /// The pieces in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(word, &bits)| {
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word as u32 * 64 + bit)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_behaves_like_a_set_of_numbers(count in 1u32..300, steps in prop::collection::vec((0u32..320, any::<bool>()), 0..400)) {
            let (mut set, mut model) = (PieceSet::empty(count), BTreeSet::new());
            for (index, add) in steps {
                if add {
                    prop_assert_eq!(set.insert(index), index < count && model.insert(index));
                } else {
                    prop_assert_eq!(set.remove(index), model.remove(&index));
                }
            }
            prop_assert_eq!(set.len() as usize, model.len());
            prop_assert_eq!(set.first(), model.first().copied());
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert_eq!(set.complement().len() + set.len(), count);
            prop_assert_eq!(PieceSet::from_bytes(count, &set.to_bytes()), Some(set));
        }
    }

    #[test]
    fn a_map_of_another_blob_is_not_read() {
        assert_eq!(PieceSet::from_bytes(9, &[0]), None);
        assert_eq!(PieceSet::from_bytes(9, &[0, 2]), None);
        assert!(PieceSet::from_bytes(9, &[0xff, 1]).unwrap().is_full());
    }
}
