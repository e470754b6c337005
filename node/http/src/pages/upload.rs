//! 上传, for those without script: one form with its files, streamed to disk as it comes.

use std::io;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Router, routing};
use kapok_web_ui::facts::resource_href;
use kapok_web_ui::frame::Done;
use kapok_web_ui::pages::upload::{FieldError, Fields, Replaced, Upload};
use tokio::sync::mpsc;

use super::choices::choices;
use super::frame::framed;
use super::{done, page, problem};
use crate::App;
use crate::access::{Caller, STALE_FORM};
use crate::forms;
use crate::limits::MAX_FORM_FILE_BYTES;
use crate::port::{self, AddRequest, Failure, FailureKind, ProgressSender, Result, Visibility, check_file_name};
use crate::{streams, usecase};

/// Text fields of the form are a few words; the description has 2,000 characters.
const MAX_FIELD_BYTES: usize = 16 * 1024;
/// Files of one form. More go by script, or by the command line.
const MAX_FILES: usize = 200;
/// Parts of a file that wait for the disk.
const QUEUED_PARTS: usize = 8;
/// What most teachers mean, until they say otherwise.
const USUAL_VISIBILITY: &str = "federation";
const USUAL_LICENCE: &str = "federation";

pub(super) fn router() -> Router<App> {
    Router::new().route("/upload", routing::get(form).post(upload))
}

async fn form(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Response {
    let replaces = forms::field(query.unwrap_or_default().as_bytes(), "replaces").filter(|id| !id.is_empty());
    let fields = Fields { visibility: USUAL_VISIBILITY.into(), license: USUAL_LICENCE.into(), ..Fields::default() };
    show(&app, &caller, StatusCode::OK, fields, Vec::new(), replaces.as_deref()).await
}

async fn show(
    app: &App,
    caller: &Caller,
    status: StatusCode,
    mut fields: Fields,
    errors: Vec<FieldError>,
    replaces: Option<&str>,
) -> Response {
    let replaced = match replaces {
        None => None,
        Some(id) => match app.node.resource(&caller.viewer, id).await {
            Ok(resource) => {
                if errors.is_empty() {
                    fields = fields_of(&resource);
                }
                let next = resource.summary.version.saturating_add(1);
                Some(Replaced {
                    id: resource.summary.id,
                    title: resource.summary.title,
                    next_version: u32::try_from(next).unwrap_or(u32::MAX),
                })
            }
            Err(failure) => return problem::failed(app, caller, &failure).await,
        },
    };
    let framed = framed(app, caller).await;
    page(status, Upload { choices: choices(), fields, errors, replaces: replaced }.render(&framed.frame))
}

/// A new version begins with what the present one says.
fn fields_of(resource: &port::Resource) -> Fields {
    let summary = &resource.summary;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    Fields {
        title: summary.title.clone(),
        subject: text(&summary.subject),
        stage: text(&summary.stage),
        grade: summary.grade.map_or_else(String::new, |year| year.to_string()),
        kind: text(&summary.kind),
        keywords: resource.keywords.join("、"),
        description: resource.description.clone(),
        visibility: visibility_slug(summary.visibility).to_owned(),
        license: resource.license.clone(),
        note: String::new(),
        together: summary.files.len() > 1,
    }
}

fn visibility_slug(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Federation => "federation",
        Visibility::County => "county",
        Visibility::School => "school",
        Visibility::Private => "private",
    }
}

fn visibility_of(slug: &str) -> Option<Visibility> {
    [Visibility::Public, Visibility::Federation, Visibility::County, Visibility::School, Visibility::Private]
        .into_iter()
        .find(|visibility| visibility_slug(*visibility) == slug)
}

/// What a form brought.
#[derive(Default)]
struct Taken {
    fields: Fields,
    replaces: Option<String>,
    uploads: Vec<String>,
    has_empty_file: bool,
    /// What is wrong with a file.
    refused: Option<Failure>,
    /// Everything that was filled in has been read.
    is_whole: bool,
}

impl Taken {
    /// Whether the files become one resource.
    fn is_one(&self) -> bool {
        self.fields.together || self.replaces.is_some() || self.uploads.len() == 1
    }
}

async fn upload(State(app): State<App>, caller: Caller, request: Request) -> Response {
    let mut taken = Taken::default();
    let received = receive(&app, &caller, request, &mut taken).await;
    let published = match received {
        Ok(()) => match taken.refused.take() {
            None => publish(&app, &caller, &taken).await,
            Some(failure) => Err(Refused::Failure(failure)),
        },
        Err(failure) => Err(Refused::Failure(failure)),
    };
    let refused = match published {
        Ok(target) => return target,
        Err(refused) => refused,
    };
    // Nothing half-done: files of a form that was refused go again.
    for id in &taken.uploads {
        if let Err(error) = app.node.discard_upload(&caller.viewer, id).await {
            tracing::warn!(%error, id, "an upload of a refused form was left behind");
        }
    }
    match refused {
        Refused::Fields(errors) => {
            show(&app, &caller, StatusCode::BAD_REQUEST, taken.fields, errors, taken.replaces.as_deref()).await
        }
        Refused::Failure(failure)
            if failure.kind == FailureKind::NoSpace && failure.said.is_none() && taken.is_whole =>
        {
            let status = StatusCode::INSUFFICIENT_STORAGE;
            show(&app, &caller, status, taken.fields, vec![FieldError::DiskFull], taken.replaces.as_deref()).await
        }
        Refused::Failure(failure) => match problem::beside_a_form(&failure).filter(|_| taken.is_whole) {
            Some((status, sentence)) => {
                let errors = vec![FieldError::Said(sentence)];
                show(&app, &caller, status, taken.fields, errors, taken.replaces.as_deref()).await
            }
            None => problem::failed(&app, &caller, &failure).await,
        },
    }
}

enum Refused {
    Fields(Vec<FieldError>),
    Failure(Failure),
}

fn unreadable(error: &MultipartError) -> Failure {
    Failure::invalid("the form could not be read", error.body_text()).remedy("send the form again").said("form.broken")
}

/// Reads the form in its order: the form token stands first, so that nothing of a foreign form touches the disk.
async fn receive(app: &App, caller: &Caller, request: Request, taken: &mut Taken) -> Result<()> {
    let mut form = Multipart::from_request(request.map(streams::timed_body), &()).await.map_err(|error| {
        Failure::new(FailureKind::UnsupportedMedia, "the form could not be read", error.body_text()).said("form.broken")
    })?;
    let mut is_ours = caller.viewer == port::Viewer::Owner;
    while let Some(field) = form.next_field().await.map_err(|error| unreadable(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        if !is_ours {
            is_ours = name == "csrf" && caller.is_form_token(&text(field).await?);
            if !is_ours {
                return Err(Failure::new(
                    FailureKind::Forbidden,
                    STALE_FORM,
                    "its form token is missing or of another session",
                )
                .said("form.stale"));
            }
            continue;
        }
        if name == "files" {
            receive_file(app, caller, field, taken).await?;
            continue;
        }
        let value = text(field).await?;
        let fields = &mut taken.fields;
        match name.as_str() {
            "title" => fields.title = value.trim().to_owned(),
            "subject" => fields.subject = value,
            "stage" => fields.stage = value,
            "level" => fields.set_level(&value),
            "grade" => fields.grade = value,
            "kind" => fields.kind = value,
            "keywords" => fields.keywords = value,
            "description" => fields.description = value,
            "visibility" => fields.visibility = value,
            "license" => fields.license = value,
            "note" => fields.note = value,
            "together" => fields.together = value == "1",
            "replaces" => taken.replaces = Some(value).filter(|id| !id.is_empty()),
            _ => {}
        }
    }
    taken.is_whole = true;
    Ok(())
}

async fn text(mut field: Field<'_>) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(part) = field.chunk().await.map_err(|error| unreadable(&error))? {
        if bytes.len() + part.len() > MAX_FIELD_BYTES {
            return Err(Failure::invalid(
                "the form could not be taken",
                format!("a field has more than {MAX_FIELD_BYTES} bytes"),
            )
            .said("form.too-large")
            .with("limit", MAX_FIELD_BYTES));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Lets a file pass by.
async fn drain(mut field: Field<'_>) -> Result<()> {
    while field.chunk().await.map_err(|error| unreadable(&error))?.is_some() {}
    Ok(())
}

async fn receive_file(app: &App, caller: &Caller, mut field: Field<'_>, taken: &mut Taken) -> Result<()> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let first = field.chunk().await.map_err(|error| unreadable(&error))?;
    let Some(first) = first.filter(|part| !part.is_empty()) else {
        // A form whose file field was left alone sends one empty file without a name.
        taken.has_empty_file |= !name.is_empty();
        return Ok(());
    };
    if let Err(failure) = check_file_name(&name) {
        // The rest of the form is read all the same, so that nothing has to be filled in again.
        taken.refused.get_or_insert(failure);
        return drain(field).await;
    }
    if taken.refused.is_some() {
        return drain(field).await;
    }
    if taken.uploads.len() >= MAX_FILES {
        return Err(Failure::invalid("the form could not be taken", format!("it has more than {MAX_FILES} files"))
            .remedy("send them in several forms")
            .said("form.too-many-files")
            .with("limit", MAX_FILES));
    }
    let (sender, mut parts) = mpsc::channel::<io::Result<axum::body::Bytes>>(QUEUED_PARTS);
    let stream = futures::stream::poll_fn(move |context| parts.poll_recv(context));
    let receive = app.node.receive_upload(&caller.viewer, &name, MAX_FORM_FILE_BYTES, streams::stalling(stream));
    let feed = async move {
        let mut part = Ok(Some(first));
        loop {
            match part {
                // Nobody takes it any more: what went wrong is the receiver's to say.
                Ok(Some(bytes)) => {
                    if sender.send(Ok(bytes)).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    let _ = sender.send(Err(io::Error::other(error))).await;
                    return;
                }
            }
            part = field.chunk().await;
        }
    };
    let (received, ()) = tokio::join!(receive, feed);
    taken.uploads.push(received?.id);
    Ok(())
}

async fn publish(app: &App, caller: &Caller, taken: &Taken) -> std::result::Result<Response, Refused> {
    let fields = &taken.fields;
    let errors = errors_of(taken);
    if !errors.is_empty() {
        return Err(Refused::Fields(errors));
    }
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let keywords = fields.keywords.split([' ', ',', '，', '、', ';', '；', '\n', '\r', '\t']).filter_map(given);
    let request = AddRequest {
        uploads: taken.uploads.clone(),
        together: taken.is_one(),
        // One title for several resources would tell none of them apart.
        title: given(&fields.title).filter(|_| taken.is_one()),
        description: given(&fields.description),
        subject: given(&fields.subject),
        stage: given(&fields.stage),
        grade: given(&fields.grade),
        kind: given(&fields.kind),
        keywords: keywords.collect(),
        license: given(&fields.license),
        visibility: visibility_of(&fields.visibility),
        replaces: taken.replaces.clone(),
        note: given(&fields.note),
        ..AddRequest::default()
    };
    let request = request.checked().map_err(Refused::Failure)?;
    let reply = usecase::add(app, caller, request, ProgressSender::silent()).await.map_err(Refused::Failure)?;
    Ok(match reply.resources.as_slice() {
        [one] => done(&resource_href(&one.id), Done::Uploaded),
        [] => Redirect::to("/").into_response(),
        _ => done("/", Done::Uploaded),
    })
}

fn errors_of(taken: &Taken) -> Vec<FieldError> {
    let fields = &taken.fields;
    [
        (taken.uploads.is_empty() && !taken.has_empty_file, FieldError::FilesMissing),
        (taken.has_empty_file, FieldError::FileEmpty),
        (fields.together && taken.uploads.len() > 1 && fields.title.is_empty(), FieldError::TitleMissing),
        (fields.title.chars().count() > 200, FieldError::TitleTooLong),
        (visibility_of(&fields.visibility).is_none(), FieldError::VisibilityMissing),
        (fields.license.trim().is_empty(), FieldError::LicenceMissing),
    ]
    .into_iter()
    .filter_map(|(is_wrong, error)| is_wrong.then_some(error))
    .collect()
}
