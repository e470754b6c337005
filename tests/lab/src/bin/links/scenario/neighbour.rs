//! Two schools of one village behind one line: the one has a file, the other wants it; then both want another at once.
//!
//! What is counted is what passes the line while they fetch, against what passes the LAN.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use kapok_lab::content::noise;
use kapok_lab::lab::Family;
use kapok_lab::link::Way;
use kapok_lab::place::Place;
use kapok_lab::profile;
use kapok_lab::record::Log;
use serde_json::json;

use crate::figure::{Goal, Unit};
use crate::kapok::arrive;
use crate::row::Report;
use crate::served::{self, Served};
use crate::stop;

const PROFILE: &str = "rural2m";
const FILE: usize = 4_000_000;
const SHORT_FILE: usize = 1_000_000;
/// Sessions and lists on the line, as a part of the file, beside which there is no content.
const NO_CONTENT: f64 = 0.02;
/// One copy with its headers, and the sessions.
const ONE_COPY: f64 = 1.15;
/// Neighbours are to find each other before the file is there to be fetched.
const FIND: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn run(seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    let profile = profile::find(PROFILE).context("the profile of this scenario is gone")?;
    let bytes = if short { SHORT_FILE } else { FILE };
    report.title(&format!("neighbour, {PROFILE}: two schools on a LAN behind one line, and a file of {bytes} bytes"));
    let good = profile.link.on_a_good_day();
    let mut place = Place::new(&good, seed).context("no lab (this needs root, unshare, ip and /dev/net/tun)")?;
    let log = |end: &str| report.path(&format!("neighbour-{end}.log"));
    let Place { wan, lan, neighbours, far, .. } = &mut place;
    let mut county = Served::init(far, Family::V4, "county", "盐边县电教馆", log("county"))?;
    county.start()?;
    let mut schools = Vec::new();
    for (end, name) in neighbours.iter().zip(["红格小学", "红格中学"]) {
        let mut school = Served::init(end, Family::V4, "school", name, log(name))?;
        school.start()?;
        school.join(&county, "school")?;
        schools.push(school);
    }
    stop::pause(FIND)?;
    let folder = tempfile::tempdir()?;
    let publish = |number: u64| {
        let file = folder.path().join(format!("{number}.bin"));
        std::fs::write(&file, noise(seed, number, bytes))?;
        anyhow::Ok(served::blobs(&county.add_as(&file, &[])?))
    };

    // The first has it.
    let blobs = publish(1)?;
    schools[0].command(&["subscribe", "--all"])?;
    schools[0].command(&["sync", "--now"])?;
    anyhow::ensure!(arrive(&schools[0], &blobs, PATIENCE)?, "the first school did not get the file");
    wan.become_link(&profile.link, seed);
    lan.become_link(&lan.link().clone(), seed);
    let asked = Instant::now();
    schools[1].command(&["subscribe", "--all"])?;
    schools[1].command(&["sync", "--now"])?;
    let whole = arrive(&schools[1], &blobs, PATIENCE)?;
    let seconds = asked.elapsed().as_secs_f64();
    let part = |log: &Log| log.sums(Duration::ZERO, Duration::MAX, |_| true).bytes as f64 / bytes as f64;
    let (over_line, over_lan) = (part(&wan.log(Way::Down)), part(&lan.log(Way::Down)));
    report.say(&format!("one has it: {over_line:.3} of it over the line, {over_lan:.3} over the LAN, {seconds:.1} s"));
    let kept = if whole { over_line } else { f64::NAN };
    report.figure("neighbour has it", "over the line, part of it", kept, Unit::Part, Goal::AtMost(NO_CONTENT));

    // Both want another.
    wan.become_link(&profile.link, seed);
    lan.become_link(&lan.link().clone(), seed);
    let blobs = publish(2)?;
    let asked = Instant::now();
    let syncs = [schools[0].begin(&["sync", "--now"])?, schools[1].begin(&["sync", "--now"])?];
    let whole = arrive(&schools[0], &blobs, PATIENCE)? && arrive(&schools[1], &blobs, PATIENCE)?;
    let both_s = asked.elapsed().as_secs_f64();
    for mut sync in syncs {
        let _ = sync.wait();
    }
    let lan_both = part(&lan.log(Way::Down)) + part(&lan.log(Way::Up));
    let wan_both = part(&wan.log(Way::Down));
    report.say(&format!("both want it: {wan_both:.3} of it over the line, {lan_both:.3} over the LAN, {both_s:.1} s"));
    let kept = if whole { wan_both } else { f64::NAN };
    report.figure("neighbours want it", "over the line, part of it", kept, Unit::Part, Goal::AtMost(ONE_COPY));
    report.line(&json!({
        "kind": "neighbour", "seed": seed, "bytes": bytes,
        "one_has_it": {"wan": over_line, "lan": over_lan, "seconds": seconds},
        "both_want_it": {"wan": wan_both, "lan": lan_both, "seconds": both_s},
    }))
}
