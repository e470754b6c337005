//! What entries mean, as pure logic: one folder or file a feature, each with its body, its fold and its rules.
//!
//! [`profile`] (a node about itself), [`membership`] and [`revocation`] (who belongs), [`resource`] (what people
//! search, read and share), [`withdrawal`] (下架). [`vocabulary`] holds the controlled values, [`book`] what all nodes'
//! profiles and revocations add up to.
//!
//! Invariant: a fold gives the same result for any order, duplication and route of the same entries
//! (`tests/fold.rs` shows it).

pub mod book;
mod encoding;
pub mod membership;
pub mod profile;
pub mod resource;
pub mod revocation;
pub mod vocabulary;
pub mod withdrawal;

pub use encoding::BadBody;
