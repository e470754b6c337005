//! What the tests and benchmarks of the whole system share: real `kapok` processes on folders of their own.
//!
//! [`Federation`] is a city, a county, a school and a point, joined by codes. [`Node`] is one of them: its folder, its
//! process, its command line, its pages. Nothing here looks inside a node; what it knows is DESIGN's contract.
//!
//! Waiting is for an event with a deadline, never for a time: a first line, an exit, an answer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops where it is")]

mod binary;
mod documents;
mod federation;
mod fill;
mod http;
mod node;
mod ports;
mod skip;

pub use binary::{kapok, repository};
pub use documents::{Document, documents, samples};
pub use federation::Federation;
pub use fill::{fill, fill_changed};
pub use http::{Answer, Browser};
pub use node::{Node, Outcome, run_kapok};
pub use skip::skipped;
