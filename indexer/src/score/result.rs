//! What a search answers, and how several answers become one.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Sort;
use crate::index::{Facet, SetId};

/// Hits further down than this are not served: nobody reads them, and every answering node would have to send them all.
pub const MAX_WINDOW: usize = 1_000;

/// A document that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    pub id: String,
    /// BM25, weighted over the fields; 0 for a query of filters alone.
    pub score: f32,
    pub time_ms: u64,
    /// HTML: escaped, the words of the query in `<mark>`; empty where there is neither text nor description.
    pub snippet: String,
    pub set: SetId,
}

/// The answer to a query.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SearchResult {
    /// All that match, of which `hits` is a part.
    pub total: u64,
    /// Nothing had all the words; these have some of them.
    pub loosened: bool,
    pub hits: Vec<Hit>,
    /// Among all that match: for each facet its values with their counts.
    pub facets: BTreeMap<Facet, BTreeMap<String, u64>>,
}

impl SearchResult {
    /// One answer of several nodes' answers, each of which has to begin at offset 0 and reach to `offset + limit`.
    ///
    /// Where some have full matches, the loosened ones of others are left out. A document that two nodes answer for
    /// appears once in the hits, with its better score.
    pub fn merge(answers: Vec<SearchResult>, sort: Sort, limit: usize, offset: usize) -> SearchResult {
        let full = answers.iter().any(|answer| answer.total > 0 && !answer.loosened);
        let mut merged = SearchResult { loosened: !full, ..SearchResult::default() };
        for answer in answers.into_iter().filter(|answer| answer.loosened != full) {
            merged.total = merged.total.saturating_add(answer.total);
            merged.hits.extend(answer.hits.into_iter().filter(|hit| hit.score.is_finite()));
            for (facet, counts) in answer.facets {
                let all = merged.facets.entry(facet).or_default();
                for (value, count) in counts {
                    let sum = all.entry(value).or_default();
                    *sum = sum.saturating_add(count);
                }
            }
        }
        merged.loosened &= merged.total > 0;
        merged
            .hits
            .sort_by(|a, b| order(sort, (a.score, a.time_ms), (b.score, b.time_ms)).then_with(|| a.id.cmp(&b.id)));
        let mut seen = std::collections::HashSet::new();
        merged.hits.retain(|hit| seen.insert(hit.id.clone()));
        merged.hits.drain(..offset.min(merged.hits.len()));
        merged.hits.truncate(limit);
        merged
    }
}

/// The better of two (score, time) first; equal ones go by id.
pub(super) fn order(sort: Sort, a: (f32, u64), b: (f32, u64)) -> Ordering {
    match sort {
        Sort::Relevance => b.0.total_cmp(&a.0),
        Sort::Newest => b.1.cmp(&a.1),
    }
}
