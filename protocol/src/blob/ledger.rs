//! The ledger: how many bytes of content one node had from another, the same figure on both sides.
//!
//! Who sends cannot know what arrives: what it wrote may be cut off with the link, or come after it was cancelled. So a
//! byte counts when its receiver has it, false and late ones too, and the receiver says so: [`Received::due`] whenever
//! enough has come or nothing more is expected, [`Received::opening`] at the beginning of each stream. A [`Report`] holds
//! totals, so one that is lost with its stream is made good by the next. Whether a byte came over the local network is
//! the receiver's word too, since each side sees another address.
//!
//! Invariant: a sender never books more than it has written, whatever it is told.

use minicbor::{Decode, Encode};

/// Content that comes before it is reported, while more is on its way: at 64 kbit/s half a minute, at 2 Mbit/s a second.
pub const REPORT_EVERY_BYTES: u64 = 256 * 1024;

/// Bytes by where they went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Within the local network.
    pub lan_bytes: u64,
    /// Over a line that costs.
    pub wan_bytes: u64,
}

impl Tally {
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lan_bytes.saturating_add(self.wan_bytes)
    }

    pub fn add(&mut self, more: Self) {
        self.lan_bytes = self.lan_bytes.saturating_add(more.lan_bytes);
        self.wan_bytes = self.wan_bytes.saturating_add(more.wan_bytes);
    }
}

/// What has come from the node to which this is said, in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Report {
    /// Since when: another number whenever the receiver has begun to count anew.
    #[n(0)]
    pub epoch: u64,
    #[n(1)]
    pub lan_bytes: u64,
    #[n(2)]
    pub wan_bytes: u64,
}

/// What this node has had from another.
#[derive(Debug, Default)]
pub struct Received {
    tally: Tally,
    said_bytes: u64,
}

impl Received {
    /// Content has come.
    pub fn came(&mut self, more: Tally) {
        self.tally.add(more);
    }

    /// What is said first on a new stream.
    pub fn opening(&mut self, epoch: u64) -> Report {
        self.said_bytes = self.tally.total();
        Report { epoch, lan_bytes: self.tally.lan_bytes, wan_bytes: self.tally.wan_bytes }
    }

    /// What was said last may not have arrived: all is to be said again.
    pub fn doubt(&mut self) {
        self.said_bytes = 0;
    }

    /// What is to be said now; `expects_more`: content is on its way.
    pub fn due(&mut self, epoch: u64, expects_more: bool) -> Option<Report> {
        let unsaid_bytes = self.tally.total().saturating_sub(self.said_bytes);
        let least_bytes = if expects_more { REPORT_EVERY_BYTES } else { 1 };
        (unsaid_bytes >= least_bytes).then(|| self.opening(epoch))
    }
}

/// What this node has sent to another.
#[derive(Debug, Default)]
pub struct Sent {
    written_bytes: u64,
    booked_bytes: u64,
    last: Option<Report>,
}

impl Sent {
    /// Content was written to the stream.
    pub fn wrote(&mut self, bytes: u64) {
        self.written_bytes = self.written_bytes.saturating_add(bytes);
    }

    /// Takes a report: what is to be booked as sent since the one before.
    pub fn take(&mut self, report: Report) -> Tally {
        if self.last.is_some_and(|last| last.epoch == report.epoch && total(&last) > total(&report)) {
            // Said earlier, on a stream that is over.
            return Tally::default();
        }
        // Of a count that this node has not followed from its beginning only the growth says something.
        let before = self.last.replace(report).filter(|last| last.epoch == report.epoch).unwrap_or(report);
        let unbooked_bytes = self.written_bytes - self.booked_bytes;
        let lan_bytes = report.lan_bytes.saturating_sub(before.lan_bytes).min(unbooked_bytes);
        let wan_bytes = report.wan_bytes.saturating_sub(before.wan_bytes).min(unbooked_bytes - lan_bytes);
        let more = Tally { lan_bytes, wan_bytes };
        self.booked_bytes += more.total();
        more
    }
}

fn total(report: &Report) -> u64 {
    report.lan_bytes.saturating_add(report.wan_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: u64 = 7;

    fn wan(bytes: u64) -> Tally {
        Tally { wan_bytes: bytes, ..Tally::default() }
    }

    /// Both sides, and a stream that loses what is on it when it is cut.
    #[derive(Default)]
    struct Pair {
        received: Received,
        sent: Sent,
        booked: Tally,
    }

    impl Pair {
        fn open(&mut self) {
            let report = self.received.opening(EPOCH);
            self.booked.add(self.sent.take(report));
        }

        fn send(&mut self, bytes: u64, arrive: Tally, expects_more: bool) {
            self.sent.wrote(bytes);
            self.received.came(arrive);
            if let Some(report) = self.received.due(EPOCH, expects_more) {
                self.booked.add(self.sent.take(report));
            }
        }
    }

    #[test]
    fn both_sides_say_the_same_after_an_orderly_end_and_after_a_cut() {
        let mut pair = Pair::default();
        pair.open();
        pair.send(1000, wan(1000), true);
        assert_eq!(pair.booked, Tally::default(), "a little is not worth a packet");
        pair.send(500, Tally { lan_bytes: 500, wan_bytes: 0 }, false);
        assert_eq!(pair.booked, Tally { lan_bytes: 500, wan_bytes: 1000 });
        // Of this, half is lost with the link, and what came of it was not reported.
        pair.send(8000, wan(4000), true);
        pair.open();
        assert_eq!(pair.booked, pair.received.tally);
        pair.send(REPORT_EVERY_BYTES, wan(REPORT_EVERY_BYTES), true);
        assert_eq!(pair.booked, pair.received.tally);
    }

    #[test]
    fn what_was_counted_before_this_node_began_is_not_booked() {
        let mut sent = Sent::default();
        sent.wrote(100);
        assert_eq!(sent.take(Report { epoch: EPOCH, lan_bytes: 5_000, wan_bytes: 9_000 }), Tally::default());
        assert_eq!(sent.take(Report { epoch: EPOCH, lan_bytes: 5_000, wan_bytes: 9_040 }), wan(40));
        // The receiver has begun anew.
        assert_eq!(sent.take(Report { epoch: 8, lan_bytes: 0, wan_bytes: 0 }), Tally::default());
        assert_eq!(sent.take(Report { epoch: 8, lan_bytes: 0, wan_bytes: 60 }), wan(60));
        // A straggler of an earlier stream.
        assert_eq!(sent.take(Report { epoch: 8, lan_bytes: 0, wan_bytes: 20 }), Tally::default());
        assert_eq!(sent.take(Report { epoch: 8, lan_bytes: 0, wan_bytes: 60 }), Tally::default());
    }

    #[test]
    fn nobody_makes_a_sender_book_more_than_it_wrote() {
        let mut sent = Sent::default();
        sent.wrote(100);
        sent.take(Report { epoch: EPOCH, lan_bytes: 0, wan_bytes: 0 });
        let lie = Report { epoch: EPOCH, lan_bytes: 70, wan_bytes: u64::MAX };
        assert_eq!(sent.take(lie), Tally { lan_bytes: 70, wan_bytes: 30 });
        assert_eq!(sent.take(Report { epoch: EPOCH, lan_bytes: u64::MAX, wan_bytes: 0 }), Tally::default());
    }
}
