//! Hits as people and tools see them.

use std::collections::BTreeMap;
use std::sync::Arc;

use kapok_http::port::{FacetCount, Hit as ShownHit, Result, SearchReply, SearchRequest, Viewer};
use kapok_indexer::{Facet, SearchResult};
use kapok_library::resource::{Resource, ResourceId, ResourceKey};
use kapok_protocol::entry::Verified;

use super::Gathered;
use crate::catalogue::{Found, Reading};
use crate::node::app::{App, failure};
use crate::node::facts;

impl App {
    /// Hits as people and tools see them.
    pub(super) async fn shown(
        self: &Arc<Self>,
        viewer: &Viewer,
        mut reply: SearchReply,
        gathered: Gathered,
        request: &SearchRequest,
    ) -> Result<SearchReply> {
        let (offset, limit, with_facts, held) = (request.offset, request.limit, request.facts, request.held);
        let viewer = viewer.clone();
        self.blocking(move |app| {
            let reading = app.reading()?;
            reply.total = gathered.result.total;
            let mut dropped = 0;
            let mut shown = Vec::new();
            for hit in &gathered.result.hits {
                let found = app.found(&reading, &hit.id, gathered.entries.get(&hit.id))?;
                // The index may lag behind: what has become the school's own is held back here in any case.
                let Some(found) = found.filter(|found| viewer.sees(facts::visibility(found.visibility))) else {
                    dropped += 1;
                    continue;
                };
                let is_held = app.holds(&found.resource.files);
                if held && !is_held {
                    dropped += 1;
                    continue;
                }
                shown.push(ShownHit {
                    resource: hit.id.clone(),
                    title: found.resource.title.clone(),
                    score: f64::from(hit.score),
                    home: found.key.author.to_string(),
                    held: is_held,
                    snippet: hit.snippet.clone(),
                    files: found.resource.files.iter().map(facts::file).collect(),
                    facts: with_facts.then(|| app.summary(&reading, &found)),
                });
            }
            reply.total = reply.total.saturating_sub(dropped);
            reply.hits = shown.into_iter().skip(offset).take(limit).collect();
            reply.facets = facet_counts(&gathered.result);
            Ok(reply)
        })
        .await
    }

    /// The resource of a hit: as this node knows it, else as its verified entry says.
    fn found(&self, reading: &Reading<'_>, id: &str, entry: Option<&Verified>) -> Result<Option<Found>> {
        let Ok(id) = id.parse::<ResourceId>() else { return Ok(None) };
        if let Some(found) = Self::readable(reading, &id)? {
            return Ok(Some(found));
        }
        // Withdrawn here, or revoked: no answer from elsewhere brings it back.
        if reading.withdrawal(&id).map_err(failure)?.is_some() {
            return Ok(None);
        }
        let Some(entry) = entry else { return Ok(None) };
        let statement = entry.entry();
        let revoked = kapok_protocol::replica::Replica::is_revoked(reading, &statement.author, statement.sequence);
        let resource = statement.body.as_deref().and_then(|body| Resource::from_body(body).ok());
        let key = ResourceKey::of(statement.author, &statement.key);
        let (Some(resource), Some(key), false) = (resource, key, revoked) else { return Ok(None) };
        let (visibility, time) = (statement.visibility, statement.time);
        Ok(Some(Found { id, key, visibility, time, resource, entry: entry.clone() }))
    }
}

fn facet_counts(result: &SearchResult) -> BTreeMap<String, Vec<FacetCount>> {
    let named = [
        (Facet::Subject, "subject"),
        (Facet::Stage, "stage"),
        (Facet::Grade, "grade"),
        (Facet::Kind, "kind"),
        (Facet::Certification, "certification"),
        (Facet::School, "home"),
        (Facet::County, "county"),
    ];
    let mut facets = BTreeMap::new();
    for (facet, name) in named {
        let Some(counts) = result.facets.get(&facet) else { continue };
        let mut counts: Vec<_> =
            counts.iter().map(|(value, count)| FacetCount { value: value.clone(), count: *count }).collect();
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        facets.insert(name.to_owned(), counts);
    }
    facets
}
