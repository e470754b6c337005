//! Frames as bytes: CBOR, and from the first frame on that says more than a few hashes one zstd stream for each direction.
//!
//! All frames of that stream share one compression context, which begins with a dictionary of what entries, heads and
//! certificates look like ([`DICTIONARY`]). So an author's key costs its 32 bytes once in a session, and a single entry
//! costs little more than what cannot be guessed of it: signature, hashes, and the words of its title. Each frame is
//! flushed by itself and can be read as soon as it is here.
//!
//! Where nothing has changed there is nothing to compress: opening and end are plain, as long as no stream has begun. A
//! stream begins with zstd's magic number, which no frame does.
//!
//! The number of the dictionary stands in the stream's header (RFC 8878, §3.1.1.1.3): a peer with another one is told
//! from one that sends garbage. Memory for each session is bounded by [`WINDOW_LOG`], whatever the peer sends.

use std::fmt;

use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation, OutBuffer};

use super::message::{BadFrame, Frame, MAX_FRAME_BYTES};

/// Made by `cargo run -p kapok-protocol --example train-dictionary` from invented entries (`tests/support/corpus.rs`).
/// Its number is drawn by the training, so a newly trained one is another dictionary: nodes of both kinds need a new
/// name of the protocol to tell each other apart.
pub const DICTIONARY: &[u8] = include_bytes!("entries.dict");
/// Text of this size is looked back at: 128 KiB, two batches. The state of a session is about 1 MB with it.
const WINDOW_LOG: u32 = 17;
/// Measured on entries: 3 is 2 % larger, 9 is 1 % smaller at twice the time.
const LEVEL: i32 = 6;
/// A zstd frame's (RFC 8878, §3.1.1).
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
/// Output is taken in steps of this.
const STEP_BYTES: usize = 16 * 1024;

/// Makes bytes of one side's frames, in the order in which they are sent.
pub struct Packer {
    encoder: Encoder<'static>,
    begun: bool,
}

/// Makes frames of the peer's bytes, in the order in which they come.
pub struct Unpacker {
    decoder: Decoder<'static>,
    begun: bool,
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packer")
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unpacker")
    }
}

impl Default for Packer {
    fn default() -> Self {
        let mut encoder = Encoder::with_dictionary(LEVEL, DICTIONARY).expect("the dictionary is a good one");
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG)).expect("zstd has windows of this size");
        Self { encoder, begun: false }
    }
}

impl Default for Unpacker {
    fn default() -> Self {
        let mut decoder = Decoder::with_dictionary(DICTIONARY).expect("the dictionary is a good one");
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).expect("zstd has windows of this size");
        Self { decoder, begun: false }
    }
}

impl Packer {
    /// The next frame's bytes.
    #[must_use]
    pub fn pack(&mut self, frame: &Frame) -> Vec<u8> {
        let plain = frame.to_plain();
        if !self.begun && matches!(frame, Frame::Open { .. } | Frame::Done { .. }) {
            return plain;
        }
        self.begun = true;
        let mut packed = Vec::new();
        let mut step = [0; STEP_BYTES];
        let mut input = InBuffer::around(&plain);
        loop {
            let mut output = OutBuffer::around(&mut step[..]);
            let read_all = input.pos == plain.len();
            let left =
                if read_all { self.encoder.flush(&mut output) } else { self.encoder.run(&mut input, &mut output) };
            let left = left.expect("compressing from memory to memory cannot fail");
            packed.extend_from_slice(output.as_slice());
            if read_all && left == 0 {
                return packed;
            }
        }
    }
}

impl Unpacker {
    /// The next frame.
    ///
    /// # Errors
    /// What is over the limits or not what a [`Packer`] makes. Nothing that comes after it can be read.
    pub fn unpack(&mut self, bytes: &[u8]) -> Result<Frame, BadFrame> {
        self.begun |= bytes.starts_with(&MAGIC);
        if !self.begun {
            return Frame::from_plain(bytes);
        }
        let mut plain = Vec::new();
        let mut step = [0; STEP_BYTES];
        let mut input = InBuffer::around(bytes);
        loop {
            let (before, mut output) = (input.pos, OutBuffer::around(&mut step[..]));
            self.decoder.run(&mut input, &mut output).map_err(|error| BadFrame::Malformed(error.to_string()))?;
            let made = output.as_slice();
            plain.extend_from_slice(made);
            if plain.len() > MAX_FRAME_BYTES {
                return Err(BadFrame::TooLarge(plain.len()));
            }
            // Room was left, so there is no more to be had of these bytes.
            if made.len() < STEP_BYTES && input.pos == bytes.len() {
                return Frame::from_plain(&plain);
            }
            if made.is_empty() && input.pos == before {
                return Err(BadFrame::Malformed("the stream stands still".to_owned()));
            }
        }
    }
}
