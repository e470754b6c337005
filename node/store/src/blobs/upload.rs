//! Uploads: files that arrive in parts over HTTP and can be resumed, also after a restart or a power cut.
//!
//! `staging/TOKEN.upload` holds the bytes, `staging/TOKEN.sums` the hash of each 256 KiB of them. Nothing is synced on
//! the way: whoever resumes hashes the bytes again and goes on after the last that match, so it does not matter what a
//! power cut left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use kapok_protocol::blob::piece::{PieceHasher, piece_offset, piece_value};

use super::staged::{Source, Staged};
use super::{Added, BlobError, Blobs, MAX_BLOB_BYTES, Occupied, PIECE_BYTES, PieceValue, Shared, io_error};
use crate::fs::{self, File, Mode};

/// Longest name of an upload; twice a UUID.
pub const MAX_TOKEN_BYTES: usize = 64;

/// One line of `TOKEN.sums`: number of the piece, bytes of it, their value.
const RECORD_BYTES: usize = 4 + 4 + 32;

/// An upload that waits to be resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadInfo {
    /// Its name.
    pub token: String,
    /// Bytes received, at most: resuming may find fewer.
    pub bytes: u64,
    /// When the last of them came.
    pub modified: Option<SystemTime>,
}

/// A file that is being uploaded. Dropped unfinished, it waits to be resumed.
pub struct Upload {
    shared: Arc<Shared>,
    token: String,
    file: Box<dyn File>,
    sums: Box<dyn File>,
    sums_len: u64,
    summed: usize,
    hasher: PieceHasher,
    expected: u64,
    _occupied: Occupied,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({}, {} bytes)", self.token, self.received())
    }
}

impl Blobs {
    /// Begins or resumes an upload. `token` names it, `expected` is the size of the whole, if known.
    pub fn upload(&self, token: &str, expected: Option<u64>) -> Result<Upload, BlobError> {
        let shared = &self.shared;
        check_token(token)?;
        let expected = expected.unwrap_or(0);
        if expected > MAX_BLOB_BYTES {
            return Err(BlobError::TooLarge { size: expected });
        }
        let occupied = shared.occupy(format!("upload {token}"))?;
        let (path, sums_path) = shared.upload_paths(token);
        let (file, sums) = match shared.fs.open(&path, Mode::Write) {
            Ok(file) => {
                let sums = shared.fs.open(&sums_path, Mode::Write);
                (file, sums.or_else(|_| shared.fs.open(&sums_path, Mode::CreateNew)))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                shared.check_space(expected)?;
                fs::remove_if_there(&*shared.fs, &sums_path).map_err(io_error("remove", &sums_path))?;
                let file = shared.fs.open(&path, Mode::CreateNew).map_err(shared.write_error(&path, expected))?;
                let sums = shared.fs.open(&sums_path, Mode::CreateNew);
                let staging = shared.paths.staging();
                shared.fs.sync_dir(&staging).map_err(io_error("sync", &staging))?;
                (file, sums)
            }
            Err(e) => return Err(io_error("open", &path)(e)),
        };
        let sums = sums.map_err(shared.write_error(&sums_path, expected))?;
        let hasher = resume(&*file, &*sums).map_err(io_error("read", &path))?;
        file.set_len(hasher.size()).map_err(io_error("cut", &path))?;
        let sums_len = sums.metadata().map_err(io_error("read", &sums_path))?.len;
        let sums_len = sums_len - sums_len % RECORD_BYTES as u64;
        let summed = hasher.closed().len();
        let upload = Upload {
            shared: shared.clone(),
            token: token.to_owned(),
            file,
            sums,
            sums_len,
            summed,
            hasher,
            expected,
            _occupied: occupied,
        };
        shared.check_space(upload.expected.saturating_sub(upload.received()))?;
        Ok(upload)
    }

    /// All unfinished uploads.
    pub fn uploads(&self) -> Result<Vec<UploadInfo>, BlobError> {
        let dir = self.shared.paths.staging();
        let names = self.shared.fs.list(&dir).map_err(io_error("read", &dir))?;
        let info = |name: &String| {
            let token = name.strip_suffix(".upload")?.to_owned();
            let m = self.shared.fs.metadata(&dir.join(name)).ok()?;
            Some(UploadInfo { token, bytes: m.len, modified: m.modified })
        };
        Ok(names.iter().filter_map(info).collect())
    }

    /// Drops an unfinished upload that nobody writes at the moment.
    pub fn abandon_upload(&self, token: &str) -> Result<(), BlobError> {
        check_token(token)?;
        let _occupied = self.shared.occupy(format!("upload {token}"))?;
        self.shared.remove_upload(token)
    }

    /// Drops the uploads to which nothing has come since `before`; returns their names.
    pub fn expire_uploads(&self, before: SystemTime) -> Result<Vec<String>, BlobError> {
        let mut expired = Vec::new();
        for upload in self.uploads()? {
            // Busy ones are not idle, whatever the clock says.
            if upload.modified.is_some_and(|m| m < before) && self.abandon_upload(&upload.token).is_ok() {
                expired.push(upload.token);
            }
        }
        Ok(expired)
    }
}

impl Upload {
    /// How many bytes are here: where the sender goes on.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.hasher.size()
    }

    /// Takes the bytes at `offset`, which is [`Self::received`].
    pub fn append(&mut self, offset: u64, bytes: &[u8]) -> Result<(), BlobError> {
        let expected = self.received();
        if offset != expected {
            return Err(BlobError::WrongOffset { expected, got: offset });
        }
        let size = expected + bytes.len() as u64;
        if size > MAX_BLOB_BYTES {
            return Err(BlobError::TooLarge { size });
        }
        // Room for the whole was looked for at the beginning; others have written since.
        if size > self.expected || piece_crossed(expected, size) {
            self.shared.check_space(bytes.len() as u64)?;
        }
        let (path, sums_path) = self.shared.upload_paths(&self.token);
        let needed = self.expected.max(size);
        self.file.write_at(offset, bytes).map_err(self.shared.write_error(&path, needed))?;
        self.hasher.update(bytes);
        while let Some(value) = self.hasher.closed().get(self.summed).copied() {
            let index = u32::try_from(self.summed).unwrap_or(u32::MAX);
            self.note(index, PIECE_BYTES, value).map_err(self.shared.write_error(&sums_path, needed))?;
            self.summed += 1;
        }
        Ok(())
    }

    /// The bytes are complete: they are ready to become a blob. If they do not, the upload waits as before.
    pub fn stage(self) -> Result<Staged, BlobError> {
        let size = self.received();
        self.file.sync().map_err(self.shared.write_error(&self.path(), size))?;
        let list = self.hasher.clone().finish();
        self.shared.pieces().keep(&list);
        Ok(Staged { id: list.blob(), size, source: Source::Upload(Box::new(self)) })
    }

    /// The bytes are complete: they become a blob, for callers who publish nothing.
    pub fn finish(self) -> Result<Added, BlobError> {
        let shared = self.shared.clone();
        shared.keep_at_once(self.stage()?)
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub(super) fn path(&self) -> PathBuf {
        self.shared.upload_paths(&self.token).0
    }

    /// Drops what was received.
    pub fn abandon(self) -> Result<(), BlobError> {
        self.shared.remove_upload(&self.token)
    }

    fn note(&mut self, index: u32, len: usize, value: PieceValue) -> std::io::Result<()> {
        let mut record = [0; RECORD_BYTES];
        record[..4].copy_from_slice(&index.to_le_bytes());
        record[4..8].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
        record[8..].copy_from_slice(&value);
        self.sums.write_at(self.sums_len, &record)?;
        self.sums_len += RECORD_BYTES as u64;
        Ok(())
    }
}

impl Drop for Upload {
    /// Notes the open piece too, so that no byte is sent twice after a mere interruption. After `finish` or `abandon`
    /// the files are gone and this writes to one without a name.
    fn drop(&mut self) {
        if let Some((len, value)) = self.hasher.open_piece() {
            let index = u32::try_from(self.hasher.closed().len()).unwrap_or(u32::MAX);
            let _ = self.note(index, len, value);
        }
    }
}

impl Shared {
    fn upload_paths(&self, token: &str) -> (PathBuf, PathBuf) {
        let staging = self.paths.staging();
        (staging.join(format!("{token}.upload")), staging.join(format!("{token}.sums")))
    }

    pub(super) fn remove_upload(&self, token: &str) -> Result<(), BlobError> {
        let (path, sums_path) = self.upload_paths(token);
        for path in [path, sums_path] {
            fs::remove_if_there(&*self.fs, &path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }
}

/// Hashes the bytes as far as their sums agree.
fn resume(file: &dyn File, sums: &dyn File) -> std::io::Result<PieceHasher> {
    let mut known: BTreeMap<u32, (usize, PieceValue)> = BTreeMap::new();
    let (mut at, mut record) = (0, [0; RECORD_BYTES]);
    while fs::read_full(sums, at, &mut record)? == RECORD_BYTES {
        at += RECORD_BYTES as u64;
        let (index, rest) = record.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let (len, value) = rest.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let len = usize::try_from(u32::from_le_bytes(*len)).unwrap_or(0);
        if let (Ok(value), 1..=PIECE_BYTES) = (value.try_into(), len) {
            known.insert(u32::from_le_bytes(*index), (len, value));
        }
    }
    let mut hasher = PieceHasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    for index in 0.. {
        let Some(&(len, value)) = known.get(&index) else {
            break;
        };
        let bytes = &mut piece[..len];
        let read = fs::read_full(file, piece_offset(index), bytes)?;
        if read < len || piece_value(index, bytes) != value {
            break;
        }
        hasher.update(bytes);
        if len < PIECE_BYTES {
            break;
        }
    }
    Ok(hasher)
}

fn piece_crossed(before: u64, after: u64) -> bool {
    before / PIECE_BYTES as u64 != after / PIECE_BYTES as u64
}

/// Tokens become file names.
fn check_token(token: &str) -> Result<(), BlobError> {
    let fits = (1..=MAX_TOKEN_BYTES).contains(&token.len());
    let plain = token.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fits && plain { Ok(()) } else { Err(BlobError::BadToken(token.chars().take(80).collect())) }
}
