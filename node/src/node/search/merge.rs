//! Joining what the federation answered with what only this node knows.

use std::collections::{BTreeMap, BTreeSet};

use kapok_http::port::{Result, SearchReply, Viewer};
use kapok_indexer::{Facet, Hit, ParsedQuery, SearchResult, SetId, Statistics};
use kapok_library::resource::ResourceKey;
use kapok_protocol::entry::Verified;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Tier;
use kapok_protocol::search::message as wire;

use super::carried::{Shown, safe_snippet, unpacked};
use super::{Gathered, index_failure};
use crate::node::app::App;
use crate::node::facts;
use crate::node::indexing::{county_set, federation_set, own_set, widest};

impl App {
    /// Joins what the federation answered with what only this node knows.
    pub(super) fn merge_answer(
        &self,
        viewer: &Viewer,
        query: &ParsedQuery,
        asked: &wire::Reply,
        counties: &BTreeSet<NodeId>,
        window: usize,
    ) -> Result<(SearchReply, Gathered)> {
        let statistics: Statistics =
            serde_json::from_slice(&asked.statistics).unwrap_or_else(|_| Statistics::none(query));
        let missing: BTreeSet<NodeId> = counties.iter().filter(|id| !asked.answered.contains(id)).copied().collect();
        // Sets that nobody answered for, as far as this node has them.
        let mut sets: Vec<SetId> = missing.iter().map(federation_set).chain([own_set()]).collect();
        if let Some(me) = self.reading()?.try_me()
            && missing.contains(&me.county())
        {
            sets.push(county_set(&me.county()));
        }
        sets.retain(|set| is_for(set, viewer));
        // Without any answer the statistics are those of this node.
        let alone = asked.answered.is_empty();
        let here = self.search_here(query, &sets, (!alone).then_some(&statistics), window)?;
        // What this node has added and its county has not learnt of yet.
        let mine = query.clone().narrowed(Facet::School, vec![self.catalogue.id().to_string()]);
        let fresh = self.search_here(&mine, &self.local_sets(viewer), (!alone).then_some(&statistics), window)?;
        let mut remote = self.remote(asked);
        let all_here = remote.result.total <= remote.result.hits.len() as u64;
        let known: BTreeSet<String> =
            remote.result.hits.iter().chain(&here.result.hits).map(|hit| hit.id.clone()).collect();
        let mut entries = here.entries;
        entries.append(&mut remote.entries);
        entries.extend(fresh.entries);
        let mut fresh = fresh.result;
        fresh.hits.retain(|hit| !known.contains(&hit.id));
        // Where not all answers are here, whether the rest is among them cannot be told; it is then counted by others.
        fresh.total = if all_here { fresh.hits.len() as u64 } else { 0 };
        fresh.facets.clear();
        if fresh.hits.is_empty() {
            fresh = SearchResult::default();
        }
        let result = SearchResult::merge(vec![remote.result, here.result, fresh], query.sort(), window, 0);
        let reply = SearchReply {
            complete: missing.is_empty(),
            answered: asked.answered.iter().map(ToString::to_string).collect(),
            missing: missing.iter().map(ToString::to_string).collect(),
            ..SearchReply::default()
        };
        Ok((reply, Gathered { result, entries }))
    }

    /// The answer of others, with its hits verified: what does not hold is dropped.
    fn remote(&self, asked: &wire::Reply) -> Gathered {
        let Ok(reading) = self.reading() else { return Gathered::default() };
        let mut gathered = Gathered::default();
        let full = asked.hits.iter().any(|hit| hit.score >= 0.0);
        for hit in asked.hits.iter().filter(|hit| !full || hit.score >= 0.0) {
            let Ok(shown) = minicbor::decode::<Shown>(&hit.shown) else { continue };
            let Ok(entry) = Verified::check(shown.entry) else { continue };
            let author = reading.find_member(&entry.entry().author);
            let names_it = ResourceKey::of(entry.entry().author, &entry.entry().key).map(|key| key.id().to_string());
            if author.is_none() || names_it.as_ref() != Some(&hit.id) {
                tracing::info!(id = hit.id, "a hit that does not verify was dropped");
                continue;
            }
            gathered.result.hits.push(Hit {
                id: hit.id.clone(),
                score: unpacked(hit.score),
                time_ms: entry.entry().time.0,
                snippet: safe_snippet(&shown.snippet),
                set: own_set(),
            });
            gathered.entries.insert(hit.id.clone(), entry);
        }
        let facets: SearchResult = serde_json::from_slice(&asked.facets).unwrap_or_default();
        gathered.result.total = asked.total.max(gathered.result.hits.len() as u64);
        gathered.result.facets = facets.facets;
        gathered.result.loosened = !full && !gathered.result.hits.is_empty();
        if gathered.result.hits.is_empty() {
            gathered.result.total = 0;
        }
        gathered
    }

    pub(super) fn search_here(
        &self,
        query: &ParsedQuery,
        sets: &[SetId],
        statistics: Option<&Statistics>,
        window: usize,
    ) -> Result<Gathered> {
        let index = self.indexing.index();
        let result = match statistics {
            Some(statistics) => index.search(sets, query, statistics, window, 0),
            None => index.search_alone(sets, query, window, 0),
        };
        Ok(Gathered { result: result.map_err(|error| index_failure(&error))?, entries: BTreeMap::new() })
    }

    /// All sets of this node that have anything for the viewer. What is in the others would still show in the scores.
    pub(super) fn local_sets(&self, viewer: &Viewer) -> Vec<SetId> {
        self.indexing.index().sets().into_keys().filter(|set| is_for(set, viewer)).collect()
    }

    /// Who answers for something: every county, and the city.
    pub(super) fn counties(&self) -> Result<BTreeSet<NodeId>> {
        let reading = self.reading()?;
        Ok(reading.members().filter(|member| member.tier <= Tier::County).map(|member| member.id).collect())
    }
}

/// Whether there can be anything for the viewer in a set.
fn is_for(set: &SetId, viewer: &Viewer) -> bool {
    viewer.sees(facts::visibility(widest(set)))
}
