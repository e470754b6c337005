//! What a connection's owner does for it now and then: asks for a sign of life where one is missing, so that both ends
//! know within a second or two that their link is back, and keeps what waits to be sent short.
//!
//! Quinn's probe timeout doubles: after an outage of 15 s the next probe may come 16 s later. It also looks at the window
//! only when something happens. And an end that has nothing on its way, since all it sent was acknowledged, asks nothing
//! at all: a node that waits for a file depends on the other's probes. So every connection is looked at now and then
//! ([`Silence`]): where an answer is missing, or where something was going on and then nothing more came, a frame of a few
//! bytes is sent that must be acknowledged, and again until there is an answer.
//!
//! What a sender has in flight when the link goes is worth more than those few bytes: its model lets a whole packet
//! through ([`Adapter::is_stalled`]), rarely on slow links, and at once when the other end was heard.
//!
//! Quinn takes as many bytes as its send window allows, and what it has taken cannot be overtaken. At 512 kbit/s two
//! megabytes are half a minute in front of what a person waits for. So it is given half a second's worth, or what two round
//! trips take where that is more.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use quinn::{FrameStats, VarInt};
use tokio::time::Sleep;

use super::adapter::Adapter;

/// From one look to the next: while an answer is missing, while something is going on, and else.
const WHILE_SILENT: Duration = Duration::from_millis(200);
const WHILE_BUSY: Duration = Duration::from_millis(250);
const WHILE_IDLE: Duration = Duration::from_secs(1);

/// Silence after something was going on that may well be its end; asking costs two packets of 60 bytes.
const DOUBT: Duration = Duration::from_secs(2);

/// Between two questions, at first and after ten seconds of silence: 60 bytes a second at most, and less than RFC 8085
/// §3.1 asks of senders without feedback at the round trips of such links.
const ASK_EVERY: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(800));

/// What may wait to be sent: long enough that no disk and no busy processor makes the line wait.
const AHEAD: Duration = Duration::from_millis(250);
/// Never less: a first flight and what answers it.
const MIN_SEND_WINDOW_BYTES: u64 = 48 * 1024;

/// Until the first look: the first flight and what its answers make of it. With more, fifty peers that ask at the same
/// moment fill a hundred megabytes before anything is known of their lines.
pub(in super::super) const FIRST_SEND_WINDOW_BYTES: u64 = 256 * 1024;

/// Never more: bounds the memory for one connection. 28 Mbit/s over 600 ms.
const MAX_SEND_WINDOW_BYTES: u64 = 2 * 1024 * 1024;

/// Polled by the connection's owner for as long as the connection lives.
#[derive(Debug)]
pub(in super::super) struct Prober {
    adapter: Option<Adapter>,
    sleep: Pin<Box<Sleep>>,
    silence: Silence,
    window_bytes: u32,
    send_window_bytes: u64,
}

impl Prober {
    /// `window_bytes` is the receive window that the connection was configured with.
    pub(in super::super) fn new(connection: &quinn::Connection, window_bytes: u32) -> Self {
        Self {
            adapter: Adapter::of(connection),
            sleep: Box::pin(tokio::time::sleep(WHILE_BUSY)),
            silence: Silence::new(now()),
            window_bytes,
            send_window_bytes: FIRST_SEND_WINDOW_BYTES,
        }
    }

    /// Wakes the task when it is time to look again. True where the other end has just left a question without an answer.
    pub(in super::super) fn poll(&mut self, cx: &mut Context<'_>, connection: &quinn::Connection) -> bool {
        let Some(adapter) = &self.adapter else { return false };
        let mut unanswered = false;
        while let Poll::Ready(()) = self.sleep.as_mut().poll(cx) {
            let (stats, now) = (connection.stats(), now());
            let counts = Counts::of(&stats.frame_rx, &stats.frame_tx);
            let look = self.silence.look(now, counts, adapter.is_stalled(now));
            if look.heard_again {
                adapter.let_through();
            }
            if look.ask || look.heard_again {
                // A larger window is told (MAX_DATA), and that must be acknowledged; a smaller one is not told. Both
                // make quinn look whether it may send.
                connection.set_receive_window(VarInt::from_u32(self.window_bytes));
                connection.set_receive_window(VarInt::from_u32(self.window_bytes + 1));
            }
            let wanted = adapter.sendable(AHEAD).clamp(MIN_SEND_WINDOW_BYTES, MAX_SEND_WINDOW_BYTES);
            if wanted.abs_diff(self.send_window_bytes) * 8 > self.send_window_bytes {
                self.send_window_bytes = wanted;
                connection.set_send_window(wanted);
            }
            unanswered |= look.unanswered;
            self.sleep.as_mut().reset(tokio::time::Instant::now() + look.again_in);
        }
        unanswered
    }
}

/// By the runtime's clock, as quinn has it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Frames of a connection so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Received, of any kind.
    heard: u64,
    /// With something for the layers above, in either direction.
    content: u64,
}

impl Counts {
    fn of(received: &FrameStats, sent: &FrameStats) -> Self {
        let content = |frames: &FrameStats| frames.stream + frames.reset_stream + frames.stop_sending;
        let heard = received.acks + received.ping + received.max_data + received.max_stream_data + received.crypto;
        Self { heard: heard + content(received), content: content(received) + content(sent) }
    }
}

/// What a look at a connection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    /// A sign of life is to be asked for.
    ask: bool,
    /// It has been asked for before, in vain.
    unanswered: bool,
    /// The other end was heard, after it had been asked or had left packets without an answer.
    heard_again: bool,
    again_in: Duration,
}

/// How long a connection has heard nothing, and whether that is odd.
#[derive(Debug)]
struct Silence {
    counts: Counts,
    heard_at: Instant,
    /// Something was going on, and nobody knows whether it has ended.
    in_doubt: bool,
    /// An answer is missing.
    waiting: bool,
    asked_at: Option<Instant>,
}

impl Silence {
    fn new(now: Instant) -> Self {
        Self { counts: Counts::default(), heard_at: now, in_doubt: false, waiting: false, asked_at: None }
    }

    /// `stalled`: nothing is heard of packets in flight.
    fn look(&mut self, now: Instant, counts: Counts, stalled: bool) -> Look {
        let before = std::mem::replace(&mut self.counts, counts);
        let heard = counts.heard != before.heard;
        let heard_again = heard && (self.waiting || stalled);
        if heard {
            self.heard_at = now;
            self.waiting = false;
        }
        let busy = counts.content != before.content;
        self.in_doubt |= busy;
        self.waiting |= stalled && !heard;
        let silence = now.saturating_duration_since(self.heard_at);
        let every = (silence * ASK_EVERY.1.as_millis() as u32 / 10_000).clamp(ASK_EVERY.0, ASK_EVERY.1);
        let due = self.asked_at.is_none_or(|at| now.saturating_duration_since(at) >= every);
        let unanswered = self.waiting && due && self.asked_at.is_some_and(|at| at > self.heard_at);
        let ask = (self.waiting && due) || (self.in_doubt && silence >= DOUBT);
        if ask {
            self.in_doubt = false;
            self.waiting = true;
            self.asked_at = Some(now);
        }
        let again_in = match (self.waiting, busy || heard || self.in_doubt) {
            (true, _) => WHILE_SILENT,
            (false, true) => WHILE_BUSY,
            (false, false) => WHILE_IDLE,
        };
        Look { ask, unanswered, heard_again, again_in }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When a connection asks within a minute, on which there is content for `busy_for` seconds; then the link is away,
    /// unless it `works`.
    fn asked(busy_for: f64, works: bool) -> Vec<f64> {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        let (mut asked, mut answers, mut at) = (Vec::new(), 0, 0.0);
        while at < 60.0 {
            let content = (f64::min(at, busy_for) * 100.0) as u64;
            let counts = Counts { heard: content + answers, content };
            let look = silence.look(start + Duration::from_secs_f64(at), counts, false);
            if look.ask {
                asked.push(at);
                answers += u64::from(works);
            }
            at += look.again_in.as_secs_f64();
        }
        asked
    }

    #[test]
    fn the_end_of_a_transfer_costs_one_question_and_an_idle_link_none() {
        assert_eq!(asked(5.0, true).len(), 1);
        assert_eq!(asked(0.0, true), Vec::<f64>::new());
        assert_eq!(asked(0.0, false), Vec::<f64>::new());
    }

    #[test]
    fn who_waits_for_content_asks_every_second_while_the_link_is_away() {
        let asked = asked(5.0, false);
        assert!(asked[0] <= 8.0, "{asked:?}");
        assert!(asked.windows(2).all(|two| two[1] - two[0] <= 1.01), "{asked:?}");
        assert!(asked.last().is_some_and(|&last| last >= 58.0) && asked.len() <= 75, "{asked:?}");
    }

    #[test]
    fn who_left_packets_without_an_answer_asks_at_once_and_knows_when_the_link_is_back() {
        let start = Instant::now();
        let mut silence = Silence::new(start);
        let counts = Counts { heard: 10, content: 10 };
        silence.look(start, counts, false);
        let look = silence.look(start + Duration::from_millis(500), counts, true);
        assert!(look.ask && !look.heard_again);
        let look = silence.look(start + Duration::from_secs(1), Counts { heard: 11, content: 10 }, true);
        assert!(look.heard_again && !look.ask);
    }
}
