//! Searching.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::resource::{Certification, FileFacts, ResourceSummary};
use super::{Failure, Result};

/// How far a search goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// This node's index alone.
    Local,
    /// All that can answer in time.
    #[default]
    Federation,
}

/// A search. Filters that are absent do not restrict. An empty query lists everything, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchRequest {
    /// As typed.
    #[serde(default, rename = "q")]
    pub query: String,
    #[serde(default)]
    #[param(inline)]
    pub scope: Scope,
    /// Values of one field are joined with “or”, fields with “and”.
    #[serde(default)]
    pub subject: Vec<String>,
    #[serde(default)]
    pub stage: Vec<String>,
    /// Stage and year in it: `primary.5`.
    #[serde(default)]
    pub grade: Vec<String>,
    #[serde(default)]
    pub kind: Vec<String>,
    #[serde(default)]
    pub certification: Vec<Certification>,
    /// The home node's PeerId.
    #[serde(default)]
    pub home: Option<String>,
    /// Only what this node holds.
    #[serde(default)]
    pub held: bool,
    #[serde(default = "SearchRequest::default_limit")]
    pub limit: usize,
    #[serde(default)]
    pub offset: usize,
    /// Adds each hit's facts (subject, stage, home's name, …) to it.
    #[serde(default)]
    pub facts: bool,
}

impl SearchRequest {
    /// Nobody types more; a longer text is a mistake or an attack.
    pub const MAX_QUERY_CHARS: usize = 500;
    /// Nobody reads more at once.
    pub const MAX_LIMIT: usize = 200;
    /// Deeper pages cost each answering node more than they are worth: filters find it sooner.
    pub const MAX_OFFSET: usize = 10_000;

    fn default_limit() -> usize {
        20
    }

    /// A search for this text, federated and unfiltered.
    #[must_use]
    pub fn of(query: impl Into<String>) -> Self {
        Self { query: query.into(), limit: Self::default_limit(), ..Self::default() }
    }

    /// The request if its sizes are within limits.
    pub fn checked(self) -> Result<Self> {
        let chars = self.query.chars().count();
        if chars > Self::MAX_QUERY_CHARS {
            return Err(Failure::invalid(
                "cannot search for so long a text",
                format!("the query has {chars} characters; at most {} are taken", Self::MAX_QUERY_CHARS),
            )
            .remedy("search for a few of its words")
            .said("query.too-long")
            .with("chars", chars)
            .with("limit", Self::MAX_QUERY_CHARS));
        }
        if self.limit == 0 || self.limit > Self::MAX_LIMIT {
            return Err(Failure::invalid(
                "cannot search",
                format!("limit is {}; it must be a whole number from 1 to {}", self.limit, Self::MAX_LIMIT),
            )
            .remedy(format!("give limit as 1 to {}, and go on with offset", Self::MAX_LIMIT)));
        }
        if self.offset > Self::MAX_OFFSET {
            return Err(Failure::invalid(
                "cannot search",
                format!("offset is {}; it must be at most {}", self.offset, Self::MAX_OFFSET),
            )
            .remedy("narrow the search by subject, stage or kind")
            .said("query.too-deep")
            .with("limit", Self::MAX_OFFSET));
        }
        Ok(self)
    }
}

/// One resource found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    pub resource: String,
    pub title: String,
    pub score: f64,
    /// PeerId of the node whose resource it is.
    pub home: String,
    pub held: bool,
    /// Escaped HTML with the match in `<mark>`; nothing else is markup.
    pub snippet: String,
    pub files: Vec<FileFacts>,
    /// Where the request asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<ResourceSummary>,
}

/// How many live hits have a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetCount {
    pub value: String,
    pub count: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchReply {
    pub total: u64,
    /// Whether all nodes that should have answered did.
    pub complete: bool,
    /// PeerIds.
    pub answered: Vec<String>,
    pub missing: Vec<String>,
    pub hits: Vec<Hit>,
    /// By field, most frequent value first: `subject`, `stage`, `grade`, `kind`, `certification`, `held`, `home`.
    pub facets: BTreeMap<String, Vec<FacetCount>>,
    pub ms: f64,
}
