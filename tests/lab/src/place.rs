//! A place behind one poor line: two ends on a LAN, and one beyond the line. Needs root.
//!
//! Each end is a namespace with a TUN device, as in [`crate::lab`]; where a packet goes decides by which line. What the
//! two say to each other, and what they say to everybody (multicast), takes the LAN; all else takes the line, which both
//! share. Nothing that is said to everybody leaves the place.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tappers::Tun;

use crate::lab::{DEVICE, End, Family, open, read, sink};
use crate::link::{Direction, Link};
use crate::packet::{Seen, destination};
use crate::wire::Wire;

/// A LAN of the kind that every school has.
const LAN_RATE_BPS: u64 = 100_000_000;
const LAN_DELAY_MS: f64 = 0.5;
const LAN_QUEUE_MS: f64 = 50.0;
/// A packet to one of the neighbours, by its number.
type Addressed = (usize, Vec<u8>);

/// The ends and both lines. All of it is gone when it is dropped.
#[derive(Debug)]
pub struct Place {
    /// Between the place and the far end.
    pub wan: Wire<Addressed, Vec<u8>>,
    /// From the first neighbour to the second is down.
    pub lan: Wire<Vec<u8>, Vec<u8>>,
    pub neighbours: [End; 2],
    pub far: End,
    over: Arc<AtomicBool>,
    readers: Vec<JoinHandle<()>>,
}

impl Place {
    /// Three new namespaces, with `link` between two of them and the third.
    ///
    /// # Errors
    /// If this is not root, or the system has no namespaces or no TUN devices.
    pub fn new(link: &Link, seed: u64) -> io::Result<Self> {
        let (neighbours, far) = ([End::on_lan(1)?, End::on_lan(3)?], End::new(2)?);
        let first = Arc::new(open_with_multicast(&neighbours[0])?);
        let second = Arc::new(open_with_multicast(&neighbours[1])?);
        let beyond = Arc::new(open(&far)?);
        for end in neighbours.iter().chain([&far]) {
            end.namespace.run("ip", &["route", "add", "default", "dev", DEVICE])?;
        }
        let mut near = [sink(first.clone()), sink(second.clone())];
        let to_place = move |(number, packet): Addressed| {
            if let Some(near) = near.get_mut(number) {
                near(packet);
            }
        };
        let wan = Wire::start(link, seed, to_place, sink(beyond.clone()));
        let lan = Wire::start(&Link::symmetric(&lan()), seed, sink(second.clone()), sink(first.clone()));
        let over = Arc::new(AtomicBool::new(false));
        let addresses =
            [0, 1].map(|number: usize| [Family::V4, Family::V6].map(|family| neighbours[number].address(family)));
        let (wan_down, wan_up) = (wan.down.clone(), wan.up.clone());
        let from_beyond = move |packet: &[u8]| {
            let to = destination(packet);
            let number = addresses.iter().position(|own| own.iter().any(|own| Some(*own) == to));
            if let Some(number) = number {
                wan_down.push((number, packet.to_vec()), Seen::of(packet));
            }
        };
        let lanes = [(lan.down.clone(), wan_up.clone(), 1), (lan.up.clone(), wan_up, 0)];
        let [from_first, from_second] = lanes.map(|(lan, wan, neighbour): (_, _, usize)| {
            move |packet: &[u8]| {
                let Some(to) = destination(packet) else { return };
                let lane = if stays(&to, &addresses[neighbour]) { &lan } else { &wan };
                lane.push(packet.to_vec(), Seen::of(packet));
            }
        });
        let readers = vec![
            read(beyond, over.clone(), from_beyond),
            read(first, over.clone(), from_first),
            read(second, over.clone(), from_second),
        ];
        Ok(Self { wan, lan, neighbours, far, over, readers })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

fn lan() -> Direction {
    Direction {
        rate_bps: LAN_RATE_BPS,
        delay_ms: LAN_DELAY_MS,
        jitter_ms: 0.0,
        loss: 0.0,
        burst: 0.0,
        queue_ms: LAN_QUEUE_MS,
        outages: None,
    }
}

/// Whether a packet is for the neighbour, or for all of the LAN.
fn stays(to: &IpAddr, neighbour: &[IpAddr]) -> bool {
    neighbour.contains(to) || to.is_multicast()
}

/// A device by which neighbours can be found.
fn open_with_multicast(end: &End) -> io::Result<Tun> {
    let tun = open(end)?;
    end.namespace.run("ip", &["link", "set", DEVICE, "multicast", "on"])?;
    end.namespace.run("ip", &["route", "add", "224.0.0.0/4", "dev", DEVICE])?;
    Ok(tun)
}
