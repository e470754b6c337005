//! `/api/v1`: the use cases as JSON, with OpenAPI 3.1 made from the handlers.

mod accounts;
mod federation;
mod node;
mod resources;
mod search;
mod session;
mod settings;
mod stream;
mod sync;
mod uploads;

use axum::middleware::from_fn;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use crate::asked::refuse_unknown;

/// Routes that read parameters; the others take none.
const WITH_PARAMETERS: &[&str] = &["/api/v1/search", "/api/v1/latest"];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kapok",
        description = "A node's library: search, resources, uploads, synchronisation, federation. Errors are RFC 9457 problem documents \
                       with a `remedy`. Browsers sign in with a session cookie and send `X-Kapok-CSRF` with unsafe requests; the command \
                       line sends the owner's token as a bearer. Long operations stream steps as NDJSON where `Accept` asks for \
                       `application/x-ndjson`; the last line is the document.",
    ),
    components(schemas(crate::problem::Problem, crate::port::Progress))
)]
struct Description;

/// The routes, and their description at `/api/v1/openapi.json`.
pub(crate) fn router() -> Router<App> {
    let (router, description) = described().split_for_parts();
    router
        .route("/api/v1/openapi.json", get(|| async move { Json(description) }))
        .route_layer(from_fn(|request, next| refuse_unknown(WITH_PARAMETERS, request, next)))
}

#[cfg(test)]
pub(crate) fn description() -> utoipa::openapi::OpenApi {
    described().into_openapi()
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(node::router())
        .merge(search::router())
        .merge(resources::router())
        .merge(uploads::router())
        .merge(sync::router())
        .merge(federation::router())
        .merge(settings::router())
        .merge(session::router())
        .merge(accounts::router())
}
