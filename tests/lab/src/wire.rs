//! A line in real time: two [`Transmitter`]s, each with a thread that hands packets on when their time has come.
//!
//! The model decides a packet's fate at the moment it comes, so a thread that wakes late delays a packet by that much and
//! never adds up. How late is written down.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::link::{Direction, Fate, Link, Transmitter, Way};
use crate::packet::Seen;
use crate::record::{Log, Record};

/// Where one direction's packets come in. Clones share it.
#[derive(Debug)]
pub struct Lane<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for Lane<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
}

#[derive(Debug)]
struct State<T> {
    transmitter: Transmitter,
    epoch: Instant,
    travelling: VecDeque<(Instant, T)>,
    log: Log,
    late: Duration,
    handed_on: u32,
    is_over: bool,
}

impl<T> Shared<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + 'static> Lane<T> {
    fn start(direction: Direction, seed: u64, mut sink: impl FnMut(T) + Send + 'static) -> (Self, JoinHandle<()>) {
        let state = State {
            transmitter: Transmitter::new(direction, seed),
            epoch: Instant::now(),
            travelling: VecDeque::new(),
            log: Log::default(),
            late: Duration::ZERO,
            handed_on: 0,
            is_over: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), wake: Condvar::new() });
        let lane = Self { shared: shared.clone() };
        let thread = std::thread::spawn(move || {
            while let Some(packet) = shared.next() {
                sink(packet);
            }
        });
        (lane, thread)
    }

    /// A packet comes to the line.
    pub fn push(&self, packet: T, seen: Seen) {
        let Seen { bytes, flow, opens } = seen;
        let mut state = self.shared.state();
        let at = state.epoch.elapsed();
        let wait = state.transmitter.wait(at);
        let fate = state.transmitter.push(at, bytes);
        state.log.note(Record { at, bytes: u32::try_from(bytes).unwrap_or(u32::MAX), flow, opens, fate, wait });
        if let Fate::Delivered { at } = fate {
            let due = state.epoch + at;
            state.travelling.push_back((due, packet));
            if state.travelling.len() == 1 {
                self.shared.wake.notify_one();
            }
        }
    }

    fn become_line(&self, direction: Direction, seed: u64, epoch: Instant) {
        let mut state = self.shared.state();
        state.transmitter = Transmitter::new(direction, seed);
        state.epoch = epoch;
        (state.log, state.late, state.handed_on) = (Log::default(), Duration::ZERO, 0);
    }

    fn log(&self) -> Log {
        let state = self.shared.state();
        Log { late: state.late / state.handed_on.max(1), ..state.log.clone() }
    }

    fn end(&self) {
        self.shared.state().is_over = true;
        self.shared.wake.notify_one();
    }
}

impl<T> Shared<T> {
    /// The next packet, when it is due; nothing more when the line is taken down.
    fn next(&self) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.is_over {
                return None;
            }
            let now = Instant::now();
            let Some(due) = state.travelling.front().map(|(due, _)| *due) else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if due <= now {
                let late = now - due;
                state.late += late;
                state.log.latest = state.log.latest.max(late);
                state.handed_on += 1;
                return state.travelling.pop_front().map(|(_, packet)| packet);
            }
            state = self.wake.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Both directions. Taken down when it is dropped.
#[derive(Debug)]
pub struct Wire<D: Send + 'static, U: Send + 'static> {
    pub down: Lane<D>,
    pub up: Lane<U>,
    link: Link,
    threads: Vec<JoinHandle<()>>,
}

impl<D: Send + 'static, U: Send + 'static> Wire<D, U> {
    /// A line that begins now; what arrives at either end goes into that end's sink.
    pub fn start(
        link: &Link,
        seed: u64,
        near: impl FnMut(D) + Send + 'static,
        far: impl FnMut(U) + Send + 'static,
    ) -> Self {
        let (down, down_thread) = Lane::start(link.down.clone(), seed_of(seed, Way::Down), near);
        let (up, up_thread) = Lane::start(link.up.clone(), seed_of(seed, Way::Up), far);
        Self { down, up, link: link.clone(), threads: vec![down_thread, up_thread] }
    }

    /// Becomes another line, with a new clock and an empty log. What is travelling arrives.
    pub fn become_link(&mut self, link: &Link, seed: u64) -> Instant {
        let epoch = Instant::now();
        self.down.become_line(link.down.clone(), seed_of(seed, Way::Down), epoch);
        self.up.become_line(link.up.clone(), seed_of(seed, Way::Up), epoch);
        self.link = link.clone();
        epoch
    }

    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// What happened since the line began.
    #[must_use]
    pub fn log(&self, way: Way) -> Log {
        match way {
            Way::Down => self.down.log(),
            Way::Up => self.up.log(),
        }
    }
}

impl<D: Send + 'static, U: Send + 'static> Drop for Wire<D, U> {
    fn drop(&mut self) {
        self.down.end();
        self.up.end();
        for thread in self.threads.drain(..) {
            // A sink that panicked has said so already.
            let _ = thread.join();
        }
    }
}

fn seed_of(seed: u64, way: Way) -> u64 {
    seed.wrapping_mul(2).wrapping_add(u64::from(way == Way::Up))
}
