//! The clock of time-outs: it never jumps, whatever happens to the time of day.

use std::sync::LazyLock;
use std::time::Instant;

use kapok_protocol::time::Timestamp;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since the first call. For the state machines of this process only; means nothing to anybody else.
pub(crate) fn now() -> Timestamp {
    Timestamp(u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX))
}
