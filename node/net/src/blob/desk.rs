//! The desk: the one task that owns both state machines and carries out what they want.
//!
//! `taking` has what comes in (downloads), `giving` what goes out (uploads, and fetching for others), `reading` who reads
//! what arrives, `nearness` whom to ask first, `accounts` the ledger, `progress` what people see of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kapok_protocol::blob::download::{Allowance, Download};
use kapok_protocol::blob::message::{Answer, Request, Urgency};
use kapok_protocol::blob::recipe::Seed;
use kapok_protocol::blob::upload::{Ticket, Upload};
use kapok_protocol::blob::{BlobId, PieceSet, download, upload};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use tokio::sync::{OwnedSemaphorePermit, broadcast, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::accounts::Accounts;
use super::backend::{Begun, BlobBackend, Lists};
use super::likeness::{Older, Recipes};
use super::progress::{Board, Gauge};
use super::reading::{Begin, Readers};
use super::{FetchError, Kinds};
use crate::link::Links;

/// How often figures are worked out anew and time-outs are looked at while something moves.
const TICK: Duration = Duration::from_millis(250);
/// How often what has come of unfinished pieces is written down: what a kill then costs is two seconds of a line.
const KEEP_PARTS_EVERY: Duration = Duration::from_secs(2);
/// Pause before a peer whose stream ended while its link stands is asked again; it doubles each time.
const FIRST_REST: Duration = Duration::from_secs(1);
const MAX_REST_DOUBLINGS: u32 = 6;
/// How often those who wait for a blob are told of the bytes that have come of it: as often as they may hear of it.
const CAME_EVERY: Duration = Duration::from_millis(upload::CAME_INTERVAL_MS / 4);
/// How long an orderly stop waits for peers to take the last reports.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Streams that end one after the other, without an answer on them, before people need not wait for that peer.
const MAX_BREAKS: u32 = 3;

/// A blob that is to come here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) blob: BlobId,
    pub(super) size: u64,
    pub(super) home: NodeId,
    /// An older version of it, which may be here.
    pub(super) base: Option<BlobId>,
    pub(super) urgency: Urgency,
    pub(super) rank: u64,
    /// How many nodes passed the wish on; 0 for one of this node's own.
    pub(super) hops: u8,
}

/// What happens at the desk.
#[derive(Debug)]
pub(super) enum Event {
    Want {
        wish: Wish,
        done: Option<oneshot::Sender<Result<(), FetchError>>>,
    },
    Unwant(BlobId),
    /// Somebody reads a blob while it arrives.
    ReadBegun(Box<Begin>),
    /// The reader has come to this piece.
    ReadOn {
        reader: u64,
        blob: BlobId,
        at: u32,
    },
    ReadEnded {
        reader: u64,
        blob: BlobId,
    },
    /// Nobody has read this blob for a while.
    Lingered {
        blob: BlobId,
        turn: u64,
    },
    Allow(Allowance),
    Answer {
        node: NodeId,
        generation: u64,
        answer: Answer,
        wire_bytes: u64,
        /// Held until the answer has been dealt with.
        place: OwnedSemaphorePermit,
    },
    /// Bytes came from a peer, of an answer that is not whole yet.
    Heard {
        node: NodeId,
        generation: u64,
    },
    AskingEnded {
        node: NodeId,
        generation: u64,
    },
    /// A peer whose stream has ended may be asked again.
    Rested {
        node: NodeId,
        breaks: u32,
    },
    GivingOpened {
        member: Box<Member>,
        generation: u64,
        answers: mpsc::Sender<Answer>,
    },
    Request {
        node: NodeId,
        generation: u64,
        request: Request,
        wire_bytes: u64,
        place: OwnedSemaphorePermit,
    },
    Written {
        node: NodeId,
        generation: u64,
        content_bytes: u64,
        wire_bytes: u64,
        gives_room: bool,
        /// How much the line takes in a moment.
        frame_bytes: usize,
    },
    GivingEnded {
        node: NodeId,
        generation: u64,
    },
    RecipeMade {
        blob: BlobId,
        /// Empty where there is none.
        recipe: Vec<u8>,
    },
    /// A peer has asked for the recipe of this blob.
    RecipeWanted(BlobId),
    Planned {
        blob: BlobId,
        older: Older,
        seeds: Vec<Seed>,
    },
    /// A piece was put together from an older version, or could not be.
    Assembled {
        blob: BlobId,
        index: u32,
        bytes: Option<Vec<u8>>,
    },
    /// The call in the direction of this blob's home is over, with or without a link.
    Called(BlobId),
    Stop(oneshot::Sender<()>),
}

/// A peer that is asked.
pub(super) struct Asking {
    pub(super) generation: u64,
    /// `None` once the link is gone: what has come is still taken, until the stream says that it was all.
    pub(super) requests: Option<mpsc::UnboundedSender<Vec<u8>>>,
    pub(super) task: AbortHandle,
}

/// A peer that asks.
pub(super) struct Giving {
    pub(super) generation: u64,
    pub(super) member: Member,
    pub(super) answers: mpsc::Sender<Answer>,
}

/// A peer whose stream has ended although its link stands.
struct Rest {
    breaks: u32,
    over: bool,
}

/// A blob on its way here.
pub(super) struct Moving {
    /// As it was wanted first, with the greatest urgency and the fewest hops since.
    pub(super) wish: Wish,
    /// Whether this node itself wants it, beside those for whom it is fetched.
    pub(super) own: bool,
    /// What is on disk and proved.
    pub(super) present: PieceSet,
    /// What an earlier run has left of unfinished pieces, until it is wanted.
    pub(super) parts: Vec<(u32, Vec<u8>)>,
    /// How many bytes of unfinished pieces were written down.
    pub(super) kept: BTreeMap<u32, usize>,
    pub(super) older: Option<Older>,
    /// The next node towards its home is being called.
    pub(super) calling: bool,
    /// How often the whole turned out not to be what its pieces were.
    pub(super) failed_finishes: u32,
    pub(super) waiting: Vec<oneshot::Sender<Result<(), FetchError>>>,
    /// Peers' requests that wait for it.
    pub(super) tickets: Vec<Ticket>,
    /// Neighbours that were asked to let this node wait for what they fetch.
    pub(super) nearby: BTreeSet<NodeId>,
    /// A neighbour waits for what this node fetches.
    pub(super) lends: bool,
    /// When those who wait were told of the bytes that have come.
    told_at: Instant,
    pub(super) from: BTreeMap<NodeId, Instant>,
    pub(super) last_from: Option<NodeId>,
}

impl Moving {
    pub(super) fn new(wish: Wish, begun: Begun) -> Self {
        Self {
            wish,
            own: false,
            present: begun.present,
            kept: begun.parts.iter().map(|(index, bytes)| (*index, bytes.len())).collect(),
            parts: begun.parts,
            older: None,
            calling: false,
            failed_finishes: 0,
            waiting: Vec::new(),
            tickets: Vec::new(),
            nearby: BTreeSet::new(),
            lends: false,
            told_at: Instant::now(),
            from: BTreeMap::new(),
            last_from: None,
        }
    }
}

pub(super) struct Desk {
    pub(super) links: Links,
    pub(super) backend: Arc<dyn BlobBackend>,
    pub(super) kinds: Kinds,
    pub(super) events: mpsc::UnboundedSender<Event>,
    pub(super) board: Arc<Board>,
    pub(super) completions: broadcast::Sender<BlobId>,
    pub(super) download: Download,
    pub(super) upload: Upload,
    pub(super) asking: BTreeMap<NodeId, Asking>,
    pub(super) giving: BTreeMap<NodeId, Giving>,
    pub(super) moving: BTreeMap<BlobId, Moving>,
    pub(super) lists: Lists,
    pub(super) recipes: Recipes,
    pub(super) readers: Readers,
    pub(super) sources: BTreeMap<NodeId, Member>,
    /// What each source costs, as the downloads know it.
    costs: BTreeMap<NodeId, u8>,
    pub(super) accounts: Accounts,
    rests: BTreeMap<NodeId, Rest>,
    pub(super) gauge: Gauge,
    pub(super) next_generation: u64,
}

impl Desk {
    pub(super) fn new(
        links: Links,
        backend: Arc<dyn BlobBackend>,
        kinds: Kinds,
        events: mpsc::UnboundedSender<Event>,
        board: Arc<Board>,
        completions: broadcast::Sender<BlobId>,
    ) -> Self {
        board.stuck.store(true, Ordering::Release);
        Self {
            links,
            backend,
            kinds,
            events,
            board,
            completions,
            download: Download::new(),
            upload: Upload::new(),
            asking: BTreeMap::new(),
            giving: BTreeMap::new(),
            moving: BTreeMap::new(),
            lists: BTreeMap::new(),
            recipes: Recipes::default(),
            readers: Readers::default(),
            sources: BTreeMap::new(),
            costs: BTreeMap::new(),
            accounts: Accounts::new(),
            rests: BTreeMap::new(),
            gauge: Gauge::default(),
            next_generation: 0,
        }
    }

    pub(super) async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Event>) {
        let mut changes = self.links.changes();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tokio::task::block_in_place(|| self.links_changed());
        let mut moves = false;
        let mut parts_kept = Instant::now();
        loop {
            // Looked at when the desk is clear, since that takes longer the more is wanted.
            if incoming.is_empty() {
                let idle = self.download.is_idle();
                let moved = std::mem::replace(&mut moves, !idle && !self.links.proven().is_empty());
                self.board.stuck.store(!moves, Ordering::Release);
                if moved && !moves {
                    self.measure();
                }
            }
            tokio::select! {
                event = incoming.recv() => match event {
                    None => return,
                    Some(Event::Stop(done)) => {
                        self.stop(&mut incoming).await;
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
                _ = ticks.tick(), if moves => tokio::task::block_in_place(|| {
                    self.take(download::Input::Tick);
                    self.look_at_costs();
                    self.tell_who_waits();
                    self.tell_readers_of_bytes();
                    self.measure();
                    if parts_kept.elapsed() >= KEEP_PARTS_EVERY {
                        parts_kept = Instant::now();
                        self.keep_parts();
                    }
                }),
            }
        }
    }

    /// What has come is kept, and peers hear how much it was.
    async fn stop(&mut self, incoming: &mut mpsc::UnboundedReceiver<Event>) {
        tokio::task::block_in_place(|| {
            self.keep_parts();
            self.moving.keys().for_each(|blob| self.backend.set_aside(blob));
        });
        let mut open = self.close_accounts();
        let words = async {
            while open > 0
                && let Some(event) = incoming.recv().await
            {
                open -= usize::from(matches!(event, Event::AskingEnded { .. }));
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, words).await;
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Want { wish, done } => self.wish(wish, done),
            Event::Unwant(blob) => self.unwant(blob),
            Event::Allow(allowance) => {
                self.take(download::Input::Allow(allowance));
                self.prefer_all();
            }
            Event::ReadBegun(begin) => self.read_begun(*begin),
            Event::ReadOn { reader, blob, at } => self.read_on(reader, &blob, at),
            Event::ReadEnded { reader, blob } => self.read_ended(reader, blob),
            Event::Lingered { blob, turn } => self.lingered(&blob, turn),
            Event::Answer { node, generation, answer, wire_bytes, place } => {
                self.came(node, answer.content_bytes() as u64);
                self.note(node, |ledger| ledger.wire_bytes_in += wire_bytes);
                if self.asking.get(&node).is_some_and(|asking| asking.generation == generation) {
                    self.rests.remove(&node);
                    self.take_from(download::Input::Answer(node, answer), Some(node));
                    self.report(node);
                }
                drop(place);
            }
            Event::Heard { node, generation } => {
                if self.asking.get(&node).is_some_and(|asking| asking.generation == generation) {
                    self.take(download::Input::Heard(node));
                }
            }
            Event::AskingEnded { node, generation } => {
                match self.asking.get(&node).filter(|asking| asking.generation == generation) {
                    Some(Asking { requests: Some(_), .. }) => self.broke_off(node),
                    Some(_) => {
                        // The link may have come back meanwhile.
                        self.source_gone(node);
                        self.links_changed();
                    }
                    None => {}
                }
            }
            Event::Rested { node, breaks } => {
                if let Some(rest) = self.rests.get_mut(&node).filter(|rest| rest.breaks == breaks) {
                    rest.over = true;
                    self.links_changed();
                }
            }
            Event::GivingOpened { member, generation, answers } => self.giving_opened(*member, generation, answers),
            Event::Request { node, generation, request, wire_bytes, place } => {
                self.note(node, |ledger| ledger.wire_bytes_in += wire_bytes);
                if let Request::Received(report) = request {
                    self.reported(node, report);
                } else if self.gives(&node, generation) {
                    self.give(upload::Input::Request(node, request));
                }
                drop(place);
            }
            Event::Written { node, generation, content_bytes, wire_bytes, gives_room, frame_bytes } => {
                self.wrote(node, content_bytes);
                self.note(node, |ledger| ledger.wire_bytes_out += wire_bytes);
                if gives_room && self.gives(&node, generation) {
                    self.give(upload::Input::FrameSize { peer: node, bytes: frame_bytes });
                    self.give(upload::Input::Room { peer: node, frames: 1 });
                }
            }
            Event::GivingEnded { node, generation } => {
                if self.gives(&node, generation) {
                    self.giving.remove(&node);
                    self.give(upload::Input::Gone(node));
                }
            }
            Event::RecipeMade { blob, recipe } => self.recipe_made(blob, recipe),
            Event::RecipeWanted(blob) => self.look_for_recipe(blob),
            Event::Planned { blob, older, seeds } => self.planned(blob, older, seeds),
            Event::Assembled { blob, index, bytes } => self.take(download::Input::Assembled { blob, index, bytes }),
            Event::Called(blob) => self.called(blob),
            // Taken by the loop.
            Event::Stop(_) => {}
        }
    }

    fn gives(&self, node: &NodeId, generation: u64) -> bool {
        self.giving.get(node).is_some_and(|giving| giving.generation == generation)
    }

    /// Who is linked may have changed: sources come and go.
    pub(super) fn links_changed(&mut self) {
        let linked: BTreeMap<_, _> = self.links.proven().into_iter().map(|member| (member.id, member)).collect();
        self.rests.retain(|id, _| linked.contains_key(id));
        let gone: Vec<_> = self.sources.keys().filter(|id| !linked.contains_key(id)).copied().collect();
        for node in gone {
            match self.asking.get_mut(&node) {
                Some(asking) => asking.requests = None,
                None => self.source_down(node),
            }
        }
        if linked.is_empty() {
            for moving in self.moving.values_mut() {
                for waiting in moving.waiting.drain(..) {
                    let _ = waiting.send(Err(FetchError::Nobody));
                }
            }
            self.tell_all_readers(&FetchError::Nobody);
        }
        let me = self.backend.me();
        for (node, member) in linked {
            if self.sources.contains_key(&node) || self.rests.get(&node).is_some_and(|rest| !rest.over) {
                continue;
            }
            let cost = self.cost_of(&member, me.as_ref());
            self.sources.insert(node, member);
            self.costs.insert(node, cost);
            self.take(download::Input::SourceUp { node, cost, relays: true });
            self.report(node);
        }
    }

    /// All that came from a peer whose link is gone has been taken.
    fn source_gone(&mut self, node: NodeId) {
        self.asking.remove(&node);
        // Who knows when the link comes back, and whether this node runs until then.
        self.keep_parts();
        self.source_down(node);
    }

    /// A link may turn out to be local, or not; and who broke off is as good as others once it has answered.
    fn look_at_costs(&mut self) {
        let me = self.backend.me();
        let changed: Vec<_> = self
            .sources
            .iter()
            .map(|(node, member)| (*node, self.cost_of(member, me.as_ref())))
            .filter(|(node, cost)| self.costs.get(node) != Some(cost))
            .collect();
        for (node, cost) in changed {
            self.costs.insert(node, cost);
            self.take(download::Input::Cost { node, cost });
        }
    }

    /// The last stream to it has ended without need, and it has not answered since.
    pub(super) fn has_broken_off(&self, node: &NodeId) -> bool {
        self.rests.contains_key(node)
    }

    fn tell_who_waits(&mut self) {
        let mut came = Vec::new();
        for (blob, moving) in &mut self.moving {
            if !moving.tickets.is_empty() && moving.told_at.elapsed() >= CAME_EVERY {
                moving.told_at = Instant::now();
                came.extend(self.download.progress(*blob).map(|progress| (*blob, progress.received_bytes)));
            }
        }
        for (blob, bytes) in came {
            self.give(upload::Input::Came { blob, bytes });
        }
    }

    /// A peer has ended the stream on which it is asked, but not the link: it is asked again after a pause.
    fn broke_off(&mut self, node: NodeId) {
        self.asking.remove(&node);
        let name = self.name(&node);
        self.source_down(node);
        let breaks = self.rests.get(&node).map_or(0, |rest| rest.breaks) + 1;
        self.rests.insert(node, Rest { breaks, over: false });
        let (events, pause) = (self.events.clone(), FIRST_REST * (1 << (breaks - 1).min(MAX_REST_DOUBLINGS)));
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = events.send(Event::Rested { node, breaks });
        });
        self.links_changed();
        if self.sources.is_empty() && breaks >= MAX_BREAKS {
            let blobs: Vec<BlobId> = self.moving.keys().copied().collect();
            let error = FetchError::Refused(format!("{name} breaks off"));
            blobs.iter().for_each(|blob| self.fail(blob, &error));
        }
    }

    /// The name of a source, for people.
    pub(super) fn name(&self, node: &NodeId) -> String {
        self.sources.get(node).map_or_else(|| node.to_string(), |member| member.name.clone())
    }
}
