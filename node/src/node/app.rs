//! The parts of a running node.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kapok_http::port::{Failure, Result};
use kapok_indexer::extract::Pool;
use kapok_net::blob::Exchange;
use kapok_net::link::Links;
use kapok_net::search::Searcher;
use kapok_protocol::time::Timestamp;
use kapok_store::blobs::Blobs;
use kapok_store::home::{ExposedKey, Home};
use kapok_store::journal::{Journal, JournalError};
use tokio::sync::watch;

use super::collect::Collection;
use super::indexing::Indexing;
use super::local::Local;
use super::survey::Survey;
use super::sync::Rounds;
use crate::catalogue::{Catalogue, CatalogueError, Reading};
use crate::settings::Settings;

/// How long a page or a command waits for a view that is being made anew.
const REBUILD_PATIENCE: Duration = Duration::from_secs(20);

/// Name and version, as peers and people see them.
pub(crate) const AGENT: &str = concat!("kapok/", env!("CARGO_PKG_VERSION"));

/// A node's parts. One for each process; shared.
pub(crate) struct App {
    pub(super) home: Home,
    /// Keys that others than the owner could read when the node started.
    pub(super) exposed_keys: Vec<ExposedKey>,
    pub(super) blobs: Blobs,
    pub(super) catalogue: Arc<Catalogue>,
    /// What never leaves the node: accounts, invitations, subscriptions.
    pub(super) local: Local,
    pub(super) audit: Journal,
    pub(super) indexing: Indexing,
    pub(super) extraction: Pool,
    pub(super) settings: Mutex<Settings>,
    pub(super) rounds: Rounds,
    pub(super) collection: Collection,
    /// Held by whoever reads a resource in order to publish what comes after it.
    pub(super) versions: Mutex<()>,
    pub(super) survey: Survey,
    /// The network's parts, once it is up.
    pub(super) links: OnceLock<Links>,
    pub(super) exchange: OnceLock<Exchange>,
    pub(super) searcher: OnceLock<Searcher>,
    pub(super) stopping: watch::Sender<bool>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "App({})", self.home.paths().root().display())
    }
}

/// The local clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// RFC 3339 in UTC, whole seconds.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let seconds = i64::try_from(time.0 / 1000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

impl App {
    /// Runs something that may block for an fsync or a scan, away from the tasks that answer others.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Arc<Self>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let app = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "a use case stumbled");
            Err(Failure::internal("not done", "a fault of this node; its log has more").remedy("try again"))
        })
    }

    /// The catalogue at one moment; waits for a rebuild, within patience.
    pub(super) fn reading(&self) -> Result<Reading<'_>> {
        self.catalogue.wait_for_catch_up(REBUILD_PATIENCE).map_err(failure)?;
        self.catalogue.reading().map_err(failure)
    }

    /// Waits until nobody else is about to publish what follows on a resource as it is now.
    pub(super) fn versions_turn(&self) -> MutexGuard<'_, ()> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A catalogue's error in words for whoever asked.
pub(super) fn failure(error: CatalogueError) -> Failure {
    use kapok_store::view::ViewError;
    match error {
        CatalogueError::Rebuilding(percent) => {
            Failure::unavailable("not now", format!("the catalogue is being made anew, {percent} %"))
                .remedy("try again in a moment; files can be opened meanwhile")
                .said("catalogue.rebuilding")
                .with("percent", percent)
        }
        CatalogueError::Journal(JournalError::Full { .. }) | CatalogueError::View(ViewError::Full { .. }) => {
            Failure::no_space("not stored", error.to_string())
                .remedy("free some space; nothing was lost")
                .said("upload.no-space")
        }
        CatalogueError::NotAMember => Failure::conflict("not possible yet", error.to_string())
            .remedy("join first: kapok join CODE (the code comes from `kapok invite` at the parent)")
            .said("member.not-joined"),
        other => Failure::internal("not done", other.to_string()).remedy("the node's log has more"),
    }
}

/// A journal's error, with what helps against one of the disk.
pub(super) fn with_remedy(error: JournalError) -> anyhow::Error {
    match &error {
        JournalError::Io { source, .. } => {
            let remedy = kapok_store::home::remedy(source);
            anyhow::Error::new(error).context(format!("the journal cannot be used\n  {remedy}"))
        }
        _ => error.into(),
    }
}

/// A blob store's error in words for whoever asked.
pub(super) fn blob_failure(title: impl Into<String>, error: &kapok_store::blobs::BlobError) -> Failure {
    use kapok_store::blobs::BlobError;
    let detail = error.to_string();
    match error {
        BlobError::NoSpace { .. } => Failure::no_space(title, detail)
            .remedy("remove something, or use a larger disk; nothing was lost")
            .said("upload.no-space"),
        BlobError::Vanished(_) | BlobError::NotAFile(_) | BlobError::Changed(_) | BlobError::Source { .. } => {
            Failure::invalid(title, detail).remedy("check the file and add it again")
        }
        BlobError::BadToken(_) | BlobError::TooLarge { .. } => Failure::invalid(title, detail),
        BlobError::WrongOffset { expected, .. } => Failure::conflict(title, detail)
            .remedy("ask where the upload stands, and go on from there")
            .said("upload.offset")
            .with("offset", expected),
        BlobError::Busy(_) => {
            Failure::conflict(title, detail).remedy("ask where the upload stands, and go on from there")
        }
        BlobError::BrokenOff(_) => {
            Failure::invalid(title, detail).remedy("what arrived is kept; go on from there").said("upload.broke-off")
        }
        BlobError::NotHeld(_) => Failure::not_found(title, detail).said("file.unknown"),
        BlobError::Damaged(_) => {
            Failure::unavailable(title, detail).remedy("it is fetched again from others; check the disk")
        }
        BlobError::WrongPiece { .. }
        | BlobError::Incomplete { .. }
        | BlobError::WrongBytes { .. }
        | BlobError::Io { .. } => Failure::internal(title, detail).remedy("check the disk; the node's log has more"),
    }
}
