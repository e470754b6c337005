//! The wiring: where store, catalogue, index, network and HTTP meet.
//!
//! [`App`] holds the parts; each use case has a file of its own (`add`, `fetch`, `search`, `sync`, …) and `port`
//! joins them to HTTP's trait. [`init`] makes a data folder, [`start`] brings a node up.
//!
//! Reading order: `app` → `start` → `port` → the use case that you are looking for.

mod add;
mod app;
mod blobs;
mod collect;
mod facts;
mod federation;
mod fetch;
mod indexing;
mod init;
mod links;
mod local;
mod neighbours;
mod notices;
mod opening;
mod paths;
mod port;
mod reach;
mod search;
mod start;
mod status;
mod subscriptions;
mod survey;
mod sync;
#[cfg(test)]
mod testing;
mod upkeep;
mod uploads;
mod withdraw;

pub(crate) use init::{InitOptions, init};
pub(crate) use start::{Running, StartOptions, start};
