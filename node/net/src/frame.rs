//! Messages on a stream: a length (four bytes, big-endian), then that many bytes.
//!
//! What a peer claims is believed only as far as it costs nothing: a frame above the reader's limit is refused before
//! any memory is taken for it, and memory grows with the bytes that arrive, not with those that were promised. A peer
//! that begins a frame must go on with it: it may pause, but not dribble (`MIN_RATE_BYTES_PER_S`).

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};

/// Memory is taken in steps of this while a frame arrives, and written in steps of this, each with its own patience.
const STEP_BYTES: usize = 64 * 1024;

/// No link is so poor that a frame takes longer than this on top of the patience: a fiftieth of 512 kbit/s.
const MIN_RATE_BYTES_PER_S: u64 = 1280;

/// Bytes of the length.
const PREFIX_BYTES: usize = 4;

/// What a reader or writer puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest frame, without its length.
    pub max_bytes: usize,
    /// How long to wait for the first byte of a frame.
    pub begin_within: Duration,
    /// How long a frame that has begun may stand still.
    pub stall_after: Duration,
}

impl Limits {
    /// Frames of up to `max_bytes`, and 40 s of silence: most outages of weak radio links are shorter, and who waits
    /// for a peer that was switched off waits no longer.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes, begin_within: Duration::from_secs(40), stall_after: Duration::from_secs(40) }
    }

    /// The same, but waiting for a frame to begin for as long as `patience`.
    #[must_use]
    pub fn begin_within(self, patience: Duration) -> Self {
        Self { begin_within: patience, ..self }
    }
}

/// Why a frame was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {claimed} bytes was announced; at most {max} are allowed here")]
    TooLarge { claimed: u64, max: usize },
    #[error("the stream ended inside a frame, after {got} of {expected} bytes")]
    Truncated { got: usize, expected: usize },
    #[error("no frame began within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("a frame of {expected} bytes came too slowly: {got} bytes after {} s", .after.as_secs())]
    Stalled { got: usize, expected: usize, after: Duration },
    #[error("the peer does not speak this protocol")]
    Unsupported,
    #[error("the stream broke: {0}")]
    Io(io::Error),
}

impl From<io::Error> for FrameError {
    fn from(error: io::Error) -> Self {
        if crate::swarm::is_unsupported(&error) { Self::Unsupported } else { Self::Io(error) }
    }
}

/// Reads the next frame; `None` where the stream ends before one begins. An end does not say that the peer has said
/// all: a crashed writer's stream ends too.
///
/// Not to be cancelled and continued: bytes already taken from the stream would be lost.
pub async fn read<R>(stream: &mut R, limits: &Limits) -> Result<Option<Vec<u8>>, FrameError>
where
    R: AsyncRead + Unpin + ?Sized,
{
    read_noting(stream, limits, || {}).await
}

/// The same; `heard` is called whenever bytes of the frame have come. On a slow link that is long before it is whole.
pub async fn read_noting<R>(
    stream: &mut R,
    limits: &Limits,
    mut heard: impl FnMut(),
) -> Result<Option<Vec<u8>>, FrameError>
where
    R: AsyncRead + Unpin + ?Sized,
{
    let mut prefix = [0; PREFIX_BYTES];
    let first = timeout(limits.begin_within, stream.read(&mut prefix[..1]));
    if first.await.map_err(|_| FrameError::Silent(limits.begin_within))?? == 0 {
        return Ok(None);
    }
    let clock = Clock::start(limits, PREFIX_BYTES);
    let mut got = 1;
    while got < PREFIX_BYTES {
        got += clock.read(stream, &mut prefix[got..], got).await?;
    }
    let claimed = u32::from_be_bytes(prefix);
    let too_large = || FrameError::TooLarge { claimed: claimed.into(), max: limits.max_bytes };
    let expected = usize::try_from(claimed).map_err(|_| too_large())?;
    if expected > limits.max_bytes {
        return Err(too_large());
    }
    let clock = Clock::start(limits, expected);
    let mut frame = Vec::new();
    while frame.len() < expected {
        let got = frame.len();
        // At most twice what has arrived, so that promising much costs the peer as much as it costs us.
        let step = (expected - got).min(STEP_BYTES.max(got));
        frame.reserve_exact(step);
        frame.resize(got + step, 0);
        let mut filled = got;
        while filled < frame.len() {
            filled += clock.read(stream, &mut frame[filled..], filled).await?;
            heard();
        }
    }
    Ok(Some(frame))
}

/// Writes small frames together, so that they share packets.
pub async fn write_all<W>(stream: &mut W, frames: &[Vec<u8>], limits: &Limits) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut together = Vec::with_capacity(frames.iter().map(|frame| PREFIX_BYTES + frame.len()).sum());
    for frame in frames {
        together.extend(prefix(frame, limits)?);
        together.extend(frame);
    }
    write_bytes(stream, &[&together], limits).await
}

/// Writes one frame and sends it on its way. Does not wait until the peer has it.
pub async fn write<W>(stream: &mut W, frame: &[u8], limits: &Limits) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin + ?Sized,
{
    write_bytes(stream, &[&prefix(frame, limits)?, frame], limits).await
}

fn prefix(frame: &[u8], limits: &Limits) -> Result<[u8; PREFIX_BYTES], FrameError> {
    let too_large = || FrameError::TooLarge { claimed: frame.len() as u64, max: limits.max_bytes };
    let length = u32::try_from(frame.len()).map_err(|_| too_large())?;
    if frame.len() > limits.max_bytes { Err(too_large()) } else { Ok(length.to_be_bytes()) }
}

async fn write_bytes<W>(stream: &mut W, parts: &[&[u8]], limits: &Limits) -> Result<(), FrameError>
where
    W: AsyncWrite + Unpin + ?Sized,
{
    let clock = Clock::start(limits, parts.iter().map(|part| part.len()).sum());
    let mut sent = 0;
    for step in parts.iter().flat_map(|part| part.chunks(STEP_BYTES)) {
        clock.watch(stream.write_all(step), sent).await??;
        sent += step.len();
    }
    clock.watch(stream.flush(), sent).await??;
    Ok(())
}

/// Watches over the progress of one frame.
struct Clock {
    started: Instant,
    deadline: Instant,
    stall_after: Duration,
    expected: usize,
}

impl Clock {
    fn start(limits: &Limits, expected: usize) -> Self {
        let started = Instant::now();
        let slowest = Duration::from_secs(expected as u64 / MIN_RATE_BYTES_PER_S);
        Self { started, deadline: started + limits.stall_after + slowest, stall_after: limits.stall_after, expected }
    }

    async fn watch<F: Future>(&self, step: F, got: usize) -> Result<F::Output, FrameError> {
        let deadline = self.deadline.min(Instant::now() + self.stall_after);
        timeout_at(deadline, step).await.map_err(|_| FrameError::Stalled {
            got,
            expected: self.expected,
            after: self.started.elapsed(),
        })
    }

    async fn read<R>(&self, stream: &mut R, buffer: &mut [u8], got: usize) -> Result<usize, FrameError>
    where
        R: AsyncRead + Unpin + ?Sized,
    {
        match self.watch(stream.read(buffer), got).await?? {
            0 => Err(FrameError::Truncated { got, expected: self.expected }),
            bytes => Ok(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use futures::AsyncWriteExt as _;
    use futures::io::Cursor;
    use tokio_util::compat::TokioAsyncReadCompatExt as _;

    use super::*;

    const LIMITS: Limits =
        Limits { max_bytes: 1 << 20, begin_within: Duration::from_secs(60), stall_after: Duration::from_secs(30) };

    #[tokio::test]
    async fn what_is_written_is_read_frame_by_frame() {
        let frames = [vec![], b"x".to_vec(), vec![7; 200_000]];
        let mut wire = Cursor::new(Vec::new());
        for frame in &frames {
            write(&mut wire, frame, &LIMITS).await.unwrap();
        }
        wire.set_position(0);
        for frame in frames {
            assert_eq!(read(&mut wire, &LIMITS).await.unwrap(), Some(frame));
        }
        assert_eq!(read(&mut wire, &LIMITS).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_frame_that_claims_gigabytes_is_refused_before_it_costs_memory() {
        let mut wire = Cursor::new(vec![0xff; 8]);
        let error = read(&mut wire, &LIMITS).await.unwrap_err();
        assert!(matches!(error, FrameError::TooLarge { claimed: 0xffff_ffff, max: 1_048_576 }), "{error}");
        assert_eq!(wire.position(), 4, "nothing is read of it");
        let error = write(&mut Cursor::new(Vec::new()), &vec![0; (1 << 20) + 1], &LIMITS).await.unwrap_err();
        assert!(matches!(error, FrameError::TooLarge { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_stream_that_ends_inside_a_frame_is_an_error() {
        for (wire, whole) in [(vec![0, 0], 4), (vec![0, 0, 0, 9, 1, 2], 9)] {
            let error = read(&mut Cursor::new(wire), &LIMITS).await.unwrap_err();
            assert!(matches!(error, FrameError::Truncated { got: 2, expected } if expected == whole), "{error}");
        }
    }

    /// Time passes by itself where everybody only waits, so these take no time.
    #[tokio::test(start_paused = true)]
    async fn a_peer_that_says_nothing_is_given_up() {
        let (reader, _writer) = tokio::io::duplex(64);
        let error = read(&mut reader.compat(), &LIMITS).await.unwrap_err();
        assert!(matches!(error, FrameError::Silent(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stops_inside_a_frame_is_given_up() {
        let (reader, writer) = tokio::io::duplex(64);
        let mut writer = writer.compat();
        writer.write_all(&[0, 0, 0, 9, 1]).await.unwrap();
        let error = read(&mut reader.compat(), &LIMITS).await.unwrap_err();
        assert!(matches!(error, FrameError::Stalled { got: 1, expected: 9, .. }), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_dribbles_is_given_up() {
        let (reader, writer) = tokio::io::duplex(64);
        let dribble = tokio::spawn(async move {
            let mut writer = writer.compat();
            writer.write_all(&[0, 0, 0, 200]).await.unwrap();
            // A byte every 20 s is never silence, and yet would hold the reader for an hour.
            let mut tick = tokio::time::interval(Duration::from_secs(20));
            loop {
                tick.tick().await;
                if writer.write_all(&[1]).await.is_err() {
                    break;
                }
            }
        });
        let error = read(&mut reader.compat(), &LIMITS).await.unwrap_err();
        assert!(matches!(error, FrameError::Stalled { got: 2, expected: 200, .. }), "{error}");
        dribble.await.unwrap();
    }
}
