//! The chain of the audit journal: each frame carries the hash of all payloads up to its own.
//!
//! Who alters, removes or inserts a frame has to rewrite everything after it, and then the value that the parent
//! countersigned (the daily checkpoint) no longer fits.

use super::frame::LINK_BYTES;
use super::segment::SEGMENT_HEADER_BYTES;
use super::{Journal, JournalError};

/// Where a chain stands: what a checkpoint signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHead {
    /// The end of the journal.
    pub position: u64,
    /// The hash of everything before it.
    pub value: [u8; 32],
}

/// The chain's value after `payload`.
pub(super) fn link(before: &[u8; 32], payload: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("kapok journal chain 1");
    hasher.update(before);
    hasher.update(payload);
    *hasher.finalize().as_bytes()
}

/// Parts the stored bytes of a chained frame into link and payload.
pub(super) fn split(stored: &[u8]) -> Option<([u8; LINK_BYTES], &[u8])> {
    let (link, payload) = stored.split_first_chunk()?;
    Some((*link, payload))
}

impl Journal {
    /// Where the chain stands; zeros where the journal is not chained.
    #[must_use]
    pub fn chain_head(&self) -> ChainHead {
        let state = self.shared.state();
        ChainHead { position: state.end, value: state.chain }
    }

    /// Follows the whole chain and returns its head. `checkpoints` are earlier heads that must lie on it.
    ///
    /// # Errors
    /// [`JournalError::ChainBroken`] at the first frame or checkpoint that does not fit.
    pub fn verify_chain(&self, checkpoints: &[ChainHead]) -> Result<ChainHead, JournalError> {
        let broken = |position| JournalError::ChainBroken { dir: self.shared.dir.clone(), position };
        let mut checkpoints = checkpoints.to_vec();
        checkpoints.sort_by_key(|c| c.position);
        let mut checkpoints = checkpoints.into_iter().peekable();
        let mut head = ChainHead { position: SEGMENT_HEADER_BYTES as u64, value: [0; 32] };
        let mut frames = self.iter_from(self.cursor(0))?;
        loop {
            while let Some(checkpoint) = checkpoints.next_if(|c| c.position <= head.position) {
                if checkpoint != head {
                    return Err(broken(checkpoint.position));
                }
            }
            let Some(frame) = frames.next().transpose()? else {
                break;
            };
            head = ChainHead { position: frame.next, value: link(&head.value, &frame.payload) };
            if frame.link != Some(head.value) {
                return Err(broken(frame.position));
            }
        }
        match checkpoints.next() {
            Some(beyond) => Err(broken(beyond.position)),
            None => Ok(head),
        }
    }
}
