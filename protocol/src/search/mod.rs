//! Search across the federation, as one.
pub mod message;
