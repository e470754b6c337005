//! Whether anybody still listens at a neighbour's port.
//!
//! A process that was killed says nothing, and on a silent connection nobody can tell that from an outage: it would be
//! kept for the idle timeout. But the machine under it answers for a closed port (ICMP, RFC 1122 §4.1.3.1), and the system
//! tells that to a connected socket. Asked only on a LAN, where no router answers in the machine's place, and believed
//! the second time: a forged answer would have to guess the ports of two sockets that live for a moment.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

use super::socket::NOTHING;

/// A LAN answers within milliseconds.
const PATIENCE: Duration = Duration::from_millis(150);

/// Refusals until it is believed.
const REFUSALS: u8 = 2;

/// True where the port at `remote` is closed.
pub(super) async fn is_closed(remote: SocketAddr) -> bool {
    for _ in 0..REFUSALS {
        let refused = tokio::time::timeout(PATIENCE, knock(remote)).await;
        if !matches!(refused, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused) {
            return false;
        }
    }
    true
}

/// Ends only with an error; nobody answers such a packet.
async fn knock(remote: SocketAddr) -> io::Result<()> {
    let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(remote).await?;
    socket.send(&NOTHING).await?;
    socket.recv(&mut [0; 1]).await.map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[tokio::test]
    async fn a_closed_port_is_told_from_one_that_is_silent() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let socket = std::net::UdpSocket::bind(address).unwrap();
            let remote = socket.local_addr().unwrap();
            assert!(!is_closed(remote).await);
            drop(socket);
            assert!(is_closed(remote).await);
        }
    }
}
