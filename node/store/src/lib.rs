//! Where a node keeps its truth, and the views made from it.
//!
//! Only [`journal`]s and [`blobs`] are truth; [`view`] holds what is made from them and may be deleted at any time.
//! Payloads are opaque here: what an entry means is known to `node/library` and to nobody in this crate.
//!
//! Reading order: [`fs`] (the disk, real and simulated) → [`home`] (the data folder) → [`journal`] → [`blobs`] →
//! [`view`].
//!
//! Invariant: what a call has acknowledged survives a power cut.

pub mod blobs;
pub mod fs;
pub mod home;
pub mod journal;
pub mod view;
