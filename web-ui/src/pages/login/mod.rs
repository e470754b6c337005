//! 登录. `GET /login?next=PATH`; `POST /login` with `csrf`, `name`, `password`, `next` → a redirect to `next` (a path
//! of this node only), or this page with an error. Logging out is `POST /logout`.

use askama::Template;

use crate::Html;
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;

#[derive(Clone, Debug, Default)]
pub struct Login {
    /// What was typed as name.
    pub name: String,
    /// Where to go afterwards, for instance `/upload`.
    pub next: Option<String>,
    pub error: Option<LoginError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginError {
    /// Name or password is wrong; which of them is not said.
    Wrong,
    /// Too many tries: from when on another counts, in minutes.
    Locked { minutes: u64 },
    /// The form was too old (CSRF token); what was typed is still there.
    Stale,
    /// Anything else, in a sentence.
    Said(String),
}

#[derive(Template)]
#[template(path = "pages/login/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    login: &'a Login,
}

impl Login {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::None, login: self }.render()
    }
}
