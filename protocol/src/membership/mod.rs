//! Membership: the certificates that make a federation, checked offline.
//!
//! A parent signs a [`Membership`] for each child; a [`Chain`] of at most four leads from the root key to a node.
//! [`Chain::verify`] is the only maker of a [`Member`], so whatever takes a `Member` takes a proof.
//!
//! Invariants: tiers strictly descend; a scope extends its parent's; nobody outlives its parent; all of it is
//! judged by a time given from outside (the newest one that an ancestor has signed), never by a local clock.

mod chain;
mod member;

pub use chain::{Chain, ChainError, MAX_CHAIN};
pub use member::Member;

use minicbor::{Decode, Encode};

use crate::identity::{Domain, Keypair, NodeId};
use crate::signed::{Signed, SignedError};
use crate::time::Timestamp;

/// How long an expired membership still counts, so that a place that was cut off for a year loses nothing.
pub const GRACE_MILLIS: u64 = 365 * 24 * 60 * 60 * 1000;
/// Longest name of a node, in bytes: 60 Chinese characters.
pub const MAX_NAME_BYTES: usize = 180;
/// Largest certificate; the longest legal one has about 700 bytes.
pub const MAX_CERTIFICATE_BYTES: usize = 2048;

/// A node's place in the administrative tree. Lower numbers stand higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Tier {
    #[n(0)]
    City,
    #[n(1)]
    County,
    #[n(2)]
    School,
    #[n(3)]
    Point,
}

impl Tier {
    pub const ALL: [Self; 4] = [Self::City, Self::County, Self::School, Self::Point];

    /// The word used on the command line and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::City => "city",
            Self::County => "county",
            Self::School => "school",
            Self::Point => "point",
        }
    }
}

impl std::fmt::Display for Tier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no tier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a tier (city, county, school or point)")]
pub struct NotATier(pub String);

impl std::str::FromStr for Tier {
    type Err = NotATier;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|tier| tier.as_str() == text)
            .ok_or_else(|| NotATier(text.chars().take(40).collect()))
    }
}

/// What a parent says of a child that it admits.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Membership {
    /// The federation's root key.
    #[n(0)]
    pub federation: NodeId,
    /// The admitted node.
    #[n(1)]
    pub subject: NodeId,
    #[n(2)]
    pub tier: Tier,
    /// The node's name from now on.
    #[n(3)]
    pub name: String,
    /// GB/T 2260 code of the place, such as `510422`; may be empty.
    #[n(4)]
    pub region: String,
    /// Path of the part of the federation that the node speaks for; begins with its parent's.
    #[n(5)]
    pub scope: Vec<String>,
    /// Who signed this: the parent, or the root key for the city.
    #[n(6)]
    pub issuer: NodeId,
    /// Counts the issuer's memberships, renewals included.
    #[n(7)]
    pub serial: u64,
    /// How many of the node's people count as raters.
    #[n(8)]
    pub staff_quota: u32,
    #[n(9)]
    pub not_before: Timestamp,
    #[n(10)]
    pub not_after: Timestamp,
}

/// A signed [`Membership`]: the bytes as they were signed, and what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    signed: Signed,
    membership: Membership,
}

impl Certificate {
    /// Signs `membership` as its issuer.
    #[must_use]
    pub fn issue(issuer: &Keypair, membership: Membership) -> Self {
        debug_assert_eq!(issuer.id(), membership.issuer, "a membership names its signer");
        Self { signed: Signed::new(issuer, Domain::Membership, &membership), membership }
    }

    /// Takes in a certificate from outside, checking form and signature (but no chain).
    ///
    /// # Errors
    /// What is wrong with the bytes or the signature.
    pub fn from_signed(signed: Signed) -> Result<Self, SignedError> {
        let membership: Membership = signed.decode(MAX_CERTIFICATE_BYTES)?;
        if membership.name.len() > MAX_NAME_BYTES || membership.name.is_empty() {
            return Err(SignedError::Malformed(format!("a name has 1 to {MAX_NAME_BYTES} bytes")));
        }
        signed.verify(&membership.issuer, Domain::Membership)?;
        Ok(Self { signed, membership })
    }

    #[must_use]
    pub fn signed(&self) -> &Signed {
        &self.signed
    }

    /// What is certified.
    #[must_use]
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// Whether this says something newer of the same node than `other`. The signed time decides; two certificates
    /// of one time are ordered by their bytes, so that every node keeps the same one.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        let rank = |c: &Self| (c.membership.not_before, c.membership.serial, c.signed.hash());
        rank(self) > rank(other)
    }
}
