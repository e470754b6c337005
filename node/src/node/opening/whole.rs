//! Ranges of a blob that is here, streamed from its file.

use std::sync::Arc;

use async_trait::async_trait;
use kapok_http::port::{BlobReader, ByteStream, Result};
use kapok_protocol::blob::BlobId;
use kapok_store::blobs::{BlobError, CheckedReader, PIECE_BYTES};
use tokio::io::AsyncWriteExt as _;

use super::{cut, piece_at};
use crate::node::app::App;

/// Parts of a blob, streamed from its file.
pub(super) struct Ranges {
    pub(super) app: Arc<App>,
    pub(super) blob: BlobId,
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
            opened.map_err(|error| app.unreadable(blob, &error))
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
pub(super) fn part(reader: &CheckedReader, at: u64, end: u64) -> std::result::Result<Vec<u8>, BlobError> {
    if at >= end.min(reader.size()) {
        return Ok(Vec::new());
    }
    Ok(cut(reader.piece(piece_at(at))?, at, end))
}
