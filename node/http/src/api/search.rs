//! Searching, and what is new.
#![allow(unused_qualifications, reason = "the macro that describes parameters writes whole paths")]

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::forms;
use crate::port::{Certification, Failure, Latest, Result, Scope, SearchReply, SearchRequest};
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(latest))
}

/// Searches. A filter may be given several times; its values are joined with “or”.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", params(SearchRequest),
    responses((status = 200, body = SearchReply), (status = "default", body = Problem)))]
async fn search(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Result<Json<SearchReply>> {
    let request = request_of(query.as_deref().unwrap_or_default())?.checked()?;
    app.node.search(&caller.viewer, request).await.map(Json)
}

/// Reads a search from an address.
fn request_of(query: &str) -> Result<SearchRequest> {
    let mut request = SearchRequest::of("");
    for (name, value) in forms::pairs(query.as_bytes()) {
        let wrong = || {
            let shown: String = value.chars().take(40).collect();
            Failure::invalid("cannot search", format!("{name} is “{shown}”, which it cannot be"))
        };
        match name.as_str() {
            "q" => request.query = value,
            "scope" => {
                request.scope = match value.as_str() {
                    "local" => Scope::Local,
                    "federation" => Scope::Federation,
                    _ => return Err(wrong()),
                }
            }
            "subject" => request.subject.push(value),
            "stage" => request.stage.push(value),
            "grade" => request.grade.push(value),
            "kind" => request.kind.push(value),
            "certification" => request.certification.push(match value.as_str() {
                "none" => Certification::None,
                "school" => Certification::School,
                "county" => Certification::County,
                "city" => Certification::City,
                _ => return Err(wrong()),
            }),
            "home" => request.home = Some(value),
            "held" => request.held = flag(&value).ok_or_else(wrong)?,
            "facts" => request.facts = flag(&value).ok_or_else(wrong)?,
            "limit" => request.limit = value.parse().map_err(|_| wrong())?,
            "offset" => request.offset = value.parse().map_err(|_| wrong())?,
            _ => {
                let shown: String = name.chars().take(40).collect();
                return Err(Failure::invalid("cannot search", format!("“{shown}” is not a field of a search")));
            }
        }
    }
    Ok(request)
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "1" | "true" => Some(true),
        "0" | "false" | "" => Some(false),
        _ => None,
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LatestQuery {
    /// At most 200; 20 unless said.
    #[allow(dead_code, reason = "read from the address by hand, so that a refusal is a problem document")]
    limit: Option<usize>,
}

/// The newest resources that the caller may see.
#[utoipa::path(get, path = "/api/v1/latest", tag = "search", params(LatestQuery),
    responses((status = 200, body = Latest), (status = "default", body = Problem)))]
async fn latest(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Result<Json<Latest>> {
    let limit = match forms::field(query.as_deref().unwrap_or_default().as_bytes(), "limit") {
        None => 20,
        Some(text) => {
            text.parse().ok().filter(|limit| (1..=SearchRequest::MAX_LIMIT).contains(limit)).ok_or_else(|| {
                Failure::invalid("cannot list", format!("limit must be 1 to {}", SearchRequest::MAX_LIMIT))
            })?
        }
    };
    app.node.latest(&caller.viewer, limit).await.map(Json)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_search_is_read_from_its_address() {
        let request = request_of("q=%E5%B9%B3%E8%A1%8C&subject=math&subject=art&held=1&limit=5&scope=local").unwrap();
        assert_eq!(request.query, "平行");
        assert_eq!(request.subject, ["math", "art"]);
        assert!(request.held && request.limit == 5 && request.scope == Scope::Local);
    }

    #[test]
    fn unknown_fields_and_wrong_values_are_named() {
        for (query, named) in [
            ("sort=asc", "sort"),
            ("limit=many", "limit"),
            ("scope=world", "world"),
            ("certification=x", "certification"),
        ] {
            assert!(request_of(query).unwrap_err().detail.contains(named), "{query}");
        }
    }
}
