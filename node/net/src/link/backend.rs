//! What the drivers need of the node: its catalogue, and who may be admitted.

use kapok_protocol::identity::NodeId;
use kapok_protocol::join;
use kapok_protocol::replica::{Cursor, News, Replica};

/// The node behind the drivers. Calls may block for as long as an fsync takes; the drivers call them where that is
/// allowed.
pub trait Backend: Send + Sync + 'static {
    /// Reads the catalogue at one moment.
    fn read(&self, reader: &mut dyn FnMut(&dyn Replica));

    /// Stores what a session has verified. On return it is durable.
    ///
    /// # Errors
    /// Why it was not stored (a full disk); the session ends and is taken up later.
    fn store(&self, news: Vec<News>) -> Result<(), String>;

    /// How far the heads of `peer` are known, in its journal.
    fn remembered(&self, peer: &NodeId) -> Option<Cursor>;

    /// Notes it. May be lost in a crash: then the next session lists all heads.
    fn remember(&self, peer: &NodeId, cursor: Cursor);

    /// Whether this node belongs to a federation. [`Backend::read`] is called only when it does.
    fn has_joined(&self) -> bool;

    /// Answers a newcomer, whose key the transport has proved to be `subject`.
    fn admit(&self, subject: NodeId, request: join::Request) -> join::Reply;
}
