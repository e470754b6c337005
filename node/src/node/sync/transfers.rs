//! What is on its way or waits, as people see it.

use kapok_http::port::{Result, Transfer, TransferState, Transfers, Viewer};

use crate::node::app::{App, now, rfc3339};
use crate::node::facts;

impl App {
    pub(in crate::node) fn transfers(&self, viewer: &Viewer) -> Result<Transfers> {
        let moving = self.exchange.get().map(kapok_net::blob::Exchange::progress).unwrap_or_default();
        let (running, last_at) = self.rounds.progress();
        // A survey that takes longer is shown by the next look at the page.
        let (missing, pending) = match self.survey_soon() {
            Some(mut surveyed) => (surveyed.figures.missing(), surveyed.figures.pending()),
            None => Default::default(),
        };
        let linked = self.links.get().is_some_and(|links| !links.proven().is_empty());
        let in_window = self.settings().sync_window().is_none_or(|window| window.is_open_now());
        let reading = self.reading()?;
        let mut transfers = Vec::new();
        for m in missing.iter().filter(|m| !m.is_text) {
            let found = m.resource.parse().ok().and_then(|id| reading.resource(&id).ok().flatten());
            let Some(found) = found.filter(|found| viewer.sees(facts::visibility(found.visibility))) else { continue };
            let on_its_way = moving.iter().find(|transfer| transfer.blob == m.blob);
            let state = state(on_its_way.map(|transfer| transfer.rate_bps), in_window, linked);
            let rate_bps = on_its_way.map_or(0, |transfer| transfer.rate_bps);
            let done = on_its_way.map_or(0, |transfer| transfer.done);
            let expected = (rate_bps > 0).then(|| {
                let seconds = m.size.saturating_sub(done) / rate_bps.max(1);
                rfc3339(now().plus_millis(seconds.saturating_mul(1000)))
            });
            let from = on_its_way.map_or_else(|| vec![m.home], |transfer| transfer.from.clone());
            transfers.push(Transfer {
                blob: m.blob.to_string(),
                resource: m.resource.clone(),
                title: found.resource.title,
                name: m.name.clone(),
                size: m.size,
                done,
                state,
                from: from.iter().map(|id| Self::named(&reading, id).0).collect(),
                rate_bps,
                expected,
                asked_for: false,
            });
        }
        Ok(Transfers { transfers, pending, last_round: last_at.map(rfc3339), running })
    }
}

/// Why a file moves or does not; `rate_bps` is what it comes with, if anybody was asked for it.
fn state(rate_bps: Option<u64>, in_window: bool, linked: bool) -> TransferState {
    match rate_bps {
        Some(rate) if rate > 0 => TransferState::Moving,
        _ if !in_window => TransferState::WaitsForWindow,
        _ if !linked => TransferState::WaitsForPeer,
        Some(_) => TransferState::Queued,
        None => TransferState::WaitsForPeer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_says_for_what() {
        assert_eq!(state(Some(5), false, false), TransferState::Moving);
        assert_eq!(state(None, false, true), TransferState::WaitsForWindow);
        assert_eq!(state(Some(0), true, false), TransferState::WaitsForPeer);
        assert_eq!(state(Some(0), true, true), TransferState::Queued);
        assert_eq!(state(None, true, true), TransferState::WaitsForPeer);
    }
}
