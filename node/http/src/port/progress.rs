//! How far a long operation is: steps on their way to a bar on somebody's screen.

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::ToSchema;

/// Steps that wait to be shown. A reader slower than this loses steps, never the result: each step has whole figures.
const QUEUE_STEPS: usize = 64;

/// One step. All figures are totals so far, so that a lost step does no harm.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// What is being done: `hash`, `entries`, `blobs`, `publish`, …
    pub phase: String,
    /// The file or peer that the figures are about; empty for the whole.
    pub name: String,
    pub done_bytes: u64,
    /// 0 where it is not known yet.
    pub total_bytes: u64,
    pub done_items: u64,
    pub total_items: u64,
    /// Bytes a second, lately.
    pub rate_bps: u64,
    /// How long the rest takes; none before that can be relied on.
    #[serde(default)]
    pub seconds_left: Option<u64>,
}

/// Where a use case reports; silent where nobody listens.
#[derive(Clone, Debug)]
pub struct ProgressSender(Option<mpsc::Sender<Progress>>);

/// The other end.
pub type ProgressReceiver = mpsc::Receiver<Progress>;

impl ProgressSender {
    /// For callers that do not show progress.
    #[must_use]
    pub fn silent() -> Self {
        Self(None)
    }

    #[must_use]
    pub fn channel() -> (Self, ProgressReceiver) {
        let (sender, receiver) = mpsc::channel(QUEUE_STEPS);
        (Self(Some(sender)), receiver)
    }

    /// Reports a step. Never waits.
    pub fn report(&self, step: Progress) {
        if let Some(sender) = &self.0 {
            // A full queue drops the step: the next one has newer totals.
            let _ = sender.try_send(step);
        }
    }

    /// Whether somebody still listens. A use case that goes on anyway need not look.
    #[must_use]
    pub fn is_heard(&self) -> bool {
        self.0.as_ref().is_some_and(|sender| !sender.is_closed())
    }
}
