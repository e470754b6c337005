//! Bodies as streams of bytes, with an end to waiting.

use std::io;

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt, stream};
use tokio_util::io::StreamReader;

use crate::limits::UPLOAD_STALL;
use crate::port::ByteStream;

/// A request's body as it comes. It ends with an error when the link breaks or nothing comes for [`UPLOAD_STALL`].
pub(crate) fn reader(body: Body) -> ByteStream {
    stalling(body.into_data_stream().map(|part| part.map_err(io::Error::other)))
}

/// A body that ends so, for those who read it part by part.
pub(crate) fn timed_body(body: Body) -> Body {
    Body::from_stream(timed(body.into_data_stream().map(|part| part.map_err(io::Error::other))))
}

/// Bytes from any stream of parts, which ends so.
pub(crate) fn stalling(parts: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> ByteStream {
    Box::pin(StreamReader::new(Box::pin(timed(parts))))
}

fn timed(
    parts: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let parts = Box::pin(parts);
    stream::unfold(Some(parts), |parts| async move {
        let mut parts = parts?;
        match tokio::time::timeout(UPLOAD_STALL, parts.next()).await {
            Ok(Some(part)) => Some((part, Some(parts))),
            Ok(None) => None,
            Err(_) => Some((Err(io::Error::new(io::ErrorKind::TimedOut, "nothing came for a minute")), None)),
        }
    })
}
