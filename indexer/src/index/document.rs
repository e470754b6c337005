//! What goes into the index, and where.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One resource as the index sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Document {
    /// Names the document in all sets; a later one of the same id replaces it.
    pub id: String,
    pub title: String,
    pub keywords: Vec<String>,
    pub description: String,
    /// The text of its files.
    pub text: String,
    pub facets: BTreeMap<Facet, Vec<String>>,
    /// When it was last changed, in milliseconds since 1970.
    pub time_ms: u64,
}

/// One step of [`super::Index::apply`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds or replaces a document; from every other set it is removed.
    Put { set: SetId, document: Document },
    /// Removes a document from whatever set holds it; unknown ids are fine.
    Remove { id: String },
}

impl Change {
    pub(super) fn id(&self) -> &str {
        match self {
            Change::Put { document, .. } => &document.id,
            Change::Remove { id } => id,
        }
    }
}

/// What hits are narrowed and counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    Subject,
    Stage,
    Grade,
    Kind,
    Tier,
    County,
    School,
    License,
    Certification,
    Year,
    Publisher,
    Volume,
    Visibility,
    Author,
}

impl Facet {
    /// The prefix of its values in the index. Never reuse one: the index outlives the program.
    pub(crate) const fn code(self) -> char {
        match self {
            Facet::Subject => 's',
            Facet::Stage => 'g',
            Facet::Grade => 'r',
            Facet::Kind => 'k',
            Facet::Tier => 't',
            Facet::County => 'c',
            Facet::School => 'o',
            Facet::License => 'l',
            Facet::Certification => 'f',
            Facet::Year => 'y',
            Facet::Publisher => 'p',
            Facet::Volume => 'v',
            Facet::Visibility => 'i',
            Facet::Author => 'a',
        }
    }

    pub(crate) fn from_code(code: char) -> Option<Self> {
        Self::ALL.into_iter().find(|facet| facet.code() == code)
    }

    pub const ALL: [Facet; 14] = [
        Facet::Subject,
        Facet::Stage,
        Facet::Grade,
        Facet::Kind,
        Facet::Tier,
        Facet::County,
        Facet::School,
        Facet::License,
        Facet::Certification,
        Facet::Year,
        Facet::Publisher,
        Facet::Volume,
        Facet::Visibility,
        Facet::Author,
    ];
}

/// The name of an answering set: which documents one answerer answers for. It is also the name of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SetId(String);

/// A text that cannot name a set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} cannot name an answering set: use 1 to {max} letters, digits, '-' or '_'", max = SetId::MAX_BYTES)]
pub struct InvalidSetId(pub String);

impl SetId {
    /// Well under what every file system takes.
    pub const MAX_BYTES: usize = 100;

    /// A set's name from the caller's text.
    ///
    /// # Errors
    /// When it is empty, too long, or holds anything but ASCII letters, digits, `-` and `_`.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidSetId> {
        let name = name.into();
        let fits = (1..=Self::MAX_BYTES).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if fits { Ok(SetId(name)) } else { Err(InvalidSetId(name)) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SetId {
    type Error = InvalidSetId;

    fn try_from(name: String) -> Result<Self, InvalidSetId> {
        SetId::new(name)
    }
}

impl From<SetId> for String {
    fn from(set: SetId) -> String {
        set.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_cannot_name_a_folder_elsewhere() {
        for name in ["", ".", "..", "a/b", "../x", "a\\b", "a b", "县", &"x".repeat(101)] {
            assert!(SetId::new(name).is_err(), "{name}");
        }
        assert!(SetId::new("12D3KooWQm5").is_ok());
    }

    #[test]
    fn facets_keep_apart() {
        for facet in Facet::ALL {
            assert_eq!(Facet::from_code(facet.code()), Some(facet));
        }
    }
}
