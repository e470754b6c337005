//! Searching, and what is new.
#![allow(unused_qualifications, reason = "the macro that describes parameters writes whole paths")]

use axum::Json;
use axum::extract::{RawQuery, State};
use kapok_library::vocabulary::{Terms, Vocabulary};
use kapok_protocol::identity::NodeId;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::asked::Asked;
use crate::port::{Certification, Latest, Result, Scope, SearchReply, SearchRequest};
use crate::problem::Problem;

pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(latest))
}

/// Searches. A filter may be given several times; its values are joined with “or”.
#[utoipa::path(get, path = "/api/v1/search", tag = "search", params(SearchRequest),
    responses((status = 200, body = SearchReply), (status = "default", body = Problem)))]
async fn search(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Result<Json<SearchReply>> {
    let request = request_of(query.as_deref())?;
    app.node.search(&caller.viewer, request).await.map(Json)
}

const SEARCH: &[&str] =
    &["q", "scope", "subject", "stage", "grade", "kind", "certification", "home", "held", "limit", "offset", "facts"];

/// Reads a search from an address. Controlled values are the vocabulary's keys or its words, as with adding.
fn request_of(query: Option<&str>) -> Result<SearchRequest> {
    let asked = Asked::read("cannot search", query, SEARCH)?;
    let vocabulary = Vocabulary::get();
    let stages: Vec<&str> = vocabulary.stages().collect();
    let usual = SearchRequest::of("");
    let request = SearchRequest {
        query: asked.one("q")?.unwrap_or_default().to_owned(),
        scope: match asked.one("scope")? {
            None => usual.scope,
            Some(value) => {
                asked.choice("scope", value, &[("local", Scope::Local), ("federation", Scope::Federation)])?
            }
        },
        subject: terms(&asked, "subject", &vocabulary.subject)?,
        stage: known(&asked, "stage", |typed| vocabulary.stage_slug(typed).map(str::to_owned), &stages)?,
        grade: known(&asked, "grade", |typed| grade_of(vocabulary, typed), &["primary.1 to primary.6", "五年级", "…"])?,
        kind: terms(&asked, "kind", &vocabulary.kind)?,
        certification: asked
            .all("certification")
            .map(|value| asked.choice("certification", value, CERTIFICATIONS))
            .collect::<Result<_>>()?,
        home: asked.one("home")?.map(|value| home_of(&asked, value)).transpose()?,
        held: asked.flag("held")?,
        limit: asked.number("limit", 1..=SearchRequest::MAX_LIMIT)?.unwrap_or(usual.limit),
        offset: asked.number("offset", 0..=SearchRequest::MAX_OFFSET)?.unwrap_or(usual.offset),
        facts: asked.flag("facts")?,
    };
    request.checked()
}

const CERTIFICATIONS: &[(&str, Certification)] = &[
    ("none", Certification::None),
    ("school", Certification::School),
    ("county", Certification::County),
    ("city", Certification::City),
];

fn terms(asked: &Asked, name: &str, terms: &Terms) -> Result<Vec<String>> {
    known(asked, name, |typed| terms.slug(typed).map(str::to_owned), &terms.keys().collect::<Vec<_>>())
}

/// The keys of all values of a parameter.
fn known(asked: &Asked, name: &str, key_of: impl Fn(&str) -> Option<String>, all: &[&str]) -> Result<Vec<String>> {
    let may_be = || format!("one of {}", all.join(", "));
    asked.all(name).map(|value| key_of(value).ok_or_else(|| asked.wrong(name, value, &may_be()))).collect()
}

/// `primary.5` from itself or from 五年级.
fn grade_of(vocabulary: &Vocabulary, typed: &str) -> Option<String> {
    let (stage, year) = match typed.split_once('.') {
        Some((stage, year)) => vocabulary.grade(year, Some(stage))?,
        None => vocabulary.grade(typed, None)?,
    };
    Some(format!("{stage}.{year}"))
}

fn home_of(asked: &Asked, value: &str) -> Result<String> {
    let node: NodeId = value.parse().map_err(|_| asked.wrong("home", value, "the PeerId of a node"))?;
    Ok(node.to_string())
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
    let asked = Asked::read("cannot list", query.as_deref(), &["limit"])?;
    let limit = asked.number("limit", 1..=SearchRequest::MAX_LIMIT)?.unwrap_or(20);
    app.node.latest(&caller.viewer, limit).await.map(Json)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_search_is_read_from_its_address() {
        let query =
            "q=%E5%B9%B3%E8%A1%8C&subject=math&subject=美术&grade=primary.5&grade=八年级&held=1&limit=5&scope=local";
        let request = request_of(Some(query)).unwrap();
        assert_eq!(request.query, "平行");
        assert_eq!(
            (request.subject, request.grade),
            (vec!["math".into(), "art".into()], vec!["primary.5".into(), "junior.2".into()])
        );
        assert!(request.held && request.limit == 5 && request.scope == Scope::Local);
    }

    #[test]
    fn unknown_parameters_and_wrong_values_are_named_with_what_they_can_be() {
        for (query, named, can_be) in [
            ("sort=asc", "sort", "subject"),
            ("limit=many", "many", "200"),
            ("offset=-1", "-1", "10000"),
            ("scope=world", "world", "federation"),
            ("scope=local&scope=federation", "2 times", "once"),
            ("certification=moon", "moon", "county"),
            ("subject=moon", "moon", "math"),
            ("stage=moon", "moon", "primary"),
            ("kind=moon", "moon", "paper"),
            ("grade=primary.9", "primary.9", "五年级"),
            ("held=perhaps", "perhaps", "true"),
            ("home=moon", "moon", "PeerId"),
        ] {
            let failure = request_of(Some(query)).unwrap_err();
            assert!(failure.detail.contains(named) && failure.remedy.contains(can_be), "{query}: {failure}");
        }
    }
}
