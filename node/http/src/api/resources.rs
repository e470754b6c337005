//! Resources: showing, adding, withdrawing, bringing here.

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
use crate::port::{
    AddReply, AddRequest, Failure, FailureKind, FetchReply, FetchRequest, Resource, Result, Viewer, WithdrawRequest,
    Withdrawn,
};
use crate::problem::Problem;
use crate::usecase;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(show)).routes(routes!(withdraw)).routes(routes!(fetch))
}

/// A resource with its versions, reviews, ratings and holders.
#[utoipa::path(get, path = "/api/v1/resources/{id}", tag = "resources", params(("id" = String, Path)),
    responses((status = 200, body = Resource), (status = "default", body = Problem)))]
async fn show(State(app): State<App>, caller: Caller, Param(id): Param) -> Result<Json<Resource>> {
    app.node.resource(&caller.viewer, &id).await.map(Json)
}

/// Publishes files: paths of this machine (the owner only), or finished uploads, which become one resource.
#[utoipa::path(post, path = "/api/v1/resources", tag = "resources", request_body = AddRequest,
    responses((status = 200, body = AddReply), (status = "default", body = Problem)))]
async fn add(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    JsonBody(request): JsonBody<AddRequest>,
) -> Result<Response> {
    let mut request = request.checked()?;
    // Files that were uploaded for one call belong together; paths may be a folder of many resources.
    request.together |= !request.uploads.is_empty();
    if !request.paths.is_empty() && caller.viewer != Viewer::Owner {
        return Err(owners_only("cannot add files of this machine"));
    }
    Ok(stream::answer(&headers, |progress| async move { usecase::add(&app, &caller, request, progress).await }).await)
}

/// Withdraws a resource from the whole federation; the reason stays on record.
#[utoipa::path(post, path = "/api/v1/resources/{id}/withdraw", tag = "resources", params(("id" = String, Path)),
    request_body = WithdrawRequest, responses((status = 200, body = Withdrawn), (status = "default", body = Problem)))]
async fn withdraw(
    State(app): State<App>,
    caller: Caller,
    Param(id): Param,
    JsonBody(request): JsonBody<WithdrawRequest>,
) -> Result<Json<Withdrawn>> {
    usecase::withdraw(&app, &caller, &id, &request.reason).await.map(Json)
}

/// Brings a resource's files to this node and waits until they are here.
#[utoipa::path(post, path = "/api/v1/resources/{id}/fetch", tag = "resources", params(("id" = String, Path)),
    request_body = FetchRequest, responses((status = 200, body = FetchReply), (status = "default", body = Problem)))]
async fn fetch(
    State(app): State<App>,
    caller: Caller,
    Param(id): Param,
    headers: HeaderMap,
    JsonBody(request): JsonBody<FetchRequest>,
) -> Result<Response> {
    if request.out.is_some() && caller.viewer != Viewer::Owner {
        return Err(owners_only("cannot write into folders of this machine"));
    }
    Ok(stream::answer(&headers, |progress| async move { app.node.fetch(&caller.viewer, &id, request, progress).await })
        .await)
}

fn owners_only(title: &str) -> Failure {
    Failure::new(
        FailureKind::Forbidden,
        title,
        "only the node's owner may, with the command line on the node's own machine",
    )
    .remedy("upload the files instead")
}
