//! How much may be in flight: a pure model, fed with what was sent, acknowledged and lost, and with a clock.
//!
//! # What it is for
//!
//! Links of 64 kbit/s to 10 Mbit/s that lose 1 to 10 % of all packets by radio, not by congestion, with round trips of
//! 20 to 800 ms and buffers of half a second. Senders that take each loss for congestion (Reno, Cubic) carry a fifth of
//! such a link; senders that fill the buffer (BBR in quinn 0.11) make it useless for everyone else.
//!
//! # The law
//!
//! Once a round (from one acknowledgement to the first of a packet that was sent after it, and at least
//! [`MIN_ROUND_PAIRS`] samples long):
//!
//! ```text
//! window ← window + ½ · (sent_window · (base + slack) / standing + aim − window)
//! ```
//!
//! - `standing`: the least round-trip time of the round, so the queue that never went away (Copa, Arun and Balakrishnan,
//!   NSDI 2018, §2.1). `base`: the least within a minute. `sent_window`: the window under which those packets were sent.
//! - It rests where the flow's own share of the queue, `rate · (standing − base − slack)`, is `aim` bytes: FAST TCP's law
//!   (Jin, Wei, Low, INFOCOM 2004; Vegas' before it). Flows with the same base have the same rate there, whatever
//!   they had before: the factor by which a difference shrinks is `(base + slack) / standing` a round. A law with a
//!   maximum over several rounds (BBR's) keeps what a flow has instead.
//! - Delivery does not enter, so neither does loss. Only beyond [`MAX_LOSS`] the window shrinks by the excess: that is no
//!   radio, but a buffer smaller than the aim.
//! - `slack` covers what the minimum of a round has above the minimum of a minute where no queue is, by jitter.
//!   Without it the window feeds on its own shortfall and starves.
//! - Where no queue is seen for three rounds, `aim` doubles each round (Copa's velocity): links get faster, and a start
//!   may have ended too early.
//!
//! # A base that all share
//!
//! Quinn's receivers acknowledge every second packet, so the first of two waits for the second, and a pair that was sent
//! together takes one packet's time longer than a packet alone. Only samples of such pairs count, in `base` and in
//! `standing` alike: on slow links a packet's time is as long as the aim, and flows that measured differently would
//! share 1 : 3.
//!
//! Who comes later takes the queue of others for a part of the path and would get more. So every flow *drains*: it sends
//! nothing until so little is in flight that its queue must be gone, then goes on at once; the next pairs show the
//! base. This costs only the time by which the pause was longer than the queue, not a round trip, as BBR's does.
//! Soon and deep after the start; again after a second whenever it found a lower base; else ever more rarely, up to
//! [`DRAIN_RARELY`] apart.
//!
//! # Beside flows that fill the queue
//!
//! A flow that yields to a queue starves beside one that does not. Where a queue larger than some flows of this kind
//! make ([`Model::contended_queue`]) stands for 1.5 s and six round trips, the link is *contended*: the window is then at least
//! what TCP would have with the losses that are seen (RFC 5348's average loss interval; Reno's square root or Cubic's
//! law, RFC 9438), reached by one packet a round, as TCP would. That is the fair share of a link with any loss-based
//! flow. Drains every few seconds show when the other has gone.
//!
//! # Start, resumption, outages
//!
//! The window doubles each round trip until a queue shows ([`Model::sees_queue`]); then it stands still for one round.
//! If the queue stood through all of it, what came through in that round is the link's rate; if not, it was a burst, and
//! the start goes on at half the pace. A remembered path gives half of its product at once if the base is
//! similar (careful resume, RFC 9959), and all of it when a quarter of that half has come back without a queue
//! beyond their own burst.
//!
//! Quinn's probe timeout doubles without limit, and after an outage of 15 s the next probe may come 16 s later. So while
//! nothing is heard, [`Model::window`] lets one more packet through now and then ([`PROBE_EVERY`]), if the sender is woken
//! (`Prober`), and at once when the peer was heard; one per half second is less than RFC 8085 §3.1 asks of senders
//! without feedback at these round trips. After an outage the start begins again, with half the window, and what the
//! outage took does not count as loss. Where the path is known to hold less than ten packets, doubling would flood it:
//! there it cruises at once.
//!
//! Units inside: seconds, bytes, bytes a second.

mod base;
mod losses;
mod round;
mod steer;

use std::time::Duration;

use base::BaseRtt;
use losses::Losses;
use round::Round;

/// Fewer, and a loss is found by the clock only (three later packets are needed), at twice the round trip.
const MIN_WINDOW_PACKETS: f64 = 3.0;

/// RFC 6928, RFC 9002 §7.2.
const INITIAL_PACKETS: f64 = 10.0;

/// A first window larger than [`INITIAL_PACKETS`] where round trips are long: what 512 kbit/s carry in one.
const INITIAL_RATE: f64 = 64_000.0;

/// Bound of that: three times RFC 6928's, half a second at 768 kbit/s.
const MAX_INITIAL_PACKETS: f64 = 32.0;

/// Bytes that are acknowledged alone are not a sample; so small a batch that goes out holds only acknowledgements, which
/// are not acknowledged themselves.
const MAX_ACK_ONLY_BYTES: u64 = 100;

/// Samples by which the start judges: eight packets, so that the burst of ten that quinn's pacer lets through is seen as
/// a queue only where it outlasts the threshold.
const START_SAMPLES: usize = 4;

/// Nothing heard for so long, and for so many round trips: an outage. Below it, probe timeouts do their work.
const MIN_STALL: f64 = 0.5;
const STALL_RTTS: f64 = 3.0;

/// Seconds between two probes in an outage, at first and after ten seconds. At 2 Mbit/s, 15 s of it cost 0.4 % of what
/// 20 s carry.
const PROBE_EVERY: (f64, f64) = (0.5, 1.0);

/// But no more than so small a part of what the link carried: on a slow link the other end, which asks with a few bytes,
/// is heard before the next of these is due.
const PROBE_PACKETS: f64 = 32.0;

/// Packets that go out after an outage, however much of it is still in flight: quinn takes a packet for lost when three
/// later ones were acknowledged, and by its clock only late, for that counts the outage as a round trip.
const RESTART_PACKETS: f64 = 3.0;

/// Without traffic for so long, others may have come: the window is no longer proved. RFC 9002 §7.8 would have it so
/// after one round trip, which costs dear at 600 ms.
const IDLE: f64 = 30.0;

/// Samples of a round: fewer, and their minimum is too noisy.
const MIN_ROUND_PAIRS: u32 = 16;

/// But a round ends after so many round trips.
const MAX_ROUND_RTTS: f64 = 4.0;

/// Share of all packets that radio may lose. Promised is 10 %; the estimate over 128 packets errs by 2 %.
const MAX_LOSS: f64 = 0.15;

/// What a connection leaves for the next one to the same peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Remembered {
    /// Bytes a second.
    pub(super) delivery_rate: f64,
    /// Seconds.
    pub(super) min_rtt: f64,
}

/// The state at one moment, for curves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: f64,
    pub(super) window: f64,
    pub(super) in_flight: f64,
    pub(super) delivery_rate: f64,
    pub(super) rtt: f64,
    pub(super) min_rtt: f64,
    pub(super) phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Doubling.
    Start,
    /// A queue showed: does it last?
    Hold,
    Cruise,
    /// Nothing is sent until the own queue is gone.
    Drain,
    /// Beside a flow that fills the queue.
    Contended,
}

#[derive(Clone, Copy, Debug)]
enum Draining {
    No,
    /// Nothing is sent until so little is in flight.
    Emptying {
        to: f64,
    },
    /// The window is back; what was sent since then returns from an emptied queue.
    Measuring {
        since: f64,
    },
}

/// Half of what is remembered is being tried.
#[derive(Clone, Copy, Debug)]
struct Resuming {
    since: f64,
    remembered: Remembered,
    /// Of packets that were sent since.
    samples: usize,
    acked: f64,
}

/// The packets of one acknowledgement.
#[derive(Clone, Copy, Debug)]
struct Batch {
    /// When the newest were sent, and how many were sent then.
    newest: f64,
    newest_packets: u32,
    bytes: f64,
    app_limited: bool,
}

/// See the module's description.
#[derive(Clone, Debug)]
pub(super) struct Model {
    ceiling: Option<f64>,
    mtu: f64,
    window: f64,
    sent_window: f64,
    start_gain: f64,
    phase: Phase,
    base: BaseRtt,
    losses: Losses,
    round: Round,
    batch: Option<Batch>,
    recent: [f64; START_SAMPLES],
    samples: usize,
    smoothed_rtt: f64,
    latest_rtt: f64,
    /// Mean difference of two samples that follow one another.
    jitter: f64,
    rate: f64,
    /// The best rate, fading within minutes: about the link's.
    peak: f64,
    peak_at: f64,
    draining: Draining,
    drain_at: f64,
    drain_every: f64,
    base_before: f64,
    contended: bool,
    /// Seconds for which a queue of others stood, less a part of those in which it did not.
    queued_for: f64,
    empty_rounds: u32,
    remembered: Option<Remembered>,
    resuming: Option<Resuming>,
    in_flight: f64,
    unheard_since: Option<f64>,
    last_sent: f64,
    last_heard: f64,
    /// During an outage: the peer was heard, so that the next probe need not wait.
    let_through: bool,
    /// The first round after an outage.
    recovering: bool,
    /// When the last outage ended: what was sent before and lost says nothing of the link.
    restarted: f64,
    /// What may still be sent beyond the window to find out what was lost in it.
    beyond: f64,
}

impl Model {
    pub(super) fn new(now: Duration, mtu: u64) -> Self {
        let now = now.as_secs_f64();
        let mtu = mtu as f64;
        Self {
            ceiling: None,
            mtu,
            window: INITIAL_PACKETS * mtu,
            sent_window: INITIAL_PACKETS * mtu,
            start_gain: 1.0,
            phase: Phase::Start,
            base: BaseRtt::new(),
            losses: Losses::new(),
            round: Round::new(now),
            batch: None,
            recent: [0.0; START_SAMPLES],
            samples: 0,
            smoothed_rtt: 0.0,
            latest_rtt: 0.0,
            jitter: 0.0,
            rate: 0.0,
            peak: 0.0,
            peak_at: now,
            draining: Draining::No,
            drain_at: now,
            drain_every: 0.0,
            base_before: f64::INFINITY,
            contended: false,
            queued_for: 0.0,
            empty_rounds: 0,
            remembered: None,
            resuming: None,
            in_flight: 0.0,
            unheard_since: None,
            last_sent: now,
            last_heard: now,
            let_through: false,
            recovering: false,
            restarted: 0.0,
            beyond: 0.0,
        }
    }

    /// Never more than so many bytes a second, as far as a window can say it (not below three packets a round trip).
    pub(super) fn set_ceiling(&mut self, ceiling: Option<f64>) {
        self.ceiling = ceiling;
    }

    /// What the last connection to this peer found. It counts if it is told before the start has ended.
    pub(super) fn resume(&mut self, remembered: Remembered) {
        self.remembered = Some(remembered);
        if self.phase == Phase::Start && self.samples > 0 {
            self.take_up_remembered(self.last_heard);
        }
    }

    /// What is worth remembering: nothing before the link was filled once.
    pub(super) fn remember(&self) -> Option<Remembered> {
        let known = !matches!(self.phase, Phase::Start | Phase::Hold) && self.peak > 0.0;
        known.then(|| Remembered { delivery_rate: self.peak, min_rtt: self.base.get() })
    }

    pub(super) fn set_mtu(&mut self, mtu: u64) {
        let longer = mtu as f64 - self.mtu;
        self.mtu = mtu as f64;
        if self.peak > 0.0 {
            self.base.lengthen(2.0 * longer / self.peak);
        }
    }

    pub(super) fn sent(&mut self, now: Duration, bytes: u64) {
        if bytes < MAX_ACK_ONLY_BYTES {
            return;
        }
        let now = now.as_secs_f64();
        if self.samples > 0 && now - self.last_sent.max(self.last_heard) > IDLE {
            self.begin_again(now);
        }
        self.in_flight += bytes as f64;
        self.unheard_since.get_or_insert(now);
        self.last_sent = now;
        self.beyond = (self.beyond - bytes as f64).max(0.0);
        self.let_through = false;
    }

    /// One packet of an acknowledgement that arrived. All of it is said before [`Self::acks_end`].
    pub(super) fn acked(&mut self, sent: Duration, bytes: u64, app_limited: bool) {
        let sent = sent.as_secs_f64();
        let batch = self.batch.get_or_insert(Batch { newest: sent, newest_packets: 0, bytes: 0.0, app_limited });
        if sent > batch.newest {
            batch.newest = sent;
            batch.newest_packets = 0;
        }
        batch.newest_packets += u32::from(sent >= batch.newest);
        batch.bytes += bytes as f64;
        batch.app_limited |= app_limited;
    }

    pub(super) fn acks_end(&mut self, now: Duration, in_flight: u64) {
        let now = now.as_secs_f64();
        let Some(batch) = self.batch.take() else { return };
        let was_stalled = self.is_stalled(now);
        self.let_through = false;
        self.in_flight = in_flight as f64;
        self.unheard_since = (in_flight > 0).then_some(now);
        self.last_heard = now;
        if was_stalled {
            // The acknowledgement may have been on its way for as long as the outage lasted: its time says nothing.
            self.begin_again(now);
            return;
        }
        if let Draining::Emptying { to } = self.draining
            && self.in_flight <= to + self.mtu
        {
            self.draining = Draining::Measuring { since: now };
        }
        self.observe(now, &batch);
        if self.resuming.is_some() {
            self.resume_wholly(&batch);
        } else if self.phase == Phase::Start && !batch.app_limited {
            self.window += batch.bytes * self.start_gain;
            if self.sees_queue() {
                self.phase = Phase::Hold;
                self.round = Round::new(now);
                self.sent_window = self.window;
                return;
            }
        }
        if batch.newest >= self.round.started && self.has_enough(now) {
            self.end_round(now);
        }
    }

    fn observe(&mut self, now: f64, batch: &Batch) {
        let rtt = (now - batch.newest).max(1e-6);
        let paired = batch.newest_packets >= 2;
        if self.samples == 0 {
            self.smoothed_rtt = rtt;
            self.window = (INITIAL_RATE * rtt).clamp(INITIAL_PACKETS * self.mtu, MAX_INITIAL_PACKETS * self.mtu);
        } else {
            self.jitter += ((rtt - self.latest_rtt).abs() - self.jitter) / 32.0;
            self.smoothed_rtt += (rtt - self.smoothed_rtt) / 8.0;
        }
        self.latest_rtt = rtt;
        self.recent[self.samples % START_SAMPLES] = rtt;
        self.samples += 1;
        self.base.observe(now, rtt, paired);
        self.round.observe(rtt, paired);
        self.round.acked += batch.bytes;
        self.round.in_flight = self.round.in_flight.max(self.in_flight + batch.bytes);
        self.round.app_limited |= batch.app_limited;
        self.losses.delivered(batch.bytes / self.mtu);
    }

    fn has_enough(&self, now: f64) -> bool {
        let cruising = matches!(self.phase, Phase::Cruise | Phase::Contended) && matches!(self.draining, Draining::No);
        !cruising
            || self.round.pairs >= MIN_ROUND_PAIRS
            || now - self.round.started > MAX_ROUND_RTTS * self.smoothed_rtt
    }

    /// `sent`: when the newest of what was lost was sent.
    pub(super) fn lost(&mut self, now: Duration, sent: Duration, bytes: u64) {
        self.in_flight = (self.in_flight - bytes as f64).max(0.0);
        // What an outage took is often found out only after the first round that follows.
        if self.recovering || sent.as_secs_f64() < self.restarted {
            return;
        }
        self.round.lost += bytes as f64;
        self.losses.lost(now.as_secs_f64(), bytes as f64 / self.mtu, self.smoothed_rtt);
    }

    /// A router marked packets instead of dropping them (RFC 3168): the only sign of a queue that needs no guess.
    pub(super) fn marked(&mut self, now: Duration) {
        if now.as_secs_f64() - self.round.started < self.smoothed_rtt && self.round.marked {
            return;
        }
        self.round.marked = true;
        if matches!(self.phase, Phase::Start | Phase::Hold) {
            self.cruise(now.as_secs_f64(), self.rate.max(self.window / 2.0 / self.smoothed_rtt.max(1e-3)));
        }
        // RFC 8511's factor for marks.
        self.window = (self.window * 0.85).max(MIN_WINDOW_PACKETS * self.mtu);
    }

    /// The peer gave a sign of life: if there is an outage, the next probe may go out at once.
    pub(super) fn let_through(&mut self) {
        self.let_through = true;
    }

    /// Something is in flight, and nothing was heard for too long.
    pub(super) fn is_stalled(&self, now: f64) -> bool {
        let patience = MIN_STALL.max(STALL_RTTS * self.smoothed_rtt);
        self.samples > 0 && self.unheard_since.is_some_and(|since| now - since > patience)
    }

    /// Bytes that may be in flight, for a sender that sends while they and one packet more are fewer than this.
    pub(super) fn window(&self, now: Duration) -> u64 {
        let now = now.as_secs_f64();
        let mut window = self.window;
        if let Some(ceiling) = self.ceiling {
            window = window.min(ceiling * self.smoothed_rtt).max(MIN_WINDOW_PACKETS * self.mtu);
        }
        if let Draining::Emptying { to } = self.draining {
            window = window.min(to);
        }
        window += self.mtu;
        if self.beyond > 0.0 {
            window = window.max(self.in_flight + self.mtu + self.beyond);
        }
        if self.is_stalled(now) {
            let silence = now - self.last_heard;
            let every = (silence * PROBE_EVERY.1 / 10.0).clamp(PROBE_EVERY.0, PROBE_EVERY.1);
            // A link that was never full has carried a window a round trip at the least.
            let carried = if self.peak > 0.0 { self.peak } else { self.window / self.smoothed_rtt.max(1e-3) };
            let every = every.max(PROBE_PACKETS * self.mtu / carried.max(1.0));
            if self.let_through || now - self.last_sent >= every {
                // One packet, and half of one for small ones that were not counted.
                window = window.max(self.in_flight + 1.5 * self.mtu);
            }
        }
        window as u64
    }

    /// Bytes in flight and those that the line takes in so many seconds. Quinn gives the room of a lost packet and of all
    /// that was sent after it back only when it has been repeated, a round trip later, or two; so three windows. While
    /// the start doubles the window, what four round trips will make of it.
    pub(super) fn sendable(&self, ahead: f64) -> f64 {
        match self.phase {
            Phase::Start | Phase::Hold => self.window * 16.0,
            Phase::Cruise | Phase::Drain | Phase::Contended => {
                3.0 * self.window + self.rate.max(self.peak / 2.0) * ahead
            }
        }
    }

    pub(super) fn sample(&self, now: Duration) -> Sample {
        Sample {
            at: now.as_secs_f64(),
            window: self.window,
            in_flight: self.in_flight,
            delivery_rate: self.rate,
            rtt: self.latest_rtt,
            min_rtt: self.base.get(),
            phase: if matches!(self.draining, Draining::Emptying { .. }) { Phase::Drain } else { self.phase },
        }
    }
}
