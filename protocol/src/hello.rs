//! The first exchange on every connection: each side proves its membership and names what it can do.
//!
//! The transport has already proved who the peer is (its key); hello proves that the key belongs to a member of
//! this federation. Nothing but `/kapok/join/1` is answered before.
//!
//! Nodes that know each other say little: who calls a node of its catalogue names the digest of its own chain, and is
//! answered likewise. Whoever does not have that very chain asks for it ([`Greeting::Unknown`]), which costs one round
//! trip more. [`Introduction`] is one side of it.

use minicbor::{Decode, Encode};

use crate::identity::NodeId;
use crate::membership::{Chain, ChainError, MAX_CERTIFICATE_BYTES, MAX_CHAIN, Member};
use crate::replica::Replica;
use crate::session::message::{DIGEST_BYTES, Digest};
use crate::signed::Signed;

pub const PROTOCOL: &str = "/kapok/hello/1";
/// Four certificates, the features and framing.
pub const MAX_FRAME_BYTES: usize = (MAX_CHAIN + 1) * MAX_CERTIFICATE_BYTES;
/// More features than a version will ever have.
const MAX_FEATURES: usize = 64;

/// What this version can do beyond the first one; unknown names are ignored.
pub const FEATURES: [&str; 0] = [];

/// What is said in an introduction.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Greeting {
    /// To one who may not know me.
    #[n(0)]
    Whole(#[n(0)] Hello),
    /// To one who knows me: the digest of my chain.
    #[n(1)]
    Brief {
        #[cbor(n(0), with = "minicbor::bytes")]
        chain: Digest,
        #[n(1)]
        features: Vec<String>,
        #[n(2)]
        agent: String,
    },
    /// I do not know that chain: send it whole.
    #[n(2)]
    Unknown,
}

/// One side's introduction, whole.
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
    #[error("its membership is not known here")]
    NotKnown,
    #[error("it greets out of turn")]
    OutOfTurn,
    #[error("this node has not joined a federation yet")]
    NotJoined,
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

    /// Verifies that the peer, whose key the transport has proved to be `peer`, is a member.
    ///
    /// # Errors
    /// Why it is not.
    pub fn verify(self, peer: &NodeId, replica: &dyn Replica) -> Result<(Member, Chain), Stranger> {
        if self.federation != replica.federation() {
            return Err(Stranger::OtherFederation);
        }
        let chain = Chain::from_signed(self.chain)?;
        Ok((judge(&chain, peer, replica)?, chain))
    }
}

/// Whether `chain` makes `peer` a member whom one speaks with.
fn judge(chain: &Chain, peer: &NodeId, replica: &dyn Replica) -> Result<Member, Stranger> {
    let member = chain.verify(&replica.federation(), replica.signed_now())?;
    if member.id != *peer {
        return Err(Stranger::OtherKey);
    }
    let anything = crate::entry::Sequence { incarnation: u64::MAX, number: u64::MAX };
    if member.path().any(|id| replica.is_revoked(&id, anything)) {
        return Err(Stranger::Revoked);
    }
    Ok(member)
}

/// What the catalogue knows of `peer`, held to the same rules as a hello. It says who the peer may be, not that it is
/// there: before anything of it is believed its hello must have come.
///
/// # Errors
/// It is not known, or no member any more.
pub fn known(peer: &NodeId, replica: &dyn Replica) -> Result<(Member, Chain), Stranger> {
    let chain = replica.chain(peer).ok_or(Stranger::NotKnown)?;
    Ok((judge(&chain, peer, replica)?, chain))
}

fn digest(chain: &Chain) -> Digest {
    let mut hasher = blake3::Hasher::new();
    for certificate in chain.certificates() {
        hasher.update(&certificate.signed().hash());
    }
    let mut digest = Digest::default();
    digest.copy_from_slice(&hasher.finalize().as_bytes()[..DIGEST_BYTES]);
    digest
}

impl Greeting {
    fn whole(replica: &dyn Replica, agent: &str) -> Result<Self, Stranger> {
        Hello::of(replica, agent).map(Self::Whole).ok_or(Stranger::NotJoined)
    }

    fn brief(replica: &dyn Replica, agent: &str) -> Result<Self, Stranger> {
        let chain = digest(&replica.chain(&replica.me().id).ok_or(Stranger::NotJoined)?);
        let features = FEATURES.iter().map(ToString::to_string).collect();
        Ok(Self::Brief { chain, features, agent: agent.to_owned() })
    }

    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::cbor::encode(self)
    }

    /// # Errors
    /// `Malformed`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Stranger> {
        let greeting: Self = minicbor::decode(bytes).map_err(|e| Stranger::Malformed(e.to_string()))?;
        let features = match &greeting {
            Self::Whole(Hello { features, .. }) | Self::Brief { features, .. } => features.len(),
            Self::Unknown => 0,
        };
        if features > MAX_FEATURES {
            return Err(Stranger::Malformed(format!("more than {MAX_FEATURES} features")));
        }
        Ok(greeting)
    }
}

/// What follows from a greeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The peer has proved itself.
    pub proven: Option<(Member, Chain)>,
    /// To be said next.
    pub say: Option<Greeting>,
}

/// One side of an introduction. Pure; each side says a greeting at most twice.
#[derive(Debug)]
pub struct Introduction {
    peer: NodeId,
    /// What was said of this node.
    said: Said,
    /// The peer's chain was asked for.
    asked: bool,
    /// The peer has greeted briefly: it knows this node.
    known_there: bool,
    proven: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    Nothing,
    Brief,
    Whole,
}

impl Introduction {
    /// Of the side that calls, with its greeting.
    ///
    /// # Errors
    /// `NotJoined`.
    pub fn call(peer: NodeId, replica: &dyn Replica, agent: &str) -> Result<(Self, Greeting), Stranger> {
        // Who knows a node is mostly known there: as its parent, its child, or of the same catalogue.
        let (said, greeting) = if known(&peer, replica).is_ok() {
            (Said::Brief, Greeting::brief(replica, agent)?)
        } else {
            (Said::Whole, Greeting::whole(replica, agent)?)
        };
        Ok((Self { said, ..Self::answer(peer) }, greeting))
    }

    /// Of the side that is called.
    #[must_use]
    pub fn answer(peer: NodeId) -> Self {
        Self { peer, said: Said::Nothing, asked: false, known_there: false, proven: false }
    }

    /// Takes a greeting of the peer, whose key the transport has proved.
    ///
    /// # Errors
    /// Why it is a stranger.
    pub fn take(&mut self, greeting: Greeting, replica: &dyn Replica, agent: &str) -> Result<Step, Stranger> {
        let proof = match greeting {
            Greeting::Unknown if self.said == Said::Brief => {
                self.said = Said::Whole;
                return Ok(Step { say: Some(Greeting::whole(replica, agent)?), proven: None });
            }
            Greeting::Unknown => return Err(Stranger::OutOfTurn),
            _ if self.proven => return Err(Stranger::OutOfTurn),
            Greeting::Whole(hello) => hello.verify(&self.peer, replica)?,
            Greeting::Brief { chain, .. } => {
                if self.asked {
                    return Err(Stranger::OutOfTurn);
                }
                self.known_there = true;
                match replica.chain(&self.peer).filter(|known| digest(known) == chain) {
                    Some(known) => (judge(&known, &self.peer, replica)?, known),
                    None => {
                        self.asked = true;
                        return Ok(Step { say: Some(Greeting::Unknown), proven: None });
                    }
                }
            }
        };
        self.proven = true;
        let say = match self.said {
            Said::Nothing if self.known_there => Some((Said::Brief, Greeting::brief(replica, agent)?)),
            Said::Nothing => Some((Said::Whole, Greeting::whole(replica, agent)?)),
            Said::Brief | Said::Whole => None,
        };
        let say = say.map(|(said, greeting)| {
            self.said = said;
            greeting
        });
        Ok(Step { proven: Some(proof), say })
    }
}
