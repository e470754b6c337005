//! What else was promised than the share of a link: one file for each promise.
//!
//! A scenario has a line of its own, prints what it measured and adds figures to the table at the end. Bytes are those of
//! IP packets in the line's log, both ways, unless said.

mod crowd;
mod edited;
mod neighbour;
mod person;
mod session;

use anyhow::Context as _;

use crate::row::Report;

/// What is run under a name: the seed, whether it is the short form, and where the figures go.
type Run = fn(u64, bool, &mut Report) -> anyhow::Result<()>;

/// All of them, in the order in which they run.
const ALL: [(&str, &str, Run); 6] = [
    ("unchanged", "two nodes with the same 100,000 entries meet", session::unchanged),
    ("changed", "the same, and 100 of them have changed", session::changed),
    ("edited", "a presentation with one slide edited", edited::run),
    ("person", "a file is opened in the middle of a bulk transfer", person::run),
    ("neighbour", "two schools on a LAN behind one line", neighbour::run),
    ("crowd", "memory of a node that gives to 50 peers", crowd::run),
];

/// Their names.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.into_iter().map(|(name, ..)| name)
}

/// What the one of that name is about.
pub(crate) fn about(name: &str) -> &'static str {
    ALL.into_iter().find(|(known, ..)| *known == name).map_or("", |(_, about, _)| about)
}

/// Runs the one of that name.
pub(crate) fn run(name: &str, seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    let (.., run) = ALL.into_iter().find(|(known, ..)| *known == name).context("there is no scenario of that name")?;
    run(seed, short, report).with_context(|| name.to_owned())
}
