//! Joining: one code, or two small files on a stick.
//!
//! The parent's `invite` prints a code: who it is, where it listens, a secret and an expiry. `join` dials the parent
//! (the transport proves that it is the one of the code), shows the secret, and gets back a chain. Without a link
//! the newcomer writes a request file, the parent answers it with a grant file.

use minicbor::{Decode, Encode};

use crate::identity::{Domain, Keypair, NodeId};
use crate::membership::{Chain, ChainError, MAX_CERTIFICATE_BYTES, MAX_CHAIN, Member, Tier};
use crate::signed::{Signed, SignedError};
use crate::time::Timestamp;

pub const PROTOCOL: &str = "/kapok/join/1";
/// A grant carries at most four certificates.
pub const MAX_FRAME_BYTES: usize = (MAX_CHAIN + 1) * MAX_CERTIFICATE_BYTES;
/// A node listens on a handful of addresses; more would make the code unreadable.
pub const MAX_ADDRESSES: usize = 8;
const MAX_ADDRESS_BYTES: usize = 256;
/// A code of this many characters holds eight long addresses; longer text is not looked at.
const MAX_CODE_CHARS: usize = 4096;
const CODE_PREFIX: &str = "kapok-";
const CHECKSUM_BYTES: usize = 4;

/// What an invitation code holds.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Invitation {
    #[n(0)]
    pub parent: NodeId,
    /// Multiaddrs in text.
    #[n(1)]
    pub addresses: Vec<String>,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub secret: [u8; 16],
    #[n(3)]
    pub expires: Timestamp,
    #[n(4)]
    pub federation: NodeId,
}

/// The text is no invitation code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    #[error("it does not begin with “{CODE_PREFIX}”")]
    Prefix,
    #[error("it is longer than a code can be")]
    TooLong,
    #[error("a character is missing or wrong; copy the whole code again")]
    Checksum,
    #[error("it was made by another version of Kapok")]
    Malformed,
}

impl Invitation {
    /// The code: lower-case base32 over CBOR with a checksum, so that a mistyped character is noticed here.
    #[must_use]
    pub fn to_code(&self) -> String {
        let mut bytes = crate::cbor::encode(self);
        let checksum = blake3::hash(&bytes);
        bytes.extend_from_slice(&checksum.as_bytes()[..CHECKSUM_BYTES]);
        format!("{CODE_PREFIX}{}", data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase())
    }

    /// Reads a code back; blanks and line breaks from copying are ignored.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn from_code(text: &str) -> Result<Self, NotACode> {
        if text.len() > MAX_CODE_CHARS {
            return Err(NotACode::TooLong);
        }
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
        let text = text.strip_prefix(CODE_PREFIX).ok_or(NotACode::Prefix)?;
        let bytes =
            data_encoding::BASE32_NOPAD.decode(text.to_uppercase().as_bytes()).map_err(|_| NotACode::Checksum)?;
        let at = bytes.len().checked_sub(CHECKSUM_BYTES).ok_or(NotACode::Checksum)?;
        let (payload, checksum) = bytes.split_at(at);
        if blake3::hash(payload).as_bytes()[..CHECKSUM_BYTES] != *checksum {
            return Err(NotACode::Checksum);
        }
        let invitation: Self = minicbor::decode(payload).map_err(|_| NotACode::Malformed)?;
        let fits = invitation.addresses.len() <= MAX_ADDRESSES
            && invitation.addresses.iter().all(|a| a.len() <= MAX_ADDRESS_BYTES);
        if fits { Ok(invitation) } else { Err(NotACode::Malformed) }
    }

    /// What the parent keeps of the secret.
    #[must_use]
    pub fn secret_hash(secret: &[u8; 16]) -> [u8; 32] {
        *blake3::Hasher::new_derive_key("kapok 2026 invitation secret").update(secret).finalize().as_bytes()
    }
}

/// What a newcomer asks of its parent.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Request {
    /// The newcomer's key; over a link the transport proves it, in a file the signature does.
    #[n(0)]
    pub subject: NodeId,
    #[n(1)]
    pub tier: Tier,
    #[n(2)]
    pub name: String,
    #[n(3)]
    pub region: String,
    /// The code's secret; none in a file, which the parent's administrator answers by hand.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub secret: Option<Vec<u8>>,
}

/// The parent's answer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    #[n(0)]
    Granted {
        #[n(0)]
        federation: NodeId,
        /// From the city down to the newcomer.
        #[n(1)]
        chain: Vec<Signed>,
    },
    #[n(1)]
    Refused {
        #[n(0)]
        reason: Refusal,
    },
}

/// Why nobody was admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    #[error("the parent does not know this code")]
    #[n(0)]
    Unknown,
    #[error("the code was used by another node")]
    #[n(1)]
    Used,
    #[error("the code has expired")]
    #[n(2)]
    Expired,
    #[error("the code is for another tier than this node was made for")]
    #[n(3)]
    OtherTier,
    #[error("the parent has not joined a federation itself")]
    #[n(4)]
    NotAMember,
}

/// A request file: the request signed by the newcomer's key.
///
/// # Errors
/// What is wrong with the file.
pub fn read_request(signed: &Signed) -> Result<Request, SignedError> {
    let request: Request = signed.decode(MAX_CERTIFICATE_BYTES)?;
    signed.verify(&request.subject, Domain::JoinRequest)?;
    Ok(request)
}

/// Makes a request file.
#[must_use]
pub fn sign_request(key: &Keypair, request: &Request) -> Signed {
    Signed::new(key, Domain::JoinRequest, request)
}

/// Why a grant does not make this node a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGrant {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error("the membership is for another node ({0})")]
    OtherKey(NodeId),
    #[error("the membership is for a {granted}, but this node was made as a {made}")]
    OtherTier { granted: Tier, made: Tier },
    #[error("it was granted by another federation than the code names")]
    OtherFederation,
}

/// Checks a granted chain for this node.
///
/// # Errors
/// Why it does not hold.
pub fn accept(me: &NodeId, tier: Tier, federation: &NodeId, chain: Vec<Signed>) -> Result<(Member, Chain), BadGrant> {
    let chain = Chain::from_signed(chain)?;
    // At joining there is no older knowledge of time than what this very chain states.
    let now = chain.certificates().iter().map(|c| c.membership().not_before).max().unwrap_or_default();
    let member = chain.verify(federation, now)?;
    if member.id != *me {
        return Err(BadGrant::OtherKey(member.id));
    }
    if member.tier != tier {
        return Err(BadGrant::OtherTier { granted: member.tier, made: tier });
    }
    Ok((member, chain))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_code_reads_back_and_a_mistyped_one_is_noticed() {
        let id = Keypair::from_secret(&[3; 32]).id();
        let invitation = Invitation {
            parent: id,
            addresses: vec!["/ip4/127.0.0.1/udp/4001/quic-v1".to_owned()],
            secret: [9; 16],
            expires: Timestamp(1_800_000_000_000),
            federation: id,
        };
        let code = invitation.to_code();
        assert_eq!(Invitation::from_code(&format!(" {}\n{}", &code[..20], &code[20..])), Ok(invitation));
        let wrong = if code.ends_with('a') { "b" } else { "a" };
        assert_eq!(Invitation::from_code(&format!("{}{wrong}", &code[..code.len() - 1])), Err(NotACode::Checksum));
        assert_eq!(Invitation::from_code("hello"), Err(NotACode::Prefix));
        assert_eq!(Invitation::from_code(&code[..30]), Err(NotACode::Checksum));
        assert_eq!(Invitation::from_code("kapok-"), Err(NotACode::Checksum));
    }
}
