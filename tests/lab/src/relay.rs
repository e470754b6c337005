//! A line on loopback for UDP alone, without root: datagrams to the relay's port pass it on their way to the target.
//!
//! Each sender gets a socket of its own towards the target, as at a NAT. IP and UDP headers are counted.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::link::Link;
use crate::packet::{Flow, Seen, UDP, is_long_header};
use crate::wire::{Lane, Wire};

/// The largest datagram.
const MAX_BYTES: usize = 65_535;
/// How soon a reader notices that the relay is taken down.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// Senders are the nodes of one test; more are somebody else's.
const MAX_SENDERS: usize = 64;

/// A datagram and the socket that it goes out by.
type Parcel = (Arc<UdpSocket>, SocketAddr, Vec<u8>);

/// The relay. Taken down when it is dropped.
#[derive(Debug)]
pub struct Relay {
    pub wire: Wire<Parcel, Parcel>,
    address: SocketAddr,
    over: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Relay {
    /// A line to `target` that begins now. Who speaks to [`Self::address`] is at its near end.
    ///
    /// # Errors
    /// If there is no port to be had.
    pub fn start(target: SocketAddr, link: &Link, seed: u64) -> io::Result<Self> {
        let front = Arc::new(UdpSocket::bind((loopback(&target), 0))?);
        front.set_read_timeout(Some(STOP_CHECK))?;
        let address = front.local_addr()?;
        let wire = Wire::start(link, seed, send, send);
        let over = Arc::new(AtomicBool::new(false));
        let door = Door { front, target, up: wire.up.clone(), down: wire.down.clone(), over: over.clone() };
        let reader = Some(std::thread::spawn(move || door.run()));
        Ok(Self { wire, address, over, reader })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

struct Door {
    front: Arc<UdpSocket>,
    target: SocketAddr,
    up: Lane<Parcel>,
    down: Lane<Parcel>,
    over: Arc<AtomicBool>,
}

impl Door {
    fn run(self) {
        let mut backs: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
        let mut readers = Vec::new();
        let mut buffer = vec![0; MAX_BYTES];
        while !self.over.load(Ordering::Relaxed) {
            let Some((bytes, sender)) = receive(&self.front, &mut buffer) else { continue };
            if !backs.contains_key(&sender) && backs.len() < MAX_SENDERS {
                // Without a socket its datagrams are lost, as on any line.
                let Ok((back, reader)) = self.open(sender) else { continue };
                backs.insert(sender, back);
                readers.push(reader);
            }
            let Some(back) = backs.get(&sender) else { continue };
            let flow = Flow { protocol: UDP, source: sender.port(), destination: self.target.port() };
            push(&self.up, (back.clone(), self.target, buffer[..bytes].to_vec()), flow);
        }
        for reader in readers {
            let _ = reader.join();
        }
    }

    /// The way to the target and back for one sender.
    fn open(&self, sender: SocketAddr) -> io::Result<(Arc<UdpSocket>, JoinHandle<()>)> {
        let back = Arc::new(UdpSocket::bind((loopback(&self.target), 0))?);
        back.set_read_timeout(Some(STOP_CHECK))?;
        let (socket, target) = (back.clone(), self.target);
        let (front, down, over) = (self.front.clone(), self.down.clone(), self.over.clone());
        let reader = std::thread::spawn(move || {
            let mut buffer = vec![0; MAX_BYTES];
            while !over.load(Ordering::Relaxed) {
                if let Some((bytes, from)) = receive(&socket, &mut buffer)
                    && from == target
                {
                    let flow = Flow { protocol: UDP, source: target.port(), destination: sender.port() };
                    push(&down, (front.clone(), sender, buffer[..bytes].to_vec()), flow);
                }
            }
        });
        Ok((back, reader))
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket.recv_from(buffer) {
        Ok(received) => Some(received),
        // Nothing came, or an earlier datagram met a closed port: neither ends a line.
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
        Err(_) => {
            std::thread::sleep(Duration::from_millis(1));
            None
        }
    }
}

fn push(lane: &Lane<Parcel>, parcel: Parcel, flow: Flow) {
    let headers = if parcel.1.is_ipv4() { 20 + 8 } else { 40 + 8 };
    let opens = parcel.2.first().is_some_and(|first| is_long_header(*first));
    let seen = Seen { bytes: parcel.2.len() + headers, flow, opens };
    lane.push(parcel, seen);
}

fn send((socket, to, bytes): Parcel) {
    let _ = socket.send_to(&bytes, to);
}

fn loopback(like: &SocketAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() }
}
