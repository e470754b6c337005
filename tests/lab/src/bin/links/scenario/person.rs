//! A person opens a file in the middle of a bulk transfer over rural512k: how long until its first byte is there.
//!
//! First as a browser does (`GET /blobs/HEX`), in which the file streams while it arrives. Where a node does not answer
//! that for a file that it does not hold, the file is fetched as `kapok get` does, and the time is that of the whole file
//! less the time that the line takes for it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use kapok_lab::content::{Content, noise};
use kapok_lab::lab::Lab;
use kapok_lab::profile;
use serde_json::json;

use crate::figure::{Goal, Unit};
use crate::row::{Logs, Report};
use crate::served;
use crate::stop;

const PROFILE: &str = "rural512k";
/// More than is sent while this goes on.
const BULK: Content = Content::Mixed { bytes: 8_000_000 };
/// A worksheet.
const FILE_BYTES: usize = 30_000;
/// The bulk transfer has found its rate by then.
const UNDER_WAY: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(120);
/// Beside two round trips.
const MOST: Duration = Duration::from_secs(1);

/// What a browser got.
enum Opened {
    At(Duration),
    Refused(String),
}

pub(super) fn run(seed: u64, _: bool, report: &mut Report) -> anyhow::Result<()> {
    let profile = profile::find(PROFILE).context("the profile of this scenario is gone")?;
    report
        .title(&format!("person, {PROFILE}: a file of {FILE_BYTES} bytes is opened in the middle of a bulk transfer"));
    let mut lab = crate::lab(&profile, seed)?;
    let Lab { wire, near, far, .. } = &mut lab;
    let (giver, taker) = served::pair(far, near, profile.family, |end| report.path(&format!("person-{end}.log")))?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("练习.bin");
    std::fs::write(&file, noise(seed, 99, FILE_BYTES))?;
    let added = giver.add_as(&file, &["--subject", "music"])?;
    let id = added["resources"][0]["id"].as_str().context("the resource has no id")?.to_owned();
    let blob = served::blobs(&added).pop().context("the resource has no file")?;
    // The entry is known; only mathematics are subscribed to.
    taker.command(&["sync", "--now"])?;
    taker.command(&["subscribe", "--subject", "math"])?;
    let bulk = folder.path().join("bulk");
    BULK.write(&bulk, seed)?;
    let epoch = wire.become_link(&profile.link, seed);
    giver.add_as(&bulk, &["--subject", "math"])?;
    let mut sync = taker.begin(&["sync", "--now"])?;
    stop::pause(UNDER_WAY)?;
    let before = Logs::of(wire).down.busy(&profile.link.down, epoch.elapsed() - UNDER_WAY / 3, epoch.elapsed());
    let busy = before.as_secs_f64() / (UNDER_WAY / 3).as_secs_f64();

    let address = taker.node().url().trim_start_matches("http://").to_owned();
    let token = std::fs::read_to_string(taker.home().join("run/token"))?;
    let asked = Instant::now();
    let (first_byte, way) = match taker.inside(|| open(&address, token.trim(), &blob, asked))?? {
        Opened::At(first_byte) => (first_byte, "as a browser"),
        Opened::Refused(status) => {
            report.say(&format!("GET /blobs/HEX is answered with “{status}”; it is fetched as kapok get does"));
            let asked = Instant::now();
            fetch(&taker, &id, folder.path())?;
            let of_file = profile.link.down.transmission(FILE_BYTES);
            (asked.elapsed().saturating_sub(of_file), "with kapok get")
        }
    };
    let still = sync.try_wait()?.is_none();
    let _ = sync.kill();
    let _ = sync.wait();
    let most = profile.link.rtt() * 2 + MOST;
    report.say(&format!(
        "{way}: its first byte after {:.2} s; the line was busy {busy:.2} before{}",
        first_byte.as_secs_f64(),
        if still { "" } else { "; the bulk transfer was over by then" }
    ));
    let goal = Goal::AtMost(most.as_secs_f64());
    report.figure("person", "first byte", first_byte.as_secs_f64(), Unit::Seconds, goal);
    report.figure("person", "line busy with bulk before", busy, Unit::Part, Goal::AtLeast(0.8));
    report.trace("person", &Logs::of(wire))?;
    report.line(&json!({
        "kind": "person", "seed": seed, "way": way, "first_byte_s": first_byte.as_secs_f64(), "busy": busy, "bulk_goes_on": still,
    }))
}

/// Asks for the file on loopback and waits for the first byte of its content.
fn open(address: &str, token: &str, blob: &str, asked: Instant) -> anyhow::Result<Opened> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /blobs/{blob} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )?;
    let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let bytes = stream.read(&mut buffer)?;
        got.extend_from_slice(&buffer[..bytes]);
        let text = String::from_utf8_lossy(&got);
        let status = text.lines().next().unwrap_or_default().to_owned();
        let body = got.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        if body.is_some_and(|body| got.len() > body) || bytes == 0 {
            let is_content = status.contains(" 200 ") || status.contains(" 206 ");
            return Ok(if is_content && bytes > 0 { Opened::At(asked.elapsed()) } else { Opened::Refused(status) });
        }
    }
}

/// `kapok get`, to its end.
fn fetch(taker: &served::Served<'_>, id: &str, folder: &Path) -> anyhow::Result<()> {
    let out = folder.join("got");
    taker.command(&["get", id, "--out", out.to_str().context("the folder's name is no text")?])?;
    Ok(())
}
