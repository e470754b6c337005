//! The node and its figures.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::port::{Result, Status};
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The node, its federation and its figures.
#[utoipa::path(get, path = "/api/v1/status", tag = "node", responses((status = 200, body = Status), (status = "default", body = Problem)))]
async fn status(State(app): State<App>) -> Result<Json<Status>> {
    app.node.status().await.map(Json)
}
