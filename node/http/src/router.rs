//! All routes, and what stands around them.

use std::sync::atomic::Ordering;

use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::{Router, routing};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::access::{guard, is_page};
use crate::limits::{ANSWER_TIME, MAX_REQUESTS};
use crate::port::{Failure, FailureKind};
use crate::problem::with_status;
use crate::{App, api, blobs, headers, health, pages};

/// The whole of it. Outermost first: figures and load, headers, compression, routes with the guard.
pub(crate) fn router(app: App) -> Router {
    let compressed = Router::new()
        .merge(api::router())
        .merge(pages::router())
        .merge(health::router())
        .route_layer(from_fn_with_state(app.clone(), in_time))
        .layer(CompressionLayer::new().gzip(true).compress_when(worth_compressing()));
    Router::new()
        .merge(compressed)
        // Blobs are compressed files already, and their ranges must stay what they are.
        .route("/blobs/{blob}", routing::get(blobs::serve_blob))
        .route_layer(from_fn_with_state(app.clone(), guard))
        .fallback(pages::nothing_here)
        .method_not_allowed_fallback(wrong_method)
        // Each extractor has its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(headers::secure))
        .layer(from_fn_with_state(app.clone(), admit))
        .with_state(app)
}

fn worth_compressing() -> impl Predicate {
    SizeAbove::new(512)
        .and(NotForContentType::IMAGES)
        // Lines and events have to arrive as they are written.
        .and(NotForContentType::const_new("application/x-ndjson"))
        .and(NotForContentType::SSE)
}

async fn wrong_method(app: State<App>, headers: HeaderMap, request: Request) -> Response {
    if is_page(request.uri().path()) {
        return pages::wrong_method(app, headers, request).await;
    }
    let detail = format!("{} is not possible at {}", request.method(), request.uri().path());
    let failure = Failure::new(FailureKind::Invalid, "wrong method", detail)
        .remedy("Allow names the methods of this address; /api/v1/openapi.json describes them");
    with_status(&failure, StatusCode::METHOD_NOT_ALLOWED)
}

/// Counts requests, and refuses at once what would only wait.
async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let figures = app.figures.clone();
    let busy = figures.enter();
    if figures.at_once.load(Ordering::Relaxed) > MAX_REQUESTS as u64 && request.uri().path() != "/healthz" {
        let failure = Failure::unavailable("the node is busy", "too many requests are being worked on at once")
            .remedy("try again in a few seconds")
            .said("node.busy");
        return pages::in_haste(&app, request.uri().path(), &failure);
    }
    let response = next.run(request).await;
    figures.count(response.status());
    drop(busy);
    response
}

/// Gives reading requests an end. What waits for a network or a person's disk has none: it shows its progress instead.
async fn in_time(State(app): State<App>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let may_last = matches!(
        path,
        "/api/v1/sync"
            | "/api/v1/resources"
            | "/api/v1/resources/{id}/fetch"
            | "/api/v1/uploads/{id}"
            | "/api/v1/join"
            | "/upload"
    ) && request.method() != Method::GET;
    if may_last {
        return next.run(request).await;
    }
    let address = request.uri().path().to_owned();
    if let Ok(response) = tokio::time::timeout(ANSWER_TIME, next.run(request)).await {
        return response;
    }
    let detail = format!("it took more than {} s", ANSWER_TIME.as_secs());
    let failure = Failure::unavailable("no answer in time", detail)
        .remedy("try again; the node is very busy or its disk is slow")
        .said("node.slow")
        .with("seconds", ANSWER_TIME.as_secs());
    pages::in_haste(&app, &address, &failure)
}
