//! Heads: what each author last said about a shelf.
//!
//! A head lets a receiver prove that nothing was left out: the digest is over all live entries ([`crate::lthash`]),
//! so what was superseded need not be kept to check it.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use crate::entry::{Sequence, ShelfId};
use crate::identity::{Domain, Keypair};
use crate::signed::{Signed, SignedError};
use crate::time::Timestamp;

/// A node that was restored more often than this has other problems; the list stays small.
pub const MAX_INCARNATIONS: usize = 64;
/// Largest head: 64 incarnations of at most 18 bytes, and 150 bytes of the rest.
pub const MAX_HEAD_BYTES: usize = 2048;

/// How far a shelf is known: for each incarnation its highest number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Progress(#[n(0)] pub BTreeMap<u64, u64>);

impl Progress {
    /// Whether `sequence` lies within what is known.
    #[must_use]
    pub fn covers(&self, sequence: Sequence) -> bool {
        self.0.get(&sequence.incarnation).is_some_and(|&number| sequence.number <= number)
    }

    /// Whether everything in `other` lies within what is known.
    #[must_use]
    pub fn covers_all(&self, other: &Self) -> bool {
        other.0.iter().all(|(&incarnation, &number)| number == 0 || self.covers(Sequence { incarnation, number }))
    }

    /// Takes `sequence` in.
    pub fn advance(&mut self, sequence: Sequence) {
        let number = self.0.entry(sequence.incarnation).or_default();
        *number = (*number).max(sequence.number);
    }

    /// Takes in everything that `other` knows.
    pub fn merge(&mut self, other: &Self) {
        for (&incarnation, &number) in &other.0 {
            self.advance(Sequence { incarnation, number });
        }
    }

    /// What lies within both.
    #[must_use]
    pub fn within(&self, bound: &Self) -> Self {
        let number = |(incarnation, number): (&u64, &u64)| Some((*incarnation, *number.min(bound.0.get(incarnation)?)));
        Self(self.0.iter().filter_map(number).collect())
    }

    /// The highest sequence.
    #[must_use]
    pub fn last(&self) -> Option<Sequence> {
        self.0.last_key_value().map(|(&incarnation, &number)| Sequence { incarnation, number })
    }
}

/// An author's statement of one of its shelves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Head {
    #[n(0)]
    pub shelf: ShelfId,
    #[n(1)]
    pub progress: Progress,
    /// How many live entries, tombstones included.
    #[n(2)]
    pub live: u64,
    /// [`crate::lthash::LtHash::digest`] of the live entries' hashes.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    #[n(4)]
    pub time: Timestamp,
}

/// A head whose form and signature are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedHead {
    signed: Signed,
    head: Head,
}

impl VerifiedHead {
    /// Signs `head` as its author.
    #[must_use]
    pub fn sign(author: &Keypair, head: Head) -> Self {
        debug_assert_eq!(author.id(), head.shelf.author, "a head names its signer");
        Self { signed: Signed::new(author, Domain::Head, &head), head }
    }

    /// Takes in a head from outside, checking form and signature.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(signed: Signed) -> Result<Self, SignedError> {
        let verified = Self::trusted(signed)?;
        verified.signed.verify(&verified.head.shelf.author, Domain::Head)?;
        Ok(verified)
    }

    /// Reads back a head that this node verified before it stored it.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn trusted(signed: Signed) -> Result<Self, SignedError> {
        let head: Head = signed.decode(MAX_HEAD_BYTES)?;
        if head.progress.0.len() > MAX_INCARNATIONS {
            return Err(SignedError::Malformed(format!("more than {MAX_INCARNATIONS} incarnations")));
        }
        Ok(Self { signed, head })
    }

    #[must_use]
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Whether this head was made after `other`, by the author's own counting. Two heads of one state are ordered by
    /// time and bytes, so that every node keeps the same one.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        let rank = |h: &Self| (h.head.progress.last(), h.head.time, h.signed.hash());
        rank(self) > rank(other)
    }
}
