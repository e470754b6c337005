//! Revocation: an ancestor says that a key is no longer believed, and up to where it still was.

use kapok_protocol::entry::{Entry, Key, Kind, Sequence};
use kapok_protocol::identity::NodeId;
use minicbor::{Decode, Encode};

use crate::encoding::{BadBody, decode, encode};

/// Long enough for a sentence.
pub const MAX_REASON_CHARS: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Revocation {
    /// The last sequence still believed; none of the node's entries without one.
    #[n(0)]
    pub last: Option<Sequence>,
    #[n(1)]
    pub reason: String,
}

impl Revocation {
    #[must_use]
    pub fn key(subject: &NodeId) -> Key {
        Key { kind: Kind::REVOCATION, name: subject.0.to_vec() }
    }

    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads whom an entry revokes, and how. A tombstone takes a revocation back: `None`.
    ///
    /// # Errors
    /// A body or a key that is none of a revocation.
    pub fn read(entry: &Entry) -> Result<(NodeId, Option<Self>), BadBody> {
        let name = <[u8; 32]>::try_from(entry.key.name.as_slice());
        let subject = NodeId(name.map_err(|_| BadBody::Rule("its key names no node".to_owned()))?);
        let Some(body) = &entry.body else { return Ok((subject, None)) };
        let revocation: Self = decode(body)?;
        if revocation.reason.chars().count() > MAX_REASON_CHARS {
            return Err(BadBody::Rule(format!("a reason has at most {MAX_REASON_CHARS} characters")));
        }
        Ok((subject, Some(revocation)))
    }
}
