//! How a resource is named.

use std::fmt;
use std::str::FromStr;

use kapok_protocol::entry::{Key, Kind};
use kapok_protocol::identity::NodeId;
use minicbor::{Decode, Encode};

/// A resource is named by its author's key and a random number; nobody else can write under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    pub author: NodeId,
    pub name: [u8; 16],
}

impl ResourceKey {
    /// 128 bits of BLAKE3 over author and number.
    #[must_use]
    pub fn id(&self) -> ResourceId {
        let hash = blake3::Hasher::new_derive_key("kapok 2026 resource id")
            .update(&self.author.0)
            .update(&self.name)
            .finalize();
        let mut id = [0; 16];
        id.copy_from_slice(&hash.as_bytes()[..16]);
        ResourceId(id)
    }

    /// The key of its entries on the author's shelves.
    #[must_use]
    pub fn entry_key(&self) -> Key {
        Key { kind: Kind::RESOURCE, name: self.name.to_vec() }
    }

    /// Reads it from an entry's author and key.
    #[must_use]
    pub fn of(author: NodeId, key: &Key) -> Option<Self> {
        let name = key.name.as_slice().try_into().ok()?;
        (key.kind == Kind::RESOURCE).then_some(Self { author, name })
    }
}

/// A resource's id, as people and tools see it: 26 characters of lower-case base32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ResourceId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::BASE32_NOPAD.encode(&self.0).to_lowercase())
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is no resource id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not the id of a resource (26 lower-case letters and digits, as `kapok search` prints them)")]
pub struct NotAResourceId(pub String);

impl FromStr for ResourceId {
    type Err = NotAResourceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotAResourceId(text.chars().take(60).collect());
        if text.len() != 26 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refused());
        }
        let bytes = data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| refused())?;
        Ok(Self(bytes.try_into().map_err(|_| refused())?))
    }
}
