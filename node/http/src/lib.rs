//! HTTP of a node.

pub mod port;
