//! 我的: change the password, log out. `GET /account`; `POST /account/password` with `csrf`, `current`, `password`,
//! `password_again` → a redirect to `/account?done=password-changed`, or this page with an error; `POST /logout`.

use askama::Template;

use crate::Html;
use crate::format::Moment;
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;
use crate::pages::setup::PASSWORD_MIN_CHARS;

#[derive(Clone, Debug)]
pub struct Account {
    /// The name to log in with.
    pub login: String,
    /// Slug of the role: `system-admin`, `teacher`, …
    pub role: String,
    /// When this session began.
    pub since: Option<Moment>,
    pub error: Option<PasswordError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordError {
    WrongCurrent,
    Differ,
    /// Too many wrong tries: minutes until another counts.
    Locked {
        minutes: u64,
    },
    /// Anything else, in a sentence.
    Said(String),
}

#[derive(Template)]
#[template(path = "pages/account/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    account: &'a Account,
}

impl Account {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::Account, account: self }.render()
    }
}
