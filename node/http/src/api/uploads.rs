//! Uploads: `POST` begins one, `PATCH` appends where it stands, `GET` says where that is, `DELETE` gives it up.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{JsonBody, Param};
use crate::port::{Failure, FailureKind, Result, Upload, UploadRequest};
use crate::problem::Problem;
use crate::streams;

const OFFSET_HEADER: &str = "upload-offset";

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create)).routes(routes!(stands, append, discard))
}

/// Begins an upload of a file of known size.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "uploads", request_body = UploadRequest,
    responses((status = 201, body = Upload), (status = "default", body = Problem)))]
async fn create(
    State(app): State<App>,
    caller: Caller,
    JsonBody(request): JsonBody<UploadRequest>,
) -> Result<Response> {
    let upload = app.node.create_upload(&caller.viewer, request.checked()?).await?;
    Ok((StatusCode::CREATED, Json(upload)).into_response())
}

/// Where an upload stands.
#[utoipa::path(get, path = "/api/v1/uploads/{id}", tag = "uploads", params(("id" = String, Path)),
    responses((status = 200, body = Upload), (status = "default", body = Problem)))]
async fn stands(State(app): State<App>, caller: Caller, Param(id): Param) -> Result<Json<Upload>> {
    app.node.upload(&caller.viewer, &id).await.map(Json)
}

/// Appends raw bytes at `Upload-Offset`. What arrives before a broken link is kept; 409 says where the upload really
/// stands, in `offset`.
#[utoipa::path(patch, path = "/api/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path), ("Upload-Offset" = u64, Header)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Upload), (status = "default", body = Problem)))]
async fn append(
    State(app): State<App>,
    caller: Caller,
    Param(id): Param,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let offset =
        headers.get(OFFSET_HEADER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<u64>().ok());
    let Some(offset) = offset else {
        return Err(Failure::invalid("cannot append", "Upload-Offset is missing or not a number")
            .remedy("send in Upload-Offset where the upload stands: GET the upload to see it"));
    };
    match app.node.append_upload(&caller.viewer, &id, offset, streams::reader(body)).await {
        Ok(upload) => Ok(Json(upload).into_response()),
        Err(failure) if failure.kind == FailureKind::Conflict => {
            let stands = app.node.upload(&caller.viewer, &id).await?;
            let mut problem = json!(Problem::from(&failure));
            problem["offset"] = json!(stands.offset);
            let mut response = failure.into_response();
            *response.body_mut() = Body::from(problem.to_string());
            response.headers_mut().remove("content-length");
            Ok(response)
        }
        Err(failure) => Err(failure),
    }
}

/// Gives an upload up.
#[utoipa::path(delete, path = "/api/v1/uploads/{id}", tag = "uploads", params(("id" = String, Path)),
    responses((status = 204), (status = "default", body = Problem)))]
async fn discard(State(app): State<App>, caller: Caller, Param(id): Param) -> Result<StatusCode> {
    app.node.discard_upload(&caller.viewer, &id).await.map(|()| StatusCode::NO_CONTENT)
}
