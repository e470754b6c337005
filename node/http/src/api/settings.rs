//! Settings of the node.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{JsonBody, Param};
use crate::port::{Outcome, Result, Setting, SettingValue, Settings};
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, set))
}

/// All settings, each with its meaning.
#[utoipa::path(get, path = "/api/v1/config", tag = "settings", responses((status = 200, body = Settings), (status = "default", body = Problem)))]
async fn list(State(app): State<App>) -> Result<Json<Settings>> {
    app.node.settings().await.map(Json)
}

/// One setting.
#[utoipa::path(get, path = "/api/v1/config/{key}", tag = "settings", params(("key" = String, Path)),
    responses((status = 200, body = Setting), (status = "default", body = Problem)))]
async fn get(State(app): State<App>, Param(key): Param) -> Result<Json<Setting>> {
    app.node.setting(&key).await.map(Json)
}

/// Changes a setting.
#[utoipa::path(put, path = "/api/v1/config/{key}", tag = "settings", params(("key" = String, Path)),
    request_body = SettingValue, responses((status = 200, body = Setting), (status = "default", body = Problem)))]
async fn set(
    State(app): State<App>,
    caller: Caller,
    Param(key): Param,
    JsonBody(value): JsonBody<SettingValue>,
) -> Result<Json<Setting>> {
    let done = app.node.set_setting(&key, value).await;
    app.record(&caller, "setting-changed", &key, Outcome::of(&done)).await;
    done.map(Json)
}
