//! Which resources have to be looked at again: those that the journal, files that came, or other wishes concern.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kapok_http::port::Result;
use kapok_library::resource::ResourceId;
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::NodeId;
use tokio::sync::broadcast::error::TryRecvError;

use super::Surveyed;
use super::look::Place;
use crate::catalogue::{Reading, Record};
use crate::node::app::{App, failure, now};
use crate::node::indexing::{concerned_node, touch};

/// Everything is looked at again after so long: what has gone from the disk behind the node's back is noticed then.
const WHOLE_LOOK_INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);
/// Resources looked at in one reading of the catalogue: whoever stores something waits no longer than for these.
const LOOKED_AT_ONCE: usize = 500;

/// What has to be looked at again.
#[derive(Default)]
struct Changed {
    resources: BTreeSet<ResourceId>,
    /// Nodes of which membership or revocation has changed: their resources, and those of all below them.
    nodes: BTreeSet<NodeId>,
}

impl App {
    /// Brings the survey up to where catalogue, files and subscriptions are.
    pub(super) fn follow(&self, surveyed: &mut Surveyed) -> Result<()> {
        let subscriptions: Vec<_> = self.local.state().subscriptions.values().cloned().collect();
        let place = self.reading()?.try_me().map(Place::of);
        let end = self.catalogue.applied();
        let due = surveyed.whole_look.is_none_or(|at| at.elapsed() > WHOLE_LOOK_INTERVAL);
        let (Some(position), false, true) = (surveyed.position, due, surveyed.place == place) else {
            surveyed.subscriptions = subscriptions;
            surveyed.place = place;
            return self.look_at_all(surveyed, end);
        };
        // What is taken up from here is not heard of again: where it comes to nothing, everything is looked at.
        surveyed.position = None;
        let mut changed = self.changed(position, end)?;
        if surveyed.subscriptions != subscriptions {
            let wanted_otherwise = surveyed.figures.ids_where(|line| {
                subscriptions.iter().any(|subscription| surveyed.figures.covers(subscription, line)) != line.is_wanted
            });
            changed.resources.extend(wanted_otherwise);
            surveyed.subscriptions = subscriptions;
        }
        let mut looked_at = self.concerned(surveyed, changed)?;
        let mut arrived = arrived(surveyed);
        arrived.blobs.extend(self.survey.take_seen());
        looked_at.extend(self.resources_using(&arrived)?);
        self.look_at(surveyed, looked_at)?;
        surveyed.position = Some(end);
        Ok(())
    }

    fn look_at_all(&self, surveyed: &mut Surveyed, end: u64) -> Result<()> {
        let is_first = surveyed.whole_look.is_none();
        let mut all: BTreeSet<ResourceId> = surveyed.figures.ids().collect();
        let recent = self.reading()?.recent();
        for id in recent {
            all.insert(id.map_err(failure)?);
        }
        // What comes from here on is heard of; what has come before is seen.
        arrived(surveyed);
        self.look_at(surveyed, all)?;
        if is_first {
            // What was here already has not arrived.
            surveyed.arrivals.clear();
        }
        surveyed.position = Some(end);
        surveyed.whole_look = Some(Instant::now());
        Ok(())
    }

    fn look_at(&self, surveyed: &mut Surveyed, ids: BTreeSet<ResourceId>) -> Result<()> {
        let me = self.catalogue.id();
        let time = now();
        let ids: Vec<_> = ids.into_iter().collect();
        for ids in ids.chunks(LOOKED_AT_ONCE) {
            let reading = self.reading()?;
            for id in ids {
                if let Some(whose) = self.look(&reading, surveyed, *id)? {
                    surveyed.arrived(&whose, &me, time);
                }
            }
        }
        Ok(())
    }

    /// What the journal says between two positions.
    fn changed(&self, position: u64, end: u64) -> Result<Changed> {
        let mut changed = Changed::default();
        if position >= end {
            return Ok(changed);
        }
        let journal = self.catalogue.journal();
        let frames = journal.iter_from(journal.cursor(position)).map_err(|error| failure(error.into()))?;
        let reading = self.reading()?;
        for frame in frames {
            let frame = frame.map_err(|error| failure(error.into()))?;
            if frame.position >= end {
                break;
            }
            let Ok(record) = Record::from_bytes(&frame.payload) else { continue };
            touch(&reading, &record, &mut changed.resources)
                .map_err(|error| kapok_http::port::Failure::internal("not counted", error.to_string()))?;
            changed.nodes.extend(concerned_node(&record));
        }
        Ok(changed)
    }

    /// All resources that are concerned. Those that this node adds may bring a file that others name too.
    fn concerned(&self, surveyed: &Surveyed, changed: Changed) -> Result<BTreeSet<ResourceId>> {
        let Changed { mut resources, nodes } = changed;
        let reading = self.reading()?;
        if !nodes.is_empty() {
            let is_concerned = |author: &NodeId| {
                let above = reading.find_member(author).is_some_and(|m| m.path().any(|id| nodes.contains(&id)));
                above || nodes.contains(author)
            };
            resources
                .extend(surveyed.figures.ids_where(|line| is_concerned(surveyed.figures.authors.name(line.author))));
        }
        let mut files = BTreeSet::new();
        for id in &resources {
            if let Some(found) = Self::readable(&reading, id)?
                && found.key.author == self.catalogue.id()
            {
                files.extend(found.resource.files.iter().map(|file| file.blob));
                files.extend(found.resource.files.iter().filter_map(|file| file.text).map(|text| text.blob));
            }
        }
        using(&reading, &files, &mut resources)?;
        Ok(resources)
    }

    /// The resources that name one of these blobs.
    fn resources_using(&self, blobs: &Arrived) -> Result<BTreeSet<ResourceId>> {
        let mut resources = blobs.unsure.clone();
        using(&self.reading()?, &blobs.blobs, &mut resources)?;
        Ok(resources)
    }
}

/// Files that have come, and resources of which that cannot be told.
#[derive(Default)]
struct Arrived {
    blobs: BTreeSet<BlobId>,
    unsure: BTreeSet<ResourceId>,
}

/// What has come from others since this was last asked.
fn arrived(surveyed: &mut Surveyed) -> Arrived {
    let mut arrived = Arrived::default();
    let Some(completions) = &mut surveyed.completions else { return arrived };
    loop {
        match completions.try_recv() {
            Ok(blob) => drop(arrived.blobs.insert(blob)),
            Err(TryRecvError::Lagged(_)) => arrived.unsure.extend(surveyed.figures.incomplete()),
            Err(TryRecvError::Empty | TryRecvError::Closed) => return arrived,
        }
    }
}

fn using(reading: &Reading<'_>, blobs: &BTreeSet<BlobId>, resources: &mut BTreeSet<ResourceId>) -> Result<()> {
    for blob in blobs {
        resources.extend(reading.uses(blob).map_err(failure)?.iter().map(|used| used.resource));
    }
    Ok(())
}
