//! Looking at one resource: which of its files are here, and what of it is wanted.

use kapok_http::port::Result;
use kapok_library::resource::ResourceId;
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::{Member, Tier};

use super::figures::{Line, Missing};
use super::{Surveyed, is_open};
use crate::catalogue::{Found, Reading};
use crate::node::app::App;

/// Where this node stands: whose texts it keeps depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    tier: Tier,
    path: Vec<NodeId>,
}

impl Place {
    pub(super) fn of(me: &Member) -> Self {
        Self { tier: me.tier, path: me.path().collect() }
    }
}

impl App {
    /// Looks at a resource anew. Gives whose it is, where it became complete just now and everybody may know.
    pub(super) fn look(
        &self,
        reading: &Reading<'_>,
        surveyed: &mut Surveyed,
        id: ResourceId,
    ) -> Result<Option<NodeId>> {
        let Some(found) = Self::readable(reading, &id)? else {
            surveyed.figures.put(id, None);
            return Ok(None);
        };
        let mut line = Line {
            author: surveyed.figures.authors.intern(&found.key.author),
            visibility: found.visibility,
            subject: surveyed.figures.words.intern(&found.resource.subject),
            stage: surveyed.figures.words.intern(&found.resource.stage),
            kind: surveyed.figures.words.intern(&found.resource.kind),
            largest_file_bytes: found.resource.files.iter().map(|file| file.size).max().unwrap_or(0),
            is_wanted: false,
            is_whole: self.holds(&found.resource.files),
        };
        line.is_wanted = surveyed.subscriptions.iter().any(|subscription| surveyed.figures.covers(subscription, &line));
        let missing = self.missing_of(reading, &found, &line);
        let became_whole = surveyed.figures.put(id, Some((line, missing)));
        Ok((became_whole && is_open(found.visibility)).then_some(found.key.author))
    }

    fn missing_of(&self, reading: &Reading<'_>, found: &Found, line: &Line) -> Vec<Missing> {
        let Some(me) = reading.try_me() else { return Vec::new() };
        // City and county answer searches for their subtree, so they keep all its texts.
        let below = || reading.find_member(&found.key.author).is_some_and(|author| me.is_ancestor_of(author));
        let keeps_text = line.is_wanted || line.is_whole || (me.tier <= Tier::County && below());
        let here = |blob: BlobId| self.blobs.contains(blob).unwrap_or(false);
        let mut missing = Vec::new();
        for file in &found.resource.files {
            let base = found.resource.former_files(file).map(|former| former.blob).find(|blob| here(*blob));
            let mut want = |blob, size, is_text: bool| {
                if !here(blob) {
                    missing.push(Missing {
                        blob,
                        size,
                        home: found.key.author,
                        base: base.filter(|_| !is_text),
                        name: file.name.clone(),
                        resource: found.id.to_string(),
                        is_text,
                        time: found.time,
                    });
                }
            };
            if let Some(text) = file.text.filter(|_| keeps_text) {
                want(text.blob, text.size, true);
            }
            if line.is_wanted && !line.is_whole {
                want(file.blob, file.size, false);
            }
        }
        missing
    }
}
