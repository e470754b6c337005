//! Whether a line is what its profile says: rate, round trip and loss, measured with plain UDP from end to end.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kapok_lab::lab::Lab;
use kapok_lab::link::{Direction, Link};
use kapok_lab::profile::Profile;
use serde_json::json;

use crate::row::{Logs, Report, quantile};
use crate::stop;
use crate::traffic::{PING_BYTES, Pinger};

/// What fills a packet of 1500 bytes under IPv4 with some room for IPv6.
const PAYLOAD_BYTES: usize = 1452;
/// Packets for the rate: enough to see a thousandth.
const RATE_SPAN: Duration = Duration::from_secs(8);
/// Packets for the loss. A tenth of the rate's time each, so they go quickly over a line made fast for it.
const LOSS_PACKETS: u64 = 20_000;
const DRAIN: Duration = Duration::from_secs(3);

pub(crate) fn run(profile: &Profile, seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let mut lab = crate::lab(profile, seed)?;
    let Lab { wire, near, far, .. } = &mut lab;
    let pings = Pinger::idle(near, far, profile.family)?;
    let rtt_ms = quantile(&pings, 0.5).context("no ping came back")?;
    let transmissions = [&profile.link.down, &profile.link.up].map(|way| way.transmission(PING_BYTES));
    let expected_rtt = wire.link().rtt() + transmissions.into_iter().sum::<Duration>();
    let expected_rtt_ms = expected_rtt.as_secs_f64() * 1e3;
    let to = SocketAddr::new(near.address(profile.family), 9);
    let receiver = near.namespace.enter(|| UdpSocket::bind(to))??;
    let sender = far.namespace.enter(|| UdpSocket::bind(SocketAddr::new(far.address(profile.family), 0)))??;
    let counter = Counter::start(receiver)?;

    // A fifth more than it carries.
    let gap = profile.link.down.transmission(PAYLOAD_BYTES + 28).mul_f64(1.0 / 1.2);
    let epoch = wire.become_link(&profile.link.on_a_good_day(), seed);
    let count = (RATE_SPAN.as_secs_f64() / gap.as_secs_f64()) as u64;
    send(&sender, to, count, gap)?;
    stop::pause(DRAIN)?;
    let logs = Logs::of(wire);
    let (first, last) = (logs.down.first_arrival(Duration::ZERO, 1000), logs.down.last_arrival(Duration::MAX, 1000));
    let model_span = last.unwrap_or_default().saturating_sub(first.unwrap_or_default());
    let (packets, span) = counter.take();
    let ip_bytes = (packets.saturating_sub(1)) * (PAYLOAD_BYTES as u64 + if to.is_ipv4() { 28 } else { 48 });
    let rate = ip_bytes as f64 * 8.0 / span.as_secs_f64().max(1e-9);
    let rate_error = rate / profile.link.down.rate_bps as f64 - 1.0;

    // The same losses on a fast line, or this would take an hour.
    let fast = Direction {
        rate_bps: 100_000_000,
        delay_ms: 1.0,
        jitter_ms: 0.0,
        queue_ms: 1000.0,
        outages: None,
        ..profile.link.down.clone()
    };
    wire.become_link(&Link::symmetric(&fast), seed);
    send(&sender, to, LOSS_PACKETS, Duration::from_micros(200))?;
    stop::pause(Duration::from_secs(1))?;
    let (arrived, _) = counter.take();
    let loss = 1.0 - arrived as f64 / LOSS_PACKETS as f64;
    let (late, latest) = (logs.down.late.as_secs_f64() * 1e3, logs.down.latest.as_secs_f64() * 1e3);
    println!(
        "  {:<14} rate {rate:>10.0} bit/s ({:+.2} %)   RTT {rtt_ms:.2} ms ({:+.2} ms)   loss {loss:.4} (said {})   late by {late:.3} ms, at worst {latest:.2}",
        profile.name,
        rate_error * 100.0,
        rtt_ms - expected_rtt_ms,
        profile.link.down.loss,
    );
    report.line(&json!({
        "kind": "check", "profile": profile.name, "seed": seed, "rate_bps": rate, "rate_error": rate_error,
        "rtt_ms": rtt_ms, "rtt_expected_ms": expected_rtt_ms, "loss": loss, "loss_expected": profile.link.down.loss,
        "late_ms": late, "latest_ms": latest, "model_span_s": model_span.as_secs_f64(), "span_s": span.as_secs_f64(),
        "since_epoch_s": epoch.elapsed().as_secs_f64(),
    }))
}

/// Sends packets that far apart; a thread that wakes late sends those that are due at once.
fn send(socket: &UdpSocket, to: SocketAddr, count: u64, gap: Duration) -> anyhow::Result<()> {
    let (begin, payload) = (Instant::now(), [0; PAYLOAD_BYTES]);
    for number in 0..count {
        let due = begin + gap.mul_f64(number as f64);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if number % 64 == 0 {
            stop::check()?;
        }
        // A full buffer of the device is a loss before the line, which would be seen as one.
        let _ = socket.send_to(&payload, to);
    }
    Ok(())
}

/// Counts what arrives.
struct Counter {
    packets: Arc<AtomicU64>,
    first_micros: Arc<AtomicU64>,
    last_micros: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Counter {
    fn start(socket: UdpSocket) -> anyhow::Result<Self> {
        socket.set_read_timeout(Some(Duration::from_millis(100)))?;
        let counter = Self {
            packets: Arc::default(),
            first_micros: Arc::new(AtomicU64::new(u64::MAX)),
            last_micros: Arc::default(),
            over: Arc::default(),
        };
        let (packets, first, last) =
            (counter.packets.clone(), counter.first_micros.clone(), counter.last_micros.clone());
        let (over, epoch) = (counter.over.clone(), Instant::now());
        std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            while !over.load(Ordering::Relaxed) {
                if socket.recv_from(&mut buffer).is_ok() {
                    let now = u64::try_from(epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
                    first.fetch_min(now, Ordering::Relaxed);
                    last.store(now, Ordering::Relaxed);
                    packets.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(counter)
    }

    /// What has arrived since the last call, and the time from the first to the last of it.
    fn take(&self) -> (u64, Duration) {
        let packets = self.packets.swap(0, Ordering::Relaxed);
        let first = self.first_micros.swap(u64::MAX, Ordering::Relaxed);
        let last = self.last_micros.load(Ordering::Relaxed);
        (packets, Duration::from_micros(last.saturating_sub(first)))
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
