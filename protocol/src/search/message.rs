//! What is said on a stream of `/kapok/search/1`.
//!
//! One stream carries one search, so frames need no numbers; closing the stream ends the search.
//!
//! - Asker → parent → … → the top of the tree: [`Ask`]; back comes one [`Answer`]. A node in between passes both on.
//! - Coordinator (the top) → each answering node: [`Question::Statistics`], back [`Contribution::Statistics`]; then
//!   [`Question::Score`] with the statistics of all of them, back [`Contribution::Hits`].
//!
//! Queries, statistics, facets and what a hit shows are bytes here: the indexer gives them meaning. What decides
//! the order, score and id, is in the open, so that merging needs no index.

use minicbor::{Decode, Encode};

use crate::blob::bounded;
use crate::identity::NodeId;

pub use crate::blob::bounded::FrameError;

/// Name of the protocol when a stream is opened.
pub const PROTOCOL: &str = "/kapok/search/1";
/// Largest frame: a [`Reply`] with everything at its limit.
pub const MAX_FRAME_BYTES: usize = 1024 * 1024;
/// Largest query with its filters and expansions.
pub const MAX_QUERY_BYTES: usize = 16 * 1024;
/// Largest term statistics; a node's usually have tens of bytes.
pub const MAX_STATISTICS_BYTES: usize = 64 * 1024;
/// Largest facet counts.
pub const MAX_FACETS_BYTES: usize = 64 * 1024;
/// Most hits asked for, offset included; nobody pages further, and a frame has to hold them.
pub const MAX_HITS: usize = 200;
/// Longest id of a hit.
pub const MAX_HIT_ID_BYTES: usize = 64;
/// Largest description of a hit (snippet, home, holders).
pub const MAX_HIT_BYTES: usize = 4096;
/// Most answering nodes: every county of a large city and the schools directly under it.
pub const MAX_ANSWERERS: usize = 256;
/// Longest way up the tree: point, school, county, city.
pub const MAX_PATH: usize = 4;
/// Longest that a search may take; a person has turned away by then.
pub const MAX_DEADLINE_MS: u32 = 30_000;

/// A search on its way up the tree.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ask {
    /// The query, its filters, `now`, the analyser's version and expansions.
    #[cbor(n(0), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<MAX_QUERY_BYTES, _>")]
    pub query: Vec<u8>,
    /// How many best hits are wanted, at most [`MAX_HITS`].
    #[n(1)]
    pub limit: u16,
    /// How long the asker still waits. Each node that passes the search on takes off what it has used.
    #[n(2)]
    pub deadline_ms: u32,
    /// The asker and its ancestors that have passed the search on, the asker first. It decides what may be shown to
    /// the asker, so the receiver checks that the last is the sender, a child of its own.
    #[cbor(n(3), decode_with = "bounded::list::<MAX_PATH, _, _>")]
    pub path: Vec<NodeId>,
}

/// What the coordinator asks of an answering node.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum Question {
    /// The statistics of the query's terms over what this node answers for.
    #[n(0)]
    Statistics(#[n(0)] Ask),
    /// The best hits, scored with these statistics. Comes after `Statistics` on the same stream.
    #[n(1)]
    Score {
        #[cbor(
            n(0),
            encode_with = "minicbor::bytes::encode",
            decode_with = "bounded::bytes::<MAX_STATISTICS_BYTES, _>"
        )]
        statistics: Vec<u8>,
        /// How long the coordinator waits for the hits.
        #[n(1)]
        deadline_ms: u32,
    },
}

/// One resource that was found.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Hit {
    /// BM25 with the statistics of all answering nodes, and the indexer's boosts.
    #[n(0)]
    pub score: f32,
    /// The resource's id.
    #[cbor(n(1), decode_with = "bounded::text::<MAX_HIT_ID_BYTES, _>")]
    pub id: String,
    /// What is shown of it.
    #[cbor(n(2), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<MAX_HIT_BYTES, _>")]
    pub shown: Vec<u8>,
}

/// The best hits of one node, of what it answers for.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct HitList {
    /// At most the limit that was asked for, in any order.
    #[cbor(n(0), decode_with = "bounded::list::<MAX_HITS, _, _>")]
    pub hits: Vec<Hit>,
    /// How many resources match in all.
    #[n(1)]
    pub total: u64,
    #[cbor(n(2), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<MAX_FACETS_BYTES, _>")]
    pub facets: Vec<u8>,
}

/// What an answering node gives the coordinator.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub enum Contribution {
    #[n(0)]
    Statistics(
        #[cbor(
            n(0),
            encode_with = "minicbor::bytes::encode",
            decode_with = "bounded::bytes::<MAX_STATISTICS_BYTES, _>"
        )]
        Vec<u8>,
    ),
    #[n(1)]
    Hits(#[n(0)] HitList),
    #[n(2)]
    Refused(#[n(0)] Refusal),
}

/// The merged result of a search.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Reply {
    /// The best hits of all answering nodes together, best first, ties by id.
    #[cbor(n(0), decode_with = "bounded::list::<MAX_HITS, _, _>")]
    pub hits: Vec<Hit>,
    /// How many resources match in all, at the nodes that answered.
    #[n(1)]
    pub total: u64,
    /// The counts of all nodes that answered, merged.
    #[cbor(n(2), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<MAX_FACETS_BYTES, _>")]
    pub facets: Vec<u8>,
    /// The statistics that the hits were scored with, so that the asker can score its own material the same way.
    #[cbor(n(3), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<MAX_STATISTICS_BYTES, _>")]
    pub statistics: Vec<u8>,
    /// Nodes whose hits are in.
    #[cbor(n(4), decode_with = "bounded::list::<MAX_ANSWERERS, _, _>")]
    pub answered: Vec<NodeId>,
    /// Nodes that should have answered and did not, or not in time.
    #[cbor(n(5), decode_with = "bounded::list::<MAX_ANSWERERS, _, _>")]
    pub missing: Vec<NodeId>,
}

/// Why a search was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum Refusal {
    #[n(0)]
    #[error("too many searches at once")]
    Busy,
    #[n(1)]
    #[error("the query cannot be understood (perhaps by an older version)")]
    BadQuery,
    #[n(2)]
    #[error("the search does not come from below in the tree")]
    WrongPath,
    #[n(3)]
    #[error("the time was up")]
    TooLate,
}

/// What comes back to the asker.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub enum Answer {
    #[n(0)]
    Reply(#[n(0)] Reply),
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

macro_rules! frames {
    ($($frame:ty),*) => { $(
        impl $frame {
            /// The frame's bytes, without its length.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                bounded::encode_frame(self)
            }

            /// Reads one frame.
            ///
            /// # Errors
            /// If it is too large, malformed, over a limit, or followed by other bytes.
            pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
                bounded::decode_frame(frame, MAX_FRAME_BYTES)
            }
        }
    )* };
}

frames!(Ask, Question, Contribution, Answer);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn largest_hit() -> Hit {
        Hit { score: f32::MAX, id: "x".repeat(MAX_HIT_ID_BYTES), shown: vec![1; MAX_HIT_BYTES] }
    }

    #[test]
    fn the_largest_reply_fits_a_frame_and_reads_back() {
        let nodes: Vec<NodeId> = (0..=255).map(|byte| NodeId([byte; 32])).collect();
        let reply = Answer::Reply(Reply {
            hits: vec![largest_hit(); MAX_HITS],
            total: u64::MAX,
            facets: vec![1; MAX_FACETS_BYTES],
            statistics: vec![1; MAX_STATISTICS_BYTES],
            answered: nodes.clone(),
            missing: nodes,
        });
        assert!(reply.encode().len() <= MAX_FRAME_BYTES);
        assert_eq!(Answer::decode(&reply.encode()).unwrap(), reply);
    }

    #[test]
    fn every_list_over_its_limit_is_refused() {
        let ask = Ask { query: vec![1; 10], limit: 10, deadline_ms: 1, path: vec![NodeId([1; 32]); MAX_PATH] };
        assert_eq!(Ask::decode(&ask.encode()).unwrap(), ask);
        assert!(Ask::decode(&Ask { path: vec![NodeId([1; 32]); MAX_PATH + 1], ..ask.clone() }.encode()).is_err());
        assert!(Ask::decode(&Ask { query: vec![1; MAX_QUERY_BYTES + 1], ..ask }.encode()).is_err());

        let small = Hit { score: 1.0, id: String::new(), shown: vec![] };
        let hits = |hits| Contribution::Hits(HitList { hits, total: 0, facets: vec![] }).encode();
        assert!(Contribution::decode(&hits(vec![small.clone(); MAX_HITS])).is_ok());
        assert!(Contribution::decode(&hits(vec![small; MAX_HITS + 1])).is_err());
        assert!(Contribution::decode(&hits(vec![Hit { id: "x".repeat(65), ..largest_hit() }])).is_err());
        assert!(Contribution::decode(&Contribution::Statistics(vec![0; MAX_STATISTICS_BYTES + 1]).encode()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Ask::decode(&bytes);
            let _ = Question::decode(&bytes);
            let _ = Contribution::decode(&bytes);
            let _ = Answer::decode(&bytes);
        }
    }
}
