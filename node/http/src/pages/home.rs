//! 首页: what is new, what rural schools lack, what is on its way.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::{Router, routing};
use kapok_library::vocabulary::Vocabulary;
use kapok_web_ui::format::Bytes;
use kapok_web_ui::pages::home::{Arriving, Home, NEWEST, NEWEST_OF_SUBJECT, ShortageSubject, TRANSFERS};

use super::facts::{Around, around};
use super::frame::framed;
use super::{notice_of, ok};
use crate::App;
use crate::access::Caller;
use crate::port::{Scope, SearchRequest};

pub(super) fn router() -> Router<App> {
    Router::new().route("/", routing::get(home))
}

async fn home(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Response {
    let mut framed = framed(&app, &caller).await;
    notice_of(&mut framed.frame, query.as_deref());
    let around = around(&app, &caller, &framed.status).await;
    let latest = app.node.latest(&caller.viewer, NEWEST).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "the first page was drawn without the newest resources");
        Default::default()
    });
    let mut shortage = Vec::new();
    for subject in &Vocabulary::get().shortage {
        if let Some(newest) = newest_of(&app, &caller, &around, subject).await {
            shortage.push(newest);
        }
    }
    let (moving, waiting) = (around.moving(), around.waiting());
    let home = Home {
        newest: latest.resources.iter().map(|summary| around.line(summary)).collect(),
        resources: framed.status.resources,
        shortage,
        arriving: Arriving {
            arrived_last_day: framed.status.arrived_last_day,
            count: moving.len() as u64,
            missing: Bytes(framed.status.pending.bytes),
            transfers: moving.into_iter().take(TRANSFERS).collect(),
            waiting: waiting.len() as u64,
        },
    };
    ok(home.render(&framed.frame))
}

/// The newest of a subject as this node knows them: the catalogue is here, nobody else has to be asked.
async fn newest_of(app: &App, caller: &Caller, around: &Around, subject: &str) -> Option<ShortageSubject> {
    let request = SearchRequest {
        scope: Scope::Local,
        subject: vec![subject.to_owned()],
        limit: NEWEST_OF_SUBJECT,
        facts: true,
        ..SearchRequest::of("")
    };
    let reply = app.node.search(&caller.viewer, request).await.ok()?;
    let newest = reply.hits.iter().filter_map(|hit| hit.facts.as_ref()).map(|summary| around.line(summary)).collect();
    Some(ShortageSubject { subject: subject.to_owned(), total: reply.total, newest })
}
