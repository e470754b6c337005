//! Searching sets with given statistics.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use tantivy::columnar::{Column, StrColumn};
use tantivy::index::SegmentReader;
use tantivy::schema::Value;
use tantivy::{DocAddress, DocId, TantivyDocument};

use super::rank::{Mode, Plan};
use super::result::{MAX_WINDOW, order};
use super::{Hit, ParsedQuery, SearchResult, Sort, Statistics, snippet};
use crate::index::schema::{FACETS, Fields, ID, TIME, facet_term};
use crate::index::set::Live;
use crate::index::{Facet, Index, IndexError, SetId, guarded};

impl Index {
    /// Searches some sets, scoring with `statistics`: those of everybody who answers this query, merged. Hits from
    /// `offset` on, at most `limit`, both within [`MAX_WINDOW`].
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search(
        &self,
        sets: &[SetId],
        query: &ParsedQuery,
        statistics: &Statistics,
        limit: usize,
        offset: usize,
    ) -> Result<SearchResult, IndexError> {
        let statistics = statistics.clone().bounded(query);
        let keep = limit.saturating_add(offset).min(MAX_WINDOW);
        guarded(|| {
            let sets: Vec<(SetId, Live, Fields)> =
                self.selected(sets).into_iter().map(|(id, set)| (id, set.live(), set.fields.clone())).collect();
            let mut search = Search::new(query, keep);
            search.run(&sets, &statistics, Mode::Full)?;
            if search.total == 0 && !query.words().is_empty() {
                search.run(&sets, &statistics, Mode::Loosened)?;
                search.loosened = search.total > 0;
            }
            search.finish(&sets, limit, offset)
        })
    }

    /// Statistics and search in one, for a node that answers alone.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn search_alone(
        &self,
        sets: &[SetId],
        query: &ParsedQuery,
        limit: usize,
        offset: usize,
    ) -> Result<SearchResult, IndexError> {
        let statistics = self.statistics(sets, query)?;
        self.search(sets, query, &statistics, limit, offset)
    }
}

/// A document that may become a hit.
#[derive(Debug, PartialEq)]
struct Found {
    sort: Sort,
    score: f32,
    time_ms: u64,
    id: String,
    set: usize,
    address: DocAddress,
}

struct Search<'a> {
    query: &'a ParsedQuery,
    keep: usize,
    total: u64,
    loosened: bool,
    found: Vec<Found>,
    facets: BTreeMap<Facet, BTreeMap<String, u64>>,
}

impl<'a> Search<'a> {
    fn new(query: &'a ParsedQuery, keep: usize) -> Self {
        Search { query, keep, total: 0, loosened: false, found: Vec::new(), facets: BTreeMap::new() }
    }

    fn run(&mut self, sets: &[(SetId, Live, Fields)], statistics: &Statistics, mode: Mode) -> Result<(), IndexError> {
        for (at, (_, live, fields)) in sets.iter().enumerate() {
            let plan = Plan::new(self.query, statistics, fields, mode)?;
            for (ord, segment) in live.searcher.segment_readers().iter().enumerate() {
                // Segments are numbered by u32 in tantivy.
                self.segment(&plan, segment, fields, at, ord as u32)?;
            }
        }
        Ok(())
    }

    fn segment(
        &mut self,
        plan: &Plan<'_>,
        segment: &SegmentReader,
        fields: &Fields,
        set: usize,
        ord: u32,
    ) -> Result<(), IndexError> {
        let fast = segment.fast_fields();
        let times = fast.u64(TIME)?;
        let facets = fast.str(FACETS)?;
        let Some(ids) = fast.str(ID)? else { return Ok(()) };
        let Some(filters) = self.filters(facets.as_ref())? else { return Ok(()) };
        let mut counts = vec![0u64; facets.as_ref().map_or(0, |column| column.dictionary().num_terms())];
        let mut top = Top::new(self.query.sort(), self.keep);
        let mut total = 0;
        plan.run(segment, fields, |doc, score| {
            if let Some(facets) = &facets {
                if !filters.iter().all(|allowed| facets.term_ords(doc).any(|ord| allowed.contains(&ord))) {
                    return;
                }
                for ord in facets.term_ords(doc) {
                    counts[ord as usize] += 1;
                }
            }
            total += 1;
            top.push(doc, score, &times, ids.ords());
        })?;
        self.total += total;
        if let Some(facets) = &facets {
            self.count(facets, &counts)?;
        }
        let mut best = top.heap.into_vec();
        best.sort_unstable_by_key(|candidate| candidate.id_ord);
        let ords: Vec<u64> = best.iter().map(|candidate| candidate.id_ord).collect();
        let names = names(&ids, &ords)?;
        for (Candidate { doc, score, time_ms, .. }, id) in best.into_iter().zip(names) {
            let address = DocAddress::new(ord, doc);
            self.found.push(Found { sort: self.query.sort(), score, time_ms, id, set, address });
        }
        Ok(())
    }

    /// For each filter the ordinals that pass it in this segment; `None` where nothing can.
    fn filters(&self, facets: Option<&StrColumn>) -> Result<Option<Vec<Vec<u64>>>, IndexError> {
        let mut filters = Vec::new();
        for (&facet, values) in self.query.filters() {
            let Some(facets) = facets else { return Ok(None) };
            let mut allowed = Vec::new();
            for value in values {
                allowed.extend(facets.dictionary().term_ord(facet_term(facet, value))?);
            }
            if allowed.is_empty() {
                return Ok(None);
            }
            filters.push(allowed);
        }
        Ok(Some(filters))
    }

    fn count(&mut self, facets: &StrColumn, counts: &[u64]) -> Result<(), IndexError> {
        let (ords, counts): (Vec<u64>, Vec<u64>) =
            counts.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(ord, &count)| (ord as u64, count)).unzip();
        for (name, count) in names(facets, &ords)?.into_iter().zip(counts) {
            let mut chars = name.chars();
            if let Some(facet) = chars.next().and_then(Facet::from_code) {
                *self.facets.entry(facet).or_default().entry(chars.as_str().to_owned()).or_default() += count;
            }
        }
        Ok(())
    }

    fn finish(
        mut self,
        sets: &[(SetId, Live, Fields)],
        limit: usize,
        offset: usize,
    ) -> Result<SearchResult, IndexError> {
        self.found
            .sort_by(|a, b| order(a.sort, (a.score, a.time_ms), (b.score, b.time_ms)).then_with(|| a.id.cmp(&b.id)));
        self.found.truncate(self.keep);
        let mut hits = Vec::new();
        let mut stores = HashMap::new();
        for found in self.found.into_iter().skip(offset).take(limit) {
            let (set, live, fields) = &sets[found.set];
            let searcher = stores.entry(found.set).or_insert_with(|| live.searcher.clone());
            let stored: TantivyDocument = searcher.doc(found.address)?;
            let text = |field| stored.get_first(field).and_then(|value| value.as_str()).unwrap_or_default();
            let snippet = snippet::snippet(self.query, &[text(fields.stored_description), text(fields.stored_text)]);
            let Found { score, time_ms, id, .. } = found;
            hits.push(Hit { id, score, time_ms, snippet, set: set.clone() });
        }
        Ok(SearchResult { total: self.total, loosened: self.loosened, hits, facets: self.facets })
    }
}

/// The texts of ordinals, which have to be sorted: their dictionary is read once from the first to the last.
fn names(column: &StrColumn, ords: &[u64]) -> Result<Vec<String>, IndexError> {
    let mut names = Vec::with_capacity(ords.len());
    let all = column
        .dictionary()
        .sorted_ords_to_term_cb(ords, |name| names.push(String::from_utf8_lossy(name).into_owned()))?;
    if all { Ok(names) } else { Err(IndexError::Failed("a dictionary lacks some of its words".into())) }
}

/// The best documents of a segment. Ids are compared by their ordinals, which are in their order.
struct Top {
    sort: Sort,
    keep: usize,
    /// The worst on top.
    heap: BinaryHeap<Candidate>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    sort: Sort,
    score: f32,
    time_ms: u64,
    id_ord: u64,
    doc: DocId,
}

impl Top {
    fn new(sort: Sort, keep: usize) -> Self {
        Top { sort, keep, heap: BinaryHeap::new() }
    }

    fn push(&mut self, doc: DocId, score: f32, times: &Column<u64>, ids: &Column<u64>) {
        if self.keep == 0 {
            return;
        }
        let worst = if self.heap.len() < self.keep { None } else { self.heap.peek() };
        if self.sort == Sort::Relevance && worst.is_some_and(|worst| score < worst.score) {
            return;
        }
        let candidate = Candidate {
            sort: self.sort,
            score,
            time_ms: times.first(doc).unwrap_or(0),
            id_ord: ids.first(doc).unwrap_or(u64::MAX),
            doc,
        };
        match worst {
            None => self.heap.push(candidate),
            Some(worst) if candidate < *worst => {
                self.heap.pop();
                self.heap.push(candidate);
            }
            Some(_) => {}
        }
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.sort, (self.score, self.time_ms), (other.score, other.time_ms))
            .then_with(|| self.id_ord.cmp(&other.id_ord))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}
