//! Opening a blob for a browser: only what a live entry shows to the viewer, and only bytes that are right.
//!
//! A file that is here is read by [`whole`]. One that is not, or not all of it, is fetched while it is read by [`arriving`]:
//! a film plays as it comes. [`spoilt`] is for what a disk has spoilt.

mod arriving;
mod spoilt;
mod whole;

use std::sync::Arc;

use kapok_http::port::{Blob, BlobReader, Failure, Result, Viewer};
use kapok_private::role::Permission;
use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::piece::{PIECE_BYTES, piece_offset};

use super::app::{App, blob_failure};
use super::facts;
use crate::catalogue::Found;
use arriving::Arriving;
use whole::Ranges;

const TITLE: &str = "cannot open the file";

impl App {
    /// A blob that a live entry shows to this viewer. It need not be here.
    pub(super) fn open_blob(self: &Arc<Self>, viewer: &Viewer, blob: BlobId) -> Result<Blob> {
        let unknown = || {
            Failure::not_found("no such file", "no resource that you may see has it")
                .remedy("search for it")
                .said("file.unknown")
        };
        let here = self.blobs.size(blob).map_err(|error| blob_failure(TITLE, &error))?;
        let shown = |found: &Found| viewer.sees(facts::visibility(found.visibility));
        let found = self.using(blob, shown)?.ok_or_else(unknown)?;
        if here.is_none() && self.blobs.quarantined().is_ok_and(|all| all.contains(&blob)) {
            return Err(self.damaged(blob));
        }
        let former = found.resource.former.iter().flat_map(|version| &version.files);
        let file = found.resource.files.iter().chain(former).find(|file| file.blob == blob);
        let (name, media_type) = file.map_or_else(
            || ("text".to_owned(), "application/octet-stream".to_owned()),
            |file| (file.name.clone(), file.mime.clone()),
        );
        let (size, reader): (u64, Box<dyn BlobReader>) = match here {
            Some(size) => (size, Box::new(Ranges { app: self.clone(), blob })),
            None => {
                let size = size_of(&found, blob).ok_or_else(unknown)?;
                let (app, home, name) = (self.clone(), found.key.author, name.clone());
                // Whoever may not have files brought here changes with reading only the order in which they come, and not
                // what this node's line has to carry: anybody on the local network can ask, as often as he likes.
                let guest = !viewer.may(Permission::Fetch);
                (size, Box::new(Arriving { app, blob, size, home, name, guest }))
            }
        };
        Ok(Blob { size, name, media_type, reader })
    }

    /// A live resource that names a blob, of those that `pass`.
    fn using(&self, blob: BlobId, pass: impl Fn(&Found) -> bool) -> Result<Option<Found>> {
        let reading = self.reading()?;
        for used in reading.uses(&blob).map_err(super::app::failure)? {
            if let Some(found) = Self::readable(&reading, &used.resource)?.filter(&pass) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// A file of a former version, which is here, of the resource that names this one.
    pub(super) fn older_version(&self, blob: BlobId) -> Option<BlobId> {
        let found = self.using(blob, |_| true).ok()??;
        let file = found.resource.files.iter().find(|file| file.blob == blob)?;
        let here = |former: &BlobId| self.blobs.contains(*former).unwrap_or(false);
        found.resource.former_files(file).map(|former| former.blob).find(here)
    }
}

/// The size of a blob, as a resource that names it says.
fn size_of(found: &Found, blob: BlobId) -> Option<u64> {
    let former = found.resource.former.iter().flat_map(|version| &version.files);
    let mut named = found.resource.blobs().chain(former.map(|file| (file.blob, file.size)));
    named.find(|(named, _)| *named == blob).map(|(_, size)| size)
}

/// The piece that has the byte at `at`.
fn piece_at(at: u64) -> u32 {
    u32::try_from(at / PIECE_BYTES).unwrap_or(u32::MAX)
}

/// Of a piece the bytes from `at`, which lies in it, up to `end`.
fn cut(mut piece: Vec<u8>, at: u64, end: u64) -> Vec<u8> {
    let begin = piece_offset(piece_at(at));
    // Both lie within one piece.
    let within = |offset: u64| usize::try_from(offset - begin).unwrap_or(usize::MAX);
    piece.truncate(within(end.min(begin + PIECE_BYTES)));
    piece.drain(..within(at).min(piece.len()));
    piece
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_out_of_its_pieces() {
        let whole: Vec<u8> = (0..PIECE_BYTES as usize + 10).map(|n| (n % 251) as u8).collect();
        let (first, second) = whole.split_at(PIECE_BYTES as usize);
        assert_eq!(cut(first.to_vec(), 0, 5), whole[..5]);
        assert_eq!(cut(first.to_vec(), 100, PIECE_BYTES + 5), whole[100..PIECE_BYTES as usize]);
        assert_eq!(cut(second.to_vec(), PIECE_BYTES + 3, PIECE_BYTES + 5), second[3..5]);
        assert_eq!(cut(second.to_vec(), PIECE_BYTES, PIECE_BYTES + 10), *second);
    }
}
