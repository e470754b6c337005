//! Search across the federation, as one.
//!
//! Each resource is answered for by one node: its county, or the city. A search goes from the node where it was typed
//! ([`asker`]) up the tree to the top, whose [`coordinator`] asks all answering nodes in two phases and merges
//! ([`merge()`]). [`message`] has the frames. What a query, statistics or a snippet *is* belongs to the indexer.
//!
//! Invariant: with the same statistics, the merged list is exactly that of one central index: by score, ties by id.

pub mod asker;
pub mod coordinator;
mod merge;
pub mod message;

pub use asker::Asker;
pub use coordinator::Coordinator;
pub use merge::merge;

#[cfg(test)]
mod tests;
