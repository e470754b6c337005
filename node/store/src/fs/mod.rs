//! The file system as the store needs it: a small trait, so that power cuts and full disks can be simulated.
//!
//! [`RealFs`] is the operating system's; what differs between operating systems stays in `real.rs`. [`ForgetfulFs`]
//! forgets what was not synced, and fails when a test wants it to.
//!
//! The rules that callers keep: a file's bytes are durable after [`File::sync`]; a name (created, renamed or removed)
//! is durable after [`Fs::sync_dir`] of the folder that holds it; nothing else is.

pub mod forgetful;
mod real;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

pub use forgetful::ForgetfulFs;
pub use real::RealFs;

/// A file system shared by the parts of one store.
pub type SharedFs = Arc<dyn Fs>;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// For reading; it must exist.
    Read,
    /// For reading and writing; it must exist.
    Write,
    /// For reading and writing; it must not exist.
    CreateNew,
    /// As [`Mode::CreateNew`], readable by the owner alone (0600).
    CreateSecret,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, a device, a pipe.
    Other,
}

/// What is known of a name without opening it. Links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// File, folder or other.
    pub kind: Kind,
    /// Bytes in the file.
    pub len: u64,
    /// When its bytes last changed, where the file system says so.
    pub modified: Option<SystemTime>,
    /// Which file on which disk it is, where the system says so: names with the same number are names of one file.
    pub number: Option<(u64, u64)>,
}

/// The holder of a lock; dropping it unlocks.
pub trait Lock: Send + Sync + fmt::Debug {}

/// Files and folders. All calls may block on the disk.
pub trait Fs: Send + Sync + fmt::Debug + 'static {
    /// Opens a file.
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>>;
    /// What the name stands for; links are not followed.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;
    /// The names in a folder, sorted.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes a folder and those above it.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// Renames, replacing a file that has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name, which must be free; an error where the file system cannot.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in this folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Mode 0444.
    fn set_read_only(&self, path: &Path) -> io::Result<()>;
    /// Undoes [`Fs::set_read_only`]: 0644.
    fn set_writable(&self, path: &Path) -> io::Result<()>;
    /// The permission bits, to be given back by [`Fs::set_mode`]. Links are followed.
    fn mode(&self, path: &Path) -> io::Result<u32>;
    /// Gives a file the permission bits that it had.
    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()>;
    /// How many names the file has, where the system says so; else one.
    fn links(&self, path: &Path) -> io::Result<u64>;
    /// Makes a file or a folder its owner's alone; says whether it was so before.
    fn make_private(&self, path: &Path) -> io::Result<bool>;
    /// Bytes that this process may still write on the disk that holds `dir`.
    fn free_space(&self, dir: &Path) -> io::Result<u64>;
    /// Makes `to` a copy that shares its blocks with `from`; an error where the file system cannot.
    fn reflink(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Creates `path` with `len` bytes of disk really set aside.
    fn reserve(&self, path: &Path, len: u64) -> io::Result<()>;
    /// Locks the file (created if missing) against other processes; `None` when another holds it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
    /// How many files may usefully be written at the same time.
    fn parallelism(&self) -> usize {
        1
    }
}

/// An open file. Positions are explicit, so that one handle serves many threads.
pub trait File: Send + Sync + fmt::Debug {
    /// Reads at most `buf.len()` bytes; 0 at the end.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes`, or fails having written some of them.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts or extends (with zeros).
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Size and time of the open file, wherever its name is now.
    fn metadata(&self) -> io::Result<Metadata>;
    /// Makes the bytes durable (`fdatasync`). After an error nothing written since the last success can be relied on.
    fn sync(&self) -> io::Result<()>;
}

/// Fills `buf` from `offset` as far as the file goes; returns how much that was.
pub fn read_full(file: &dyn File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match file.read_at(offset + filled as u64, &mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// The whole of a small file. One larger than `limit` is an error, so that a damaged folder cannot fill the memory.
pub fn read_small(fs: &dyn Fs, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = fs.open(path, Mode::Read)?;
    let len = file.metadata()?.len;
    if len > limit as u64 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{} has {len} bytes, at most {limit} make sense", path.display()),
        ));
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or(limit)];
    let filled = read_full(&*file, 0, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// Replaces a small file so that after a power cut it has the old bytes or the new ones, never a mixture.
/// `mode` is [`Mode::CreateNew`] or [`Mode::CreateSecret`].
pub fn write_atomically(fs: &dyn Fs, path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let new = dir.join(name);
    remove_if_there(fs, &new)?;
    let written = (|| {
        let file = fs.open(&new, mode)?;
        file.write_at(0, bytes)?;
        file.sync()?;
        drop(file);
        fs.rename(&new, path)
    })();
    if let Err(e) = written {
        // The first error is the one worth telling; the next call removes the left-over too.
        let _ = fs.remove(&new);
        return Err(e);
    }
    fs.sync_dir(dir)
}

/// Makes a folder and those above it, all durable.
pub fn create_durably(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    for folder in dir.ancestors().filter(|f| !f.as_os_str().is_empty()) {
        if exists(fs, folder)? {
            break;
        }
        missing.push(folder);
    }
    fs.create_dir_all(dir)?;
    // From the top, so that no folder is durable before the one that holds it.
    for folder in missing.iter().rev() {
        match folder.parent() {
            Some(above) if !above.as_os_str().is_empty() => fs.sync_dir(above)?,
            _ => fs.sync_dir(Path::new("."))?,
        }
    }
    Ok(())
}

/// Removes a file; that it is not there is fine.
pub fn remove_if_there(fs: &dyn Fs, path: &Path) -> io::Result<()> {
    match fs.remove(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Whether anything has this name.
pub fn exists(fs: &dyn Fs, path: &Path) -> io::Result<bool> {
    match fs.metadata(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// Whether an error means that the disk, or this user's share of it, is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
