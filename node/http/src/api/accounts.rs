//! Accounts of this node: `kapok user add`, `user list`, `user passwd`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kapok_private::{Account, AccountId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{JsonBody, Param};
use crate::port::{Failure, Result};
use crate::problem::Problem;
use crate::times;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(set_password))
}

/// An account as its administrators see it.
#[derive(Serialize, ToSchema)]
struct AccountFacts {
    id: String,
    name: String,
    roles: Vec<String>,
    /// RFC 3339.
    created: String,
    closed: bool,
}

#[derive(Serialize, ToSchema)]
struct AccountList {
    accounts: Vec<AccountFacts>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
    password: String,
    /// `system-admin`, `security-admin`, `auditor`, `reviewer`, `teacher`, `student`, `parent`, `visitor`.
    roles: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnotherPassword {
    password: String,
}

impl From<&Account> for AccountFacts {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id.to_string(),
            name: account.name.to_string(),
            roles: account.roles.iter().map(|role| role.to_string()).collect(),
            created: times::rfc3339(account.created_ms),
            closed: account.closed,
        }
    }
}

/// All accounts of this node.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "access", responses((status = 200, body = AccountList), (status = "default", body = Problem)))]
async fn list(State(app): State<App>) -> Json<AccountList> {
    Json(AccountList { accounts: app.access.accounts().iter().map(AccountFacts::from).collect() })
}

/// Makes an account.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "access", request_body = NewAccount,
    responses((status = 201, body = AccountFacts), (status = "default", body = Problem)))]
async fn create(State(app): State<App>, caller: Caller, JsonBody(new): JsonBody<NewAccount>) -> Result<Response> {
    let account = app.access.create_account(&caller, &new.name, &new.password, &new.roles).await?;
    Ok((StatusCode::CREATED, Json(AccountFacts::from(&account))).into_response())
}

/// Sets somebody's password; all their sessions end.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/password", tag = "access", params(("id" = String, Path)),
    request_body = AnotherPassword, responses((status = 200, body = AccountFacts), (status = "default", body = Problem)))]
async fn set_password(
    State(app): State<App>,
    caller: Caller,
    Param(id): Param,
    JsonBody(new): JsonBody<AnotherPassword>,
) -> Result<Json<AccountFacts>> {
    let unknown = || {
        Failure::not_found("cannot set the password", "this is not the id of an account (32 hexadecimal digits)")
            .remedy("take it from GET /api/v1/accounts")
    };
    let bytes = data_encoding::HEXLOWER.decode(id.as_bytes()).map_err(|_| unknown())?;
    let id = AccountId(bytes.try_into().map_err(|_| unknown())?);
    let account = app.access.set_password(&caller, id, &new.password).await?;
    Ok(Json(AccountFacts::from(&account)))
}
