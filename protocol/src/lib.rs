//! Replication between Kapok nodes, as pure logic.
//!
//! Nothing here does I/O, reads a clock, draws random numbers or starts a thread: time and randomness come in as
//! arguments, and what should happen goes out as values. The drivers in `node/net` and the simulator in `tests/`
//! run the same state machines. What an entry *means* is not known here: bodies are a kind and bytes
//! (`node/library` gives them meaning).
//!
//! Reading order: [`identity`] and [`membership`] (who is who) → [`entry`], [`lthash`], [`head`] (what is said) →
//! [`replica`] (what a session sees of the store) → [`hello`], [`join`], [`session`] (how two nodes meet) →
//! [`blob`] (the files) → [`search`] (asking many nodes at once).

pub mod blob;
mod cbor;
pub mod entry;
pub mod head;
pub mod hello;
pub mod identity;
pub mod join;
pub mod lthash;
pub mod membership;
pub mod replica;
pub mod search;
pub mod session;
pub mod signed;
pub mod time;
pub mod visibility;

pub use cbor::{NotDeterministic, check as check_cbor};
