//! Pages that follow what moves.

use axum::body::BodyDataStream;
use futures::StreamExt as _;
use kapok_private::Role;

use super::site::{Client, Site};
use crate::limits::MAX_LISTENERS;

const LIVE: &str = "/sync/live";

/// The next event; `None` at the end.
async fn next(stream: &mut BodyDataStream) -> Option<String> {
    let part = stream.next().await?.unwrap();
    Some(String::from_utf8(part.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_gets_the_board_and_again_when_it_is_another() {
    let site = Site::new().await;
    let teacher = site.signed_in(Role::Teacher.name()).await;
    let mut stream = site.follow(&teacher, LIVE).await;
    let first = next(&mut stream).await.unwrap();
    assert!(first.starts_with("event: board\n"), "{first}");
    assert!(first.lines().filter(|line| !line.is_empty()).skip(1).all(|line| line.starts_with("data:")), "{first}");
    assert!(first.contains("id=\"board\""));
    site.node.moved.fetch_add(3, std::sync::atomic::Ordering::Relaxed);
    let mut second = next(&mut stream).await.unwrap();
    while second.starts_with(':') {
        second = next(&mut stream).await.unwrap();
    }
    assert!(second.starts_with("event: board\n") && second != first, "{second}");
}

#[tokio::test(start_paused = true)]
async fn whoever_signs_out_hears_no_more() {
    let site = Site::new().await;
    let teacher = site.signed_in(Role::Teacher.name()).await;
    let mut stream = site.follow(&teacher, LIVE).await;
    next(&mut stream).await.unwrap();
    let out = site.json(&teacher, axum::http::Method::DELETE, "/api/v1/session", &serde_json::json!({})).await;
    assert!(out.status.is_success(), "{}", out.text());
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn a_stop_ends_what_lasts() {
    let site = Site::new().await;
    let teacher = site.signed_in(Role::Teacher.name()).await;
    let mut stream = site.follow(&teacher, LIVE).await;
    next(&mut stream).await.unwrap();
    site.app.stopping.send_replace(true);
    assert_eq!(next(&mut stream).await, None);
}

#[tokio::test]
async fn places_are_bounded_and_given_back_when_a_browser_goes() {
    let site = Site::new().await;
    let teacher = site.signed_in(Role::Teacher.name()).await;
    let mut all = Vec::new();
    for _ in 0..MAX_LISTENERS {
        all.push(site.follow(&teacher, LIVE).await);
    }
    site.get(&teacher, LIVE).await.problem(503);
    all.pop();
    drop(site.follow(&teacher, LIVE).await);
    assert_eq!(site.get(&Client::ANYONE, LIVE).await.status, 303, "a visitor is led to sign in");
}
