//! 同步: what is on its way, what waits and why, what is subscribed, who was met.
//!
//! [`board`] draws the part that moves, [`live`] sends it whenever it has changed.

mod board;
mod live;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::{Router, routing};
use kapok_private::Permission;
use kapok_web_ui::format::Bytes;
use kapok_web_ui::frame::Done;
use kapok_web_ui::pages::sync::{Neighbour, Subscription, Sync};

use super::choices::choices;
use super::facts::{around, moment, tier};
use super::frame::framed;
use super::{done, notice_of, ok, problem};
use crate::App;
use crate::access::Caller;
use crate::extract::{FormBody, Param};
use crate::forms;
use crate::port::{Failure, Peer, ProgressSender, SubscribeRequest, Subscription as Known, SyncRequest};
use crate::usecase;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/sync", routing::get(sync))
        .route("/sync/board", routing::get(board_alone))
        .route("/sync/live", routing::get(live::live))
        .route("/sync/now", routing::post(now))
        .route("/sync/subscriptions", routing::post(subscribe))
        .route("/sync/subscriptions/{number}/remove", routing::post(unsubscribe))
}

async fn sync(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Response {
    let mut framed = framed(&app, &caller).await;
    notice_of(&mut framed.frame, query.as_deref());
    let around = around(&app, &caller, &framed.status).await;
    // Both count everything on the node.
    let (subscriptions, neighbours) = if caller.may(Permission::ReadPrivate) {
        let (subscriptions, peers) = tokio::join!(app.node.subscriptions(), app.node.peers());
        let subscriptions = subscriptions.unwrap_or_default().subscriptions.into_iter().map(subscription).collect();
        (Some(subscriptions), Some(peers.unwrap_or_default().peers.iter().map(neighbour).collect()))
    } else {
        (None, None)
    };
    let board = board::board(&around, &framed.status, &caller);
    let view = Sync { board, subscriptions, choices: choices(), neighbours };
    ok(view.render(&framed.frame))
}

fn subscription(known: Known) -> Subscription {
    Subscription {
        id: known.number,
        subjects: known.subject,
        stages: known.stage,
        kinds: known.kind,
        resources: known.resources,
        held: known.held,
    }
}

fn neighbour(peer: &Peer) -> Neighbour {
    let round = peer.last_round.clone().unwrap_or_default();
    Neighbour {
        name: peer.name.clone(),
        tier: tier(&peer.tier),
        connected: peer.connected,
        last_contact: peer.last_contact.as_deref().and_then(moment),
        // `as` saturates; a round trip is not negative.
        rtt_ms: peer.rtt_ms.map(|ms| ms.max(0.0).round() as u64),
        entries_in: round.entries_in,
        entries_out: round.entries_out,
        bytes_in: Bytes(peer.bytes_in.max(round.bytes_in)),
        bytes_out: Bytes(peer.bytes_out.max(round.bytes_out)),
    }
}

async fn board_alone(State(app): State<App>, caller: Caller) -> Response {
    let framed = framed(&app, &caller).await;
    let around = around(&app, &caller, &framed.status).await;
    ok(board::board(&around, &framed.status, &caller).render(&framed.frame))
}

/// Starts a round and comes back; the board shows how it goes.
async fn now(State(app): State<App>) -> Response {
    if let Ok(permit) = app.rounds.clone().try_acquire_owned() {
        let node = app.node.clone();
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(error) = node.sync(SyncRequest { now: true }, ProgressSender::silent()).await {
                tracing::warn!(%error, "a round that somebody asked for did not end well");
            }
        });
    }
    done("/sync", Done::SyncStarted)
}

async fn subscribe(State(app): State<App>, caller: Caller, FormBody(body): FormBody) -> Response {
    let mut request = SubscribeRequest::default();
    for (name, value) in forms::pairs(&body) {
        match name.as_str() {
            "all" => request.all = value == "1",
            "subject" if !value.is_empty() => request.subject.push(value),
            "stage" if !value.is_empty() => request.stage.push(value),
            "kind" if !value.is_empty() => request.kind.push(value),
            _ => {}
        }
    }
    if request.all {
        // The form sends its lists along, whatever they say.
        request = SubscribeRequest { all: true, ..SubscribeRequest::default() };
    }
    match usecase::subscribe(&app, request).await {
        Ok(_) => done("/sync", Done::Subscribed),
        Err(failure) => problem::failed(&app, &caller, &failure).await,
    }
}

async fn unsubscribe(State(app): State<App>, caller: Caller, Param(number): Param) -> Response {
    let ended = match number.parse() {
        Ok(number) => app.node.unsubscribe(number).await,
        Err(_) => {
            let failure = Failure::not_found("cannot end this subscription", format!("“{number}” is not a number"));
            Err(failure.said("subscription.unknown").with("number", &number))
        }
    };
    match ended {
        Ok(_) => done("/sync", Done::Unsubscribed),
        Err(failure) => problem::failed(&app, &caller, &failure).await,
    }
}
