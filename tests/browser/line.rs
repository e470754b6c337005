//! A slow line on loopback: datagrams to its port reach the target at once, and what comes back passes at a rate.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

/// Datagrams that stand before the line; more are lost, as in a router.
const QUEUE: usize = 40;
/// The largest datagram.
const MAX_BYTES: usize = 65_535;

/// A datagram on its way back, and to whom.
type Parcel = (SocketAddr, Vec<u8>);

/// Puts the line between `port` and `target`, at so many bytes a second. It lasts as long as the test's process.
pub(crate) fn lay(port: u16, target: u16, bytes_per_second: f64) {
    let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
    let (queue, queued) = sync_channel(QUEUE);
    let end = front.clone();
    std::thread::spawn(move || carry(&queued, &end, bytes_per_second));
    std::thread::spawn(move || {
        // Each sender has a port of its own behind the line, as at a NAT.
        let mut backs = HashMap::new();
        let mut bytes = vec![0; MAX_BYTES];
        // An error is an earlier datagram's: nobody listened there yet.
        loop {
            let Ok((length, from)) = front.recv_from(&mut bytes) else { continue };
            let back = backs.entry(from).or_insert_with(|| back(from, target, queue.clone()));
            let _ = back.send(&bytes[..length]);
        }
    });
}

fn back(sender: SocketAddr, target: u16, queue: SyncSender<Parcel>) -> Arc<UdpSocket> {
    let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    back.connect((Ipv4Addr::LOCALHOST, target)).unwrap();
    let far = back.clone();
    std::thread::spawn(move || {
        let mut bytes = vec![0; MAX_BYTES];
        loop {
            let Ok(length) = far.recv(&mut bytes) else { continue };
            if let Err(TrySendError::Disconnected(_)) = queue.try_send((sender, bytes[..length].to_vec())) {
                return;
            }
        }
    });
    back
}

fn carry(queued: &Receiver<Parcel>, front: &UdpSocket, bytes_per_second: f64) {
    let mut free_at = Instant::now();
    for (sender, datagram) in queued {
        free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(datagram.len() as f64 / bytes_per_second);
        std::thread::sleep(free_at.saturating_duration_since(Instant::now()));
        let _ = front.send_to(&datagram, sender);
    }
}
