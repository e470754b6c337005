//! A homomorphic set hash: add and remove members in any order, compare two sets by 32 bytes.
//!
//! LtHash16 (Lewi, Kim, Maykov, Weis: "Securing Update Propagation with Homomorphic Hashing", 2019) with BLAKE3 as
//! its extendable hash: each member is stretched to 1024 lanes of 16 bits, which are added modulo 2^16.

use std::fmt;

const LANES: usize = 1024;
const CONTEXT: &str = "kapok 2026 shelf checksum";

/// The 2 KiB state: the lane-wise sum of all members.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash(Box<[u16; LANES]>);

impl Default for LtHash {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl fmt::Debug for LtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LtHash({})", data_encoding::HEXLOWER.encode(&self.digest()[..4]))
    }
}

impl LtHash {
    pub const BYTES: usize = 2 * LANES;

    /// Adds a member, given by its hash.
    pub fn add(&mut self, member: &[u8; 32]) {
        self.combine(member, u16::wrapping_add);
    }

    /// Removes a member that was added before.
    pub fn remove(&mut self, member: &[u8; 32]) {
        self.combine(member, u16::wrapping_sub);
    }

    /// 32 bytes that stand for the whole set.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(&self.to_bytes()).as_bytes()
    }

    /// The state, lanes in little-endian order.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// Reads a state back; none where the length is not [`Self::BYTES`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != Self::BYTES {
            return None;
        }
        let mut state = Self::default();
        for (lane, bytes) in state.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = u16::from_le_bytes([bytes[0], bytes[1]]);
        }
        Some(state)
    }

    fn combine(&mut self, member: &[u8; 32], operation: fn(u16, u16) -> u16) {
        let mut stretched = [0u8; Self::BYTES];
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(member).finalize_xof().fill(&mut stretched);
        for (lane, bytes) in self.0.iter_mut().zip(stretched.chunks_exact(2)) {
            *lane = operation(*lane, u16::from_le_bytes([bytes[0], bytes[1]]));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn order_and_detours_do_not_matter(
            members in proptest::collection::vec(any::<[u8; 32]>(), 0..12),
            detour in any::<[u8; 32]>(),
        ) {
            let mut forward = LtHash::default();
            members.iter().for_each(|m| forward.add(m));
            let mut backward = LtHash::default();
            backward.add(&detour);
            members.iter().rev().for_each(|m| backward.add(m));
            prop_assert_ne!(forward.digest(), backward.digest());
            backward.remove(&detour);
            prop_assert_eq!(forward.digest(), backward.digest());
            prop_assert_eq!(LtHash::from_bytes(&forward.to_bytes()), Some(forward));
        }
    }
}
