//! A federation in memory: replicas over maps, and a network under a virtual clock.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

pub mod corpus;
pub mod line;
pub mod memory;
pub mod network;

use kapok_protocol::identity::Keypair;
use kapok_protocol::membership::{Certificate, Chain, Membership, Tier};
use kapok_protocol::time::Timestamp;

pub const START: Timestamp = Timestamp(1_790_000_000_000);
const YEAR_MILLIS: u64 = 365 * 24 * 3600 * 1000;

/// A key that depends on `name` alone.
pub fn key(name: &str) -> Keypair {
    Keypair::from_secret(blake3::hash(name.as_bytes()).as_bytes())
}

/// A certificate for `subject` by `issuer` under `above`.
pub fn admit(root: &Keypair, issuer: &Keypair, above: Option<&Chain>, tier: Tier, name: &str) -> Chain {
    let mut scope = above.map_or(Vec::new(), |c| c.certificates().last().unwrap().membership().scope.clone());
    scope.push(name.to_owned());
    let depth = above.map_or(0, |c| c.certificates().len() as u64);
    let certificate = Certificate::issue(
        issuer,
        Membership {
            federation: root.id(),
            subject: key(name).id(),
            tier,
            name: name.to_owned(),
            region: String::new(),
            scope,
            issuer: issuer.id(),
            serial: 1,
            staff_quota: 30,
            not_before: START,
            not_after: START.plus_millis((5 - depth) * YEAR_MILLIS),
        },
    );
    above.map_or_else(|| Chain::new(vec![certificate.clone()]), |chain| chain.extended(certificate.clone()))
}
