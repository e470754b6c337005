//! The search index as a consumer of the journal.
//!
//! One thread follows the journal, works out which resources are touched, and puts them into the index as they are
//! *now*: so replaying any part of the journal again gives the same index. Its cursor is kept in the index itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kapok_indexer::{Change, Document, Facet, Index, OpenError, SetId};
use kapok_library::membership::certificate;
use kapok_library::resource::{ResourceId, ResourceKey};
use kapok_library::revocation::Revocation;
use kapok_library::withdrawal::Withdrawal;
use kapok_protocol::entry::Kind;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::visibility::Visibility;
use kapok_store::journal::Cursor;

use super::app::App;
use super::facts::VISIBILITIES;
use crate::catalogue::{Found, Reading, Record};

/// Records looked at for one commit: a commit costs two fsyncs, so a bulk of entries shares them.
const BATCH_RECORDS: usize = 4_000;
/// How often the thread looks whether it shall stop.
const WAKE: Duration = Duration::from_millis(500);
/// How long applying what is in the journal takes, about.
const APPLYING: Duration = Duration::from_millis(2);
/// Text of one resource that is indexed: a book of 400 pages.
const MAX_TEXT_BYTES: u64 = 2 << 20;

/// The set of what is visible in one school, and of drafts: asked for by this node alone.
const OWN_SET: &str = "s";

/// The index and how far it is.
#[derive(Debug)]
pub(super) struct Indexing {
    index: Index,
    position: AtomicU64,
    /// Where the journal ended when the node started: before that is indexed, searches would miss what was there.
    at_start: AtomicU64,
    stop: AtomicBool,
    moved: (Mutex<()>, Condvar),
}

impl Indexing {
    /// Opens the index; one that is damaged or of another version begins anew.
    pub(super) fn open(dir: &Path) -> anyhow::Result<Self> {
        let index = match Index::open(dir) {
            Ok(index) => index,
            Err(OpenError::Io(error)) => return Err(anyhow::Error::new(error).context("the index cannot be opened")),
            Err(error) => {
                tracing::warn!(%error, "the index is made anew");
                std::fs::remove_dir_all(dir)?;
                Index::open(dir)?
            }
        };
        Ok(Self {
            index,
            position: AtomicU64::new(0),
            at_start: AtomicU64::new(u64::MAX),
            stop: AtomicBool::new(false),
            moved: Default::default(),
        })
    }

    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// Waits until what was there when the node started is searchable; says whether it is.
    pub(super) fn wait_for_start(&self, patience: Duration) -> bool {
        self.wait_for(self.at_start.load(Ordering::Acquire), patience)
    }

    pub(super) fn starts_at(&self, end: u64) {
        self.at_start.store(end, Ordering::Release);
    }

    /// Waits until everything before `position` is searchable; says whether it is.
    pub(super) fn wait_for(&self, position: u64, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut guard = self.moved.0.lock().unwrap_or_else(PoisonError::into_inner);
        while self.position.load(Ordering::Acquire) < position {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            guard = self.moved.1.wait_timeout(guard, left.min(WAKE)).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    fn reached(&self, position: u64) {
        self.position.store(position, Ordering::Release);
        let _guard = self.moved.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.moved.1.notify_all();
    }
}

/// The set that answers for what `author` publishes with this visibility.
pub(super) fn set_of(visibility: Visibility, author: &Member) -> SetId {
    let name = match visibility {
        Visibility::Public | Visibility::Federation => federation_set_name(&author.county()),
        Visibility::County => county_set_name(&author.county()),
        Visibility::School | Visibility::Private => OWN_SET.to_owned(),
    };
    SetId::new(name).expect("base58 and a letter are within what a set's name may be")
}

fn federation_set_name(county: &NodeId) -> String {
    format!("f-{county}")
}

fn county_set_name(county: &NodeId) -> String {
    format!("c-{county}")
}

/// The widest visibility that anything in a set has.
pub(super) fn widest(set: &SetId) -> Visibility {
    match set.as_str().chars().next() {
        Some('f') => Visibility::Public,
        Some('c') => Visibility::County,
        _ => Visibility::School,
    }
}

/// What `county` answers for to everybody.
pub(super) fn federation_set(county: &NodeId) -> SetId {
    SetId::new(federation_set_name(county)).expect("base58 and a letter are within what a set's name may be")
}

/// What `county` answers for within itself.
pub(super) fn county_set(county: &NodeId) -> SetId {
    SetId::new(county_set_name(county)).expect("base58 and a letter are within what a set's name may be")
}

/// What this node alone searches.
pub(super) fn own_set() -> SetId {
    SetId::new(OWN_SET).expect("a letter is a set's name")
}

impl App {
    /// Follows the journal until told to stop.
    pub(super) fn follow_journal(self: &Arc<Self>) {
        let indexing = &self.indexing;
        let mut position = self.indexed_position();
        indexing.reached(position);
        while !indexing.stop.load(Ordering::Acquire) {
            match self.index_from(position) {
                Ok(next) if next > position => {
                    position = next;
                    indexing.reached(position);
                }
                Ok(_) => {
                    let end = self.catalogue.journal().wait_beyond(position, WAKE).position;
                    // In the journal already, in the catalogue in a moment.
                    if end > position && self.catalogue.applied() <= position {
                        std::thread::sleep(APPLYING);
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %format!("{error:#}"), "indexing waits");
                    std::thread::sleep(WAKE);
                }
            }
        }
    }

    fn indexed_position(&self) -> u64 {
        let cursor = self.indexing.index.cursor().and_then(|bytes| read_cursor(&bytes));
        // One of another journal, or in a part of this one that has been lost since: indexing again changes nothing.
        cursor.filter(|cursor| self.catalogue.journal().iter_from(*cursor).is_ok()).map_or(0, |cursor| cursor.position)
    }

    /// Indexes the next records; returns where it has come to.
    fn index_from(&self, position: u64) -> anyhow::Result<u64> {
        let journal = self.catalogue.journal();
        let end = self.catalogue.applied();
        if end <= position {
            return Ok(position);
        }
        let reading = self.catalogue.reading()?;
        let (mut touched, mut nodes) = (BTreeSet::new(), BTreeSet::new());
        let mut next = position;
        let mut frames = journal.iter_from(journal.cursor(position))?;
        for _ in 0..BATCH_RECORDS {
            // Behind the last record may be more of the journal: its beginning, or what could not be read.
            let Some(frame) = frames.next().transpose()?.filter(|frame| frame.position < end) else {
                next = end;
                break;
            };
            if let Ok(record) = Record::from_bytes(&frame.payload) {
                touch(&reading, &record, &mut touched)?;
                nodes.extend(concerned_node(&record));
            }
            next = frame.next;
        }
        // Whose place in the tree has changed, what they and those below them published is answered for otherwise.
        let is_concerned = |member: &&Member| member.path().any(|above| nodes.contains(&above));
        for member in reading.members().filter(is_concerned) {
            for id in reading.resources_of(&member.id) {
                touched.insert(id?);
            }
        }
        let mut changes = Vec::with_capacity(touched.len());
        for id in touched {
            let found = reading.resource(&id)?;
            let member = found.as_ref().and_then(|found| reading.find_member(&found.key.author));
            changes.push(match (&found, member) {
                (Some(found), Some(author)) => {
                    Change::Put { set: set_of(found.visibility, author), document: self.document(found, Some(author)) }
                }
                // Before it has joined, a node works for itself.
                (Some(found), None) if found.key.author == self.catalogue.id() => {
                    Change::Put { set: own_set(), document: self.document(found, None) }
                }
                _ => Change::Remove { id: id.to_string() },
            });
        }
        // Nobody who stores has to wait for the index.
        drop(reading);
        if !changes.is_empty() || next >= end {
            let cursor = write_cursor(journal.cursor(next));
            if changes.is_empty() {
                // Nothing to search has changed: the cursor may lag, replaying costs nothing.
                return Ok(next);
            }
            self.indexing.index.apply(&changes, &cursor)?;
        }
        Ok(next)
    }

    fn document(&self, found: &Found, author: Option<&Member>) -> Document {
        let resource = &found.resource;
        let mut facets = BTreeMap::new();
        let mut put = |facet, values: Vec<String>| {
            let values: Vec<_> = values.into_iter().filter(|value| !value.is_empty()).collect();
            if !values.is_empty() {
                facets.insert(facet, values);
            }
        };
        put(Facet::Subject, vec![resource.subject.clone()]);
        put(Facet::Stage, vec![resource.stage.clone()]);
        put(Facet::Grade, resource.years.iter().map(|year| format!("{}.{year}", resource.stage)).collect());
        put(Facet::Kind, vec![resource.kind.clone()]);
        if let Some(author) = author {
            put(Facet::Tier, vec![author.tier.as_str().to_owned()]);
            put(Facet::County, vec![author.county().to_string()]);
        }
        put(Facet::School, vec![found.key.author.to_string()]);
        put(Facet::License, vec![resource.license.clone()]);
        put(Facet::Certification, vec!["none".to_owned()]);
        let word = VISIBILITIES.iter().find(|(v, _)| *v == found.visibility).map(|(_, word)| (*word).to_owned());
        put(Facet::Visibility, word.into_iter().collect());
        Document {
            id: found.id.to_string(),
            title: resource.title.clone(),
            keywords: resource.keywords.clone(),
            description: resource.description.clone(),
            text: self.text_of(found),
            facets,
            time_ms: found.time.0,
        }
    }

    /// The extracted text of a resource, as far as it is here; file names count as text too.
    pub(super) fn text_of(&self, found: &Found) -> String {
        let mut all = String::new();
        for text in found.resource.files.iter().filter_map(|file| file.text) {
            match self.read_text(&text.blob) {
                Ok(Some(text)) => {
                    all.push_str(&text);
                    all.push('\n');
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(blob = %text.blob, %error, "a text cannot be read"),
            }
        }
        // Names of files last, so that snippets come from what people wrote.
        for file in &found.resource.files {
            all.push_str(&file.name);
            all.push('\n');
        }
        all
    }

    /// A text blob, unpacked; none where it is not here.
    pub(super) fn read_text(&self, blob: &kapok_protocol::blob::BlobId) -> anyhow::Result<Option<String>> {
        if !self.blobs.contains(*blob)? {
            return Ok(None);
        }
        let file = std::fs::File::open(self.blobs.path_of(*blob))?;
        let mut bytes = Vec::new();
        zstd::stream::read::Decoder::new(file)?.take(MAX_TEXT_BYTES).read_to_end(&mut bytes)?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// Which resources a record touches.
pub(super) fn touch(reading: &Reading<'_>, record: &Record, touched: &mut BTreeSet<ResourceId>) -> anyhow::Result<()> {
    match record {
        Record::Entry(entry) if entry.entry().key.kind == Kind::RESOURCE => {
            touched.extend(ResourceKey::of(entry.entry().author, &entry.entry().key).map(|key| key.id()));
        }
        Record::Entry(entry) if entry.entry().key.kind == Kind::WITHDRAWAL => {
            if let Ok(Some(withdrawal)) = Withdrawal::read(entry.entry()) {
                touched.insert(withdrawal.of().id());
            }
        }
        Record::Stub(shelf, stub) => {
            touched.extend(ResourceKey::of(shelf.author, &stub.key).map(|key| key.id()));
        }
        Record::TextArrived(blob) => touched.extend(reading.uses(blob)?.iter().map(|used| used.resource)),
        _ => {}
    }
    Ok(())
}

/// The node whose membership a record changes, or whose word it ends.
pub(super) fn concerned_node(record: &Record) -> Option<NodeId> {
    match record {
        Record::Certificate(certificate) => Some(certificate.membership().subject),
        Record::Entry(entry) if entry.entry().key.kind == Kind::MEMBERSHIP => {
            certificate(entry.entry()).ok().flatten().map(|certificate| certificate.membership().subject)
        }
        Record::Entry(entry) if entry.entry().key.kind == Kind::REVOCATION => {
            Revocation::read(entry.entry()).ok().map(|(subject, _)| subject)
        }
        _ => None,
    }
}

fn write_cursor(cursor: Cursor) -> Vec<u8> {
    [cursor.journal.as_slice(), &cursor.position.to_be_bytes()].concat()
}

fn read_cursor(bytes: &[u8]) -> Option<Cursor> {
    let (journal, position) = bytes.split_first_chunk::<16>()?;
    Some(Cursor { journal: *journal, position: u64::from_be_bytes(position.try_into().ok()?) })
}
