//! What a person typed, and what it is taken to mean.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::analyse::{self, ANALYSER_VERSION, QueryWord};
use crate::index::Facet;

/// Longer than any question a person asks; what is longer was pasted by mistake.
pub const MAX_QUERY_CHARS: usize = 400;
/// More words narrow nothing down any more, and each costs.
const MAX_WORDS: usize = 40;
const MAX_TERMS: usize = 400;
const MAX_TERM_BYTES: usize = 200;
const MAX_FILTER_VALUES: usize = 200;

/// A search as a person states it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Query {
    /// Words, "phrases" and -exclusions; may be empty where there are filters.
    pub text: String,
    /// For each facet the values that will do.
    pub filters: BTreeMap<Facet, Vec<String>>,
    pub sort: Sort,
}

/// The order of hits. Ties are broken by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Relevance,
    Newest,
}

/// What cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    #[error("the query is empty; type a word, or choose a filter")]
    Empty,
    #[error("the query has no word to search for, only signs or exclusions; add a word")]
    NoWords,
    #[error("the query has {chars} characters, more than the {MAX_QUERY_CHARS} that are searched for; shorten it")]
    TooLong { chars: usize },
    #[error("the query asks for more than a search may: {0}")]
    Invalid(&'static str),
}

/// A query analysed: it goes to other nodes as it is, so that all of them search for the same.
///
/// Deserialising checks it, since it may come from anybody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct ParsedQuery {
    version: u32,
    terms: Vec<String>,
    words: Vec<Word>,
    excluded: Vec<u32>,
    filters: BTreeMap<Facet, Vec<String>>,
    sort: Sort,
}

/// One word of a query: whatever may stand for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Word {
    /// Any of these is a match.
    pub(crate) exact: Vec<Variant>,
    /// These count only where there is no full match.
    pub(crate) loose: Vec<Variant>,
    /// Whether a match may lack it (see [`analyse`]'s words of grammar).
    pub(crate) grammar: bool,
    /// Whether even a loosened match has to have it: a "phrase".
    pub(crate) insisted: bool,
}

/// A term that stands for a word, and how well, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Variant {
    /// Index into the query's terms.
    pub(crate) term: u32,
    pub(crate) weight: f32,
}

/// What a part of a word is worth beside the whole.
const PART_WEIGHT: f32 = 0.4;

impl Query {
    /// A query of text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Query { text: text.into(), ..Query::default() }
    }

    /// Analyses the query.
    ///
    /// # Errors
    /// [`QueryError::Empty`] and [`QueryError::NoWords`] without anything to go by, [`QueryError::TooLong`] for a pasted page.
    pub fn parse(&self) -> Result<ParsedQuery, QueryError> {
        let chars = self.text.chars().count();
        if chars > MAX_QUERY_CHARS {
            return Err(QueryError::TooLong { chars });
        }
        let mut builder = Builder::default();
        for piece in pieces(&self.text) {
            match piece {
                Piece::Plain(text) => builder.words(text, false),
                Piece::Quoted(text) => builder.words(text, true),
                Piece::Excluded(text) => builder.exclude(text),
            }
        }
        let filters: BTreeMap<Facet, Vec<String>> = self
            .filters
            .iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(facet, values)| (*facet, values.iter().take(MAX_FILTER_VALUES).cloned().collect()))
            .collect();
        if builder.words.is_empty() && filters.is_empty() {
            return Err(if self.text.trim().is_empty() { QueryError::Empty } else { QueryError::NoWords });
        }
        // A query of grammar alone means its words after all.
        if builder.words.iter().all(|word| word.grammar) {
            builder.words.iter_mut().for_each(|word| word.grammar = false);
        }
        Ok(ParsedQuery {
            version: ANALYSER_VERSION,
            terms: builder.terms,
            words: builder.words,
            excluded: builder.excluded,
            filters,
            sort: self.sort,
        })
    }
}

impl ParsedQuery {
    /// The analyser that made it, see [`ANALYSER_VERSION`].
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The terms that [`super::Statistics`] counts, in its order.
    pub fn terms(&self) -> &[String] {
        &self.terms
    }

    pub fn filters(&self) -> &BTreeMap<Facet, Vec<String>> {
        &self.filters
    }

    pub fn sort(&self) -> Sort {
        self.sort
    }

    pub(crate) fn words(&self) -> &[Word] {
        &self.words
    }

    pub(crate) fn excluded(&self) -> &[u32] {
        &self.excluded
    }

    /// The same query with filters added, for an answerer that may show only part of what it has.
    #[must_use]
    pub fn narrowed(mut self, facet: Facet, values: Vec<String>) -> Self {
        self.filters.insert(facet, values);
        self
    }
}

#[derive(Default)]
struct Builder {
    terms: Vec<String>,
    words: Vec<Word>,
    excluded: Vec<u32>,
}

impl Builder {
    fn words(&mut self, text: &str, insisted: bool) {
        for word in analyse::query_words(text) {
            if self.words.len() == MAX_WORDS {
                return;
            }
            let word = self.word(word, insisted);
            match self.words.iter_mut().find(|other| other.exact == word.exact) {
                Some(other) => other.insisted |= insisted,
                None => self.words.push(word),
            }
        }
    }

    fn word(&mut self, word: QueryWord, insisted: bool) -> Word {
        let exact = vec![Variant { term: self.term(word.term), weight: 1.0 }];
        let parts = if insisted { Vec::new() } else { word.parts };
        let loose = parts.into_iter().map(|part| Variant { term: self.term(part), weight: PART_WEIGHT }).collect();
        Word { exact, loose, grammar: word.grammar && !insisted, insisted }
    }

    fn exclude(&mut self, text: &str) {
        for word in analyse::query_words(text).into_iter().take(MAX_WORDS) {
            let term = self.term(word.term);
            self.excluded.push(term);
        }
    }

    fn term(&mut self, term: String) -> u32 {
        let at = self.terms.iter().position(|known| *known == term).unwrap_or_else(|| {
            self.terms.push(term);
            self.terms.len() - 1
        });
        // At most a few terms a character of a query of limited length.
        u32::try_from(at).unwrap_or(u32::MAX)
    }
}

enum Piece<'a> {
    Plain(&'a str),
    Quoted(&'a str),
    Excluded(&'a str),
}

/// Splits at quotation marks, and where a blank and a minus begin an exclusion. An unclosed quotation ends with the text.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    const QUOTES: [char; 7] = ['"', '“', '”', '「', '」', '＂', '„'];
    let mut out = Vec::new();
    for (at, part) in text.split(QUOTES).enumerate() {
        if at % 2 == 1 {
            out.push(Piece::Quoted(part));
            continue;
        }
        for word in part.split_whitespace() {
            match word.strip_prefix(['-', '－', '−']) {
                Some(excluded) => out.push(Piece::Excluded(excluded)),
                None => out.push(Piece::Plain(word)),
            }
        }
    }
    out
}

#[derive(Serialize, Deserialize)]
struct Unchecked {
    version: u32,
    terms: Vec<String>,
    words: Vec<Word>,
    excluded: Vec<u32>,
    filters: BTreeMap<Facet, Vec<String>>,
    sort: Sort,
}

impl From<ParsedQuery> for Unchecked {
    fn from(query: ParsedQuery) -> Self {
        let ParsedQuery { version, terms, words, excluded, filters, sort } = query;
        Unchecked { version, terms, words, excluded, filters, sort }
    }
}

impl TryFrom<Unchecked> for ParsedQuery {
    type Error = QueryError;

    fn try_from(query: Unchecked) -> Result<Self, QueryError> {
        let Unchecked { version, terms, words, excluded, filters, sort } = query;
        if terms.len() > MAX_TERMS || terms.iter().any(|term| term.len() > MAX_TERM_BYTES) {
            return Err(QueryError::Invalid("its terms are too many or too long"));
        }
        if words.len() > MAX_WORDS || excluded.len() > MAX_TERMS {
            return Err(QueryError::Invalid("it has too many words"));
        }
        let known = |term: u32| (term as usize) < terms.len();
        let sound = |variant: &Variant| known(variant.term) && (0.0..=1.0).contains(&variant.weight);
        let variants: usize = words.iter().map(|word| word.exact.len() + word.loose.len()).sum();
        if variants > MAX_TERMS || !words.iter().flat_map(|word| word.exact.iter().chain(&word.loose)).all(sound) {
            return Err(QueryError::Invalid("its words refer to terms that it does not have"));
        }
        if !excluded.iter().all(|&term| known(term)) {
            return Err(QueryError::Invalid("it excludes terms that it does not have"));
        }
        if filters.values().any(|values| values.len() > MAX_FILTER_VALUES) {
            return Err(QueryError::Invalid("it has too many filters"));
        }
        if words.is_empty() && filters.is_empty() {
            return Err(QueryError::NoWords);
        }
        Ok(ParsedQuery { version, terms, words, excluded, filters, sort })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ten_thousand_characters_are_refused_with_the_limit_named() {
        let error = Query::text("形".repeat(10_000)).parse().unwrap_err();
        assert_eq!(error, QueryError::TooLong { chars: 10_000 });
        assert!(error.to_string().contains("400"));
    }

    #[test]
    fn operators_only_are_a_clear_error() {
        for text in ["\"\"", "-", "-- --", "\"", "+&&||!(){}[]^~*?:\\/", "-平行", "AND-", "““”"] {
            match Query::text(text).parse() {
                Err(QueryError::NoWords) => {}
                Ok(query) => assert!(!query.words.is_empty(), "{text}"),
                Err(error) => panic!("{text}: {error}"),
            }
        }
        assert_eq!(Query::text(" 　\n").parse(), Err(QueryError::Empty));
    }

    #[test]
    fn a_filter_alone_is_a_query() {
        let query = Query { filters: [(Facet::Subject, vec!["音乐".into()])].into(), ..Query::default() };
        assert!(query.parse().unwrap().terms().is_empty());
    }

    #[test]
    fn grammar_decides_nothing_unless_it_is_all_there_is() {
        let grammar =
            |text: &str| -> Vec<bool> { Query::text(text).parse().unwrap().words.iter().map(|w| w.grammar).collect() };
        assert_eq!(grammar("怎么 面积"), [true, false]);
        assert_eq!(grammar("怎么"), [false]);
        assert_eq!(grammar("\"怎么\" 面积"), [false, false]);
    }

    #[test]
    fn a_parsed_query_travels_unchanged() {
        let query = Query { sort: Sort::Newest, ..Query::text("平行四边形 \"面积\" -试卷") }.parse().unwrap();
        let bytes = serde_json::to_vec(&query).unwrap();
        assert_eq!(serde_json::from_slice::<ParsedQuery>(&bytes).unwrap(), query);
    }

    #[test]
    fn a_forged_query_is_refused() {
        let query = Query::text("平行四边形").parse().unwrap();
        let json = serde_json::to_string(&query).unwrap();
        for (from, to) in [
            ("\"term\":0", "\"term\":77"),
            ("\"weight\":1.0", "\"weight\":1e30"),
            ("\"excluded\":[]", "\"excluded\":[9]"),
        ] {
            assert!(json.contains(from), "{json}");
            assert!(serde_json::from_str::<ParsedQuery>(&json.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
