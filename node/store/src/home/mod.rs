//! The data folder: its version, its lock, and where everything in it is.
//!
//! ```text
//! kapok.toml  FORMAT  LOCK
//! keys/node.key (0600)  keys/root.key
//! journal/shared/  journal/private/  journal/audit/    truth
//! blobs/ab/cd/HEX                                      truth, mode 0444
//! partial/  staging/  quarantine/
//! views/catalogue  views/index                         deletable
//! run/
//! reserve.bin                                          32 MiB, freed first when the disk is full
//! ```
//!
//! Reading order: [`Paths`] → [`Home::begin`] and [`Home::open`] → [`lock`] → [`HomeError`].
//!
//! Invariants: nothing in a folder of another version is touched; one process at a time works in it; a key is never
//! written over; what is nobody else's business (keys, journal/private, journal/audit, staging, run) is in folders of
//! mode 0700.

mod error;
mod lock;
mod paths;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use crate::fs::{self, Fs, Kind, Lock, Mode, SharedFs};

pub use error::{HomeError, remedy};
pub use lock::Purpose;
pub use paths::Paths;

/// The version of the data folder that this build writes.
pub const FORMAT: &str = "kapok data folder 1";

/// Set aside on the disk, so that a full one still has room for what brings it back to order.
pub const RESERVE_BYTES: u64 = 32 << 20;

/// An ed25519 secret.
pub const KEY_BYTES: usize = 32;

/// FORMAT, LOCK and keys are a line or two.
const SMALL_FILE_BYTES: usize = 64 * 1024;

/// What a folder may hold before `init` without being somebody else's.
const OURS: [&str; 12] = [
    "kapok.toml",
    "FORMAT",
    "FORMAT.new",
    "LOCK",
    "keys",
    "journal",
    "blobs",
    "partial",
    "staging",
    "quarantine",
    "views",
    "run",
];

/// A key that others than its owner could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposedKey {
    pub path: PathBuf,
    /// Whether it is the owner's alone now.
    pub closed: bool,
}

/// A data folder that this process has to itself until the value is dropped.
#[derive(Debug)]
pub struct Home {
    fs: SharedFs,
    paths: Paths,
    _lock: Box<dyn Lock>,
}

/// A data folder in the making: all but FORMAT, so that what breaks off here is not taken for a node.
#[derive(Debug)]
pub struct Unfinished(Home);

impl Unfinished {
    /// The folder, to put keys and journals into.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.0
    }

    /// Makes it a data folder: durable on return.
    pub fn finish(self) -> Result<Home, HomeError> {
        let Self(home) = self;
        let root = home.paths.root();
        let io = |source| HomeError::Io { doing: "write to", path: root.to_path_buf(), source };
        let format = format!("{FORMAT}\n");
        fs::write_atomically(&*home.fs, &home.paths.format(), format.as_bytes(), Mode::CreateNew).map_err(io)?;
        if let Some(above) = root.parent().filter(|p| !p.as_os_str().is_empty()) {
            home.fs.sync_dir(above).map_err(io)?;
        }
        home.refill_reserve();
        Ok(home)
    }
}

impl Home {
    /// Begins to make `root` (missing, empty, or left by an interrupted `init`) a data folder.
    pub fn begin(fs: SharedFs, root: &Path) -> Result<Unfinished, HomeError> {
        let paths = Paths::new(root);
        let io = |doing| move |source| HomeError::Io { doing, path: root.to_path_buf(), source };
        check_folder(&*fs, root)?;
        if read_format(&*fs, &paths)?.is_some() {
            return Err(HomeError::AlreadyAHome(root.to_path_buf()));
        }
        if is_without_format(&*fs, &paths)? {
            return Err(HomeError::FormatMissing(paths.format()));
        }
        fs::create_durably(&*fs, root).map_err(io("create"))?;
        let names = fs.list(root).map_err(io("read"))?;
        if let Some(name) = names.into_iter().find(|n| !OURS.contains(&n.as_str())) {
            return Err(HomeError::NotEmpty { root: root.to_path_buf(), name });
        }
        let lock = lock::lock(&*fs, &paths, Purpose::Command)?;
        make_folders(&*fs, &paths).map_err(io("create the folders in"))?;
        Ok(Unfinished(Self { fs, paths, _lock: lock }))
    }

    /// Makes `root` a data folder with nothing in it.
    pub fn init(fs: SharedFs, root: &Path) -> Result<Self, HomeError> {
        Self::begin(fs, root)?.finish()
    }

    /// Refuses a folder that cannot be opened, without opening it: for whoever only reads its settings.
    pub fn check(fs: &dyn Fs, root: &Path) -> Result<(), HomeError> {
        let paths = Paths::new(root);
        check_folder(fs, root)?;
        match read_format(fs, &paths)? {
            None if is_without_format(fs, &paths)? => Err(HomeError::FormatMissing(paths.format())),
            None => Err(HomeError::NotAHome(root.to_path_buf())),
            Some(found) if found.is_empty() => Err(HomeError::NoFormat(paths.format())),
            Some(found) if found != FORMAT => Err(HomeError::OtherFormat { root: root.to_path_buf(), found }),
            Some(_) => Ok(()),
        }
    }

    /// Opens the data folder at `root` for as long as the process runs.
    pub fn open(fs: SharedFs, root: &Path) -> Result<Self, HomeError> {
        Self::open_to(Purpose::Serve, fs, root)
    }

    /// Opens the data folder at `root`; whoever finds it locked is told what for.
    pub fn open_to(purpose: Purpose, fs: SharedFs, root: &Path) -> Result<Self, HomeError> {
        let paths = Paths::new(root);
        Self::check(&*fs, root)?;
        let lock = lock::lock(&*fs, &paths, purpose)?;
        // Somebody may have tidied up: empty folders are easily mistaken for useless ones.
        let created = make_folders(&*fs, &paths);
        created.map_err(|source| HomeError::Io { doing: "create the folders in", path: root.to_path_buf(), source })?;
        let home = Self { fs, paths, _lock: lock };
        home.refill_reserve();
        Ok(home)
    }

    /// Where things are in it.
    #[must_use]
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The file system that it is on.
    #[must_use]
    pub fn fs(&self) -> &SharedFs {
        &self.fs
    }

    /// Writes a secret that only the owner can read; durable on return.
    pub fn write_key(&self, path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
        let io = |source| HomeError::Io { doing: "write the key", path: path.to_path_buf(), source };
        if fs::exists(&*self.fs, path).map_err(io)? {
            return Err(HomeError::KeyExists(path.to_path_buf()));
        }
        fs::write_atomically(&*self.fs, path, bytes, Mode::CreateSecret).map_err(io)
    }

    /// Reads a key file; `None` if there is none.
    pub fn read_key(&self, path: &Path) -> Result<Option<Vec<u8>>, HomeError> {
        match fs::read_small(&*self.fs, path, SMALL_FILE_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(HomeError::Io { doing: "read the key", path: path.to_path_buf(), source }),
        }
    }

    /// The node's own secret key.
    pub fn node_key(&self) -> Result<[u8; KEY_BYTES], HomeError> {
        let path = self.paths.node_key();
        let Some(bytes) = self.read_key(&path)? else { return Err(HomeError::KeyMissing(path)) };
        let found = bytes.len() as u64;
        bytes.try_into().map_err(|_| HomeError::KeyDamaged { path, found })
    }

    /// Makes keys that others can read (restored with another program, most often) the owner's alone again. Gives those
    /// that others could read.
    #[must_use]
    pub fn close_keys(&self) -> Vec<ExposedKey> {
        let keys = [self.paths.node_key(), self.paths.root_key()];
        let exposed = keys.into_iter().filter_map(|path| match self.fs.make_private(&path) {
            Ok(was_private) => (!was_private).then_some(ExposedKey { path, closed: true }),
            // A missing root key is the rule.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(ExposedKey { path, closed: false }),
        });
        exposed.collect()
    }

    /// Writes a file of the running process that only the owner can read (`run/token`), replacing the one of the last.
    pub fn write_run_file(&self, name: &str, bytes: &[u8]) -> Result<(), HomeError> {
        let path = self.paths.run().join(name);
        fs::write_atomically(&*self.fs, &path, bytes, Mode::CreateSecret).map_err(|source| HomeError::Io {
            doing: "write",
            path: path.clone(),
            source,
        })
    }

    /// Gives the reserve back to a full disk. Returns whether there was one.
    pub fn free_reserve(&self) -> bool {
        self.fs.remove(&self.paths.reserve()).is_ok()
    }

    /// Sets the reserve aside (again) where that leaves more free than it takes. Returns whether it is there.
    pub fn refill_reserve(&self) -> bool {
        let reserve = self.paths.reserve();
        if self.fs.metadata(&reserve).is_ok_and(|m| m.len == RESERVE_BYTES) {
            return true;
        }
        // Half made, before a crash or on a disk that filled up.
        let _ = fs::remove_if_there(&*self.fs, &reserve);
        let enough = self.fs.free_space(self.paths.root()).is_ok_and(|free| free > 4 * RESERVE_BYTES);
        let made = enough && self.fs.reserve(&reserve, RESERVE_BYTES).is_ok();
        if !made {
            let _ = fs::remove_if_there(&*self.fs, &reserve);
        }
        made
    }
}

/// What FORMAT says; `None` if there is none.
fn read_format(fs: &dyn Fs, paths: &Paths) -> Result<Option<String>, HomeError> {
    match fs::read_small(fs, &paths.format(), SMALL_FILE_BYTES) {
        Ok(bytes) => Ok(Some(readable(&bytes).trim().chars().take(80).collect())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HomeError::Io { doing: "read", path: paths.format(), source }),
    }
}

/// Bytes as text that does no harm to a terminal: what is not plain is escaped.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.trim().chars().any(char::is_control) => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

/// Whether a folder has no FORMAT, but a key and something in its private journal. An `init` that broke off just before
/// its end looks the same, so it is not for the program to decide.
fn is_without_format(fs: &dyn Fs, paths: &Paths) -> Result<bool, HomeError> {
    let key = paths.node_key();
    if !fs::exists(fs, &key).map_err(|source| HomeError::Io { doing: "look at", path: key, source })? {
        return Ok(false);
    }
    let journal = paths.private_journal();
    match fs.list(&journal) {
        Ok(names) => Ok(!names.is_empty()),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(source) => Err(HomeError::Io { doing: "read", path: journal, source }),
    }
}

/// A file stands where the folder, or one above it, should be. Links are followed: the data may be on another disk.
fn check_folder(fs: &dyn Fs, root: &Path) -> Result<(), HomeError> {
    let there = root.ancestors().find_map(|path| Some((path, fs.metadata(path).ok()?)));
    match there {
        Some((path, metadata)) if metadata.kind == Kind::File => Err(HomeError::NotAFolder(path.to_path_buf())),
        _ => Ok(()),
    }
}

fn make_folders(fs: &dyn Fs, paths: &Paths) -> io::Result<()> {
    for folder in paths.folders() {
        fs.create_dir_all(&folder)?;
    }
    for folder in paths.private_folders() {
        // A file system without permissions (FAT), or a folder of somebody else's: the node works all the same.
        if let Err(error) = fs.make_private(&folder) {
            tracing::warn!(folder = %folder.display(), %error, "others may be able to read this folder: close it (chmod 700)");
        }
    }
    // Also when all were there: whoever made them may have been killed before this.
    for above in ["journal", "views", ""] {
        fs.sync_dir(&paths.root().join(above))?;
    }
    Ok(())
}
