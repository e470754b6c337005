//! Signed statements: the bytes that were signed are kept and forwarded as they came.
//!
//! A node of an older version can therefore carry fields that it does not know, and every signature stays good.

use minicbor::{Decode, Encode};

use crate::cbor::{self, NotDeterministic};
use crate::identity::{Domain, Keypair, NodeId, Signature};

/// A statement's bytes with a signature over them. Says nothing yet about whether the signature is good.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Signed {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    #[n(1)]
    pub signature: Signature,
}

/// Why a signed statement was refused before its content was looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    #[error("{bytes} bytes are more than the {limit} that a statement of this kind may have")]
    TooLarge { bytes: usize, limit: usize },
    #[error("not in deterministic CBOR: {0}")]
    NotDeterministic(#[from] NotDeterministic),
    #[error("a field is missing or malformed: {0}")]
    Malformed(String),
    #[error("the signature is not that of {0}")]
    BadSignature(NodeId),
}

impl Signed {
    /// Encodes and signs `statement`.
    pub fn new<T: Encode<()>>(key: &Keypair, domain: Domain, statement: &T) -> Self {
        let bytes = cbor::encode(statement);
        let signature = key.sign(domain, &bytes);
        Self { bytes, signature }
    }

    /// Decodes the statement, holding it to deterministic CBOR and to `limit` bytes. The signature is not checked.
    ///
    /// # Errors
    /// [`SignedError`], all but `BadSignature`.
    pub fn decode<T: for<'b> Decode<'b, ()>>(&self, limit: usize) -> Result<T, SignedError> {
        if self.bytes.len() > limit {
            return Err(SignedError::TooLarge { bytes: self.bytes.len(), limit });
        }
        cbor::check(&self.bytes)?;
        minicbor::decode(&self.bytes).map_err(|error| SignedError::Malformed(error.to_string()))
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// `BadSignature`.
    pub fn verify(&self, signer: &NodeId, domain: Domain) -> Result<(), SignedError> {
        if signer.verifies(domain, &self.bytes, &self.signature) {
            Ok(())
        } else {
            Err(SignedError::BadSignature(*signer))
        }
    }

    /// BLAKE3 of the signed bytes.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&self.bytes).as_bytes()
    }
}
