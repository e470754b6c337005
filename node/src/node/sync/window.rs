//! The night window: when files that nobody waits for may come over the line.
//!
//! Outside it the line belongs to people: what they open still comes, and so does what costs nothing, from neighbours. A
//! person's `sync --now` opens it for as long as that round lasts.

use std::sync::Arc;
use std::time::Duration;

use kapok_net::swarm::LinkKind;
use kapok_protocol::blob::download::Allowance;

use crate::node::app::App;

/// How soon the line follows the clock, and a change of the settings.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

impl App {
    /// Whether bulk may come over the line now.
    pub(in crate::node) fn is_line_open(&self) -> bool {
        self.rounds.is_ordered() || self.settings().sync_window().is_none_or(|window| window.is_open_now())
    }

    /// Whether anybody on the local network is linked, from whom bulk may come at any time.
    pub(super) fn has_neighbours(&self) -> bool {
        let links = self.links.get();
        links.is_some_and(|links| links.proven().iter().any(|peer| links.kind(&peer.id) == LinkKind::Lan))
    }

    /// Opens and shuts the line for bulk as the clock and people say.
    pub(in crate::node) async fn keep_window(self: Arc<Self>) {
        let mut was_open = true;
        loop {
            let is_open = self.is_line_open();
            if is_open != was_open
                && let Some(exchange) = self.exchange.get()
            {
                exchange.allow(if is_open { Allowance::Everything } else { Allowance::InteractiveOnly });
                tracing::info!(is_open, "window for files");
                was_open = is_open;
                if is_open {
                    // What is missing is wanted now, not at the next interval.
                    self.rounds.announce();
                }
            }
            tokio::select! {
                () = self.rounds.ordered.notified() => {}
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
        }
    }
}
