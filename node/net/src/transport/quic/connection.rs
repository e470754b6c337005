//! An established QUIC connection, as libp2p's multiplexer of streams.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use libp2p::PeerId;
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use quinn::rustls::pki_types::CertificateDer;
use quinn::{ConnectionError, RecvStream, SendStream, Side, VarInt};

use super::config::CONNECTION_WINDOW_BYTES;
use super::congestion::{self, Prober};
use super::{Error, knock, stream::Stream};
use crate::transport::{HANDSHAKE_TIMEOUT, address};

type Opening = BoxFuture<'static, Result<(SendStream, RecvStream), ConnectionError>>;

/// Code of an orderly close, in QUIC's CONNECTION_CLOSE frame.
const CLOSED: VarInt = VarInt::from_u32(0);

/// Completes a handshake, within [`HANDSHAKE_TIMEOUT`], and reads from the certificate who the peer is.
pub(super) async fn complete(handshake: quinn::Connecting) -> Result<(PeerId, Connection), Error> {
    let connection =
        tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await.map_err(|_| Error::HandshakeTimedOut)??;
    let peer = peer_id(&connection)?;
    congestion::introduce(&connection, peer);
    Ok((peer, Connection::new(connection)))
}

/// The id in the peer's certificate. The TLS verifier has checked before that the certificate's extension is signed
/// by that id's key (libp2p specs, "tls").
fn peer_id(connection: &quinn::Connection) -> Result<PeerId, Error> {
    let identity = connection.peer_identity().ok_or(Error::NoCertificate)?;
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().map_err(|_| Error::NoCertificate)?;
    let certificate = libp2p_tls::certificate::parse(chain.first().ok_or(Error::NoCertificate)?)?;
    Ok(certificate.peer_id())
}

/// One connection to one peer.
pub struct Connection {
    connection: quinn::Connection,
    /// Where the peer was last; changes when it moves to another network or its router maps it anew.
    remote: SocketAddr,
    accepting: Option<Opening>,
    opening: Option<Opening>,
    prober: Prober,
    /// Whether the peer's port is closed, as far as it is being found out.
    knocking: Option<BoxFuture<'static, bool>>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("remote", &self.remote).finish_non_exhaustive()
    }
}

impl Connection {
    fn new(connection: quinn::Connection) -> Self {
        let prober = Prober::new(&connection, CONNECTION_WINDOW_BYTES);
        Self { remote: connection.remote_address(), connection, accepting: None, opening: None, prober, knocking: None }
    }
}

impl StreamMuxer for Connection {
    type Substream = Stream;
    type Error = Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, Error>> {
        let this = &mut *self;
        let accepting = this.accepting.get_or_insert_with(|| {
            let connection = this.connection.clone();
            async move { connection.accept_bi().await }.boxed()
        });
        let accepted = ready!(accepting.poll_unpin(cx));
        this.accepting = None;
        let (send, receive) = accepted?;
        Poll::Ready(Ok(Stream::new(send, receive)))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Stream, Error>> {
        let this = &mut *self;
        let opening = this.opening.get_or_insert_with(|| {
            let connection = this.connection.clone();
            async move { connection.open_bi().await }.boxed()
        });
        let opened = ready!(opening.poll_unpin(cx));
        this.opening = None;
        let (send, receive) = opened?;
        Poll::Ready(Ok(Stream::new(send, receive)))
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, Error>> {
        let this = &mut *self;
        let unanswered = this.prober.poll(cx, &this.connection);
        // A peer that was dialled listens where it was found; one that dialled may be behind a router, which may refuse
        // what comes from another port than the connection's.
        let is_listener = this.connection.side() == Side::Client;
        if unanswered && is_listener && this.knocking.is_none() && address::is_lan(this.remote.ip()) {
            this.knocking = Some(knock::is_closed(this.remote).boxed());
        }
        if let Some(knocking) = &mut this.knocking
            && let Poll::Ready(is_closed) = knocking.poll_unpin(cx)
        {
            this.knocking = None;
            if is_closed {
                // Ends the streams that are still held by others.
                this.connection.close(CLOSED, b"");
                return Poll::Ready(Err(Error::PortClosed(this.remote)));
            }
        }
        // Quinn tells nobody of a migration; it is noticed when the connection is next awake, which is soon enough
        // for what the address is used for (showing it, and dialling the peer again).
        let remote = self.connection.remote_address();
        if remote == self.remote {
            return Poll::Pending;
        }
        self.remote = remote;
        Poll::Ready(Ok(StreamMuxerEvent::AddressChange(address::quic(remote))))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Takes effect at once on this side; quinn's driver sends the frame to the peer.
        self.connection.close(CLOSED, b"");
        Poll::Ready(Ok(()))
    }
}
