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
    /// No such thing of another sort.
    NotFound,
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
    /// Not at this moment: nobody can be reached, too much is going on.
    NotNow,
    /// What was asked breaks a rule or cannot be read.
    Refused,
    /// What was asked no longer fits what is there.
    Changed,
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
    said: &'a Said,
}

/// What is said of one failure, beside the words of its sort.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Instead of the general sentence.
    pub sentence: Option<String>,
    /// For whoever looks after the node, as the log and the command line have it; folded.
    pub technical: Option<String>,
}

impl Problem {
    pub fn render(&self, frame: &Frame) -> Html {
        self.render_said(frame, &Said::default())
    }

    /// The same, with what is said of this one.
    pub fn render_said(&self, frame: &Frame, said: &Said) -> Html {
        Page { frame, m: frame.messages, place: Place::None, problem: self, said }.render()
    }

    const fn slug(&self) -> &'static str {
        match self {
            Self::NoPage => "no-page",
            Self::NoResource => "no-resource",
            Self::NotFound => "not-found",
            Self::Withdrawn { .. } => "withdrawn",
            Self::LoginNeeded { .. } => "login-needed",
            Self::NotAllowed => "not-allowed",
            Self::StaleForm => "stale-form",
            Self::TooLarge { .. } => "too-large",
            Self::DiskFull { .. } => "disk-full",
            Self::TooManyTries { .. } => "too-many-tries",
            Self::NotReady { .. } => "not-ready",
            Self::NotNow => "not-now",
            Self::Refused => "refused",
            Self::Changed => "changed",
            Self::Fault { .. } => "fault",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoPage | Self::NoResource | Self::NotFound => 404,
            Self::Withdrawn { .. } => 410,
            Self::LoginNeeded { .. } => 401,
            Self::NotAllowed | Self::StaleForm => 403,
            Self::TooLarge { .. } => 413,
            Self::DiskFull { .. } => 507,
            Self::TooManyTries { .. } => 429,
            Self::NotReady { .. } | Self::NotNow => 503,
            Self::Refused => 400,
            Self::Changed => 409,
            Self::Fault { .. } => 500,
        }
    }
}
