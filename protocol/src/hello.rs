//! The first exchange on every connection: each side proves its membership and names what it can do.
//!
//! The transport has already proved who the peer is (its key); hello proves that the key belongs to a member of
//! this federation. Nothing but `/kapok/join/1` is answered before.

use minicbor::{Decode, Encode};

use crate::identity::NodeId;
use crate::membership::{Chain, ChainError, MAX_CERTIFICATE_BYTES, MAX_CHAIN, Member};
use crate::replica::Replica;
use crate::signed::Signed;

pub const PROTOCOL: &str = "/kapok/hello/1";
/// Four certificates, the features and framing.
pub const MAX_FRAME_BYTES: usize = (MAX_CHAIN + 1) * MAX_CERTIFICATE_BYTES;
/// More features than a version will ever have.
const MAX_FEATURES: usize = 64;

/// What this version can do beyond the first one; unknown names are ignored.
pub const FEATURES: [&str; 0] = [];

/// One side's introduction.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    #[n(0)]
    pub federation: NodeId,
    /// Certificates from the city down to the sender.
    #[n(1)]
    pub chain: Vec<Signed>,
    #[n(2)]
    pub features: Vec<String>,
    /// Program and version, for people.
    #[n(3)]
    pub agent: String,
}

/// Why a peer is not spoken with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    #[error("it sent no hello that can be read: {0}")]
    Malformed(String),
    #[error("it belongs to another federation")]
    OtherFederation,
    #[error("its membership does not hold: {0}")]
    Chain(#[from] ChainError),
    #[error("its membership is for another key")]
    OtherKey,
    #[error("it was revoked")]
    Revoked,
}

impl Hello {
    /// This node's introduction; none before it has joined.
    pub fn of(replica: &dyn Replica, agent: &str) -> Option<Self> {
        let chain = replica.chain(&replica.me().id)?;
        Some(Self {
            federation: replica.federation(),
            chain: chain.certificates().iter().map(|c| c.signed().clone()).collect(),
            features: FEATURES.iter().map(ToString::to_string).collect(),
            agent: agent.to_owned(),
        })
    }

    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::cbor::encode(self)
    }

    /// # Errors
    /// `Malformed`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Stranger> {
        let hello: Self = minicbor::decode(bytes).map_err(|e| Stranger::Malformed(e.to_string()))?;
        if hello.features.len() > MAX_FEATURES {
            return Err(Stranger::Malformed(format!("more than {MAX_FEATURES} features")));
        }
        Ok(hello)
    }

    /// Verifies that the peer, whose key the transport has proved to be `peer`, is a member.
    ///
    /// # Errors
    /// Why it is not.
    pub fn verify(self, peer: &NodeId, replica: &dyn Replica) -> Result<(Member, Chain), Stranger> {
        if self.federation != replica.federation() {
            return Err(Stranger::OtherFederation);
        }
        let chain = Chain::from_signed(self.chain)?;
        let member = chain.verify(&self.federation, replica.signed_now())?;
        if member.id != *peer {
            return Err(Stranger::OtherKey);
        }
        let anything = crate::entry::Sequence { incarnation: u64::MAX, number: u64::MAX };
        if member.path().any(|id| replica.is_revoked(&id, anything)) {
            return Err(Stranger::Revoked);
        }
        Ok((member, chain))
    }
}
