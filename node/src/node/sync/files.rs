//! The other half of a round: files that are wanted and missing, from the first entry on that names one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kapok_http::port::{Progress, ProgressSender, Result};
use kapok_net::blob::Exchange;
use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::message::Urgency;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::node::app::App;
use crate::node::survey::Missing;

/// How long a round waits for files without any byte coming, before it says what is still missing; most outages of weak
/// radio links are shorter. What is wanted stays wanted, and comes when the link is back.
const STALL: Duration = Duration::from_secs(40);
/// While entries come, what files they name is looked at this often, or less, so that looking takes a tenth of the time.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// How often figures are shown; bytes may come without completing anything.
const STEP: Duration = Duration::from_millis(500);

/// How a round's files come along.
#[derive(Debug)]
struct Course {
    asked: BTreeSet<BlobId>,
    /// Bytes of all that was asked for in this round.
    total_bytes: u64,
    /// What of that is not here, with sizes in bytes.
    left: BTreeMap<BlobId, u64>,
    left_bytes: u64,
    /// What was left, less what has come of it, when something last came, and when that was.
    lacking_bytes: u64,
    moved: Instant,
}

impl App {
    /// Wants everything that is missing, as it becomes known, and waits until the catalogue and all of that is here or
    /// nothing comes any more.
    pub(super) async fn fetch_missing(
        self: &Arc<Self>,
        mut catalogue_is_here: watch::Receiver<bool>,
        progress: &ProgressSender,
    ) -> Result<()> {
        let (Some(exchange), Some(links)) = (self.exchange.get(), self.links.get()) else { return Ok(()) };
        let (mut completions, mut arrivals) = (exchange.completions(), links.arrivals());
        let mut looks = self.rounds.look.subscribe();
        let mut course = Course::new();
        loop {
            // Before looking, so that what comes meanwhile is looked at again.
            let is_all = *catalogue_is_here.borrow_and_update();
            arrivals.mark_unchanged();
            looks.mark_unchanged();
            let looked = Instant::now();
            let missing = self.missing().await?;
            let (here, missing): (Vec<_>, Vec<_>) =
                missing.iter().partition(|m| self.blobs.contains(m.blob).unwrap_or(false));
            // Put here by something else than a transfer; waiting for it would never end.
            here.iter().for_each(|m| self.survey.saw(m.blob));
            let is_open = self.is_line_open();
            let may_fetch = is_open || self.has_neighbours();
            let wanted: Vec<_> = missing.into_iter().filter(|m| m.is_text || may_fetch).collect();
            if wanted.is_empty() && is_all {
                return Ok(());
            }
            course.ask(exchange, &wanted, is_open);
            let next_look = looked + LOOK_INTERVAL.max(10 * looked.elapsed());
            let mut look_at = None;
            let mut steps = tokio::time::interval_at(Instant::now() + STEP, STEP);
            loop {
                tokio::select! {
                    _ = catalogue_is_here.changed(), if !is_all => break,
                    Ok(()) = arrivals.changed(), if look_at.is_none() => look_at = Some(next_look),
                    Ok(()) = looks.changed(), if look_at.is_none() => look_at = Some(next_look),
                    () = tokio::time::sleep_until(look_at.unwrap_or(looked)), if look_at.is_some() => break,
                    completed = completions.recv() => match completed {
                        Ok(blob) => course.came(blob),
                        Err(RecvError::Lagged(_)) => look_at = Some(next_look),
                        Err(RecvError::Closed) => return Ok(()),
                    },
                    _ = steps.tick() => {
                        course.report(exchange, progress);
                        let nobody = links.proven().is_empty();
                        if is_all && (nobody || course.moved.elapsed() > STALL || exchange.is_stuck()) {
                            return Ok(());
                        }
                    }
                }
                if course.left.is_empty() && (is_all || !wanted.is_empty()) {
                    course.report(exchange, progress);
                    break;
                }
            }
        }
    }
}

impl Course {
    fn new() -> Self {
        let (asked, left) = (BTreeSet::new(), BTreeMap::new());
        Self { asked, total_bytes: 0, left, left_bytes: 0, lacking_bytes: 0, moved: Instant::now() }
    }

    /// Asks for what was not asked for yet, in its order among all that is missing.
    fn ask(&mut self, exchange: &Exchange, wanted: &[&Missing], line_is_open: bool) {
        for (rank, m) in (0u64..).zip(wanted) {
            if self.asked.insert(m.blob) {
                // Texts are small, and people search them: they come at any time.
                let urgency = if m.is_text && !line_is_open { Urgency::Interactive } else { Urgency::Bulk };
                exchange.want(m.blob, m.size, m.home, m.base, urgency, rank);
                self.total_bytes += m.size;
                self.moved = Instant::now();
            }
        }
        self.left = wanted.iter().map(|m| (m.blob, m.size)).collect();
        self.left_bytes = self.left.values().sum();
    }

    fn came(&mut self, blob: BlobId) {
        self.left_bytes -= self.left.remove(&blob).unwrap_or(0);
    }

    fn report(&mut self, exchange: &Exchange, progress: &ProgressSender) {
        let partial: u64 = exchange.progress().iter().map(|transfer| transfer.done).sum();
        let lacking_bytes = self.left_bytes.saturating_sub(partial);
        if lacking_bytes != self.lacking_bytes {
            (self.lacking_bytes, self.moved) = (lacking_bytes, Instant::now());
        }
        // In an outage too: then the rate is none, and the time left another.
        let estimator = exchange.flow().estimator;
        progress.report(Progress {
            phase: "blobs".to_owned(),
            done_bytes: self.total_bytes.saturating_sub(lacking_bytes),
            total_bytes: self.total_bytes,
            done_items: self.asked.len().saturating_sub(self.left.len()) as u64,
            total_items: self.asked.len() as u64,
            rate_bps: estimator.rate_bps(),
            seconds_left: estimator.left(lacking_bytes).firm_seconds(),
            ..Progress::default()
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_http::port::SubscribeRequest;
    use kapok_net::link::Links;
    use kapok_net::swarm::{Config, Network};

    use super::*;
    use crate::node::app::AGENT;
    use crate::node::blobs::BlobsOnDisk;
    use crate::node::links::LinkBackend;
    use crate::node::testing::{TestNode, of_paths, until};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_is_asked_for_while_the_rest_of_the_catalogue_is_still_to_come() {
        let node = TestNode::new();
        node.app.subscribe(&SubscribeRequest { all: true, ..SubscribeRequest::default() }).unwrap();
        node.added(&of_paths(&[&node.file("平行四边形.txt", "底乘高")]));
        let app = node.app.clone();
        let secret = app.catalogue.keypair().secret();
        let listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
        let (network, _) =
            Network::start(Config { secret, listen, agent: AGENT.to_owned(), neighbours: false, relay: false })
                .await
                .unwrap();
        let links = Links::start(network, Arc::new(LinkBackend(app.clone())), AGENT.to_owned()).await.unwrap();
        let exchange = Exchange::start(links.clone(), Arc::new(BlobsOnDisk::new(app.clone()))).unwrap();
        assert!(app.links.set(links).is_ok() && app.exchange.set(exchange).is_ok());
        // As if its entry had come from another node.
        let blob = BlobId::of("底乘高".as_bytes());
        std::fs::remove_file(app.blobs.path_of(blob)).unwrap();
        app.survey.saw(blob);

        let (catalogue_is_here, is_here) = watch::channel(false);
        let fetching = {
            let app = app.clone();
            tokio::spawn(async move { app.fetch_missing(is_here, &ProgressSender::silent()).await })
        };
        until("the file is asked for", || app.blobs.partials().unwrap().iter().any(|(id, _)| *id == blob));
        assert!(!fetching.is_finished(), "there may be more");
        catalogue_is_here.send(true).unwrap();
        // Nobody is linked.
        fetching.await.unwrap().unwrap();
    }
}
