//! What went wrong: what happened, that nothing was lost, what to do. Answered with the status of the problem.

use askama::Template;

use crate::Html;
use crate::format::{Bytes, Moment};
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;

#[derive(Clone, Debug)]
pub enum Problem {
    /// No such page.
    NoPage,
    /// No such resource known here (or none that the asker may see).
    NoResource,
    /// Withdrawn (下架), with the reason that stays on record.
    Withdrawn { by: String, at: Option<Moment>, reason: String },
    /// Not logged in where it is needed; `next` leads back.
    LoginNeeded { next: String },
    /// Logged in, and not allowed.
    NotAllowed,
    /// The form was too old or came from elsewhere (CSRF).
    StaleForm,
    /// More than may be sent at once.
    TooLarge { limit: Bytes },
    /// No room on the disk.
    DiskFull { free: Bytes },
    /// Too many requests: minutes until the next counts.
    TooManyTries { minutes: u64 },
    /// The node is still starting or rebuilding.
    NotReady { percent: Option<u8> },
    /// The request cannot be read (a bad parameter); `detail` says which.
    BadRequest { detail: String },
    /// A fault of the node; `reference` is in its log.
    Fault { reference: String },
}

#[derive(Template)]
#[template(path = "pages/problem/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    problem: &'a Problem,
}

impl Problem {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::None, problem: self }.render()
    }

    const fn slug(&self) -> &'static str {
        match self {
            Self::NoPage => "no-page",
            Self::NoResource => "no-resource",
            Self::Withdrawn { .. } => "withdrawn",
            Self::LoginNeeded { .. } => "login-needed",
            Self::NotAllowed => "not-allowed",
            Self::StaleForm => "stale-form",
            Self::TooLarge { .. } => "too-large",
            Self::DiskFull { .. } => "disk-full",
            Self::TooManyTries { .. } => "too-many-tries",
            Self::NotReady { .. } => "not-ready",
            Self::BadRequest { .. } => "bad-request",
            Self::Fault { .. } => "fault",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoPage | Self::NoResource => 404,
            Self::Withdrawn { .. } => 410,
            Self::LoginNeeded { .. } => 401,
            Self::NotAllowed | Self::StaleForm => 403,
            Self::TooLarge { .. } => 413,
            Self::DiskFull { .. } => 507,
            Self::TooManyTries { .. } => 429,
            Self::NotReady { .. } => 503,
            Self::BadRequest { .. } => 400,
            Self::Fault { .. } => 500,
        }
    }
}
