//! What the search driver needs of the node: its index, and who is who.

use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::search::message::HitList;
use libp2p::Multiaddr;

/// The node behind the searches. Calls may block for as long as an index takes.
pub trait SearchBackend: Send + Sync + 'static {
    /// This node, if it has joined.
    fn me(&self) -> Option<Member>;

    /// Another member.
    fn member(&self, id: &NodeId) -> Option<Member>;

    /// Who answers where this node coordinates: itself, if it answers for anything, and the counties below it.
    fn answerers(&self) -> Vec<NodeId>;

    /// The statistics of a query over what this node answers for to `asker`.
    ///
    /// # Errors
    /// Why the query cannot be answered.
    fn statistics(&self, asker: &Member, query: &[u8]) -> Result<Vec<u8>, String>;

    /// The best hits of it, scored with `statistics`.
    ///
    /// # Errors
    /// Why the query cannot be answered.
    fn hits(&self, asker: &Member, query: &[u8], statistics: &[u8], limit: usize) -> Result<HitList, String>;

    /// One of many nodes' statistics, and the nodes whose statistics make no sense.
    fn merge_statistics(&self, query: &[u8], all: Vec<(NodeId, Vec<u8>)>) -> (Vec<u8>, Vec<NodeId>);

    /// One of many nodes' counts.
    fn merge_facets(&self, all: Vec<Vec<u8>>) -> Vec<u8>;

    /// Where a node may be reached.
    fn addresses(&self, node: &NodeId) -> Vec<Multiaddr>;
}
