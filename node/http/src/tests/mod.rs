//! The whole of HTTP over a node in memory: who may do what, and what bad requests get.
#![allow(clippy::unwrap_used)]

mod access;
mod api;
mod arriving;
mod fake;
mod hidden;
mod live;
mod pages;
mod refusals;
mod server;
mod site;
mod words;
