//! Why a data folder cannot be used, and what to do about it.
//!
//! The first line of a message is what is wrong, the lines below are the remedy.

use std::io;
use std::path::PathBuf;

use super::{FORMAT, KEY_BYTES, Purpose};

/// Said wherever the node's own key is not what it was: nobody else has it, so only a backup helps.
const LOST_KEY: &str = "put it back from a backup of keys/; without one this node cannot go on under its name: make another in an empty \
                        folder (kapok init --home DIR) and join again; kapok never writes over a key";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("{} is not a kapok data folder\n  make it one: kapok init --home {}", .0.display(), .0.display())]
    NotAHome(PathBuf),
    #[error("{} already is a kapok data folder\n  start it with: kapok serve --home {}", .0.display(), .0.display())]
    AlreadyAHome(PathBuf),
    #[error("{} is not a folder\n  choose another place with --home", .0.display())]
    NotAFolder(PathBuf),
    #[error("{} holds other files ({name})\n  choose an empty folder with --home", .root.display())]
    NotEmpty { root: PathBuf, name: String },
    #[error(
        "{} was written by another version of kapok (“{found}”, this one knows “{FORMAT}”); nothing was changed\n  \
         use the version that wrote it, or choose another folder with --home", .root.display()
    )]
    OtherFormat { root: PathBuf, found: String },
    #[error(
        "{} is empty, so nobody can tell which version of kapok wrote the folder; nothing was changed\n  \
         put FORMAT back from a backup; if this version wrote the folder, FORMAT is the one line “{FORMAT}”", .0.display()
    )]
    NoFormat(PathBuf),
    #[error(
        "{} is missing, though the folder holds a key and journals; nothing was changed\n  \
         if a node lived here, put FORMAT back from a backup; if this version wrote the folder, FORMAT is the one line \
         “{FORMAT}”\n  \
         if an init that broke off left it, remove the folder and init again", .0.display()
    )]
    FormatMissing(PathBuf),
    #[error("{} is in use by another kapok{}\n  stop it first, or choose another folder with --home", .root.display(), process(.pid))]
    InUse { root: PathBuf, pid: Option<u32>, purpose: Purpose },
    #[error(
        "the key file {} already exists; a key is never overwritten\n  \
         if an init that broke off left it, remove the folder; if a node lived here, put the rest back from a backup",
        .0.display()
    )]
    KeyExists(PathBuf),
    #[error("the node's key is missing: {}\n  {LOST_KEY}", .0.display())]
    KeyMissing(PathBuf),
    #[error("the node's key is damaged: {} has {found} bytes, a key has {KEY_BYTES}\n  {LOST_KEY}", .path.display())]
    KeyDamaged { path: PathBuf, found: u64 },
    #[error("the node's key is another's: {} is the key of {found}, the folder is that of {expected}\n  {LOST_KEY}", .path.display())]
    KeyOfAnother { path: PathBuf, found: String, expected: String },
    #[error("cannot {doing} {}: {source}\n  {}", .path.display(), remedy(.source))]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

fn process(pid: &Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// What helps against an error of the disk or of the operating system.
#[must_use]
pub fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "use the account that owns the folder, or give the folder to the account that kapok runs as"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the disk can only be read: mount it for writing (check it first if it became so by itself), or choose \
             another folder with --home"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "the disk is full: free some space, or choose a folder on another disk with --home"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::NotFound => {
            "check the path, or choose another folder with --home"
        }
        _ => "check the disk and the folder's permissions, then try again",
    }
}
