//! How a document is laid out in tantivy.

use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};

use crate::analyse;

use super::Document;

/// The fields that are scored, in the order in which their parts of a score are added up. The order is part of the
/// result: sums of floats depend on it, and every index has to arrive at the same bits.
pub(crate) const SCORED: [&str; 5] = ["title", "keywords", "description", "text", "fine"];

/// What a hit in each of [`SCORED`] weighs. A title says what a resource is about, its text mentions many things.
/// `fine` holds title, keywords and description once more, cut finer, and comes last.
pub(crate) const WEIGHTS: [f32; SCORED.len()] = [4.0, 3.0, 1.5, 1.0, 0.4];

/// Fast fields that hold the number of terms in each of [`SCORED`], exactly; tantivy's own totals are estimates once
/// segments with deletions were merged.
pub(crate) const LENGTHS: [&str; SCORED.len()] =
    ["title_len", "keywords_len", "description_len", "text_len", "fine_len"];

pub(crate) const ID: &str = "id";
pub(crate) const TIME: &str = "time";
pub(crate) const FACETS: &str = "facets";

/// Text is kept for snippets up to this size: a lesson plan or a paper whole, of a book the beginning.
const MAX_STORED_TEXT_BYTES: usize = 64 * 1024;
/// Terms of a single text beyond this are not indexed: 2 MiB of Chinese are about a million.
const MAX_TEXT_TERMS: usize = 1_000_000;
/// Facet values are names; longer ones are cut.
const MAX_FACET_CHARS: usize = 100;

/// Terms reach tantivy already cut, one blank between them.
const TOKENIZER: &str = "whitespace";

#[derive(Debug, Clone)]
pub(crate) struct Fields {
    pub(crate) id: Field,
    time: Field,
    facets: Field,
    pub(crate) scored: [Field; SCORED.len()],
    lengths: [Field; LENGTHS.len()],
    pub(crate) stored_description: Field,
    pub(crate) stored_text: Field,
}

pub(crate) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let terms = TextOptions::default().set_indexing_options(
        TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqs),
    );
    let fields = Fields {
        id: schema.add_text_field(ID, STRING | FAST),
        time: schema.add_u64_field(TIME, FAST),
        facets: schema.add_text_field(FACETS, TextOptions::default().set_fast("raw")),
        scored: SCORED.map(|name| schema.add_text_field(name, terms.clone())),
        lengths: LENGTHS.map(|name| schema.add_u64_field(name, FAST)),
        stored_description: schema.add_text_field("stored_description", STORED),
        stored_text: schema.add_text_field("stored_text", STORED),
    };
    (schema.build(), fields)
}

impl Fields {
    pub(crate) fn document(&self, document: &Document) -> TantivyDocument {
        let mut out = TantivyDocument::new();
        out.add_text(self.id, &document.id);
        out.add_u64(self.time, document.time_ms);
        for (&facet, values) in &document.facets {
            for value in values {
                out.add_text(self.facets, facet_term(facet, value));
            }
        }
        let keywords = document.keywords.join("\n");
        let mut text = analyse::document_words(&document.text);
        text.truncate(MAX_TEXT_TERMS);
        let terms = [
            analyse::document_words(&document.title),
            analyse::document_words(&keywords),
            analyse::document_words(&document.description),
            text,
            analyse::fine_terms(&[&document.title, &keywords, &document.description].map(String::as_str).join("\n")),
        ];
        for ((field, length), terms) in self.scored.into_iter().zip(self.lengths).zip(terms) {
            out.add_u64(length, terms.len() as u64);
            if !terms.is_empty() {
                out.add_text(field, terms.join(" "));
            }
        }
        if !document.description.is_empty() {
            out.add_text(self.stored_description, analyse::legible(&document.description));
        }
        if !document.text.is_empty() {
            out.add_text(self.stored_text, analyse::legible(cut(&document.text, MAX_STORED_TEXT_BYTES)));
        }
        out
    }
}

/// A facet's value as the index holds it.
pub(crate) fn facet_term(facet: super::Facet, value: &str) -> String {
    std::iter::once(facet.code()).chain(value.chars().take(MAX_FACET_CHARS)).collect()
}

/// The beginning of a text, at most so many bytes, whole characters.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(max_bytes)]
}
