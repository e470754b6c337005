//! A resource: preview, files, versions, and the one action, 取到本校.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Router, routing};
use kapok_private::Permission;
use kapok_web_ui::facts::Availability;
use kapok_web_ui::format::Bytes;
use kapok_web_ui::frame::Done;
use kapok_web_ui::pages::resource::{EXCERPT_CHARS, Fetch, FetchState, File, Preview, Resource as View, Step, Version};

use super::facts::{Around, around, certification, moment_or_first, tier};
use super::frame::framed;
use super::{done, notice_of, ok, problem, wants_part};
use crate::App;
use crate::access::Caller;
use crate::blobs::shown_type;
use crate::extract::{FormBody, Param};
use crate::forms;
use crate::port::{FetchRequest, FileFacts, ProgressSender, Resource, ResourceSummary, Result, TransferState};
use crate::usecase;

/// How long the page waits for a fetch to fail at once (no room, withdrawn); it goes on afterwards by itself.
const FAILS_AT_ONCE: Duration = Duration::from_millis(400);

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/resources/{id}", routing::get(resource))
        .route("/resources/{id}/fetch", routing::get(fetch_card).post(fetch))
        .route("/resources/{id}/withdraw", routing::post(withdraw))
}

async fn resource(State(app): State<App>, caller: Caller, Param(id): Param, RawQuery(query): RawQuery) -> Response {
    let resource = match app.node.resource(&caller.viewer, &id).await {
        Ok(resource) => resource,
        Err(failure) => return problem::failed(&app, &caller, &failure).await,
    };
    let mut framed = framed(&app, &caller).await;
    notice_of(&mut framed.frame, query.as_deref());
    let around = around(&app, &caller, &framed.status).await;
    ok(view(&caller, &around, resource).render(&framed.frame))
}

fn view(caller: &Caller, around: &Around, resource: Resource) -> View {
    let is_own = around.is_here(&resource.summary.home);
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let versions = resource.versions.iter().map(|version| Version {
        number: u32::try_from(version.version).unwrap_or(u32::MAX),
        note: text(&version.note),
        at: moment_or_first(&version.time),
    });
    let fetch = fetch_view(caller, around, &resource);
    let availability = around.availability(&resource.summary);
    let may_fetch = caller.may(Permission::Fetch);
    let files: Vec<File> = resource
        .summary
        .files
        .iter()
        .map(|file| file_view(around, file, &resource.summary, &availability, may_fetch))
        .collect();
    let preview = preview(&resource, &files);
    let (versions, provenance) = (versions.collect(), provenance(&resource));
    let holders = resource.holders.iter().map(|node| around.name(node).to_owned()).collect();
    let summary = resource.summary;
    View {
        home: (!is_own).then(|| summary.home_name.clone()),
        contributor: text(&summary.author),
        certification: certification(summary.certification),
        licence: resource.license,
        visibility: serde_json::to_value(summary.visibility)
            .ok()
            .and_then(|slug| slug.as_str().map(str::to_owned))
            .unwrap_or_default(),
        published: moment_or_first(&summary.updated),
        description: text(&resource.description),
        keywords: resource.keywords,
        files,
        preview,
        fetch,
        versions,
        provenance,
        holders,
        may_withdraw: is_own && caller.may(Permission::Withdraw),
        may_replace: is_own && caller.may(Permission::Upload),
        id: summary.id,
        title: summary.title,
        kind: summary.kind,
        subject: summary.subject,
        stage: summary.stage,
        year: summary.grade,
    }
}

fn file_view(
    around: &Around,
    file: &FileFacts,
    summary: &ResourceSummary,
    of_all: &Availability,
    may_fetch: bool,
) -> File {
    let is_held = summary.held;
    let moving = around.transfers.transfers.iter().find(|transfer| transfer.blob == file.blob);
    let availability = match (is_held, moving) {
        (true, _) => Availability::Held,
        (false, Some(transfer)) => Availability::Arriving { received: Bytes(transfer.done), total: Bytes(file.size) },
        (false, None) => match of_all {
            Availability::Unreachable => Availability::Unreachable,
            _ => Availability::Reachable { missing: Bytes(file.size), seconds: around.seconds(file.size) },
        },
    };
    // What a browser shows itself can be opened while it comes; who may not have it fetched, only if it comes anyway.
    let moves = moving.is_some_and(|transfer| transfer.state == TransferState::Moving);
    let comes = moves || (may_fetch && !matches!(availability, Availability::Unreachable));
    let is_open = is_held || (comes && shown_type(&file.name).is_some());
    File {
        name: file.name.clone(),
        bytes: Bytes(file.size),
        availability,
        href: is_open.then(|| format!("/blobs/{}", file.blob)),
        blob: file.blob.clone(),
    }
}

/// Of the first file that a browser can show, else the text. Of what is not here yet, only what begins when a person says
/// so: a page that was looked at fetches nothing.
fn preview(resource: &Resource, files: &[File]) -> Preview {
    let is_held = resource.summary.held;
    let shown = files.iter().find_map(|file| {
        let (url, name) = (file.href.clone()?, file.name.clone());
        Some(match shown_type(&file.name)?.split('/').next()? {
            "image" if is_held => Preview::Image { url, name },
            "audio" => Preview::Audio { url, name },
            "video" => Preview::Video { url, name },
            "application" if is_held => Preview::Pdf { url },
            _ => return None,
        })
    });
    match (shown, resource.excerpt.as_deref()) {
        (Some(shown), _) => shown,
        (None, Some(text)) if !text.trim().is_empty() => Preview::Text {
            excerpt: text.chars().take(EXCERPT_CHARS).collect(),
            truncated: text.chars().nth(EXCERPT_CHARS).is_some(),
        },
        (None, _) => Preview::None,
    }
}

/// The home's own taking in, then the reviews that let it in further up.
fn provenance(resource: &Resource) -> Vec<Step> {
    let summary = &resource.summary;
    let first = resource.versions.last().map_or(summary.updated.as_str(), |version| version.time.as_str());
    let home = Step { tier: tier(&summary.home_tier), at: moment_or_first(first), by: summary.home_name.clone() };
    let approved = resource.reviews.iter().filter(|review| review.state == "approved");
    let reviews = approved.map(|review| Step {
        tier: tier(&review.level),
        at: moment_or_first(&review.at),
        by: review.by.clone(),
    });
    std::iter::once(home).chain(reviews).collect()
}

fn fetch_view(caller: &Caller, around: &Around, resource: &Resource) -> Fetch {
    let summary = &resource.summary;
    let missing = |received: u64| Bytes(summary.size.saturating_sub(received));
    let state = match (summary.held, around.arriving(&summary.id)) {
        (true, _) => FetchState::Held {
            download: match summary.files.as_slice() {
                [one] => Some(format!("/blobs/{}", one.blob)),
                _ => None,
            },
        },
        (false, Some((received, total, true))) => FetchState::Arriving {
            received: Bytes(received),
            total: Bytes(total),
            seconds: around.seconds(total.saturating_sub(received)),
        },
        (false, Some((received, _, false))) => FetchState::Waiting { missing: missing(received) },
        (false, None) => match around.availability(summary) {
            Availability::Unreachable => FetchState::Unreachable { missing: missing(0) },
            _ => FetchState::Offered { missing: missing(0), seconds: around.seconds(summary.size) },
        },
    };
    Fetch { id: summary.id.clone(), state, may_fetch: caller.may(Permission::Fetch) }
}

async fn card(app: &App, caller: &Caller, id: &str) -> Response {
    let resource = match app.node.resource(&caller.viewer, id).await {
        Ok(resource) => resource,
        Err(failure) => return problem::failed(app, caller, &failure).await,
    };
    let framed = framed(app, caller).await;
    let around = around(app, caller, &framed.status).await;
    ok(fetch_view(caller, &around, &resource).render(&framed.frame))
}

async fn fetch_card(State(app): State<App>, caller: Caller, Param(id): Param) -> Response {
    card(&app, &caller, &id).await
}

async fn fetch(State(app): State<App>, caller: Caller, Param(id): Param, headers: HeaderMap) -> Response {
    if let Err(failure) = begin_fetch(&app, &caller, &id).await {
        return problem::failed(&app, &caller, &failure).await;
    }
    if wants_part(&headers) {
        return card(&app, &caller, &id).await;
    }
    done(&kapok_web_ui::facts::resource_href(&id), Done::FetchStarted)
}

/// Starts it and comes back; it goes on when the browser goes away.
async fn begin_fetch(app: &App, caller: &Caller, id: &str) -> Result<()> {
    app.node.resource(&caller.viewer, id).await?;
    let (node, viewer, id) = (app.node.clone(), caller.viewer.clone(), id.to_owned());
    let mut work = tokio::spawn(async move {
        let fetched = node.fetch(&viewer, &id, FetchRequest::default(), ProgressSender::silent()).await;
        if let Err(error) = &fetched {
            tracing::warn!(%error, id, "a resource that somebody asked for did not arrive");
        }
        fetched
    });
    match tokio::time::timeout(FAILS_AT_ONCE, &mut work).await {
        Ok(Ok(Err(failure))) => Err(failure),
        _ => Ok(()),
    }
}

async fn withdraw(State(app): State<App>, caller: Caller, Param(id): Param, FormBody(body): FormBody) -> Response {
    let reason = forms::field(&body, "reason").unwrap_or_default();
    match usecase::withdraw(&app, &caller, &id, &reason).await {
        Ok(_) => done("/", Done::Withdrawn),
        Err(failure) => problem::failed(&app, &caller, &failure).await,
    }
}
