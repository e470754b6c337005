//! Searching: here, or through the federation, and answering others.
//!
//! Each county answers for its own set, so that each resource is answered for exactly once; what this node alone may
//! see, has just added, or what a county that does not answer would have said, is looked up here and merged in, scored
//! with the same statistics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kapok_http::port::{
    Certification, FacetCount, Failure, Hit as ShownHit, Result, Scope, SearchReply, SearchRequest, Viewer,
};
use kapok_indexer::{Facet, Hit, IndexError, ParsedQuery, Query, QueryError, SearchResult, SetId, Sort, Statistics};
use kapok_library::resource::{Resource, ResourceId, ResourceKey};
use kapok_net::search::SearchBackend;
use kapok_protocol::entry::Verified;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::{Member, Tier};
use kapok_protocol::search::message as wire;
use kapok_protocol::signed::Signed;
use minicbor::{Decode, Encode};

use super::app::{App, failure};
use super::facts::{self, VISIBILITIES};
use super::indexing::{county_set, federation_set, own_set};
use crate::catalogue::{Found, Reading};

const TITLE: &str = "cannot search";
/// How long a search waits for an index that is being made anew.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long others have to answer on a good line; a person waits no longer for what is here.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// On a slow line two round trips for the stream and the answer, and as much again for lost packets.
const DEADLINE_ROUND_TRIPS: u32 = 4;
/// The longest, for the worst satellite.
const DEADLINE_MOST: Duration = Duration::from_secs(6);

/// What travels with a hit: its entry, so that the asker can verify it, and what the index showed of it.
#[derive(Clone, Debug, Encode, Decode)]
#[cbor(map)]
struct Shown {
    #[n(0)]
    entry: Signed,
    #[n(1)]
    snippet: String,
}

/// What comes out of one place: hits with their entries, and counts.
#[derive(Default)]
struct Gathered {
    result: SearchResult,
    entries: BTreeMap<String, Verified>,
}

impl App {
    pub(super) async fn search(self: &Arc<Self>, viewer: &Viewer, request: SearchRequest) -> Result<SearchReply> {
        let started = Instant::now();
        let query = parsed(viewer, &request)?;
        let searchable = self.blocking(|app| Ok(app.indexing.wait_for_start(START_PATIENCE))).await?;
        if !searchable {
            return Err(Failure::unavailable("正在重建索引", "the search index is being made anew")
                .remedy("try again in a moment; files can be opened meanwhile"));
        }
        let window =
            if request.held { kapok_protocol::search::message::MAX_HITS } else { request.offset + request.limit };
        let mut reply = match request.scope {
            Scope::Local => {
                let query = query.clone();
                let gathered =
                    self.blocking(move |app| app.search_here(&query, &app.local_sets()?, None, window)).await?;
                let me = self.catalogue.id().to_string();
                let reply = SearchReply { complete: true, answered: vec![me], ..SearchReply::default() };
                self.shown(reply, gathered, &request).await?
            }
            Scope::Federation => self.search_federation(&query, window, &request).await?,
        };
        reply.ms = started.elapsed().as_secs_f64() * 1000.0;
        Ok(reply)
    }

    async fn search_federation(
        self: &Arc<Self>,
        query: &ParsedQuery,
        window: usize,
        request: &SearchRequest,
    ) -> Result<SearchReply> {
        let joined = self.blocking(|app| Ok(app.reading()?.try_me().is_some())).await?;
        let searcher = self.searcher.get().filter(|_| joined);
        let limit = u16::try_from(window.min(wire::MAX_HITS)).unwrap_or(u16::MAX);
        let asked = match searcher {
            Some(searcher) => {
                let bytes = serde_json::to_vec(query).map_err(|e| Failure::internal(TITLE, e.to_string()))?;
                Some(searcher.ask(bytes, limit, self.deadline().await).await)
            }
            None => None,
        };
        let query = query.clone();
        let (reply, gathered) = self
            .blocking(move |app| {
                let counties = app.counties()?;
                let Some(asked) = asked else {
                    let sets = app.local_sets()?;
                    let missing =
                        counties.iter().filter(|id| **id != app.catalogue.id()).map(ToString::to_string).collect();
                    let reply = SearchReply {
                        complete: counties.len() <= 1,
                        answered: vec![app.catalogue.id().to_string()],
                        missing,
                        ..SearchReply::default()
                    };
                    return Ok((reply, app.search_here(&query, &sets, None, window)?));
                };
                app.merge_answer(&query, &asked, &counties, window)
            })
            .await?;
        self.shown(reply, gathered, request).await
    }

    /// How long the parent has to answer, by the length of the line to it.
    async fn deadline(&self) -> Duration {
        let Some(links) = self.links.get() else { return DEADLINE };
        let parent = self.reading().ok().and_then(|reading| reading.try_me()?.parent());
        let connected = links.network().connected().await;
        let rtt_ms = connected.iter().find(|peer| Some(peer.node) == parent).and_then(|peer| peer.rtt_ms);
        let round_trips = Duration::from_millis(rtt_ms.unwrap_or(0).into()) * DEADLINE_ROUND_TRIPS;
        (DEADLINE + round_trips).min(DEADLINE_MOST)
    }

    /// Joins what the federation answered with what only this node knows.
    fn merge_answer(
        &self,
        query: &ParsedQuery,
        asked: &wire::Reply,
        counties: &BTreeSet<NodeId>,
        window: usize,
    ) -> Result<(SearchReply, Gathered)> {
        let statistics: Statistics =
            serde_json::from_slice(&asked.statistics).unwrap_or_else(|_| Statistics::none(query));
        let missing: BTreeSet<NodeId> = counties.iter().filter(|id| !asked.answered.contains(id)).copied().collect();
        // Sets that nobody answered for, as far as this node has them.
        let mut sets: Vec<SetId> = missing.iter().map(federation_set).collect();
        sets.push(own_set());
        if let Some(me) = self.reading()?.try_me()
            && missing.contains(&me.county())
        {
            sets.push(county_set(&me.county()));
        }
        // Without any answer the statistics are those of this node.
        let alone = asked.answered.is_empty();
        let here = self.search_here(query, &sets, (!alone).then_some(&statistics), window)?;
        // What this node has added and its county has not learnt of yet.
        let mine = query.clone().narrowed(Facet::School, vec![self.catalogue.id().to_string()]);
        let fresh = self.search_here(&mine, &self.local_sets()?, (!alone).then_some(&statistics), window)?;
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

    fn search_here(
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

    fn local_sets(&self) -> Result<Vec<SetId>> {
        Ok(self.indexing.index().sets().into_keys().collect())
    }

    /// Who answers for something: every county, and the city.
    fn counties(&self) -> Result<BTreeSet<NodeId>> {
        let reading = self.reading()?;
        Ok(reading.members().filter(|member| member.tier <= Tier::County).map(|member| member.id).collect())
    }

    /// Hits as people and tools see them.
    async fn shown(
        self: &Arc<Self>,
        mut reply: SearchReply,
        gathered: Gathered,
        request: &SearchRequest,
    ) -> Result<SearchReply> {
        let (offset, limit, with_facts, held) = (request.offset, request.limit, request.facts, request.held);
        self.blocking(move |app| {
            let reading = app.reading()?;
            reply.total = gathered.result.total;
            let mut dropped = 0;
            let mut shown = Vec::new();
            for hit in &gathered.result.hits {
                let found = app.found(&reading, &hit.id, gathered.entries.get(&hit.id))?;
                let Some(found) = found else {
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

fn index_failure(error: &IndexError) -> Failure {
    Failure::unavailable(TITLE, error.to_string()).remedy("try again in a moment; the index may be made anew")
}

/// The request as the index takes it, narrowed to what the viewer may see.
fn parsed(viewer: &Viewer, request: &SearchRequest) -> Result<ParsedQuery> {
    let mut filters: BTreeMap<Facet, Vec<String>> = BTreeMap::new();
    let mut filter = |facet, values: Vec<String>| {
        if !values.is_empty() {
            filters.insert(facet, values);
        }
    };
    filter(Facet::Subject, request.subject.clone());
    filter(Facet::Stage, request.stage.clone());
    filter(Facet::Grade, request.grade.clone());
    filter(Facet::Kind, request.kind.clone());
    filter(Facet::School, request.home.iter().cloned().collect());
    filter(Facet::Certification, request.certification.iter().map(|c| certification(*c).to_owned()).collect());
    let seen = VISIBILITIES.iter().filter(|(visibility, _)| viewer.sees(facts::visibility(*visibility)));
    filter(Facet::Visibility, seen.map(|(_, word)| (*word).to_owned()).collect());
    let text = request.query.clone();
    let blank = text.trim().is_empty();
    let query = Query { text, filters, sort: if blank { Sort::Newest } else { Sort::Relevance } };
    let parsed = query.parse().map_err(|error: QueryError| {
        Failure::invalid(TITLE, error.to_string()).remedy("type a word that stands in the title or text")
    })?;
    if !blank && parsed.terms().is_empty() {
        let error = QueryError::NoWords;
        return Err(Failure::invalid(TITLE, error.to_string()).remedy("type a word that stands in the title or text"));
    }
    Ok(parsed)
}

fn certification(of: Certification) -> &'static str {
    match of {
        Certification::None => "none",
        Certification::School => "school",
        Certification::County => "county",
        Certification::City => "city",
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

/// Loosened matches never outrank full ones, wherever they come from: their scores travel below zero, in order.
fn packed(score: f32, loosened: bool) -> f32 {
    if loosened { -1.0 / (1.0 + score.max(0.0)) } else { score }
}

fn unpacked(score: f32) -> f32 {
    if score < 0.0 { (-1.0 / score - 1.0).max(0.0) } else { score }
}

/// A snippet from another node, made safe: marks and entities stay, any other markup becomes text.
fn safe_snippet(html: &str) -> String {
    let mut safe = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '>', '"']) {
        safe.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(tag) = ["<mark>", "</mark>"].into_iter().find(|tag| rest.starts_with(tag)) {
            safe.push_str(tag);
            rest = &rest[tag.len()..];
            continue;
        }
        safe.push_str(match rest.as_bytes()[0] {
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[1..];
    }
    safe.push_str(rest);
    safe.chars().take(2_000).collect()
}

/// The node as the search drivers see it.
pub(super) struct Answering(pub(super) Arc<App>);

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

    fn query(query: &[u8]) -> std::result::Result<ParsedQuery, String> {
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

    fn statistics(&self, asker: &Member, query: &[u8]) -> std::result::Result<Vec<u8>, String> {
        let query = Self::query(query)?;
        let statistics = self.0.indexing.index().statistics(&self.sets(asker), &query).map_err(|e| e.to_string())?;
        serde_json::to_vec(&statistics).map_err(|e| e.to_string())
    }

    fn hits(
        &self,
        asker: &Member,
        query: &[u8],
        statistics: &[u8],
        limit: usize,
    ) -> std::result::Result<wire::HitList, String> {
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
