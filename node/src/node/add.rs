//! Adding: files into the blob store, their text out of them, one signed entry for each resource.
//!
//! What can be refused without reading a file is refused first. Then the files are staged and read for their text, which
//! leaves no trace; then they get their places, durably; then the entries are published: data before reference. Only
//! after that do the files go that were moved, and the uploads that were used up. Nothing is published unless all of it
//! can be, and what goes wrong on the way leaves everything as it was ([`kapok_store::blobs::Kept`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kapok_http::port::{
    AddReply, AddRequest, AddSource, AddedResource, Failure, FailureKind, IngestMode, Progress, ProgressSender, Result,
    Viewer,
};
use kapok_indexer::ExtractError;
use kapok_library::resource::rules::{MAX_TITLE_CHARS, check_file_name, check_publishable};
use kapok_library::resource::{File, Resource, ResourceId, ResourceKey, Text};
use kapok_library::vocabulary::Vocabulary;
use kapok_private::role::Permission;
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{MAX_ENTRY_BYTES, PersonId};
use kapok_protocol::visibility::Visibility;
use kapok_store::blobs::{AddMode, Staged};

use super::app::{App, blob_failure, failure, now};
use super::facts;
use super::uploads::CompleteUpload;
use crate::catalogue::{Found, Statement};

#[cfg(test)]
mod tests;

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

/// Staged together, so that progress is seen.
const STAGE_FILES: usize = 64;

/// The files that are to be added.
enum Offered {
    Paths(Vec<PathFile>),
    Uploads(Vec<CompleteUpload>),
}

/// A file of this machine.
struct PathFile {
    path: PathBuf,
    name: String,
    size: u64,
}

/// A file that is ready to become a blob.
struct Named {
    name: String,
    staged: Staged,
}

impl Offered {
    /// The files' names and sizes, as their resources will state them.
    fn files(&self) -> Vec<File> {
        let file = |name: &String, size| File {
            mime: media_type(name).to_owned(),
            name: name.clone(),
            size,
            blob: BlobId([0; 32]),
            text: None,
        };
        match self {
            Self::Paths(paths) => paths.iter().map(|path| file(&path.name, path.size)).collect(),
            Self::Uploads(uploads) => uploads.iter().map(|upload| file(&upload.name, upload.size)).collect(),
        }
    }
}

/// What the resources of one call have in common.
struct Plan<'a> {
    request: &'a AddRequest,
    draft: Resource,
    /// All files are one resource.
    together: bool,
    me: kapok_protocol::identity::NodeId,
}

impl Plan<'_> {
    fn grouped<T>(&self, files: Vec<T>) -> Vec<Vec<T>> {
        if self.together { vec![files] } else { files.into_iter().map(|file| vec![file]).collect() }
    }

    /// The resource of these files as it will be published, if it may be.
    fn resource(
        &self,
        files: Vec<File>,
        many: bool,
        old: Option<&Found>,
    ) -> Result<(ResourceKey, Resource, Visibility)> {
        let resource = Resource { files, version: 1, ..self.draft.clone() };
        let (key, resource, visibility) = self.versioned(titled(resource, many), old);
        let checked = check_publishable(&resource, Vocabulary::get());
        checked.map_err(|problem| Failure::rule(TITLE, &problem))?;
        let bytes = resource.to_body().len();
        if bytes > MAX_ENTRY_BYTES {
            let detail = format!(
                "what is said of its {} files takes {bytes} bytes, more than the {MAX_ENTRY_BYTES} of an entry",
                resource.files.len()
            );
            return Err(Failure::invalid(TITLE, detail).remedy("add the files as several resources"));
        }
        Ok((key, resource, visibility))
    }

    /// The key, body and visibility under which a resource is published: a new one, or the next version of `old`.
    fn versioned(&self, mut resource: Resource, old: Option<&Found>) -> (ResourceKey, Resource, Visibility) {
        let asked = self.request.visibility.map(facts::protocol_visibility);
        let Some(old) = old else {
            let key = ResourceKey { author: self.me, name: rand::random() };
            return (key, resource, asked.unwrap_or(Visibility::Federation));
        };
        // What is not said anew stays as it was.
        let was = &old.resource;
        let keep = |new: &mut String, old: &String| {
            if new.is_empty() {
                new.clone_from(old);
            }
        };
        if self.request.title.is_none() {
            resource.title.clone_from(&was.title);
        }
        keep(&mut resource.description, &was.description);
        keep(&mut resource.subject, &was.subject);
        keep(&mut resource.kind, &was.kind);
        keep(&mut resource.maker, &was.maker);
        if self.request.license.is_none() {
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
}

impl App {
    pub(super) fn add(
        self: &Arc<Self>,
        viewer: &Viewer,
        request: &AddRequest,
        progress: &ProgressSender,
    ) -> Result<AddReply> {
        let replaced = request.replaces.as_deref().map(|id| self.replaced(viewer, id)).transpose()?;
        let draft = Resource { created: now(), ..draft(request)? };
        let offered = match request.source() {
            AddSource::Paths(paths) => Offered::Paths(self.expand(&paths)?),
            AddSource::Uploads(tokens) => Offered::Uploads(self.complete_uploads(viewer, &tokens)?),
        };
        let together = request.together || replaced.is_some() || matches!(offered, Offered::Uploads(_));
        let plan = Plan { request, draft, together, me: self.catalogue.id() };
        self.refuse_early(&plan, &offered, replaced.as_ref())?;

        let files = match offered {
            Offered::Paths(paths) => self.stage_paths(&paths, request.mode, progress)?,
            Offered::Uploads(uploads) => stage_uploads(uploads)?,
        };
        let (groups, staged) = self.read_texts(plan.grouped(files), progress)?;
        // From here on until all is published, whatever goes wrong takes everything back.
        let is_named = |blob| self.may_be_named(blob);
        let kept = self.blobs.keep(staged, &is_named).map_err(|error| blob_failure(TITLE, &error))?;
        let resources = self.publish_resources(viewer, &plan, groups)?;
        for error in kept.settle() {
            tracing::warn!(%error, "published; a file that was to be moved is still where it was");
        }
        if let AddSource::Uploads(tokens) = request.source() {
            self.forget_uploads(&tokens);
        }
        self.rounds.recount();
        let end = self.catalogue.journal().end().position;
        if !self.indexing.wait_for(end, INDEX_PATIENCE) {
            tracing::info!("what was added will be found by searches a little later");
        }
        self.rounds.announce();
        Ok(AddReply { resources })
    }

    /// Refuses what will be refused, before any file is touched.
    fn refuse_early(&self, plan: &Plan<'_>, offered: &Offered, replaced: Option<&Found>) -> Result<()> {
        drop(self.reading()?);
        if let Some(reason) = self.catalogue.journal().read_only_because() {
            return Err(Failure::no_space(TITLE, reason).remedy("free some space; what is here can be read meanwhile"));
        }
        let title = plan.draft.title.chars().count();
        if title > MAX_TITLE_CHARS {
            let detail = format!("the title has {title} characters, more than {MAX_TITLE_CHARS}");
            return Err(Failure::invalid(TITLE, detail).remedy("shorten it").too_long("title", title, MAX_TITLE_CHARS));
        }
        let groups = plan.grouped(offered.files());
        let many = groups.len() > 1;
        groups.into_iter().try_for_each(|files| plan.resource(files, many, replaced).map(|_| ()))
    }

    /// One entry for each group of files: all of them or none.
    fn publish_resources(
        &self,
        viewer: &Viewer,
        plan: &Plan<'_>,
        groups: Vec<Vec<File>>,
    ) -> Result<Vec<AddedResource>> {
        // Two new versions of one resource come one after the other, and each knows the one before it.
        let _turn = plan.request.replaces.as_ref().map(|_| self.versions_turn());
        let replaced = plan.request.replaces.as_deref().map(|id| self.replaced(viewer, id)).transpose()?;
        let many = groups.len() > 1;
        let mut statements = Vec::with_capacity(groups.len());
        let mut added = Vec::with_capacity(groups.len());
        for files in groups {
            let (key, resource, visibility) = plan.resource(files, many, replaced.as_ref())?;
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
        self.catalogue.publish(statements, now()).map_err(failure)?;
        Ok(added)
    }

    /// The resource of which a new version is added; only its own node can, and there who published it or an
    /// administrator.
    fn replaced(&self, viewer: &Viewer, id: &str) -> Result<Found> {
        let refused = |kind, detail: String| Failure::new(kind, "cannot add a new version", detail);
        let id: ResourceId = id
            .parse()
            .map_err(|e: kapok_library::resource::NotAResourceId| refused(FailureKind::Invalid, e.to_string()))?;
        let reading = self.reading()?;
        let seen = |found: &Found| viewer.sees(facts::visibility(found.visibility));
        let found = Self::readable(&reading, &id)?.filter(seen).ok_or_else(|| {
            refused(FailureKind::NotFound, format!("there is no resource {id}, or it was withdrawn"))
                .remedy("add it as a new resource, without --replaces")
                .said("version.unknown")
        })?;
        if found.key.author != self.catalogue.id() {
            let (name, _) = Self::named(&reading, &found.key.author);
            return Err(refused(FailureKind::Forbidden, format!("it belongs to {name}"))
                .remedy("add it as a resource of your own, or ask them to replace it")
                .said("resource.not-yours")
                .with("name", name));
        }
        let own = viewer.person().is_some_and(|person| found.entry.entry().person.is_some_and(|by| by.id == person.0));
        if !own && !viewer.may(Permission::Withdraw) {
            return Err(refused(FailureKind::Forbidden, "somebody else of this school published it".to_owned())
                .remedy("add it as a resource of your own, or ask them or an administrator to replace it")
                .said("version.not-yours"));
        }
        Ok(found)
    }

    /// The files of paths and folders, in order; hidden and temporary ones are passed over.
    fn expand(&self, paths: &[String]) -> Result<Vec<PathFile>> {
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
            return Err(Failure::invalid(TITLE, "there is no file in it")
                .remedy("give at least one file")
                .said("files.missing"));
        }
        let file = |path: PathBuf| {
            let name = name_of(&path)?;
            check_file_name(&name).map_err(|problem| Failure::rule(TITLE, &problem))?;
            let metadata = std::fs::metadata(&path);
            if metadata.as_ref().is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0) {
                return Err(empty(&path.display().to_string()));
            }
            // One that has just gone is missed when it is read.
            Ok(PathFile { size: metadata.map_or(0, |metadata| metadata.len()), path, name })
        };
        files.into_iter().map(file).collect()
    }

    fn stage_paths(&self, files: &[PathFile], mode: IngestMode, progress: &ProgressSender) -> Result<Vec<Named>> {
        let mode = match mode {
            IngestMode::Copy => AddMode::Copy,
            IngestMode::Move => AddMode::Move,
            IngestMode::Reflink => AddMode::Reflink,
        };
        let total_bytes = files.iter().map(|file| file.size).sum();
        let mut done_bytes = 0;
        let mut all = Vec::with_capacity(files.len());
        for files in files.chunks(STAGE_FILES) {
            let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
            for (file, staged) in files.iter().zip(self.blobs.stage_batch(&paths, mode)) {
                let title = format!("cannot add {}", file.path.display());
                let staged = staged.map_err(|error| blob_failure(title, &error))?;
                if staged.size() == 0 {
                    return Err(empty(&file.path.display().to_string()));
                }
                all.push(Named { name: file.name.clone(), staged });
            }
            done_bytes += files.iter().map(|file| file.size).sum::<u64>();
            progress.report(Progress {
                phase: "hash".to_owned(),
                done_bytes,
                total_bytes,
                done_items: all.len() as u64,
                ..Progress::default()
            });
        }
        Ok(all)
    }

    /// The files as their resources state them, and everything that is to be kept: the files and their texts.
    fn read_texts(&self, groups: Vec<Vec<Named>>, progress: &ProgressSender) -> Result<(Vec<Vec<File>>, Vec<Staged>)> {
        let total_items = groups.iter().map(Vec::len).sum::<usize>() as u64;
        let mut stated = Vec::with_capacity(groups.len());
        let mut kept = Vec::new();
        let mut done_items = 0;
        for group in groups {
            let mut files = Vec::with_capacity(group.len());
            for file in group {
                let text = self.extract(&file)?;
                files.push(File {
                    mime: media_type(&file.name).to_owned(),
                    name: file.name,
                    size: file.staged.size(),
                    blob: file.staged.id(),
                    text: text.as_ref().map(|text| Text { blob: text.id(), size: text.size() }),
                });
                kept.push(file.staged);
                kept.extend(text);
                done_items += 1;
                let phase = "publish".to_owned();
                progress.report(Progress { phase, done_items, total_items, ..Progress::default() });
            }
            stated.push(files);
        }
        Ok((stated, kept))
    }

    /// The text of a file, as a blob to be.
    fn extract(&self, file: &Named) -> Result<Option<Staged>> {
        let extracted = match self.extraction.extract(&file.staged.path(), &file.name) {
            Ok(extracted) => extracted,
            Err(ExtractError::NoText | ExtractError::Unsupported) => return Ok(None),
            Err(error) => {
                // The file is shared all the same: who has the right program opens it.
                tracing::info!(file = file.name, %error, "no text was found");
                return Ok(None);
            }
        };
        if extracted.text.trim().is_empty() {
            return Ok(None);
        }
        let packed = zstd::bulk::compress(extracted.text.as_bytes(), TEXT_LEVEL)
            .map_err(|error| Failure::internal(TITLE, format!("its text cannot be packed: {error}")))?;
        let staged = self.blobs.stage_reader(&mut packed.as_slice(), Some(packed.len() as u64));
        staged.map(Some).map_err(|error| blob_failure(TITLE, &error))
    }
}

fn stage_uploads(uploads: Vec<CompleteUpload>) -> Result<Vec<Named>> {
    let stage = |upload: CompleteUpload| {
        let staged = upload.bytes.stage().map_err(|error| blob_failure("cannot publish the upload", &error))?;
        Ok(Named { name: upload.name, staged })
    };
    uploads.into_iter().map(stage).collect()
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
            .unknown_word(field, &typed)
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
                .said("year.unknown")
                .with("stage", named.map(|slug| vocabulary.stage_zh(slug)).unwrap_or_default())
                .with("year", typed.chars().take(20).collect::<String>())
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
fn titled(mut resource: Resource, many: bool) -> Resource {
    let name = resource.files.first().map(|file| file.name.clone()).unwrap_or_default();
    let stem = Path::new(&name).file_stem().map_or(name.clone(), |stem| stem.to_string_lossy().into_owned());
    if resource.title.is_empty() {
        resource.title = stem;
    } else if many {
        resource.title = format!("{} {stem}", resource.title);
    }
    resource.title = resource.title.chars().take(MAX_TITLE_CHARS).collect();
    resource
}

pub(super) fn empty(name: &str) -> Failure {
    Failure::invalid(format!("cannot add {name}"), "it is empty (0 bytes)")
        .remedy("perhaps another program has not finished writing it; add it again then")
        .said("file.empty")
        .with("name", name)
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
