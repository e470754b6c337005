//! Why something was not done, and what helps: the one error that crosses the port.

use super::Said;

/// What a use case answers.
pub type Result<T> = std::result::Result<T, Failure>;

/// The sort of a failure; each has one HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// 400: the request cannot be understood or breaks a rule.
    Invalid,
    /// 401: signing in is needed.
    Unauthorized,
    /// 403: this viewer may not.
    Forbidden,
    /// 404: not here, or not for this viewer.
    NotFound,
    /// 410: withdrawn; the detail is the reason that stays on record.
    Withdrawn,
    /// 409: it does not fit what is there (an offset, a version, a node that has joined already).
    Conflict,
    /// 413: more bytes than are taken.
    TooLarge,
    /// 415: a body of another type than the route takes.
    UnsupportedMedia,
    /// 429: too often; the seconds to wait.
    TooMany { retry_after_s: u64 },
    /// 503: not now (a view is rebuilt, no peer can be reached).
    Unavailable,
    /// 507: the disk has less room than is needed.
    NoSpace,
    /// 500: a fault of this node; the log has more.
    Internal,
}

/// A failure, in words for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Failure {
    pub kind: FailureKind,
    /// What was not done, in one line: “cannot add 试卷.pdf”.
    pub title: String,
    /// Why, with the values.
    pub detail: String,
    /// What to do about it; empty where nothing helps.
    pub remedy: String,
    /// Who withdrew it, by name; said with [`FailureKind::Withdrawn`] only.
    pub by: String,
    /// What pages say instead, in their own words.
    pub said: Option<Box<Said>>,
}

impl Failure {
    pub fn new(kind: FailureKind, title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { kind, title: title.into(), detail: detail.into(), remedy: String::new(), by: String::new(), said: None }
    }

    /// The same, with what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    pub fn invalid(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Invalid, title, detail)
    }

    pub fn not_found(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FailureKind::NotFound, title, detail)
    }

    /// For a resource that was withdrawn: by whom, and the reason that stays on record.
    pub fn withdrawn(by: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { by: by.into(), ..Self::new(FailureKind::Withdrawn, "this resource was withdrawn", reason) }
    }

    pub fn conflict(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Conflict, title, detail)
    }

    pub fn unavailable(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Unavailable, title, detail)
    }

    pub fn no_space(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FailureKind::NoSpace, title, detail)
    }

    pub fn internal(title: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FailureKind::Internal, title, detail)
    }
}
