//! A node about itself: where it can be reached and what it runs. Its name and tier are its membership's.

use kapok_protocol::entry::{Key, Kind};
use minicbor::{Decode, Encode};

use crate::encoding::{BadBody, decode, encode};

/// A node listens on a few addresses of each family; more would only make dialling slow.
pub const MAX_ADDRESSES: usize = 16;
const MAX_ADDRESS_BYTES: usize = 256;

#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Profile {
    /// Multiaddrs in text, without the node's id.
    #[n(0)]
    pub addresses: Vec<String>,
    /// Program and version, for people.
    #[n(1)]
    pub agent: String,
}

impl Profile {
    /// A node has one profile.
    #[must_use]
    pub fn key() -> Key {
        Key { kind: Kind::PROFILE, name: Vec::new() }
    }

    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        encode(self)
    }

    /// # Errors
    /// A body that does not decode, or with more or longer addresses than a node has.
    pub fn from_body(body: &[u8]) -> Result<Self, BadBody> {
        let profile: Self = decode(body)?;
        if profile.addresses.len() > MAX_ADDRESSES || profile.addresses.iter().any(|a| a.len() > MAX_ADDRESS_BYTES) {
            return Err(BadBody::Rule(format!("at most {MAX_ADDRESSES} addresses of {MAX_ADDRESS_BYTES} bytes")));
        }
        Ok(profile)
    }
}
