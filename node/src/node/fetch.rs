//! Bringing a resource's files to this node, and putting them where a person wants them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kapok_http::port::{Failure, FetchReply, FetchRequest, FetchedFile, Progress, ProgressSender, Result, Viewer};
use kapok_library::resource::File;
use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::message::Urgency;
use kapok_store::blobs::Verdict;

use super::app::{App, blob_failure, failure};
use super::facts;
use crate::catalogue::{Found, Record};

const TITLE: &str = "cannot get the files";

impl App {
    pub(super) async fn fetch(
        self: &Arc<Self>,
        viewer: &Viewer,
        id: &str,
        request: &FetchRequest,
        progress: &ProgressSender,
    ) -> Result<FetchReply> {
        let out = request.out.as_deref().map(|out| out_dir(viewer, out)).transpose()?;
        let (viewer, id) = (viewer.clone(), id.to_owned());
        let found = self.blocking(move |app| app.visible(&app.reading()?, &viewer, &id)).await?;
        let found = Arc::new(found);
        // A file that is here may turn out damaged when it is read; then it is brought here once more.
        let mut damaged = BTreeSet::new();
        loop {
            self.bring(&found, &damaged, progress).await?;
            let (putting, out) = (found.clone(), out.clone());
            match self.blocking(move |app| Ok(app.put_out(&putting.resource.files, out.as_deref()))).await? {
                Ok(reply) => return Ok(reply),
                Err(Unput::Damaged(blob)) if damaged.insert(blob) => {
                    self.survey.saw(blob);
                    self.rounds.recount();
                }
                Err(Unput::Damaged(blob)) => return Err(self.damaged(blob)),
                Err(Unput::Failed(failure)) => return Err(failure),
            }
        }
    }

    /// Brings here what is missing of a resource, and waits for it.
    async fn bring(
        self: &Arc<Self>,
        found: &Found,
        damaged: &BTreeSet<BlobId>,
        progress: &ProgressSender,
    ) -> Result<()> {
        let home = found.key.author;
        let files = &found.resource.files;
        let total_bytes = found.resource.bytes();
        // What a person waits for goes before everything else; the texts come along, so that it is found better.
        let texts = files.iter().filter_map(|file| file.text.map(|text| (text.blob, text.size)));
        let wanted = files.iter().map(|file| (file.blob, file.size)).chain(texts);
        let missing: Vec<_> = wanted.filter(|(blob, _)| !self.blobs.contains(*blob).unwrap_or(false)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let unreachable = || {
            Failure::unavailable(TITLE, "the network is not up yet")
                .remedy("try again in a moment")
                .said("fetch.not-ready")
        };
        let exchange = self.exchange.get().ok_or_else(unreachable)?.clone();
        if let Some(links) = self.links.get() {
            let _ = self.call_parent(links).await;
        }
        self.approach(home, missing.iter().map(|(_, size)| size).sum()).await;
        let fetches = missing.iter().map(|(blob, size)| exchange.fetch(*blob, *size, home, Urgency::Interactive, 0));
        let all = futures::future::join_all(fetches);
        tokio::pin!(all);
        let step = |done_bytes| {
            let estimator = exchange.flow().estimator;
            Progress {
                phase: "blobs".to_owned(),
                name: found.resource.title.clone(),
                done_bytes,
                total_bytes,
                rate_bps: estimator.rate_bps(),
                seconds_left: estimator.left(total_bytes.saturating_sub(done_bytes)).firm_seconds(),
                ..Progress::default()
            }
        };
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(250));
        let results = loop {
            tokio::select! {
                results = &mut all => break results,
                _ = tick.tick() => {
                    let moving = exchange.progress();
                    let of = |file: &File| {
                        let here = self.blobs.contains(file.blob).unwrap_or(false);
                        let done = moving.iter().find(|transfer| transfer.blob == file.blob).map_or(0, |t| t.done);
                        if here { file.size } else { done }
                    };
                    let done_bytes = files.iter().map(of).sum();
                    progress.report(step(done_bytes));
                }
            }
        };
        for ((blob, _), result) in missing.iter().zip(results) {
            // Without its text a file can be used all the same.
            let Some(file) = files.iter().find(|file| file.blob == *blob) else { continue };
            let Err(error) = result else { continue };
            let detail = format!("“{}” cannot be brought here: {error}", file.name);
            return Err(if damaged.contains(blob) {
                let why = format!("{detail}; this node's own copy was damaged on its disk and is in quarantine");
                Failure::unavailable(TITLE, why)
                    .remedy("it stays wanted: try again when a node that has it can be reached; have the disk checked")
                    .said("fetch.no-holder")
                    .with("name", &file.name)
            } else {
                Failure::unavailable(TITLE, detail)
                    .remedy("try again when the node that has it can be reached; it comes by itself if you subscribe")
                    .said("fetch.no-holder")
                    .with("name", &file.name)
            });
        }
        progress.report(step(total_bytes));
        Ok(())
    }

    fn put_out(&self, files: &[File], out: Option<&Path>) -> std::result::Result<FetchReply, Unput> {
        let mut fetched = Vec::with_capacity(files.len());
        for file in files {
            let path = out.map(|out| self.put_file(file, out)).transpose()?;
            let facts = facts::file(file);
            let path = path.map(|path| path.display().to_string());
            fetched.push(FetchedFile { name: facts.name, size: facts.size, blob: facts.blob, path });
        }
        Ok(FetchReply { files: fetched })
    }

    /// Writes a file into a folder: under its own name, or a numbered one where another file has it.
    fn put_file(&self, file: &File, out: &Path) -> std::result::Result<PathBuf, Unput> {
        kapok_library::resource::rules::check_file_name(&file.name)
            .map_err(|problem| Failure::rule(TITLE, &problem))?;
        let from = self.blobs.path_of(file.blob);
        let io = |error: std::io::Error| {
            let detail = format!("cannot write “{}” into {}: {error}", file.name, out.display());
            Failure::no_space(TITLE, detail).remedy("choose another folder with --out, or free some space")
        };
        let (stem, ending) = file.name.rsplit_once('.').map_or((file.name.as_str(), None), |(s, e)| (s, Some(e)));
        for number in 0..1_000 {
            let name = match (number, ending) {
                (0, _) => file.name.clone(),
                (n, Some(ending)) => format!("{stem} ({n}).{ending}"),
                (n, None) => format!("{stem} ({n})"),
            };
            let path = out.join(name);
            if path.exists() {
                // The same file once more is not a second one.
                if std::fs::File::open(&path).is_ok_and(|there| is_blob(there, file)) {
                    return Ok(path);
                }
                continue;
            }
            // Whole or not at all, also when the power goes.
            let staged = out.join(format!(".{}.kapok", file.blob));
            if let Err(error) = std::fs::copy(&from, &staged) {
                let _ = std::fs::remove_file(&staged);
                // The place to read from may be the bad one.
                return Err(match self.blobs.verify(file.blob) {
                    Ok(Verdict::Damaged | Verdict::NotHeld) => Unput::Damaged(file.blob),
                    _ => io(error).into(),
                });
            }
            let writable = std::fs::metadata(&staged).map(|metadata| {
                let mut permissions = metadata.permissions();
                #[allow(
                    clippy::permissions_set_readonly_false,
                    reason = "a copy of one's own, under the umask of copy"
                )]
                permissions.set_readonly(false);
                permissions
            });
            writable.and_then(|permissions| std::fs::set_permissions(&staged, permissions)).map_err(io)?;
            // What was written is what was published, or nothing is left.
            if !std::fs::File::open(&staged).is_ok_and(|copy| is_blob(copy, file)) {
                let _ = std::fs::remove_file(&staged);
                return Err(self.blame(file, out));
            }
            std::fs::rename(&staged, &path).map_err(io)?;
            return Ok(path);
        }
        let detail = format!("there are a thousand files called “{}” in {}", file.name, out.display());
        Err(Failure::conflict(TITLE, detail).remedy("choose another folder with --out").into())
    }

    /// A copy is not what it should be: which of the two disks is to blame.
    fn blame(&self, file: &File, out: &Path) -> Unput {
        match self.blobs.verify(file.blob) {
            Ok(Verdict::Damaged | Verdict::NotHeld) => Unput::Damaged(file.blob),
            Ok(Verdict::Good { .. }) => {
                let detail = format!("what was written of “{}” into {} is not what was read", file.name, out.display());
                Failure::internal(TITLE, detail).remedy("check that disk, or choose another folder with --out").into()
            }
            Err(error) => blob_failure(TITLE, &error).into(),
        }
    }

    /// Notes that a blob is here: what names it as its text is indexed anew.
    pub(super) fn arrived(&self, blob: BlobId) -> Result<()> {
        self.rounds.recount();
        let is_text = {
            let reading = self.reading()?;
            reading.uses(&blob).map_err(failure)?.iter().any(|used| used.is_text)
        };
        if is_text {
            self.catalogue.append(vec![Record::TextArrived(blob)]).map_err(failure)?;
        }
        Ok(())
    }
}

/// Why files were not put out.
enum Unput {
    /// This node's own copy is in quarantine.
    Damaged(BlobId),
    Failed(Failure),
}

impl From<Failure> for Unput {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn is_blob(file: std::fs::File, expected: &File) -> bool {
    let mut hasher = kapok_protocol::blob::piece::PieceHasher::new();
    let mut reader = std::io::BufReader::with_capacity(256 * 1024, file);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match std::io::Read::read(&mut reader, &mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(_) => return false,
        }
    }
    hasher.finish().blob() == expected.blob
}

/// The folder that the owner of the node wants the files in.
fn out_dir(viewer: &Viewer, out: &str) -> Result<PathBuf> {
    let path = PathBuf::from(out);
    if !matches!(viewer, Viewer::Owner) || !path.is_absolute() {
        return Err(Failure::invalid(TITLE, "only the node's owner can name a folder, by its absolute path"));
    }
    if !path.is_dir() {
        return Err(Failure::invalid(TITLE, format!("{} is not a folder", path.display()))
            .remedy("create it, or choose another with --out"));
    }
    Ok(path)
}
