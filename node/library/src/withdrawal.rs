//! Withdrawal (下架): the author of a resource, or an ancestor, takes it out of catalogue, search and replication
//! for good. The withdrawal itself stays, with its reason.

use kapok_protocol::entry::{Entry, Key, Kind};
use kapok_protocol::identity::NodeId;
use minicbor::{Decode, Encode};

use crate::encoding::{BadBody, decode, encode};
use crate::resource::{ResourceId, ResourceKey};

/// Long enough for a sentence.
pub const MAX_REASON_CHARS: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Withdrawal {
    /// Whose resource.
    #[n(0)]
    pub author: NodeId,
    /// The random number that names it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub name: [u8; 16],
    #[n(2)]
    pub reason: String,
    /// Kept for the record: what people saw.
    #[n(3)]
    pub title: String,
}

impl Withdrawal {
    #[must_use]
    pub fn of(&self) -> ResourceKey {
        ResourceKey { author: self.author, name: self.name }
    }

    #[must_use]
    pub fn key(resource: &ResourceId) -> Key {
        Key { kind: Kind::WITHDRAWAL, name: resource.0.to_vec() }
    }

    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a withdrawal. A tombstone is none: what was withdrawn stays so, a new resource may be published.
    ///
    /// # Errors
    /// A body that is no withdrawal, or of another resource than its key says.
    pub fn read(entry: &Entry) -> Result<Option<Self>, BadBody> {
        let Some(body) = &entry.body else { return Ok(None) };
        let withdrawal: Self = decode(body)?;
        if Self::key(&withdrawal.of().id()) != entry.key {
            return Err(BadBody::Rule("its key names another resource".to_owned()));
        }
        if withdrawal.reason.chars().count() > MAX_REASON_CHARS {
            return Err(BadBody::Rule(format!("a reason has at most {MAX_REASON_CHARS} characters")));
        }
        Ok(Some(withdrawal))
    }
}
