//! What is on its way or waits, as people see it.
//!
//! However much is wanted, this looks at what has begun and at the head of the queue; the rest is counted.

use std::collections::BTreeMap;

use jiff::ZonedDateTime;
use kapok_http::port::{self, Pending, Result, TransferState, Transfers, Viewer};
use kapok_net::blob::{Flow, Transfer};
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::NodeId;

use super::expected::Expected;
use crate::catalogue::{Found, Reading};
use crate::node::app::{App, rfc3339};
use crate::node::facts;
use crate::node::survey::Missing;
use crate::settings::Window;

/// Files of which is looked up what they belong to, in one call: a viewer who may see few of those at the head of the
/// queue is told of fewer.
const LOOKED_UP: usize = 4 * Transfers::MAX_LISTED;

/// How things are while the list is made.
struct Scene<'a> {
    reading: &'a Reading<'a>,
    viewer: &'a Viewer,
    flow: &'a Flow,
    expected: Expected<'a>,
    line_is_open: bool,
    linked: bool,
}

impl App {
    pub(in crate::node) fn transfers(&self, viewer: &Viewer) -> Result<Transfers> {
        let exchange = self.exchange.get();
        let (moving, flow) = exchange.map(|exchange| (exchange.progress(), exchange.flow())).unwrap_or_default();
        let (running, last_at) = self.rounds.progress();
        // A survey that takes longer is shown by the next look at the page.
        let (missing, pending) = match self.survey_soon() {
            Some(mut surveyed) => (surveyed.figures.missing(), surveyed.figures.pending()),
            None => Default::default(),
        };
        let (window, now) = (self.settings().sync_window(), ZonedDateTime::now());
        let in_window = window.is_none_or(|window| window.is_open_now());
        let rate_bps = flow.estimator.rate_bps();
        let reading = self.reading()?;
        let scene = Scene {
            reading: &reading,
            viewer,
            flow: &flow,
            // What moves while the window is shut was asked for.
            expected: Expected::new(&flow, window, !in_window && rate_bps > 0, now.clone()),
            line_is_open: self.is_line_open(),
            linked: self.links.get().is_some_and(|links| !links.proven().is_empty()),
        };
        let mut list = Self::listed(&scene, &moving, &missing, pending);
        list.rate_bps = rate_bps;
        list.window = window.map(|window| shown(&window, in_window, &now));
        (list.last_round, list.running) = (last_at.map(rfc3339), running);
        Ok(list)
    }

    fn listed(scene: &Scene<'_>, moving: &[Transfer], missing: &[Missing], pending: Pending) -> Transfers {
        let mut begun: BTreeMap<BlobId, &Transfer> = moving.iter().map(|transfer| (transfer.blob, transfer)).collect();
        let mut list = Transfers { pending, ..Transfers::default() };
        let (mut queued, mut waiting) = (Vec::new(), Vec::new());
        // Bytes of the queue up to here, and of what nobody gives.
        let (mut ahead, mut out_of_reach, mut partial, mut looked_up) = (0u64, 0u64, 0u64, 0);
        for transfer in moving.iter().filter(|transfer| transfer.asked_for) {
            ahead += transfer.size - transfer.done;
        }
        for m in missing {
            let room = looked_up < LOOKED_UP && queued.len() + waiting.len() < Transfers::MAX_LISTED;
            if !room && begun.is_empty() && scene.flow.stuck.is_empty() {
                break;
            }
            let transfer = begun.remove(&m.blob);
            let is_stuck = scene.flow.stuck.contains(&m.blob);
            let done = transfer.map_or(0, |transfer| transfer.done);
            partial += done;
            match is_stuck {
                true => out_of_reach += m.size.saturating_sub(done),
                false if transfer.is_some_and(|transfer| transfer.asked_for) => {}
                false => ahead += m.size.saturating_sub(done),
            }
            if m.is_text || (!room && transfer.is_none()) {
                continue;
            }
            looked_up += 1;
            let found = m.resource.parse().ok().and_then(|id| scene.reading.resource(&id).ok().flatten());
            let Some(found) = found.filter(|found| scene.sees(found)) else { continue };
            let may_come = scene.line_is_open || transfer.is_some_and(|transfer| transfer.asked_for);
            let state = state(transfer.map(|transfer| transfer.rate_bps), is_stuck, may_come, scene.linked);
            let mut row = scene.row(&found, m.blob, &m.name, m.size, m.home, transfer, state);
            if state != TransferState::WaitsForPeer {
                row.expected = scene.expected.after(ahead).firm().map(str::to_owned);
            }
            match state {
                TransferState::Moving => list.transfers.push(row),
                TransferState::WaitsForPeer => waiting.push(row),
                _ => queued.push(row),
            }
        }
        // What people have asked for, and what comes for others, is not missing here by a subscription.
        let asked: Vec<_> = begun.into_values().filter_map(|transfer| scene.asked_for(transfer)).collect();
        let asked_left: u64 = asked.iter().map(|row| row.size - row.done).sum();
        for row in &asked {
            list.pending.blobs += 1;
            list.pending.bytes += row.size;
            partial += row.done;
        }
        list.transfers.splice(0..0, asked);
        list.transfers.extend(queued);
        list.transfers.extend(waiting);
        list.transfers.truncate(Transfers::MAX_LISTED);
        list.unlisted = list.pending.blobs.saturating_sub(list.transfers.len() as u64);
        list.pending.bytes = list.pending.bytes.saturating_sub(partial);
        list.done = scene.flow.bytes_come;
        let left = list.pending.bytes.saturating_sub(out_of_reach).max(asked_left);
        if left > 0 && scene.linked {
            list.estimate = scene.expected.after(left);
        }
        list
    }
}

impl Scene<'_> {
    fn sees(&self, found: &Found) -> bool {
        self.viewer.sees(facts::visibility(found.visibility))
    }

    #[allow(clippy::too_many_arguments, reason = "the facts of one row, from three places")]
    fn row(
        &self,
        found: &Found,
        blob: BlobId,
        name: &str,
        size: u64,
        home: NodeId,
        transfer: Option<&Transfer>,
        state: TransferState,
    ) -> port::Transfer {
        let from: Vec<NodeId> = match transfer.map(|transfer| &transfer.from) {
            Some(from) if !from.is_empty() => from.iter().copied().collect(),
            _ => vec![home],
        };
        let names = from.iter().map(|id| App::named(self.reading, id).0);
        port::Transfer {
            blob: blob.to_string(),
            resource: found.id.to_string(),
            title: found.resource.title.clone(),
            kind: Some(found.resource.kind.clone()).filter(|kind| !kind.is_empty()),
            name: name.to_owned(),
            size,
            done: transfer.map_or(0, |transfer| transfer.done),
            state,
            from: names.filter(|name| !name.is_empty()).collect(),
            rate_bps: transfer.map_or(0, |transfer| transfer.rate_bps),
            expected: None,
            asked_for: transfer.is_some_and(|transfer| transfer.asked_for),
        }
    }

    /// A file that is on its way without being missing by a subscription.
    fn asked_for(&self, transfer: &Transfer) -> Option<port::Transfer> {
        let uses = self.reading.uses(&transfer.blob).ok()?;
        let used = uses.iter().find(|used| !used.is_text)?;
        let found = self.reading.resource(&used.resource).ok().flatten().filter(|found| self.sees(found))?;
        let file = found.resource.files.iter().find(|file| file.blob == transfer.blob)?;
        let is_stuck = self.flow.stuck.contains(&transfer.blob);
        // No window holds it up.
        let state = state(Some(transfer.rate_bps), is_stuck, true, self.linked);
        let home = found.key.author;
        let mut row = self.row(&found, transfer.blob, &file.name, transfer.size, home, Some(transfer), state);
        if state != TransferState::WaitsForPeer {
            row.expected = self.expected.after(transfer.size - transfer.done).firm().map(str::to_owned);
        }
        Some(row)
    }
}

fn shown(window: &Window, is_open: bool, now: &ZonedDateTime) -> port::Window {
    let (opens, closes) = window.span(now).unzip();
    let text =
        |at: Option<ZonedDateTime>| at.and_then(|at| jiff::Timestamp::from_second(at.timestamp().as_second()).ok());
    port::Window {
        hours: window.to_string(),
        is_open,
        opens: text(opens).map(|at| at.to_string()),
        closes: text(closes).map(|at| at.to_string()),
    }
}

/// Why a file moves or does not; `rate_bps` is what it comes with, if anybody was asked for it; `may_come`: over the line.
fn state(rate_bps: Option<u64>, is_stuck: bool, may_come: bool, linked: bool) -> TransferState {
    match rate_bps {
        Some(rate) if rate > 0 => TransferState::Moving,
        _ if is_stuck => TransferState::WaitsForPeer,
        _ if !may_come => TransferState::WaitsForWindow,
        _ if !linked => TransferState::WaitsForPeer,
        _ => TransferState::Queued,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeSet;
    use std::sync::Arc;

    use kapok_protocol::blob::estimate::{Condition, Estimator};
    use kapok_protocol::time::Timestamp;

    use super::*;
    use crate::node::testing::{TestNode, of_paths};

    const FILE_BYTES: u64 = 1_000_000;
    const FILES: u64 = 100_000;

    #[test]
    fn what_waits_says_for_what() {
        assert_eq!(state(Some(5), false, false, false), TransferState::Moving);
        assert_eq!(state(None, false, false, true), TransferState::WaitsForWindow);
        assert_eq!(state(Some(0), true, true, true), TransferState::WaitsForPeer);
        assert_eq!(state(Some(0), false, true, true), TransferState::Queued, "an outage of some seconds");
        assert_eq!(state(None, false, true, true), TransferState::Queued);
        assert_eq!(state(None, false, true, false), TransferState::WaitsForPeer);
        assert_eq!(state(Some(0), false, false, true), TransferState::WaitsForWindow, "it had begun");
    }

    /// A node that wants very many files, over a line that has given 250 KB/s for a quarter of an hour.
    struct Long {
        node: TestNode,
        missing: Vec<Missing>,
        flow: Flow,
    }

    impl Long {
        fn new() -> Self {
            let node = TestNode::new();
            let resource = node.added(&of_paths(&[&node.file("平行四边形.txt", "底乘高")])).id;
            let home = node.app.catalogue.id();
            let missing = (0..FILES).map(|number| Missing {
                blob: BlobId::of(&number.to_le_bytes()),
                size: FILE_BYTES,
                home,
                base: None,
                name: format!("{number}.mp4"),
                resource: resource.clone(),
                is_text: false,
                time: Timestamp(0),
            });
            let mut estimator = Estimator::new();
            for second in 0..=900 {
                estimator.observe(Timestamp(1000 * second), 250_000 * second, Condition::Wanting);
            }
            Self { missing: missing.collect(), flow: Flow { estimator, ..Flow::default() }, node }
        }

        fn listed(&self, moving: &[Transfer], viewer: &Viewer, line_is_open: bool) -> Transfers {
            let reading = self.node.app.reading().unwrap();
            let now = "2026-11-25T23:00:00+08:00[Asia/Shanghai]".parse().unwrap();
            let expected = Expected::new(&self.flow, None, false, now);
            let scene = Scene { reading: &reading, viewer, flow: &self.flow, expected, line_is_open, linked: true };
            App::listed(&scene, moving, &self.missing, Pending { blobs: FILES, bytes: FILES * FILE_BYTES })
        }

        fn moving(&self, place: usize, done: u64, rate_bps: u64) -> Transfer {
            let from = BTreeSet::from([self.node.app.catalogue.id()]);
            Transfer { blob: self.missing[place].blob, size: FILE_BYTES, done, rate_bps, from, asked_for: false }
        }
    }

    #[test]
    fn of_a_hundred_thousand_files_the_first_are_listed_and_the_rest_is_counted() {
        let long = Long::new();
        let moving = [long.moving(0, 500_000, 200_000), long.moving(50_000, 250_000, 50_000)];
        let list = long.listed(&moving, &Viewer::Owner, true);
        assert_eq!(list.transfers.len(), Transfers::MAX_LISTED);
        assert_eq!(list.unlisted, FILES - Transfers::MAX_LISTED as u64);
        let row = |row: usize| (list.transfers[row].name.as_str(), list.transfers[row].state);
        assert_eq!([row(0), row(1)], [("0.mp4", TransferState::Moving), ("50000.mp4", TransferState::Moving)]);
        assert_eq!(row(2), ("1.mp4", TransferState::Queued));
        assert_eq!(list.pending.bytes, FILES * FILE_BYTES - 750_000);
        // 2 seconds for the rest of the first, 4 for each that follows.
        assert_eq!(list.transfers[0].expected.as_deref(), Some("2026-11-25T15:00:02Z"));
        assert_eq!(list.transfers[2].expected.as_deref(), Some("2026-11-25T15:00:06Z"));
        assert_eq!(list.estimate.firm(), Some("2026-11-30T06:06:37Z"), "400,000 seconds less what has come");
    }

    #[test]
    fn what_waits_for_the_night_and_what_for_a_node_stands_apart() {
        let mut long = Long::new();
        long.flow.stuck = Arc::new(BTreeSet::from([long.missing[1].blob]));
        let by_day = long.listed(&[long.moving(1, 0, 0)], &Viewer::Owner, false);
        let of = |name: &str| by_day.transfers.iter().find(|transfer| transfer.name == name).unwrap();
        assert_eq!(of("0.mp4").state, TransferState::WaitsForWindow);
        assert!(of("0.mp4").expected.is_some());
        assert_eq!((of("1.mp4").state, &of("1.mp4").expected), (TransferState::WaitsForPeer, &None));
        let total = by_day.estimate.firm().unwrap();
        assert!(total < "2026-11-30T06:06:40Z", "what nobody gives is not waited for: {total}");
    }

    #[test]
    fn who_may_not_see_a_resource_is_told_of_none_of_its_files() {
        let node = TestNode::new();
        let mut request = of_paths(&[&node.file("校内.txt", "校内")]);
        request.visibility = Some(port::Visibility::School);
        let resource = node.added(&request).id;
        let mut long = Long::new();
        long.node = node;
        long.missing.iter_mut().for_each(|m| m.resource.clone_from(&resource));
        assert!(long.listed(&[], &Viewer::Lan, true).transfers.is_empty());
        assert_eq!(long.listed(&[], &Viewer::Owner, true).transfers.len(), Transfers::MAX_LISTED);
    }
}
