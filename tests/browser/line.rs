//! A slow line on loopback: datagrams to its port reach the target at once, and what comes back passes at a rate.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Datagrams that stand before the line; more are lost, as in a router.
const QUEUE: usize = 40;
/// The largest datagram.
const MAX_BYTES: usize = 65_535;

/// Puts the line between `port` and `target`, at so many bytes a second. It lasts as long as the test's process.
pub(crate) fn lay(port: u16, target: u16, bytes_per_second: f64) {
    let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
    let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    back.connect((Ipv4Addr::LOCALHOST, target)).unwrap();
    let near = Arc::new(Mutex::new(None));
    let (queue, queued) = sync_channel::<Vec<u8>>(QUEUE);
    {
        let (front, back, near) = (front.clone(), back.clone(), near.clone());
        std::thread::spawn(move || {
            let mut bytes = vec![0; MAX_BYTES];
            // An error is an earlier datagram's: nobody listened there yet.
            loop {
                let Ok((length, from)) = front.recv_from(&mut bytes) else { continue };
                *near.lock().unwrap() = Some(from);
                let _ = back.send(&bytes[..length]);
            }
        });
    }
    std::thread::spawn(move || {
        let mut bytes = vec![0; MAX_BYTES];
        loop {
            let Ok(length) = back.recv(&mut bytes) else { continue };
            if let Err(TrySendError::Disconnected(_)) = queue.try_send(bytes[..length].to_vec()) {
                return;
            }
        }
    });
    std::thread::spawn(move || carry(&queued, &front, &near, bytes_per_second));
}

fn carry(queued: &Receiver<Vec<u8>>, front: &UdpSocket, near: &Mutex<Option<SocketAddr>>, bytes_per_second: f64) {
    let mut free_at = Instant::now();
    for datagram in queued {
        free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(datagram.len() as f64 / bytes_per_second);
        std::thread::sleep(free_at.saturating_duration_since(Instant::now()));
        if let Some(near) = *near.lock().unwrap() {
            let _ = front.send_to(&datagram, near);
        }
    }
}
