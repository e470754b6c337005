//! Peers, memberships, and how a node joins.

use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{JsonBody, Param};
use crate::port::{
    AdmitRequest, Grant, Invitation, InviteRequest, JoinPaper, JoinRequest, Joined, Members, Outcome, Peers, Result,
    RevokeRequest, Revoked,
};
use crate::problem::Problem;
use crate::usecase;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(peers))
        .routes(routes!(members))
        .routes(routes!(invite))
        .routes(routes!(join))
        .routes(routes!(join_paper))
        .routes(routes!(admit))
        .routes(routes!(revoke))
}

/// Peers with address, round-trip time, rate and last contact.
#[utoipa::path(get, path = "/api/v1/peers", tag = "federation", responses((status = 200, body = Peers), (status = "default", body = Problem)))]
async fn peers(State(app): State<App>) -> Result<Json<Peers>> {
    app.node.peers().await.map(Json)
}

/// The tree of memberships with the days that are left.
#[utoipa::path(get, path = "/api/v1/members", tag = "federation", responses((status = 200, body = Members), (status = "default", body = Problem)))]
async fn members(State(app): State<App>, caller: Caller) -> Result<Json<Members>> {
    usecase::members(&app, &caller).await.map(Json)
}

/// A one-time code by which one node may join below this one.
#[utoipa::path(post, path = "/api/v1/invite", tag = "federation", request_body = InviteRequest,
    responses((status = 200, body = Invitation), (status = "default", body = Problem)))]
async fn invite(
    State(app): State<App>,
    caller: Caller,
    JsonBody(request): JsonBody<InviteRequest>,
) -> Result<Json<Invitation>> {
    let done = app.node.invite(request).await;
    app.record(&caller, "invite", "", Outcome::of(&done)).await;
    done.map(Json)
}

/// Joins a federation, by a code or by a parent's grant.
#[utoipa::path(post, path = "/api/v1/join", tag = "federation", request_body = JoinRequest,
    responses((status = 200, body = Joined), (status = "default", body = Problem)))]
async fn join(
    State(app): State<App>,
    caller: Caller,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Result<Json<Joined>> {
    let done = app.node.join(request).await;
    app.record(&caller, "join", "", Outcome::of(&done)).await;
    done.map(Json)
}

/// What a node without a link gives its parent on a stick.
#[utoipa::path(get, path = "/api/v1/join/request", tag = "federation", responses((status = 200, body = JoinPaper), (status = "default", body = Problem)))]
async fn join_paper(State(app): State<App>) -> Result<Json<JoinPaper>> {
    app.node.join_paper().await.map(Json)
}

/// The parent's answer to such a request.
#[utoipa::path(post, path = "/api/v1/admit", tag = "federation", request_body = AdmitRequest,
    responses((status = 200, body = Grant), (status = "default", body = Problem)))]
async fn admit(
    State(app): State<App>,
    caller: Caller,
    JsonBody(request): JsonBody<AdmitRequest>,
) -> Result<Json<Grant>> {
    let done = app.node.admit(request).await;
    app.record(&caller, "admit", "", Outcome::of(&done)).await;
    done.map(Json)
}

/// Revokes a membership that this node or its subtree issued.
#[utoipa::path(post, path = "/api/v1/members/{node}/revoke", tag = "federation", params(("node" = String, Path)),
    request_body = RevokeRequest, responses((status = 200, body = Revoked), (status = "default", body = Problem)))]
async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Param(node): Param,
    JsonBody(request): JsonBody<RevokeRequest>,
) -> Result<Json<Revoked>> {
    let done = app.node.revoke(&node, request).await;
    app.record(&caller, "revoke", &node, Outcome::of(&done)).await;
    done.map(Json)
}
