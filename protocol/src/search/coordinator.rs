//! The top of the tree: asks all who answer, merges, and says who is missing.
//!
//! Two phases. First every answering node gives the statistics of the query's terms; the driver merges them (their
//! meaning is the indexer's), and then each node scores with the statistics of all. So the scores of different nodes
//! are comparable, and the merged list is that of one central index over those who gave statistics.
//!
//! A node that is slow or gone never holds up the rest: each phase has an end, and what has not come by then is named
//! as missing. A node whose parent is out of reach coordinates for itself, with whomever it reaches.
//!
//! Invariant: every node that was to answer is in exactly one of `answered` and `missing` of the outcome.

use std::collections::BTreeMap;

use super::merge::merge;
use super::message::{Hit, HitList, MAX_ANSWERERS, MAX_DEADLINE_MS, MAX_HITS, Reply};
use crate::identity::NodeId;
use crate::time::Timestamp;

/// The part of the time that statistics may take: they are small and quick to make; hits need the rest.
const STATISTICS_SHARE_PERCENT: u64 = 40;
/// Kept back at the end for merging and for the way of the reply.
const REPLY_SHARE_PERCENT: u64 = 10;

/// A search that is to be coordinated.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Who answers, oneself included if it answers for anything. Each resource is answered for by one of them.
    /// The first [`MAX_ANSWERERS`] are asked, any more are missing.
    pub answerers: Vec<NodeId>,
    /// How many best hits are wanted.
    pub limit: usize,
    /// How long the asker still waits.
    pub deadline_ms: u32,
}

#[derive(Debug)]
pub enum Input {
    StatisticsFrom(NodeId, Vec<u8>),
    /// The answer to [`Output::MergeStatistics`]. What a rejected node sent made no sense; it is not asked further.
    Merged {
        statistics: Vec<u8>,
        rejected: Vec<NodeId>,
    },
    HitsFrom(NodeId, HitList),
    /// The node cannot be reached, refused, or broke off.
    Gone(NodeId),
    /// Time has passed; due by [`Coordinator::next_tick`].
    Tick,
}

#[derive(Debug, PartialEq)]
pub enum Output {
    /// Ask this node (or the own index) for its statistics.
    AskStatistics {
        node: NodeId,
        deadline_ms: u32,
    },
    /// Merge these and answer with [`Input::Merged`].
    MergeStatistics(Vec<(NodeId, Vec<u8>)>),
    /// Ask this node (or the own index) for its hits, scored with these statistics.
    AskHits {
        node: NodeId,
        statistics: Vec<u8>,
        deadline_ms: u32,
    },
    /// Stop waiting for this node and close its stream.
    Drop(NodeId),
    Finished(Outcome),
}

/// The merged result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Best first, ties by id.
    pub hits: Vec<Hit>,
    pub total: u64,
    /// Of each node that answered, for the driver to merge.
    pub facets: Vec<(NodeId, Vec<u8>)>,
    /// What the hits were scored with; empty if nobody gave statistics.
    pub statistics: Vec<u8>,
    pub answered: Vec<NodeId>,
    pub missing: Vec<NodeId>,
}

impl Outcome {
    /// The reply to the asker, with the facets of all nodes merged by the caller.
    #[must_use]
    pub fn into_reply(self, merged_facets: Vec<u8>) -> Reply {
        let Self { hits, total, facets: _, statistics, answered, mut missing } = self;
        missing.truncate(MAX_ANSWERERS);
        Reply { hits, total, facets: merged_facets, statistics, answered, missing }
    }
}

/// How far a node is.
#[derive(Debug)]
enum Part {
    Asked,
    Statistics(Vec<u8>),
    Scoring,
    Hits(HitList),
    Missing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Statistics,
    Merging,
    Hits,
    Finished,
}

/// One search at its coordinator.
#[derive(Debug)]
pub struct Coordinator {
    parts: BTreeMap<NodeId, Part>,
    phase: Phase,
    limit: usize,
    statistics: Vec<u8>,
    statistics_until: Timestamp,
    hits_until: Timestamp,
}

impl Coordinator {
    /// Begins a search: asks everybody for statistics.
    pub fn start(now: Timestamp, plan: &Plan, out: &mut Vec<Output>) -> Self {
        let whole_ms = u64::from(plan.deadline_ms.min(MAX_DEADLINE_MS));
        let parts = plan.answerers.iter().enumerate().map(|(index, node)| {
            let part = if index < MAX_ANSWERERS { Part::Asked } else { Part::Missing };
            (*node, part)
        });
        let mut coordinator = Self {
            parts: parts.collect(),
            phase: Phase::Statistics,
            limit: plan.limit.min(MAX_HITS),
            statistics: Vec::new(),
            statistics_until: now.plus_millis(whole_ms * STATISTICS_SHARE_PERCENT / 100),
            hits_until: now.plus_millis(whole_ms - whole_ms * REPLY_SHARE_PERCENT / 100),
        };
        let deadline_ms = left_ms(now, coordinator.statistics_until);
        let asked = coordinator.parts.iter().filter(|(_, part)| matches!(part, Part::Asked));
        out.extend(asked.map(|(node, _)| Output::AskStatistics { node: *node, deadline_ms }));
        coordinator.advance(now, out);
        coordinator
    }

    /// Advances the search. Pure: the same `now` and inputs always give the same outputs.
    /// What comes from a node that was not asked, a second time, or after its phase, changes nothing.
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::StatisticsFrom(node, statistics) => {
                if let (Phase::Statistics, Some(part @ Part::Asked)) = (self.phase, self.parts.get_mut(&node)) {
                    *part = Part::Statistics(statistics);
                }
            }
            Input::Merged { statistics, rejected } => {
                if self.phase == Phase::Merging {
                    rejected.iter().for_each(|node| self.give_up(*node, out));
                    self.ask_for_hits(now, statistics, out);
                }
            }
            Input::HitsFrom(node, hits) => {
                if let (Phase::Hits, Some(part @ Part::Scoring)) = (self.phase, self.parts.get_mut(&node)) {
                    *part = Part::Hits(hits);
                }
            }
            // What a node has given before it went is kept.
            Input::Gone(node) => {
                if let Some(part @ (Part::Asked | Part::Statistics(_) | Part::Scoring)) = self.parts.get_mut(&node) {
                    *part = Part::Missing;
                }
            }
            Input::Tick => {}
        }
        self.advance(now, out);
    }

    /// When [`Input::Tick`] is due; `None` when the search is over.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Statistics => Some(self.statistics_until),
            Phase::Merging | Phase::Hits => Some(self.hits_until),
            Phase::Finished => None,
        }
    }

    /// Goes on to the next phase when everybody has answered, or when the time of this one is up.
    fn advance(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.phase == Phase::Statistics
            && (now >= self.statistics_until || !self.any(|part| matches!(part, Part::Asked)))
        {
            self.give_up_where(|part| matches!(part, Part::Asked), out);
            let given = |(node, part): (&NodeId, &Part)| match part {
                Part::Statistics(bytes) => Some((*node, bytes.clone())),
                _ => None,
            };
            let given: Vec<_> = self.parts.iter().filter_map(given).collect();
            if given.is_empty() {
                return self.finish(out);
            }
            self.phase = Phase::Merging;
            out.push(Output::MergeStatistics(given));
        }
        let over = match self.phase {
            Phase::Merging => now >= self.hits_until,
            Phase::Hits => now >= self.hits_until || !self.any(|part| matches!(part, Part::Scoring)),
            Phase::Statistics | Phase::Finished => false,
        };
        if over {
            self.give_up_where(|part| !matches!(part, Part::Hits(_) | Part::Missing), out);
            self.finish(out);
        }
    }

    fn ask_for_hits(&mut self, now: Timestamp, statistics: Vec<u8>, out: &mut Vec<Output>) {
        self.phase = Phase::Hits;
        let deadline_ms = left_ms(now, self.hits_until);
        for (&node, part) in &mut self.parts {
            if matches!(part, Part::Statistics(_)) {
                *part = Part::Scoring;
                out.push(Output::AskHits { node, statistics: statistics.clone(), deadline_ms });
            }
        }
        self.statistics = statistics;
    }

    fn any(&self, is: impl Fn(&Part) -> bool) -> bool {
        self.parts.values().any(is)
    }

    fn give_up(&mut self, node: NodeId, out: &mut Vec<Output>) {
        if let Some(part) = self.parts.get_mut(&node) {
            *part = Part::Missing;
            out.push(Output::Drop(node));
        }
    }

    fn give_up_where(&mut self, is: impl Fn(&Part) -> bool, out: &mut Vec<Output>) {
        let nodes: Vec<NodeId> = self.parts.iter().filter(|(_, part)| is(part)).map(|(node, _)| *node).collect();
        nodes.into_iter().for_each(|node| self.give_up(node, out));
    }

    fn finish(&mut self, out: &mut Vec<Output>) {
        self.phase = Phase::Finished;
        let mut outcome = Outcome { statistics: std::mem::take(&mut self.statistics), ..Outcome::default() };
        let mut lists = Vec::new();
        for (node, part) in std::mem::take(&mut self.parts) {
            match part {
                Part::Hits(mut list) => {
                    outcome.answered.push(node);
                    outcome.facets.push((node, std::mem::take(&mut list.facets)));
                    lists.push(list);
                }
                _ => outcome.missing.push(node),
            }
        }
        (outcome.hits, outcome.total) = merge(&lists, self.limit);
        out.push(Output::Finished(outcome));
    }
}

fn left_ms(now: Timestamp, until: Timestamp) -> u32 {
    u32::try_from(until.millis_since(now)).unwrap_or(u32::MAX)
}
