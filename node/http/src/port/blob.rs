//! A blob, opened for one viewer.

use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use tokio::io::AsyncRead;

use super::Result;

/// Bytes as they come.
pub type ByteStream = Pin<Box<dyn AsyncRead + Send>>;

/// A blob that the viewer may read.
pub struct Blob {
    pub size: u64,
    /// The file's name in the entry through which the viewer sees it.
    pub name: String,
    /// What the entry says it is; browsers are told so only for a short list of safe types.
    pub media_type: String,
    pub reader: Box<dyn BlobReader>,
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("size", &self.size).field("media_type", &self.media_type).finish_non_exhaustive()
    }
}

/// Reads parts of one blob.
#[async_trait]
pub trait BlobReader: Send + Sync {
    /// `length` bytes from `start`; both lie within the blob's size. Returns when the first of them are here, or why they do
    /// not come; a stream that cannot go on ends early.
    async fn range(&self, start: u64, length: u64) -> Result<ByteStream>;
}
