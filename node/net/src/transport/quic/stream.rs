//! One bidirectional QUIC stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use quinn::{RecvStream, SendStream};

/// Bytes to and from a peer. Closing it ends the own direction only. Dropping it ends both: what was written still
/// arrives (the answer that a protocol is not spoken is written just before the stream is dropped, so it must), and the
/// peer is told to send no more.
pub struct Stream {
    send: SendStream,
    receive: RecvStream,
    closed: bool,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("id", &self.send.id()).field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl Stream {
    pub(super) fn new(send: SendStream, receive: RecvStream) -> Self {
        Self { send, receive, closed: false }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.receive.poll_read(cx, buf).map_err(Into::into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.send).poll_write(cx, buf).map_err(Into::into)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Quinn sends by itself as soon as congestion control lets it.
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // libp2p may close twice.
        if !self.closed {
            self.closed = true;
            // An error means that the peer wants no more of this stream: nothing is left to be ended.
            let _ = self.send.finish();
        }
        Poll::Ready(Ok(()))
    }
}
