//! What scores depend on beside the document itself: how many documents there are, how long, and how many have each term.

use serde::{Deserialize, Serialize};
use tantivy::query::{Bm25StatisticsProvider, Bm25Weight};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Term};

use super::ParsedQuery;
use crate::index::schema::{Fields, SCORED};
use crate::index::set::Live;
use crate::index::{Index, IndexError, SetId, guarded};

/// More documents than any federation has; so that sums of many peers' numbers cannot overflow.
const MAX_DOCUMENTS: u64 = 1 << 36;
/// More terms than any field of a document has (see the limits in `index::schema`).
const MAX_FIELD_TERMS: u64 = 1 << 24;

/// Statistics of live documents for one query. They merge by adding up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Statistics {
    /// Live documents.
    documents: u64,
    /// Terms in each scored field.
    tokens: [u64; SCORED.len()],
    /// For each term of the query, in its order: the documents that have it in each scored field.
    frequencies: Vec<[u64; SCORED.len()]>,
}

impl Statistics {
    /// Those of no documents.
    pub fn none(query: &ParsedQuery) -> Self {
        Statistics { frequencies: vec![[0; SCORED.len()]; query.terms().len()], ..Statistics::default() }
    }

    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Adds another node's. They have to be of the same query and [`bounded`](Self::bounded) if they came from outside.
    pub fn merge(&mut self, other: &Statistics) {
        self.documents = self.documents.saturating_add(other.documents);
        add(&mut self.tokens, &other.tokens);
        for (mine, theirs) in self.frequencies.iter_mut().zip(&other.frequencies) {
            add(mine, theirs);
        }
    }

    /// Made possible: a peer may have claimed anything. No term is in more documents than there are, no field is longer
    /// than fields get, and there is a row for each term of the query.
    #[must_use]
    pub fn bounded(mut self, query: &ParsedQuery) -> Self {
        self.documents = self.documents.min(MAX_DOCUMENTS);
        for tokens in &mut self.tokens {
            *tokens = (*tokens).min(self.documents * MAX_FIELD_TERMS);
        }
        self.frequencies.resize(query.terms().len(), [0; SCORED.len()]);
        for frequency in self.frequencies.iter_mut().flatten() {
            *frequency = (*frequency).min(self.documents);
        }
        self
    }

    /// In how many documents a term is, as far as can be told from its fields.
    pub(super) fn frequency(&self, term: u32) -> u64 {
        self.frequencies.get(term as usize).and_then(|row| row.iter().max()).copied().unwrap_or(0)
    }

    /// BM25 of one term in one field, after tantivy's formula.
    pub(super) fn weight(
        &self,
        fields: &Fields,
        field: usize,
        term: u32,
        name: &str,
    ) -> Result<Bm25Weight, IndexError> {
        let name = Term::from_field_text(fields.scored[field], name);
        let one = OneTerm { statistics: self, field, term };
        Ok(Bm25Weight::for_terms(&one, &[name])?)
    }
}

fn add(mine: &mut [u64; SCORED.len()], theirs: &[u64; SCORED.len()]) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine = mine.saturating_add(*theirs);
    }
}

/// The numbers that tantivy asks for, about the one term that is being weighed.
struct OneTerm<'a> {
    statistics: &'a Statistics,
    field: usize,
    term: u32,
}

impl Bm25StatisticsProvider for OneTerm<'_> {
    fn total_num_tokens(&self, _: tantivy::schema::Field) -> tantivy::Result<u64> {
        // Zero would divide by zero, where a peer's numbers say that nobody has such a field.
        Ok(self.statistics.tokens[self.field].max(1))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.statistics.documents.max(1))
    }

    fn doc_freq(&self, _: &Term) -> tantivy::Result<u64> {
        let row = self.statistics.frequencies.get(self.term as usize);
        // A frequency above the count is an assertion failure in tantivy.
        Ok(row.map_or(0, |row| row[self.field]).min(self.statistics.documents.max(1)))
    }
}

impl Index {
    /// The statistics of a query in some sets; sets that are not here count for nothing.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn statistics(&self, sets: &[SetId], query: &ParsedQuery) -> Result<Statistics, IndexError> {
        guarded(|| {
            let mut all = Statistics::none(query);
            for (_, set) in self.selected(sets) {
                all.merge(&of_set(&set.live(), &set.fields, query)?);
            }
            Ok(all)
        })
    }
}

fn of_set(live: &Live, fields: &Fields, query: &ParsedQuery) -> Result<Statistics, IndexError> {
    let mut statistics = Statistics { documents: live.documents, tokens: live.tokens, ..Statistics::none(query) };
    for segment in live.searcher.segment_readers() {
        for (column, &field) in fields.scored.iter().enumerate() {
            let inverted = segment.inverted_index(field)?;
            for (row, name) in statistics.frequencies.iter_mut().zip(query.terms()) {
                let Some(info) = inverted.get_term_info(&Term::from_field_text(field, name))? else { continue };
                row[column] += match segment.alive_bitset() {
                    None => u64::from(info.doc_freq),
                    // Only where something was deleted do the living have to be counted one by one.
                    Some(alive) => {
                        let postings = inverted.read_postings_from_terminfo(&info, IndexRecordOption::Basic)?;
                        debug_assert!(postings.doc() != tantivy::TERMINATED);
                        u64::from(postings.doc_freq_given_deletes(alive))
                    }
                };
            }
        }
    }
    Ok(statistics)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::score::Query;

    #[test]
    fn impossible_numbers_of_a_peer_become_possible() {
        let query = Query::text("平行四边形 面积").parse().unwrap();
        let liar = Statistics { documents: 3, tokens: [u64::MAX; 5], frequencies: vec![[u64::MAX; 5]] };
        let bounded = liar.bounded(&query);
        assert_eq!(bounded.frequencies.len(), query.terms().len());
        assert_eq!(bounded.frequency(0), 3);
        assert!(bounded.tokens.iter().all(|&tokens| tokens <= 3 * MAX_FIELD_TERMS));

        let mut many = bounded.clone();
        for _ in 0..100 {
            many.merge(&Statistics { documents: u64::MAX, tokens: [u64::MAX; 5], frequencies: vec![] }.bounded(&query));
        }
        assert!(many.documents < u64::MAX);
    }
}
