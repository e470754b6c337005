//! UDP sockets and the tasks that drive them.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime};
use socket2::{Domain, Protocol, Socket, Type};
use tokio_util::task::TaskTracker;

use super::probes::Thinned;

/// What the system may hold for us between two reads. The usual 208 KiB overflow when a neighbour on the LAN sends at
/// 1 Gbit/s, and what overflows looks like loss.
const RECEIVE_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// What is sent for its packet alone. Shorter than any of QUIC: who listens there ignores it.
pub(super) const NOTHING: [u8; 1] = [0];

/// A bound UDP socket that serves the family of `address` only, so that `0.0.0.0` and `::` can share a port.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The system may grant less (net.core.rmem_max); then less it is.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Tokio, with a list of the tasks that quinn starts: a port is free again when the last of them has ended.
#[derive(Clone, Debug)]
pub(super) struct TrackedRuntime(pub(super) TaskTracker);

impl Runtime for TrackedRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        self.0.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        Ok(Arc::new(Thinned::new(TokioRuntime.wrap_udp_socket(socket)?)))
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}
