//! The first account. `GET /setup`; `POST /setup` with `csrf`, `code`, `name`, `password`, `password_again` → a
//! redirect to `/` logged in, or this page with an error. Until that is done every other page leads here.

use askama::Template;

use crate::Html;
use crate::frame::{Frame, Notice};
use crate::messages::Messages;

/// Characters that a password must have at least (a statement of the page; the node checks it).
pub const PASSWORD_MIN_CHARS: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct Setup {
    pub code: String,
    pub name: String,
    pub error: Option<SetupError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupError {
    WrongCode,
    /// Too many wrong codes: minutes until another counts.
    Locked {
        minutes: u64,
    },
    PasswordsDiffer,
    Stale,
    /// Anything else, in a sentence.
    Said(String),
}

#[derive(Template)]
#[template(path = "pages/setup/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    setup: &'a Setup,
}

impl Setup {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, setup: self }.render()
    }
}
