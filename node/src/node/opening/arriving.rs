//! Ranges of a blob that is not here, or not all of it: it is fetched while it is read.
//!
//! The pieces of the range come before everything else ([`Reading`]), each is given out when it is proved and on disk, and
//! the next ones are asked for ahead of the browser, which takes them at its own pace. When the blob is whole meanwhile,
//! the rest is read from its file.
//!
//! An answer begins with its first piece: until then a failure can be said. Afterwards a stream that cannot go on ends
//! short of what was promised, never with wrong bytes; the browser asks again from there.

use std::sync::Arc;

use async_trait::async_trait;
use kapok_http::port::{BlobReader, ByteStream, Failure, FailureKind, Result};
use kapok_net::blob::{FetchError, Reading};
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::NodeId;
use kapok_store::blobs::{CheckedReader, PIECE_BYTES};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::whole::{Ranges, part};
use super::{TITLE, cut, piece_at};
use crate::node::app::App;

/// Parts of a blob, as they come.
pub(super) struct Arriving {
    pub(super) app: Arc<App>,
    pub(super) blob: BlobId,
    pub(super) size: u64,
    /// The node whose entry names it.
    pub(super) home: NodeId,
    pub(super) name: String,
    /// Nothing is fetched for this reader that does not come anyway.
    pub(super) guest: bool,
}

#[async_trait]
impl BlobReader for Arriving {
    async fn range(&self, start: u64, length: u64) -> Result<ByteStream> {
        if self.app.blobs.contains(self.blob).unwrap_or(false) {
            // It has come since it was opened.
            return Ranges { app: self.app.clone(), blob: self.blob }.range(start, length).await;
        }
        let exchange = self.app.exchange.get().ok_or_else(|| {
            Failure::unavailable(TITLE, "the file is not here yet, and the network is not up")
                .remedy("try again in a moment")
                .said("fetch.not-ready")
        })?;
        let end = start.saturating_add(length).min(self.size);
        let pieces = piece_at(start)..piece_at(end.saturating_sub(1)).saturating_add(1);
        let reading = exchange.read(self.blob, self.size, self.home, pieces, self.guest).await;
        let reading = reading.map_err(|error| not_coming(&error, &self.name))?;
        let mut course =
            Course { app: self.app.clone(), blob: self.blob, name: self.name.clone(), end, reading, whole: None };
        let first = course.part(start).await?;
        let (to, from) = tokio::io::duplex(PIECE_BYTES);
        tokio::spawn(course.stream(start, first, to));
        Ok(Box::pin(from))
    }
}

/// One answer while it is given.
struct Course {
    app: Arc<App>,
    blob: BlobId,
    name: String,
    end: u64,
    reading: Reading,
    /// The blob's file, once all of it is here.
    whole: Option<CheckedReader>,
}

impl Course {
    async fn stream(mut self, start: u64, first: Vec<u8>, mut to: DuplexStream) {
        let (mut at, mut bytes) = (start, first);
        while !bytes.is_empty() && to.write_all(&bytes).await.is_ok() {
            at += bytes.len() as u64;
            if at >= self.end {
                return;
            }
            bytes = tokio::select! {
                part = self.part(at) => match part {
                    Ok(bytes) => bytes,
                    Err(failure) => {
                        tracing::info!(blob = %self.blob, at, %failure, "a file that is read breaks off");
                        return;
                    }
                },
                // While nothing comes, nothing is written by which to notice it; what is read for nobody is not preferred.
                () = has_gone(&mut to) => return,
            };
        }
    }

    /// The bytes from `at` to the end of their piece, or to the end of the range.
    async fn part(&mut self, at: u64) -> Result<Vec<u8>> {
        let (blob, end) = (self.blob, self.end);
        if self.whole.is_none() && self.app.blobs.contains(blob).unwrap_or(false) {
            let open =
                move |app: &Arc<App>| app.blobs.checked_reader(blob).map_err(|error| app.unreadable(blob, &error));
            self.whole = Some(self.app.blocking(open).await?);
        }
        match self.whole.clone() {
            Some(reader) => {
                let read = move |app: &Arc<App>| part(&reader, at, end).map_err(|error| app.unreadable(blob, &error));
                self.app.blocking(read).await
            }
            None => {
                let piece = self.reading.piece(piece_at(at)).await;
                Ok(cut(piece.map_err(|error| not_coming(&error, &self.name))?, at, end))
            }
        }
    }
}

/// Returns when the browser has gone: it writes nothing.
async fn has_gone(to: &mut DuplexStream) {
    let _ = to.read(&mut [0]).await;
}

/// Why a file that is not here does not come, in words for whoever opened it.
fn not_coming(error: &FetchError, name: &str) -> Failure {
    let failure = Failure::unavailable(TITLE, format!("“{name}” is not here yet: {error}"));
    match error {
        FetchError::Nobody | FetchError::Refused(_) => failure
            .remedy("try again when a node that has it can be reached; it comes by itself if you subscribe")
            .said("fetch.no-holder")
            .with("name", name),
        FetchError::Late(seconds) => failure
            .remedy("try again: it goes on where it stood")
            .said("file.late")
            .with("name", name)
            .with("seconds", seconds),
        FetchError::NotFetched => Failure { kind: FailureKind::Forbidden, ..failure }
            .remedy("sign in with an account that may have files fetched, or ask a teacher to fetch it")
            .said("file.not-fetched")
            .with("name", name),
        FetchError::TooManyReaders => failure.remedy("try again in a few minutes").said("node.busy"),
        FetchError::Store(_) => failure.remedy("free some space, or have the disk checked; the node's log has more"),
        FetchError::Stopping => failure.remedy("try again when the node runs again"),
    }
}
