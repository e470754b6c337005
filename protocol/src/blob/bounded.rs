//! Decoders for fields whose length is limited.
//!
//! A length is compared with its limit before anything is allocated, and a list grows with what has really been
//! decoded, never with what its prefix claims. Used as `#[cbor(decode_with = "bounded::bytes::<LIMIT, _>")]`.

use minicbor::decode::{Decode, Decoder, Error};

fn too_long(what: &str, length: u64, limit: usize) -> Error {
    Error::message(format!("{what} of length {length} where at most {limit} is allowed"))
}

/// A byte string of at most `MAX` bytes.
pub(crate) fn bytes<const MAX: usize, C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Vec<u8>, Error> {
    let bytes = decoder.bytes()?;
    if bytes.len() > MAX { Err(too_long("a byte string", bytes.len() as u64, MAX)) } else { Ok(bytes.to_vec()) }
}

/// A text of at most `MAX` bytes of UTF-8.
pub(crate) fn text<const MAX: usize, C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<String, Error> {
    let text = decoder.str()?;
    if text.len() > MAX { Err(too_long("a text", text.len() as u64, MAX)) } else { Ok(text.to_owned()) }
}

/// A list of at most `MAX` elements, of definite length.
pub(crate) fn list<'b, const MAX: usize, T: Decode<'b, C>, C>(
    decoder: &mut Decoder<'b>,
    context: &mut C,
) -> Result<Vec<T>, Error> {
    let length = decoder.array()?.ok_or_else(|| Error::message("a list of indefinite length"))?;
    if length > MAX as u64 {
        return Err(too_long("a list", length, MAX));
    }
    let mut elements = Vec::new();
    for _ in 0..length {
        elements.push(decoder.decode_with(context)?);
    }
    Ok(elements)
}

/// A frame is not what its protocol defines.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {length} bytes where at most {limit} are allowed")]
    TooLarge { length: usize, limit: usize },
    #[error("a frame that cannot be read: {0}")]
    Malformed(#[from] Error),
    #[error("{0} bytes follow the end of a frame")]
    TrailingBytes(usize),
}

/// Encodes a frame. Cannot fail: it writes to memory, and no encoder here refuses a value.
pub(crate) fn encode_frame<T: minicbor::Encode<()>>(frame: &T) -> Vec<u8> {
    minicbor::to_vec(frame).expect("writing to a Vec cannot fail, and no encoder of ours refuses a value")
}

/// Decodes exactly one frame of at most `limit` bytes.
pub(crate) fn decode_frame<'b, T: Decode<'b, ()>>(bytes: &'b [u8], limit: usize) -> Result<T, FrameError> {
    if bytes.len() > limit {
        return Err(FrameError::TooLarge { length: bytes.len(), limit });
    }
    let mut decoder = Decoder::new(bytes);
    let frame = decoder.decode()?;
    match bytes.len() - decoder.position() {
        0 => Ok(frame),
        trailing => Err(FrameError::TrailingBytes(trailing)),
    }
}
