//! What is known of the links to other nodes, kept across restarts, so that a transfer goes on at the rate it had.
//!
//! A small file among the views: whoever deletes it loses a few round trips. Anything odd in it is passed over.

use std::time::{Duration, SystemTime};

use kapok_net::swarm::Network;
use kapok_net::transport::quic::Path;
use kapok_protocol::identity::NodeId;
use kapok_store::fs::{Mode, write_atomically};
use serde::{Deserialize, Serialize};

use super::app::App;

/// A thousand paths have 150 KB; more is not ours.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// One path, as the file has it.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    node: String,
    bytes_per_second: f64,
    min_rtt_ms: f64,
    /// Unix time in seconds.
    at_s: u64,
}

impl App {
    /// Tells the network what the last run knew.
    pub(super) fn recall_paths(&self, network: &Network) {
        let file = self.home.paths().link_paths();
        let fits = std::fs::metadata(&file).is_ok_and(|found| found.len() <= MAX_FILE_BYTES);
        let Some(bytes) = fits.then(|| std::fs::read(&file).ok()).flatten() else { return };
        match serde_json::from_slice::<Vec<Line>>(&bytes) {
            Ok(lines) => lines.iter().filter_map(known).for_each(|(node, path)| network.remember_path(&node, path)),
            Err(error) => tracing::info!(file = %file.display(), %error, "what was known of links is not readable"),
        }
    }

    /// Keeps what is known by now.
    pub(super) fn keep_paths(&self) {
        let Some(links) = self.links.get() else { return };
        let lines: Vec<_> = links.network().paths().into_iter().map(|(node, path)| line(&node, &path)).collect();
        if lines.is_empty() {
            return;
        }
        let written = serde_json::to_vec(&lines).map_err(std::io::Error::from).and_then(|bytes| {
            write_atomically(&**self.home.fs(), &self.home.paths().link_paths(), &bytes, Mode::CreateNew)
        });
        if let Err(error) = written {
            tracing::debug!(%error, "what is known of links was not kept");
        }
    }
}

fn line(node: &NodeId, path: &Path) -> Line {
    let at = path.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Line {
        node: node.to_string(),
        bytes_per_second: path.delivery_rate,
        min_rtt_ms: path.min_rtt.as_secs_f64() * 1e3,
        at_s: at.as_secs(),
    }
}

fn known(line: &Line) -> Option<(NodeId, Path)> {
    let min_rtt = Duration::try_from_secs_f64(line.min_rtt_ms / 1e3).ok()?;
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(line.at_s))?;
    Some((line.node.parse().ok()?, Path { delivery_rate: line.bytes_per_second, min_rtt, at }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_path_is_read_as_it_was_written() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let path = Path { delivery_rate: 64_000.0, min_rtt: Duration::from_millis(600), at };
        let node = NodeId([7; 32]);
        let text = serde_json::to_string(&[line(&node, &path)]).unwrap();
        let lines: Vec<Line> = serde_json::from_str(&text).unwrap();
        assert_eq!(known(&lines[0]), Some((node, path)));
    }

    #[test]
    fn what_no_path_can_be_is_passed_over() {
        let good = || Line { node: NodeId([7; 32]).to_string(), bytes_per_second: 1.0, min_rtt_ms: 1.0, at_s: 1 };
        assert!(known(&good()).is_some());
        for bad in [
            Line { node: "nobody".into(), ..good() },
            Line { min_rtt_ms: -1.0, ..good() },
            Line { min_rtt_ms: f64::NAN, ..good() },
            Line { min_rtt_ms: 1e300, ..good() },
        ] {
            assert_eq!(known(&bad), None, "{bad:?}");
        }
    }
}
