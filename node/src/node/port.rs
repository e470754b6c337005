//! The node as HTTP sees it: each use case of the port, passed on to where it is done.

use std::sync::Arc;

use async_trait::async_trait;
use kapok_http::port::{
    AddReply, AddRequest, AdmitRequest, AuditRecord, Blob, ByteStream, Failure, FetchReply, FetchRequest, Grant,
    Invitation, InviteRequest, JoinPaper, JoinRequest, Joined, Latest, Members, Node, Outcome, Peers, ProgressSender,
    Resource, Result, RevokeRequest, Revoked, SearchReply, SearchRequest, Setting, SettingValue, Settings, Status,
    SubscribeRequest, Subscriptions, SyncReport, SyncRequest, Transfers, Upload, UploadRequest, Viewer,
    WithdrawRequest, Withdrawn,
};
use kapok_protocol::blob::BlobId;

use super::app::{App, failure};
use super::notices;
use crate::settings::SettingsError;

/// The port's node.
pub(super) struct Port(pub(super) Arc<App>);

#[async_trait]
impl Node for Port {
    async fn status(&self) -> Result<Status> {
        self.0.blocking(|app| app.status()).await
    }

    async fn peers(&self) -> Result<Peers> {
        self.0.peers().await
    }

    async fn members(&self) -> Result<Members> {
        self.0.blocking(|app| app.members()).await
    }

    async fn search(&self, viewer: &Viewer, request: SearchRequest) -> Result<SearchReply> {
        self.0.search(viewer, request).await
    }

    async fn resource(&self, viewer: &Viewer, id: &str) -> Result<Resource> {
        let (viewer, id) = (viewer.clone(), id.to_owned());
        self.0.blocking(move |app| app.resource(&viewer, &id)).await
    }

    async fn latest(&self, viewer: &Viewer, limit: usize) -> Result<Latest> {
        let viewer = viewer.clone();
        self.0.blocking(move |app| app.latest(&viewer, limit)).await
    }

    async fn open_blob(&self, viewer: &Viewer, blob: BlobId) -> Result<Blob> {
        let viewer = viewer.clone();
        self.0.blocking(move |app| app.open_blob(&viewer, blob)).await
    }

    async fn add(&self, viewer: &Viewer, request: AddRequest, progress: ProgressSender) -> Result<AddReply> {
        let viewer = viewer.clone();
        self.0.blocking(move |app| app.add(&viewer, &request, &progress)).await
    }

    async fn withdraw(&self, viewer: &Viewer, id: &str, request: WithdrawRequest) -> Result<Withdrawn> {
        let (viewer, id) = (viewer.clone(), id.to_owned());
        self.0.blocking(move |app| app.withdraw(&viewer, &id, &request)).await
    }

    async fn fetch(
        &self,
        viewer: &Viewer,
        id: &str,
        request: FetchRequest,
        progress: ProgressSender,
    ) -> Result<FetchReply> {
        self.0.fetch(viewer, id, &request, &progress).await
    }

    async fn create_upload(&self, viewer: &Viewer, request: UploadRequest) -> Result<Upload> {
        let viewer = viewer.clone();
        self.0.blocking(move |app| app.create_upload(&viewer, &request)).await
    }

    async fn upload(&self, viewer: &Viewer, id: &str) -> Result<Upload> {
        let (viewer, id) = (viewer.clone(), id.to_owned());
        self.0.blocking(move |app| app.upload(&viewer, &id)).await
    }

    async fn append_upload(&self, viewer: &Viewer, id: &str, offset: u64, bytes: ByteStream) -> Result<Upload> {
        self.0.append_upload(viewer, id, offset, bytes).await
    }

    async fn receive_upload(&self, viewer: &Viewer, name: &str, max_bytes: u64, bytes: ByteStream) -> Result<Upload> {
        self.0.receive_upload(viewer, name, max_bytes, bytes).await
    }

    async fn discard_upload(&self, viewer: &Viewer, id: &str) -> Result<()> {
        let (viewer, id) = (viewer.clone(), id.to_owned());
        self.0.blocking(move |app| app.discard_upload(&viewer, &id)).await
    }

    async fn subscriptions(&self) -> Result<Subscriptions> {
        self.0.blocking(|app| app.subscriptions()).await
    }

    async fn subscribe(&self, request: SubscribeRequest) -> Result<Subscriptions> {
        self.0.blocking(move |app| app.subscribe(&request)).await
    }

    async fn unsubscribe(&self, number: u64) -> Result<Subscriptions> {
        self.0.blocking(move |app| app.unsubscribe(number)).await
    }

    async fn sync(&self, request: SyncRequest, progress: ProgressSender) -> Result<SyncReport> {
        self.0.sync(request, progress).await
    }

    async fn transfers(&self, viewer: &Viewer) -> Result<Transfers> {
        let viewer = viewer.clone();
        self.0.blocking(move |app| app.transfers(&viewer)).await
    }

    async fn invite(&self, request: InviteRequest) -> Result<Invitation> {
        self.0.blocking(move |app| app.invite(&request)).await
    }

    async fn join(&self, request: JoinRequest) -> Result<Joined> {
        self.0.join(request).await
    }

    async fn join_paper(&self) -> Result<JoinPaper> {
        self.0.blocking(|app| app.join_paper()).await
    }

    async fn admit(&self, request: AdmitRequest) -> Result<Grant> {
        self.0.blocking(move |app| app.admit(&request)).await
    }

    async fn revoke(&self, node: &str, request: RevokeRequest) -> Result<Revoked> {
        let node = node.to_owned();
        self.0.blocking(move |app| app.revoke(&node, &request)).await
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(Settings { settings: self.0.settings().all() })
    }

    async fn setting(&self, key: &str) -> Result<Setting> {
        self.0.settings().get(key).map_err(|error| setting_failure(&error))
    }

    async fn set_setting(&self, key: &str, value: SettingValue) -> Result<Setting> {
        let key = key.to_owned();
        self.0
            .blocking(move |app| {
                let mut settings = app.settings();
                let mut changed = settings.clone();
                let setting = changed.set(&key, &value.value).map_err(|error| setting_failure(&error))?;
                changed.save(&app.home.paths().config()).map_err(|error| setting_failure(&error))?;
                *settings = changed;
                if let Some(links) = app.links.get() {
                    links.network().limit_rate(settings.link_rate_bytes_per_s());
                }
                Ok(setting)
            })
            .await
    }

    async fn private_events(&self) -> Result<Vec<Vec<u8>>> {
        self.0.blocking(|app| app.local.account_events().map_err(|error| failure(error.into()))).await
    }

    async fn append_private(&self, event: Vec<u8>) -> Result<()> {
        self.0
            .blocking(move |app| {
                app.local.append_account(event.clone()).map_err(|error| failure(error.into()))?;
                notices::account_event_kept(&app.home, &event);
                Ok(())
            })
            .await
    }

    async fn audit(&self, record: AuditRecord) -> Result<()> {
        let line = serde_json::json!({
            "at_ms": record.at_ms,
            "actor": record.actor,
            "action": record.action,
            "subject": record.subject,
            "source": record.source,
            "done": record.outcome == Outcome::Done,
        });
        let line = line.to_string().into_bytes();
        self.0.blocking(move |app| app.audit.append(&[&line]).map(|_| ()).map_err(|error| failure(error.into()))).await
    }
}

/// A settings' error in words for whoever asked: its first line says what is wrong, the others what to do.
fn setting_failure(error: &SettingsError) -> Failure {
    let text = error.to_string();
    let (detail, remedy) = text.split_once('\n').unwrap_or((&text, "see kapok config list"));
    let title = match error {
        SettingsError::UnknownKey(_) => "there is no such setting",
        _ => "cannot change the setting",
    };
    Failure::invalid(title, detail.trim()).remedy(remedy.trim())
}
