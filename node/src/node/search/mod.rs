//! Searching: here, or through the federation, and answering others.
//!
//! Each county answers for its own set, so that each resource is answered for exactly once; what this node alone may
//! see, has just added, or what a county that does not answer would have said, is looked up here and merged in, scored
//! with the same statistics.
//!
//! Reading order: [`request`] (what is typed, as the index takes it) → this file (asking) → [`merge`] (joining what
//! others answered with what only this node knows) → [`shown`] (hits for people). [`answering`] is the other end of the
//! line, [`carried`] what goes over it with each hit.

mod answering;
mod carried;
mod merge;
mod request;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kapok_http::port::{Failure, Result, Scope, SearchReply, SearchRequest, Viewer};
use kapok_indexer::{IndexError, ParsedQuery, SearchResult};
use kapok_protocol::entry::Verified;
use kapok_protocol::search::message as wire;

use super::app::App;

pub(super) use answering::Answering;

const TITLE: &str = "cannot search";
/// How long a search waits for an index that is being made anew.
const START_PATIENCE: Duration = Duration::from_secs(15);
/// How long others have to answer on a good line; a person waits no longer for what is here.
const DEADLINE: Duration = Duration::from_millis(1_500);
/// On a slow line two round trips for the stream and the answer, and as much again for lost packets.
const DEADLINE_ROUND_TRIPS: u32 = 4;
/// The longest, for the worst satellite.
const DEADLINE_MOST: Duration = Duration::from_secs(6);

/// What comes out of one place: hits with their entries, and counts.
#[derive(Default)]
struct Gathered {
    result: SearchResult,
    entries: BTreeMap<String, Verified>,
}

impl App {
    pub(super) async fn search(self: &Arc<Self>, viewer: &Viewer, request: SearchRequest) -> Result<SearchReply> {
        let started = Instant::now();
        let query = request::parsed(viewer, &request)?;
        let searchable = self.blocking(|app| Ok(app.indexing.wait_for_start(START_PATIENCE))).await?;
        if !searchable {
            return Err(Failure::unavailable(TITLE, "the search index is being made anew")
                .remedy("try again in a moment; files can be opened meanwhile")
                .said("search.rebuilding"));
        }
        let window = if request.held { wire::MAX_HITS } else { request.offset + request.limit };
        let mut reply = match request.scope {
            Scope::Local => {
                let (query, asker) = (query.clone(), viewer.clone());
                let here = move |app: &Arc<Self>| app.search_here(&query, &app.local_sets(&asker), None, window);
                let gathered = self.blocking(here).await?;
                let me = self.catalogue.id().to_string();
                let reply = SearchReply { complete: true, answered: vec![me], ..SearchReply::default() };
                self.shown(viewer, reply, gathered, &request).await?
            }
            Scope::Federation => self.search_federation(viewer, &query, window, &request).await?,
        };
        reply.ms = started.elapsed().as_secs_f64() * 1000.0;
        Ok(reply)
    }

    async fn search_federation(
        self: &Arc<Self>,
        viewer: &Viewer,
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
        let (query, asker) = (query.clone(), viewer.clone());
        let (reply, gathered) = self
            .blocking(move |app| {
                let counties = app.counties()?;
                let Some(asked) = asked else {
                    let sets = app.local_sets(&asker);
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
                app.merge_answer(&asker, &query, &asked, &counties, window)
            })
            .await?;
        self.shown(viewer, reply, gathered, request).await
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
}

fn index_failure(error: &IndexError) -> Failure {
    Failure::unavailable(TITLE, error.to_string())
        .remedy("try again in a moment; the index may be made anew")
        .said("search.index-busy")
}
