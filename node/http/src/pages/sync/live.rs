//! The board as server-sent events (HTML Living Standard, section 9.2): it is drawn once a second and sent if it is
//! another than before.
//!
//! A stream ends when the browser goes, when the node stops, and when whoever asked for it is signed out: what the guard
//! has found out holds for as long.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::board::board;
use crate::App;
use crate::access::Caller;
use crate::pages::facts::around;
use crate::pages::frame::{Framed, draw, framed};
use crate::port::Failure;

/// A rate is worked out once a second; what changes faster nobody reads.
const REDRAW: Duration = Duration::from_secs(1);
/// The node's figures around the board (its name, what came in a day) may be so many drawings old.
const FIGURES_AGE: u32 = 10;
/// A stream in which nothing changes says that it is alive; a browser that has gone is noticed by it.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// One browser that follows.
struct Listener {
    app: App,
    caller: Caller,
    framed: Framed,
    figures_age: u32,
    sent: String,
    ticks: Interval,
    stopped: watch::Receiver<bool>,
    /// Given back when the stream is dropped.
    _place: OwnedSemaphorePermit,
}

pub(super) async fn live(State(app): State<App>, caller: Caller) -> Response {
    let Ok(place) = app.listeners.clone().try_acquire_owned() else {
        return Failure::unavailable("the board is not followed", "as many pages as can be follow it already")
            .remedy("ask for /sync/board every few seconds instead")
            .said("node.busy")
            .into_response();
    };
    let framed = framed(&app, &caller).await;
    let mut ticks = tokio::time::interval(REDRAW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let stopped = app.stopping.subscribe();
    let sent = String::new();
    let listener = Listener { app, caller, framed, figures_age: 0, sent, ticks, stopped, _place: place };
    let events = stream::unfold(listener, |mut listener| async move {
        let html = listener.next().await?;
        let event = Event::default().event("board").data(&html);
        listener.sent = html;
        Some((Ok::<_, Infallible>(event), listener))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response()
}

impl Listener {
    /// The next board that is another than the last; `None` at the end.
    async fn next(&mut self) -> Option<String> {
        loop {
            tokio::select! {
                _ = self.ticks.tick() => {}
                _ = self.stopped.wait_for(|stopped| *stopped) => return None,
            }
            if !self.is_still_signed_in() {
                return None;
            }
            match self.draw().await {
                Some(html) if html != self.sent => return Some(html),
                _ => {}
            }
        }
    }

    fn is_still_signed_in(&self) -> bool {
        let viewer = self.caller.session.as_ref().map(|session| self.app.access.viewer_of(session));
        viewer.is_none_or(|viewer| viewer.as_ref() == Some(&self.caller.viewer))
    }

    async fn draw(&mut self) -> Option<String> {
        self.figures_age += 1;
        if self.figures_age > FIGURES_AGE {
            self.figures_age = 0;
            self.framed = framed(&self.app, &self.caller).await;
        } else {
            // With the time of now.
            self.framed.frame = draw(&self.app, &self.caller, &self.framed.status);
        }
        let around = around(&self.app, &self.caller, &self.framed.status).await;
        let drawn = board(&around, &self.framed.status, &self.caller).render(&self.framed.frame);
        drawn.map_err(|error| tracing::warn!(%error, "the board could not be drawn")).ok()
    }
}
