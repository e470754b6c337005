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
        read_object(&bytes).map(Self).map_err(|detail| {
            Failure::invalid("the body is not what this route takes", detail)
                .remedy("send one JSON object; /api/v1/openapi.json has the fields of each route")
        })
    }
}

/// Reads one JSON object; the error names the field, what stands there, and the place.
fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> std::result::Result<T, String> {
    // A struct could also be read from an array, which nobody means.
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => {}
        Some(_) => return Err("it is not a JSON object ({ … })".into()),
        None => return Err("it is empty".into()),
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value =
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| match error.path().to_string() {
            path if path == "." || path.contains('?') => error.inner().to_string(),
            path => format!("{path}: {}", error.inner()),
        })?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(value)
}

async fn json_bytes(request: Request) -> Result<Bytes> {
    let (head, body) = request.into_parts();
    // Read before anything is refused: a connection with an unread body is closed under whoever uses it next.
    let Ok(read) = tokio::time::timeout(BODY_TIME, to_bytes(body, MAX_JSON_BYTES)).await else {
        return Err(Failure::invalid(
            "the body did not arrive",
            format!("it took more than {} s", BODY_TIME.as_secs()),
        )
        .remedy("send it again"));
    };
    let bytes = read.map_err(|_| {
        Failure::new(
            FailureKind::TooLarge,
            "the body is too large",
            format!("it has more than {MAX_JSON_BYTES} bytes, or broke off"),
        )
        .remedy("send less at once; files go up by /api/v1/uploads")
    })?;
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A page of another place cannot send this type without asking first, which keeps such requests out altogether.
    if !content_type.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Failure::new(
            FailureKind::UnsupportedMedia,
            "the body is not JSON",
            if content_type.is_empty() {
                "it says no Content-Type".to_owned()
            } else {
                format!("its Content-Type is “{}”", content_type.chars().take(80).collect::<String>())
            },
        )
        .remedy("send Content-Type: application/json"));
    }
    Ok(bytes)
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
        )
        .remedy("send it again")
        .said("form.late")
        .with("seconds", BODY_TIME.as_secs()));
    };
    read.map_err(|_| {
        Failure::new(
            FailureKind::TooLarge,
            "the form is too large",
            format!("it has more than {MAX_FORM_BYTES} bytes, or broke off"),
        )
        .remedy("shorten its texts")
        .said("form.too-large")
        .with("limit", MAX_FORM_BYTES)
    })
}

/// One parameter of the path.
pub(crate) struct Param(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Param {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Path(value) = Path::<String>::from_request_parts(parts, state).await.map_err(|error| {
            Failure::invalid("the address cannot be read", error.body_text())
                .remedy("write it in UTF-8, percent-encoded")
                .said("address.unreadable")
        })?;
        // Ids, keys and node names are short; anything longer names nothing.
        if value.len() > 256 || value.chars().any(char::is_control) {
            return Err(Failure::not_found(
                "there is nothing at this address",
                "its last part is too long or not text",
            )
            .remedy("take ids and keys as the node gives them")
            .said("address.unreadable"));
        }
        Ok(Self(value))
    }
}
