//! One frame: magic, length, 16 bytes of keyed BLAKE3, payload.
//!
//! The hash covers the frame's position, so that bytes which belong elsewhere are not taken for a frame, and is keyed
//! with the journal's own key, so that bytes which look like a frame cannot be planted inside somebody's payload and be
//! found there when the frame around them is damaged.

/// Bytes before the payload.
pub(super) const FRAME_HEADER_BYTES: usize = 4 + 4 + 16;

/// Largest payload of one frame: 1 MiB. Entries have a few kilobytes, the longest (a collection of thousands) some
/// hundreds; a length above this can only be damage, and a reader's memory stays bounded.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Bytes of the link that a chained journal stores before each payload.
pub(super) const LINK_BYTES: usize = 32;

pub(super) const MAGIC: [u8; 4] = *b"KPJ\x01";

/// The key of a journal's frame hashes.
#[derive(Clone, Copy)]
pub(super) struct FrameKey([u8; 32]);

impl FrameKey {
    pub(super) fn new(secret: [u8; 16]) -> Self {
        Self(blake3::derive_key("kapok journal frame 1", &secret))
    }

    fn hash(&self, position: u64, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(&position.to_le_bytes());
        for part in parts {
            hasher.update(part);
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        hash
    }

    /// Appends the frame of these parts, joined, to `out`.
    pub(super) fn encode(&self, position: u64, parts: &[&[u8]], out: &mut Vec<u8>) {
        let len: usize = parts.iter().map(|p| p.len()).sum();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&u32::try_from(len).expect("payloads are limited to 1 MiB").to_le_bytes());
        out.extend_from_slice(&self.hash(position, parts));
        for part in parts {
            out.extend_from_slice(part);
        }
    }

    /// Whether `payload` is what the header of the frame at `position` promises.
    pub(super) fn verify(&self, position: u64, header: FrameHeader, payload: &[u8]) -> bool {
        payload.len() == header.len && self.hash(position, &[payload]) == header.hash
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub(super) len: usize,
    hash: [u8; 16],
}

impl FrameHeader {
    /// The header, if these bytes can be one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (hash, _) = rest.split_first_chunk::<16>()?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        (*magic == MAGIC && len <= MAX_PAYLOAD_BYTES + LINK_BYTES).then_some(Self { len, hash: *hash })
    }

    /// Bytes of the whole frame.
    pub(super) fn frame_bytes(self) -> u64 {
        (FRAME_HEADER_BYTES + self.len) as u64
    }
}
