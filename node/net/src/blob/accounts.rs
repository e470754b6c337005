//! Accounts: the ledger of what went between this node and each other ([`kapok_protocol::blob::ledger`]).

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use kapok_protocol::blob::ledger::{Received, Report, Sent, Tally};
use kapok_protocol::blob::message::Request;
use kapok_protocol::identity::NodeId;

use super::desk::Desk;
use super::{Ledger, streams};
use crate::swarm::LinkKind;

/// A report that was written so shortly before its stream ended may be lost with it: an outage of a minute, and some.
const DOUBTFUL: Duration = Duration::from_secs(75);

/// What went between this node and one other.
#[derive(Debug, Default)]
struct Account {
    received: Received,
    sent: Sent,
    said_at: Option<Instant>,
}

/// All accounts since the start.
#[derive(Debug)]
pub(super) struct Accounts {
    epoch: u64,
    nodes: BTreeMap<NodeId, Account>,
}

impl Accounts {
    pub(super) fn new() -> Self {
        // Any number that is not the one of an earlier start.
        Self { epoch: RandomState::new().build_hasher().finish(), nodes: BTreeMap::new() }
    }

    fn of(&mut self, node: NodeId) -> &mut Account {
        self.nodes.entry(node).or_default()
    }

    /// What is said first on a new stream.
    pub(super) fn opening(&mut self, node: NodeId) -> Report {
        let epoch = self.epoch;
        let account = self.of(node);
        account.said_at = None;
        account.received.opening(epoch)
    }

    /// A stream to it has ended.
    pub(super) fn broke(&mut self, node: NodeId) {
        let account = self.of(node);
        if account.said_at.is_some_and(|at| at.elapsed() < DOUBTFUL) {
            account.received.doubt();
        }
    }
}

impl Desk {
    pub(super) fn note(&self, node: NodeId, change: impl FnOnce(&mut Ledger)) {
        let mut ledger = self.board.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        change(ledger.entry(node).or_default());
    }

    /// Content has come.
    pub(super) fn came(&mut self, node: NodeId, bytes: u64) {
        let more = match (self.kinds)(&node) {
            LinkKind::Lan => Tally { lan_bytes: bytes, wan_bytes: 0 },
            LinkKind::Wan | LinkKind::Relayed => Tally { lan_bytes: 0, wan_bytes: bytes },
        };
        self.accounts.of(node).received.came(more);
        self.note(node, |ledger| {
            ledger.bytes_in += more.total();
            ledger.lan_bytes_in += more.lan_bytes;
        });
    }

    /// Content was written.
    pub(super) fn wrote(&mut self, node: NodeId, bytes: u64) {
        self.accounts.of(node).sent.wrote(bytes);
    }

    /// Says what has come, if it is time to.
    pub(super) fn report(&mut self, node: NodeId) {
        let (epoch, expects_more) = (self.accounts.epoch, self.download.expects(&node));
        let account = self.accounts.of(node);
        if let Some(report) = account.received.due(epoch, expects_more) {
            account.said_at = Some(Instant::now());
            self.say(node, &Request::Received(report));
        }
    }

    /// A peer says what has come to it.
    pub(super) fn reported(&mut self, node: NodeId, report: Report) {
        let more = self.accounts.of(node).sent.take(report);
        self.note(node, |ledger| {
            ledger.bytes_out += more.total();
            ledger.lan_bytes_out += more.lan_bytes;
        });
    }

    /// Says the rest on all open streams, and ends them.
    pub(super) fn close_accounts(&mut self) -> usize {
        let (epoch, open) = (self.accounts.epoch, std::mem::take(&mut self.asking));
        for (node, asking) in &open {
            if let Some(requests) = &asking.requests
                && let Some(report) = self.accounts.of(*node).received.due(epoch, false)
            {
                let request = Request::Received(report).encode();
                self.note(*node, |ledger| ledger.wire_bytes_out += streams::wire_bytes(&request));
                let _ = requests.send(request);
            }
        }
        open.len()
    }
}
