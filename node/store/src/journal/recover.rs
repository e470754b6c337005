//! Opening: which journal this is, where its durable end is.
//!
//! Sealed segments are not read here; what is bad in them shows when it is read. The last one is read through: a row of
//! bad bytes with intact frames behind it is damage and stays, bad bytes at the very end are what a crash left of an
//! append that was never acknowledged, and are cut. Before that, an interrupted overwrite is carried out.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use super::append::State;
use super::damage::{Damage, DamageList};
use super::frame::FrameKey;
use super::read::{Buffer, Window};
use super::segment::{self, Identity, SEGMENT_HEADER_BYTES, Segment, SegmentHeader};
use super::{JournalError, Options, Shared, chain, halves, overwrite};
use crate::fs::{self, File, Fs, Mode, SharedFs};

pub(super) fn open(fs: SharedFs, dir: &Path, options: Options, fresh: [u8; 32]) -> Result<Shared, JournalError> {
    let error = |doing| move |source| JournalError::Io { doing, path: dir.to_path_buf(), source };
    fs::create_durably(&*fs, dir).map_err(error("create"))?;
    let mut segments = BTreeMap::new();
    for base in segment::bases(&*fs, dir).map_err(error("read"))? {
        let file = open_segment(&*fs, &segment::path(dir, base)).map_err(error("open a segment of"))?;
        let len = file.metadata().map_err(error("read"))?.len;
        segments.insert(base, Segment::new(base, len, file));
    }
    let identity = identify(&*fs, dir, &segments, options, fresh)?;
    let key = identity.key();
    let mut damage = DamageList::default();
    // Before the scan, which would take a frame that was being overwritten for one that was never finished.
    let mut broken = overwrite::resume(&*fs, dir, &identity, &segments).err().map(|e| e.to_string());
    let chain = loop {
        let Some((&base, last)) = segments.last_key_value() else {
            let first = begin(&*fs, dir, &identity).map_err(error("begin"))?;
            segments.insert(0, first);
            break [0; 32];
        };
        let found = scan(last, key, &identity).map_err(error("read"))?;
        let header = SegmentHeader::read(&*last.file).filter(|h| h.base == base);
        if header.is_none() && found.frames == 0 {
            // Its header is synced before anything else: nothing acknowledged was ever in it.
            fs.remove(&segment::path(dir, base))
                .and_then(|()| fs.sync_dir(dir))
                .map_err(error("remove a segment of"))?;
            segments.remove(&base);
            continue;
        }
        found.damage.into_iter().for_each(|d| damage.note(d));
        let chain = found.chain.or(header.map(|h| h.chain)).unwrap_or_default();
        if let Err(e) = settle_end(&*fs, dir, last, found.end) {
            broken = Some(e.to_string());
        }
        let last = Segment { len: found.end - base, ..last.clone() };
        segments.insert(base, last);
        break chain;
    };
    Ok(Shared {
        fs,
        dir: dir.to_path_buf(),
        options,
        identity,
        key,
        state: Mutex::new(State::new(segments, chain, broken)),
        changed: Condvar::new(),
        overwriting: Mutex::default(),
        listeners: Mutex::default(),
        damage: Mutex::new(damage),
    })
}

/// Cuts what stands behind `end`, and makes what stands before it durable: who was killed has perhaps written, but not
/// synced it, and what is read from here on must not be gone after the next power cut.
fn settle_end(fs: &dyn Fs, dir: &Path, last: &Segment, end: u64) -> io::Result<()> {
    if end < last.end() {
        tracing::info!(journal = %dir.display(), bytes = last.end() - end, "cut an unfinished append");
        last.file.set_len(end - last.base)?;
    }
    last.file.sync()?;
    fs.sync_dir(dir)
}

/// On a disk that has become read-only the journal can still be read.
fn open_segment(fs: &dyn Fs, path: &Path) -> io::Result<Arc<dyn File>> {
    fs.open(path, Mode::Write).or_else(|_| fs.open(path, Mode::Read)).map(Arc::from)
}

/// The journal's identity: from its file, else from any segment (with a new id), else a new one.
fn identify(
    fs: &dyn Fs,
    dir: &Path,
    segments: &BTreeMap<u64, Segment>,
    options: Options,
    fresh: [u8; 32],
) -> Result<Identity, JournalError> {
    let identity = if let Some(identity) = Identity::read(fs, dir) {
        identity
    } else {
        let (id, secret) = halves(fresh);
        let known = segments.values().rev().find_map(|s| SegmentHeader::read(&*s.file));
        let identity = match known {
            Some(header) => Identity { id, secret: header.secret, chained: header.chained },
            None => Identity { id, secret, chained: options.chained },
        };
        let error = |source| JournalError::Io { doing: "name", path: dir.to_path_buf(), source };
        identity.write(fs, dir).map_err(error)?;
        identity
    };
    if identity.chained != options.chained {
        let found = if identity.chained { "" } else { "un" };
        return Err(JournalError::OtherKind { dir: dir.to_path_buf(), found });
    }
    Ok(identity)
}

/// The first segment of a new journal.
fn begin(fs: &dyn Fs, dir: &Path, identity: &Identity) -> io::Result<Segment> {
    let header = SegmentHeader { base: 0, secret: identity.secret, chained: identity.chained, chain: [0; 32] }.encode();
    let file: Arc<dyn File> = fs.open(&segment::path(dir, 0), Mode::CreateNew)?.into();
    file.write_at(0, &header)?;
    file.sync()?;
    fs.sync_dir(dir)?;
    Ok(Segment::new(0, header.len() as u64, file))
}

struct Scanned {
    frames: u64,
    end: u64,
    /// The chain's value after the last frame.
    chain: Option<[u8; 32]>,
    damage: Vec<Damage>,
}

fn scan(segment: &Segment, key: FrameKey, identity: &Identity) -> io::Result<Scanned> {
    let first = segment.base + SEGMENT_HEADER_BYTES as u64;
    let mut found = Scanned { frames: 0, end: first.min(segment.end()), chain: None, damage: Vec::new() };
    let mut buffer = Buffer::default();
    let mut window = Window::new(segment, key, &mut buffer);
    let mut at = first;
    while at < segment.end() {
        if let Some(stored) = window.frame(at)? {
            if identity.chained {
                found.chain = chain::split(stored.payload).map(|(link, _)| link);
            }
            found.frames += 1;
            at = stored.next;
            found.end = at;
        } else if let Some(next) = window.next_frame_after(at)? {
            found.damage.push(Damage { from: at, to: next });
            at = next;
        } else {
            break;
        }
    }
    Ok(found)
}
