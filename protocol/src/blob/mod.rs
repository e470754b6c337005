//! Blobs: the bytes of one file, named by the BLAKE3 hash of the whole.
//!
//! [`piece`] says how a blob is cut and how each cut is proved; [`message`] is what two nodes say to each other.
//! [`download`] decides what to ask of whom and believes only what is proved; [`upload`] decides who is served next.
//! [`recipe`] finds in an older version what need not be fetched; [`ledger`] counts what went where.
//! None of them touches a socket or a file: see [`Download::handle`](download::Download::handle).

pub(crate) mod bounded;
pub mod download;
pub mod estimate;
pub mod ledger;
pub mod message;
pub mod piece;
mod piece_set;
pub mod recipe;
#[cfg(test)]
mod simulation;
pub mod upload;

pub use piece_set::PieceSet;

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// The name of a blob: the BLAKE3 hash of all its bytes, what `b3sum` prints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct BlobId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

impl BlobId {
    /// The name of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({self})")
    }
}

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a BLAKE3 hash (64 lower-case hexadecimal digits)")]
pub struct NotABlobId(pub String);

impl FromStr for BlobId {
    type Err = NotABlobId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotABlobId(text.chars().take(80).collect());
        if text.len() != 64 {
            return Err(refused());
        }
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| refused())?;
        Ok(Self(bytes.try_into().map_err(|_| refused())?))
    }
}
