//! The pages: the same use cases as HTML.
//!
//! Reading order: [`frame`] builds what every page shares; [`facts`] turns documents of the port into rows; a file a
//! page follows; [`problem`] says what went wrong.

mod account;
mod choices;
mod facts;
mod federation;
mod frame;
mod home;
mod problem;
mod resource;
mod search;
mod session;
mod setup;
mod sync;
mod upload;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use kapok_web_ui::frame::Done;
use kapok_web_ui::{Frame, Html as Rendered};

use crate::App;
use crate::forms;
use crate::port::Failure;

pub(crate) use problem::{in_haste, nothing_here, refused, wrong_method};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .merge(home::router())
        .merge(search::router())
        .merge(resource::router())
        .merge(upload::router())
        .merge(sync::router())
        .merge(federation::router())
        .merge(session::router())
        .merge(setup::router())
        .merge(account::router())
}

/// A rendered page with its status.
fn page(status: StatusCode, rendered: Rendered) -> Response {
    match rendered {
        Ok(html) => (status, Html(html)).into_response(),
        // A template cannot fail on memory; should it, the words are those of any fault.
        Err(error) => Failure::internal("the page could not be written", error.to_string()).into_response(),
    }
}

fn ok(rendered: Rendered) -> Response {
    page(StatusCode::OK, rendered)
}

/// After something was done: 303, so that going back does not do it again.
fn done(path: &str, what: Done) -> Response {
    Redirect::to(&format!("{path}?done={}", what.slug())).into_response()
}

/// Whether htmx asks, which wants a part of the page.
fn wants_part(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// The words of `?done=…` on the page that follows.
fn notice_of(frame: &mut Frame, query: Option<&str>) {
    let done = forms::field(query.unwrap_or_default().as_bytes(), "done");
    if let Some(done) = done.and_then(|slug| Done::from_slug(&slug)) {
        frame.notices.push(kapok_web_ui::frame::Notice::Done(done));
    }
}
