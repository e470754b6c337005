//! What a disk has spoilt is found by the person who opens it. The blob goes to quarantine, no longer counts as held, and
//! is wanted again from others ([`App::want_again`]).

use std::sync::Arc;

use kapok_http::port::Failure;
use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::message::Urgency;
use kapok_store::blobs::{BlobError, Verdict};

use super::{TITLE, size_of};
use crate::node::app::{App, blob_failure};

impl App {
    /// A blob is in quarantine: it is wanted again, and this is what to tell whoever opened it.
    pub(in crate::node) fn damaged(&self, blob: BlobId) -> Failure {
        const DETAIL: &str = "it was damaged on this node's disk, and is kept apart in quarantine";
        self.want_again(blob);
        if self.links.get().is_some_and(|links| !links.proven().is_empty()) {
            Failure::unavailable(TITLE, format!("{DETAIL}; it is being fetched from others"))
                .remedy("try again in a moment; have the disk checked")
        } else {
            Failure::unavailable(TITLE, format!("{DETAIL}; no other node can be reached now to fetch it from"))
                .remedy("it comes again when another node that has it can be reached; have the disk checked")
        }
    }

    /// Why a file that is here cannot be read.
    pub(super) fn unreadable(&self, blob: BlobId, error: &BlobError) -> Failure {
        match error {
            BlobError::Damaged(_) => self.damaged(blob),
            other => blob_failure(TITLE, other),
        }
    }

    /// Wants a blob that is in quarantine, if anything still names it.
    pub(in crate::node) fn want_again(&self, blob: BlobId) {
        self.survey.saw(blob);
        self.rounds.recount();
        let Ok(Some(found)) = self.using(blob, |_| true) else { return };
        if let (Some(exchange), Some(size)) = (self.exchange.get(), size_of(&found, blob)) {
            exchange.want(blob, size, found.key.author, None, Urgency::Interactive, 0);
            self.rounds.call_now();
        }
    }

    /// Reads a blob through that is too large to be read before it is given out.
    pub(super) fn check_meanwhile(self: &Arc<Self>, blob: BlobId) {
        let app = self.clone();
        tokio::task::spawn_blocking(move || match app.blobs.verify_once(blob) {
            Ok(Some(Verdict::Damaged)) => app.want_again(blob),
            Ok(_) => {}
            Err(error) => tracing::warn!(%blob, %error, "a file that was opened could not be checked"),
        });
    }
}
