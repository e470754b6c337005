//! Adding: files into the blob store, their text out of them, one signed entry for each resource.
//!
//! Order: bytes durable, texts durable, then the entries: data before reference. Nothing is published unless all of it
//! can be; what was stored for nothing stays, see `collect`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kapok_http::port::{
    AddReply, AddRequest, AddSource, AddedResource, Failure, FailureKind, IngestMode, Progress, ProgressSender, Result,
    Viewer,
};
use kapok_indexer::ExtractError;
use kapok_library::resource::rules::{check_file_name, check_publishable};
use kapok_library::resource::{File, Resource, ResourceId, ResourceKey, Text};
use kapok_library::vocabulary::Vocabulary;
use kapok_protocol::entry::PersonId;
use kapok_protocol::visibility::Visibility;
use kapok_store::blobs::{AddMode, Added};

use super::app::{App, blob_failure, failure, now};
use super::facts;
use crate::catalogue::{Found, Statement};

const TITLE: &str = "cannot add";
/// More files in one call are better given in several; each call publishes all or nothing.
const MAX_FILES: usize = 20_000;
/// Folders within folders; deeper ones are a loop.
const MAX_DEPTH: usize = 32;
/// Until a search finds what was added.
const INDEX_PATIENCE: Duration = Duration::from_secs(10);
/// Better compression of what is made once and sent often.
const TEXT_LEVEL: i32 = 12;
/// A licence is needed; what a node adds without saying is for the federation.
const DEFAULT_LICENSE: &str = "federation";

/// A file that is in the blob store.
struct Stored {
    name: String,
    added: Added,
}

impl App {
    pub(super) fn add(
        self: &Arc<Self>,
        viewer: &Viewer,
        request: &AddRequest,
        progress: &ProgressSender,
    ) -> Result<AddReply> {
        let replaced = request.replaces.as_deref().map(|id| self.replaced(id)).transpose()?;
        let draft = draft(request)?;
        let (stored, together) = match request.source() {
            AddSource::Paths(paths) => {
                let files = self.expand(&paths)?;
                (self.store_paths(&files, request.mode, progress)?, request.together)
            }
            AddSource::Uploads(tokens) => (self.finish_uploads(viewer, &tokens)?, true),
        };
        let groups: Vec<Vec<Stored>> = if together || replaced.is_some() {
            vec![stored]
        } else {
            stored.into_iter().map(|file| vec![file]).collect()
        };
        let many = groups.len() > 1;
        let time = now();
        let total = groups.iter().map(Vec::len).sum::<usize>() as u64;
        let mut done = 0;
        let mut statements = Vec::with_capacity(groups.len());
        let mut added = Vec::with_capacity(groups.len());
        for group in groups {
            let mut files = Vec::with_capacity(group.len());
            let mut found_title = None;
            for stored in group {
                let (text, title) = self.extract(&stored)?;
                found_title = found_title.or(title);
                done += 1;
                progress.report(Progress {
                    phase: "publish".to_owned(),
                    done_items: done,
                    total_items: total,
                    ..Progress::default()
                });
                files.push(File {
                    mime: media_type(&stored.name).to_owned(),
                    name: stored.name,
                    size: stored.added.size,
                    blob: stored.added.id,
                    text,
                });
            }
            let resource = Resource { files, version: 1, created: time, ..draft.clone() };
            let resource = titled(resource, many, found_title.as_deref());
            let (key, resource, visibility) = self.versioned(resource, replaced.as_ref(), request);
            check_publishable(&resource, Vocabulary::get())
                .map_err(|problem| Failure::invalid(TITLE, problem.to_string()))?;
            added.push(AddedResource {
                id: key.id().to_string(),
                title: resource.title.clone(),
                version: u64::from(resource.version),
                files: resource.files.iter().map(facts::file).collect(),
            });
            // A changed visibility is another shelf: the entry on the old one is taken back in the same breath.
            if let Some(old) = replaced.as_ref().filter(|old| old.visibility != visibility) {
                statements.push(statement(key, old.visibility, None, viewer, self));
            }
            statements.push(statement(key, visibility, Some(resource.to_body()), viewer, self));
        }
        self.catalogue.publish(statements, time).map_err(failure)?;
        self.rounds.recount();
        let end = self.catalogue.journal().end().position;
        if !self.indexing.wait_for(end, INDEX_PATIENCE) {
            tracing::info!("what was added will be found by searches a little later");
        }
        self.rounds.announce();
        Ok(AddReply { resources: added })
    }

    /// The resource of which a new version is added; only its own node can.
    fn replaced(&self, id: &str) -> Result<Found> {
        let refused = |kind, detail: String| Failure::new(kind, "cannot add a new version", detail);
        let id: ResourceId = id
            .parse()
            .map_err(|e: kapok_library::resource::NotAResourceId| refused(FailureKind::Invalid, e.to_string()))?;
        let reading = self.reading()?;
        let found = reading.resource(&id).map_err(failure)?.ok_or_else(|| {
            refused(FailureKind::NotFound, format!("there is no resource {id}, or it was withdrawn"))
                .remedy("add it as a new resource, without --replaces")
        })?;
        if found.key.author != self.catalogue.id() {
            let (name, _) = Self::named(&reading, &found.key.author);
            return Err(refused(FailureKind::Forbidden, format!("it belongs to {name}"))
                .remedy("add it as a resource of your own, or ask them to replace it"));
        }
        Ok(found)
    }

    /// The key, body and visibility under which a resource is published: a new one, or the next version of `old`.
    fn versioned(
        &self,
        mut resource: Resource,
        old: Option<&Found>,
        request: &AddRequest,
    ) -> (ResourceKey, Resource, Visibility) {
        let asked = request.visibility.map(facts::protocol_visibility);
        let Some(old) = old else {
            let key = ResourceKey { author: self.catalogue.id(), name: rand::random() };
            return (key, resource, asked.unwrap_or(Visibility::Federation));
        };
        // What is not said anew stays as it was.
        let was = &old.resource;
        let keep = |new: &mut String, old: &String| {
            if new.is_empty() {
                new.clone_from(old);
            }
        };
        if request.title.is_none() {
            resource.title.clone_from(&was.title);
        }
        keep(&mut resource.description, &was.description);
        keep(&mut resource.subject, &was.subject);
        keep(&mut resource.kind, &was.kind);
        keep(&mut resource.maker, &was.maker);
        if request.license.is_none() {
            resource.license.clone_from(&was.license);
        }
        if resource.stage.is_empty() {
            resource.stage.clone_from(&was.stage);
            resource.years.clone_from(&was.years);
        }
        if resource.keywords.is_empty() {
            resource.keywords.clone_from(&was.keywords);
        }
        let visibility = asked.unwrap_or(old.visibility);
        (old.key, was.replaced_by(resource, old.time, old.visibility, visibility), visibility)
    }

    /// The files of paths and folders, in order; hidden and temporary ones are passed over.
    fn expand(&self, paths: &[String]) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for path in paths {
            let path = PathBuf::from(path);
            let refused = |detail: String| Failure::invalid(format!("cannot add {}", path.display()), detail);
            if !path.is_absolute() {
                return Err(refused("the path is not absolute".to_owned()));
            }
            let metadata = std::fs::metadata(&path)
                .map_err(|error| refused(error.to_string()).remedy("check the path; nothing was added"))?;
            if metadata.is_dir() {
                walk(&path, 0, &mut files).map_err(|error| refused(error.to_string()))?;
            } else {
                files.push(path.clone());
            }
            if files.len() > MAX_FILES {
                return Err(refused(format!("there are more than {MAX_FILES} files")).remedy("add a part at a time"));
            }
        }
        if files.is_empty() {
            return Err(Failure::invalid(TITLE, "there is no file in it").remedy("give at least one file"));
        }
        for path in &files {
            check_file_name(&name_of(path)?).map_err(|problem| Failure::invalid(TITLE, problem.to_string()))?;
        }
        Ok(files)
    }

    fn store_paths(&self, files: &[PathBuf], mode: IngestMode, progress: &ProgressSender) -> Result<Vec<Stored>> {
        let mode = match mode {
            IngestMode::Copy => AddMode::Copy,
            IngestMode::Move => AddMode::Move,
            IngestMode::Reflink => AddMode::Reflink,
        };
        // An empty file is refused before anything is moved.
        for path in files {
            if std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
                return Err(empty(&path.display().to_string()));
            }
        }
        let sizes: Vec<u64> = files.iter().map(|path| std::fs::metadata(path).map_or(0, |m| m.len())).collect();
        let total: u64 = sizes.iter().sum();
        let mut done_bytes = 0;
        let mut stored = Vec::with_capacity(files.len());
        // Files are synced together, so that a folder of small ones does not cost a disk turn each.
        for (files, sizes) in files.chunks(64).zip(sizes.chunks(64)) {
            for (path, added) in files.iter().zip(self.blobs.add_batch(files, mode)) {
                let title = format!("cannot add {}", path.display());
                let added = added.map_err(|error| blob_failure(title, &error))?;
                stored.push(Stored { name: name_of(path)?, added });
            }
            done_bytes += sizes.iter().sum::<u64>();
            progress.report(Progress {
                phase: "hash".to_owned(),
                done_bytes,
                total_bytes: total,
                done_items: stored.len() as u64,
                ..Progress::default()
            });
        }
        Ok(stored)
    }

    fn finish_uploads(&self, viewer: &Viewer, tokens: &[String]) -> Result<Vec<Stored>> {
        let finished = self.uploads_finished(viewer, tokens)?;
        Ok(finished.into_iter().map(|(name, added)| Stored { name, added }).collect())
    }

    /// The text of a file as a blob, and the title that the file itself gives.
    fn extract(&self, stored: &Stored) -> Result<(Option<Text>, Option<String>)> {
        let extracted = match self.extraction.extract(&self.blobs.path_of(stored.added.id), &stored.name) {
            Ok(extracted) => extracted,
            Err(ExtractError::NoText | ExtractError::Unsupported) => return Ok((None, None)),
            Err(error) => {
                // The file is shared all the same: who has the right program opens it.
                tracing::info!(file = stored.name, %error, "no text was found");
                return Ok((None, None));
            }
        };
        if extracted.text.trim().is_empty() {
            return Ok((None, extracted.title));
        }
        let packed = zstd::bulk::compress(extracted.text.as_bytes(), TEXT_LEVEL)
            .map_err(|error| Failure::internal(TITLE, format!("its text cannot be packed: {error}")))?;
        let added = self.blobs.add_reader(&mut packed.as_slice(), Some(packed.len() as u64));
        let added = added.map_err(|error| blob_failure(TITLE, &error))?;
        Ok((Some(Text { blob: added.id, size: added.size }), extracted.title))
    }
}

fn statement(key: ResourceKey, visibility: Visibility, body: Option<Vec<u8>>, viewer: &Viewer, app: &App) -> Statement {
    let person = viewer.person().map(|id| PersonId { home: app.catalogue.id(), id: id.0 });
    Statement { key: key.entry_key(), visibility, body, person }
}

/// Everything that the request says of the resource, in the vocabulary's words.
fn draft(request: &AddRequest) -> Result<Resource> {
    let vocabulary = Vocabulary::get();
    let unknown = |field: &str, typed: &str, known: Vec<&str>| {
        let typed: String = typed.chars().take(40).collect();
        Failure::invalid(TITLE, format!("“{typed}” is not a {field}"))
            .remedy(format!("known are: {}", known.join(", ")))
    };
    let term = |field, typed: Option<&str>, terms: &kapok_library::vocabulary::Terms| match typed {
        None | Some("") => Ok(String::new()),
        Some(typed) => {
            terms.slug(typed).map(str::to_owned).ok_or_else(|| unknown(field, typed, terms.keys().collect()))
        }
    };
    let mut stage = match request.stage.as_deref() {
        None | Some("") => String::new(),
        Some(typed) => vocabulary
            .stage_slug(typed)
            .ok_or_else(|| unknown("stage", typed, vocabulary.stages().collect()))?
            .to_owned(),
    };
    let mut years = Vec::new();
    if let Some(typed) = request.grade.as_deref().filter(|typed| !typed.is_empty()) {
        let named = (!stage.is_empty()).then_some(stage.as_str());
        let (found, year) = vocabulary.grade(typed, named).ok_or_else(|| {
            Failure::invalid(TITLE, format!("“{}” is not a grade", typed.chars().take(40).collect::<String>()))
                .remedy("say it as 五年级, or as a number together with --stage")
        })?;
        years.push(year);
        found.clone_into(&mut stage);
    }
    let license = match term("licence", request.license.as_deref(), &vocabulary.license)? {
        none if none.is_empty() => DEFAULT_LICENSE.to_owned(),
        some => some,
    };
    Ok(Resource {
        title: request.title.as_deref().unwrap_or_default().trim().to_owned(),
        description: request.description.as_deref().unwrap_or_default().trim().to_owned(),
        keywords: request.keywords.iter().map(|k| k.trim().to_owned()).filter(|k| !k.is_empty()).collect(),
        subject: term("subject", request.subject.as_deref(), &vocabulary.subject)?,
        kind: term("kind", request.kind.as_deref(), &vocabulary.kind)?,
        stage,
        years,
        language: "zh-CN".to_owned(),
        license,
        note: request.note.as_deref().unwrap_or_default().trim().to_owned(),
        ..Resource::default()
    })
}

/// A title where none was given: the first file's name without its ending. With many resources in one call a given
/// title would name them all alike, so each gets its own behind it.
fn titled(mut resource: Resource, many: bool, _found: Option<&str>) -> Resource {
    let name = resource.files.first().map(|file| file.name.clone()).unwrap_or_default();
    let stem = Path::new(&name).file_stem().map_or(name.clone(), |stem| stem.to_string_lossy().into_owned());
    if resource.title.is_empty() {
        resource.title = stem;
    } else if many {
        resource.title = format!("{} {stem}", resource.title);
    }
    resource.title = resource.title.chars().take(kapok_library::resource::rules::MAX_TITLE_CHARS).collect();
    resource
}

pub(super) fn empty(name: &str) -> Failure {
    Failure::invalid(format!("cannot add {name}"), "it is empty (0 bytes)")
        .remedy("perhaps another program has not finished writing it; add it again then")
}

fn name_of(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    name.ok_or_else(|| {
        Failure::invalid(format!("cannot add {}", path.display()), "its name is not Unicode text")
            .remedy("rename it and add it again")
    })
}

fn walk(dir: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if depth > MAX_DEPTH || files.len() > MAX_FILES {
        return Ok(());
    }
    let mut entries = std::fs::read_dir(dir)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // Hidden files, and the lock files of office programs.
        if name.starts_with('.') || name.starts_with("~$") || name == "Thumbs.db" || name == "desktop.ini" {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The media type by a file's ending: a hint for browsers, checked again where it is served.
fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "pdf" => "application/pdf",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "doc" => "application/msword",
        "ppt" => "application/vnd.ms-powerpoint",
        "xls" => "application/vnd.ms-excel",
        "epub" => "application/epub+zip",
        "zip" => "application/zip",
        "txt" | "md" | "csv" => "text/plain",
        "html" | "htm" => "text/html",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        "mp3" => "audio/mpeg",
        "m4a" => "audio/mp4",
        "ogg" | "oga" => "audio/ogg",
        "wav" => "audio/wav",
        "mp4" | "m4v" => "video/mp4",
        "webm" => "video/webm",
        _ => "application/octet-stream",
    }
}
