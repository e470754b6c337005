//! Signing in and out, and setting a node up, for programs and scripts.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Response};
use kapok_private::session::SessionToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::{Caller, SignIn};
use crate::cookies;
use crate::extract::JsonBody;
use crate::port::{Outcome, Result, Viewer};
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(set_up))
        .routes(routes!(whoami, sign_in, sign_out))
        .routes(routes!(change_password))
}

/// Name and password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    name: String,
    password: String,
}

/// The set-up code and the first account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FirstAccount {
    code: String,
    name: String,
    password: String,
}

/// The present and the new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    current: String,
    new: String,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
struct Session {
    /// `owner`, `account` or `lan`.
    who: String,
    name: Option<String>,
    roles: Vec<String>,
    /// To be sent as `X-Kapok-CSRF` with every unsafe request of this session.
    csrf: Option<String>,
}

fn session_of(viewer: &Viewer, csrf: Option<String>) -> Session {
    let (who, name, roles) = match viewer {
        Viewer::Owner => ("owner", None, Vec::new()),
        Viewer::Lan => ("lan", None, Vec::new()),
        Viewer::Account { name, roles, .. } => {
            ("account", Some(name.clone()), roles.iter().map(|role| role.to_string()).collect())
        }
    };
    Session { who: who.into(), name, roles, csrf }
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/v1/session", tag = "access", responses((status = 200, body = Session), (status = "default", body = Problem)))]
async fn whoami(caller: Caller) -> Json<Session> {
    Json(session_of(&caller.viewer, caller.session.as_ref().map(SessionToken::form_token)))
}

/// Signs in; the session is a cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "access", request_body = Credentials,
    responses((status = 200, body = Session), (status = "default", body = Problem)))]
async fn sign_in(State(app): State<App>, caller: Caller, JsonBody(typed): JsonBody<Credentials>) -> Result<Response> {
    let sign_in =
        SignIn { name: &typed.name, password: &typed.password, source: caller.source, former: caller.session.as_ref() };
    let (token, viewer) = app.access.sign_in(sign_in).await?;
    let session = session_of(&viewer, Some(token.form_token()));
    Ok((AppendHeaders([cookies::session(&app, &token)]), Json(session)).into_response())
}

/// Makes the first account with the set-up code, and signs it in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "access", request_body = FirstAccount,
    responses((status = 200, body = Session), (status = "default", body = Problem)))]
async fn set_up(State(app): State<App>, caller: Caller, JsonBody(typed): JsonBody<FirstAccount>) -> Result<Response> {
    let sign_in =
        SignIn { name: &typed.name, password: &typed.password, source: caller.source, former: caller.session.as_ref() };
    let (token, viewer) = app.access.set_up(&typed.code, sign_in).await?;
    let session = session_of(&viewer, Some(token.form_token()));
    Ok((AppendHeaders([cookies::session(&app, &token)]), Json(session)).into_response())
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "access", responses((status = 204), (status = "default", body = Problem)))]
async fn sign_out(State(app): State<App>, caller: Caller) -> Response {
    if let Some(token) = &caller.session {
        app.access.sign_out(token);
        app.record(&caller, "sign-out", "", Outcome::Done).await;
    }
    (StatusCode::NO_CONTENT, AppendHeaders([cookies::ended(&app)])).into_response()
}

/// Changes one's own password. Other sessions end.
#[utoipa::path(post, path = "/api/v1/account/password", tag = "access", request_body = NewPassword,
    responses((status = 200, body = Session), (status = "default", body = Problem)))]
async fn change_password(
    State(app): State<App>,
    caller: Caller,
    JsonBody(typed): JsonBody<NewPassword>,
) -> Result<Response> {
    let token = app.access.change_own_password(&caller, &typed.current, &typed.new).await?;
    let session = session_of(&caller.viewer, Some(token.form_token()));
    Ok((AppendHeaders([cookies::session(&app, &token)]), Json(session)).into_response())
}
