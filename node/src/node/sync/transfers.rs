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
    in_window: bool,
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
            in_window,
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
            let state = state(transfer.map(|transfer| transfer.rate_bps), is_stuck, scene.in_window, scene.linked);
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

/// Why a file moves or does not; `rate_bps` is what it comes with, if anybody was asked for it.
fn state(rate_bps: Option<u64>, is_stuck: bool, in_window: bool, linked: bool) -> TransferState {
    match rate_bps {
        Some(rate) if rate > 0 => TransferState::Moving,
        None if !in_window => TransferState::WaitsForWindow,
        _ if is_stuck || !linked => TransferState::WaitsForPeer,
        _ => TransferState::Queued,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_says_for_what() {
        assert_eq!(state(Some(5), false, false, false), TransferState::Moving);
        assert_eq!(state(None, false, false, true), TransferState::WaitsForWindow);
        assert_eq!(state(Some(0), true, true, true), TransferState::WaitsForPeer);
        assert_eq!(state(Some(0), false, true, true), TransferState::Queued, "an outage of some seconds");
        assert_eq!(state(None, false, true, true), TransferState::Queued);
        assert_eq!(state(None, false, true, false), TransferState::WaitsForPeer);
        assert_eq!(state(Some(0), false, false, false), TransferState::WaitsForPeer, "it was asked for");
    }
}
