//! Bodies and addresses into values, with problem documents for what does not fit.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::limits::{BODY_TIME, MAX_JSON_BYTES};
use crate::port::{Failure, FailureKind, Result};

/// A JSON body without unknown fields, of at most [`MAX_JSON_BYTES`].
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        let bytes = json_bytes(request).await?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = T::deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
        value.map(Self).map_err(|error| {
            // serde_json's message names the field and the place.
            Failure::invalid("the body is not what this route takes", error.to_string())
                .remedy("see /api/v1/openapi.json for the fields of each route")
        })
    }
}

async fn json_bytes(request: Request) -> Result<Bytes> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A page of another place cannot send this type without asking first, which keeps such requests out altogether.
    if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Failure::new(
            FailureKind::UnsupportedMedia,
            "the body is not JSON",
            format!("its type is “{}”", content_type.chars().take(80).collect::<String>()),
        )
        .remedy("send Content-Type: application/json"));
    }
    let body = request.into_body();
    let Ok(read) = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_JSON_BYTES)).await else {
        return Err(Failure::invalid(
            "the body did not arrive",
            format!("it took more than {} s", BODY_TIME.as_secs()),
        ));
    };
    read.map_err(|_| {
        Failure::new(
            FailureKind::TooLarge,
            "the body is too large",
            format!("at most {MAX_JSON_BYTES} bytes of JSON are taken"),
        )
    })
}

/// Forms without files are small; a larger one is not read.
const MAX_FORM_BYTES: usize = 64 * 1024;

/// The body of an `application/x-www-form-urlencoded` form, for [`crate::forms`].
pub(crate) struct FormBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for FormBody {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self> {
        form_bytes(request.into_body()).await.map(Self)
    }
}

/// Reads a form to its end, within limits.
pub(crate) async fn form_bytes(body: Body) -> Result<Bytes> {
    let Ok(read) = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_FORM_BYTES)).await else {
        return Err(Failure::invalid(
            "the form did not arrive",
            format!("it took more than {} s", BODY_TIME.as_secs()),
        ));
    };
    read.map_err(|_| {
        Failure::new(
            FailureKind::TooLarge,
            "the form is too large",
            format!("at most {MAX_FORM_BYTES} bytes are taken"),
        )
    })
}

/// One parameter of the path.
pub(crate) struct Param(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Param {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Path(value) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|error| Failure::invalid("the address cannot be read", error.body_text()))?;
        // Ids, keys and node names are short; anything longer names nothing.
        if value.len() > 256 || value.chars().any(char::is_control) {
            return Err(Failure::not_found(
                "there is nothing at this address",
                "its last part is too long or not text",
            ));
        }
        Ok(Self(value))
    }
}
