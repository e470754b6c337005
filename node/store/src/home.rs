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
//! Invariant: nothing in a folder of another version is touched, and one process at a time works in it.

use std::io;
use std::path::{Path, PathBuf};

use crate::fs::{self, Fs, Lock, Mode, SharedFs};

/// The version of the data folder that this build writes.
pub const FORMAT: &str = "kapok data folder 1";

/// Set aside on the disk, so that a full one still has room for what brings it back to order.
pub const RESERVE_BYTES: u64 = 32 << 20;

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

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("{} is not a kapok data folder\n  make it one: kapok init --home {}", .0.display(), .0.display())]
    NotAHome(PathBuf),
    #[error("{} already is a kapok data folder\n  start it with: kapok serve --home {}", .0.display(), .0.display())]
    AlreadyAHome(PathBuf),
    #[error("{} holds other files ({name})\n  choose an empty folder with --home", .root.display())]
    NotEmpty { root: PathBuf, name: String },
    #[error(
        "{} was written by another version of kapok (“{found}”, this one knows “{FORMAT}”); nothing was changed\n  \
         use the version that wrote it, or choose another folder with --home", .root.display()
    )]
    OtherFormat { root: PathBuf, found: String },
    #[error("{} is in use by another kapok{}\n  stop it first, or choose another folder with --home", .root.display(), holder(.pid))]
    InUse { root: PathBuf, pid: Option<u32> },
    #[error("the key file {} already exists; a key is never overwritten", .0.display())]
    KeyExists(PathBuf),
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// Where things are in a data folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    root: PathBuf,
}

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {
        impl Paths {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> PathBuf {
                self.root.join($path)
            })*
        }
    };
}

paths! {
    /// The operator's configuration.
    config = "kapok.toml";
    /// The version of the folder.
    format = "FORMAT";
    /// Locked while a process works here; names that process.
    lock = "LOCK";
    /// The secret keys.
    keys = "keys";
    /// The node's own key.
    node_key = "keys/node.key";
    /// The federation's root key, until it is taken offline.
    root_key = "keys/root.key";
    /// Signed entries, replicated.
    shared_journal = "journal/shared";
    /// What never leaves the node.
    private_journal = "journal/private";
    /// Who did what; chained.
    audit_journal = "journal/audit";
    /// Whole files under their hash.
    blobs = "blobs";
    /// Files that are still arriving from peers.
    partial = "partial";
    /// Files that are being added or uploaded.
    staging = "staging";
    /// Damaged files, until they have been fetched again.
    quarantine = "quarantine";
    /// The catalogue, made from the journals.
    catalogue = "views/catalogue";
    /// The search index, made from the journals.
    index = "views/index";
    /// The running daemon's token and the like.
    run = "run";
    /// Room for a full disk to be brought to order.
    reserve = "reserve.bin";
}

impl Paths {
    /// The paths of the data folder at `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The data folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn folders(&self) -> [PathBuf; 11] {
        [
            self.keys(),
            self.shared_journal(),
            self.private_journal(),
            self.audit_journal(),
            self.blobs(),
            self.partial(),
            self.staging(),
            self.quarantine(),
            self.catalogue(),
            self.index(),
            self.run(),
        ]
    }
}

/// A data folder that this process has to itself until the value is dropped.
#[derive(Debug)]
pub struct Home {
    fs: SharedFs,
    paths: Paths,
    _lock: Box<dyn Lock>,
}

impl Home {
    /// Makes `root` (missing, empty, or left by an interrupted `init`) a data folder and opens it.
    pub fn init(fs: SharedFs, root: &Path) -> Result<Self, HomeError> {
        let paths = Paths::new(root);
        let io = |doing| move |source| HomeError::Io { doing, path: root.to_path_buf(), source };
        if read_format(&*fs, &paths)?.is_some() {
            return Err(HomeError::AlreadyAHome(root.to_path_buf()));
        }
        fs::create_durably(&*fs, root).map_err(io("create"))?;
        let names = fs.list(root).map_err(io("read"))?;
        if let Some(name) = names.into_iter().find(|n| !OURS.contains(&n.as_str())) {
            return Err(HomeError::NotEmpty { root: root.to_path_buf(), name });
        }
        let lock = lock(&*fs, &paths)?;
        make_folders(&*fs, &paths).map_err(io("create"))?;
        // Last, so that an interrupted init is not taken for a finished one.
        let format = format!("{FORMAT}\n");
        fs::write_atomically(&*fs, &paths.format(), format.as_bytes(), Mode::CreateNew).map_err(io("write to"))?;
        if let Some(above) = root.parent().filter(|p| !p.as_os_str().is_empty()) {
            fs.sync_dir(above).map_err(io("create"))?;
        }
        let home = Self { fs, paths, _lock: lock };
        home.refill_reserve();
        Ok(home)
    }

    /// Opens the data folder at `root`.
    pub fn open(fs: SharedFs, root: &Path) -> Result<Self, HomeError> {
        let paths = Paths::new(root);
        match read_format(&*fs, &paths)? {
            None => return Err(HomeError::NotAHome(root.to_path_buf())),
            Some(found) if found != FORMAT => {
                return Err(HomeError::OtherFormat { root: root.to_path_buf(), found });
            }
            Some(_) => {}
        }
        let lock = lock(&*fs, &paths)?;
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
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim().chars().take(80).collect())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HomeError::Io { doing: "read", path: paths.format(), source }),
    }
}

fn lock(fs: &dyn Fs, paths: &Paths) -> Result<Box<dyn Lock>, HomeError> {
    let path = paths.lock();
    let io = |source| HomeError::Io { doing: "lock", path: path.clone(), source };
    let Some(lock) = fs.try_lock(&path).map_err(io)? else {
        let pid = fs::read_small(fs, &path, SMALL_FILE_BYTES).ok();
        let pid = pid.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.trim().parse().ok());
        return Err(HomeError::InUse { root: paths.root().to_path_buf(), pid });
    };
    // Only for the message that a second process prints, so it need not be durable.
    let file = fs.open(&path, Mode::Write).map_err(io)?;
    let pid = format!("{}\n", std::process::id());
    file.set_len(0).and_then(|()| file.write_at(0, pid.as_bytes())).map_err(io)?;
    Ok(lock)
}

fn make_folders(fs: &dyn Fs, paths: &Paths) -> io::Result<()> {
    for folder in paths.folders() {
        fs.create_dir_all(&folder)?;
    }
    // Also when all were there: whoever made them may have been killed before this.
    for above in ["journal", "views", ""] {
        fs.sync_dir(&paths.root().join(above))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::fs::ForgetfulFs;

    fn disk() -> (ForgetfulFs, SharedFs, &'static Path) {
        let disk = ForgetfulFs::new();
        (disk.clone(), Arc::new(disk), Path::new("/srv/kapok"))
    }

    #[test]
    fn a_folder_is_made_once_and_opened_after_a_power_cut() {
        let (disk, fs, root) = disk();
        assert!(matches!(Home::open(fs.clone(), root), Err(HomeError::NotAHome(_))));
        let home = Home::init(fs.clone(), root).unwrap();
        let key = home.paths().node_key();
        home.write_key(&key, b"secret").unwrap();
        assert!(matches!(home.write_key(&key, b"other"), Err(HomeError::KeyExists(_))));
        disk.crash(7);
        let home = Home::open(fs.clone(), root).unwrap();
        assert_eq!(home.read_key(&key).unwrap().unwrap(), b"secret");
        assert_eq!(home.read_key(&home.paths().root_key()).unwrap(), None);
        drop(home);
        assert!(matches!(Home::init(fs, root), Err(HomeError::AlreadyAHome(_))));
    }

    #[test]
    fn an_init_cut_anywhere_can_be_done_again() {
        let (disk, fs, root) = disk();
        Home::init(fs, root).unwrap();
        let changes = disk.changes();
        for cut in 0..changes {
            let (disk, fs, root) = self::disk();
            disk.cut_power_after(cut);
            let unfinished = Home::init(fs.clone(), root);
            drop(unfinished);
            disk.crash(cut);
            match Home::init(fs.clone(), root) {
                Ok(_) => {}
                Err(HomeError::AlreadyAHome(_)) => drop(Home::open(fs, root).unwrap()),
                Err(e) => panic!("cut after {cut}: {e}"),
            }
        }
    }

    #[test]
    fn a_folder_of_another_version_is_refused_untouched() {
        let (disk, fs, root) = disk();
        disk.put(&root.join("FORMAT"), b"kapok data folder 9\n");
        let before = (disk.files(), disk.changes());
        let error = Home::open(fs, root).unwrap_err();
        assert!(error.to_string().contains("kapok data folder 9"), "{error}");
        assert_eq!(before, (disk.files(), disk.changes()));
    }

    #[test]
    fn a_folder_with_other_files_is_not_taken_over() {
        let (disk, fs, root) = disk();
        disk.put(&root.join("thesis.docx"), b"mine");
        let error = Home::init(fs, root).unwrap_err();
        assert!(error.to_string().contains("thesis.docx"), "{error}");
    }

    #[test]
    fn a_second_process_is_told_who_holds_the_folder() {
        let (_, fs, root) = disk();
        let home = Home::init(fs.clone(), root).unwrap();
        let error = Home::open(fs.clone(), root).unwrap_err().to_string();
        assert!(error.contains(&format!("in use by another kapok (process {})", std::process::id())), "{error}");
        assert!(error.contains("choose another folder with --home"), "{error}");
        drop(home);
        assert!(Home::open(fs, root).is_ok());
    }

    #[test]
    fn the_reserve_is_freed_for_a_full_disk_and_set_aside_again() {
        let (disk, fs, root) = disk();
        disk.set_room(Some(5 * RESERVE_BYTES));
        let home = Home::init(fs.clone(), root).unwrap();
        let before = fs.free_space(root).unwrap();
        assert!(home.free_reserve());
        assert_eq!(fs.free_space(root).unwrap(), before + RESERVE_BYTES);
        disk.set_room(Some(1000));
        assert!(!home.refill_reserve());
        disk.set_room(Some(5 * RESERVE_BYTES));
        assert!(home.refill_reserve());
    }
}
