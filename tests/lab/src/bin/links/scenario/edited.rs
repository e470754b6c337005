//! A presentation of 5 MB is known; then one slide is edited, it is saved again and published as the next version.

use kapok_lab::lab::Lab;
use kapok_lab::packet::UDP;
use kapok_lab::pptx::{Saved, presentation};
use kapok_lab::profile;

use anyhow::Context as _;
use std::time::Instant;

use crate::figure::{Goal, Unit};
use crate::kapok::{Sync, arrive, verified_bytes};
use crate::row::{Logs, Report};
use crate::served;

const PROFILE: &str = "rural2m";
/// What an edited slide may cost, as a part of the file.
const MOST: f64 = 0.08;

pub(super) fn run(seed: u64, _: bool, report: &mut Report) -> anyhow::Result<()> {
    let profile = profile::find(PROFILE).context("the profile of this scenario is gone")?;
    let [once, again] = [presentation(seed, Saved::Once)?, presentation(seed, Saved::Again)?];
    report.title(&format!("edited, {PROFILE}: a presentation of {} bytes, one slide of it edited", again.len()));
    let mut lab = crate::lab(&profile, seed)?;
    let Lab { wire, near, far, .. } = &mut lab;
    let (giver, mut taker) = served::pair(far, near, profile.family, |end| report.path(&format!("edited-{end}.log")))?;
    taker.command(&["subscribe", "--all"])?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("平行四边形的面积.pptx");
    std::fs::write(&file, &once)?;
    let added = giver.add_as(&file, &[])?;
    let id = added["resources"][0]["id"].as_str().context("the resource has no id")?.to_owned();
    taker.command(&["sync", "--now"])?;
    anyhow::ensure!(
        arrive(&taker, &served::blobs(&added), crate::patience(&profile))?,
        "the first version did not come"
    );
    taker.stop()?;
    std::fs::write(&file, &again)?;
    let blobs = served::blobs(&giver.add_as(&file, &["--replaces", &id])?);
    let epoch = wire.become_link(&profile.link, seed);
    taker.start()?;
    let asked = Instant::now();
    let sync = Sync::begin(&taker)?;
    let is_whole = arrive(&taker, &blobs, crate::patience(&profile))?;
    let ended = Instant::now();
    let logs = Logs::of(wire);
    let port = giver.port();
    let mut measured = logs.read(wire.link(), asked - epoch, ended - epoch, |flow| flow.is_of(UDP, port));
    measured.content_bytes = verified_bytes(&taker, &blobs);
    measured.note("sync", sync.end(asked));
    let bytes: u64 = logs.both(port).map(|packet| u64::from(packet.bytes)).sum();
    let part = bytes as f64 / again.len() as f64;
    report.say(&format!(
        "{bytes} IP bytes both ways, handshake included: {:.1} % of it, in {:.1} s{}",
        part * 100.0,
        (ended - asked).as_secs_f64(),
        if is_whole { "" } else { "; GIVEN UP" }
    ));
    let part = if is_whole && measured.content_bytes == again.len() as u64 { part } else { f64::NAN };
    report.figure("edited", "IP bytes, part of its size", part, Unit::Part, Goal::AtMost(MOST));
    report.trace("edited", &logs)?;
    report.line(
        &serde_json::json!({"kind": "edited", "seed": seed, "size": again.len(), "bytes": bytes, "measured": measured}),
    )
}
