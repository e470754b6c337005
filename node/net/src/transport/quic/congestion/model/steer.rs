//! What a round teaches: the window for the next.

use super::round::Round;
use super::{
    Batch, Draining, INITIAL_PACKETS, MAX_LOSS, MIN_WINDOW_PACKETS, Model, Phase, RESTART_PACKETS, Resuming,
    START_SAMPLES,
};

/// Packets that a flow keeps in the queue, at most. Fewer, and the noise of `base` decides who gets what; more, and a
/// ping beside it sees it.
const AIM_PACKETS: f64 = 1.5;

/// At least. Where a packet takes long, below 1 Mbit/s, the aim is what [`AIM_TIME`] has beyond one packet: pairs queue by
/// themselves, and a ping waits for what is being sent.
const MIN_AIM_PACKETS: f64 = 0.4;

/// Seconds of the link's rate, and the share of the round trip: whoever is far away feels the queue less, and has fewer
/// rounds to come to terms with others.
const AIM_TIME: f64 = 0.03;
const AIM_SHARE: f64 = 0.02;

/// Seconds by which rounds without a queue differ, at least; and the share of the round trip.
const MIN_SLACK: f64 = 0.003;
const SLACK_SHARE: f64 = 1.0 / 32.0;

/// Of the mean difference between samples: rounds differ by so much at the least.
const JITTER: f64 = 1.25;

/// A queue in the start is one that is longer than this and this share of the round trip: bursts of ten packets are none
/// above 4 Mbit/s, and where they are, the link is full anyway.
const START_QUEUE: f64 = 0.02;
const START_QUEUE_SHARE: f64 = 1.0 / 16.0;

/// Packets of queue, at the best rate that was had, that do not count as contention. With `n` flows of this kind that is about
/// `n` times the aim of each, since each has had an `n`th of the link. More, and a flow that comes late, and so knows
/// little of the link's rate, takes the queue of a loss-based flow for its friends': at 10 Mbit/s it was left a sixth.
const FRIENDS_PACKETS: f64 = 1.5;

/// Seconds of queue beyond them that do not count either: timers, jitter.
const FRIENDS_SLACK: f64 = 0.005;

/// A queue that stands for so many seconds and round trips is not a start's overshoot. It need not stand all the time:
/// flows that fill the queue let it go after a loss; what they do counts longer than what they do not.
const CONTENDED_FOR: f64 = 1.5;
const CONTENDED_RTTS: f64 = 6.0;
const FORGIVING: f64 = 0.5;

/// Weight of a round in the window. With 1, the noise of one round is the window's.
const GAIN: f64 = 0.5;

/// The window changes by no more than this in a round, beyond the aim.
const MAX_GROWTH: f64 = 1.25;
const MAX_SHRINKING: f64 = 0.5;

/// Rounds without a queue until the aim doubles, and doublings at most.
const PATIENT_ROUNDS: u32 = 2;
const MAX_DOUBLINGS: u32 = 6;

/// A window that was used less than this says nothing of the queue that it would make.
const USED: f64 = 0.75;

/// Seconds until the first drain; then twice as long each time, up to the last.
const FIRST_DRAIN: f64 = 1.0;
const DRAIN_OFTEN: f64 = 2.0;
const DRAIN_RARELY: f64 = 30.0;
const CONTENDED_DRAIN: f64 = 5.0;

/// A base that fell by this share of the slack was wrong: more may be found.
const BASE_FELL: f64 = 0.3;

/// Below this share of the best rate, others are on the link: drains are cheap (they use it meanwhile) and needed.
const SHARING: f64 = 0.85;

/// How often a pause covers the own queue; and, while the base is young, the least pause in seconds: others' queues are
/// unknown then.
const DRAIN_DEPTH: f64 = 2.5;
const DEEP_DRAIN_DEPTH: f64 = 3.0;
const DEEP_DRAIN_PAUSE: f64 = 0.12;

/// Left in flight by a drain: one pair, so that acknowledgements go on.
const DRAINED_PACKETS: f64 = 2.0;

/// Seconds in which the best rate fades to a third.
const PEAK_FADES: f64 = 60.0;

/// Share of the half that is tried, after which a link of less than it would show a queue.
const RESUME_SHARE: f64 = 0.25;

/// Pace of the start from there on: the link is about full, and may have become faster.
const RESUME_GAIN: f64 = 0.5;

/// What quinn's pacer lets through at once.
const BURST_PACKETS: f64 = 10.0;

/// A path whose base is within these shares of the remembered one is taken for the same. RFC 9959 allows more
/// above; but a longer path that is as fast as remembered is none that one should bet on.
const SAME_PATH: std::ops::RangeInclusive<f64> = 0.5..=1.5;

impl Model {
    /// A queue in front of all of the last packets.
    pub(super) fn sees_queue(&self) -> bool {
        let least = self.recent.iter().fold(f64::INFINITY, |least, &rtt| least.min(rtt));
        self.samples >= START_SAMPLES && least > self.base.get() + self.start_queue()
    }

    fn start_queue(&self) -> f64 {
        START_QUEUE + self.base.get() * START_QUEUE_SHARE
    }

    /// Bytes that the flow keeps in the queue.
    fn aim(&self) -> f64 {
        (self.peak * (AIM_TIME + AIM_SHARE * self.base.get()) - self.mtu)
            .clamp(MIN_AIM_PACKETS * self.mtu, AIM_PACKETS * self.mtu)
    }

    /// What jitter puts between the least of a round and the least of a minute. Differences of one packet's time are
    /// not jitter but packets in front.
    fn slack(&self) -> f64 {
        let packet = self.mtu / self.peak.max(1.0);
        (JITTER * self.jitter - packet).max(MIN_SLACK) + self.base.get() * SLACK_SHARE
    }

    /// More queue than a few flows of this kind make.
    pub(super) fn contended_queue(&self) -> f64 {
        let rate = self.peak.max(1.0);
        // Where a packet takes long, the least window that there is makes a queue of its own.
        let least = ((MIN_WINDOW_PACKETS + 1.0) * self.mtu / rate - self.base.get()).max(0.0);
        self.slack() + FRIENDS_PACKETS * self.mtu / rate + FRIENDS_SLACK + least
    }

    /// After an outage or a long silence: what is known stays known, but only half of it is used at once.
    pub(super) fn begin_again(&mut self, now: f64) {
        let product = self.peak * self.base.get();
        if product.is_finite() && product > 0.0 && product < INITIAL_PACKETS * self.mtu {
            // Doubling would overshoot by more than the path holds, and what it holds is known.
            self.phase = Phase::Cruise;
            self.window = self.window.min(product + self.aim()).max(MIN_WINDOW_PACKETS * self.mtu);
        } else {
            self.phase = Phase::Start;
            self.start_gain = 1.0;
            self.window = (self.window / 2.0).max(INITIAL_PACKETS * self.mtu).min(self.window);
        }
        self.contended = false;
        self.draining = Draining::No;
        self.resuming = None;
        self.queued_for = 0.0;
        self.recovering = true;
        self.restarted = now;
        self.beyond = RESTART_PACKETS * self.mtu;
        self.samples = self.samples.min(1);
        self.round = Round::new(now);
    }

    pub(super) fn end_round(&mut self, now: f64) {
        let round = std::mem::replace(&mut self.round, Round::new(now));
        let recovering = std::mem::take(&mut self.recovering);
        let rate = round.rate(now, MAX_LOSS);
        if !recovering && (!round.app_limited || rate > self.rate) {
            self.rate = rate;
            let faded = self.peak * (-(now - self.peak_at) / PEAK_FADES).exp();
            self.peak = faded.max(rate);
            self.peak_at = now;
        }
        let before = self.window;
        match self.phase {
            Phase::Start => {
                self.take_up_remembered(now);
                if self.losses.share() > MAX_LOSS {
                    self.cruise(now, rate);
                }
            }
            Phase::Hold if round.standing > self.base.get() + self.start_queue() => self.cruise(now, rate),
            Phase::Hold => {
                self.start_gain = (self.start_gain / 2.0).max(0.25);
                self.phase = Phase::Start;
            }
            Phase::Cruise | Phase::Drain | Phase::Contended => self.steer(now, &round),
        }
        self.window = self.window.max(MIN_WINDOW_PACKETS * self.mtu);
        self.sent_window = before;
    }

    /// Once there is a round-trip time to compare.
    pub(super) fn take_up_remembered(&mut self, now: f64) {
        let Some(remembered) = self.remembered.take() else { return };
        if SAME_PATH.contains(&(self.base.get() / remembered.min_rtt)) {
            self.window = self.window.max(remembered.delivery_rate * remembered.min_rtt / 2.0);
            self.resuming = Some(Resuming { since: now, remembered, samples: 0, acked: 0.0 });
        }
    }

    /// Takes the other half of what is remembered, if the first went through as it should.
    pub(super) fn resume_wholly(&mut self, batch: &Batch) {
        let Some(resuming) = &mut self.resuming else { return };
        if batch.newest < resuming.since || batch.app_limited {
            return;
        }
        resuming.samples += 1;
        resuming.acked += batch.bytes;
        if resuming.samples < START_SAMPLES || resuming.acked < RESUME_SHARE * self.window {
            return;
        }
        let Resuming { remembered, .. } = *resuming;
        self.resuming = None;
        let least = self.recent.iter().fold(f64::INFINITY, |least, &rtt| least.min(rtt));
        let burst = BURST_PACKETS * self.mtu / remembered.delivery_rate;
        if least > self.base.get() + self.start_queue() + burst {
            return;
        }
        self.window = self.window.max(remembered.delivery_rate * self.base.get());
        self.start_gain = RESUME_GAIN;
    }

    pub(super) fn cruise(&mut self, now: f64, rate: f64) {
        self.phase = Phase::Cruise;
        self.window = rate * (self.base.get() + self.slack()) + self.aim();
        self.base_before = self.base.get();
        self.drain_every = 0.0;
        self.drain_at = now + FIRST_DRAIN.max(4.0 * self.smoothed_rtt);
        // The next round still returns what the start sent.
        self.draining = Draining::Measuring { since: now };
    }

    fn steer(&mut self, now: f64, round: &Round) {
        match self.draining {
            Draining::Emptying { .. } => return,
            Draining::Measuring { since } => {
                if round.started > since {
                    self.draining = Draining::No;
                }
                // On a link that became slower a pair takes longer, and that is no queue of others.
                let slower = 2.0 * self.mtu * (1.0 / self.rate.max(1.0) - 1.0 / self.peak.max(1.0)).max(0.0);
                if round.standing < self.base.get() + self.contended_queue() / 2.0 + slower {
                    self.contended = false;
                    self.queued_for = 0.0;
                }
                return;
            }
            Draining::No => {}
        }
        let queue = round.standing - self.base.get();
        self.look_for_contention(now, round, queue);
        self.empty_rounds = if queue < self.slack() / 2.0 { self.empty_rounds + 1 } else { 0 };
        let next = self.next_window(round);
        self.window = if !round.app_limited {
            next
        } else if round.in_flight >= USED * self.window {
            next.min(self.window)
        } else {
            self.window
        };
        self.phase = if self.contended { Phase::Contended } else { Phase::Cruise };
        if now >= self.drain_at && !round.app_limited {
            self.drain(now);
        }
    }

    /// The law of the module's description.
    fn next_window(&self, round: &Round) -> f64 {
        let doublings = self.empty_rounds.saturating_sub(PATIENT_ROUNDS).min(MAX_DOUBLINGS);
        let aim = (self.aim() * f64::from(1_u32 << doublings)).min(self.window / 4.0).max(self.aim());
        let ratio = ((self.base.get() + self.slack()) / round.standing).clamp(MAX_SHRINKING, MAX_GROWTH);
        let mut next = self.window + GAIN * (self.sent_window * ratio + aim - self.window);
        if self.contended {
            let friendly = self.losses.tcp_window(self.smoothed_rtt) * self.mtu;
            next = next.max(friendly.min(self.window + self.mtu));
        }
        let excess = self.losses.share() - MAX_LOSS;
        if excess > 0.0 {
            next = next.min(self.window * (1.0 - excess));
        }
        next.min(self.window * MAX_GROWTH + aim)
    }

    fn look_for_contention(&mut self, now: f64, round: &Round, queue: f64) {
        let lasted = now - round.started;
        if queue > self.contended_queue() {
            self.queued_for += lasted;
        } else {
            self.queued_for = (self.queued_for - FORGIVING * lasted).max(0.0);
        }
        self.contended |= self.queued_for > CONTENDED_FOR.max(CONTENDED_RTTS * self.smoothed_rtt);
    }

    fn drain(&mut self, now: f64) {
        let base = self.base.get();
        // What the last one found decides when the next is due.
        let fell = base < self.base_before - self.slack() * BASE_FELL;
        self.base_before = base;
        self.drain_every = if fell { FIRST_DRAIN } else { (self.drain_every * 2.0).clamp(DRAIN_OFTEN, DRAIN_RARELY) };
        if self.rate < SHARING * self.peak {
            self.drain_every = self.drain_every.min(DRAIN_OFTEN);
        }
        let every = if self.contended { CONTENDED_DRAIN } else { self.drain_every };
        // The last digits of the clock keep two flows from draining in step, where each would hide the other.
        let scattered = every.max(6.0 * self.smoothed_rtt) * (0.8 + 0.4 * (now * 1e6).fract());
        self.drain_at = now + scattered;
        let mut queue = self.rate * self.slack() + self.aim();
        if self.contended {
            queue = queue.max(self.window - self.rate * base);
        }
        let pause = if self.drain_every <= DRAIN_OFTEN {
            (DEEP_DRAIN_DEPTH * queue).max(self.rate * DEEP_DRAIN_PAUSE)
        } else {
            DRAIN_DEPTH * queue
        };
        self.draining = Draining::Emptying { to: (self.window - pause).max(DRAINED_PACKETS * self.mtu) };
    }
}
