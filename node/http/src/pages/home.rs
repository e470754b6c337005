//! 首页: what is new, what rural schools lack, what is on its way.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::{Router, routing};
use futures::future::join_all;
use kapok_library::vocabulary::Vocabulary;
use kapok_private::Permission;
use kapok_web_ui::format::Bytes;
use kapok_web_ui::pages::home::{Arriving, Home, NEWEST, NEWEST_OF_SUBJECT, ShortageSubject, TRANSFERS};

use super::facts::{Around, around, moment};
use super::frame::framed;
use super::{notice_of, ok};
use crate::App;
use crate::access::Caller;
use crate::port::{Scope, SearchRequest, Status};
use crate::usecase;

/// How long the first page waits for its searches, which wait for an index that is being made anew. A page that says
/// less is worth more than one that does not come.
const SEARCH_PATIENCE: Duration = Duration::from_secs(2);

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
    let newest = Vocabulary::get().shortage.iter().map(|subject| newest_of(&app, &caller, &around, subject));
    let searches = async { tokio::join!(usecase::counted(&app, &caller), join_all(newest)) };
    let (total, shortage) = match tokio::time::timeout(SEARCH_PATIENCE, searches).await {
        Ok((counted, shortage)) => (counted.ok().map(|counted| counted.total), shortage),
        Err(_) => (None, Vec::new()),
    };
    let home = Home {
        newest: latest.resources.iter().map(|summary| around.line(summary)).collect(),
        resources: total.unwrap_or(latest.resources.len() as u64),
        shortage: shortage.into_iter().flatten().collect(),
        arriving: caller.may(Permission::ReadFederation).then(|| arriving(&caller, &around, &framed.status)),
    };
    ok(home.render(&framed.frame))
}

fn arriving(caller: &Caller, around: &Around, status: &Status) -> Arriving {
    let moving = around.moving();
    Arriving {
        arrived_last_day: caller.may(Permission::ReadPrivate).then_some(status.arrived_last_day),
        count: around.transfers.pending.blobs,
        missing: Bytes(around.transfers.pending.bytes),
        done_at: around.transfers.estimate.firm().and_then(moment),
        transfers: moving.into_iter().take(TRANSFERS).collect(),
        waiting: around.waiting().len() as u64,
    }
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
