//! 资源库 and search: filters, hits, a preview.
//!
//! `GET /search?q=&subject=&stage=&grade=&kind=&certification=&held=1&page=&at=ID`. A parameter may be given several
//! times (values of one field are joined with "or"). Without `q` it lists the library, newest first. `at` chooses the
//! hit in the preview pane; `GET /resources/{id}/preview` answers [`Preview::render`] alone for htmx.

use askama::Template;

use crate::Html;
use crate::facts::{Availability, ResourceLine, Snippet};
use crate::format::{Moment, escape_query};
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;

/// Hits on one page.
pub const HITS_PER_PAGE: usize = 20;

#[derive(Clone, Debug)]
pub struct Search {
    pub query: Query,
    pub outcome: Outcome,
}

/// What was asked, as the address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub text: String,
    /// `(field, value)` in the order of the address. Fields: `subject`, `stage`, `grade` (`primary.5`), `kind`,
    /// `certification`, `held` (value `1`).
    pub filters: Vec<(FacetField, String)>,
    /// From 1.
    pub page: usize,
    /// The hit in the preview pane.
    pub at: Option<String>,
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one a request; a box would only be in the way")]
pub enum Outcome {
    Found(Found),
    /// The search itself failed; the words of the query are not lost.
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// More characters than a query may have.
    TooLong { limit: usize },
    /// Nothing to search for: only operators or punctuation.
    NothingToFind,
    /// The index is being rebuilt; per cent done.
    Rebuilding { percent: u8 },
    /// Why not, in a sentence; the search itself is whole.
    Said(String),
    /// Anything else, written to the log.
    Broken,
}

#[derive(Clone, Debug)]
pub struct Found {
    pub total: u64,
    pub milliseconds: u64,
    /// The nodes that answer for parts of the federation (counties, the city). One or none: the strip is not drawn.
    pub answers: Vec<Answer>,
    pub facets: Vec<Facet>,
    pub hits: Vec<Hit>,
    pub pages: usize,
    /// Of the hit that `at` names, else of the first.
    pub preview: Option<Preview>,
}

/// One node that answers for part of the federation.
#[derive(Clone, Debug)]
pub struct Answer {
    pub name: String,
    /// `false`: it did not answer in time, and what is known of it here counts up to `as_of`.
    pub answered: bool,
    pub as_of: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FacetField {
    Held,
    Certification,
    Subject,
    Kind,
    Stage,
    Grade,
}

impl FacetField {
    pub const ALL: [Self; 6] = [Self::Held, Self::Certification, Self::Subject, Self::Kind, Self::Stage, Self::Grade];

    /// Name of the parameter, and the list of the vocabulary that names its values.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Certification => "certification",
            Self::Subject => "subject",
            Self::Kind => "kind",
            Self::Stage => "stage",
            Self::Grade => "grade",
        }
    }

    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.slug() == slug)
    }
}

/// Values of one field with their counts, most frequent first.
#[derive(Clone, Debug)]
pub struct Facet {
    pub field: FacetField,
    pub values: Vec<FacetValue>,
}

#[derive(Clone, Debug)]
pub struct FacetValue {
    pub slug: String,
    pub count: u64,
}

#[derive(Clone, Debug)]
pub struct Hit {
    pub line: ResourceLine,
    /// Empty when only the metadata matched.
    pub snippet: Snippet,
}

/// The pane at the right.
#[derive(Clone, Debug)]
pub struct Preview {
    pub line: ResourceLine,
    pub description: Option<String>,
    pub files: usize,
    /// Names of nodes that hold it, nearest first.
    pub holders: Vec<String>,
    pub licence: Option<String>,
}

/// Values of a facet that are seen before "其余 n 类" is opened.
const FACET_VALUES_OPEN: usize = 5;

#[derive(Template)]
#[template(path = "pages/search/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    search: &'a Search,
}

#[derive(Template)]
#[template(path = "pages/search/preview.html")]
struct PreviewPart<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    preview: &'a Preview,
}

impl Search {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::Library, search: self }.render()
    }
}

impl Preview {
    /// The pane alone.
    pub fn render(&self, frame: &Frame) -> Html {
        PreviewPart { frame, m: frame.messages, preview: self }.render()
    }
}

impl Query {
    /// Whether that value is chosen.
    #[must_use]
    pub fn has(&self, field: &FacetField, value: &str) -> bool {
        self.filters.iter().any(|(known, chosen)| known == field && chosen == value)
    }

    fn address(&self, filters: impl Iterator<Item = (FacetField, String)>, page: usize, at: Option<&str>) -> String {
        let mut parts = Vec::new();
        if !self.text.is_empty() {
            parts.push(format!("q={}", escape_query(&self.text)));
        }
        parts.extend(filters.map(|(field, value)| format!("{}={}", field.slug(), escape_query(&value))));
        if page > 1 {
            parts.push(format!("page={page}"));
        }
        if let Some(id) = at {
            parts.push(format!("at={}", escape_query(id)));
        }
        if parts.is_empty() { "/search".to_owned() } else { format!("/search?{}", parts.join("&")) }
    }

    /// The address with that value chosen, or no longer chosen; back on the first page.
    #[must_use]
    pub fn toggled(&self, field: &FacetField, value: &str) -> String {
        if self.has(field, value) {
            let kept = self.filters.iter().filter(|(known, chosen)| known != field || chosen != value).cloned();
            return self.address(kept, 1, None);
        }
        self.address(self.filters.iter().cloned().chain([(*field, value.to_owned())]), 1, None)
    }

    /// The address without any filter.
    #[must_use]
    pub fn cleared(&self) -> String {
        self.address(std::iter::empty(), 1, None)
    }

    /// The address of another page of the same hits.
    #[must_use]
    pub fn on_page(&self, page: usize) -> String {
        self.address(self.filters.iter().cloned(), page, None)
    }

    /// The address with another hit in the preview pane.
    #[must_use]
    pub fn at(&self, id: &str) -> String {
        self.address(self.filters.iter().cloned(), self.page, Some(id))
    }
}

impl Facet {
    /// Whether a chosen value stands among those that are folded away.
    fn rest_has_chosen(&self, query: &Query) -> bool {
        self.values.iter().skip(FACET_VALUES_OPEN).any(|value| query.has(&self.field, &value.slug))
    }
}

impl Found {
    fn answered(&self) -> usize {
        self.answers.iter().filter(|answer| answer.answered).count()
    }

    fn late(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| !answer.answered)
    }

    fn shown_in_preview(&self, id: &str) -> bool {
        self.preview.as_ref().is_some_and(|preview| preview.line.id == id)
    }
}

/// The name of a value of a field.
fn value_name(m: &Messages, field: &FacetField, slug: &str) -> String {
    m.term(field.slug(), slug).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{FacetField, Query};

    #[test]
    fn a_filter_link_keeps_the_words_and_goes_back_to_the_first_page() {
        let query = Query {
            text: "平行 四边形".to_owned(),
            filters: vec![(FacetField::Subject, "math".to_owned())],
            page: 3,
            at: None,
        };
        assert_eq!(
            query.toggled(&FacetField::Kind, "paper"),
            "/search?q=%E5%B9%B3%E8%A1%8C%20%E5%9B%9B%E8%BE%B9%E5%BD%A2&subject=math&kind=paper"
        );
        assert_eq!(query.toggled(&FacetField::Subject, "math"), query.cleared());
        assert!(query.on_page(2).ends_with("&subject=math&page=2"));
    }
}
