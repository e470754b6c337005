//! What is known of the links to other nodes, kept across restarts: who starts to send again begins where the last
//! connection was, instead of finding out anew what the link carries.
//!
//! One small text file among the views, which may be deleted like those: a line with the hash of what follows, then a
//! line a node: id, bytes a second, round trip in microseconds, seconds since 1970. What is damaged, or is no such file,
//! counts as nothing. How old knowledge may be, and how much of it is believed, is `kapok_net`'s to say.

use std::fmt::Write as _;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use kapok_net::swarm::{Network, Path};
use kapok_protocol::identity::NodeId;
use kapok_store::fs::{Mode, RealFs, read_small, write_atomically};

use super::app::App;

/// What a power cut may cost of it. The file is written only when something has changed.
const SAVE_INTERVAL: Duration = Duration::from_secs(300);

/// A line has about 100 bytes, and the network remembers 1024 nodes.
const MAX_FILE_BYTES: usize = 256 * 1024;

impl App {
    /// Tells the network at which rate it may send.
    pub(super) fn apply_rates(&self) {
        if let Some(links) = self.links.get() {
            links.network().set_rate_limit(self.settings().rate_up());
        }
    }

    /// Saves what is known of the links, now and then.
    pub(super) async fn keep_paths(self: Arc<Self>) {
        let mut saved = self.links.get().map(|links| links.network().paths());
        loop {
            tokio::time::sleep(SAVE_INTERVAL).await;
            let known = self.links.get().map(|links| links.network().paths());
            if known != saved {
                let app = self.clone();
                let _ = tokio::task::spawn_blocking(move || app.save_paths()).await;
                saved = known;
            }
        }
    }

    /// Saves what is known of the links. That it cannot be done costs a slow start, and is no more than noted.
    pub(super) fn save_paths(&self) {
        let Some(links) = self.links.get() else { return };
        save(&self.home.paths().links(), &links.network().paths());
    }
}

/// Gives the network what an earlier run knew.
pub(super) fn load(file: &FilePath, network: &Network) {
    let Ok(bytes) = read_small(&RealFs, file, MAX_FILE_BYTES) else { return };
    let paths = std::str::from_utf8(&bytes).ok().and_then(read);
    if paths.is_none() {
        tracing::info!(file = %file.display(), "what was known of the links is damaged, and found out anew");
    }
    for (node, path) in paths.into_iter().flatten() {
        network.remember_path(node, path);
    }
}

fn save(file: &FilePath, paths: &[(NodeId, Path)]) {
    if let Err(error) = write_atomically(&RealFs, file, written(paths).as_bytes(), Mode::CreateNew) {
        tracing::info!(%error, file = %file.display(), "what is known of the links was not saved");
    }
}

fn written(paths: &[(NodeId, Path)]) -> String {
    let mut lines = String::new();
    for (node, path) in paths {
        let at = path.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // Writing to a text cannot fail.
        let _ = writeln!(lines, "{node} {:.0} {} {at}", path.delivery_rate, path.min_rtt.as_micros());
    }
    format!("{}\n{lines}", blake3::hash(lines.as_bytes()))
}

/// `None` where a byte differs from what was written.
fn read(text: &str) -> Option<Vec<(NodeId, Path)>> {
    let (hash, lines) = text.split_once('\n')?;
    let intact = blake3::Hash::from_hex(hash).ok()? == blake3::hash(lines.as_bytes());
    intact.then(|| lines.lines().map(line).collect())?
}

fn line(line: &str) -> Option<(NodeId, Path)> {
    let mut words = line.split(' ');
    let node = words.next()?.parse().ok()?;
    let delivery_rate = words.next()?.parse().ok()?;
    let min_rtt = Duration::from_micros(words.next()?.parse().ok()?);
    let at = UNIX_EPOCH.checked_add(Duration::from_secs(words.next()?.parse().ok()?))?;
    words.next().is_none().then_some((node, Path { delivery_rate, min_rtt, at }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_net::swarm::Config;
    use kapok_protocol::identity::Keypair;

    use super::*;

    fn known() -> Vec<(NodeId, Path)> {
        let path = |rtt_ms, at_s| Path {
            delivery_rate: 125_000.0,
            min_rtt: Duration::from_millis(rtt_ms),
            at: UNIX_EPOCH + Duration::from_secs(at_s),
        };
        let node = |number| Keypair::from_secret(&[number; 32]).id();
        vec![(node(2), path(600, 1_800_000_000)), (node(3), path(80, 1_700_000_000))]
    }

    async fn network() -> Network {
        let config = Config { secret: [1; 32], listen: vec![], agent: "kapok-test/1".into(), neighbours: false };
        Network::start(config).await.unwrap().0
    }

    async fn known_after_a_restart(file: &FilePath) -> Vec<(NodeId, Path)> {
        let network = network().await;
        load(file, &network);
        let mut paths = network.paths();
        paths.sort_by_key(|(_, path)| std::cmp::Reverse(path.at));
        paths
    }

    #[tokio::test]
    async fn what_was_known_of_links_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("links");
        assert_eq!(known_after_a_restart(&file).await, vec![]);
        // Twice: the second replaces the first.
        save(&file, &known()[..1]);
        save(&file, &known());
        assert_eq!(known_after_a_restart(&file).await, known());
    }

    #[tokio::test]
    async fn a_damaged_file_counts_as_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("links");
        let good = written(&known());
        let flipped = good.replacen("125000", "925000", 1);
        let torn = good[..good.len() - 20].to_owned();
        for text in [flipped, torn, String::new(), "kapok".into(), "\u{0}".repeat(10)] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(known_after_a_restart(&file).await, vec![]);
        }
        std::fs::write(&file, "x".repeat(MAX_FILE_BYTES + 1)).unwrap();
        assert_eq!(known_after_a_restart(&file).await, vec![]);
    }
}
