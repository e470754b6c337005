//! Limits on what a request may take, each with its reason.

use std::time::Duration;

/// JSON that people and the command line send: lists of uploads and words. A thousand paths fit.
pub(crate) const MAX_JSON_BYTES: usize = 1024 * 1024;

/// A small body has arrived by then on any link on which a page can be used at all.
pub(crate) const BODY_TIME: Duration = Duration::from_secs(30);

/// Headers have arrived by then.
pub(crate) const HEADER_TIME: Duration = Duration::from_secs(20);

/// An upload from which nothing came for so long is gone; what arrived stays, and it can be resumed.
pub(crate) const UPLOAD_STALL: Duration = Duration::from_secs(60);

/// A request that only reads has its answer by then, or gets a 503.
pub(crate) const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Connections at once, in all and from one address. A school's browsers open six each.
pub(crate) const MAX_CONNECTIONS: usize = 1024;
pub(crate) const MAX_CONNECTIONS_PER_ADDRESS: usize = 256;

/// Requests being worked on at once; the rest gets a 503 at once instead of a growing queue.
pub(crate) const MAX_REQUESTS: usize = 512;

/// Pages that follow what moves as it happens. Each is drawn once a second, which takes some milliseconds on a school's
/// machine; a page that finds no place asks every few seconds instead.
pub(crate) const MAX_LISTENERS: usize = 32;

/// Upon a stop, requests may end within this time.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// What a form without script may send at once: a long video.
pub(crate) const MAX_FORM_FILE_BYTES: u64 = 8 * 1024 * 1024 * 1024;
