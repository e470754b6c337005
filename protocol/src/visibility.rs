//! Who may receive an entry.

use minicbor::{Decode, Encode};

use crate::membership::Member;

/// Who may receive an entry. A shelf holds the entries of one author and one visibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Visibility {
    /// Everyone, members of the federation or not.
    #[n(0)]
    Public,
    /// Every member.
    #[n(1)]
    Federation,
    /// The members of the author's county (see [`Member::county`]).
    #[n(2)]
    County,
    /// The author's school with its teaching points (see [`Member::school`]).
    #[n(3)]
    School,
    /// The author's node alone; never sent.
    #[n(4)]
    Private,
}

impl Visibility {
    /// All that are ever offered to another node, widest first.
    pub const SHARED: [Self; 4] = [Self::Public, Self::Federation, Self::County, Self::School];

    /// Whether `viewer` may receive what `author` published with this visibility.
    #[must_use]
    pub fn admits(self, viewer: &Member, author: &Member) -> bool {
        match self {
            Self::Public | Self::Federation => true,
            Self::County => viewer.county() == author.county(),
            Self::School => viewer.school() == author.school(),
            Self::Private => viewer.id == author.id,
        }
    }
}
