//! Entries: small signed records, the truth that is replicated.
//!
//! An entry says what its author holds under a key (kind, name) from a sequence on; a later one under the same key
//! supersedes it, a tombstone empties it. Bodies are opaque here.
//!
//! Invariant: [`Verified`] is made only by [`Verified::sign`] and [`Verified::check`], so what is stored was verified.

use minicbor::{Decode, Encode};

use crate::identity::{Domain, Keypair, NodeId};
use crate::signed::{Signed, SignedError};
use crate::time::Timestamp;
use crate::visibility::Visibility;

/// Largest entry. A resource with 200 files and all its former versions fits; a book does not belong into an entry.
pub const MAX_ENTRY_BYTES: usize = 64 * 1024;
/// Longest name within a key: a resource id has 16 bytes, a node id 32.
pub const MAX_NAME_BYTES: usize = 64;

/// What a body means; numbers are part of the format. Unknown ones are kept, forwarded and ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Kind(#[n(0)] pub u16);

impl Kind {
    pub const PROFILE: Self = Self(1);
    pub const MEMBERSHIP: Self = Self(2);
    pub const REVOCATION: Self = Self(3);
    pub const RESOURCE: Self = Self(4);
    pub const WITHDRAWAL: Self = Self(5);
}

/// Where an entry stands among its author's: numbers strictly increase within an incarnation, and a later
/// incarnation (after a restore) supersedes an earlier one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Sequence {
    #[n(0)]
    pub incarnation: u64,
    #[n(1)]
    pub number: u64,
}

/// A person: the node where the account was made, and a random number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct PersonId {
    #[n(0)]
    pub home: NodeId,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub id: [u8; 16],
}

/// The key of an entry on its shelf.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Key {
    #[n(0)]
    pub kind: Kind,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub name: Vec<u8>,
}

/// One statement of one author.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Entry {
    #[n(0)]
    pub author: NodeId,
    #[n(1)]
    pub sequence: Sequence,
    #[n(2)]
    pub key: Key,
    /// Hybrid logical time: never before what the author knew when it wrote.
    #[n(3)]
    pub time: Timestamp,
    #[n(4)]
    pub visibility: Visibility,
    /// None is a tombstone.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub body: Option<Vec<u8>>,
    /// Who wrote it, where a person did.
    #[n(6)]
    pub person: Option<PersonId>,
}

/// An entry whose form and signature are good. Whether its author is a member is the session's and the fold's concern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    signed: Signed,
    entry: Entry,
}

/// All entries of one author and one visibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ShelfId {
    #[n(0)]
    pub author: NodeId,
    #[n(1)]
    pub visibility: Visibility,
}

impl Verified {
    /// Signs `entry` as its author.
    ///
    /// # Errors
    /// `TooLarge`, `Malformed` (name too long).
    pub fn sign(author: &Keypair, entry: Entry) -> Result<Self, SignedError> {
        debug_assert_eq!(author.id(), entry.author, "an entry names its signer");
        let signed = Signed::new(author, Domain::Entry, &entry);
        if signed.bytes.len() > MAX_ENTRY_BYTES {
            return Err(SignedError::TooLarge { bytes: signed.bytes.len(), limit: MAX_ENTRY_BYTES });
        }
        check_name(&entry)?;
        Ok(Self { signed, entry })
    }

    /// Takes in an entry from outside, checking form and signature.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(signed: Signed) -> Result<Self, SignedError> {
        let verified = Self::trusted(signed)?;
        verified.signed.verify(&verified.entry.author, Domain::Entry)?;
        Ok(verified)
    }

    /// Reads back an entry that this node verified before it stored it: the form is checked, the signature is not.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn trusted(signed: Signed) -> Result<Self, SignedError> {
        let entry: Entry = signed.decode(MAX_ENTRY_BYTES)?;
        check_name(&entry)?;
        Ok(Self { signed, entry })
    }

    #[must_use]
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    #[must_use]
    pub fn shelf(&self) -> ShelfId {
        ShelfId { author: self.entry.author, visibility: self.entry.visibility }
    }

    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.signed.hash()
    }
}

fn check_name(entry: &Entry) -> Result<(), SignedError> {
    if entry.key.name.len() > MAX_NAME_BYTES {
        return Err(SignedError::Malformed(format!("a key's name has at most {MAX_NAME_BYTES} bytes")));
    }
    Ok(())
}
