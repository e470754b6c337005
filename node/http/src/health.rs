//! `/healthz` for watchers, `/metrics` for Prometheus, `/assets` for the pages.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router, routing};
use kapok_web_ui::assets;
use serde_json::json;

use crate::App;
use crate::extract::Param;
use crate::port::{Failure, Result};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/healthz", routing::get(healthz))
        .route("/metrics", routing::get(metrics))
        .route("/assets/{*path}", routing::get(asset))
}

/// What this crate counts itself.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) at_once: AtomicU64,
    ok: AtomicU64,
    client_error: AtomicU64,
    server_error: AtomicU64,
}

/// A request being worked on.
pub(crate) struct Busy(Arc<Figures>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Figures {
    pub(crate) fn enter(self: &Arc<Self>) -> Busy {
        self.at_once.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    pub(crate) fn count(&self, status: StatusCode) {
        let counter = match status.as_u16() {
            500.. => &self.server_error,
            400.. => &self.client_error,
            _ => &self.ok,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// 200 while the node serves. It says nothing about the node: also strangers may ask.
async fn healthz() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// Counts only: no names, no titles.
async fn metrics(State(app): State<App>) -> Result<Response> {
    let status = app.node.status().await?;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let gauges = [
        ("kapok_entries", "Live signed entries in the catalogue.", status.entries),
        ("kapok_resources", "Resources in the catalogue.", status.resources),
        ("kapok_resources_held", "Resources whose files are all on this node.", status.held),
        ("kapok_blobs", "Files on this node.", status.blobs),
        ("kapok_blob_bytes", "Bytes of the files on this node.", status.bytes),
        ("kapok_pending_blobs", "Files wanted and not here yet.", status.pending.blobs),
        ("kapok_pending_bytes", "Bytes of the files wanted and not here yet.", status.pending.bytes),
        ("kapok_peers_connected", "Peers connected now.", status.peers_connected),
        ("kapok_disk_free_bytes", "Room on the disk of the home folder.", status.free_bytes),
        ("kapok_view_rebuilding", "1 while a view is being rebuilt.", u64::from(status.rebuilding_percent.is_some())),
        ("kapok_http_requests_at_once", "Requests being worked on.", count(&app.figures.at_once)),
    ];
    let mut text = String::new();
    for (name, help, value) in gauges {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    }
    text.push_str("# HELP kapok_http_responses_total Answers by sort.\n# TYPE kapok_http_responses_total counter\n");
    let figures = &app.figures;
    for (sort, counter) in
        [("ok", &figures.ok), ("client_error", &figures.client_error), ("server_error", &figures.server_error)]
    {
        let _ = writeln!(text, "kapok_http_responses_total{{sort=\"{sort}\"}} {}", count(counter));
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

async fn asset(Param(path): Param, headers: HeaderMap) -> Response {
    let Some(asset) = assets::get(&path) else {
        return Failure::not_found("no such file", "the pages have no file of this name")
            .remedy("load the page again: it names its files")
            .into_response();
    };
    // The address carries a version drawn from the content.
    let kept = [(ETAG, asset.etag.clone()), (CACHE_CONTROL, "public, max-age=31536000, immutable".to_owned())];
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == asset.etag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    (kept, [(CONTENT_TYPE, asset.content_type)], asset.bytes.into_owned()).into_response()
}
