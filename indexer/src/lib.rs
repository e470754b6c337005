//! Text out of files, terms out of text, an index of them, and scores out of the index.
//!
//! Read in this order:
//!
//! - [`extract`]: text from PDF, office files, pages and plain text, in a separate limited process;
//! - [`analyse`]: the one analyser that all nodes share;
//! - [`index`]: documents on disk, one index for each answering set;
//! - [`score`]: queries, statistics and search over any of the sets, with the statistics of all who answer.
//!
//! tantivy and jieba stay inside: no type of theirs is in the public interface. Nothing here knows of entries, nodes or
//! networks; an answering set is a name that the caller chose.

pub mod analyse;
pub mod extract;
pub mod index;
pub mod score;

pub use extract::{ExtractError, Extracted};
pub use index::{Change, Document, Facet, Index, IndexError, OpenError, SetId};
pub use score::{Hit, MAX_QUERY_CHARS, ParsedQuery, Query, QueryError, SearchResult, Sort, Statistics};
