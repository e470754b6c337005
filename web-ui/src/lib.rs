//! The pages: view models in, HTML out.
//!
//! No I/O, no clock, no randomness: what a page needs comes in as a view model and a [`Frame`], and out comes a
//! string. `node/http` builds the view models from the same use-cases that stand behind `/api/v1`.
//!
//! Reading order: [`frame`] is what every page shares (bars, lamp, account); [`facts`] is what a row says of a
//! resource; [`format`] writes sizes and times; [`messages`] holds every word; [`pages`] has a folder a page; the
//! bundle of styles, script and icons comes out of [`assets`].
//!
//! Invariants: what people wrote is escaped by the templates (only [`facts::Snippet`] carries markup, and it lets
//! nothing but `<mark>` through); no page needs script to be read; no page loads anything from elsewhere; no inline
//! script and no style attribute, so that `Content-Security-Policy: default-src 'self'` holds.

pub mod assets;
pub mod facts;
pub mod format;
pub mod frame;
pub mod messages;
pub mod pages;
mod thumb;

pub use frame::Frame;

/// A page or a part of one. Rendering fails only when formatting does, which a `String` never lets happen.
pub type Html = Result<String, askama::Error>;
