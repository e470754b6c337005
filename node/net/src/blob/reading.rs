//! Reading a blob while it arrives: a film is played, and its end is asked for first.
//!
//! A [`Reading`] is one reader's place in a blob. While it is held, the next pieces from there on come before everything
//! else ([`Input::Prefer`]), and the rest of the blob comes as it can. What the children of this node read is preferred
//! likewise: their requests say which pieces people wait for, so the order reaches every node on the way.
//!
//! A *guest* is a reader for whom nothing is fetched that this node does not fetch anyway: it changes the order, while bulk
//! may be fetched, and not the amount.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::download::{Input, RECIPE_FIRST_BYTES};
use kapok_protocol::blob::message::Urgency;
use kapok_protocol::blob::piece::{piece_len, piece_offset};
use kapok_protocol::blob::recipe::Recipe;
use kapok_protocol::identity::NodeId;
use tokio::sync::{mpsc, watch};

use super::backend::BlobBackend;
use super::desk::{Desk, Event, Wish};
use super::{Exchange, FetchError, route};

/// How much is preferred from a reader's place on (4 MiB): a minute of a lesson filmed for poor links, so that a player
/// outlives an outage; little enough for one that jumps.
pub const READ_AHEAD_PIECES: u32 = 16;
/// How long a reader waits while nothing of its blob comes: longer than the outages that a connection outlives, and the
/// calls after it.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// How long a blob that was only read stays wanted. A player that jumps ends one reading and begins the next.
const LINGER: Duration = Duration::from_secs(60);
/// Readers of one blob: a class that plays the same film.
const MAX_READERS_OF_BLOB: usize = 32;
/// Readers of all blobs: each has a piece or two in memory, and the first pieces of all of them come before everything.
const MAX_READERS: usize = 128;

/// Somebody begins to read.
#[derive(Debug)]
pub(super) struct Begin {
    reader: u64,
    wish: Wish,
    pieces: Range<u32>,
    guest: bool,
    news: watch::Sender<News>,
}

/// What a reader hears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct News {
    /// Pieces from the reader's place up to this one are here.
    until: u32,
    /// All of the blob is here.
    whole: bool,
    /// Bytes of the blob that have come: a sign of life.
    came_bytes: u64,
    /// Why nothing comes now.
    error: Option<FetchError>,
    /// Nothing will come.
    over: bool,
}

#[derive(Debug)]
struct Reader {
    id: u64,
    guest: bool,
    /// The pieces that it is still to read.
    pieces: Range<u32>,
    news: watch::Sender<News>,
}

impl Reader {
    fn next(&self) -> Vec<u32> {
        (self.pieces.start..self.pieces.end.min(self.pieces.start.saturating_add(READ_AHEAD_PIECES))).collect()
    }
}

/// Who reads one blob.
#[derive(Debug, Default)]
struct OfBlob {
    readers: Vec<Reader>,
    /// The last one has gone lately.
    lingers: bool,
    /// Counts the times that the last one went.
    turn: u64,
}

impl OfBlob {
    /// Whether the blob is to come for the sake of its readers.
    fn need(&self) -> bool {
        self.lingers || self.readers.iter().any(|reader| !reader.guest)
    }
}

/// All who read what arrives.
#[derive(Debug, Default)]
pub(super) struct Readers(BTreeMap<BlobId, OfBlob>);

impl Readers {
    /// Whether a blob is to come for the sake of its readers.
    pub(super) fn need(&self, blob: &BlobId) -> bool {
        self.0.get(blob).is_some_and(OfBlob::need)
    }

    fn has_room(&self, blob: &BlobId) -> bool {
        let all: usize = self.0.values().map(|of_blob| of_blob.readers.len()).sum();
        let here = self.0.get(blob).map_or(0, |of_blob| of_blob.readers.len());
        all < MAX_READERS && here < MAX_READERS_OF_BLOB
    }

    fn of(&self, blob: &BlobId) -> impl Iterator<Item = &Reader> {
        self.0.get(blob).into_iter().flat_map(|of_blob| &of_blob.readers)
    }
}

impl Desk {
    /// Somebody begins to read a blob.
    pub(super) fn read_begun(&mut self, begin: Begin) {
        let Begin { reader: id, mut wish, pieces, guest, news } = begin;
        let blob = wish.blob;
        let over = |error| news.send_modify(|news| (news.error, news.over) = (Some(error), true));
        if self.backend.size(&blob).is_some() {
            return news.send_modify(|news| news.whole = true);
        }
        if !self.readers.has_room(&blob) {
            return over(FetchError::TooManyReaders);
        }
        let own = self.moving.get(&blob).is_some_and(|moving| moving.own);
        let stuck = self.download.progress(blob).is_none_or(|progress| progress.stuck);
        if guest && (!own || stuck || !self.download.is_allowed(Urgency::Bulk)) {
            return over(FetchError::NotFetched);
        }
        if !self.moving.contains_key(&blob) && Recipe::suits(wish.size) && wish.size <= RECIPE_FIRST_BYTES {
            wish.base = self.backend.older(&blob);
        }
        // It keeps its place among what is wanted already.
        wish.rank = self.moving.get(&blob).map_or(wish.rank, |moving| moving.wish.rank);
        match self.begin(wish) {
            Ok(moving) if moving.wish.size == wish.size => {}
            Ok(_) => return over(FetchError::Store("it is fetched with another size".to_owned())),
            Err(reason) => return over(FetchError::Store(reason)),
        }
        let of_blob = self.readers.0.entry(blob).or_default();
        of_blob.readers.push(Reader { id, guest, pieces, news });
        of_blob.lingers = false;
        if guest {
            self.prefer(&blob);
        } else {
            self.want(&blob);
        }
        self.tell_readers(&blob);
        if self.sources.is_empty() {
            // The last link may have gone since the caller looked.
            self.links_changed();
        }
    }

    pub(super) fn read_on(&mut self, reader: u64, blob: &BlobId, at: u32) {
        let readers = self.readers.0.get_mut(blob).map(|of_blob| &mut of_blob.readers);
        let Some(reader) = readers.and_then(|all| all.iter_mut().find(|known| known.id == reader)) else { return };
        if reader.pieces.start != at {
            reader.pieces.start = at;
            self.prefer(blob);
            self.tell_readers(blob);
        }
    }

    pub(super) fn read_ended(&mut self, reader: u64, blob: BlobId) {
        let Some(of_blob) = self.readers.0.get_mut(&blob) else { return };
        let needed = of_blob.need();
        of_blob.readers.retain(|known| known.id != reader);
        if needed && !of_blob.need() {
            of_blob.lingers = true;
            of_blob.turn += 1;
            let (events, turn) = (self.events.clone(), of_blob.turn);
            tokio::spawn(async move {
                tokio::time::sleep(LINGER).await;
                let _ = events.send(Event::Lingered { blob, turn });
            });
        } else if of_blob.readers.is_empty() && !of_blob.lingers {
            self.readers.0.remove(&blob);
        }
        self.prefer(&blob);
    }

    /// Nobody has read a blob for a while: it comes further only if something else wants it.
    pub(super) fn lingered(&mut self, blob: &BlobId, turn: u64) {
        let Some(of_blob) = self.readers.0.get_mut(blob).filter(|of_blob| of_blob.turn == turn) else { return };
        of_blob.lingers = false;
        if of_blob.readers.is_empty() {
            self.readers.0.remove(blob);
        }
        self.forget_if_unneeded(blob);
    }

    /// What is read next of a blob, here and at the nodes for which it is fetched.
    pub(super) fn readers_of(&self, blob: &BlobId) -> Vec<Vec<u32>> {
        let guests_too = self.download.is_allowed(Urgency::Bulk);
        let here = self.readers.of(blob).filter(|reader| guests_too || !reader.guest).map(Reader::next);
        let children = self.moving.get(blob).map(|moving| self.upload.awaited(&moving.wish.blob));
        here.chain(children.into_iter().flatten()).collect()
    }

    /// What is read next of a blob has changed.
    pub(super) fn prefer(&mut self, blob: &BlobId) {
        let readers = self.readers_of(blob);
        self.take(Input::Prefer { blob: *blob, readers });
    }

    pub(super) fn prefer_all(&mut self) {
        let read: Vec<BlobId> = self.readers.0.keys().copied().collect();
        read.iter().for_each(|blob| self.prefer(blob));
    }

    /// Tells the readers of a blob how far it is here from their places on.
    pub(super) fn tell_readers(&self, blob: &BlobId) {
        let Some(moving) = self.moving.get(blob) else { return };
        for reader in self.readers.of(blob) {
            let Range { start, end } = reader.pieces;
            let until = (start..end).find(|index| !moving.present.contains(*index)).unwrap_or(end);
            let news = |news: &mut News| {
                let changes = news.until != until;
                news.until = until;
                changes
            };
            reader.news.send_if_modified(news);
        }
    }

    /// Tells them that bytes have come, if some have.
    pub(super) fn tell_readers_of_bytes(&self) {
        for blob in self.readers.0.keys() {
            let Some(came_bytes) = self.download.progress(*blob).map(|progress| progress.received_bytes) else {
                continue;
            };
            for reader in self.readers.of(blob) {
                reader.news.send_if_modified(|news| std::mem::replace(&mut news.came_bytes, came_bytes) != came_bytes);
            }
        }
    }

    /// All of a blob is here.
    pub(super) fn all_is_here(&mut self, blob: &BlobId) {
        for reader in self.readers.0.remove(blob).into_iter().flat_map(|of_blob| of_blob.readers) {
            reader.news.send_modify(|news| news.whole = true);
        }
    }

    /// A blob does not come now.
    pub(super) fn tell_failure(&self, blob: &BlobId, error: &FetchError) {
        self.readers.of(blob).for_each(|reader| reader.news.send_modify(|news| news.error = Some(error.clone())));
    }

    pub(super) fn tell_all_readers(&self, error: &FetchError) {
        self.readers.0.keys().for_each(|blob| self.tell_failure(blob, error));
    }

    /// A blob cannot be taken at all.
    pub(super) fn end_reading(&mut self, blob: &BlobId, error: &FetchError) {
        for reader in self.readers.0.remove(blob).into_iter().flat_map(|of_blob| of_blob.readers) {
            reader.news.send_modify(|news| (news.error, news.over) = (Some(error.clone()), true));
        }
    }
}

/// One reader's place in a blob that is arriving. Dropping it ends the preference.
pub struct Reading {
    id: u64,
    blob: BlobId,
    size: u64,
    begun: bool,
    news: watch::Receiver<News>,
    events: mpsc::UnboundedSender<Event>,
    backend: Arc<dyn BlobBackend>,
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({} of {})", self.id, self.blob)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.events.send(Event::ReadEnded { reader: self.id, blob: self.blob });
    }
}

impl Exchange {
    /// Begins to read these pieces of a blob, in order, while it arrives. The whole of it is wanted meanwhile, as bulk. For
    /// a `guest` nothing is fetched that this node does not fetch anyway.
    ///
    /// # Errors
    /// [`FetchError::Nobody`] if no other node can be reached.
    pub async fn read(
        &self,
        blob: BlobId,
        size: u64,
        home: NodeId,
        pieces: Range<u32>,
        guest: bool,
    ) -> Result<Reading, FetchError> {
        if !guest {
            route(&self.links, &*self.backend, home).await;
        }
        if self.links.proven().is_empty() {
            return Err(FetchError::Nobody);
        }
        let (news, heard) = watch::channel(News { until: pieces.start, ..News::default() });
        let reader = self.next_reader.fetch_add(1, Ordering::Relaxed);
        let wish = Wish { blob, size, home, base: None, urgency: Urgency::Bulk, rank: 0, hops: 0 };
        let begin = Box::new(Begin { reader, wish, pieces, guest, news });
        self.events.send(Event::ReadBegun(begin)).map_err(|_| FetchError::Stopping)?;
        let (events, backend) = (self.events.clone(), self.backend.clone());
        Ok(Reading { id: reader, blob, size, begun: false, news: heard, events, backend })
    }
}

impl Reading {
    /// Waits until a piece is here and proved, and gives its bytes. The reader's place is there from now on; places only go
    /// forward. Once something has been read, outages are waited out.
    ///
    /// # Errors
    /// Why it does not come: before anything was read at once, later when nothing of the blob has come for [`PATIENCE`].
    pub async fn piece(&mut self, index: u32) -> Result<Vec<u8>, FetchError> {
        let _ = self.events.send(Event::ReadOn { reader: self.id, blob: self.blob, at: index });
        self.wait(index).await?;
        let (backend, blob, len) = (self.backend.clone(), self.blob, piece_len(self.size, index));
        let read = tokio::task::spawn_blocking(move || backend.read(&blob, piece_offset(index), len)).await;
        let bytes = read.ok().flatten().filter(|bytes| bytes.len() == len);
        self.begun = bytes.is_some();
        bytes.ok_or_else(|| FetchError::Store("what has come of it cannot be read back".to_owned()))
    }

    async fn wait(&mut self, index: u32) -> Result<(), FetchError> {
        loop {
            let (here, error, over) = {
                let news = self.news.borrow_and_update();
                (news.whole || news.until > index, news.error.clone(), news.over)
            };
            match error {
                _ if here => return Ok(()),
                Some(error) if over || !self.begun => return Err(error),
                _ => {}
            }
            match tokio::time::timeout(PATIENCE, self.news.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(FetchError::Stopping),
                Err(_) => return Err(FetchError::Late(PATIENCE.as_secs())),
            }
        }
    }
}
