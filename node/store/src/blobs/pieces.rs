//! Pieces: the 256 KiB subtrees of a blob's BLAKE3 tree, whose chaining values prove each piece by itself.
//!
//! The values merge to the blob's name as the tree of that size prescribes (BLAKE3 paper, section 2.1). A blob of one
//! piece has no values: its name is its only hash.

use blake3::Hasher;
use blake3::hazmat::{HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root};
use kapok_protocol::blob::BlobId;

/// Bytes of every piece but the last.
pub const PIECE_BYTES: usize = 256 * 1024;
/// Largest blob: 64 GiB, ten times the longest recording of a lesson. Bounds a blob's list of values to 8 MiB.
pub const MAX_BLOB_BYTES: u64 = 64 << 30;

/// The chaining value of one piece.
pub type PieceValue = [u8; 32];

/// How many pieces a blob of `size` bytes has; the empty blob has one, empty piece.
#[must_use]
pub fn piece_count(size: u64) -> u32 {
    u32::try_from(size.div_ceil(PIECE_BYTES as u64).max(1)).unwrap_or(u32::MAX)
}

/// Where piece `index` begins.
#[must_use]
pub fn piece_offset(index: u32) -> u64 {
    u64::from(index) * PIECE_BYTES as u64
}

/// How many bytes piece `index` has; 0 past the end.
#[must_use]
pub fn piece_len(size: u64, index: u32) -> usize {
    usize::try_from(size.saturating_sub(piece_offset(index))).unwrap_or(PIECE_BYTES).min(PIECE_BYTES)
}

/// The value of a piece in a blob of more than one. `bytes` are not empty.
pub(super) fn value(index: u32, bytes: &[u8]) -> PieceValue {
    Hasher::new().set_input_offset(piece_offset(index)).update(bytes).finalize_non_root()
}

/// The name of a blob of more than one piece.
pub(super) fn name(size: u64, values: &[PieceValue]) -> BlobId {
    let left_bytes = left_subtree_len(size);
    let (left, right) = values.split_at(pieces_in(left_bytes));
    let (left, right) = (subtree(left_bytes, left), subtree(size - left_bytes, right));
    BlobId(*merge_subtrees_root(&left, &right, Mode::Hash).as_bytes())
}

/// As deep as the tree: at most 18 levels.
fn subtree(size: u64, values: &[PieceValue]) -> PieceValue {
    if let [value] = values {
        return *value;
    }
    let left_bytes = left_subtree_len(size);
    let (left, right) = values.split_at(pieces_in(left_bytes));
    merge_subtrees_non_root(&subtree(left_bytes, left), &subtree(size - left_bytes, right), Mode::Hash)
}

fn pieces_in(bytes: u64) -> usize {
    usize::try_from(bytes / PIECE_BYTES as u64).unwrap_or(usize::MAX)
}

/// Names a blob and values its pieces in one pass.
#[derive(Clone, Debug, Default)]
pub(super) struct TreeHasher {
    piece: Hasher,
    piece_bytes: usize,
    size: u64,
    values: Vec<PieceValue>,
}

impl TreeHasher {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            // A full piece is closed only when more follows, since the only piece of a blob ends differently.
            if self.piece_bytes == PIECE_BYTES {
                self.values.push(self.piece.finalize_non_root());
                self.piece = Hasher::new();
                self.piece.set_input_offset(self.size);
                self.piece_bytes = 0;
            }
            let taken = bytes.len().min(PIECE_BYTES - self.piece_bytes);
            self.piece.update(&bytes[..taken]);
            self.piece_bytes += taken;
            self.size += taken as u64;
            bytes = &bytes[taken..];
        }
    }

    /// The values of the pieces that are closed.
    pub(super) fn closed(&self) -> &[PieceValue] {
        &self.values
    }

    /// Length and value of the piece that is open, if it holds anything.
    pub(super) fn open_piece(&self) -> Option<(usize, PieceValue)> {
        (self.piece_bytes > 0).then(|| (self.piece_bytes, self.piece.finalize_non_root()))
    }

    /// The blob's name and its pieces' values.
    pub(super) fn finish(mut self) -> (BlobId, Vec<PieceValue>) {
        if self.values.is_empty() {
            return (BlobId(*self.piece.finalize().as_bytes()), Vec::new());
        }
        self.values.push(self.piece.finalize_non_root());
        (name(self.size, &self.values), self.values)
    }
}
