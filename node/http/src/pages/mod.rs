//! The pages: the same use cases as HTML.

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};

use crate::App;
use crate::access::Caller;
use crate::port::Failure;

pub(crate) fn router() -> Router<App> {
    Router::new()
}

/// A page that was refused, in words.
pub(crate) async fn refused(_app: &App, _caller: &Caller, _uri: &Uri, failure: &Failure) -> Response {
    failure.clone().into_response()
}

/// What no route knows.
pub(crate) async fn nothing_here(State(_app): State<App>, request: Request) -> Response {
    let _ = request.extensions().get::<ConnectInfo<crate::access::ConnectedFrom>>();
    Failure::not_found("there is nothing here", format!("{} is no address of this node", request.uri().path()))
        .into_response()
}
