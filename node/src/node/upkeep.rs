//! Upkeep: what a node looks after every few seconds, whatever else happens.

use std::sync::Arc;

use kapok_http::port::Result;

use super::app::{App, failure, now};

impl App {
    /// Brings the catalogue to the journal's end where it lags, gives the reserve to a full disk, and erases what was
    /// withdrawn.
    pub(super) fn look_after(self: &Arc<Self>) -> Result<()> {
        if self.catalogue.lacks_space() && self.home.free_reserve() {
            tracing::warn!("the disk is full; the reserve of 32 MiB was given up for journals and catalogue");
        }
        if !self.catalogue.is_caught_up() {
            self.catalogue.catch_up().map_err(failure)?;
            // A crash or a full disk may have come between an entry and the head that states it.
            self.catalogue.sign_missing_heads(now()).map_err(failure)?;
        }
        let erased = self.catalogue.erase_withdrawn().map_err(failure)?;
        if erased > 0 {
            tracing::info!(erased, "the text of withdrawn resources has left the journal");
        }
        Ok(())
    }
}
