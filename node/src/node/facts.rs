//! Resources in the words of the port's documents.

use std::collections::BTreeMap;

use kapok_http::port;
use kapok_library::resource::{File, ResourceId};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Tier;
use kapok_protocol::replica::Replica as _;
use kapok_protocol::visibility::Visibility;
use kapok_store::journal::JournalError;

use super::app::{App, failure, rfc3339};
use super::survey::is_open;
use crate::catalogue::{CatalogueError, Found, Reading};

/// The port's visibility.
pub(super) fn visibility(of: Visibility) -> port::Visibility {
    match of {
        Visibility::Public => port::Visibility::Public,
        Visibility::Federation => port::Visibility::Federation,
        Visibility::County => port::Visibility::County,
        Visibility::School => port::Visibility::School,
        Visibility::Private => port::Visibility::Private,
    }
}

/// The protocol's visibility.
pub(super) fn protocol_visibility(of: port::Visibility) -> Visibility {
    match of {
        port::Visibility::Public => Visibility::Public,
        port::Visibility::Federation => Visibility::Federation,
        port::Visibility::County => Visibility::County,
        port::Visibility::School => Visibility::School,
        port::Visibility::Private => Visibility::Private,
    }
}

/// All visibilities with the words that the index knows them by.
pub(super) const VISIBILITIES: [(Visibility, &str); 5] = [
    (Visibility::Public, "public"),
    (Visibility::Federation, "federation"),
    (Visibility::County, "county"),
    (Visibility::School, "school"),
    (Visibility::Private, "private"),
];

pub(super) fn file(of: &File) -> port::FileFacts {
    port::FileFacts { name: of.name.clone(), size: of.size, blob: of.blob.to_string() }
}

/// How many entries of each node only some of the federation may see.
pub(super) fn narrow_entries(reading: &Reading<'_>) -> BTreeMap<NodeId, u64> {
    let mut narrow = BTreeMap::new();
    for (shelf, state) in reading.shelves() {
        if !is_open(shelf.visibility) {
            *narrow.entry(shelf.author).or_default() += state.head.head().live;
        }
    }
    narrow
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl App {
    /// Whether all files of a resource are on this node.
    pub(super) fn holds(&self, files: &[File]) -> bool {
        files.iter().all(|file| self.blobs.contains(file.blob).unwrap_or(false))
    }

    /// A live resource; none also where its entry stands in a damaged place of the journal, so that one bad place does not
    /// cost all that is listed with it.
    pub(super) fn readable(reading: &Reading<'_>, id: &ResourceId) -> port::Result<Option<Found>> {
        match reading.resource(id) {
            Err(CatalogueError::Journal(JournalError::NoFrame { position })) => {
                tracing::debug!(%id, position, "its entry is damaged");
                Ok(None)
            }
            found => found.map_err(failure),
        }
    }

    /// Name and tier of a node, as far as known.
    pub(super) fn named(reading: &Reading<'_>, node: &NodeId) -> (String, Option<Tier>) {
        reading.find_member(node).map_or_else(|| (String::new(), None), |m| (m.name.clone(), Some(m.tier)))
    }

    pub(super) fn summary(&self, reading: &Reading<'_>, found: &Found) -> port::ResourceSummary {
        let resource = &found.resource;
        let (home_name, tier) = Self::named(reading, &found.key.author);
        port::ResourceSummary {
            id: found.id.to_string(),
            title: resource.title.clone(),
            home: found.key.author.to_string(),
            home_name,
            home_tier: tier.map(|tier| tier.as_str().to_owned()).unwrap_or_default(),
            author: resource.maker.clone(),
            subject: some(&resource.subject),
            stage: some(&resource.stage),
            grade: resource.years.first().copied(),
            kind: some(&resource.kind),
            visibility: visibility(found.visibility),
            certification: port::Certification::None,
            version: u64::from(resource.version),
            updated: rfc3339(found.time),
            files: resource.files.iter().map(file).collect(),
            size: resource.bytes(),
            held: self.holds(&resource.files),
        }
    }
}
