//! The lines of the benchmarks, as data (`profiles.toml`).

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::lab::Family;
use crate::link::{Direction, Link, Outages};

/// A line and what is sent over it.
#[derive(Clone, Debug)]
pub struct Profile {
    pub name: String,
    pub link: Link,
    pub family: Family,
    pub content: Content,
    /// Measured a second time, with a peer that is known by then.
    pub again: bool,
    pub goal: Goal,
}

/// What Kapok is to reach over it, where something was promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Goal {
    /// Content bits over seconds over rate, at least.
    pub share: Option<f64>,
    /// The same, with a peer that is known.
    pub share_again: Option<f64>,
    /// The same of the time in which the line is up.
    pub share_of_up: Option<f64>,
    /// IP bytes sent for each byte of content, at most.
    pub sent: Option<f64>,
    /// Seconds after an outage until content flows, at most.
    pub restart_s: Option<f64>,
    /// How much longer than on the empty line a ping beside it may take in the median, in milliseconds.
    pub ping_more_ms: Option<f64>,
}

#[derive(Deserialize)]
struct File {
    profile: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    rate_bps: u64,
    delay_ms: f64,
    #[serde(default)]
    jitter_ms: f64,
    #[serde(default)]
    loss: f64,
    #[serde(default)]
    burst: f64,
    queue_ms: f64,
    outages: Option<Outages>,
    /// The way to the far end, where it is another.
    up: Option<Direction>,
    #[serde(default)]
    family: Name,
    content: Content,
    #[serde(default)]
    again: bool,
    #[serde(default)]
    goal: Goal,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    #[default]
    V4,
    V6,
}

/// All that the repository carries, in the order of the file.
///
/// # Panics
/// If the file that was compiled in is wrong, which a test shows.
#[must_use]
pub fn all() -> Vec<Profile> {
    read(include_str!("../profiles.toml")).expect("a test reads the same text")
}

/// The profile of that name.
#[must_use]
pub fn find(name: &str) -> Option<Profile> {
    all().into_iter().find(|profile| profile.name == name)
}

/// Reads profiles from a text.
///
/// # Errors
/// What is wrong, with the profile's name.
pub fn read(text: &str) -> Result<Vec<Profile>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    file.profile.into_iter().map(profile).collect()
}

fn profile(entry: Entry) -> Result<Profile, String> {
    let Entry { name, rate_bps, delay_ms, jitter_ms, loss, burst, queue_ms, outages, .. } = entry;
    let down = Direction { rate_bps, delay_ms, jitter_ms, loss, burst, queue_ms, outages };
    let up = entry.up.unwrap_or_else(|| down.clone());
    for way in [&down, &up] {
        way.check().map_err(|reason| format!("{name}: {reason}"))?;
    }
    let family = match entry.family {
        Name::V4 => Family::V4,
        Name::V6 => Family::V6,
    };
    Ok(Profile { name, link: Link { down, up }, family, content: entry.content, again: entry.again, goal: entry.goal })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    #[test]
    fn the_lines_are_those_that_were_promised() {
        let all = read(include_str!("../profiles.toml")).unwrap();
        let names: Vec<&str> = all.iter().map(|profile| profile.name.as_str()).collect();
        for name in ["county10m", "rural2m", "rural512k", "satellite", "flaky", "64k"] {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(all.iter().any(|profile| profile.family == Family::V6));
        let satellite = find("satellite").unwrap();
        assert_eq!(satellite.link.rtt(), Duration::from_millis(610));
        assert_eq!(satellite.link.down, satellite.link.up);
        assert_eq!((satellite.goal.share, satellite.goal.share_again), (Some(0.87), Some(0.90)));
    }

    #[test]
    fn a_wrong_profile_is_refused_by_name() {
        let text = "[[profile]]\nname = \"no\"\nrate_bps = 1\ndelay_ms = 1\nqueue_ms = 1\nloss = 2\ncontent = { kind = \"mixed\", bytes = 1 }";
        assert_eq!(read(text).unwrap_err(), "no: loss is 2; it must be at least 0 and below 1");
    }
}
