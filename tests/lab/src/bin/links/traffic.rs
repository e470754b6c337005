//! What else is on the line: a ping, and a TCP flow as browsers and updates make them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kapok_lab::lab::{End, Family};

use crate::stop;

/// Twice a second is enough for a median, and under 1 % of the slowest line.
const PING_INTERVAL: Duration = Duration::from_millis(500);
/// On the idle line there is nothing to disturb.
const IDLE_PING_INTERVAL: Duration = Duration::from_millis(100);
const IDLE_SPAN: Duration = Duration::from_secs(4);
const ECHO_PORT: u16 = 7;
/// How soon a thread notices that it is over.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// An answer that takes longer is taken for lost, as by most tools that call.
const PING_PATIENCE: Duration = Duration::from_secs(10);
/// What is written at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// A ping with the headers of IPv4.
pub(crate) const PING_BYTES: usize = 36;

/// Round trips of small UDP packets.
#[derive(Debug)]
pub(crate) struct Pinger {
    over: Arc<AtomicBool>,
    echo: JoinHandle<()>,
    sender: JoinHandle<()>,
    listener: JoinHandle<Vec<Duration>>,
}

impl Pinger {
    /// What it takes on the empty line.
    pub(crate) fn idle(near: &End, far: &End, family: Family) -> anyhow::Result<Vec<Duration>> {
        let pinger = Self::every(IDLE_PING_INTERVAL, near, far, family)?;
        stop::pause(IDLE_SPAN)?;
        Ok(pinger.finish())
    }

    pub(crate) fn start(near: &End, far: &End, family: Family) -> anyhow::Result<Self> {
        Self::every(PING_INTERVAL, near, far, family)
    }

    fn every(interval: Duration, near: &End, far: &End, family: Family) -> anyhow::Result<Self> {
        let target = SocketAddr::new(far.address(family), ECHO_PORT);
        let echo = udp(far, target)?;
        let socket = Arc::new(udp(near, SocketAddr::new(near.address(family), 0))?);
        let over = Arc::new(AtomicBool::new(false));
        let epoch = Instant::now();
        let echo_over = over.clone();
        let echo = std::thread::spawn(move || {
            let mut buffer = [0; 8];
            while !echo_over.load(Ordering::Relaxed) {
                if let Ok((bytes, from)) = echo.recv_from(&mut buffer) {
                    let _ = echo.send_to(&buffer[..bytes], from);
                }
            }
        });
        let (sending, sending_over) = (socket.clone(), over.clone());
        let sender = std::thread::spawn(move || {
            while !sending_over.load(Ordering::Relaxed) {
                let micros = u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
                let _ = sending.send_to(&micros.to_be_bytes(), target);
                std::thread::sleep(interval);
            }
        });
        let listening_over = over.clone();
        let listener = std::thread::spawn(move || {
            let (mut buffer, mut trips) = ([0; 8], Vec::new());
            while !listening_over.load(Ordering::Relaxed) {
                if let Ok((8, _)) = socket.recv_from(&mut buffer) {
                    let sent = Duration::from_micros(u64::from_be_bytes(buffer));
                    let trip = epoch.elapsed().saturating_sub(sent);
                    if trip < PING_PATIENCE {
                        trips.push(trip);
                    }
                }
            }
            trips
        });
        Ok(Self { over, echo, sender, listener })
    }

    /// The round trips of those that came back.
    pub(crate) fn finish(self) -> Vec<Duration> {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.echo.join();
        let _ = self.sender.join();
        self.listener.join().unwrap_or_default()
    }
}

fn udp(end: &End, address: SocketAddr) -> anyhow::Result<UdpSocket> {
    let socket = end.namespace.enter(|| UdpSocket::bind(address))?.with_context(|| format!("UDP {address}"))?;
    socket.set_read_timeout(Some(STOP_CHECK))?;
    Ok(socket)
}

/// A TCP connection over which the far end sends as fast as its congestion control lets it.
#[derive(Debug)]
pub(crate) struct Bulk {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Bulk {
    /// One that is sending from that port, controlled by what the kernel calls `control`.
    pub(crate) fn start(near: &End, far: &End, family: Family, port: u16, control: &str) -> anyhow::Result<Self> {
        far.set_congestion_control(control).with_context(|| format!("TCP {control}"))?;
        let address = SocketAddr::new(far.address(family), port);
        let listener = far.namespace.enter(|| TcpListener::bind(address))?.with_context(|| format!("TCP {address}"))?;
        let mut receiving = near.namespace.enter(|| TcpStream::connect_timeout(&address, PING_PATIENCE))??;
        let (mut sending, _) = listener.accept()?;
        let over = Arc::new(AtomicBool::new(false));
        sending.set_write_timeout(Some(STOP_CHECK))?;
        receiving.set_read_timeout(Some(STOP_CHECK))?;
        let sending_over = over.clone();
        let sender = std::thread::spawn(move || {
            let chunk = [0; CHUNK_BYTES];
            while !sending_over.load(Ordering::Relaxed) {
                // A time-out or an interruption is a look at whether it is over.
                let _ = sending.write(&chunk);
            }
        });
        let receiving_over = over.clone();
        let receiver = std::thread::spawn(move || {
            let mut chunk = [0; CHUNK_BYTES];
            while !receiving_over.load(Ordering::Relaxed) {
                let _ = receiving.read(&mut chunk);
            }
        });
        Ok(Self { over, threads: vec![sender, receiver] })
    }
}

impl Drop for Bulk {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Whether this kernel has that congestion control.
pub(crate) fn has_control(control: &str) -> bool {
    let all = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").unwrap_or_default();
    all.split_whitespace().any(|one| one == control)
}
