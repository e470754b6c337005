//! Verifying a chain of certificates.

use super::{Certificate, GRACE_MILLIS, MAX_NAME_BYTES, Member, Tier};
use crate::identity::NodeId;
use crate::signed::{Signed, SignedError};
use crate::time::Timestamp;

/// City, county, school, point.
pub const MAX_CHAIN: usize = 4;

/// Certificates from the city (first) down to a node (last).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain(Vec<Certificate>);

/// Why a chain proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    #[error("a chain has 1 to {MAX_CHAIN} certificates, this one has {0}")]
    Length(usize),
    #[error("certificate {position}: {error}")]
    Certificate { position: usize, error: SignedError },
    #[error("certificate {position} belongs to another federation")]
    Foreign { position: usize },
    #[error("certificate {position} was not issued by the one above it")]
    Broken { position: usize },
    #[error("certificate {position}: a {child} cannot stand under a {parent}")]
    TierOrder { position: usize, parent: Tier, child: Tier },
    #[error("the first certificate is for a {0}, not for a city")]
    NoCity(Tier),
    #[error("certificate {position}: its scope does not extend its parent's")]
    Scope { position: usize },
    #[error("certificate {position}: it is valid longer than its parent")]
    Outlives { position: usize },
    #[error("certificate {position}: it ends before it begins")]
    Validity { position: usize },
    #[error("the membership ended at {0:?}, more than a year ago; ask the parent for a new one")]
    Expired(Timestamp),
}

impl Chain {
    /// Takes certificates from the city down to a node; nothing is checked yet.
    #[must_use]
    pub fn new(certificates: Vec<Certificate>) -> Self {
        Self(certificates)
    }

    /// Takes signed statements from outside, checking form and signatures.
    ///
    /// # Errors
    /// The first certificate that is malformed or badly signed, or a chain of impossible length.
    pub fn from_signed(signed: Vec<Signed>) -> Result<Self, ChainError> {
        if signed.is_empty() || signed.len() > MAX_CHAIN {
            return Err(ChainError::Length(signed.len()));
        }
        let certificates = signed.into_iter().enumerate().map(|(position, signed)| {
            Certificate::from_signed(signed).map_err(|error| ChainError::Certificate { position, error })
        });
        Ok(Self(certificates.collect::<Result<_, _>>()?))
    }

    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// This chain with one more certificate below.
    #[must_use]
    pub fn extended(&self, certificate: Certificate) -> Self {
        Self(self.0.iter().cloned().chain([certificate]).collect())
    }

    /// Verifies all but the time: who a node is and under whom it stands, though its membership may have ended. What it
    /// published before stays, and those above it still answer for it.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn lineage(&self, federation: &NodeId) -> Result<Member, ChainError> {
        self.verify(federation, Timestamp::default())
    }

    /// Verifies the chain for `federation` at `now` (the newest time known to be signed by an ancestor).
    ///
    /// A certificate that begins later than `now` is good: its issuer knows a newer time than we do.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn verify(&self, federation: &NodeId, now: Timestamp) -> Result<Member, ChainError> {
        if self.0.is_empty() || self.0.len() > MAX_CHAIN {
            return Err(ChainError::Length(self.0.len()));
        }
        let mut issuer = *federation;
        for (position, certificate) in self.0.iter().enumerate() {
            let this = certificate.membership();
            if this.federation != *federation {
                return Err(ChainError::Foreign { position });
            }
            if this.issuer != issuer {
                return Err(ChainError::Broken { position });
            }
            if this.not_after < this.not_before {
                return Err(ChainError::Validity { position });
            }
            match position.checked_sub(1).map(|above| self.0[above].membership()) {
                None if this.tier != Tier::City => return Err(ChainError::NoCity(this.tier)),
                None => {}
                Some(above) => {
                    if this.tier <= above.tier {
                        return Err(ChainError::TierOrder { position, parent: above.tier, child: this.tier });
                    }
                    if this.scope.len() <= above.scope.len() || !this.scope.starts_with(&above.scope) {
                        return Err(ChainError::Scope { position });
                    }
                    if this.not_after > above.not_after {
                        return Err(ChainError::Outlives { position });
                    }
                }
            }
            if now > this.not_after.plus_millis(GRACE_MILLIS) {
                return Err(ChainError::Expired(this.not_after));
            }
            debug_assert!(this.name.len() <= MAX_NAME_BYTES, "checked when the certificate was taken in");
            issuer = this.subject;
        }
        let leaf = self.0[self.0.len() - 1].membership();
        Ok(Member {
            id: leaf.subject,
            tier: leaf.tier,
            name: leaf.name.clone(),
            region: leaf.region.clone(),
            scope: leaf.scope.clone(),
            staff_quota: leaf.staff_quota,
            path: self.0.iter().map(|c| (c.membership().subject, c.membership().tier)).collect(),
            valid_until: leaf.not_after,
        })
    }
}
