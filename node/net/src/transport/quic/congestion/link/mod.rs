//! A simulated link, where minutes pass in milliseconds: the promises of the model are stated here as figures.
//!
//! Reading order: `path` (the link and its profiles) → `quic` (a sender and receiver with quinn's rules) → `control`
//! (whose windows they obey) → this file (the clock) → `promises`, which are the tests.

mod control;
mod path;
mod promises;
mod quic;
mod random;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use control::Control;
use path::{Path, Profile};
use quic::{Ack, Datagram, Receiver, Sender, Source};

use super::model::{Model, Remembered, Sample};

/// Bytes of a ping on the wire.
const PING_BYTES: u64 = 56;
const PING_EVERY: f64 = 0.1;
/// How often a curve is sampled.
const SAMPLE_EVERY: f64 = 0.05;
/// How often `Prober` wakes a connection that hears nothing.
const WAKE_EVERY: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
enum Event {
    Start(usize),
    Arrive(usize, Datagram),
    AckTimer(usize),
    Acknowledged(usize, Ack),
    Timer(usize),
    Wake,
    Ping,
    PingArrived(f64),
    Sample,
}

struct Flow {
    source: Source,
    make: Box<dyn Fn() -> Box<dyn Control>>,
    sender: Option<Sender>,
    receiver: Receiver,
    timer: Option<f64>,
    /// Content bytes after each arrival.
    received: Vec<(f64, u64)>,
    samples: Vec<Sample>,
}

/// The clock, the link and who uses it.
struct Link {
    path: Path,
    now: f64,
    order: u64,
    queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    events: Vec<Event>,
    flows: Vec<Flow>,
    pings: Vec<f64>,
    wakes: bool,
    stop_when_done: bool,
}

impl Link {
    fn new(profile: Profile, seed: u64) -> Self {
        let mut link = Self {
            path: Path::new(profile, seed),
            now: 0.0,
            order: 0,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            flows: Vec::new(),
            pings: Vec::new(),
            wakes: true,
            stop_when_done: false,
        };
        link.at(0.0, Event::Wake);
        link.at(0.0, Event::Ping);
        link.at(0.0, Event::Sample);
        link
    }

    /// A flow whose connection is dialled at `begins`: its first byte is sent one and a half round trips later.
    fn flow(&mut self, begins: f64, source: Source, make: impl Fn() -> Box<dyn Control> + 'static) -> usize {
        let index = self.flows.len();
        self.flows.push(Flow {
            source,
            make: Box::new(make),
            sender: None,
            receiver: Receiver::default(),
            timer: None,
            received: Vec::new(),
            samples: Vec::new(),
        });
        let rtt = self.path.profile.rtt;
        self.at(begins + 1.5 * rtt, Event::Start(index));
        index
    }

    fn at(&mut self, time: f64, event: Event) {
        let nanoseconds = (time * 1e9) as u64;
        self.events.push(event);
        self.queue.push(Reverse((nanoseconds, self.order, self.events.len() - 1)));
        self.order += 1;
    }

    /// Lets time pass until `end`.
    fn run(&mut self, end: f64) {
        while let Some(&Reverse((nanoseconds, _, index))) = self.queue.peek() {
            let time = nanoseconds as f64 / 1e9;
            if time > end || (self.stop_when_done && self.is_done()) {
                break;
            }
            self.queue.pop();
            self.now = time;
            self.handle(self.events[index]);
        }
    }

    fn is_done(&self) -> bool {
        self.flows
            .iter()
            .all(|flow| matches!(flow.source, Source::Content(bytes) if flow.receiver.content_bytes >= bytes))
    }

    fn handle(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Start(index) => {
                let rtt = self.path.profile.rtt + self.path.queue(now);
                let flow = &mut self.flows[index];
                flow.sender = Some(Sender::new(now, rtt, flow.source, (flow.make)()));
                self.poll(index);
            }
            Event::Arrive(index, datagram) => {
                let flow = &mut self.flows[index];
                let at_once = flow.receiver.receive(now, datagram);
                flow.received.push((now, flow.receiver.content_bytes));
                if at_once {
                    self.acknowledge(index);
                } else if let Some(at) = flow.receiver.ack_at {
                    self.at(at, Event::AckTimer(index));
                }
            }
            Event::AckTimer(index) => {
                if self.flows[index].receiver.ack_at.is_some_and(|at| at <= now + 1e-6) {
                    self.acknowledge(index);
                }
            }
            Event::Acknowledged(index, ack) => {
                let flow = &mut self.flows[index];
                if let Some(sender) = &mut flow.sender {
                    sender.acknowledged(now, ack, &flow.receiver.log);
                }
                self.poll(index);
            }
            Event::Timer(index) => {
                let flow = &mut self.flows[index];
                if flow.timer.is_some_and(|at| at <= now + 1e-6) {
                    flow.timer = None;
                    if let Some(sender) = &mut flow.sender {
                        sender.expire(now + 1e-6);
                    }
                    self.poll(index);
                }
            }
            Event::Wake => {
                if self.wakes {
                    for index in 0..self.flows.len() {
                        self.poll(index);
                    }
                }
                self.at(now + WAKE_EVERY, Event::Wake);
            }
            Event::Ping => {
                if let Some(arrival) = self.path.forward(now, PING_BYTES) {
                    self.at(arrival, Event::PingArrived(now));
                }
                self.at(now + PING_EVERY, Event::Ping);
            }
            Event::PingArrived(sent) => {
                if let Some(back) = self.path.back(now) {
                    self.pings.push(back - sent);
                }
            }
            Event::Sample => {
                for flow in &mut self.flows {
                    if let Some(sample) = flow.sender.as_ref().and_then(|sender| sender.control.sample(now)) {
                        flow.samples.push(sample);
                    }
                }
                self.at(now + SAMPLE_EVERY, Event::Sample);
            }
        }
    }

    fn acknowledge(&mut self, index: usize) {
        let ack = self.flows[index].receiver.acknowledge(self.now);
        if let Some(arrival) = self.path.back(self.now) {
            self.at(arrival, Event::Acknowledged(index, ack));
        }
    }

    fn poll(&mut self, index: usize) {
        let now = self.now;
        let Some(sender) = &mut self.flows[index].sender else { return };
        let datagrams = sender.poll(now);
        for datagram in datagrams {
            if let Some(arrival) = self.path.forward(now, datagram.bytes) {
                self.at(arrival, Event::Arrive(index, datagram));
            }
        }
        let flow = &mut self.flows[index];
        let Some(deadline) = flow.sender.as_ref().and_then(|sender| sender.deadline(now)) else { return };
        let deadline = deadline.max(now + 1e-6);
        if flow.timer.is_none_or(|at| at <= now || deadline < at - 1e-9 || deadline > at + 1e-9) {
            flow.timer = Some(deadline);
            self.at(deadline, Event::Timer(index));
        }
    }

    /// Content bytes that `flow` had received at `time`.
    fn content_at(&self, flow: usize, time: f64) -> u64 {
        let received = &self.flows[flow].received;
        let index = received.partition_point(|&(at, _)| at <= time);
        index.checked_sub(1).map_or(0, |last| received[last].1)
    }

    /// Share of the link's rate that `flow` had as content between two times.
    fn share(&self, flow: usize, from: f64, to: f64) -> f64 {
        (self.content_at(flow, to) - self.content_at(flow, from)) as f64 / (to - from) / self.path.profile.rate()
    }

    /// IP bytes that `flow` sent for each byte of content that arrived.
    fn cost(&self, flow: usize) -> f64 {
        let flow = &self.flows[flow];
        let sent = flow.sender.as_ref().map_or(0, |sender| sender.sent_bytes);
        sent as f64 / flow.receiver.content_bytes as f64
    }

    fn median_ping(&self) -> f64 {
        let mut pings = self.pings.clone();
        pings.sort_by(f64::total_cmp);
        pings.get(pings.len() / 2).copied().unwrap_or_default()
    }
}
