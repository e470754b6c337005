//! Overwriting in place, so that a power cut leaves no frame between old and new.
//!
//! Everything is written twice. First the new payloads go into the redo file ([`redo`]): once that is durable, they
//! count. Then they are laid over the segments for the readers ([`super::cover`]), written into their frames and
//! synced; then the redo file goes. Opening does the second half again if it finds the file ([`resume`]), as often as
//! it takes: the same bytes at the same places.
//!
//! If the second half fails, file and cover stay and the journal is read-only until it is opened again: readers see the
//! new payloads, and nothing else is written before the redo file has been carried out.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::PoisonError;

use super::append::Failure;
use super::cover::Patch;
use super::frame::FrameKey;
use super::redo::{self, ROUND_BYTES, Replacement};
use super::segment::{Identity, Segment};
use super::{JournalError, Shared};
use crate::fs::{self, Fs};

impl Shared {
    pub(super) fn overwrite(&self, replacements: &[(u64, &[u8])]) -> Result<(), JournalError> {
        if self.options.chained {
            return Err(JournalError::Chained { dir: self.dir.clone() });
        }
        let _turn = self.overwriting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = self.state().broken.clone() {
            return Err(self.failed(Failure::Broken(reason)));
        }
        let wanted: BTreeMap<u64, &[u8]> = replacements.iter().copied().collect();
        let mut changes = Vec::new();
        for (position, payload) in wanted {
            let (room, there) = self.read_frame(position)?;
            if payload.len() > room {
                return Err(JournalError::NoRoom { position, bytes: payload.len(), room });
            }
            if there != payload {
                changes.push(Replacement { position, room, payload });
            }
        }
        for round in rounds(&changes) {
            self.carry_out(round).map_err(|f| self.failed(f))?;
        }
        Ok(())
    }

    fn carry_out(&self, round: &[Replacement<'_>]) -> Result<(), Failure> {
        let done = self.promise(round).and_then(|()| {
            let segments = self.state().segments.clone();
            for segment in lay_over(&segments, self.key, round) {
                self.alone_in(segment.base, || segment.settle())?;
            }
            redo::remove(&*self.fs, &self.dir).map_err(|e| Failure::Broken(e.to_string()))
        });
        if let Err(failure @ Failure::Broken(_)) = &done {
            self.give_up(failure);
        }
        done
    }

    /// Makes the redo file durable. On a full disk nothing is left of it.
    fn promise(&self, round: &[Replacement<'_>]) -> Result<(), Failure> {
        redo::write(&*self.fs, &self.dir, self.identity.secret, round).map_err(|error| {
            if fs::is_full(&error) && redo::remove(&*self.fs, &self.dir).is_ok() {
                Failure::Full
            } else {
                Failure::Broken(error.to_string())
            }
        })
    }
}

/// Cuts these into pieces of at most [`ROUND_BYTES`].
fn rounds<'a, 'b>(changes: &'a [Replacement<'b>]) -> impl Iterator<Item = &'a [Replacement<'b>]> {
    let mut rest = changes;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|r| {
            bytes += r.frame_bytes();
            bytes <= ROUND_BYTES
        });
        let (round, after) = rest.split_at(fitting.count());
        rest = after;
        (!round.is_empty()).then_some(round)
    })
}

/// Lays the new frames over their segments; returns those.
fn lay_over(segments: &BTreeMap<u64, Segment>, key: FrameKey, round: &[Replacement<'_>]) -> Vec<Segment> {
    let mut patches: BTreeMap<u64, (&Segment, Vec<Patch>)> = BTreeMap::new();
    for replacement in round {
        let Replacement { position, room, payload } = *replacement;
        // A redo file may name what has been lost since.
        let segment = segments.range(..=position).next_back().map(|(_, s)| s).filter(|s| {
            position >= s.first_frame()
                && position.checked_add(replacement.frame_bytes() as u64).is_some_and(|end| end <= s.end())
        });
        if let (Some(segment), Some(frame)) = (segment, key.encode_in_place(position, room, payload)) {
            patches.entry(segment.base).or_insert((segment, Vec::new())).1.push(Patch { position, frame });
        }
    }
    let lay = |(segment, patches): (&Segment, _)| {
        segment.cover.lay(patches);
        segment.clone()
    };
    patches.into_values().map(lay).collect()
}

/// Carries out the redo file that a crash has left, if there is one.
pub(super) fn resume(
    fs: &dyn Fs,
    dir: &Path,
    identity: &Identity,
    segments: &BTreeMap<u64, Segment>,
) -> io::Result<()> {
    if identity.chained {
        return Ok(());
    }
    if let Some(bytes) = redo::read(fs, dir, identity.secret) {
        let round = redo::parse(&bytes).unwrap_or_default();
        tracing::info!(journal = %dir.display(), frames = round.len(), "goes on with an interrupted overwrite");
        let covered = lay_over(segments, identity.key(), &round);
        // A process that was killed may have left a name that the next power cut takes away.
        fs.sync_dir(dir)?;
        for segment in covered {
            segment.settle()?;
        }
    }
    redo::remove(fs, dir)
}
