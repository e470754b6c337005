//! A parent's word that a node is its child: the certificate itself, on the parent's shelf, so that it reaches all.

use kapok_protocol::entry::{Entry, Key, Kind};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Certificate;
use kapok_protocol::signed::Signed;

use crate::encoding::{BadBody, decode, encode};

/// The key under which a parent publishes the membership of `subject`; a renewal supersedes it.
#[must_use]
pub fn key(subject: &NodeId) -> Key {
    Key { kind: Kind::MEMBERSHIP, name: subject.0.to_vec() }
}

#[must_use]
pub fn to_body(certificate: &Certificate) -> Vec<u8> {
    encode(certificate.signed())
}

/// Reads the certificate out of a membership entry.
///
/// # Errors
/// A body that is no good certificate, or one that the entry's author did not issue.
pub fn certificate(entry: &Entry) -> Result<Option<Certificate>, BadBody> {
    let Some(body) = &entry.body else { return Ok(None) };
    let signed: Signed = decode(body)?;
    let certificate = Certificate::from_signed(signed).map_err(|error| BadBody::Rule(error.to_string()))?;
    let fits = certificate.membership().issuer == entry.author && key(&certificate.membership().subject) == entry.key;
    if fits { Ok(Some(certificate)) } else { Err(BadBody::Rule("another node's certificate".to_owned())) }
}
