//! One frame: magic, length, 16 bytes of keyed BLAKE3, and as many bytes as the length says.
//!
//! The hash covers the frame's position, so that bytes which belong elsewhere are not taken for a frame, and is keyed
//! with the journal's own key, so that bytes which look like a frame cannot be planted inside somebody's payload and be
//! found there when the frame around them is damaged.
//!
//! A frame is written whole: its bytes are the payload. One that was overwritten by something shorter
//! ([`super::Journal::overwrite`]) keeps its length and is filled as in ISO/IEC 7816-4: payload, 0x80, zeros. The
//! magic's last byte tells the two apart, and each has a key of its own. Whoever does not know the second form takes
//! it for a damaged frame, and loses nothing else.

/// Bytes before the payload.
pub(super) const FRAME_HEADER_BYTES: usize = 4 + 4 + 16;

/// Largest payload of one frame: 1 MiB. Entries have a few kilobytes, the longest (a collection of thousands) some
/// hundreds; a length above this can only be damage, and a reader's memory stays bounded.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Bytes of the link that a chained journal stores before each payload.
pub(super) const LINK_BYTES: usize = 32;

/// What every frame begins with; one byte for its form follows.
pub(super) const MAGIC: [u8; 3] = *b"KPJ";

/// Stands behind a payload that does not fill its frame.
const END_OF_PAYLOAD: u8 = 0x80;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The payload fills the frame.
    Whole = 1,
    /// The payload is followed by [`END_OF_PAYLOAD`] and zeros.
    Shortened = 2,
}

/// The keys of a journal's frame hashes.
#[derive(Clone, Copy)]
pub(super) struct FrameKey {
    whole: [u8; 32],
    shortened: [u8; 32],
}

impl FrameKey {
    pub(super) fn new(secret: [u8; 16]) -> Self {
        Self {
            whole: blake3::derive_key("kapok journal frame 1", &secret),
            shortened: blake3::derive_key("kapok journal shortened frame 1", &secret),
        }
    }

    fn hash(&self, form: Form, position: u64, parts: &[&[u8]]) -> [u8; 16] {
        let key = match form {
            Form::Whole => &self.whole,
            Form::Shortened => &self.shortened,
        };
        let mut hasher = blake3::Hasher::new_keyed(key);
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
        self.encode_as(Form::Whole, position, parts, out);
    }

    /// The frame that holds `payload` in the place of one of `room` bytes; `None` if it does not fit there.
    pub(super) fn encode_in_place(&self, position: u64, room: usize, payload: &[u8]) -> Option<Vec<u8>> {
        let filling = room.checked_sub(payload.len()).filter(|_| room <= MAX_PAYLOAD_BYTES)?;
        let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + room);
        if filling == 0 {
            self.encode_as(Form::Whole, position, &[payload], &mut frame);
        } else {
            let mut stored = payload.to_vec();
            stored.push(END_OF_PAYLOAD);
            stored.resize(room, 0);
            self.encode_as(Form::Shortened, position, &[&stored], &mut frame);
        }
        Some(frame)
    }

    fn encode_as(&self, form: Form, position: u64, parts: &[&[u8]], out: &mut Vec<u8>) {
        let len: usize = parts.iter().map(|p| p.len()).sum();
        out.extend_from_slice(&MAGIC);
        out.push(form as u8);
        out.extend_from_slice(&u32::try_from(len).expect("payloads are limited to 1 MiB").to_le_bytes());
        out.extend_from_slice(&self.hash(form, position, parts));
        for part in parts {
            out.extend_from_slice(part);
        }
    }

    /// The payload (after the link, in a chained journal) among the `stored` bytes, if they are what the header of the
    /// frame at `position` promises.
    pub(super) fn payload<'a>(&self, position: u64, header: FrameHeader, stored: &'a [u8]) -> Option<&'a [u8]> {
        if stored.len() != header.len || self.hash(header.form, position, &[stored]) != header.hash {
            return None;
        }
        match header.form {
            Form::Whole => Some(stored),
            Form::Shortened => {
                let end = stored.iter().rposition(|b| *b != 0).filter(|end| stored[*end] == END_OF_PAYLOAD)?;
                Some(&stored[..end])
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    form: Form,
    /// Bytes after the header.
    pub(super) len: usize,
    hash: [u8; 16],
}

impl FrameHeader {
    /// The header, if these bytes can be one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<3>()?;
        let (&form, rest) = rest.split_first()?;
        let (len, rest) = rest.split_first_chunk::<4>()?;
        let (hash, _) = rest.split_first_chunk::<16>()?;
        let form = [Form::Whole, Form::Shortened].into_iter().find(|f| *f as u8 == form)?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok()?;
        (*magic == MAGIC && len <= MAX_PAYLOAD_BYTES + LINK_BYTES).then_some(Self { form, len, hash: *hash })
    }

    /// Bytes of the whole frame.
    pub(super) fn frame_bytes(self) -> u64 {
        (FRAME_HEADER_BYTES + self.len) as u64
    }
}
