//! What never leaves this node: accounts, sessions, the set-up code, and what each role may do.
//!
//! Everything here is logic without I/O: time comes in as [`Millis`], randomness as bytes, and what must be kept goes
//! out as an [`Event`] that the caller appends to the private journal; [`Accounts`] is the fold of those events.
//! The one costly thing is the password hash ([`password`]); callers run it off the async threads, at most
//! [`password::AT_ONCE`] at a time.
//!
//! Reading order: [`role`] → [`account`] → [`event`] → [`accounts`] → [`password`] → [`setup`] → [`session`] → [`throttle`].
//!
//! Invariant: `node/net` does not depend on this crate, so that nothing of it can be named there, let alone sent.

pub mod account;
pub mod accounts;
pub mod event;
pub mod password;
pub mod role;
pub mod session;
pub mod setup;
pub mod throttle;

pub use account::{Account, AccountId, AccountName};
pub use accounts::Accounts;
pub use event::Event;
pub use role::{Permission, Role, Roles};

/// Milliseconds since the Unix epoch.
pub type Millis = u64;
