//! The node as the search drivers see it: what it answers for, to whom.

use std::sync::Arc;

use kapok_indexer::{ParsedQuery, SearchResult, SetId, Sort, Statistics};
use kapok_library::resource::ResourceId;
use kapok_net::search::SearchBackend;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::{Member, Tier};
use kapok_protocol::search::message as wire;

use super::carried::{Shown, packed};
use crate::node::app::App;
use crate::node::indexing::{county_set, federation_set};

/// The node behind the search drivers.
pub(in crate::node) struct Answering(pub(in crate::node) Arc<App>);

impl Answering {
    /// What this node answers for, to this asker.
    fn sets(&self, asker: &Member) -> Vec<SetId> {
        let me = self.0.catalogue.id();
        let mut sets = vec![federation_set(&me)];
        if asker.county() == me {
            sets.push(county_set(&me));
        }
        sets
    }

    fn query(query: &[u8]) -> Result<ParsedQuery, String> {
        serde_json::from_slice(query).map_err(|error| error.to_string())
    }
}

impl SearchBackend for Answering {
    fn me(&self) -> Option<Member> {
        self.0.reading().ok()?.try_me().cloned()
    }

    fn member(&self, id: &NodeId) -> Option<Member> {
        self.0.reading().ok()?.find_member(id).cloned()
    }

    fn answerers(&self) -> Vec<NodeId> {
        let Ok(reading) = self.0.reading() else { return Vec::new() };
        let Some(me) = reading.try_me() else { return Vec::new() };
        // A county, or the city, answers; where a school coordinates (its county is gone), nobody does but those below.
        let below = reading.members().filter(|m| m.tier == Tier::County && me.is_ancestor_of(m)).map(|m| m.id);
        let own = (me.tier <= Tier::County).then_some(me.id);
        own.into_iter().chain(below).collect()
    }

    fn statistics(&self, asker: &Member, query: &[u8]) -> Result<Vec<u8>, String> {
        let query = Self::query(query)?;
        let statistics = self.0.indexing.index().statistics(&self.sets(asker), &query).map_err(|e| e.to_string())?;
        serde_json::to_vec(&statistics).map_err(|e| e.to_string())
    }

    fn hits(&self, asker: &Member, query: &[u8], statistics: &[u8], limit: usize) -> Result<wire::HitList, String> {
        let query = Self::query(query)?;
        let statistics: Statistics = serde_json::from_slice(statistics).map_err(|e| e.to_string())?;
        let mut result = self
            .0
            .indexing
            .index()
            .search(&self.sets(asker), &query, &statistics, limit, 0)
            .map_err(|e| e.to_string())?;
        let reading = self.0.reading().map_err(|e| e.to_string())?;
        let mut hits = Vec::with_capacity(result.hits.len());
        for hit in std::mem::take(&mut result.hits) {
            let Some(id) = hit.id.parse::<ResourceId>().ok() else { continue };
            let Ok(Some(found)) = reading.resource(&id) else { continue };
            // The index may lag behind: what the asker may not see is held back here in any case.
            let admitted = reading.find_member(&found.key.author).is_some_and(|a| found.visibility.admits(asker, a));
            if !admitted {
                continue;
            }
            let shown = Shown { entry: found.entry.signed().clone(), snippet: hit.snippet };
            let shown = minicbor::to_vec(&shown).map_err(|e| e.to_string())?;
            if shown.len() > wire::MAX_HIT_BYTES {
                continue;
            }
            hits.push(wire::Hit { score: packed(hit.score, result.loosened), id: hit.id, shown });
        }
        let total = result.total;
        let facets = serde_json::to_vec(&result).map_err(|e| e.to_string())?;
        Ok(wire::HitList { hits, total, facets })
    }

    fn merge_statistics(&self, query: &[u8], all: Vec<(NodeId, Vec<u8>)>) -> (Vec<u8>, Vec<NodeId>) {
        let Ok(query) = Self::query(query) else { return (Vec::new(), all.into_iter().map(|(id, _)| id).collect()) };
        let mut merged = Statistics::none(&query);
        let mut rejected = Vec::new();
        for (node, bytes) in all {
            match serde_json::from_slice::<Statistics>(&bytes) {
                Ok(statistics) => merged.merge(&statistics.bounded(&query)),
                Err(_) => rejected.push(node),
            }
        }
        (serde_json::to_vec(&merged).unwrap_or_default(), rejected)
    }

    fn merge_facets(&self, all: Vec<Vec<u8>>) -> Vec<u8> {
        let results: Vec<_> =
            all.iter().filter_map(|bytes| serde_json::from_slice::<SearchResult>(bytes).ok()).collect();
        let merged = SearchResult::merge(results, Sort::Relevance, 0, 0);
        serde_json::to_vec(&merged).unwrap_or_default()
    }

    fn addresses(&self, node: &NodeId) -> Vec<kapok_net::Multiaddr> {
        self.0.addresses(node)
    }
}
