//! Failures as RFC 9457 problem documents.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kapok_web_ui::messages::Messages;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::port::{Failure, FailureKind};

/// `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A word for programs: `kapok:not-found`, …
    #[serde(rename = "type")]
    pub kind: String,
    pub status: u16,
    pub title: String,
    pub detail: String,
    /// What to do about it.
    #[serde(default)]
    pub remedy: String,
    /// What the pages say of it: a sentence in their language, to be shown to people.
    #[serde(default)]
    pub said: String,
}

impl FailureKind {
    /// The HTTP status that says it.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Withdrawn => StatusCode::GONE,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to do where the failure itself says nothing better.
    fn remedy(self) -> &'static str {
        match self {
            Self::Invalid => "correct what the detail names, and try again",
            Self::Unauthorized => "sign in on the node's page",
            Self::Forbidden => "ask an administrator of this node",
            Self::NotFound => "search for it, or check its id",
            Self::Withdrawn => "search for another one; whoever withdrew it can say more",
            Self::Conflict => "look how it stands now, and try again",
            Self::TooLarge => "send less at once",
            Self::UnsupportedMedia => "send it in the type that /api/v1/openapi.json names",
            Self::TooMany { .. } => "wait as long as Retry-After says",
            Self::Unavailable => "try again in a moment",
            Self::NoSpace => "free some space; nothing was lost",
            Self::Internal => "try again; the node's log has more",
        }
    }

    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Withdrawn => "withdrawn",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::UnsupportedMedia => "unsupported-media",
            Self::TooMany { .. } => "too-many",
            Self::Unavailable => "unavailable",
            Self::NoSpace => "no-space",
            Self::Internal => "internal",
        }
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        Self {
            kind: format!("kapok:{}", failure.kind.slug()),
            status: failure.kind.status().as_u16(),
            title: failure.title.clone(),
            detail: failure.detail.clone(),
            said: failure.sentence(Messages::zh()).to_string(),
            remedy: if failure.remedy.is_empty() { failure.kind.remedy().into() } else { failure.remedy.clone() },
        }
    }
}

/// A failure under a status of HTTP's own, which no use case has.
pub(crate) fn with_status(failure: &Failure, status: StatusCode) -> Response {
    let problem = Problem { status: status.as_u16(), ..Problem::from(failure) };
    (status, [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], Json(problem)).into_response()
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if self.kind == FailureKind::Internal {
            tracing::error!(title = self.title, detail = self.detail, "a request failed");
        }
        let mut response = (self.kind.status(), Json(Problem::from(&self))).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.kind {
            FailureKind::TooMany { retry_after_s } => {
                headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_s));
            }
            FailureKind::Unavailable => {
                headers.insert(RETRY_AFTER, HeaderValue::from(5));
            }
            _ => {}
        }
        response
    }
}
