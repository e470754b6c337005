//! Keeping: staged files get their places under `blobs/`, and go back where they came from if nothing names them.
//!
//! [`Blobs::keep`] pins, then looks whether the blob is here, then gives it its place, durably. What it returns is either
//! [settled](Kept::settle), once an entry names the blobs, or dropped, which undoes everything: copies go, uploads are
//! uploads again, a person's file is as it was.
//!
//! A file that is moved gets its place as a second name of the same bytes, so that a film takes neither time nor room
//! twice (one that has other names besides is copied: they would stay, and the blob could be written to by them). From
//! then on it is read-only under both names: a blob is never writable, not even through the name that it
//! had before. The first name goes when the blob is settled. If it is to stay after all, it gets its permissions back,
//! and a blob that others need by then is cut loose from it as a copy. A crash between the two leaves the person's file
//! where it was, read-only.

use std::path::Path;
use std::sync::Arc;

use kapok_protocol::blob::BlobId;

use super::pins::{Pin, Removal};
use super::publish::Ready;
use super::staged::{Original, Source, Staged};
use super::{Added, BlobError, Blobs, Shared, Verdict, io_error};
use crate::fs;

#[cfg(test)]
mod tests;

/// What failed when a file could not get its place as a second name.
const LINKING: &str = "move to";

/// Blobs with their places, pinned until it is clear whether anything names them. Dropped unsettled, all is undone.
pub struct Kept<'a> {
    shared: Arc<Shared>,
    placed: Vec<Placed>,
    is_named: &'a (dyn Fn(BlobId) -> bool + Sync),
}

impl std::fmt::Debug for Kept<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Kept({:?})", self.placed)
    }
}

/// A blob with its place.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) added: Added,
    source: Source,
    pin: Pin,
}

impl Blobs {
    /// Gives all of them their places, or none. `is_named` says whether an entry names a blob, for those that are undone
    /// while another add has come to need them; where it cannot be told, it says so.
    pub fn keep<'a>(
        &self,
        staged: Vec<Staged>,
        is_named: &'a (dyn Fn(BlobId) -> bool + Sync),
    ) -> Result<Kept<'a>, BlobError> {
        let mut kept = Kept { shared: self.shared.clone(), placed: Vec::with_capacity(staged.len()), is_named };
        let mut failed = None;
        for outcome in self.shared.place_all(staged.into_iter().map(Ok).collect(), is_named) {
            match outcome {
                Ok(placed) => kept.placed.push(placed),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            None => Ok(kept),
            // Those that have their places lose them again.
            Some(error) => Err(error),
        }
    }
}

impl Kept<'_> {
    /// The blobs, in the order in which they were given.
    pub fn added(&self) -> impl Iterator<Item = &Added> {
        self.placed.iter().map(|placed| &placed.added)
    }

    /// An entry names them now: what they came from goes. Returns what could not be removed, which harms nobody.
    pub fn settle(mut self) -> Vec<BlobError> {
        let placed = std::mem::take(&mut self.placed);
        placed.into_iter().filter_map(|placed| self.shared.settle(placed).err()).collect()
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        // Backwards: of two equal files the second found the first one's blob.
        while let Some(placed) = self.placed.pop() {
            self.shared.undo(placed, self.is_named);
        }
    }
}

impl Shared {
    /// Gives each its place, then makes all places durable. What cannot is undone.
    pub(super) fn place_all(
        self: &Arc<Self>,
        staged: Vec<Result<Staged, BlobError>>,
        is_named: &dyn Fn(BlobId) -> bool,
    ) -> Vec<Result<Placed, BlobError>> {
        let placed: Vec<_> = staged.into_iter().map(|staged| self.place_staged(staged?)).collect();
        let ids: Vec<_> = placed.iter().flatten().map(|placed| placed.added.id).collect();
        let mut synced = self.sync_places(&ids).into_iter();
        let settled = placed.into_iter().map(|placed| {
            let placed = placed?;
            match synced.next().unwrap_or(Ok(())) {
                Ok(()) => Ok(placed),
                Err(error) => {
                    self.undo(placed, is_named);
                    Err(error)
                }
            }
        });
        settled.collect()
    }

    fn place_staged(self: &Arc<Self>, staged: Staged) -> Result<Placed, BlobError> {
        let pin = self.pin(staged.id);
        if self.is_held(&staged)? {
            let added = Added { id: staged.id, size: staged.size, already_held: true };
            return Ok(Placed { added, source: staged.source, pin });
        }
        let added = Added { id: staged.id, size: staged.size, already_held: false };
        let ready = Ready { path: staged.path(), id: staged.id, size: staged.size };
        let source = match staged.source {
            Source::Original(original) => match self.link(&ready, &original) {
                Ok(()) => Source::Original(original),
                // On another disk, or one that knows no second names; or a file that has other names besides.
                Err(BlobError::Io { doing: LINKING, .. }) => {
                    let copy = self.stage_copy(original.path())?;
                    if copy.id != added.id {
                        return Err(BlobError::Changed(original.path));
                    }
                    self.place(&Ready { path: copy.path(), ..ready })?;
                    copy.with_original(original).source
                }
                Err(error) => return Err(error),
            },
            other => {
                self.place(&ready)?;
                other
            }
        };
        Ok(Placed { added, source, pin })
    }

    /// Whether the blob is here already. A damaged one is replaced.
    fn is_held(&self, staged: &Staged) -> Result<bool, BlobError> {
        if self.size(staged.id)? != Some(staged.size) {
            return Ok(false);
        }
        // A person's only copy is not given up for one that may have rotted.
        Ok(!staged.is_somebodys() || matches!(self.verify(staged.id)?, Verdict::Good { .. }))
    }

    /// Gives a person's file its place as a second name.
    fn link(&self, ready: &Ready, original: &Original) -> Result<(), BlobError> {
        let place = self.path_of(ready.id);
        self.make_room_for(ready)?;
        // Under a name of its own first: what is in its place may be found there by others at once.
        let second = self.staged_path();
        self.fs.hard_link(original.path(), &second).map_err(io_error(LINKING, &second))?;
        let linked = (|| {
            // The person's name and this one. Any other would stay and could be made writable again.
            if self.fs.links(&second).map_err(io_error("look at", &second))? > 2 {
                return Err(io_error(LINKING, &second)(std::io::Error::other("the file has other names besides")));
            }
            self.fs.set_read_only(&second).map_err(io_error("protect", &second))?;
            // After that: who opens it from now on cannot write any more.
            let after = self.fs.metadata(&second).map_err(io_error("look at", &second))?;
            if !original.is_still(&after) {
                return Err(BlobError::Changed(original.path.clone()));
            }
            self.fs.rename(&second, &place).map_err(self.write_error(&place, ready.size))
        })();
        linked.inspect_err(|_| {
            let _ = self.fs.set_mode(&second, original.mode);
            let _ = self.fs.remove(&second);
        })
    }

    /// The blob is named: what it came from goes.
    pub(super) fn settle(self: &Arc<Self>, placed: Placed) -> Result<(), BlobError> {
        let Placed { added, source, pin } = placed;
        let outcome = match source {
            Source::Copy(_) => Ok(()),
            Source::Partial(path) if added.already_held => {
                fs::remove_if_there(&*self.fs, &path).map_err(io_error("remove", &path))
            }
            Source::Partial(_) => Ok(()),
            Source::Upload(upload) => self.remove_upload(upload.token()),
            Source::CopyToMove(_, original) => self.remove_original(&original),
            Source::Original(original) => {
                let removed = self.remove_original(&original);
                if removed.is_err() && !added.already_held {
                    self.cut_loose(&added, &original);
                }
                removed
            }
        };
        drop(pin);
        outcome
    }

    /// Only if the name still stands for the very file that was added.
    fn remove_original(&self, original: &Original) -> Result<(), BlobError> {
        match self.fs.metadata(original.path()) {
            Ok(now) if original.is_still(&now) => {
                fs::remove_if_there(&*self.fs, original.path()).map_err(io_error("remove", original.path()))
            }
            Ok(_) => Err(BlobError::Changed(original.path.clone())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(io_error("look at", original.path())(e)),
        }
    }

    /// Nothing came of it: all is as it was before.
    fn undo(self: &Arc<Self>, placed: Placed, is_named: &dyn Fn(BlobId) -> bool) {
        let Placed { added, source, pin } = placed;
        if !added.already_held
            && let Err(error) = self.take_back(&added, &source, is_named)
        {
            tracing::warn!(blob = %added.id, %error, "what was stored for nothing could not be taken back whole");
        }
        drop(pin);
    }

    fn take_back(
        self: &Arc<Self>,
        added: &Added,
        source: &Source,
        is_named: &dyn Fn(BlobId) -> bool,
    ) -> Result<(), BlobError> {
        let place = self.path_of(added.id);
        let remove = || {
            match source {
                Source::Upload(upload) => self.put_back(&place, &upload.path())?,
                Source::Original(original) => {
                    self.unlink(added.id)?;
                    self.give_mode_back(original)?;
                }
                Source::Copy(_) | Source::CopyToMove(..) | Source::Partial(_) => {
                    self.unlink(added.id)?;
                }
            }
            Ok(Removal::Removed)
        };
        if self.unless_needed(added.id, 1, || Ok(is_named(added.id)), remove)? != Removal::Removed {
            // Another has found it here in the meantime, so it stays, and what it came from gets bytes of its own.
            match source {
                Source::Original(original) => self.cut_loose(added, original),
                Source::Upload(upload) => self.copy_back(&place, &upload.path())?,
                Source::Copy(_) | Source::CopyToMove(..) | Source::Partial(_) => {}
            }
        }
        Ok(())
    }

    /// From its place to where it came from.
    fn put_back(&self, place: &Path, to: &Path) -> Result<(), BlobError> {
        self.fs.rename(place, to).map_err(io_error("take back", place))?;
        self.fs.set_writable(to).map_err(io_error("open", to))
    }

    fn copy_back(self: &Arc<Self>, place: &Path, to: &Path) -> Result<(), BlobError> {
        let copy = self.stage_copy(place)?;
        self.fs.rename(&copy.path(), to).map_err(io_error("take back", to))
    }

    fn give_mode_back(&self, original: &Original) -> Result<(), BlobError> {
        match self.fs.metadata(original.path()) {
            // Else another file has its name by now, or none.
            Ok(now) if now.number == original.before.number => {
                let path = original.path();
                self.fs.set_mode(path, original.mode).map_err(io_error("give permissions to", path))
            }
            _ => Ok(()),
        }
    }

    /// Blob and original shall no longer be the same bytes: the blob becomes a copy, and the original is as it was. If
    /// that cannot be (a full disk), the original stays read-only.
    fn cut_loose(self: &Arc<Self>, added: &Added, original: &Original) {
        let cut = (|| {
            let copy = self.stage_copy(&self.path_of(added.id))?;
            if copy.id != added.id {
                // It was written to through a handle that was open before.
                self.quarantine(added.id)?;
                return self.give_mode_back(original);
            }
            self.place(&Ready { path: copy.path(), id: copy.id, size: copy.size })?;
            self.sync_places(&[added.id]).pop().unwrap_or(Ok(()))?;
            self.give_mode_back(original)
        })();
        if let Err(error) = cut {
            tracing::warn!(blob = %added.id, file = %original.path.display(), %error, "the file stays read-only");
        }
    }
}
