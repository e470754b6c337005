//! Replication between Kapok nodes, as pure logic.
//!
//! Nothing here does I/O, reads a clock, draws random numbers or starts a thread: time and randomness come in as
//! arguments, and what should happen goes out as values. The drivers in `node/net` and the simulator in `tests/`
//! run the same state machines. What an entry *means* is not known here: bodies are a kind and bytes
//! (`node/library` gives them meaning).
//!
//! Reading order: [`identity`] → [`time`] → [`blob`].

pub mod blob;
pub mod identity;
pub mod time;
