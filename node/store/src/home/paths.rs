//! Where everything in a data folder is.

use std::path::{Path, PathBuf};

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
    /// What is known of the links to other nodes.
    link_paths = "views/links.json";
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

    pub(super) fn folders(&self) -> [PathBuf; 11] {
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

    /// Folders that only the owner may look into: secrets, accounts, who did what, and files that nobody has published.
    /// The programs that write in them give their files the usual permissions; the folder's hold for all.
    pub(super) fn private_folders(&self) -> [PathBuf; 5] {
        [self.keys(), self.private_journal(), self.audit_journal(), self.staging(), self.run()]
    }
}
