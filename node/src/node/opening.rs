//! Opening a blob for a browser: only what a live entry shows to the viewer, and only bytes that are right.
//!
//! What a disk has spoilt is found here first, by the person who opens it. The blob goes to quarantine, no longer counts
//! as held, and is wanted again from others ([`App::want_again`]).

use std::sync::Arc;

use async_trait::async_trait;
use kapok_http::port::{Blob, BlobReader, ByteStream, Failure, Result, Viewer};
use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::message::Urgency;
use kapok_store::blobs::{BlobError, CheckedReader, PIECE_BYTES, Verdict};
use tokio::io::AsyncWriteExt as _;

use super::app::{App, blob_failure, failure};
use super::facts;
use crate::catalogue::Found;

const TITLE: &str = "cannot open the file";

impl App {
    /// A blob that is here and that a live entry shows to this viewer.
    pub(super) fn open_blob(self: &Arc<Self>, viewer: &Viewer, blob: BlobId) -> Result<Blob> {
        let unknown = || {
            Failure::not_found("no such file", "it is not here, or not for you")
                .remedy("search for it")
                .said("file.unknown")
        };
        let size = self.blobs.size(blob).map_err(|error| blob_failure(TITLE, &error))?;
        let is_in_quarantine = || self.blobs.quarantined().is_ok_and(|all| all.contains(&blob));
        if size.is_none() && !is_in_quarantine() {
            return Err(unknown());
        }
        let shown = |found: &Found| viewer.sees(facts::visibility(found.visibility));
        let found = self.using(blob, shown)?.ok_or_else(unknown)?;
        let Some(size) = size else { return Err(self.damaged(blob)) };
        let former = found.resource.former.iter().flat_map(|version| &version.files);
        let file = found.resource.files.iter().chain(former).find(|file| file.blob == blob);
        let (name, media_type) = file.map_or_else(
            || ("text".to_owned(), "application/octet-stream".to_owned()),
            |file| (file.name.clone(), file.mime.clone()),
        );
        Ok(Blob { size, name, media_type, reader: Box::new(Ranges { app: self.clone(), blob }) })
    }

    /// A live resource that names a blob, of those that `pass`.
    fn using(&self, blob: BlobId, pass: impl Fn(&Found) -> bool) -> Result<Option<Found>> {
        let reading = self.reading()?;
        for used in reading.uses(&blob).map_err(failure)? {
            if let Some(found) = Self::readable(&reading, &used.resource)?.filter(&pass) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A file of a former version, which is here, of the resource that names this one.
    pub(super) fn older_version(&self, blob: BlobId) -> Option<BlobId> {
        let found = self.using(blob, |_| true).ok()??;
        let file = found.resource.files.iter().find(|file| file.blob == blob)?;
        let here = |former: &BlobId| self.blobs.contains(*former).unwrap_or(false);
        found.resource.former_files(file).map(|former| former.blob).find(here)
    }

    /// A blob is in quarantine: it is wanted again, and this is what to tell whoever opened it.
    pub(super) fn damaged(&self, blob: BlobId) -> Failure {
        const DETAIL: &str = "it was damaged on this node's disk, and is kept apart in quarantine";
        self.want_again(blob);
        if self.links.get().is_some_and(|links| !links.proven().is_empty()) {
            Failure::unavailable(TITLE, format!("{DETAIL}; it is being fetched from others"))
                .remedy("try again in a moment; have the disk checked")
        } else {
            Failure::unavailable(TITLE, format!("{DETAIL}; no other node can be reached now to fetch it from"))
                .remedy("it comes again when another node that has it can be reached; have the disk checked")
        }
    }

    /// Wants a blob that is in quarantine, if anything still names it.
    pub(super) fn want_again(&self, blob: BlobId) {
        self.survey.saw(blob);
        self.rounds.recount();
        let Ok(Some(found)) = self.using(blob, |_| true) else { return };
        let former = found.resource.former.iter().flat_map(|version| &version.files);
        let mut named = found.resource.blobs().chain(former.map(|file| (file.blob, file.size)));
        let size = named.find(|(named, _)| *named == blob).map(|(_, size)| size);
        if let (Some(exchange), Some(size)) = (self.exchange.get(), size) {
            exchange.want(blob, size, found.key.author, None, Urgency::Interactive, 0);
            self.rounds.call_now();
        }
    }

    /// Reads a blob through that is too large to be read before it is given out.
    fn check_meanwhile(self: &Arc<Self>, blob: BlobId) {
        let app = self.clone();
        tokio::task::spawn_blocking(move || match app.blobs.verify_once(blob) {
            Ok(Some(Verdict::Damaged)) => app.want_again(blob),
            Ok(_) => {}
            Err(error) => tracing::warn!(%blob, %error, "a file that was opened could not be checked"),
        });
    }
}

/// Parts of a blob, streamed from its file.
struct Ranges {
    app: Arc<App>,
    blob: BlobId,
}

#[async_trait]
impl BlobReader for Ranges {
    async fn range(&self, start: u64, length: u64) -> Result<ByteStream> {
        let blob = self.blob;
        let end = start.saturating_add(length);
        // The first piece is read before anything is answered: then damage can still be said.
        let opened = self.app.blocking(move |app| {
            let opened = app.blobs.checked_reader(blob).and_then(|reader| {
                let first = part(&reader, start, end)?;
                Ok((reader, first))
            });
            opened.map_err(|error| match error {
                BlobError::Damaged(_) => app.damaged(blob),
                other => blob_failure(TITLE, &other),
            })
        });
        let (reader, first) = opened.await?;
        if !reader.is_checked() {
            self.app.check_meanwhile(blob);
        }
        let app = self.app.clone();
        let (mut to, from) = tokio::io::duplex(PIECE_BYTES);
        tokio::spawn(async move {
            let (mut at, mut bytes) = (start, first);
            // The browser may go away, or the file turn out damaged: the stream just ends, short of what was promised.
            while !bytes.is_empty() && to.write_all(&bytes).await.is_ok() {
                at += bytes.len() as u64;
                let reader = reader.clone();
                bytes = match tokio::task::spawn_blocking(move || part(&reader, at, end)).await {
                    Ok(Ok(bytes)) => bytes,
                    Ok(Err(BlobError::Damaged(_))) => {
                        let _ = tokio::task::spawn_blocking(move || app.want_again(blob)).await;
                        break;
                    }
                    _ => break,
                };
            }
        });
        Ok(Box::pin(from))
    }
}

/// The bytes from `at` to the end of their piece, or to `end`.
fn part(reader: &CheckedReader, at: u64, end: u64) -> std::result::Result<Vec<u8>, BlobError> {
    if at >= end.min(reader.size()) {
        return Ok(Vec::new());
    }
    let index = u32::try_from(at / PIECE_BYTES as u64).unwrap_or(u32::MAX);
    let mut piece = reader.piece(index)?;
    let begin = kapok_protocol::blob::piece::piece_offset(index);
    // Both lie within one piece.
    let within = |offset: u64| usize::try_from(offset - begin).unwrap_or(usize::MAX).min(PIECE_BYTES);
    piece.truncate(within(end.min(begin + PIECE_BYTES as u64)));
    piece.drain(..within(at).min(piece.len()));
    Ok(piece)
}
