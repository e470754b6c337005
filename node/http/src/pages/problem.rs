//! What went wrong, as a page.

use std::net::Ipv4Addr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use kapok_web_ui::format::{Bytes, escape_query};
use kapok_web_ui::messages::Messages;
use kapok_web_ui::pages::problem::{Problem, Said};

use super::frame::{draw, framed};
use crate::App;
use crate::access::{Caller, ConnectedFrom, STALE_FORM, identify, is_page};
use crate::limits::MAX_FORM_FILE_BYTES;
use crate::port::{Failure, FailureKind, Status, Viewer};

/// A request for a page that the guard refused. Who only lacks a session is led to the log-in page and back.
pub(crate) async fn refused(app: &App, caller: &Caller, uri: &Uri, is_reading: bool, failure: &Failure) -> Response {
    let next = if is_reading { uri.path_and_query().map_or("/", |path| path.as_str()) } else { "/" };
    if failure.kind == FailureKind::Unauthorized && is_reading {
        return Redirect::to(&format!("/login?next={}", escape_query(next))).into_response();
    }
    show(app, caller, failure, next).await
}

/// A use case that failed.
pub(super) async fn failed(app: &App, caller: &Caller, failure: &Failure) -> Response {
    show(app, caller, failure, "/").await
}

async fn show(app: &App, caller: &Caller, failure: &Failure, next: &str) -> Response {
    let framed = framed(app, caller).await;
    let problem = match failure.kind {
        FailureKind::Unauthorized => Problem::LoginNeeded { next: next.to_owned() },
        FailureKind::Forbidden if failure.title == STALE_FORM => Problem::StaleForm,
        FailureKind::Forbidden => Problem::NotAllowed,
        FailureKind::NotFound if failure.said.is_some() => Problem::NotFound,
        FailureKind::NotFound => Problem::NoResource,
        FailureKind::Withdrawn => {
            Problem::Withdrawn { by: failure.by.clone(), at: None, reason: failure.detail.clone() }
        }
        FailureKind::TooLarge => Problem::TooLarge { limit: Bytes(MAX_FORM_FILE_BYTES) },
        FailureKind::NoSpace => Problem::DiskFull { free: Bytes(framed.status.free_bytes) },
        FailureKind::TooMany { retry_after_s } => Problem::TooManyTries { minutes: retry_after_s.div_ceil(60) },
        FailureKind::Unavailable if framed.status.rebuilding_percent.is_some() => {
            Problem::NotReady { percent: framed.status.rebuilding_percent }
        }
        FailureKind::Unavailable => Problem::NotNow,
        FailureKind::Invalid | FailureKind::UnsupportedMedia => Problem::Refused,
        FailureKind::Conflict => Problem::Changed,
        FailureKind::Internal => {
            // Found again in the log by whoever is told the number.
            let reference = format!("{:08x}", rand::random::<u32>());
            tracing::error!(reference, title = failure.title, detail = failure.detail, "a page failed");
            Problem::Fault { reference }
        }
    };
    let status = match &problem {
        Problem::Refused => failure.kind.status(),
        other => StatusCode::from_u16(other.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let said = Said {
        sentence: failure.said.as_ref().map(|_| failure.sentence(framed.frame.messages).to_string()),
        // What the words of the sort do not tell. Who may not know of a thing learns no more of it here.
        technical: matches!(problem, Problem::Refused | Problem::Changed | Problem::NotNow)
            .then(|| format!("{}: {}", failure.title, failure.detail)),
    };
    super::page(status, problem.render_said(&framed.frame, &said))
}

/// What to write beside a form where its failure is for the person who filled it in; a fault of the node is not.
pub(super) fn beside_a_form(failure: &Failure) -> Option<(StatusCode, String)> {
    let is_theirs =
        !matches!(failure.kind, FailureKind::Internal | FailureKind::Unauthorized) && failure.title != STALE_FORM;
    is_theirs.then(|| (failure.kind.status(), failure.sentence(Messages::zh()).to_string()))
}

/// A failure of which nothing is asked of the node, that has no time or should not answer here: a document for
/// programs, a page with bare bars for people.
pub(crate) fn in_haste(app: &App, path: &str, failure: &Failure) -> Response {
    let document = failure.clone().into_response();
    if !is_page(path) {
        return document;
    }
    let source = Ipv4Addr::UNSPECIFIED.into();
    let nobody = Caller { viewer: Viewer::Lan, session: None, form: None, source, is_local: false };
    let said = Said { sentence: Some(failure.sentence(Messages::zh()).to_string()), technical: None };
    let sort = if failure.kind == FailureKind::Unavailable { Problem::NotNow } else { Problem::Refused };
    let mut page = super::page(failure.kind.status(), sort.render_said(&draw(app, &nobody, &Status::default()), &said));
    if let Some(wait) = document.headers().get(RETRY_AFTER) {
        page.headers_mut().insert(RETRY_AFTER, wait.clone());
    }
    page
}

/// A page asked by a method that it does not know: an address that was typed or kept from a form.
pub(crate) async fn wrong_method(State(app): State<App>, headers: HeaderMap, request: Request) -> Response {
    let mut response = nothing_here(State(app), headers, request).await;
    if response.status() == StatusCode::NOT_FOUND {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    }
    response
}

/// What no route knows. Before the node is set up everything leads to the set-up page.
pub(crate) async fn nothing_here(State(app): State<App>, headers: HeaderMap, request: Request) -> Response {
    let ends = request.extensions().get::<ConnectInfo<ConnectedFrom>>().map(|info| info.0);
    let path = request.uri().path().to_owned();
    drop(request);
    let caller = ends.and_then(|ends| identify(&app.access, ends, &headers).ok());
    let (true, Some(caller)) = (is_page(&path), caller) else {
        let shown: String = path.chars().take(80).collect();
        return Failure::not_found("there is nothing here", format!("{shown} is no address of this node"))
            .remedy("see /api/v1/openapi.json for all addresses")
            .into_response();
    };
    if !app.access.is_set_up() && caller.viewer != Viewer::Owner {
        return Redirect::to("/setup").into_response();
    }
    let framed = framed(&app, &caller).await;
    super::page(StatusCode::NOT_FOUND, Problem::NoPage.render(&framed.frame))
}
