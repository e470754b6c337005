//! Analysis: what text becomes before it is indexed or searched for.
//!
//! One analyser for all nodes, versioned by [`ANALYSER_VERSION`], since a query that was analysed at one node is
//! answered by the index of another. It goes in three steps: [`normalise`] makes one spelling of what looks alike,
//! [`words`] cuts it with jieba's dictionary ([`dictionary`]), and for the short fields a second, finer cut (every
//! character, every pair, every dictionary word wherever it may stand) sees to it that nothing is unfindable.
//!
//! Invariant: without jieba's hidden Markov model a cut depends on the dictionary alone, so every dictionary word and
//! every character pair of a substring of a title is also a term of that title.

mod dictionary;
mod normalise;
mod radicals;
mod words;

pub use normalise::{legible, normalise};
pub(crate) use words::{QueryWord, document_words, fine_terms, query_words};

/// The version of everything in this module. Terms of different versions do not meet: an index of another version is
/// rebuilt, and a query says which one it was analysed with.
pub const ANALYSER_VERSION: u32 = 1;

/// Terms longer than this many characters are cut: nobody types them, and they bloat the dictionary.
const MAX_TERM_CHARS: usize = 40;
