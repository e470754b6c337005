//! Rounds: with each linked node a catalogue session, then the files that are wanted and missing.
//!
//! A round is begun by `kapok sync`, by a change here, by a link that comes up, and every now and then. Catalogue and
//! texts go at any time; files by themselves inside the window only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kapok_http::port::{
    Failure, Pending, Progress, ProgressSender, Result, SyncPeer, SyncReport, SyncRequest, Transfer, TransferState,
    Transfers, Viewer,
};
use kapok_net::link::Links;
use kapok_protocol::blob::message::Urgency;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use tokio::sync::Notify;

use super::app::{App, now, rfc3339};
use super::facts;
use super::status::Counted;
use super::subscriptions::{Held, Missing};

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// A change here is announced to others after this long, so that ten files added one by one make one round.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(700);
/// How long a round waits for files without any byte coming, before it says what is still missing.
const STALL: Duration = Duration::from_secs(20);
/// Until searches find what a round has brought.
const INDEX_PATIENCE: Duration = Duration::from_secs(30);
/// First pause after a failed call to the parent, doubled up to the longest.
const RETRY_FIRST: Duration = Duration::from_secs(2);
const RETRY_LONGEST: Duration = Duration::from_secs(120);

/// What a round with one node was like.
#[derive(Clone, Debug)]
pub(super) struct LastRound {
    pub(super) at: Timestamp,
    pub(super) peer: SyncPeer,
}

impl LastRound {
    /// Bytes a second that came, where enough came to tell.
    pub(super) fn rate_bps(&self) -> Option<u64> {
        let enough = self.peer.seconds > 0.05 && self.peer.bytes_in > 20_000;
        enough.then(|| (self.peer.bytes_in as f64 / self.peer.seconds) as u64)
    }
}

/// Rounds, past and present.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    state: Mutex<State>,
    wake: Notify,
    /// Something changed that makes it worth calling the parent at once.
    call: Notify,
    /// One round at a time.
    turn: tokio::sync::Mutex<()>,
}

/// All that what is missing depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    position: u64,
    changes: u64,
}

#[derive(Debug, Default)]
struct State {
    last: BTreeMap<NodeId, LastRound>,
    last_at: Option<Timestamp>,
    missing: Vec<Missing>,
    /// Where the catalogue stood and what had changed when that was looked for.
    looked_at: Option<Look>,
    /// Counts files that come and go, and wishes.
    changes: u64,
    /// What is here whole; none before it was looked at.
    held: Option<Held>,
    /// When resources of others became complete here, lately.
    arrivals: VecDeque<Timestamp>,
    /// Whether anybody is linked, and since when it is so.
    linked: Option<(bool, Timestamp)>,
    running: bool,
    counted: Option<Counted>,
}

impl Rounds {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed here that others may want.
    pub(super) fn announce(&self) {
        self.wake.notify_one();
    }

    /// This node has just become a member, or somebody wants the parent now.
    pub(super) fn call_now(&self) {
        self.call.notify_one();
    }

    pub(super) fn known(&self) -> BTreeMap<NodeId, LastRound> {
        self.state().last.clone()
    }

    pub(super) fn last_at(&self) -> Option<Timestamp> {
        self.state().last_at
    }

    pub(super) fn pending(&self) -> Pending {
        pending(&self.state().missing)
    }

    /// How many resources are here whole; none before it was looked at.
    pub(super) fn held(&self) -> Option<u64> {
        self.state().held.as_ref().map(|held| held.len() as u64)
    }

    /// Resources of others that became complete here in the last day, as far as this run has seen.
    pub(super) fn arrived_last_day(&self, now: Timestamp) -> u64 {
        self.state().arrivals.iter().filter(|at| now.millis_since(**at) < DAY_MILLIS).count() as u64
    }

    /// Takes what was found of missing and held; what is held now and was not counts as arrived.
    fn looked(&self, at: Look, missing: Vec<Missing>, held: Held, me: &NodeId, now: Timestamp) {
        let mut state = self.state();
        state.looked_at = Some(at);
        if let Some(before) = &state.held {
            let new = held.iter().filter(|(id, author)| *author != me && !before.contains_key(id)).count();
            state.arrivals.extend(std::iter::repeat_n(now, new));
        }
        while state.arrivals.front().is_some_and(|at| now.millis_since(*at) >= DAY_MILLIS) {
            state.arrivals.pop_front();
        }
        state.missing = missing;
        state.held = Some(held);
    }

    /// Since when anybody, or nobody, is linked.
    pub(super) fn link_since(&self, linked: bool, now: Timestamp) -> Timestamp {
        let mut state = self.state();
        match state.linked {
            Some((known, since)) if known == linked => since,
            _ => {
                state.linked = Some((linked, now));
                now
            }
        }
    }

    pub(super) fn counted(&self) -> Option<Counted> {
        self.state().counted
    }

    /// Files have come or gone, or something else is wanted: what was counted no longer holds.
    pub(super) fn recount(&self) {
        let mut state = self.state();
        state.counted = None;
        state.changes += 1;
    }

    pub(super) fn set_counted(&self, counted: Counted) {
        self.state().counted = Some(counted);
    }
}

fn pending(missing: &[Missing]) -> Pending {
    Pending { blobs: missing.len() as u64, bytes: missing.iter().map(|m| m.size).sum() }
}

impl App {
    /// A round with everybody who can be reached.
    pub(super) async fn sync(self: &Arc<Self>, request: SyncRequest, progress: ProgressSender) -> Result<SyncReport> {
        const TITLE: &str = "cannot sync";
        let links = self.links.get().ok_or_else(|| Failure::unavailable(TITLE, "the network is not up yet"))?;
        self.blocking(|app| app.reading().and_then(|reading| Self::me(&reading).map(|_| ()))).await?;
        let unreachable = self.call_parent(links).await.err();
        let _turn = self.rounds.turn.lock().await;
        self.rounds.state().running = true;
        let result = self.round(links, request.now, &progress).await;
        self.rounds.state().running = false;
        let report = result?;
        // Who syncs and then searches finds what came, and nothing is left of what was withdrawn.
        let end = self.catalogue.journal().end().position;
        self.blocking(move |app| {
            app.indexing.wait_for(end, INDEX_PATIENCE);
            app.collect_released()
        })
        .await?;
        match unreachable {
            Some(reason) if report.peers.is_empty() => {
                Err(Failure::unavailable(TITLE, format!("no node can be reached: {reason}"))
                    .remedy("what is here can be used meanwhile; check the line, or use a stick"))
            }
            _ => Ok(report),
        }
    }

    async fn round(self: &Arc<Self>, links: &Links, at_once: bool, progress: &ProgressSender) -> Result<SyncReport> {
        let mut report = SyncReport::default();
        for member in links.proven() {
            let started = Instant::now();
            let before = self.ledger(&member.id);
            match links.sync(member.id).await {
                Ok(done) => {
                    progress.report(Progress {
                        phase: "entries".to_owned(),
                        name: member.name.clone(),
                        done_items: done.entries_in,
                        total_items: done.entries_in,
                        done_bytes: done.bytes_in,
                        ..Progress::default()
                    });
                    report.peers.push(SyncPeer {
                        node: member.id.to_string(),
                        entries_in: done.entries_in,
                        entries_out: done.entries_out,
                        blobs_in: before.2,
                        bytes_in: done.bytes_in,
                        bytes_out: done.bytes_out,
                        seconds: started.elapsed().as_secs_f64(),
                    });
                }
                Err(error) => tracing::info!(node = %member.id, name = member.name, %error, "session broke off"),
            }
        }
        let before: BTreeMap<_, _> = links.proven().iter().map(|m| (m.id, self.ledger(&m.id))).collect();
        let fetching = Instant::now();
        self.fetch_missing(at_once, progress).await?;
        let seconds = fetching.elapsed().as_secs_f64();
        for peer in &mut report.peers {
            let Ok(id) = peer.node.parse::<NodeId>() else { continue };
            let (bytes_in, bytes_out, blobs_in) = self.ledger(&id);
            let earlier = before.get(&id).copied().unwrap_or_default();
            peer.blobs_in = blobs_in.saturating_sub(earlier.2);
            peer.bytes_in += bytes_in.saturating_sub(earlier.0);
            peer.bytes_out += bytes_out.saturating_sub(earlier.1);
            if peer.blobs_in > 0 {
                peer.seconds += seconds;
            }
            let last = LastRound { at: now(), peer: peer.clone() };
            self.rounds.state().last.insert(id, last);
        }
        if !report.peers.is_empty() {
            self.rounds.state().last_at = Some(now());
        }
        report.pending = self.rounds.pending();
        Ok(report)
    }

    /// Content bytes in, out, and blobs in, with one node since the start.
    fn ledger(&self, node: &NodeId) -> (u64, u64, u64) {
        let ledger = self.exchange.get().and_then(|exchange| exchange.ledger().get(node).copied());
        ledger.map_or((0, 0, 0), |l| (l.bytes_in, l.bytes_out, l.blobs_in))
    }

    /// Wants everything that is missing, and waits until it is here or nothing comes any more.
    async fn fetch_missing(self: &Arc<Self>, at_once: bool, progress: &ProgressSender) -> Result<()> {
        let Some(exchange) = self.exchange.get() else { return Ok(()) };
        let in_window = at_once || self.settings().sync_window().is_none_or(|window| window.is_open_now());
        let mut first = None;
        let mut last_progress = Instant::now();
        let mut last_left = u64::MAX;
        let mut completions = exchange.completions();
        loop {
            let missing = self.look_again().await?;
            let wanted: Vec<_> = missing.into_iter().filter(|m| m.is_text || in_window).collect();
            if wanted.is_empty() {
                return Ok(());
            }
            for (rank, m) in (0u64..).zip(&wanted) {
                exchange.want(m.blob, m.size, m.home, Urgency::Bulk, rank);
            }
            let total_bytes: u64 = *first.get_or_insert_with(|| wanted.iter().map(|m| m.size).sum());
            // Until one is complete, or half a second is over: bytes may come without completing anything.
            let partial = |exchange: &kapok_net::blob::Exchange| -> u64 {
                exchange.progress().iter().map(|transfer| transfer.done).sum()
            };
            loop {
                let _ = tokio::time::timeout(Duration::from_millis(500), completions.recv()).await;
                let wanted_left: u64 =
                    wanted.iter().filter(|m| !self.blobs.contains(m.blob).unwrap_or(false)).map(|m| m.size).sum();
                let left = wanted_left.saturating_sub(partial(exchange));
                if left != last_left {
                    last_left = left;
                    last_progress = Instant::now();
                    progress.report(Progress {
                        phase: "blobs".to_owned(),
                        done_bytes: total_bytes.saturating_sub(left),
                        total_bytes,
                        total_items: wanted.len() as u64,
                        ..Progress::default()
                    });
                }
                let nobody = self.links.get().is_none_or(|links| links.proven().is_empty());
                if wanted_left == 0 {
                    break;
                }
                if nobody || last_progress.elapsed() > STALL || exchange.is_stuck() {
                    return self.look_again().await.map(|_| ());
                }
            }
        }
    }

    /// Works out anew what is wanted and not here.
    async fn look_again(self: &Arc<Self>) -> Result<Vec<Missing>> {
        let at = {
            // A look at 100,000 resources takes a second, so it is taken only when something may have changed.
            let state = self.rounds.state();
            let at = Look { position: self.catalogue.applied(), changes: state.changes };
            if state.looked_at == Some(at) {
                return Ok(state.missing.clone());
            }
            at
        };
        let (missing, held) = self.blocking(|app| app.missing()).await?;
        self.rounds.looked(at, missing.clone(), held, &self.catalogue.id(), now());
        Ok(missing)
    }

    /// Connects with the parent, unless that is done.
    pub(super) async fn call_parent(self: &Arc<Self>, links: &Links) -> std::result::Result<(), String> {
        let parent = self
            .blocking(|app| {
                let reading = app.reading()?;
                Ok(reading.try_me().and_then(kapok_protocol::membership::Member::parent))
            })
            .await
            .map_err(|error| error.to_string())?;
        let Some(parent) = parent else { return Ok(()) };
        if links.member(&parent).is_some() {
            return Ok(());
        }
        let addresses = self.addresses(&parent);
        links.connect(parent, addresses).await.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Where a node can be reached, as far as known: what it says itself, and where the parent was when this node joined.
    pub(super) fn addresses(&self, node: &NodeId) -> Vec<kapok_net::Multiaddr> {
        let mut texts = Vec::new();
        if let Ok(reading) = self.catalogue.reading()
            && let Some(profile) = reading.profile(node)
        {
            texts.extend(profile.addresses.iter().cloned());
        }
        if let Some((parent, addresses)) = &self.local.state().parent
            && parent == node
        {
            texts.extend(addresses.iter().cloned());
        }
        let mut seen = std::collections::BTreeSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Keeps the link to the parent up.
    pub(super) async fn keep_parent(self: Arc<Self>) {
        let Some(links) = self.links.get().cloned() else { return };
        let mut pause = RETRY_FIRST;
        let mut changes = links.changes();
        loop {
            let up = match self.call_parent(&links).await {
                Ok(()) => true,
                Err(reason) => {
                    tracing::debug!(reason, "the parent cannot be reached");
                    false
                }
            };
            if up {
                pause = RETRY_FIRST;
                // Nothing to do until a link goes, or this node joins.
                tokio::select! {
                    _ = changes.changed() => {}
                    () = self.rounds.call.notified() => {}
                    () = tokio::time::sleep(RETRY_LONGEST) => {}
                }
            } else {
                // Jitter, so that a county's schools do not call all at once when it is back.
                let jitter = pause.mul_f64(rand::random_range(0.7..1.3));
                let _ = tokio::time::timeout(jitter, self.rounds.call.notified()).await;
                pause = (pause * 2).min(RETRY_LONGEST);
            }
        }
    }

    /// Rounds by themselves: after a change here, when a link comes, and every interval.
    pub(super) async fn keep_syncing(self: Arc<Self>) {
        let Some(links) = self.links.get().cloned() else { return };
        let mut changes = links.changes();
        loop {
            let interval = self.settings().sync_interval();
            tokio::select! {
                () = self.rounds.wake.notified() => tokio::time::sleep(ANNOUNCE_AFTER).await,
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.rounds.link_since(!links.proven().is_empty(), now());
                }
                () = tokio::time::sleep(interval) => {}
            }
            if links.proven().is_empty() {
                // What is missing may have changed all the same.
                let _ = self.look_again().await;
                continue;
            }
            if let Err(error) = self.sync(SyncRequest { now: false }, ProgressSender::silent()).await {
                tracing::debug!(%error, "a round came to nothing");
            }
        }
    }

    pub(super) fn transfers(&self, viewer: &Viewer) -> Result<Transfers> {
        let moving = self.exchange.get().map(kapok_net::blob::Exchange::progress).unwrap_or_default();
        let (missing, last_at, running) = {
            let state = self.rounds.state();
            (state.missing.clone(), state.last_at, state.running)
        };
        let linked = self.links.get().is_some_and(|links| !links.proven().is_empty());
        let in_window = self.settings().sync_window().is_none_or(|window| window.is_open_now());
        let reading = self.reading()?;
        let mut transfers = Vec::new();
        for m in missing.iter().filter(|m| !m.is_text) {
            let found = m.resource.parse().ok().and_then(|id| reading.resource(&id).ok().flatten());
            let Some(found) = found.filter(|found| viewer.sees(facts::visibility(found.visibility))) else { continue };
            let on_its_way = moving.iter().find(|transfer| transfer.blob == m.blob);
            let state = match on_its_way {
                Some(transfer) if transfer.rate_bps > 0 => TransferState::Moving,
                _ if !in_window => TransferState::WaitsForWindow,
                _ if !linked => TransferState::WaitsForPeer,
                Some(_) => TransferState::Queued,
                None => TransferState::WaitsForPeer,
            };
            let rate_bps = on_its_way.map_or(0, |transfer| transfer.rate_bps);
            let done = on_its_way.map_or(0, |transfer| transfer.done);
            let expected = (rate_bps > 0).then(|| {
                let seconds = m.size.saturating_sub(done) / rate_bps.max(1);
                rfc3339(now().plus_millis(seconds.saturating_mul(1000)))
            });
            let from = on_its_way.map_or_else(|| vec![m.home], |transfer| transfer.from.clone());
            transfers.push(Transfer {
                blob: m.blob.to_string(),
                resource: m.resource.clone(),
                title: found.resource.title,
                name: m.name.clone(),
                size: m.size,
                done,
                state,
                from: from.iter().map(|id| Self::named(&reading, id).0).collect(),
                rate_bps,
                expected,
                asked_for: false,
            });
        }
        Ok(Transfers { transfers, pending: pending(&missing), last_round: last_at.map(rfc3339), running })
    }
}
