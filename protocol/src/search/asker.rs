//! The node where somebody searches: answers from what it has at once, and better when the others have answered.
//!
//! First its own index gives what it knows of everything ([`Scope::Everything`]; the catalogue is complete on every
//! node). Meanwhile the parent is asked. When its reply comes, the own index is asked once more: for what only this
//! node holds and for what the missing nodes should have answered, scored with the statistics of the reply, so that
//! all scores are comparable. Without a reply in time, the first answer stands, and says that it is incomplete.

use super::merge::merge;
use super::message::{Ask, Hit, HitList, MAX_DEADLINE_MS, MAX_HITS, MAX_QUERY_BYTES, Reply};
use crate::identity::NodeId;
use crate::time::Timestamp;

#[derive(Debug)]
pub enum Input {
    /// The answer to [`Output::SearchHere`].
    Found(HitList),
    Reply(Reply),
    /// The parent cannot be reached, refused, or broke off.
    Failed,
    /// Time has passed; due by [`Asker::next_tick`].
    Tick,
}

#[derive(Debug, PartialEq)]
pub enum Output {
    /// Search the own index, and answer with [`Input::Found`].
    SearchHere(Scope),
    /// Send this to the parent.
    AskParent(Ask),
    /// What is known now. More may follow unless it is final.
    Found { outcome: Outcome, is_final: bool },
}

/// What the own index is to search.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// All that it knows, with its own statistics.
    Everything,
    /// What only this node holds, and what these nodes answer for but did not, with these statistics.
    Rest { missing: Vec<NodeId>, statistics: Vec<u8> },
}

/// A result for the person who searches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Best first, ties by id.
    pub hits: Vec<Hit>,
    pub total: u64,
    /// Counts that are to be merged: of the reply, and of the own index.
    pub facets: Vec<Vec<u8>>,
    pub answered: Vec<NodeId>,
    pub missing: Vec<NodeId>,
    /// Whether everybody who should have answered did.
    pub is_complete: bool,
}

#[derive(Debug)]
enum State {
    /// The own index is searching, and the reply may have come before it was done.
    SearchingHere {
        reply: Option<Result<Reply, Failure>>,
    },
    /// The own answer is there, the reply is not.
    Waiting,
    /// The own index searches for the rest.
    SearchingRest {
        reply: Reply,
    },
    Finished,
}

/// There is no reply, and there will be none.
#[derive(Debug)]
struct Failure;

/// One search at the node where it was typed.
#[derive(Debug)]
pub struct Asker {
    state: State,
    local: HitList,
    /// Who should have answered, as far as this node knows; named as missing when there is no reply.
    expected: Vec<NodeId>,
    limit: usize,
    until: Timestamp,
}

impl Asker {
    /// Begins a search. `expected` are the nodes that answer in this federation, as far as the asker knows.
    /// A query over [`MAX_QUERY_BYTES`] is searched here only.
    pub fn start(now: Timestamp, ask: Ask, expected: Vec<NodeId>, out: &mut Vec<Output>) -> Self {
        let too_long = ask.query.len() > MAX_QUERY_BYTES;
        let asker = Self {
            state: State::SearchingHere { reply: too_long.then_some(Err(Failure)) },
            local: HitList::default(),
            expected,
            limit: usize::from(ask.limit).min(MAX_HITS),
            until: now.plus_millis(ask.deadline_ms.min(MAX_DEADLINE_MS).into()),
        };
        out.push(Output::SearchHere(Scope::Everything));
        if !too_long {
            out.push(Output::AskParent(ask));
        }
        asker
    }

    /// When [`Input::Tick`] is due; `None` when the search is over.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        (!matches!(self.state, State::Finished)).then_some(self.until)
    }

    /// Advances the search. Pure: the same `now` and inputs always give the same outputs.
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        self.state = match (std::mem::replace(&mut self.state, State::Finished), input) {
            (State::SearchingHere { reply }, Input::Found(found)) => {
                self.local = found;
                match reply {
                    None => {
                        out.push(self.own(false));
                        State::Waiting
                    }
                    Some(reply) => self.replied(reply, out),
                }
            }
            (State::SearchingHere { reply: None }, Input::Reply(reply)) => {
                State::SearchingHere { reply: Some(Ok(reply)) }
            }
            (State::SearchingHere { reply: None }, Input::Failed) => State::SearchingHere { reply: Some(Err(Failure)) },
            (State::Waiting, Input::Reply(reply)) => self.replied(Ok(reply), out),
            (State::Waiting, Input::Failed) => self.replied(Err(Failure), out),
            (State::SearchingRest { reply }, Input::Found(rest)) => {
                out.push(self.whole(reply, rest));
                State::Finished
            }
            (state, _) => state,
        };
        if now >= self.until {
            match std::mem::replace(&mut self.state, State::Finished) {
                State::Waiting | State::SearchingHere { .. } => out.push(self.own(true)),
                // The reply is there, the own index is too slow for the rest: better most of it than nothing.
                State::SearchingRest { reply } => out.push(self.whole(reply, HitList::default())),
                State::Finished => {}
            }
        }
    }

    fn replied(&mut self, reply: Result<Reply, Failure>, out: &mut Vec<Output>) -> State {
        match reply {
            Ok(reply) => {
                let (missing, statistics) = (reply.missing.clone(), reply.statistics.clone());
                out.push(Output::SearchHere(Scope::Rest { missing, statistics }));
                State::SearchingRest { reply }
            }
            Err(Failure) => {
                out.push(self.own(true));
                State::Finished
            }
        }
    }

    /// What the own index alone has found.
    fn own(&self, is_final: bool) -> Output {
        let (hits, total) = merge([&self.local], self.limit);
        let facets = vec![self.local.facets.clone()];
        let missing = self.expected.clone();
        Output::Found { outcome: Outcome { hits, total, facets, missing, ..Outcome::default() }, is_final }
    }

    /// The reply together with what the own index adds.
    fn whole(&self, reply: Reply, rest: HitList) -> Output {
        let Reply { hits, total, facets, statistics: _, answered, missing } = reply;
        let replied = HitList { hits, total, facets };
        let (hits, total) = merge([&replied, &rest], self.limit);
        let facets = vec![replied.facets, rest.facets];
        let is_complete = missing.is_empty();
        Output::Found { outcome: Outcome { hits, total, facets, answered, missing, is_complete }, is_final: true }
    }
}
