//! The curve of a sending node's controller, drawn from the trace in its log.
//!
//! The node notes a point at most ten times a second for each connection, so that the trace costs nothing. Its time is
//! that of the log's line: a connection's own clock begins anew after each break.

// The same drawing as `cargo run -p kapok-net --example curve`.
#[path = "../../../../../node/net/src/transport/quic/congestion/curve.rs"]
mod drawing;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use drawing::Point;

/// What the log's lines of it are about.
const TARGET: &str = "kapok::path";

/// A node's log, from here on.
#[derive(Debug)]
pub(crate) struct Trace {
    log: PathBuf,
    from: u64,
    began: Timestamp,
}

impl Trace {
    /// Of what is logged from now on.
    pub(crate) fn begin(log: &Path) -> Self {
        let from = std::fs::metadata(log).map_or(0, |metadata| metadata.len());
        Self { log: log.to_owned(), from, began: Timestamp::now() }
    }

    /// Draws what was noted since into `target`; how many points that were. Nothing is drawn of none.
    pub(crate) fn draw(&self, title: &str, target: &Path) -> anyhow::Result<usize> {
        let mut log = File::open(&self.log)?;
        log.seek(SeekFrom::Start(self.from))?;
        let lines = BufReader::new(log).lines().map_while(Result::ok);
        let points: Vec<Point> = lines.filter_map(|line| self.point(&line)).collect();
        if !points.is_empty() {
            std::fs::write(target, drawing::draw(title, &points))?;
        }
        Ok(points.len())
    }

    fn point(&self, line: &str) -> Option<Point> {
        if !line.contains(TARGET) {
            return None;
        }
        let point = drawing::parse(line)?;
        let logged: Timestamp = line.split_whitespace().next()?.parse().ok()?;
        let at = logged.duration_since(self.began).as_secs_f64();
        Some(Point { at: at.max(0.0), ..point })
    }
}
