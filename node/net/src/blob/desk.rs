//! The desk: the one task that owns both state machines and carries out what they want.
//!
//! `taking` has what comes in (downloads), `giving` what goes out (uploads, and fetching for others).

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use kapok_protocol::blob::download::Download;
use kapok_protocol::blob::message::{Answer, Request, Urgency};
use kapok_protocol::blob::upload::{Ticket, Upload};
use kapok_protocol::blob::{BlobId, download, upload};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::time::Timestamp;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::backend::{BlobBackend, Lists};
use super::{Board, FetchError, Ledger, Transfer};
use crate::link::Links;

/// How often figures are worked out anew and time-outs are looked at.
const TICK: Duration = Duration::from_millis(250);

/// What happens at the desk.
#[derive(Debug)]
pub(super) enum Event {
    Want {
        blob: BlobId,
        size: u64,
        home: NodeId,
        urgency: Urgency,
        rank: u64,
        hops: u8,
        done: Option<oneshot::Sender<Result<(), FetchError>>>,
    },
    Unwant(BlobId),
    Answer {
        node: NodeId,
        generation: u64,
        answer: Answer,
    },
    AskingEnded {
        node: NodeId,
        generation: u64,
    },
    GivingOpened {
        member: Box<Member>,
        generation: u64,
        answers: mpsc::UnboundedSender<Answer>,
    },
    Request {
        node: NodeId,
        generation: u64,
        request: Request,
    },
    Written {
        node: NodeId,
        generation: u64,
        content_bytes: usize,
    },
    GivingEnded {
        node: NodeId,
        generation: u64,
    },
    Stop(oneshot::Sender<()>),
}

/// A peer that is asked.
pub(super) struct Asking {
    pub(super) generation: u64,
    pub(super) requests: mpsc::UnboundedSender<Request>,
}

/// A peer that asks.
pub(super) struct Giving {
    pub(super) generation: u64,
    pub(super) member: Member,
    pub(super) answers: mpsc::UnboundedSender<Answer>,
}

/// A blob on its way here.
pub(super) struct Moving {
    pub(super) size: u64,
    pub(super) home: NodeId,
    /// How many nodes passed the request on before it came here.
    pub(super) hops: u8,
    /// Whether this node itself wants it, beside those for whom it is fetched.
    pub(super) own: bool,
    pub(super) waiting: Vec<oneshot::Sender<Result<(), FetchError>>>,
    /// Peers' requests that wait for it.
    pub(super) tickets: Vec<Ticket>,
    pub(super) from: BTreeMap<NodeId, Instant>,
    pub(super) last_from: Option<NodeId>,
    measured: (Instant, u64),
    rate_bps: u64,
}

impl Moving {
    pub(super) fn new(size: u64, home: NodeId, hops: u8) -> Self {
        Self {
            size,
            home,
            hops,
            own: false,
            waiting: Vec::new(),
            tickets: Vec::new(),
            from: BTreeMap::new(),
            last_from: None,
            measured: (Instant::now(), 0),
            rate_bps: 0,
        }
    }
}

pub(super) struct Desk {
    pub(super) links: Links,
    pub(super) backend: Arc<dyn BlobBackend>,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) board: Arc<Board>,
    pub(super) completions: broadcast::Sender<BlobId>,
    pub(super) download: Download,
    pub(super) upload: Upload,
    pub(super) asking: BTreeMap<NodeId, Asking>,
    pub(super) giving: BTreeMap<NodeId, Giving>,
    pub(super) moving: BTreeMap<BlobId, Moving>,
    pub(super) lists: Lists,
    pub(super) sources: BTreeMap<NodeId, Member>,
    pub(super) next_generation: u64,
}

/// The local clock, for the state machines' time-outs.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Desk {
    pub(super) fn new(
        links: Links,
        backend: Arc<dyn BlobBackend>,
        events: mpsc::UnboundedSender<Event>,
        board: Arc<Board>,
        completions: broadcast::Sender<BlobId>,
    ) -> Self {
        board.stuck.store(true, Ordering::Release);
        Self {
            links,
            backend,
            events,
            board,
            completions,
            download: Download::new(),
            upload: Upload::new(),
            asking: BTreeMap::new(),
            giving: BTreeMap::new(),
            moving: BTreeMap::new(),
            lists: BTreeMap::new(),
            sources: BTreeMap::new(),
            next_generation: 0,
        }
    }

    pub(super) async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Event>) {
        let mut changes = self.links.changes();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.links_changed();
        loop {
            let busy = !self.moving.is_empty() || self.upload.open_requests() > 0;
            tokio::select! {
                event = incoming.recv() => match event {
                    None => return,
                    Some(Event::Stop(done)) => {
                        for blob in self.moving.keys() {
                            self.backend.set_aside(blob);
                        }
                        let _ = done.send(());
                        return;
                    }
                    // Disk work is done here: one writer, no locks, and the peers wait for it as they should.
                    Some(event) => tokio::task::block_in_place(|| self.event(event)),
                },
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::task::block_in_place(|| self.links_changed());
                }
                _ = ticks.tick(), if busy => tokio::task::block_in_place(|| self.tick()),
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Want { blob, size, home, urgency, rank, hops, done } => {
                self.want(blob, size, home, urgency, rank, hops, done);
            }
            Event::Unwant(blob) => self.unwant(blob),
            Event::Answer { node, generation, answer } => {
                if self.asking.get(&node).is_some_and(|asking| asking.generation == generation) {
                    self.answered(node, answer);
                }
            }
            Event::AskingEnded { node, generation } => {
                if self.asking.get(&node).is_some_and(|asking| asking.generation == generation) {
                    self.asking.remove(&node);
                    self.source_down(node);
                    self.links_changed();
                }
            }
            Event::GivingOpened { member, generation, answers } => self.giving_opened(*member, generation, answers),
            Event::Request { node, generation, request } => {
                if self.giving.get(&node).is_some_and(|giving| giving.generation == generation) {
                    self.give(upload::Input::Request(node, request));
                }
            }
            Event::Written { node, generation, content_bytes } => {
                self.note(node, |ledger| ledger.bytes_out += content_bytes as u64);
                if self.giving.get(&node).is_some_and(|giving| giving.generation == generation) {
                    self.give(upload::Input::Room { peer: node, frames: 1 });
                }
            }
            Event::GivingEnded { node, generation } => {
                if self.giving.get(&node).is_some_and(|giving| giving.generation == generation) {
                    self.giving.remove(&node);
                    self.give(upload::Input::Gone(node));
                }
            }
            // Taken by the loop.
            Event::Stop(_) => {}
        }
        self.board.stuck.store(self.download.is_idle(), Ordering::Release);
    }

    /// Who is linked has changed: sources come and go.
    fn links_changed(&mut self) {
        let linked: BTreeMap<_, _> = self.links.proven().into_iter().map(|member| (member.id, member)).collect();
        let gone: Vec<_> = self.sources.keys().filter(|id| !linked.contains_key(id)).copied().collect();
        for node in gone {
            self.asking.remove(&node);
            self.source_down(node);
        }
        let me = self.backend.me();
        for (node, member) in linked {
            if self.sources.contains_key(&node) {
                continue;
            }
            // Own parent and own children first: what they have crossed the fewest links.
            let near = me.as_ref().is_some_and(|me| me.parent() == Some(node) || member.parent() == Some(me.id));
            self.sources.insert(node, member);
            self.take(download::Input::SourceUp { node, cost: if near { 1 } else { 2 }, relays: true });
        }
        if self.sources.is_empty() {
            for moving in self.moving.values_mut() {
                for waiting in moving.waiting.drain(..) {
                    let _ = waiting.send(Err(FetchError::Nobody));
                }
            }
        }
        self.board.stuck.store(self.download.is_idle(), Ordering::Release);
    }

    fn tick(&mut self) {
        self.take(download::Input::Tick);
        let now = Instant::now();
        let mut transfers = Vec::new();
        for (blob, moving) in &mut self.moving {
            let Some(progress) = self.download.progress(*blob) else { continue };
            let (since, before) = moving.measured;
            let seconds = now.duration_since(since).as_secs_f64();
            if seconds > 1.0 {
                let rate = (progress.received_bytes.saturating_sub(before)) as f64 / seconds;
                // Half the old, half the new: steady enough to be read.
                moving.rate_bps = (moving.rate_bps as f64 / 2.0 + rate / 2.0) as u64;
                moving.measured = (now, progress.received_bytes);
                moving.from.retain(|_, at| now.duration_since(*at) < Duration::from_secs(10));
            }
            transfers.push(Transfer {
                blob: *blob,
                size: moving.size,
                done: progress.verified_bytes,
                rate_bps: moving.rate_bps,
                from: moving.from.keys().copied().collect(),
            });
        }
        *self.board.transfers.lock().unwrap_or_else(PoisonError::into_inner) = transfers;
    }

    pub(super) fn note(&self, node: NodeId, change: impl FnOnce(&mut Ledger)) {
        let mut ledger = self.board.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        change(ledger.entry(node).or_default());
    }
}
