//! What HTTP asks of a node: the use cases, as one trait.
//!
//! The pages and `/api/v1` both call [`Node`], and never each other; the node's binary implements it over the store,
//! the index and the network, and the tests over memory. The structs that go in and out are the JSON documents of the
//! command line's contract, so that `kapok … --json` prints what the API answered.
//!
//! Who asks comes along as a [`Viewer`]: *what* a viewer may do was checked before the call (the access table of this
//! crate); *which entries* a viewer may see is the node's to decide, with [`Viewer::sees`].

mod audit;
mod blob;
mod failure;
mod federation;
mod progress;
mod resource;
mod said;
mod search;
mod settings;
mod sync;
mod upload;
mod viewer;

pub use audit::{AuditRecord, Outcome};
pub use blob::{Blob, BlobReader, ByteStream};
pub use failure::{Failure, FailureKind, Result};
pub use federation::{
    AdmitRequest, Grant, Invitation, InviteRequest, JoinPaper, JoinRequest, Joined, Member, Members, Peer, Peers,
    RevokeRequest, Revoked,
};
pub use progress::{Progress, ProgressReceiver, ProgressSender};
pub use resource::{
    AddReply, AddRequest, AddSource, AddedResource, Certification, FetchReply, FetchRequest, FetchedFile, FileFacts,
    IngestMode, Latest, Ratings, Resource, ResourceSummary, Review, Version, WithdrawRequest, Withdrawn,
};
pub use said::{SENTENCES, Said};
pub use search::{FacetCount, Hit, Scope, SearchReply, SearchRequest};
pub use settings::{Setting, SettingValue, Settings};
pub use sync::{
    Estimate, Link, Pending, Status, SubscribeRequest, Subscription, Subscriptions, SyncPeer, SyncReport, SyncRequest,
    Transfer, TransferState, Transfers, Window,
};
pub(crate) use upload::check_file_name;
pub use upload::{Upload, UploadRequest};
pub use viewer::{Viewer, Visibility};

use async_trait::async_trait;
use kapok_protocol::blob::BlobId;

/// A node, as its pages and its API use it. Dropping a call's future gives up waiting, and leaves nothing half-done.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    // ---- reading ----

    /// The node and its figures.
    async fn status(&self) -> Result<Status>;
    /// Peers known, connected or not.
    async fn peers(&self) -> Result<Peers>;
    /// The tree of memberships.
    async fn members(&self) -> Result<Members>;
    /// Searches, here or through the federation. The query's text comes as typed, within [`SearchRequest::MAX_QUERY_CHARS`].
    async fn search(&self, viewer: &Viewer, request: SearchRequest) -> Result<SearchReply>;
    /// One resource; [`FailureKind::NotFound`] also for what the viewer may not see, [`FailureKind::Withdrawn`] for what was withdrawn.
    async fn resource(&self, viewer: &Viewer, id: &str) -> Result<Resource>;
    /// The newest resources that the viewer may see, newest first.
    async fn latest(&self, viewer: &Viewer, limit: usize) -> Result<Latest>;
    /// Opens a blob, if a live entry that the viewer may see names it, else [`FailureKind::NotFound`]. One that is not here
    /// is fetched when it is read.
    async fn open_blob(&self, viewer: &Viewer, blob: BlobId) -> Result<Blob>;

    // ---- own resources ----

    /// Takes files in and publishes them: all of the request, or nothing.
    async fn add(&self, viewer: &Viewer, request: AddRequest, progress: ProgressSender) -> Result<AddReply>;
    /// Withdraws a resource of this node or of its subtree.
    async fn withdraw(&self, viewer: &Viewer, id: &str, request: WithdrawRequest) -> Result<Withdrawn>;
    /// Brings a resource's files to this node and waits until they are here.
    async fn fetch(
        &self,
        viewer: &Viewer,
        id: &str,
        request: FetchRequest,
        progress: ProgressSender,
    ) -> Result<FetchReply>;

    // ---- uploads: files on their way from a browser, on disk and not yet published ----

    /// Begins an upload. Names were checked before ([`UploadRequest::checked`]).
    async fn create_upload(&self, viewer: &Viewer, request: UploadRequest) -> Result<Upload>;
    /// Where an upload stands; only its owner may ask.
    async fn upload(&self, viewer: &Viewer, id: &str) -> Result<Upload>;
    /// Appends at `offset`, which must be where the upload stands ([`FailureKind::Conflict`] otherwise). What arrived
    /// before a broken connection is kept. More bytes than announced are refused.
    async fn append_upload(&self, viewer: &Viewer, id: &str, offset: u64, bytes: ByteStream) -> Result<Upload>;
    /// Takes a whole file of unknown length, at most `max_bytes`, as a complete upload: forms without script.
    async fn receive_upload(&self, viewer: &Viewer, name: &str, max_bytes: u64, bytes: ByteStream) -> Result<Upload>;
    /// Gives an upload up.
    async fn discard_upload(&self, viewer: &Viewer, id: &str) -> Result<()>;

    // ---- synchronisation ----

    async fn subscriptions(&self) -> Result<Subscriptions>;
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscriptions>;
    async fn unsubscribe(&self, number: u64) -> Result<Subscriptions>;
    /// One round.
    async fn sync(&self, request: SyncRequest, progress: ProgressSender) -> Result<SyncReport>;
    /// What is on its way or waits, in the order in which it will come; what the viewer may not see is counted in
    /// `pending` and not listed.
    async fn transfers(&self, viewer: &Viewer) -> Result<Transfers>;

    // ---- federation ----

    async fn invite(&self, request: InviteRequest) -> Result<Invitation>;
    async fn join(&self, request: JoinRequest) -> Result<Joined>;
    /// What a node without a link gives its parent on a stick.
    async fn join_paper(&self) -> Result<JoinPaper>;
    /// The parent's answer to such a paper.
    async fn admit(&self, request: AdmitRequest) -> Result<Grant>;
    async fn revoke(&self, node: &str, request: RevokeRequest) -> Result<Revoked>;

    // ---- settings ----

    async fn settings(&self) -> Result<Settings>;
    async fn setting(&self, key: &str) -> Result<Setting>;
    async fn set_setting(&self, key: &str, value: SettingValue) -> Result<Setting>;

    // ---- the private and the audit journal ----

    /// All events of the private journal that belong to accounts, oldest first.
    async fn private_events(&self) -> Result<Vec<Vec<u8>>>;
    /// Appends one; on return it is durable.
    async fn append_private(&self, event: Vec<u8>) -> Result<()>;
    /// Appends to the audit trail.
    async fn audit(&self, record: AuditRecord) -> Result<()>;
}
