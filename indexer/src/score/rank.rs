//! Which documents of a segment match, and how well.
//!
//! tantivy's own union and intersection add up scores in the order in which they happen to visit terms, so the last bits of
//! a score depend on how an index is cut. Here the postings are walked directly, in windows of documents: for each window,
//! word by word, variant by variant, field by field, always in the order of the query. What a document scores is then the
//! same wherever it lies.

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentReader;
use tantivy::postings::{Postings, SegmentPostings};
use tantivy::query::Bm25Weight;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED, Term};

use super::query::Variant;
use super::{ParsedQuery, Statistics};
use crate::index::IndexError;
use crate::index::schema::{Fields, WEIGHTS};

/// Documents a window: its arrays stay within a core's nearest cache.
const WINDOW: usize = 4096;

/// What a match needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Every word that occurs anywhere.
    Full,
    /// One word that says something; parts of words count too.
    Loosened,
}

/// What is the same for all segments: which words decide, and what each weighs.
pub(super) struct Plan<'a> {
    query: &'a ParsedQuery,
    mode: Mode,
    words: Vec<PlannedWord>,
    /// The sum of the decisive words' weights.
    weight: f32,
    /// A "phrase" that is nowhere: nothing can match.
    impossible: bool,
    insisted: u32,
    decisive: u32,
}

struct PlannedWord {
    variants: Vec<PlannedVariant>,
    /// Whether it counts towards a match.
    decisive: bool,
    insisted: bool,
    weight: f32,
}

struct PlannedVariant {
    variant: Variant,
    fields: Vec<(usize, Bm25Weight)>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        query: &'a ParsedQuery,
        statistics: &Statistics,
        fields: &Fields,
        mode: Mode,
    ) -> Result<Self, IndexError> {
        let mut words = Vec::new();
        let mut impossible = false;
        for word in query.words() {
            let exact = word.exact.iter().map(|variant| statistics.frequency(variant.term)).max().unwrap_or(0);
            // A word that nobody has decides nothing: else a slip of the pen would hide everything.
            if exact == 0 && word.insisted {
                impossible = true;
            }
            let loose: &[Variant] = if mode == Mode::Loosened { &word.loose } else { &[] };
            let mut variants = Vec::new();
            for &variant in word.exact.iter().chain(loose) {
                let name = &query.terms()[variant.term as usize];
                let mut weights = Vec::new();
                for (field, weight) in WEIGHTS.iter().enumerate() {
                    let bm25 = statistics.weight(fields, field, variant.term, name)?;
                    weights.push((field, bm25.boost_by(weight * variant.weight)));
                }
                variants.push(PlannedVariant { variant, fields: weights });
            }
            words.push(PlannedWord {
                variants,
                decisive: !word.grammar && (exact > 0 || mode == Mode::Loosened),
                insisted: word.insisted,
                weight: rarity(exact, statistics.documents()),
            });
        }
        let weight = words.iter().filter(|word| word.decisive).map(|word| word.weight).sum();
        // At most `MAX_WORDS` of them.
        let count = |of: fn(&PlannedWord) -> bool| words.iter().map(|word| u32::from(of(word))).sum();
        let (insisted, decisive) = (count(|word| word.insisted), count(|word| word.decisive));
        // Words that are nowhere at all make no full match of everything else that happens to be there.
        impossible |= mode == Mode::Full && !words.is_empty() && decisive == 0;
        Ok(Plan { query, mode, words, weight, impossible, insisted, decisive })
    }

    /// Calls `found` with each live matching document and its score, in the order of documents.
    pub(super) fn run(
        &self,
        segment: &SegmentReader,
        fields: &Fields,
        mut found: impl FnMut(DocId, f32),
    ) -> Result<(), IndexError> {
        if self.impossible {
            return Ok(());
        }
        let mut excluded = Vec::new();
        for &term in self.query.excluded() {
            excluded.push(self.postings(segment, fields, term)?);
        }
        if self.words.is_empty() {
            return self.all(segment, &mut excluded, found);
        }
        let mut words = Vec::new();
        for word in &self.words {
            let cursors = word.open(self, segment, fields)?;
            if self.mode == Mode::Full && word.decisive && cursors.iter().all(Vec::is_empty) {
                return Ok(());
            }
            words.push((word, cursors));
        }
        let mut window = Window::new();
        while let Some(start) = self.next_start(&mut words) {
            let end = start.saturating_add(WINDOW as DocId).min(segment.max_doc());
            window.clear();
            for (word, cursors) in &mut words {
                window.add_word(word, cursors, start, end);
            }
            for list in excluded.iter_mut().flatten() {
                window.remove(list, start, end);
            }
            window.each(|at| {
                let tally = window.tallies[at];
                let fits = match self.mode {
                    Mode::Full => tally.decisive == self.decisive,
                    Mode::Loosened => tally.decisive > 0,
                };
                let doc = start + at as DocId;
                if fits && tally.insisted == self.insisted && !segment.is_deleted(doc) {
                    let score = match self.mode {
                        Mode::Full => tally.score,
                        // The more of the query, by weight, the better.
                        Mode::Loosened => tally.score * (tally.weight / self.weight).min(1.0),
                    };
                    found(doc, score);
                }
            });
        }
        Ok(())
    }

    /// Every live document, for a query of filters alone.
    fn all(
        &self,
        segment: &SegmentReader,
        excluded: &mut [Vec<SegmentPostings>],
        mut found: impl FnMut(DocId, f32),
    ) -> Result<(), IndexError> {
        for doc in segment.doc_ids_alive() {
            let out = excluded.iter_mut().flatten().any(|list| {
                if list.doc() < doc {
                    list.seek(doc);
                }
                list.doc() == doc
            });
            if !out {
                found(doc, 0.0);
            }
        }
        Ok(())
    }

    /// The first document that may match: in full mode the furthest of the decisive words' next ones, to which all are
    /// moved, else the nearest of all words' next ones.
    fn next_start(&self, words: &mut [(&PlannedWord, Vec<Vec<Cursor>>)]) -> Option<DocId> {
        let next = |cursors: &[Vec<Cursor>]| {
            cursors.iter().flatten().map(|cursor| cursor.postings.doc()).min().unwrap_or(TERMINATED)
        };
        let decisive = words.iter().filter(|(word, _)| word.decisive).map(|(_, cursors)| next(cursors));
        let start = match self.mode {
            Mode::Full => decisive.max(),
            Mode::Loosened => decisive.min(),
        }?;
        if start == TERMINATED {
            return None;
        }
        for cursor in words.iter_mut().flat_map(|(_, cursors)| cursors.iter_mut().flatten()) {
            if cursor.postings.doc() < start {
                cursor.postings.seek(start);
            }
        }
        Some(start)
    }

    fn postings(
        &self,
        segment: &SegmentReader,
        fields: &Fields,
        term: u32,
    ) -> Result<Vec<SegmentPostings>, IndexError> {
        let name = &self.query.terms()[term as usize];
        let mut lists = Vec::new();
        for &field in &fields.scored {
            let term = Term::from_field_text(field, name);
            let found = segment.inverted_index(field)?.read_postings(&term, IndexRecordOption::Basic);
            lists.extend(found.map_err(tantivy::TantivyError::from)?);
        }
        Ok(lists)
    }
}

/// How much a word says, by how few documents have it. The same formula as BM25's.
fn rarity(frequency: u64, documents: u64) -> f32 {
    let (n, all) = (frequency as f32, documents.max(frequency) as f32);
    (1.0 + (all - n + 0.5) / (n + 0.5)).ln()
}

struct Cursor {
    postings: SegmentPostings,
    lengths: FieldNormReader,
    weight: Bm25Weight,
}

impl PlannedWord {
    /// For each variant the fields of this segment that have it.
    fn open(&self, plan: &Plan<'_>, segment: &SegmentReader, fields: &Fields) -> Result<Vec<Vec<Cursor>>, IndexError> {
        let mut variants = Vec::new();
        for PlannedVariant { variant, fields: weights } in &self.variants {
            let name = &plan.query.terms()[variant.term as usize];
            let mut cursors = Vec::new();
            for (at, weight) in weights {
                let field = fields.scored[*at];
                let term = Term::from_field_text(field, name);
                let found = segment.inverted_index(field)?.read_postings(&term, IndexRecordOption::WithFreqs);
                if let Some(postings) = found.map_err(tantivy::TantivyError::from)? {
                    let lengths = segment.get_fieldnorms_reader(field)?;
                    cursors.push(Cursor { postings, lengths, weight: weight.clone() });
                }
            }
            variants.push(cursors);
        }
        Ok(variants)
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    score: f32,
    weight: f32,
    decisive: u32,
    insisted: u32,
}

/// The documents of a window, with what they have so far.
struct Window {
    tallies: Vec<Tally>,
    touched: Bits,
    /// Of the word that is being added: the best of its variants.
    best: Vec<f32>,
    has_word: Bits,
    /// Of the variant that is being added: the sum over its fields.
    sum: Vec<f32>,
    has_variant: Bits,
}

impl Window {
    fn new() -> Self {
        Window {
            tallies: vec![Tally::default(); WINDOW],
            touched: Bits::default(),
            best: vec![0.0; WINDOW],
            has_word: Bits::default(),
            sum: vec![0.0; WINDOW],
            has_variant: Bits::default(),
        }
    }

    fn clear(&mut self) {
        let tallies = &mut self.tallies;
        self.touched.each(|at| tallies[at] = Tally::default());
        self.touched.clear();
    }

    fn add_word(&mut self, word: &PlannedWord, variants: &mut [Vec<Cursor>], start: DocId, end: DocId) {
        let Window { tallies, touched, best, has_word, sum, has_variant } = self;
        for cursors in variants {
            for Cursor { postings, lengths, weight } in cursors {
                let mut doc = postings.doc();
                while doc < end {
                    let at = (doc - start) as usize;
                    sum[at] += weight.score(lengths.fieldnorm_id(doc), postings.term_freq());
                    has_variant.set(at);
                    doc = postings.advance();
                }
            }
            has_variant.each(|at| {
                best[at] = best[at].max(sum[at]);
                sum[at] = 0.0;
                has_word.set(at);
            });
            has_variant.clear();
        }
        has_word.each(|at| {
            let tally = &mut tallies[at];
            tally.score += best[at];
            best[at] = 0.0;
            if word.decisive {
                tally.decisive += 1;
                tally.weight += word.weight;
            }
            tally.insisted += u32::from(word.insisted);
            touched.set(at);
        });
        has_word.clear();
    }

    fn remove(&mut self, list: &mut SegmentPostings, start: DocId, end: DocId) {
        if list.doc() < start {
            list.seek(start);
        }
        let mut doc = list.doc();
        while doc < end {
            // Its tally has to go too, for `clear` will not come by again.
            self.tallies[(doc - start) as usize] = Tally::default();
            self.touched.unset((doc - start) as usize);
            doc = list.advance();
        }
    }

    fn each(&self, found: impl FnMut(usize)) {
        self.touched.each(found);
    }
}

struct Bits([u64; WINDOW / 64]);

impl Default for Bits {
    fn default() -> Self {
        Bits([0; WINDOW / 64])
    }
}

impl Bits {
    fn set(&mut self, at: usize) {
        self.0[at / 64] |= 1 << (at % 64);
    }

    fn unset(&mut self, at: usize) {
        self.0[at / 64] &= !(1 << (at % 64));
    }

    fn clear(&mut self) {
        self.0.fill(0);
    }

    fn each(&self, mut found: impl FnMut(usize)) {
        for (block, &word) in self.0.iter().enumerate() {
            let mut rest = word;
            while rest != 0 {
                found(block * 64 + rest.trailing_zeros() as usize);
                rest &= rest - 1;
            }
        }
    }
}
