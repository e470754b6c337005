//! What the controller promises on each link, in figures, for several seeds each.
//!
//! Shares are content bytes of the link's rate, with headers, losses and (where content ends) one and a half round trips
//! of handshake and request. The figures of the real thing, with real sockets, are the lab's.

mod alone;
mod outages;
mod shared;

use super::control::{Bbr, Control, Cubic, Kapok};
use super::path::{COUNTY10M, FLAKY, Profile, RURAL2M, RURAL512K, SATELLITE};
use super::quic::Source;
use super::{Link, Model};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=6;

fn kapok() -> Box<dyn Control> {
    Box::new(Kapok(Model::new(std::time::Duration::ZERO, 1200)))
}

/// A flow alone with content of so many bytes: its share, and IP bytes sent for each of them.
fn transfer(profile: Profile, seed: u64, content: u64) -> (f64, f64, Link) {
    let mut link = Link::new(profile, seed);
    let flow = link.flow(0.0, Source::Content(content), kapok);
    link.stop_when_done = true;
    link.run(600.0);
    let share = content as f64 / link.now / profile.rate();
    (share, link.cost(flow), link)
}

/// An endless flow alone for a minute.
fn minute(profile: Profile, seed: u64) -> Link {
    let mut link = Link::new(profile, seed);
    link.flow(0.0, Source::Endless, kapok);
    link.run(60.0);
    link
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len() as f64
}
