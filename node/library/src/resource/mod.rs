//! Resources: a described set of files; what people search, review, rate and share.
//!
//! [`Resource`] is the body of an entry, [`ResourceId`] its name for people and tools, [`state`] the fold of all
//! entries and withdrawals under one id, [`rules`] what may be published.

mod body;
mod id;
pub mod rules;
pub mod state;

pub use body::{File, Resource, Text, Version};
pub use id::{NotAResourceId, ResourceId, ResourceKey};
pub use state::ResourceState;
