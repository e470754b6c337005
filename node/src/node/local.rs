//! The private journal: accounts' events, invitations, subscriptions. It never leaves the node.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Tier;
use kapok_protocol::time::Timestamp;
use kapok_store::journal::{Damage, Journal, JournalError};
use minicbor::{Decode, Encode};

/// One record of the private journal.
#[derive(Clone, Debug, Encode, Decode)]
enum Record {
    /// An event of `kapok_private`, opaque here.
    #[n(0)]
    Account(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>),
    #[n(1)]
    Invited(#[n(0)] Invited),
    #[n(2)]
    Admitted {
        #[cbor(n(0), with = "minicbor::bytes")]
        secret_hash: [u8; 32],
        #[n(1)]
        node: NodeId,
    },
    #[n(3)]
    Subscribed(#[n(0)] Subscription),
    #[n(4)]
    Unsubscribed(#[n(0)] u64),
    /// What this node was made as. Its membership says the rest, once it has one.
    #[n(5)]
    Made(#[n(0)] Made),
    /// Where the parent was reached when this node joined.
    #[n(6)]
    Parent {
        #[n(0)]
        node: NodeId,
        #[n(1)]
        addresses: Vec<String>,
    },
    /// Whose folder this is: a key that is another's is not taken for the node's.
    #[n(7)]
    Node(#[n(0)] NodeId),
}

/// What a node was made as.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Made {
    #[n(0)]
    pub(super) tier: Tier,
    #[n(1)]
    pub(super) name: String,
    #[n(2)]
    pub(super) region: String,
}

/// An invitation that was given out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Invited {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) secret_hash: [u8; 32],
    #[n(1)]
    pub(super) tier: Tier,
    #[n(2)]
    pub(super) name: String,
    #[n(3)]
    pub(super) region: String,
    #[n(4)]
    pub(super) expires: Timestamp,
    /// Who used it.
    #[n(5)]
    pub(super) used_by: Option<NodeId>,
}

/// What this node wants to hold by itself. Empty lists do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Subscription {
    #[n(0)]
    pub(super) number: u64,
    #[n(1)]
    pub(super) all: bool,
    #[n(2)]
    pub(super) subject: Vec<String>,
    #[n(3)]
    pub(super) stage: Vec<String>,
    #[n(4)]
    pub(super) kind: Vec<String>,
    #[n(5)]
    pub(super) max_size: Option<u64>,
}

/// The private journal and what it adds up to.
#[derive(Debug)]
pub(super) struct Local {
    journal: Journal,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) invitations: BTreeMap<[u8; 32], Invited>,
    pub(super) subscriptions: BTreeMap<u64, Subscription>,
    pub(super) made: Option<Made>,
    /// The node itself; none in a folder that an earlier version made and this one has not opened yet.
    pub(super) node: Option<NodeId>,
    pub(super) parent: Option<(NodeId, Vec<String>)>,
    next_subscription: u64,
}

impl State {
    fn apply(&mut self, record: Record) {
        match record {
            Record::Account(_) => {}
            Record::Invited(invited) => {
                self.invitations.insert(invited.secret_hash, invited);
            }
            Record::Admitted { secret_hash, node } => {
                if let Some(invited) = self.invitations.get_mut(&secret_hash) {
                    invited.used_by = Some(node);
                }
            }
            Record::Subscribed(subscription) => {
                self.next_subscription = self.next_subscription.max(subscription.number);
                self.subscriptions.insert(subscription.number, subscription);
            }
            Record::Unsubscribed(number) => {
                self.subscriptions.remove(&number);
            }
            Record::Made(made) => self.made = Some(made),
            Record::Node(node) => self.node = Some(node),
            Record::Parent { node, addresses } => self.parent = Some((node, addresses)),
        }
    }
}

impl Local {
    /// Reads the journal through.
    pub(super) fn load(journal: Journal) -> Result<Self, JournalError> {
        let mut state = State::default();
        for frame in journal.iter_from(journal.cursor(0))? {
            match minicbor::decode(&frame?.payload) {
                Ok(record) => state.apply(record),
                // A later version's record is kept and passed over.
                Err(error) => tracing::warn!(%error, "a record of the private journal is not understood"),
            }
        }
        Ok(Self { journal, state: Mutex::new(state) })
    }

    /// The places that could not be read.
    pub(super) fn damaged(&self) -> Vec<Damage> {
        self.journal.damaged()
    }

    /// Whether the first thing that stands in every private journal, what the node was made as, is gone.
    pub(super) fn has_lost_its_beginning(&self) -> bool {
        self.state().made.is_none()
    }

    /// Whether anything of it is known to be lost.
    pub(super) fn is_damaged(&self) -> bool {
        self.has_lost_its_beginning() || !self.damaged().is_empty()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, state: &mut State, record: Record) -> Result<(), JournalError> {
        let bytes = minicbor::to_vec(&record).expect("writing to a Vec cannot fail");
        self.journal.append(&[&bytes])?;
        state.apply(record);
        Ok(())
    }

    pub(super) fn append_account(&self, event: Vec<u8>) -> Result<(), JournalError> {
        self.append(&mut self.state(), Record::Account(event))
    }

    /// All account events, oldest first.
    pub(super) fn account_events(&self) -> Result<Vec<Vec<u8>>, JournalError> {
        let mut events = Vec::new();
        for frame in self.journal.iter_from(self.journal.cursor(0))? {
            if let Ok(Record::Account(event)) = minicbor::decode(&frame?.payload) {
                events.push(event);
            }
        }
        Ok(events)
    }

    pub(super) fn made(&self, made: Made) -> Result<(), JournalError> {
        self.append(&mut self.state(), Record::Made(made))
    }

    /// Remembers whose folder this is.
    pub(super) fn belongs_to(&self, node: NodeId) -> Result<(), JournalError> {
        self.append(&mut self.state(), Record::Node(node))
    }

    pub(super) fn parent(&self, node: NodeId, addresses: Vec<String>) -> Result<(), JournalError> {
        self.append(&mut self.state(), Record::Parent { node, addresses })
    }

    pub(super) fn invite(&self, invited: Invited) -> Result<(), JournalError> {
        self.append(&mut self.state(), Record::Invited(invited))
    }

    /// Notes that `node` used an invitation.
    pub(super) fn admitted(&self, secret_hash: [u8; 32], node: NodeId) -> Result<(), JournalError> {
        self.append(&mut self.state(), Record::Admitted { secret_hash, node })
    }

    /// Subscribes; gives the number by which it is ended.
    pub(super) fn subscribe(&self, subscription: Subscription) -> Result<(), JournalError> {
        let mut state = self.state();
        let number = state.next_subscription + 1;
        self.append(&mut state, Record::Subscribed(Subscription { number, ..subscription }))
    }

    /// Ends a subscription; says whether there was one.
    pub(super) fn unsubscribe(&self, number: u64) -> Result<bool, JournalError> {
        let mut state = self.state();
        if !state.subscriptions.contains_key(&number) {
            return Ok(false);
        }
        self.append(&mut state, Record::Unsubscribed(number))?;
        Ok(true)
    }
}
