//! What is typed, as the index takes it, narrowed to what the viewer may see.

use std::collections::BTreeMap;

use kapok_http::port::{Certification, Failure, Result, SearchRequest, Viewer};
use kapok_indexer::{Facet, MAX_QUERY_CHARS, ParsedQuery, Query, QueryError, Sort};

use super::TITLE;
use crate::node::facts::{self, VISIBILITIES};

/// The request as the index takes it, narrowed to what the viewer may see.
pub(super) fn parsed(viewer: &Viewer, request: &SearchRequest) -> Result<ParsedQuery> {
    let mut filters: BTreeMap<Facet, Vec<String>> = BTreeMap::new();
    let mut filter = |facet, values: Vec<String>| {
        if !values.is_empty() {
            filters.insert(facet, values);
        }
    };
    filter(Facet::Subject, request.subject.clone());
    filter(Facet::Stage, request.stage.clone());
    filter(Facet::Grade, request.grade.clone());
    filter(Facet::Kind, request.kind.clone());
    filter(Facet::School, request.home.iter().cloned().collect());
    filter(Facet::Certification, request.certification.iter().map(|c| certification(*c).to_owned()).collect());
    let seen = VISIBILITIES.iter().filter(|(visibility, _)| viewer.sees(facts::visibility(*visibility)));
    filter(Facet::Visibility, seen.map(|(_, word)| (*word).to_owned()).collect());
    let text = request.query.clone();
    let blank = text.trim().is_empty();
    let query = Query { text, filters, sort: if blank { Sort::Newest } else { Sort::Relevance } };
    let parsed = query.parse().map_err(|error| refused(&error))?;
    if !blank && parsed.terms().is_empty() {
        return Err(refused(&QueryError::NoWords));
    }
    Ok(parsed)
}

fn refused(error: &QueryError) -> Failure {
    let failure = Failure::invalid(TITLE, error.to_string()).remedy("type a word that stands in the title or text");
    match error {
        QueryError::Empty | QueryError::NoWords => failure.said("query.no-words"),
        QueryError::TooLong { chars } => {
            failure.said("query.too-long").with("chars", chars).with("limit", MAX_QUERY_CHARS)
        }
        QueryError::Invalid(_) => failure.said("query.too-odd"),
    }
}

fn certification(of: Certification) -> &'static str {
    match of {
        Certification::None => "none",
        Certification::School => "school",
        Certification::County => "county",
        Certification::City => "city",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(query: &str) -> SearchRequest {
        SearchRequest { query: query.to_owned(), ..SearchRequest::default() }
    }

    #[test]
    fn a_visitor_searches_what_is_public_and_nothing_else() {
        let words = |viewer: &Viewer| {
            let parsed = parsed(viewer, &typed("平行四边形")).expect("it is a word");
            serde_json::to_string(&parsed).expect("it goes over the line")
        };
        let (visitor, owner) = (words(&Viewer::Lan), words(&Viewer::Owner));
        assert!(visitor.contains("public") && !visitor.contains("school"), "{visitor}");
        assert!(owner.contains("school") && owner.contains("private"), "{owner}");
    }

    #[test]
    fn what_has_no_words_is_refused_and_nothing_typed_is_not() {
        let refused = parsed(&Viewer::Owner, &typed("？！。")).expect_err("no word is in it");
        assert!(refused.to_string().contains("cannot search"), "{refused}");
        let all = parsed(&Viewer::Owner, &typed(" ")).expect("nothing typed lists all");
        assert_eq!(all.sort(), Sort::Newest);
    }
}
