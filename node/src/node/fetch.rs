//! Bringing a resource's files to this node, and putting them where a person wants them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kapok_http::port::{Failure, FetchReply, FetchRequest, FetchedFile, Progress, ProgressSender, Result, Viewer};
use kapok_library::resource::File;
use kapok_protocol::blob::message::Urgency;

use super::app::{App, failure};
use super::facts;
use crate::catalogue::Record;

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
        let home = found.key.author;
        let files = found.resource.files.clone();
        let total_bytes = found.resource.bytes();
        // What a person waits for goes before everything else; the texts come along, so that it is found better.
        let texts = files.iter().filter_map(|file| file.text.map(|text| (text.blob, text.size)));
        let wanted: Vec<_> = files.iter().map(|file| (file.blob, file.size)).chain(texts).collect();
        let missing: Vec<_> =
            wanted.into_iter().filter(|(blob, _)| !self.blobs.contains(*blob).unwrap_or(false)).collect();
        if !missing.is_empty() {
            let unreachable =
                || Failure::unavailable(TITLE, "the network is not up yet").remedy("try again in a moment");
            let exchange = self.exchange.get().ok_or_else(unreachable)?.clone();
            if let Some(links) = self.links.get() {
                let _ = self.call_parent(links).await;
            }
            let fetches =
                missing.iter().map(|(blob, size)| exchange.fetch(*blob, *size, home, Urgency::Interactive, 0));
            let all = futures::future::join_all(fetches);
            tokio::pin!(all);
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
                        progress.report(Progress {
                            phase: "blobs".to_owned(),
                            name: found.resource.title.clone(),
                            done_bytes: files.iter().map(of).sum(),
                            total_bytes,
                            rate_bps: moving.iter().map(|transfer| transfer.rate_bps).sum(),
                            ..Progress::default()
                        });
                    }
                }
            };
            for ((blob, _), result) in missing.iter().zip(results) {
                // Without its text a file can be used all the same.
                if let Err(error) = result
                    && let Some(file) = files.iter().find(|file| file.blob == *blob)
                {
                    return Err(Failure::unavailable(
                        TITLE,
                        format!("“{}” cannot be brought here: {error}", file.name),
                    )
                    .remedy(
                        "try again when the node that has it can be reached; it comes by itself if you subscribe",
                    ));
                }
            }
            progress.report(Progress {
                phase: "blobs".to_owned(),
                name: found.resource.title.clone(),
                done_bytes: total_bytes,
                total_bytes,
                ..Progress::default()
            });
        }
        self.blocking(move |app| app.put_out(&files, out.as_deref())).await
    }

    fn put_out(&self, files: &[File], out: Option<&Path>) -> Result<FetchReply> {
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
    fn put_file(&self, file: &File, out: &Path) -> Result<PathBuf> {
        kapok_library::resource::rules::check_file_name(&file.name)
            .map_err(|problem| Failure::invalid(TITLE, problem.to_string()))?;
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
            std::fs::copy(&from, &staged).map_err(io)?;
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
                let detail = format!("“{}” is damaged on this node's disk", file.name);
                return Err(
                    Failure::internal(TITLE, detail).remedy("check the disk; it is fetched again when it is missing")
                );
            }
            std::fs::rename(&staged, &path).map_err(io)?;
            return Ok(path);
        }
        Err(Failure::conflict(TITLE, format!("there are a thousand files called “{}” in {}", file.name, out.display()))
            .remedy("choose another folder with --out"))
    }

    /// Notes that a blob is here: what names it as its text is indexed anew.
    pub(super) fn arrived(&self, blob: kapok_protocol::blob::BlobId) -> Result<()> {
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
