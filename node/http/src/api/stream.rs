//! Long operations: one document at the end, or steps on the way as NDJSON.
//!
//! With `Accept: application/x-ndjson` each line is a JSON object: steps say `"event":"progress"`, the last line is the
//! document, or a problem with `"event":"problem"`. A failure before the first step is an ordinary problem document
//! with its own status.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use serde::Serialize;

use crate::port::{Failure, Progress, ProgressReceiver, ProgressSender, Result};
use crate::problem::Problem;

const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

type Work<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A line of the stream that is not the document.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line<'a> {
    Progress(&'a Progress),
    Problem(Problem),
}

/// Runs an operation and answers as the caller asked. Whoever hangs up stops waiting for it.
pub(super) async fn answer<T, F>(headers: &HeaderMap, start: impl FnOnce(ProgressSender) -> F) -> Response
where
    T: Serialize + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let wants_steps = headers
        .get_all(ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|text| text.contains("application/x-ndjson")));
    if !wants_steps {
        return start(ProgressSender::silent()).await.map(Json).into_response();
    }
    let (sender, mut steps) = ProgressSender::channel();
    let mut work: Work<T> = Box::pin(start(sender));
    let first = tokio::select! {
        biased;
        Some(step) = steps.recv() => line(&Line::Progress(&step)),
        done = &mut work => match done {
            Ok(document) => return ([(CONTENT_TYPE, NDJSON)], rest_of(&mut steps, Ok(document))).into_response(),
            Err(failure) => return failure.into_response(),
        },
    };
    let rest = stream::unfold(Some((work, steps)), |state| async move {
        let (work, steps) = state?;
        Some(next_line(work, steps).await)
    });
    let lines = stream::iter([Ok::<_, Infallible>(first)]).chain(rest);
    ([(CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response()
}

type Stage<T> = Option<(Work<T>, ProgressReceiver)>;

async fn next_line<T: Serialize>(
    mut work: Work<T>,
    mut steps: ProgressReceiver,
) -> (std::result::Result<Bytes, Infallible>, Stage<T>) {
    tokio::select! {
        biased;
        Some(step) = steps.recv() => (Ok(line(&Line::Progress(&step))), Some((work, steps))),
        done = &mut work => (Ok(rest_of(&mut steps, done)), None),
    }
}

/// The steps that were reported just before the end, and the end.
fn rest_of<T: Serialize>(steps: &mut ProgressReceiver, done: Result<T>) -> Bytes {
    let mut bytes = Vec::new();
    while let Ok(step) = steps.try_recv() {
        bytes.extend_from_slice(&line(&Line::Progress(&step)));
    }
    bytes.extend_from_slice(&last_line(done));
    Bytes::from(bytes)
}

fn last_line<T: Serialize>(done: Result<T>) -> Bytes {
    match done {
        Ok(document) => line(&document),
        Err(failure) => line(&Line::Problem(Problem::from(&failure))),
    }
}

fn line<T: Serialize>(value: &T) -> Bytes {
    let mut bytes = serde_json::to_vec(value).unwrap_or_else(|error| {
        let failure = Failure::internal("cannot write the answer", error.to_string());
        serde_json::to_vec(&Line::Problem(Problem::from(&failure))).unwrap_or_default()
    });
    bytes.push(b'\n');
    Bytes::from(bytes)
}
