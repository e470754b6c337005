//! A node in memory: three resources of three visibilities, uploads, settings, a private journal.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use kapok_protocol::blob::BlobId;
use tokio::io::AsyncReadExt;

use crate::port::{
    AddReply, AddRequest, AddedResource, AdmitRequest, AuditRecord, Blob, BlobReader, ByteStream, Certification,
    FacetCount, Failure, FailureKind, FetchReply, FetchRequest, FetchedFile, FileFacts, Grant, Hit, Invitation,
    InviteRequest, JoinPaper, JoinRequest, Joined, Latest, Member, Members, Node, Peer, Peers, Pending, Progress,
    ProgressSender, Ratings, Resource, ResourceSummary, Result, RevokeRequest, Revoked, SearchReply, SearchRequest,
    Setting, SettingValue, Settings, Status, SubscribeRequest, Subscription, Subscriptions, SyncReport, SyncRequest,
    Transfer, TransferState, Transfers, Upload, UploadRequest, Version, Viewer, Visibility, WithdrawRequest, Withdrawn,
};

/// A figure that counts also what the asker may not see.
pub(super) const COUNTS_ALL: u64 = 47_114_711;
/// Another node of the federation, as a peer.
pub(super) const PEER: &str = "柳河小学的节点";
pub(super) const HERE: &str = "12D3KooWHere";
/// What somebody may put into a title.
pub(super) const SCRIPT: &str = "<script>alert('x')</script>\"onload=";

#[derive(Default)]
pub(super) struct Fake {
    pub(super) tier: String,
    resources: Mutex<BTreeMap<String, Entry>>,
    pub(super) uploads: Mutex<BTreeMap<String, (Upload, Vec<u8>)>>,
    pub(super) private: Mutex<Vec<Vec<u8>>>,
    pub(super) audit: Mutex<Vec<AuditRecord>>,
    subscriptions: Mutex<Vec<Subscription>>,
    /// What every use case answers that may fail for a person's doing.
    pub(super) fails: Mutex<Option<Failure>>,
    /// What is read of every file, where it is not its bytes.
    pub(super) opens: Mutex<Option<Result<Vec<u8>>>>,
    /// Searches wait for an index that does not come.
    pub(super) has_no_index: AtomicBool,
    /// Bytes that have come of every file since the start.
    pub(super) moved: AtomicU64,
}

#[derive(Clone)]
struct Entry {
    resource: Resource,
    bytes: Vec<u8>,
}

impl Fake {
    pub(super) fn new() -> Self {
        let fake = Self { tier: "school".into(), ..Self::default() };
        fake.put("open", "平行四边形", "讲义.txt", b"0123456789", Visibility::Public);
        fake.put("evil", SCRIPT, "页面.html", b"<script>alert(1)</script>", Visibility::Public);
        fake.put("shared", "联盟试卷", "试卷.pdf", b"%PDF-1.7 federation", Visibility::Federation);
        fake.put("own", "校内通知", "通知.txt", b"canary of the school", Visibility::School);
        fake
    }

    fn put(&self, id: &str, title: &str, name: &str, bytes: &[u8], visibility: Visibility) -> AddedResource {
        let file = FileFacts { name: name.into(), size: bytes.len() as u64, blob: BlobId::of(bytes).to_string() };
        let summary = ResourceSummary {
            id: id.into(),
            title: title.into(),
            home: HERE.into(),
            home_name: "红格小学".into(),
            home_tier: "school".into(),
            author: SCRIPT.into(),
            subject: Some("math".into()),
            stage: Some("primary".into()),
            grade: Some(5),
            kind: Some("paper".into()),
            visibility,
            certification: Certification::School,
            version: 1,
            updated: "2026-11-20T08:00:00Z".into(),
            size: file.size,
            files: vec![file.clone()],
            held: true,
        };
        let version =
            Version { version: 1, time: summary.updated.clone(), note: SCRIPT.into(), files: vec![file.clone()] };
        let resource = Resource {
            summary,
            description: SCRIPT.into(),
            keywords: vec![SCRIPT.into()],
            license: "CC0-1.0".into(),
            versions: vec![version],
            reviews: Vec::new(),
            ratings: Ratings::default(),
            holders: vec![HERE.into()],
            excerpt: Some(SCRIPT.into()),
        };
        self.resources.lock().unwrap().insert(id.into(), Entry { resource, bytes: bytes.to_vec() });
        AddedResource { id: id.into(), title: title.into(), version: 1, files: vec![file] }
    }

    /// A public resource whose file is not here; the file's address.
    pub(super) fn away(&self, id: &str, name: &str) -> String {
        let file = self.put(id, "不在这里", name, name.as_bytes(), Visibility::Public).files.remove(0);
        self.resources.lock().unwrap().get_mut(id).unwrap().resource.summary.held = false;
        format!("/blobs/{}", file.blob)
    }

    fn seen(&self, viewer: &Viewer) -> Vec<Entry> {
        let resources = self.resources.lock().unwrap();
        resources.values().filter(|entry| viewer.sees(entry.resource.summary.visibility)).cloned().collect()
    }

    fn may_fail(&self) -> Result<()> {
        self.fails.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn upload_of(&self, id: &str) -> Result<Upload> {
        let uploads = self.uploads.lock().unwrap();
        uploads.get(id).map(|(upload, _)| upload.clone()).ok_or_else(|| Failure::not_found("no such upload", id))
    }
}

/// A file that is read as far as it has come, or why none of it comes.
struct Bytes(Result<Vec<u8>>);

#[async_trait]
impl BlobReader for Bytes {
    async fn range(&self, start: u64, length: u64) -> Result<ByteStream> {
        let bytes = self.0.clone()?;
        let end = bytes.len().min((start + length) as usize);
        let part = bytes[start as usize..end].to_vec();
        Ok(Box::pin(std::io::Cursor::new(part)))
    }
}

#[async_trait]
impl Node for Fake {
    async fn status(&self) -> Result<Status> {
        let status = Status {
            node: HERE.into(),
            name: SCRIPT.into(),
            tier: self.tier.clone(),
            free_bytes: 1 << 40,
            // Of all four resources, whoever asks.
            entries: COUNTS_ALL,
            resources: COUNTS_ALL,
            held: COUNTS_ALL,
            arrived_last_day: COUNTS_ALL,
            pending: Pending { blobs: COUNTS_ALL, bytes: COUNTS_ALL },
            parent_name: Some("盐边县".into()),
            link_since: Some("2026-11-20T08:00:00Z".into()),
            ..Status::default()
        };
        Ok(status)
    }

    async fn peers(&self) -> Result<Peers> {
        Ok(Peers {
            peers: vec![Peer {
                node: "12D3KooWPeer".into(),
                name: format!("{PEER}{SCRIPT}"),
                address: "/ip4/10.9.8.7/udp/4001/quic-v1".into(),
                tier: "county".into(),
                connected: true,
                ..Peer::default()
            }],
        })
    }

    async fn members(&self) -> Result<Members> {
        let member = Member {
            node: HERE.into(),
            name: SCRIPT.into(),
            tier: "school".into(),
            days_left: 400,
            entries: COUNTS_ALL,
            resources: COUNTS_ALL,
            ..Member::default()
        };
        let other = Member { node: "12D3KooWPeer".into(), name: format!("{PEER}{SCRIPT}"), ..member.clone() };
        Ok(Members { federation: SCRIPT.into(), members: vec![member, other] })
    }

    async fn search(&self, viewer: &Viewer, request: SearchRequest) -> Result<SearchReply> {
        self.may_fail()?;
        if self.has_no_index.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if request.query == "broken" {
            return Err(Failure::internal("cannot search", "the index is gone"));
        }
        let hits = self.seen(viewer).into_iter().map(|entry| {
            let summary = entry.resource.summary;
            Hit {
                resource: summary.id.clone(),
                title: summary.title.clone(),
                score: 1.0,
                home: summary.home.clone(),
                held: summary.held,
                snippet: format!("<mark>平行</mark>{SCRIPT}"),
                files: summary.files.clone(),
                facts: request.facts.then_some(summary),
            }
        });
        let hits: Vec<Hit> = hits.collect();
        Ok(SearchReply {
            total: hits.len() as u64,
            complete: true,
            answered: vec![HERE.into()],
            facets: BTreeMap::from([(
                "home".to_owned(),
                vec![FacetCount { value: HERE.into(), count: hits.len() as u64 }],
            )]),
            hits,
            ..SearchReply::default()
        })
    }

    async fn resource(&self, viewer: &Viewer, id: &str) -> Result<Resource> {
        self.may_fail()?;
        if id == "withdrawn" {
            return Err(Failure::withdrawn("红格小学", SCRIPT));
        }
        let found = self.seen(viewer).into_iter().find(|entry| entry.resource.summary.id == id);
        found
            .map(|entry| entry.resource)
            .ok_or_else(|| Failure::not_found("no such resource", "none that you may see has this id"))
    }

    async fn latest(&self, viewer: &Viewer, limit: usize) -> Result<Latest> {
        Ok(Latest {
            resources: self.seen(viewer).into_iter().take(limit).map(|entry| entry.resource.summary).collect(),
        })
    }

    async fn open_blob(&self, viewer: &Viewer, blob: BlobId) -> Result<Blob> {
        let found = self.seen(viewer).into_iter().find(|entry| BlobId::of(&entry.bytes) == blob);
        let entry = found.ok_or_else(|| Failure::not_found("no such file", "nothing that you may see names it"))?;
        Ok(Blob {
            size: entry.bytes.len() as u64,
            name: entry.resource.summary.files[0].name.clone(),
            media_type: "text/html".into(),
            reader: Box::new(Bytes(self.opens.lock().unwrap().clone().unwrap_or(Ok(entry.bytes)))),
        })
    }

    async fn add(&self, viewer: &Viewer, request: AddRequest, progress: ProgressSender) -> Result<AddReply> {
        progress.report(Progress { phase: "hash".into(), done_bytes: 1, total_bytes: 2, ..Progress::default() });
        self.may_fail()?;
        // Gives the step a chance to be seen before the end.
        tokio::task::yield_now().await;
        if request.paths.iter().any(|path| path.ends_with("gone")) {
            return Err(Failure::not_found("cannot add gone", "the file is no longer there"));
        }
        let mut resources = Vec::new();
        for id in &request.uploads {
            let (upload, bytes) =
                self.uploads.lock().unwrap().remove(id).ok_or_else(|| Failure::not_found("no such upload", id))?;
            let title = request.title.clone().unwrap_or_else(|| upload.name.clone());
            assert!(viewer.person().is_some());
            resources.push(self.put(
                &format!("new-{id}"),
                &title,
                &upload.name,
                &bytes,
                request.visibility.unwrap_or(Visibility::Public),
            ));
        }
        Ok(AddReply { resources })
    }

    async fn withdraw(&self, viewer: &Viewer, id: &str, request: WithdrawRequest) -> Result<Withdrawn> {
        self.may_fail()?;
        self.resource(viewer, id).await?;
        self.resources.lock().unwrap().remove(id);
        Ok(Withdrawn { id: id.into(), state: "withdrawn".into(), reason: request.reason })
    }

    async fn fetch(&self, viewer: &Viewer, id: &str, _: FetchRequest, _: ProgressSender) -> Result<FetchReply> {
        self.may_fail()?;
        let files = self.resource(viewer, id).await?.summary.files.into_iter();
        let files = files.map(|file| FetchedFile { name: file.name, size: file.size, blob: file.blob, path: None });
        Ok(FetchReply { files: files.collect() })
    }

    async fn create_upload(&self, _: &Viewer, request: UploadRequest) -> Result<Upload> {
        self.may_fail()?;
        if request.size > 1 << 40 {
            return Err(Failure::no_space("cannot take this file", "the disk has less room").remedy("free some space"));
        }
        let mut uploads = self.uploads.lock().unwrap();
        let upload = Upload { id: format!("u{}", uploads.len()), name: request.name, size: request.size, offset: 0 };
        uploads.insert(upload.id.clone(), (upload.clone(), Vec::new()));
        Ok(upload)
    }

    async fn upload(&self, _: &Viewer, id: &str) -> Result<Upload> {
        self.upload_of(id)
    }

    async fn append_upload(&self, _: &Viewer, id: &str, offset: u64, mut bytes: ByteStream) -> Result<Upload> {
        let stands = self.upload_of(id)?;
        if stands.offset != offset {
            return Err(Failure::conflict("cannot append", format!("the upload stands at {}", stands.offset)));
        }
        let mut read = Vec::new();
        bytes
            .read_to_end(&mut read)
            .await
            .map_err(|error| Failure::invalid("the upload broke off", error.to_string()))?;
        let mut uploads = self.uploads.lock().unwrap();
        let (upload, kept) = uploads.get_mut(id).unwrap();
        if kept.len() + read.len() > upload.size as usize {
            return Err(Failure::new(FailureKind::TooLarge, "cannot append", "more bytes than were announced"));
        }
        kept.extend_from_slice(&read);
        upload.offset = kept.len() as u64;
        Ok(upload.clone())
    }

    async fn receive_upload(
        &self,
        viewer: &Viewer,
        name: &str,
        max_bytes: u64,
        mut bytes: ByteStream,
    ) -> Result<Upload> {
        self.may_fail()?;
        let mut read = Vec::new();
        bytes
            .read_to_end(&mut read)
            .await
            .map_err(|error| Failure::invalid("the upload broke off", error.to_string()))?;
        assert!(read.len() as u64 <= max_bytes);
        let upload = self.create_upload(viewer, UploadRequest { name: name.into(), size: read.len() as u64 }).await?;
        self.append_upload(viewer, &upload.id, 0, Box::pin(std::io::Cursor::new(read))).await
    }

    async fn discard_upload(&self, _: &Viewer, id: &str) -> Result<()> {
        self.uploads.lock().unwrap().remove(id).map(drop).ok_or_else(|| Failure::not_found("no such upload", id))
    }

    async fn subscriptions(&self) -> Result<Subscriptions> {
        Ok(Subscriptions { subscriptions: self.subscriptions.lock().unwrap().clone() })
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscriptions> {
        self.may_fail()?;
        let mut all = self.subscriptions.lock().unwrap();
        let number = all.len() as u64 + 1;
        all.push(Subscription { number, all: request.all, subject: request.subject, ..Subscription::default() });
        Ok(Subscriptions { subscriptions: all.clone() })
    }

    async fn unsubscribe(&self, number: u64) -> Result<Subscriptions> {
        self.may_fail()?;
        let mut all = self.subscriptions.lock().unwrap();
        all.retain(|subscription| subscription.number != number);
        Ok(Subscriptions { subscriptions: all.clone() })
    }

    async fn sync(&self, _: SyncRequest, progress: ProgressSender) -> Result<SyncReport> {
        for done_items in 1..=3 {
            progress.report(Progress { phase: "entries".into(), done_items, total_items: 3, ..Progress::default() });
        }
        Ok(SyncReport::default())
    }

    async fn transfers(&self, viewer: &Viewer) -> Result<Transfers> {
        let transfers = self.seen(viewer).into_iter().map(|entry| Transfer {
            blob: BlobId::of(&entry.bytes).to_string(),
            resource: entry.resource.summary.id.clone(),
            title: entry.resource.summary.title,
            kind: None,
            name: entry.resource.summary.files[0].name.clone(),
            size: 10,
            done: 4 + self.moved.load(Ordering::Relaxed),
            state: TransferState::Queued,
            from: vec![PEER.into()],
            rate_bps: 0,
            expected: None,
            asked_for: false,
        });
        let pending = Pending { blobs: COUNTS_ALL, bytes: COUNTS_ALL };
        Ok(Transfers { transfers: transfers.collect(), pending, ..Transfers::default() })
    }

    async fn invite(&self, _: InviteRequest) -> Result<Invitation> {
        Ok(Invitation { code: "code".into(), expires: "2026-12-01T00:00:00Z".into() })
    }

    async fn join(&self, _: JoinRequest) -> Result<Joined> {
        Err(Failure::conflict("cannot join", "this node is a member already"))
    }

    async fn join_paper(&self) -> Result<JoinPaper> {
        Ok(JoinPaper { request: "paper".into() })
    }

    async fn admit(&self, _: AdmitRequest) -> Result<Grant> {
        Ok(Grant { grant: "grant".into() })
    }

    async fn revoke(&self, node: &str, request: RevokeRequest) -> Result<Revoked> {
        Ok(Revoked { node: node.into(), name: "x".into(), state: "revoked".into(), reason: request.reason })
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(Settings::default())
    }

    async fn setting(&self, key: &str) -> Result<Setting> {
        Ok(Setting { key: key.into(), value: String::new(), default: String::new(), meaning: String::new() })
    }

    async fn set_setting(&self, key: &str, value: SettingValue) -> Result<Setting> {
        Ok(Setting { key: key.into(), value: value.value, default: String::new(), meaning: String::new() })
    }

    async fn private_events(&self) -> Result<Vec<Vec<u8>>> {
        Ok(self.private.lock().unwrap().clone())
    }

    async fn append_private(&self, event: Vec<u8>) -> Result<()> {
        self.private.lock().unwrap().push(event);
        Ok(())
    }

    async fn audit(&self, record: AuditRecord) -> Result<()> {
        self.audit.lock().unwrap().push(record);
        Ok(())
    }
}
