//! The node's figures, resources in full, and the newest.

use std::time::{Duration, Instant};

use kapok_http::port::{Failure, Latest, Link, Ratings, Resource, Result, Status, Version, Viewer};
use kapok_library::resource::ResourceId;
use kapok_protocol::membership::Member;

use super::app::{AGENT, App, failure, now, rfc3339};
use super::{facts, survey};
use crate::catalogue::{Found, Reading};

/// Counting all blobs costs a walk through their folders, so the figure may be this old: what comes and goes behind the
/// node's back is noticed then.
const COUNT_AGE: Duration = Duration::from_secs(20);
/// While files come and go it is counted anew when somebody looks, but so that counting takes a twentieth of the time: a
/// hundred thousand files on a school's disk are a walk of seconds.
const COUNT_PAUSE: u32 = 20;
/// How long the figures wait for a catalogue that is being made anew.
const REBUILD_GLANCE: Duration = Duration::from_secs(3);
/// Of a text that is shown beside the files.
const EXCERPT_CHARS: usize = 3_000;

/// Blobs and their bytes, as last counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    at: Instant,
    took: Duration,
    /// Files have come or gone since.
    is_stale: bool,
    blobs: u64,
    bytes: u64,
}

impl Counted {
    /// Files have come or gone.
    pub(super) fn stale(self) -> Self {
        Self { is_stale: true, ..self }
    }

    fn holds(&self) -> bool {
        let age = self.at.elapsed();
        age < self.took * COUNT_PAUSE || (!self.is_stale && age < COUNT_AGE)
    }
}

impl App {
    pub(super) fn status(&self) -> Result<Status> {
        // Most rebuilds are over in a moment; a longer one is said with its progress.
        let _ = self.catalogue.wait_for_catch_up(REBUILD_GLANCE);
        let (blobs, bytes) = self.counted();
        let links = self.links.get();
        let linked = links.map(kapok_net::link::Links::proven).unwrap_or_default();
        let made = self.local.state().made.clone();
        let mut status = Status {
            node: self.catalogue.id().to_string(),
            blobs,
            bytes,
            version: AGENT.trim_start_matches("kapok/").to_owned(),
            peers_connected: linked.len() as u64,
            link: if linked.is_empty() { Link::Offline } else { Link::Online },
            free_bytes: self.home.fs().free_space(self.home.paths().root()).unwrap_or(0),
            rebuilding_percent: self.catalogue.rebuilding_percent(),
            catalogue_at: self.rounds.last_at().map(rfc3339),
            link_since: Some(rfc3339(self.rounds.link_since(!linked.is_empty(), now()))),
            notices: self.notices(),
            ..Status::default()
        };
        if let Some(made) = &made {
            status.name.clone_from(&made.name);
            made.tier.as_str().clone_into(&mut status.tier);
        }
        // A long first look, or a catalogue that is being made anew: the other figures are shown meanwhile.
        if let Some(mut surveyed) = self.survey_soon() {
            let count = surveyed.figures.count(survey::is_open);
            (status.resources, status.held) = (count.resources, count.held);
            status.pending = surveyed.figures.pending();
            status.arrived_last_day = surveyed.arrived_last_day(now());
        }
        // While the catalogue is being made anew the rest is not known, and the figures that are known are shown.
        let Ok(reading) = self.catalogue.reading() else { return Ok(status) };
        status.entries = reading.totals().0.saturating_sub(facts::narrow_entries(&reading).values().sum());
        if let Some(me) = reading.try_me() {
            status.name.clone_from(&me.name);
            me.tier.as_str().clone_into(&mut status.tier);
            status.federation = reading.try_federation().map(|id| id.to_string()).unwrap_or_default();
            (status.behind_nat, status.relay_name) = self.reached(&reading);
            status.parent_name = me.parent().map(|parent| Self::named(&reading, &parent).0);
        }
        Ok(status)
    }

    fn counted(&self) -> (u64, u64) {
        if let Some(counted) = self.rounds.counted().filter(Counted::holds) {
            return (counted.blobs, counted.bytes);
        }
        let begun = Instant::now();
        let (mut blobs, mut bytes) = (0, 0);
        for blob in self.blobs.iter().flatten() {
            blobs += 1;
            bytes += self.blobs.size(blob).ok().flatten().unwrap_or(0);
        }
        let (at, took) = (Instant::now(), begun.elapsed());
        self.rounds.set_counted(Counted { at, took, is_stale: false, blobs, bytes });
        (blobs, bytes)
    }

    pub(super) fn resource(&self, viewer: &Viewer, id: &str) -> Result<Resource> {
        let reading = self.reading()?;
        let found = self.visible(&reading, viewer, id)?;
        let excerpt = self.excerpt(&found);
        let resource = &found.resource;
        let mut versions = vec![Version {
            version: u64::from(resource.version),
            time: rfc3339(found.time),
            note: resource.note.clone(),
            files: resource.files.iter().map(facts::file).collect(),
        }];
        versions.extend(resource.former.iter().rev().map(|former| Version {
            version: u64::from(former.number),
            time: rfc3339(former.time),
            note: former.note.clone(),
            files: former.files.iter().map(facts::file).collect(),
        }));
        let summary = self.summary(&reading, &found);
        // The home holds what it published; this node knows of itself.
        let mut holders = vec![summary.home.clone()];
        let me = self.catalogue.id().to_string();
        if summary.held && me != summary.home {
            holders.push(me);
        }
        Ok(Resource {
            description: resource.description.clone(),
            keywords: resource.keywords.clone(),
            license: resource.license.clone(),
            versions,
            reviews: Vec::new(),
            ratings: Ratings::default(),
            holders,
            excerpt,
            summary,
        })
    }

    /// A resource that the viewer may see.
    pub(super) fn visible(&self, reading: &Reading<'_>, viewer: &Viewer, id: &str) -> Result<Found> {
        let title = "no such resource";
        let id: ResourceId = id.parse().map_err(|e: kapok_library::resource::NotAResourceId| {
            Failure::not_found(title, e.to_string()).remedy("find it with kapok search").said("resource.unknown")
        })?;
        if let Some(found) = Self::readable(reading, &id)? {
            if viewer.sees(facts::visibility(found.visibility)) {
                return Ok(found);
            }
        } else if let Some((by, withdrawn)) = reading.withdrawal(&id).map_err(failure)?
            && viewer.sees(facts::visibility(withdrawn.visibility))
        {
            let (name, _) = Self::named(reading, &by);
            return Err(Failure::withdrawn(name, withdrawn.reason));
        }
        Err(Failure::not_found(title, format!("there is no resource {id} that you may see"))
            .remedy("search for it, or sign in")
            .said("resource.unknown"))
    }

    fn excerpt(&self, found: &Found) -> Option<String> {
        let text = found.resource.files.iter().find_map(|file| file.text)?;
        let text = self.read_text(&text.blob).ok().flatten()?;
        Some(text.chars().take(EXCERPT_CHARS).collect())
    }

    pub(super) fn latest(&self, viewer: &Viewer, limit: usize) -> Result<Latest> {
        let reading = self.reading()?;
        let mut resources = Vec::new();
        for id in reading.recent() {
            if resources.len() >= limit {
                break;
            }
            if let Some(found) = Self::readable(&reading, &id.map_err(failure)?)?
                && viewer.sees(facts::visibility(found.visibility))
            {
                resources.push(self.summary(&reading, &found));
            }
        }
        Ok(Latest { resources })
    }

    /// The member that this node is, in words for whoever asked.
    pub(super) fn me<'a>(reading: &'a Reading<'_>) -> Result<&'a Member> {
        reading.try_me().ok_or_else(|| failure(crate::catalogue::CatalogueError::NotAMember))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_that_took_long_holds_for_longer_while_files_come() {
        let second = Duration::from_secs(1);
        let count = |took| Counted { at: Instant::now(), took, is_stale: false, blobs: 1, bytes: 1 };
        assert!(count(Duration::ZERO).holds() && !count(Duration::ZERO).stale().holds());
        assert!(count(second).stale().holds());
    }
}
