//! Who decides how much is in flight: Kapok's model, and the others that it meets on a link.

use std::time::Duration;

use super::super::model::{Model, Sample};

/// How packets are spread within the window.
pub(super) enum Pacing {
    /// As quinn does it.
    Quinn,
    /// Not: acknowledgements set the pace, as with TCP.
    None,
    /// At so many bytes a second.
    Rate(f64),
}

/// Quinn's `Controller`, in seconds.
pub(super) trait Control {
    fn on_sent(&mut self, _now: f64, _bytes: u64) {}
    fn on_ack(&mut self, now: f64, sent: f64, bytes: u64, app_limited: bool);
    fn on_end_acks(&mut self, _now: f64, _in_flight: u64) {}
    fn on_lost(&mut self, now: f64, sent: f64, bytes: u64);
    fn on_mtu(&mut self, _mtu: u64) {}
    fn window(&self, now: f64) -> u64;
    fn pacing(&self) -> Pacing {
        Pacing::Quinn
    }
    /// What a curve shows.
    fn sample(&self, _now: f64) -> Option<Sample> {
        None
    }
}

/// Kapok's own.
pub(super) struct Kapok(pub(super) Model);

fn at(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.max(0.0))
}

impl Control for Kapok {
    fn on_sent(&mut self, now: f64, bytes: u64) {
        self.0.sent(at(now), bytes);
    }
    fn on_ack(&mut self, _: f64, sent: f64, bytes: u64, app_limited: bool) {
        self.0.acked(at(sent), bytes, app_limited);
    }
    fn on_end_acks(&mut self, now: f64, in_flight: u64) {
        self.0.acks_end(at(now), in_flight);
    }
    fn on_lost(&mut self, now: f64, newest: f64, bytes: u64) {
        self.0.lost(at(now), at(newest), bytes);
    }
    fn on_mtu(&mut self, mtu: u64) {
        self.0.set_mtu(mtu);
    }
    fn window(&self, now: f64) -> u64 {
        self.0.window(at(now))
    }
    fn sample(&self, now: f64) -> Option<Sample> {
        Some(self.0.sample(at(now)))
    }
}

const PACKET: f64 = 1472.0;

/// A flow like TCP Cubic (RFC 9438): grows until it loses, then gives 30 % back.
pub(super) struct Cubic {
    window: f64,
    threshold: f64,
    w_max: f64,
    epoch: Option<f64>,
    k: f64,
    estimate: f64,
    recovery_until_sent: f64,
    rtt: f64,
    min_rtt: f64,
}

impl Cubic {
    pub(super) fn new() -> Self {
        Self {
            window: 10.0,
            threshold: f64::INFINITY,
            w_max: 0.0,
            epoch: None,
            k: 0.0,
            estimate: 0.0,
            recovery_until_sent: -1.0,
            rtt: 0.1,
            min_rtt: f64::INFINITY,
        }
    }
}

impl Control for Cubic {
    fn on_ack(&mut self, now: f64, sent: f64, bytes: u64, app_limited: bool) {
        self.rtt = now - sent;
        self.min_rtt = self.min_rtt.min(self.rtt);
        let packets = bytes as f64 / PACKET;
        if app_limited || sent <= self.recovery_until_sent {
            return;
        }
        if self.window < self.threshold {
            self.window += packets;
            // HyStart (RFC 9406), as Linux has it.
            if self.window >= 16.0 && self.rtt > self.min_rtt + (self.min_rtt / 8.0).clamp(0.004, 0.016) {
                self.threshold = self.window;
            }
            return;
        }
        let epoch = *self.epoch.get_or_insert_with(|| {
            self.k = ((self.w_max - self.window).max(0.0) / 0.4).cbrt();
            self.estimate = self.window;
            now
        });
        let t = now - epoch + self.rtt;
        let target = 0.4 * (t - self.k).powi(3) + self.w_max.max(self.window.min(self.w_max));
        self.estimate += 3.0 * 0.3 / 1.7 * packets / self.window;
        let target = target.clamp(self.window, 1.5 * self.window);
        self.window += (target - self.window) / self.window * packets;
        self.window = self.window.max(self.estimate);
    }

    fn on_lost(&mut self, now: f64, sent: f64, _: u64) {
        if sent <= self.recovery_until_sent {
            return;
        }
        self.recovery_until_sent = now;
        self.w_max = if self.window < self.w_max { self.window * 0.85 } else { self.window };
        self.window = (self.window * 0.7).max(2.0);
        self.threshold = self.window;
        self.epoch = None;
    }

    fn window(&self, _: f64) -> u64 {
        ((self.window + 1.0) * PACKET) as u64
    }

    fn pacing(&self) -> Pacing {
        Pacing::None
    }
}

/// A flow like TCP BBR (version 1, draft-cardwell-iccrg-bbr-congestion-control-00).
pub(super) struct Bbr {
    rates: [f64; 10],
    round: usize,
    round_started: f64,
    round_bytes: f64,
    min_rtt: f64,
    min_rtt_at: f64,
    full: (f64, u32),
    phase: BbrPhase,
    phase_at: f64,
    in_flight: f64,
    batch_newest: f64,
    rtt: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum BbrPhase {
    Startup,
    Drain,
    ProbeBandwidth(usize),
    ProbeRtt,
}

impl Bbr {
    pub(super) fn new() -> Self {
        Self {
            rates: [0.0; 10],
            round: 0,
            round_started: 0.0,
            round_bytes: 0.0,
            min_rtt: f64::INFINITY,
            min_rtt_at: 0.0,
            full: (0.0, 0),
            phase: BbrPhase::Startup,
            phase_at: 0.0,
            in_flight: 0.0,
            batch_newest: 0.0,
            rtt: 0.1,
        }
    }

    fn rate(&self) -> f64 {
        let rate = self.rates.iter().fold(0.0_f64, |most, &rate| most.max(rate));
        if rate > 0.0 { rate } else { 10.0 * PACKET / self.rtt }
    }

    fn product(&self) -> f64 {
        self.rate() * self.min_rtt.min(10.0)
    }

    fn enter(&mut self, phase: BbrPhase, now: f64) {
        self.phase = phase;
        self.phase_at = now;
    }
}

impl Control for Bbr {
    fn on_ack(&mut self, now: f64, sent: f64, bytes: u64, _: bool) {
        self.rtt = now - sent;
        if self.rtt <= self.min_rtt {
            self.min_rtt = self.rtt;
            self.min_rtt_at = now;
        }
        self.round_bytes += bytes as f64;
        self.batch_newest = sent;
    }

    fn on_end_acks(&mut self, now: f64, in_flight: u64) {
        self.in_flight = in_flight as f64;
        if self.batch_newest >= self.round_started && now > self.round_started {
            self.round += 1;
            self.rates[self.round % 10] = self.round_bytes / (now - self.round_started);
            self.round_bytes = 0.0;
            self.round_started = now;
            if self.phase == BbrPhase::Startup {
                self.full =
                    if self.rate() > self.full.0 * 1.25 { (self.rate(), 0) } else { (self.full.0, self.full.1 + 1) };
                if self.full.1 >= 3 {
                    self.enter(BbrPhase::Drain, now);
                }
            }
        }
        match self.phase {
            BbrPhase::Drain if self.in_flight <= self.product() => self.enter(BbrPhase::ProbeBandwidth(2), now),
            BbrPhase::ProbeBandwidth(step)
                if now - self.phase_at > self.min_rtt
                    && (step != 0
                        || self.in_flight >= 1.25 * self.product()
                        || now - self.phase_at > 2.0 * self.rtt) =>
            {
                self.enter(BbrPhase::ProbeBandwidth((step + 1) % 8), now);
            }
            BbrPhase::ProbeBandwidth(_) if now - self.min_rtt_at > 10.0 => self.enter(BbrPhase::ProbeRtt, now),
            BbrPhase::ProbeRtt if now - self.phase_at > 0.2 + self.rtt => {
                self.min_rtt = self.rtt;
                self.min_rtt_at = now;
                self.enter(BbrPhase::ProbeBandwidth(2), now);
            }
            _ => {}
        }
    }

    fn on_lost(&mut self, _: f64, _: f64, _: u64) {}

    fn window(&self, _: f64) -> u64 {
        let bytes = match self.phase {
            BbrPhase::Startup | BbrPhase::Drain => (2.89 * self.product()).max(10.0 * PACKET),
            BbrPhase::ProbeBandwidth(_) => (2.0 * self.product()).max(4.0 * PACKET),
            BbrPhase::ProbeRtt => 4.0 * PACKET,
        };
        (bytes + PACKET) as u64
    }

    fn pacing(&self) -> Pacing {
        let gain = match self.phase {
            BbrPhase::Startup => 2.89,
            BbrPhase::Drain => 1.0 / 2.89,
            BbrPhase::ProbeBandwidth(0) => 1.25,
            BbrPhase::ProbeBandwidth(1) => 0.75,
            BbrPhase::ProbeBandwidth(_) | BbrPhase::ProbeRtt => 1.0,
        };
        Pacing::Rate(gain * self.rate())
    }
}
