//! Uploads: files that come from browsers in parts, on disk from the first byte, resumable across restarts.
//!
//! The bytes are the blob store's business; what belongs to an upload beside them (name, size, whose) lies next to
//! them in `staging/TOKEN.meta`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kapok_http::port::{ByteStream, Failure, FailureKind, Result, Upload, UploadRequest, Viewer};
use kapok_library::resource::rules::{MAX_FILES, check_file_name};
use kapok_store::blobs::{self, MAX_BLOB_BYTES};
use minicbor::{Decode, Encode};
use tokio::io::AsyncReadExt as _;

use super::app::{App, blob_failure};

/// Handed to the blob store at once.
const PART_BYTES: usize = 256 * 1024;
/// An upload that nobody has gone on with for so long is given up.
const EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Uploads one person may have open: more than any form sends.
const MAX_OPEN: usize = 1_000;
/// Uploads that may be open together: twenty people who go to their bound. Each is three files in one folder, which is
/// listed whenever one begins.
const MAX_OPEN_TOGETHER: usize = 20_000;

#[cfg(test)]
mod tests;

#[derive(Clone, Debug, Encode, Decode)]
struct Meta {
    #[n(0)]
    name: String,
    #[n(1)]
    size: u64,
    #[n(2)]
    owner: String,
}

/// An upload of which all bytes are here. Dropped, it waits as before.
pub(super) struct CompleteUpload {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) bytes: blobs::Upload,
}

/// Why no more of an upload was taken.
enum Stopped {
    TooMany,
    BrokenOff(std::io::Error),
    Failed(Failure),
}

fn owner(viewer: &Viewer) -> String {
    viewer.person().map_or_else(|| "owner".to_owned(), |id| data_encoding::HEXLOWER.encode(&id.0))
}

impl App {
    fn meta_path(&self, token: &str) -> PathBuf {
        self.home.paths().staging().join(format!("{token}.meta"))
    }

    /// What belongs to an upload, if it is this viewer's.
    fn meta(&self, viewer: &Viewer, token: &str) -> Result<Meta> {
        let unknown = || {
            Failure::not_found("no such upload", "it is unknown, finished, given up, or somebody else's")
                .remedy("choose the file again")
                .said("upload.unknown")
        };
        let plain = !token.is_empty() && token.len() <= 64 && token.bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain {
            return Err(unknown());
        }
        self.meta_of(token).filter(|meta| meta.owner == owner(viewer)).ok_or_else(unknown)
    }

    /// What belongs to an upload, whosever it is; `token` is the name of a file.
    fn meta_of(&self, token: &str) -> Option<Meta> {
        minicbor::decode(&std::fs::read(self.meta_path(token)).ok()?).ok()
    }

    /// Whether this viewer may begin one more.
    fn may_begin(&self, viewer: &Viewer, title: &str) -> Result<()> {
        let refused = |limit: usize, whose: &str| {
            Failure::unavailable(title, format!("{limit} uploads{whose} are open already"))
                .said("upload.too-many-open")
                .with("limit", limit)
        };
        let open = self.blobs.uploads().map_err(|error| blob_failure(title, &error))?;
        if open.len() >= MAX_OPEN_TOGETHER {
            return Err(refused(MAX_OPEN_TOGETHER, " of all people together")
                .remedy("finish or give up some of them; those that nobody goes on with end after a week"));
        }
        // Whose they are stands in a file each, so it is looked at only when it can matter.
        if open.len() < MAX_OPEN {
            return Ok(());
        }
        let owner = owner(viewer);
        let own = open.iter().filter(|upload| self.meta_of(&upload.token).is_some_and(|meta| meta.owner == owner));
        if own.count() >= MAX_OPEN {
            return Err(refused(MAX_OPEN, " of yours").remedy("finish or give up some of them"));
        }
        Ok(())
    }

    pub(super) fn create_upload(&self, viewer: &Viewer, request: &UploadRequest) -> Result<Upload> {
        const TITLE: &str = "cannot begin the upload";
        check_file_name(&request.name).map_err(|problem| Failure::rule(TITLE, &problem))?;
        if request.size == 0 {
            return Err(super::add::empty(&request.name));
        }
        if request.size > MAX_BLOB_BYTES {
            let detail = format!("{} bytes are more than the {MAX_BLOB_BYTES} that a file may have", request.size);
            return Err(Failure::new(FailureKind::TooLarge, TITLE, detail)
                .said("upload.too-large")
                .with("limit", readable(MAX_BLOB_BYTES)));
        }
        self.may_begin(viewer, TITLE)?;
        let token = data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>());
        self.begin(viewer, &token, &request.name, request.size)?;
        // Room for the whole is looked for now, not when most of it has come.
        let upload = self.blobs.upload(&token, Some(request.size));
        if let Err(error) = upload {
            let _ = std::fs::remove_file(self.meta_path(&token));
            return Err(blob_failure(TITLE, &error));
        }
        Ok(Upload { id: token, name: request.name.clone(), size: request.size, offset: 0 })
    }

    fn begin(&self, viewer: &Viewer, token: &str, name: &str, size: u64) -> Result<()> {
        let meta = Meta { name: name.to_owned(), size, owner: owner(viewer) };
        let bytes = minicbor::to_vec(&meta).map_err(|e| Failure::internal("cannot begin the upload", e.to_string()))?;
        std::fs::write(self.meta_path(token), bytes)
            .map_err(|error| Failure::no_space("cannot begin the upload", error.to_string()).remedy("free some space"))
    }

    pub(super) fn upload(&self, viewer: &Viewer, token: &str) -> Result<Upload> {
        let meta = self.meta(viewer, token)?;
        let upload = self.blobs.upload(token, Some(meta.size));
        let upload = upload.map_err(|error| blob_failure("cannot look at the upload", &error))?;
        Ok(Upload { id: token.to_owned(), name: meta.name, size: meta.size, offset: upload.received() })
    }

    /// Appends what comes. What has arrived is kept, whatever happens next.
    pub(super) async fn append_upload(
        self: &Arc<Self>,
        viewer: &Viewer,
        token: &str,
        offset: u64,
        bytes: ByteStream,
    ) -> Result<Upload> {
        const TITLE: &str = "cannot go on with the upload";
        let meta = self.meta(viewer, token)?;
        let size = meta.size;
        let upload = {
            let token = token.to_owned();
            let open = move |app: &Arc<Self>| app.blobs.upload(&token, Some(size));
            self.blocking(move |app| open(app).map_err(|error| blob_failure(TITLE, &error))).await?
        };
        if upload.received() != offset {
            let detail = format!("it stands at byte {}, not at {offset}", upload.received());
            return Err(Failure::conflict(TITLE, detail)
                .remedy("go on from where it stands")
                .said("upload.offset")
                .with("offset", upload.received()));
        }
        let upload = self.take(upload, size, bytes).await.map_err(|stopped| match stopped {
            Stopped::TooMany => {
                let detail = format!("more bytes came than the {size} that were announced");
                Failure::new(FailureKind::TooLarge, TITLE, detail)
                    .remedy("begin the upload again with the right size")
                    .said("upload.more-than-said")
                    .with("limit", readable(size))
            }
            Stopped::BrokenOff(error) => Failure::invalid(TITLE, format!("the connection broke: {error}"))
                .remedy("go on from where it stands")
                .said("upload.broke-off"),
            Stopped::Failed(failure) => failure,
        })?;
        Ok(Upload { id: token.to_owned(), name: meta.name, size, offset: upload.received() })
    }

    /// Takes what comes, to its end. What has arrived is kept, whatever stops it.
    async fn take(
        self: &Arc<Self>,
        mut upload: blobs::Upload,
        most_bytes: u64,
        mut bytes: ByteStream,
    ) -> std::result::Result<blobs::Upload, Stopped> {
        loop {
            let part = read_part(&mut bytes).await.map_err(Stopped::BrokenOff)?;
            if part.is_empty() {
                return Ok(upload);
            }
            let at = upload.received();
            if at + part.len() as u64 > most_bytes {
                return Err(Stopped::TooMany);
            }
            let append = move |_: &Arc<Self>| {
                let appended = upload.append(at, &part);
                appended.map(|()| upload).map_err(|error| blob_failure("cannot take the file", &error))
            };
            upload = self.blocking(append).await.map_err(Stopped::Failed)?;
        }
    }

    pub(super) async fn receive_upload(
        self: &Arc<Self>,
        viewer: &Viewer,
        name: &str,
        max_bytes: u64,
        bytes: ByteStream,
    ) -> Result<Upload> {
        const TITLE: &str = "cannot take the file";
        check_file_name(name).map_err(|problem| Failure::rule(TITLE, &problem))?;
        let token = data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>());
        let upload = {
            let (viewer, token, name) = (viewer.clone(), token.clone(), name.to_owned());
            let open = move |app: &Arc<Self>| {
                app.may_begin(&viewer, TITLE)?;
                // Its size is not known yet; whose it is counts from now on.
                app.begin(&viewer, &token, &name, 0)?;
                app.blobs.upload(&token, None).map_err(|error| {
                    let _ = std::fs::remove_file(app.meta_path(&token));
                    blob_failure(TITLE, &error)
                })
            };
            self.blocking(open).await?
        };
        let taken = self.take(upload, max_bytes, bytes).await.map_err(|stopped| match stopped {
            Stopped::TooMany => {
                Failure::new(FailureKind::TooLarge, TITLE, format!("it has more than {max_bytes} bytes"))
                    .remedy("upload it with script switched on, which takes files of any size")
                    .said("upload.too-large")
                    .with("limit", readable(max_bytes))
            }
            Stopped::BrokenOff(error) => Failure::invalid(TITLE, format!("the connection broke: {error}"))
                .remedy("send it again")
                .said("upload.broke-off"),
            Stopped::Failed(failure) => failure,
        });
        let size = taken.map(|upload| upload.received());
        let begun = size.and_then(|size| match size {
            0 => Err(super::add::empty(name)),
            size => self.begin(viewer, &token, name, size).map(|()| size),
        });
        // Nobody knows its name yet, so nobody could go on with it.
        let size = begun.inspect_err(|_| {
            let _ = self.blobs.abandon_upload(&token);
            let _ = std::fs::remove_file(self.meta_path(&token));
        })?;
        Ok(Upload { id: token, name: name.to_owned(), size, offset: size })
    }

    pub(super) fn discard_upload(&self, viewer: &Viewer, token: &str) -> Result<()> {
        self.meta(viewer, token)?;
        self.blobs.abandon_upload(token).map_err(|error| blob_failure("cannot give the upload up", &error))?;
        let _ = std::fs::remove_file(self.meta_path(token));
        Ok(())
    }

    /// The uploads that are to be published, in the order given, if all of each is here.
    pub(super) fn complete_uploads(&self, viewer: &Viewer, tokens: &[String]) -> Result<Vec<CompleteUpload>> {
        const TITLE: &str = "cannot publish the upload";
        // Each is open from here on.
        if tokens.len() > MAX_FILES {
            let detail = format!("{} files are more than the {MAX_FILES} of a resource", tokens.len());
            return Err(Failure::invalid(TITLE, detail)
                .remedy("publish them as several resources")
                .said("files.too-many")
                .with("count", tokens.len())
                .with("limit", MAX_FILES));
        }
        let mut complete = Vec::with_capacity(tokens.len());
        for (at, token) in tokens.iter().enumerate() {
            let Meta { name, size, .. } = self.meta(viewer, token)?;
            if tokens[..at].contains(token) {
                let detail = format!("the upload of “{name}” is given twice");
                return Err(Failure::invalid(TITLE, detail).remedy("give each upload once"));
            }
            let bytes = self.blobs.upload(token, Some(size)).map_err(|error| blob_failure(TITLE, &error))?;
            if bytes.received() != size {
                let detail = format!("“{name}” is at {} of {size} bytes", bytes.received());
                return Err(Failure::conflict(TITLE, detail)
                    .remedy("send the rest first")
                    .said("upload.unfinished")
                    .with("name", name));
            }
            complete.push(CompleteUpload { name, size, bytes });
        }
        Ok(complete)
    }

    /// They are published: what belongs to them beside their bytes goes.
    pub(super) fn forget_uploads(&self, tokens: &[String]) {
        for token in tokens {
            let _ = std::fs::remove_file(self.meta_path(token));
        }
    }

    /// Gives up what nobody has gone on with for a week.
    pub(super) fn expire_uploads(&self) {
        let Some(before) = SystemTime::now().checked_sub(EXPIRY) else { return };
        match self.blobs.expire_uploads(before) {
            Ok(expired) => self.forget_uploads(&expired),
            Err(error) => tracing::warn!(%error, "old uploads could not be cleared"),
        }
        self.expire_metas(before);
    }

    /// Those that a kill has left without their bytes, just as these were published.
    fn expire_metas(&self, before: SystemTime) {
        let Ok(names) = std::fs::read_dir(self.home.paths().staging()) else { return };
        for entry in names.flatten() {
            let name = entry.file_name();
            let Some(token) = name.to_str().and_then(|name| name.strip_suffix(".meta")) else { continue };
            let is_old = entry.metadata().and_then(|m| m.modified()).is_ok_and(|modified| modified < before);
            let is_alone = !self.home.paths().staging().join(format!("{token}.upload")).exists();
            if is_old && is_alone && self.blobs.abandon_upload(token).is_ok() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

/// A size for people: “12.00 MB”.
fn readable(bytes: u64) -> impl std::fmt::Display {
    indicatif::DecimalBytes(bytes)
}

/// The next bytes, at most [`PART_BYTES`]; none at the end.
async fn read_part(bytes: &mut ByteStream) -> std::io::Result<Vec<u8>> {
    let mut part = Vec::with_capacity(PART_BYTES);
    let mut limited = bytes.take(PART_BYTES as u64);
    while limited.read_buf(&mut part).await? > 0 {}
    Ok(part)
}
