//! Two network namespaces with a poor line between them: all traffic passes it, TCP and ICMP too. Needs root.
//!
//! Each end has a TUN device of MTU 1500; what the kernel sends into one goes through [`crate::wire`] and comes out of
//! the other.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tappers::{Interface, Tun};

use crate::link::Link;
use crate::namespace::Namespace;
use crate::packet::Seen;
use crate::wire::{Lane, Wire};

/// Ethernet's, and that of nearly every line.
const MTU_BYTES: usize = 1500;
/// The name of the device in each namespace.
pub(crate) const DEVICE: &str = "line";
/// What the ends' addresses are in.
const V4_NET: &str = "192.0.2.0/24";
const V6_NET: &str = "fd6b:6170:6f6b::/64";
/// How soon a reader notices that the lab is taken down.
const STOP_CHECK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Which IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    #[default]
    V4,
    V6,
}

/// One end of the line.
#[derive(Debug)]
pub struct End {
    pub namespace: Namespace,
    v4: Ipv4Addr,
    number: u8,
}

impl End {
    pub(crate) fn new(number: u8) -> io::Result<Self> {
        Ok(Self { namespace: Namespace::new()?, v4: Ipv4Addr::new(192, 0, 2, number), number })
    }

    /// With an address of the kind that only a local network has (RFC 1918).
    pub(crate) fn on_lan(number: u8) -> io::Result<Self> {
        Ok(Self { namespace: Namespace::new()?, v4: Ipv4Addr::new(192, 168, 77, number), number })
    }

    /// Chooses the congestion control of the TCP connections over which this end sends from now on.
    ///
    /// # Errors
    /// If the kernel does not have it.
    pub fn set_congestion_control(&self, control: &str) -> io::Result<()> {
        // By route: of the sysctl, namespaces other than the first may only set what is allowed in all.
        let source = self.address(Family::V4).to_string();
        let four = ["route", "replace", V4_NET, "dev", DEVICE, "src", &source, "congctl", control];
        self.namespace.run("ip", &four)?;
        if has_v6() {
            let six = ["-6", "route", "replace", V6_NET, "dev", DEVICE, "metric", "1", "congctl", control];
            self.namespace.run("ip", &six)?;
        }
        Ok(())
    }

    /// Of a documentation network (RFC 5737) or a local one: they cannot be anybody's.
    #[must_use]
    pub fn address(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.v4.into(),
            Family::V6 => Ipv6Addr::new(0xfd6b, 0x6170, 0x6f6b, 0, 0, 0, 0, self.number.into()).into(),
        }
    }
}

/// The two ends and the line. All of it is gone when it is dropped.
#[derive(Debug)]
pub struct Lab {
    pub wire: Wire<Vec<u8>, Vec<u8>>,
    pub near: End,
    pub far: End,
    over: Arc<AtomicBool>,
    readers: Vec<JoinHandle<()>>,
}

impl Lab {
    /// Two new namespaces and a line between them.
    ///
    /// # Errors
    /// If this is not root, or the system has no namespaces or no TUN devices.
    pub fn new(link: &Link, seed: u64) -> io::Result<Self> {
        let (near, far) = (End::new(1)?, End::new(2)?);
        let (near_tun, far_tun) = (Arc::new(open(&near)?), Arc::new(open(&far)?));
        let wire = Wire::start(link, seed, sink(near_tun.clone()), sink(far_tun.clone()));
        let over = Arc::new(AtomicBool::new(false));
        let readers = vec![
            read(far_tun, over.clone(), into(wire.down.clone())),
            read(near_tun, over.clone(), into(wire.up.clone())),
        ];
        Ok(Self { wire, near, far, over, readers })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}

/// Makes the device inside the end's namespace; it can be used from outside.
pub(crate) fn open(end: &End) -> io::Result<Tun> {
    let namespace = &end.namespace;
    let tun = namespace.enter(|| {
        let mut tun = Tun::new_named(Interface::new(DEVICE)?)?;
        tun.set_nonblocking(true)?;
        Ok::<_, io::Error>(tun)
    })??;
    // Nothing but what the programs say: no router solicitations, no address of the link itself.
    namespace.run("ip", &["link", "set", DEVICE, "addrgenmode", "none", "mtu", &MTU_BYTES.to_string(), "up"])?;
    let four = format!("{}/24", end.address(Family::V4));
    namespace.run("ip", &["addr", "add", &four, "dev", DEVICE])?;
    let six = format!("{}/64", end.address(Family::V6));
    if has_v6() {
        namespace.run("ip", &["addr", "add", &six, "dev", DEVICE, "nodad"])?;
    }
    Ok(tun)
}

/// A kernel without IPv6 has a lab without it.
fn has_v6() -> bool {
    std::path::Path::new("/proc/net/if_inet6").exists()
}

fn into(lane: Lane<Vec<u8>>) -> impl FnMut(&[u8]) + Send {
    move |packet| lane.push(packet.to_vec(), Seen::of(packet))
}

pub(crate) fn sink(tun: Arc<Tun>) -> impl FnMut(Vec<u8>) + Send {
    move |packet| {
        // A packet that the kernel does not take is lost, as on any line.
        let _ = tun.send(&packet);
    }
}

/// Gives every packet that the kernel sends into the device to `take`.
pub(crate) fn read(
    tun: Arc<Tun>,
    over: Arc<AtomicBool>,
    mut take: impl FnMut(&[u8]) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = [0; MTU_BYTES];
        while !over.load(Ordering::Relaxed) {
            match tun.recv(&mut buffer) {
                Ok(bytes) => take(&buffer[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let _ = poll(&mut [PollFd::new(&*tun, PollFlags::IN)], Some(&STOP_CHECK));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    })
}
