//! 首页: what is new, what rural schools lack, and what is on its way.
//!
//! `GET /`

use askama::Template;

use crate::Html;
use crate::facts::{ResourceLine, Transfer};
use crate::format::Bytes;
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;

/// Shown of the newest resources.
pub const NEWEST: usize = 8;
/// Shown of each shortage subject.
pub const NEWEST_OF_SUBJECT: usize = 2;
/// Shown of the transfers.
pub const TRANSFERS: usize = 3;

#[derive(Clone, Debug)]
pub struct Home {
    /// At most [`NEWEST`], newest first, over the whole federation.
    pub newest: Vec<ResourceLine>,
    /// All resources that the reader can find.
    pub resources: u64,
    /// Music, art, English, science, in the order of the vocabulary.
    pub shortage: Vec<ShortageSubject>,
    /// For those who may see the federation.
    pub arriving: Option<Arriving>,
}

#[derive(Clone, Debug)]
pub struct ShortageSubject {
    pub subject: String,
    pub total: u64,
    /// At most [`NEWEST_OF_SUBJECT`].
    pub newest: Vec<ResourceLine>,
}

/// What is on its way, in short.
#[derive(Clone, Debug)]
pub struct Arriving {
    /// Resources that became complete here in the last 24 hours, for those who may see all of them.
    pub arrived_last_day: Option<u64>,
    /// Moving, queued or waiting.
    pub count: u64,
    pub missing: Bytes,
    /// When all of it will be here, if that can be relied on.
    pub done_at: Option<crate::format::Moment>,
    /// The first [`TRANSFERS`] of them.
    pub transfers: Vec<Transfer>,
    /// Waiting for something (disk, a node that is offline).
    pub waiting: u64,
}

#[derive(Template)]
#[template(path = "pages/home/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    home: &'a Home,
}

impl Home {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::Home, home: self }.render()
    }
}
