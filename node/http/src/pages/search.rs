//! 资源库 and search.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::{Router, routing};
use kapok_web_ui::facts::Snippet;
use kapok_web_ui::messages::Messages;
use kapok_web_ui::pages::search::{
    Answer, Facet, FacetField, FacetValue, Failure as Why, Found, HITS_PER_PAGE, Hit, Outcome, Preview, Query, Search,
};

use super::facts::{Around, around};
use super::frame::framed;
use super::{ok, problem};
use crate::App;
use crate::access::Caller;
use crate::extract::Param;
use crate::forms;
use crate::port::{self, Certification, Failure, FailureKind, Resource, SearchReply, SearchRequest};

pub(super) fn router() -> Router<App> {
    Router::new().route("/search", routing::get(search)).route("/resources/{id}/preview", routing::get(preview_alone))
}

async fn search(State(app): State<App>, caller: Caller, RawQuery(address): RawQuery) -> Response {
    let query = query_of(address.as_deref().unwrap_or_default());
    let mut framed = framed(&app, &caller).await;
    framed.frame.query.clone_from(&query.text);
    let outcome = match find(&app, &caller, &query).await {
        Ok(reply) => {
            let around = around(&app, &caller, &framed.status).await;
            Outcome::Found(found(&app, &caller, &around, &query, reply).await)
        }
        Err(error) => Outcome::Failed(match (error, framed.status.rebuilding_percent) {
            (NotFound::Why(why), _) => why,
            (NotFound::Failure(failure), percent) => why(&failure, percent),
        }),
    };
    ok(Search { query, outcome }.render(&framed.frame))
}

/// What the address asks; what it says beyond that is ignored, as an old link may say.
fn query_of(address: &str) -> Query {
    let mut query = Query { page: 1, ..Query::default() };
    for (name, value) in forms::pairs(address.as_bytes()) {
        match (name.as_str(), FacetField::from_slug(&name)) {
            ("q", _) => query.text = value.trim().to_owned(),
            ("page", _) => query.page = value.parse().unwrap_or(1).max(1),
            ("at", _) => query.at = Some(value).filter(|id| !id.is_empty()),
            (_, Some(field)) if !value.is_empty() => query.filters.push((field, value)),
            _ => {}
        }
    }
    query
}

/// Why nothing was searched.
enum NotFound {
    /// Seen from the query itself.
    Why(Why),
    Failure(Failure),
}

/// A failed search in words for whoever searches.
fn why(failure: &Failure, rebuilding_percent: Option<u8>) -> Why {
    match (failure.kind, rebuilding_percent) {
        (FailureKind::Unavailable, Some(percent)) => Why::Rebuilding { percent },
        (FailureKind::Invalid, _) if failure.said.is_none() => Why::NothingToFind,
        (FailureKind::Invalid | FailureKind::Unavailable, _) => Why::Said(failure.sentence(Messages::zh()).to_string()),
        _ => {
            tracing::warn!(%failure, "a search failed");
            Why::Broken
        }
    }
}

async fn find(app: &App, caller: &Caller, query: &Query) -> Result<SearchReply, NotFound> {
    if query.text.chars().count() > SearchRequest::MAX_QUERY_CHARS {
        return Err(NotFound::Why(Why::TooLong { limit: SearchRequest::MAX_QUERY_CHARS }));
    }
    if !query.text.is_empty() && !query.text.chars().any(char::is_alphanumeric) {
        return Err(NotFound::Why(Why::NothingToFind));
    }
    let offset = (query.page - 1).saturating_mul(HITS_PER_PAGE);
    let mut request =
        SearchRequest { limit: HITS_PER_PAGE, offset, facts: true, ..SearchRequest::of(query.text.clone()) };
    for (field, value) in &query.filters {
        match field {
            FacetField::Subject => request.subject.push(value.clone()),
            FacetField::Stage => request.stage.push(value.clone()),
            FacetField::Grade => request.grade.push(value.clone()),
            FacetField::Kind => request.kind.push(value.clone()),
            FacetField::Held => request.held |= value == "1",
            FacetField::Certification => request.certification.extend(certification_of(value)),
        }
    }
    let request = request.checked().map_err(NotFound::Failure)?;
    app.node.search(&caller.viewer, request).await.map_err(NotFound::Failure)
}

fn certification_of(slug: &str) -> Option<Certification> {
    Some(match slug {
        "none" => Certification::None,
        "school" => Certification::School,
        "county" => Certification::County,
        "city" => Certification::City,
        _ => return None,
    })
}

async fn found(app: &App, caller: &Caller, around: &Around, query: &Query, reply: SearchReply) -> Found {
    let asked = reply.answered.iter().map(|node| (node, true)).chain(reply.missing.iter().map(|node| (node, false)));
    let answers = asked.map(|(node, answered)| Answer {
        name: around.name(node).to_owned(),
        answered,
        as_of: around.last_seen(node),
    });
    let answers = answers.collect();
    let facets = FacetField::ALL.into_iter().filter_map(|field| Some((field, reply.facets.get(field.slug())?)));
    let facets =
        facets.map(|(field, counts)| Facet { field, values: counts.iter().map(facet_value).collect() }).collect();
    // Pages beyond the last offset that is answered are not offered.
    let last_page = SearchRequest::MAX_OFFSET / HITS_PER_PAGE + 1;
    let pages = usize::try_from(reply.total.div_ceil(HITS_PER_PAGE as u64)).unwrap_or(last_page).min(last_page);
    let shown = query.at.clone().or_else(|| reply.hits.first().map(|hit| hit.resource.clone()));
    let preview = match shown {
        Some(id) => app.node.resource(&caller.viewer, &id).await.ok().map(|resource| preview(around, &resource)),
        None => None,
    };
    let hits = reply.hits.iter().filter_map(|hit| {
        let line = around.line(hit.facts.as_ref()?);
        Some(Hit { line, snippet: Snippet::from_html(&hit.snippet) })
    });
    Found {
        total: reply.total,
        milliseconds: milliseconds(reply.ms),
        answers,
        facets,
        hits: hits.collect(),
        pages,
        preview,
    }
}

fn facet_value(count: &port::FacetCount) -> FacetValue {
    FacetValue { slug: count.value.clone(), count: count.count }
}

/// Rounded up, so that nothing took no time at all.
fn milliseconds(ms: f64) -> u64 {
    // `as` saturates, and takes what is not a number as 0.
    ms.max(0.0).ceil() as u64
}

fn preview(around: &Around, resource: &Resource) -> Preview {
    Preview {
        line: around.line(&resource.summary),
        description: Some(resource.description.clone()).filter(|text| !text.is_empty()),
        files: resource.summary.files.len(),
        holders: resource.holders.iter().map(|node| around.name(node).to_owned()).collect(),
        licence: Some(resource.license.clone()).filter(|licence| !licence.is_empty()),
    }
}

async fn preview_alone(State(app): State<App>, caller: Caller, Param(id): Param) -> Response {
    let resource = match app.node.resource(&caller.viewer, &id).await {
        Ok(resource) => resource,
        Err(failure) => return problem::failed(&app, &caller, &failure).await,
    };
    let framed = framed(&app, &caller).await;
    let around = around(&app, &caller, &framed.status).await;
    ok(preview(&around, &resource).render(&framed.frame))
}
