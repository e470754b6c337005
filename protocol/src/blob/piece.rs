//! Pieces: how a blob is cut for transfer, and how each cut is proved against the blob's name alone.
//!
//! A piece is a 256 KiB subtree of the BLAKE3 tree. The chaining values of all pieces, merged as the tree of that
//! size prescribes (BLAKE3 paper, section 2.1), give the root hash, which is the blob's name. So a [`PieceList`]
//! proves itself: it may come from anybody. A blob of one piece needs no list, its name is its only hash.
//!
//! Invariant: a [`PieceList`] exists only for values that merge to the blob's name; there is no other way to make one.

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};

use super::BlobId;

/// Bytes of every piece but the last, which may be shorter.
pub const PIECE_BYTES: u64 = 256 * 1024;
/// Bytes of one chaining value in a piece list.
pub const VALUE_BYTES: usize = 32;
/// Largest blob: 64 GiB, ten times the longest lesson recording. Bounds the piece list to 8 MiB of memory.
pub const MAX_BLOB_BYTES: u64 = 64 << 30;

/// Why a piece or a piece list was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    #[error("a blob of {size} bytes is larger than {MAX_BLOB_BYTES}")]
    BlobTooLarge { size: u64 },
    #[error("the piece list of {blob} has {got} bytes, where its size needs {expected}")]
    ListLength { blob: BlobId, got: usize, expected: usize },
    #[error("the piece list does not lead to the name {blob}")]
    WrongList { blob: BlobId },
    #[error("{blob} has {count} pieces, there is none with number {index}")]
    NoSuchPiece { blob: BlobId, index: u32, count: u32 },
    #[error("piece {index} of {blob} has {expected} bytes, not {got}")]
    PieceLength { blob: BlobId, index: u32, got: usize, expected: usize },
    #[error("piece {index} of {blob} holds other bytes than its name says")]
    WrongPiece { blob: BlobId, index: u32 },
}

/// How many pieces a blob of `size` bytes has. The empty blob has one, empty piece. Saturates far above
/// [`MAX_BLOB_BYTES`].
#[must_use]
pub fn piece_count(size: u64) -> u32 {
    u32::try_from(size.div_ceil(PIECE_BYTES).max(1)).unwrap_or(u32::MAX)
}

/// Where piece `index` begins in the blob, in bytes.
#[must_use]
pub fn piece_offset(index: u32) -> u64 {
    u64::from(index) * PIECE_BYTES
}

/// How many bytes piece `index` of a blob of `size` bytes has; 0 past the end.
#[must_use]
pub fn piece_len(size: u64, index: u32) -> usize {
    // At most 256 KiB, so it fits.
    size.saturating_sub(piece_offset(index)).min(PIECE_BYTES) as usize
}

/// The value of piece `index` of a blob of more than one piece. `bytes` are not empty.
#[must_use]
pub fn piece_value(index: u32, bytes: &[u8]) -> ChainingValue {
    Hasher::new().set_input_offset(piece_offset(index)).update(bytes).finalize_non_root()
}

/// The proven chaining values of all pieces of one blob.
#[derive(Clone, PartialEq, Eq)]
pub struct PieceList {
    blob: BlobId,
    size: u64,
    /// Empty where the blob is a single piece.
    values: Vec<ChainingValue>,
}

impl std::fmt::Debug for PieceList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PieceList({}, {} bytes, {} pieces)", self.blob, self.size, self.count())
    }
}

impl PieceList {
    /// Proves `values` (32 bytes a piece, in order; none for a blob of one piece) against a blob's name and size.
    ///
    /// # Errors
    /// If the size is over the limit, the number of values is not that of the size, or they do not merge to the name.
    pub fn verify(blob: BlobId, size: u64, values: &[u8]) -> Result<Self, PieceError> {
        if size > MAX_BLOB_BYTES {
            return Err(PieceError::BlobTooLarge { size });
        }
        let expected = Self::encoded_len(size);
        if values.len() != expected {
            return Err(PieceError::ListLength { blob, got: values.len(), expected });
        }
        let (values, _) = values.as_chunks::<VALUE_BYTES>();
        if !values.is_empty() && root(size, values) != blob {
            return Err(PieceError::WrongList { blob });
        }
        Ok(Self { blob, size, values: values.to_vec() })
    }

    /// The list of a blob of one piece, which needs no values; `None` for larger blobs.
    #[must_use]
    pub fn of_single_piece(blob: BlobId, size: u64) -> Option<Self> {
        (piece_count(size) == 1).then_some(Self { blob, size, values: Vec::new() })
    }

    /// How many bytes the values of a blob of `size` bytes take: 32 a piece, 0 for one piece.
    #[must_use]
    pub fn encoded_len(size: u64) -> usize {
        match piece_count(size) {
            1 => 0,
            count => count as usize * VALUE_BYTES,
        }
    }

    #[must_use]
    pub fn blob(&self) -> BlobId {
        self.blob
    }

    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The number of pieces.
    #[must_use]
    pub fn count(&self) -> u32 {
        piece_count(self.size)
    }

    /// The values as they are stored and sent: what [`Self::verify`] takes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.values.concat()
    }

    /// The values, in order; none for a blob of one piece.
    #[must_use]
    pub fn values(&self) -> &[ChainingValue] {
        &self.values
    }

    /// Proves the bytes of one piece.
    ///
    /// # Errors
    /// If there is no such piece, or it has another length or other bytes.
    pub fn verify_piece(&self, index: u32, bytes: &[u8]) -> Result<(), PieceError> {
        let (blob, count) = (self.blob, self.count());
        if index >= count {
            return Err(PieceError::NoSuchPiece { blob, index, count });
        }
        let expected = piece_len(self.size, index);
        if bytes.len() != expected {
            return Err(PieceError::PieceLength { blob, index, got: bytes.len(), expected });
        }
        let right = match self.values.get(index as usize) {
            None => BlobId::of(bytes) == blob,
            // Pieces of a larger blob are never empty, which finalize_non_root would not accept.
            Some(value) => piece_value(index, bytes) == *value,
        };
        if right { Ok(()) } else { Err(PieceError::WrongPiece { blob, index }) }
    }
}

/// The root hash of a tree of `size` bytes (more than one piece) whose pieces have these values.
fn root(size: u64, values: &[ChainingValue]) -> BlobId {
    let left_bytes = left_subtree_len(size);
    let (left, right) = values.split_at((left_bytes / PIECE_BYTES) as usize);
    let (left, right) = (subtree(left_bytes, left), subtree(size - left_bytes, right));
    BlobId(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
}

/// The chaining value of a subtree of `size` bytes. Recursion is as deep as the tree: 18 levels at most.
fn subtree(size: u64, values: &[ChainingValue]) -> ChainingValue {
    if let [value] = values {
        return *value;
    }
    let left_bytes = left_subtree_len(size);
    let (left, right) = values.split_at((left_bytes / PIECE_BYTES) as usize);
    merge_subtrees_non_root(&subtree(left_bytes, left), &subtree(size - left_bytes, right), Mode::Hash)
}

/// Names a blob and makes its piece list in one pass over bytes that arrive in parts of any length.
#[derive(Clone, Debug, Default)]
pub struct PieceHasher {
    piece: Hasher,
    piece_bytes: usize,
    size: u64,
    values: Vec<ChainingValue>,
}

impl PieceHasher {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next bytes of the blob.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A full piece is closed only when more follows: the last, or only, piece ends differently.
            if self.piece_bytes == PIECE_BYTES as usize {
                self.close_piece();
            }
            let taken = bytes.len().min(PIECE_BYTES as usize - self.piece_bytes);
            self.piece.update(&bytes[..taken]);
            self.piece_bytes += taken;
            self.size += taken as u64;
            bytes = &bytes[taken..];
        }
    }

    fn close_piece(&mut self) {
        self.values.push(self.piece.finalize_non_root());
        self.piece = Hasher::new();
        self.piece.set_input_offset(self.size);
        self.piece_bytes = 0;
    }

    /// The bytes so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The values of the pieces that are closed: the open one may be the last.
    #[must_use]
    pub fn closed(&self) -> &[ChainingValue] {
        &self.values
    }

    /// Length and value of the open piece, if it holds anything.
    #[must_use]
    pub fn open_piece(&self) -> Option<(usize, ChainingValue)> {
        (self.piece_bytes > 0).then(|| (self.piece_bytes, self.piece.finalize_non_root()))
    }

    /// The proven list of the whole; its [`PieceList::blob`] is the blob's name.
    #[must_use]
    pub fn finish(mut self) -> PieceList {
        if self.values.is_empty() {
            let blob = BlobId(*self.piece.finalize().as_bytes());
            return PieceList { blob, size: self.size, values: Vec::new() };
        }
        self.values.push(self.piece.finalize_non_root());
        PieceList { blob: root(self.size, &self.values), size: self.size, values: self.values }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn blob_of(size: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; size];
        Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    fn list_of(bytes: &[u8]) -> PieceList {
        let mut hasher = PieceHasher::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// Sizes where trees change their shape, and any size up to 9 MiB.
    fn sizes() -> impl Strategy<Value = usize> {
        let piece = PIECE_BYTES as usize;
        let edge = (0usize..20, 0usize..3).prop_map(move |(pieces, past)| (pieces * piece + past).saturating_sub(1));
        prop_oneof![edge, 0usize..4096, 0usize..9 << 20]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn a_list_made_while_writing_names_the_blob_and_proves_every_piece(
            size in sizes(), seed in any::<u64>(), step in 1usize..700_000
        ) {
            let bytes = blob_of(size, seed);
            let mut hasher = PieceHasher::new();
            bytes.chunks(step.max(size / 50)).for_each(|part| hasher.update(part));
            let list = hasher.finish();
            prop_assert_eq!(list.blob(), BlobId::of(&bytes));
            prop_assert_eq!(list.size(), size as u64);

            let proven = PieceList::verify(list.blob(), list.size(), &list.to_bytes()).unwrap();
            prop_assert_eq!(&proven, &list);
            for index in 0..proven.count() {
                let start = piece_offset(index) as usize;
                let piece = &bytes[start..start + piece_len(size as u64, index)];
                prop_assert_eq!(proven.verify_piece(index, piece), Ok(()));
            }
        }

        #[test]
        fn no_altered_list_and_no_altered_piece_is_believed(
            pieces in 2usize..12, seed in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0u8..8
        ) {
            let bytes = blob_of((pieces - 1) * PIECE_BYTES as usize + 1 + (seed % PIECE_BYTES) as usize, seed);
            let list = list_of(&bytes);
            let mut values = list.to_bytes();
            let at_value = at.index(values.len());
            values[at_value] ^= 1 << bit;
            let (blob, size) = (list.blob(), list.size());
            prop_assert_eq!(PieceList::verify(blob, size, &values), Err(PieceError::WrongList { blob }));

            let index = at.index(pieces) as u32;
            let start = piece_offset(index) as usize;
            let mut piece = bytes[start..start + piece_len(size, index)].to_vec();
            let at_byte = at.index(piece.len());
            piece[at_byte] ^= 1 << bit;
            prop_assert_eq!(list.verify_piece(index, &piece), Err(PieceError::WrongPiece { blob, index }));
        }
    }

    #[test]
    fn a_list_of_another_length_or_for_another_size_is_refused() {
        let bytes = blob_of(3 * PIECE_BYTES as usize, 1);
        let list = list_of(&bytes);
        let (blob, size, values) = (list.blob(), list.size(), list.to_bytes());
        assert!(PieceList::verify(blob, size, &values[..64]).is_err());
        assert!(PieceList::verify(blob, size, &[]).is_err());
        assert!(PieceList::verify(blob, size + 1, &values).is_err());
        assert!(PieceList::verify(blob, u64::MAX, &values).is_err());
        assert!(list.verify_piece(3, &[]).is_err());
        assert!(list.verify_piece(0, &bytes[..10]).is_err());
    }

    #[test]
    fn a_pair_of_subtrees_does_not_pass_for_a_pair_of_pieces() {
        // Four pieces: the two halves also merge to the name. As a "list" of a two-piece blob they would be believed,
        // but then no piece of 256 KiB can match, so nothing false is ever stored.
        let bytes = blob_of(4 * PIECE_BYTES as usize, 2);
        let (values, blob) = (list_of(&bytes).values, BlobId::of(&bytes));
        let halves = [subtree(2 * PIECE_BYTES, &values[..2]), subtree(2 * PIECE_BYTES, &values[2..])].concat();
        let list = PieceList::verify(blob, 2 * PIECE_BYTES, &halves).unwrap();
        assert!(list.verify_piece(0, &bytes[..PIECE_BYTES as usize]).is_err());
    }
}
