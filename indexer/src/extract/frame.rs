//! What is said between the node and the worker: a length of four bytes, then JSON.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::MAX_TEXT_BYTES;

/// The longest text, written as JSON, where a character may take six bytes.
const MAX_FRAME_BYTES: usize = 6 * MAX_TEXT_BYTES + (64 << 10);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) path: String,
    /// The file's name, which says what it means to be; the path may be a hash.
    pub(super) name: String,
    /// How long the worker waits for the next request before it ends.
    pub(super) idle_ms: u64,
}

pub(super) fn write(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let bytes = serde_json::to_vec(message)?;
    let len = u32::try_from(bytes.len())
        .ok()
        .filter(|&len| len as usize <= MAX_FRAME_BYTES)
        .ok_or(io::ErrorKind::InvalidData)?;
    to.write_all(&len.to_le_bytes())?;
    to.write_all(&bytes)?;
    to.flush()
}

pub(super) fn read<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len) as usize;
    // The other side may have been taken over by a document.
    if len > MAX_FRAME_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}
