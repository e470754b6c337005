//! One bidirectional QUIC stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use quinn::{RecvStream, SendStream};
use tokio::runtime::Handle;

/// Until the peer is told to send no more although it has not acknowledged what it was sent; an outage takes less.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Bytes to and from a peer. Closing it ends the own direction only. Dropping it ends both: what was written still
/// arrives (the answer that a protocol is not spoken is written just before the stream is dropped, so it must), and the
/// peer is told to send no more. After an orderly close it is told so only when it has all that it was sent, for some
/// implementations (py-libp2p 0.8) take the word for the end of both directions and throw away what they have not read.
pub struct Stream {
    /// Taken when the stream is dropped.
    halves: Option<(SendStream, RecvStream)>,
    closed: bool,
    /// The peer's direction has ended, too.
    ended: bool,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = self.halves.as_ref().map(|(send, _)| send.id());
        f.debug_struct("Stream").field("id", &id).field("closed", &self.closed).finish_non_exhaustive()
    }
}

impl Stream {
    pub(super) fn new(send: SendStream, receive: RecvStream) -> Self {
        Self { halves: Some((send, receive)), closed: false, ended: false }
    }

    fn halves(&mut self) -> io::Result<&mut (SendStream, RecvStream)> {
        self.halves.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let waits = self.closed && !self.ended;
        // Without a runtime the process is ending, and the connection with it.
        if let (true, Some((send, receive)), Ok(runtime)) = (waits, self.halves.take(), Handle::try_current()) {
            runtime.spawn(async move {
                // Whatever it returns, nothing more is to be waited for.
                let _ = tokio::time::timeout(STOP_PATIENCE, send.stopped()).await;
                drop(receive);
            });
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let (_, receive) = self.halves()?;
        let read = ready!(receive.poll_read(cx, buf))?;
        self.ended |= read == 0 && !buf.is_empty();
        Poll::Ready(Ok(read))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let (send, _) = self.halves()?;
        Pin::new(send).poll_write(cx, buf).map_err(Into::into)
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
            let (send, _) = self.halves()?;
            let _ = send.finish();
        }
        Poll::Ready(Ok(()))
    }
}
