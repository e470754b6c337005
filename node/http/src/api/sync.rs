//! Subscriptions, rounds of synchronisation, and what is on its way.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::stream;
use crate::App;
use crate::access::Caller;
use crate::extract::{JsonBody, Param};
use crate::port::{Failure, Result, SubscribeRequest, Subscriptions, SyncReport, SyncRequest, Transfers};
use crate::problem::Problem;
use crate::usecase;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(subscriptions, subscribe))
        .routes(routes!(unsubscribe))
        .routes(routes!(sync))
        .routes(routes!(transfers))
}

/// What this node wants to hold by itself.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "sync", responses((status = 200, body = Subscriptions), (status = "default", body = Problem)))]
async fn subscriptions(State(app): State<App>) -> Result<Json<Subscriptions>> {
    app.node.subscriptions().await.map(Json)
}

/// Adds a subscription.
#[utoipa::path(post, path = "/api/v1/subscriptions", tag = "sync", request_body = SubscribeRequest,
    responses((status = 200, body = Subscriptions), (status = "default", body = Problem)))]
async fn subscribe(
    State(app): State<App>,
    JsonBody(request): JsonBody<SubscribeRequest>,
) -> Result<Json<Subscriptions>> {
    usecase::subscribe(&app, request).await.map(Json)
}

/// Ends a subscription.
#[utoipa::path(delete, path = "/api/v1/subscriptions/{number}", tag = "sync", params(("number" = u64, Path)),
    responses((status = 200, body = Subscriptions), (status = "default", body = Problem)))]
async fn unsubscribe(State(app): State<App>, Param(number): Param) -> Result<Json<Subscriptions>> {
    let wrong = || {
        Failure::invalid("cannot end this subscription", format!("“{number}” is not a number"))
            .remedy("take it from GET /api/v1/subscriptions")
    };
    let number = number.parse().map_err(|_| wrong())?;
    app.node.unsubscribe(number).await.map(Json)
}

/// One round: until nothing subscribed is missing, or no peer can give more.
#[utoipa::path(post, path = "/api/v1/sync", tag = "sync", request_body = SyncRequest,
    responses((status = 200, body = SyncReport), (status = "default", body = Problem)))]
async fn sync(State(app): State<App>, headers: HeaderMap, JsonBody(request): JsonBody<SyncRequest>) -> Response {
    stream::answer(&headers, |progress| async move { app.node.sync(request, progress).await }).await
}

/// What is on its way or waits.
#[utoipa::path(get, path = "/api/v1/transfers", tag = "sync", responses((status = 200, body = Transfers), (status = "default", body = Problem)))]
async fn transfers(State(app): State<App>, caller: Caller) -> Result<Json<Transfers>> {
    usecase::transfers(&app, &caller).await.map(Json)
}
