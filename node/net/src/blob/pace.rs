//! How much of content goes into one frame: what the line to the peer takes in a moment.
//!
//! A writer waits while the line is busy (`transport/quic` lets half a second's worth wait behind it, no more), so the time
//! that a frame takes to be written shows the rate.

use std::time::Duration;

use kapok_protocol::blob::message::{FRAME_DATA_BYTES, MIN_FRAME_DATA_BYTES};

/// A frame that takes longer is too large: what a person waits for comes after it.
const LONGEST: Duration = Duration::from_millis(150);
/// One that takes less may be larger: fewer turns, fewer reads.
const SHORTEST: Duration = Duration::from_millis(40);

/// The size of frames for one peer.
#[derive(Debug)]
pub(super) struct Pace {
    frame_bytes: usize,
}

impl Pace {
    /// Begins in the middle: a quarter of a second at 512 kbit/s.
    pub(super) fn new() -> Self {
        Self { frame_bytes: 2 * MIN_FRAME_DATA_BYTES }
    }

    /// A frame with so much content took so long to be written. Returns the size for the next ones.
    pub(super) fn wrote(&mut self, content_bytes: usize, took: Duration) -> usize {
        if took > LONGEST {
            self.frame_bytes = (self.frame_bytes / 2).max(MIN_FRAME_DATA_BYTES);
        } else if took < SHORTEST && content_bytes >= self.frame_bytes {
            self.frame_bytes = (self.frame_bytes * 2).min(FRAME_DATA_BYTES);
        }
        self.frame_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames as large as the pace says, over a line of so many bytes a second.
    fn settles_at(bytes_per_second: f64) -> usize {
        let mut pace = Pace::new();
        let mut size = 0;
        for _ in 0..20 {
            size = pace.frame_bytes;
            pace.wrote(size, Duration::from_secs_f64(size as f64 / bytes_per_second));
        }
        size
    }

    #[test]
    fn frames_are_as_long_as_the_line_is_fast() {
        assert_eq!(settles_at(8e3), 8 * 1024);
        assert_eq!(settles_at(64e3), 8 * 1024);
        assert_eq!(settles_at(250e3), 16 * 1024);
        assert_eq!(settles_at(1.25e6), 64 * 1024);
    }

    #[test]
    fn small_files_say_nothing_of_the_line() {
        let mut pace = Pace::new();
        for _ in 0..20 {
            assert_eq!(pace.wrote(4096, Duration::from_micros(10)), 16 * 1024);
        }
    }
}
