//! Who speaks: ed25519 keys, and signatures that cannot be moved from one kind of statement to another.
//!
//! A node's key is its libp2p identity; its name in text is the libp2p PeerId (the base58 form of an identity
//! multihash over the protobuf-encoded public key, libp2p specs "peer-ids").
//!
//! Invariant: every signature is made over `domain ‖ 0x00 ‖ bytes` ([`Domain`]) and checked with `verify_strict`.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature as DalekSignature, Signer, SigningKey, VerifyingKey};
use minicbor::{Decode, Encode};

/// Multihash "identity" (0x00), 36 bytes; protobuf: field 1 = key type 1 (ed25519), field 2 = 32 bytes.
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// A node, or a federation's root: its ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct NodeId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// What is being signed. The names are part of the format and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    Membership,
    Entry,
    Head,
    JoinRequest,
}

impl Domain {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Membership => b"kapok/membership/1\0",
            Self::Entry => b"kapok/entry/1\0",
            Self::Head => b"kapok/head/1\0",
            Self::JoinRequest => b"kapok/join-request/1\0",
        }
    }

    fn message(self, bytes: &[u8]) -> Vec<u8> {
        [self.prefix(), bytes].concat()
    }
}

/// A signature over one statement of one [`Domain`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Signature(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({}…)", data_encoding::HEXLOWER.encode(&self.0[..4]))
    }
}

/// A private key. Its bytes come from outside (a key file, a seeded generator in tests).
#[derive(Clone)]
pub struct Keypair(SigningKey);

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.id())
    }
}

impl Keypair {
    #[must_use]
    pub fn from_secret(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    #[must_use]
    pub fn secret(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId(self.0.verifying_key().to_bytes())
    }

    #[must_use]
    pub fn sign(&self, domain: Domain, bytes: &[u8]) -> Signature {
        Signature(self.0.sign(&domain.message(bytes)).to_bytes())
    }
}

impl NodeId {
    /// Whether `signature` is this key's over `bytes` as a statement of `domain`. Refuses small-order keys.
    #[must_use]
    pub fn verifies(&self, domain: Domain, bytes: &[u8], signature: &Signature) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else { return false };
        key.verify_strict(&domain.message(bytes), &DalekSignature::from_bytes(&signature.0)).is_ok()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [PEER_ID_PREFIX.as_slice(), &self.0].concat();
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The text is not the PeerId of an ed25519 key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not the id of a node (it begins with 12D3KooW and has 52 characters)")]
pub struct NotANodeId(pub String);

impl FromStr for NodeId {
    type Err = NotANodeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotANodeId(text.chars().take(80).collect());
        // 38 bytes are at most 52 characters of base58; longer text is not even decoded.
        if text.len() > 64 {
            return Err(refused());
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| refused())?;
        let key = bytes.strip_prefix(&PEER_ID_PREFIX).ok_or_else(refused)?;
        Ok(Self(key.try_into().map_err(|_| refused())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_reads_back_from_its_text() {
        let id = Keypair::from_secret(&[7; 32]).id();
        assert!(id.to_string().starts_with("12D3KooW"), "{id}");
        assert_eq!(id.to_string().parse::<NodeId>(), Ok(id));
        assert!("12D3KooWx".parse::<NodeId>().is_err());
        assert!("é".repeat(100).parse::<NodeId>().is_err());
    }

    #[test]
    fn a_signature_is_good_for_one_domain_only() {
        let key = Keypair::from_secret(&[7; 32]);
        let signature = key.sign(Domain::Entry, b"x");
        assert!(key.id().verifies(Domain::Entry, b"x", &signature));
        assert!(!key.id().verifies(Domain::Head, b"x", &signature));
        assert!(!key.id().verifies(Domain::Entry, b"y", &signature));
    }

    #[test]
    fn a_small_order_key_verifies_nothing() {
        let mut low = [0u8; 32];
        low[0] = 1;
        // The all-but-identity signature verifies under the identity point with the lax equation.
        let mut signature = [0u8; 64];
        signature[0] = 1;
        assert!(!NodeId(low).verifies(Domain::Entry, b"x", &Signature(signature)));
    }
}
