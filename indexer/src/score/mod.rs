//! Queries, statistics and search.
//!
//! A search among several nodes goes in two steps. The asker makes a [`ParsedQuery`] ([`query`]) and sends it out; each
//! answering node returns its [`Statistics`] of the query's terms; the asker merges them, and each node scores with the merged
//! ones ([`search`], [`rank`]). The merged hits are then, bit for bit, those of a single index with everything.
//!
//! For that, everything about a document's score depends on the document, the query and the merged statistics alone, and
//! floats are added up in one fixed order. Whether a document fits is such a thing too: a **full match** has every word of the
//! query that occurs anywhere; only where nobody has a full match do **loosened** ones count ([`SearchResult::merge`]).

mod query;
mod rank;
mod result;
mod search;
mod snippet;
mod statistics;

pub use query::{MAX_QUERY_CHARS, ParsedQuery, Query, QueryError, Sort};
pub use result::{Hit, MAX_WINDOW, SearchResult};
pub use statistics::Statistics;
