//! What a view leaves on the disk.
//!
//! `db.N` is sled's folder; `CLEAN` names it after an orderly stop, with the position that it stood at and a hash of its
//! files, since sled does not notice all damage: with some flipped bytes it opened and lacked a few of 3,000 keys.
//! `aside.N` is the last database that failed. Every new database gets a new number: one that was given up may still be writing, by its old
//! path.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::engine::{self, Engine, NotOpened};
use super::{ViewError, ViewOptions, outgrown};
use crate::fs::{Fs, Mode, RealFs, read_small, remove_if_there, write_atomically};
use crate::journal::Cursor;

const CLEAN: &str = "CLEAN";
const DATABASE: &str = "db.";
const ASIDE: &str = "aside.";
const CLEAN_BYTES: usize = 1024;
/// How long an orderly stop waits for calls under way, and then for sled; systemd waits for 90 seconds.
const CLOSE_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Opens what can be believed, else an empty database.
    pub(super) fn open(&self, options: ViewOptions) -> Result<(Engine, Option<Cursor>), ViewError> {
        fs::create_dir_all(&self.root).map_err(self.io("create"))?;
        let clean = self.read_clean();
        // Durably gone before sled writes: from here on the database is as good as lost until it is closed.
        remove_if_there(&RealFs, &self.root.join(CLEAN)).map_err(self.io("write to"))?;
        RealFs.sync_dir(&self.root).map_err(self.io("write to"))?;
        let Some(Clean { number, position, hash }) = clean else {
            self.discard_all_but(None);
            return Ok((self.begin(options)?, None));
        };
        self.discard_all_but(Some(number));
        let dir = self.numbered(number);
        if options.estimate_bytes.is_some_and(|estimate| outgrown(disk_bytes(&dir), estimate)) {
            tracing::info!(view = %self.root.display(), "the view has outgrown its content and is made anew");
            self.discard_all_but(None);
            return Ok((self.begin(options)?, None));
        }
        // Left by a kill during a snapshot; sled then refuses to open, and loses nothing without it.
        remove_snapshots(&dir, |name| name.ends_with(".generating"));
        let opened = match hash_folder(&dir) {
            Ok(found) if found == hash => open_existing(&dir, options),
            Ok(_) => Err("its files were altered".to_owned()),
            Err(e) => Err(format!("its files cannot be read: {e}")),
        };
        match opened {
            Ok(engine) if engine::guarded(|| engine.position()) == Ok(position) => return Ok((engine, position)),
            Ok(engine) => {
                tracing::warn!(view = %self.root.display(), "the view is not what it was when it was closed");
                engine::let_go(Arc::new(engine));
            }
            Err(reason) => tracing::warn!(view = %self.root.display(), reason, "the view does not open"),
        }
        self.set_aside();
        Ok((self.begin(options)?, None))
    }

    /// An empty database in a new folder.
    pub(super) fn begin(&self, options: ViewOptions) -> Result<Engine, ViewError> {
        let used = self.numbers(DATABASE).into_iter().chain(self.numbers(ASIDE)).max();
        let number = used.map_or(1, |n| n + 1);
        let dir = self.numbered(number);
        Engine::open(&dir, options.cache_bytes, options.open_limit).map_err(|not_opened| {
            let reason = match not_opened {
                NotOpened::Failed(reason) => reason,
                NotOpened::TooSlow => "the disk is too slow".to_owned(),
            };
            self.io("create")(io::Error::other(reason))
        })
    }

    /// Keeps the newest database for whoever wonders what happened, in place of the one kept before.
    pub(super) fn set_aside(&self) {
        let kept_before = self.numbers(ASIDE);
        if let Some(&number) = self.numbers(DATABASE).last() {
            // Where an open folder cannot be renamed it stays until the next start.
            let _ = fs::rename(self.numbered(number), self.root.join(format!("{ASIDE}{number}")));
            for number in kept_before {
                let _ = fs::remove_dir_all(self.root.join(format!("{ASIDE}{number}")));
            }
        }
    }

    /// Closes the database, syncs its files, and says so.
    pub(super) fn close(&self, engine: Arc<Engine>, position: Option<Cursor>) -> Result<(), ViewError> {
        let Some(&number) = self.numbers(DATABASE).last() else {
            return Ok(());
        };
        let failed = |reason: &str| self.io("close")(io::Error::other(reason.to_owned()));
        let engine = engine::alone(engine, CLOSE_LIMIT).ok_or_else(|| failed("it is in use"))?;
        let (sender, receiver) = mpsc::channel();
        let dir = self.numbered(number);
        let close = move || {
            let synced = || sync_folder(&dir).and_then(|()| hash_folder(&dir)).map_err(|e| e.to_string());
            let closed = engine.close().and_then(|()| synced());
            let _ = sender.send(closed);
        };
        thread::Builder::new().name("view-close".to_owned()).spawn(close).map_err(self.io("close"))?;
        let hash = match receiver.recv_timeout(CLOSE_LIMIT) {
            Ok(Ok(hash)) => hash,
            Ok(Err(reason)) => return Err(failed(&reason)),
            Err(_) => return Err(failed("it does not come to an end")),
        };
        RealFs.sync_dir(&self.root).map_err(self.io("sync"))?;
        let text = Clean { number, position, hash }.to_text();
        write_atomically(&RealFs, &self.root.join(CLEAN), text.as_bytes(), Mode::CreateNew).map_err(self.io("close"))
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.numbers(DATABASE).last().map_or(0, |&n| disk_bytes(&self.numbered(n)))
    }

    fn read_clean(&self) -> Option<Clean> {
        let text = read_small(&RealFs, &self.root.join(CLEAN), CLEAN_BYTES).ok()?;
        Clean::parse(&String::from_utf8(text).ok()?)
    }

    fn discard_all_but(&self, kept: Option<u64>) {
        for number in self.numbers(DATABASE) {
            if Some(number) != kept
                && let Err(error) = fs::remove_dir_all(self.numbered(number))
            {
                tracing::warn!(view = %self.root.display(), %error, "an old database cannot be removed");
            }
        }
    }

    fn numbered(&self, number: u64) -> PathBuf {
        self.root.join(format!("{DATABASE}{number}"))
    }

    fn numbers(&self, kind: &str) -> Vec<u64> {
        let names = RealFs.list(&self.root).unwrap_or_default();
        let mut numbers: Vec<u64> = names.iter().filter_map(|n| n.strip_prefix(kind)?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> ViewError {
        let path = self.root.clone();
        move |source| ViewError::Io { doing, path: path.clone(), source }
    }
}

/// What `CLEAN` says.
struct Clean {
    number: u64,
    position: Option<Cursor>,
    hash: blake3::Hash,
}

impl Clean {
    fn to_text(&self) -> String {
        let position = match self.position {
            Some(at) => format!("{:032x} {}", u128::from_be_bytes(at.journal), at.position),
            None => "empty".to_owned(),
        };
        format!("{} {} {position}\n", self.number, self.hash)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_ascii_whitespace();
        let number = words.next()?.parse().ok()?;
        let hash = words.next()?.parse().ok()?;
        let position = match (words.next()?, words.next()) {
            ("empty", None) => None,
            (journal, Some(position)) => Some(Cursor {
                journal: u128::from_str_radix(journal, 16).ok()?.to_be_bytes(),
                position: position.parse().ok()?,
            }),
            _ => return None,
        };
        Some(Self { number, position, hash })
    }
}

/// Opens a database that was closed in good order, without its snapshot if it does not open with it.
pub(super) fn open_existing(dir: &Path, options: ViewOptions) -> Result<Engine, String> {
    let open = || Engine::open(dir, options.cache_bytes, options.open_limit);
    let too_slow = || format!("it took longer than {} seconds", options.open_limit.as_secs());
    match open() {
        Ok(engine) => Ok(engine),
        Err(NotOpened::TooSlow) => Err(too_slow()),
        Err(NotOpened::Failed(first)) => {
            remove_snapshots(dir, |_| true);
            open().map_err(|second| match second {
                NotOpened::Failed(second) => format!("{first}; without its snapshot: {second}"),
                NotOpened::TooSlow => too_slow(),
            })
        }
    }
}

fn remove_snapshots(dir: &Path, which: impl Fn(&str) -> bool) {
    for name in RealFs.list(dir).unwrap_or_default() {
        if name.starts_with("snap.") && which(&name) {
            let _ = fs::remove_file(dir.join(name));
        }
    }
}

/// sled's own flush asks the kernel to begin writing, which is not a sync; 10 of 10 power cuts lost the database. So
/// its files are synced here.
fn sync_folder(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folder(&entry.path())?;
        } else {
            fs::OpenOptions::new().read(true).write(true).open(entry.path())?.sync_all()?;
        }
    }
    RealFs.sync_dir(dir)
}

/// The hash of all names, lengths and bytes in a folder.
fn hash_folder(dir: &Path) -> io::Result<blake3::Hash> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut hasher = blake3::Hasher::new();
    for entry in entries {
        hasher.update(blake3::hash(entry.file_name().as_encoded_bytes()).as_bytes());
        let content = if entry.file_type()?.is_dir() {
            hash_folder(&entry.path())?
        } else {
            blake3::Hasher::new().update_reader(fs::File::open(entry.path())?)?.finalize()
        };
        hasher.update(content.as_bytes());
    }
    Ok(hasher.finalize())
}

/// What the files really take.
fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(m) if m.is_dir() => disk_bytes(&entry.path()),
        Ok(m) => m.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
