//! How far the downloads are: figures for people, kept up as things happen, so that asking costs little however much is
//! wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::Download;
use super::transfer::Place;
use crate::blob::BlobId;
use crate::identity::NodeId;

/// How far one blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub size: u64,
    /// Bytes that are on disk and proved, those of earlier runs included.
    pub verified_bytes: u64,
    /// Bytes of it that crossed a link in this run.
    pub received_bytes: u64,
    /// Bytes that have arrived of pieces that are not whole.
    pub part_bytes: u64,
    /// Requests on their way.
    pub open_requests: u32,
    /// Nobody connected gives it.
    pub stuck: bool,
}

/// What has become of a request for a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has not been answered.
    Asked,
    /// The source sends it, or has said that it will.
    Granted,
}

/// How far everything is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Wanted, and not complete.
    pub blobs_missing: u64,
    /// Of them, bytes that are not proved.
    pub bytes_missing: u64,
    pub blobs_completed: u64,
    /// Content bytes that crossed a link: pieces and lists.
    pub received_bytes: u64,
    /// Piece bytes that were proved.
    pub verified_bytes: u64,
    /// Bytes that arrived for nothing: false, or cancelled too late.
    pub wasted_bytes: u64,
}

impl Download {
    /// How far a blob is; `None` if it is not wanted, or complete.
    #[must_use]
    pub fn progress(&self, blob: BlobId) -> Option<Progress> {
        let transfer = self.transfers.get(&blob)?;
        Some(Progress {
            size: transfer.wanted.size,
            verified_bytes: transfer.verified_bytes,
            received_bytes: transfer.received_bytes,
            part_bytes: transfer.parts.values().map(|part| part.bytes.len() as u64).sum(),
            open_requests: transfer.open_requests,
            stuck: transfer.place == Place::Stuck,
        })
    }

    /// What has arrived of a blob's pieces that are not whole: their numbers and first bytes, to keep beside a partial file.
    pub fn parts(&self, blob: BlobId) -> impl Iterator<Item = (u32, &[u8])> {
        let parts = self.transfers.get(&blob).into_iter().flat_map(|transfer| &transfer.parts);
        parts.map(|(index, part)| (*index, part.bytes.as_slice()))
    }

    #[must_use]
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The blobs of which something is asked for now, and of whom.
    #[must_use]
    pub fn under_way(&self) -> BTreeMap<BlobId, BTreeSet<NodeId>> {
        let mut asked = BTreeMap::<_, BTreeSet<_>>::new();
        for (node, source) in &self.sources {
            for open in source.open.values() {
                asked.entry(open.blob).or_default().insert(*node);
            }
        }
        asked
    }

    /// The blobs that nobody who is connected gives. Walks all that is wanted.
    pub fn stuck(&self) -> impl Iterator<Item = BlobId> + '_ {
        self.transfers.iter().filter(|(_, transfer)| transfer.place == Place::Stuck).map(|(blob, _)| *blob)
    }

    /// Who is asked for a blob now, once for each request.
    pub fn asked(&self, blob: BlobId) -> impl Iterator<Item = (NodeId, Standing)> + '_ {
        self.sources.iter().flat_map(move |(node, source)| {
            let open = source.open.values().filter(move |open| open.blob == blob);
            open.map(|open| (*node, if open.granted { Standing::Granted } else { Standing::Asked }))
        })
    }
}
