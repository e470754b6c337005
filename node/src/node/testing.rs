//! A node without network and pages, for tests of the use cases.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use kapok_http::port::{AddReply, AddRequest, AddedResource, ProgressSender, Result, Viewer};
use kapok_protocol::blob::BlobId;
use kapok_protocol::membership::Tier;
use kapok_store::home::Purpose;

use super::app::App;
use super::init::{InitOptions, init};
use super::start::open;

/// A city's node. Its indexer runs until it is dropped.
pub(super) struct TestNode {
    folder: tempfile::TempDir,
    pub(super) app: Arc<App>,
    indexer: Option<std::thread::JoinHandle<()>>,
}

impl TestNode {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let (http, listen) = (None, Vec::new());
        init(&home, &InitOptions { tier: Tier::City, name: "攀枝花市电教馆".to_owned(), region: None, http, listen })
            .unwrap();
        let app = open(&home, Purpose::Serve).unwrap();
        app.catalogue.catch_up().unwrap();
        let follower = app.clone();
        let indexer = Some(std::thread::spawn(move || follower.follow_journal()));
        Self { folder, app, indexer }
    }

    /// A file of the test, which its owner may write and nobody else read.
    pub(super) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path
    }

    /// A complete upload of the owner's.
    pub(super) fn upload(&self, name: &str, content: &str) -> String {
        let request = kapok_http::port::UploadRequest { name: name.to_owned(), size: content.len() as u64 };
        let token = self.app.create_upload(&Viewer::Owner, &request).unwrap().id;
        self.app.blobs.upload(&token, None).unwrap().append(0, content.as_bytes()).unwrap();
        token
    }

    pub(super) fn add(&self, request: &AddRequest) -> Result<AddReply> {
        self.app.add(&Viewer::Owner, request, &ProgressSender::silent())
    }

    /// Adds what will be taken.
    pub(super) fn added(&self, request: &AddRequest) -> AddedResource {
        self.add(request).unwrap().resources.remove(0)
    }

    pub(super) fn holds(&self, content: &str) -> bool {
        self.app.blobs.contains(BlobId::of(content.as_bytes())).unwrap()
    }

    pub(super) fn blob_count(&self) -> usize {
        self.app.blobs.iter().count()
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        self.app.indexing.stop();
        let _ = self.indexer.take().map(std::thread::JoinHandle::join);
    }
}

/// Paths to be moved, or otherwise as the default says.
pub(super) fn of_paths(paths: &[&Path]) -> AddRequest {
    let paths = paths.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
    AddRequest { paths, ..AddRequest::default() }
}

/// Content, permissions and time of a file.
pub(super) fn looks(path: &Path) -> (Vec<u8>, std::fs::Permissions, SystemTime) {
    let metadata = std::fs::metadata(path).unwrap();
    (std::fs::read(path).unwrap(), metadata.permissions(), metadata.modified().unwrap())
}

/// Waits until something that another thread does has happened.
pub(super) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !happened() {
        assert!(std::time::Instant::now() < deadline, "{what} does not happen");
        std::thread::yield_now();
    }
}
