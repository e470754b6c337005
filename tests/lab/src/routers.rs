//! Two places behind routers with NAT, and one that everybody reaches. Needs root.
//!
//! Each is a namespace with a TUN device, as in [`crate::lab`]. What the two send goes over their own lines and through
//! their own routers ([`crate::nat`]) and then to whom it is addressed: the place in the middle, or the other's router.
//! Of the middle's line only the bytes are counted.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use crate::lab::{End, Family, open, read, sink};
use crate::link::Link;
use crate::nat::{Mapping, Nat};
use crate::packet::{Seen, destination};
use crate::wire::{Lane, Wire};

/// Where the routers are seen: in the network of the ends, so that these send there, and nobody's own.
const PUBLIC: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 101), Ipv4Addr::new(192, 0, 2, 102)];

/// The ends and the lines. All of it is gone when it is dropped.
#[derive(Debug)]
pub struct Routers {
    pub behind: [End; 2],
    pub middle: End,
    pub lines: [Wire<Vec<u8>, Vec<u8>>; 2],
    middle_bytes: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    readers: Vec<JoinHandle<()>>,
}

/// What lies between the lines.
struct Outside {
    nats: [Mutex<Nat>; 2],
    /// To those behind the routers; set once the lines are there.
    down: OnceLock<[Lane<Vec<u8>>; 2]>,
    middle: IpAddr,
    middle_bytes: Arc<AtomicU64>,
}

impl Outside {
    fn leaves(&self, place: usize, mut packet: Vec<u8>, to_middle: &mut impl FnMut(Vec<u8>)) {
        let passes = self.nats[place].lock().unwrap_or_else(PoisonError::into_inner).goes_out(&mut packet);
        if !passes {
            return;
        }
        if destination(&packet) == Some(self.middle) {
            self.middle_bytes.fetch_add(packet.len() as u64, Ordering::Relaxed);
            to_middle(packet);
        } else {
            self.arrives(packet);
        }
    }

    fn arrives(&self, mut packet: Vec<u8>) {
        let to = destination(&packet);
        for (place, public) in PUBLIC.into_iter().enumerate() {
            if to != Some(public.into()) {
                continue;
            }
            let passes = self.nats[place].lock().unwrap_or_else(PoisonError::into_inner).comes_in(&mut packet);
            if passes && let Some(down) = self.down.get() {
                let seen = Seen::of(&packet);
                down[place].push(packet, seen);
            }
            return;
        }
    }
}

impl Routers {
    /// Three new namespaces; each of two is reached over `link` and through a router of its kind.
    ///
    /// # Errors
    /// If this is not root, or the system has no namespaces or no TUN devices.
    pub fn new(link: &Link, mappings: [Mapping; 2], seed: u64) -> io::Result<Self> {
        let (behind, middle) = ([End::new(1)?, End::new(3)?], End::new(2)?);
        let tuns = [Arc::new(open(&behind[0])?), Arc::new(open(&behind[1])?)];
        let middle_tun = Arc::new(open(&middle)?);
        let middle_bytes = Arc::<AtomicU64>::default();
        let outside = Arc::new(Outside {
            nats: [0, 1].map(|place| Mutex::new(Nat::new(PUBLIC[place], mappings[place]))),
            down: OnceLock::new(),
            middle: middle.address(Family::V4),
            middle_bytes: middle_bytes.clone(),
        });
        let lines = [0, 1].map(|place: usize| {
            let (outside, mut to_middle) = (outside.clone(), sink(middle_tun.clone()));
            let up = move |packet| outside.leaves(place, packet, &mut to_middle);
            Wire::start(link, seed + place as u64, sink(tuns[place].clone()), up)
        });
        let _ = outside.down.set([lines[0].down.clone(), lines[1].down.clone()]);
        let over = Arc::new(AtomicBool::new(false));
        let counted = middle_bytes.clone();
        let from_middle = move |packet: &[u8]| {
            counted.fetch_add(packet.len() as u64, Ordering::Relaxed);
            outside.arrives(packet.to_vec());
        };
        let mut readers = vec![read(middle_tun, over.clone(), from_middle)];
        for (tun, line) in tuns.into_iter().zip(&lines) {
            let up = line.up.clone();
            readers.push(read(tun, over.clone(), move |packet| up.push(packet.to_vec(), Seen::of(packet))));
        }
        Ok(Self { behind, middle, lines, middle_bytes, over, readers })
    }

    /// Bytes of the packets that the place in the middle has sent and received.
    #[must_use]
    pub fn middle_bytes(&self) -> u64 {
        self.middle_bytes.load(Ordering::Relaxed)
    }

    /// Where a router is seen.
    #[must_use]
    pub fn public(place: usize) -> Ipv4Addr {
        PUBLIC[place]
    }
}

impl Drop for Routers {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}
