//! Files that are not here when they are opened.

use axum::body::Body;
use axum::http::{Method, Request};
use kapok_protocol::blob::BlobId;

use super::site::{Answer, Client, Site};
use crate::port::{Failure, FailureKind};

/// A site that cannot give its files, for this reason.
async fn site_without_files(failure: Failure) -> Site {
    let site = Site::new().await;
    *site.node.opens.lock().unwrap() = Some(Err(failure));
    site
}

fn no_holder() -> Failure {
    Failure::unavailable("cannot open the file", "“讲义.txt” is not here yet: no other node is connected")
        .remedy("try again when a node that has it can be reached")
        .said("fetch.no-holder")
        .with("name", "讲义.txt")
}

async fn open(site: &Site, method: Method, accept: &str) -> Answer {
    let address = format!("/blobs/{}", BlobId::of(b"0123456789"));
    let request = Request::builder().method(method).uri(address).header("accept", accept).header("range", "bytes=-4");
    site.send(&Client::ANYONE, request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_player_is_told_in_a_document_why_a_file_does_not_come() {
    let site = site_without_files(no_holder()).await;
    let answer = open(&site, Method::GET, "*/*").await;
    let problem = answer.problem(503);
    assert!(problem["said"].as_str().unwrap().contains("讲义.txt"), "{problem}");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(answer.header("content-range"), "");
}

#[tokio::test]
async fn a_person_who_follows_a_link_gets_a_page_with_words() {
    for (kind, status) in [(FailureKind::Unavailable, 503), (FailureKind::Forbidden, 403)] {
        let site = site_without_files(Failure { kind, ..no_holder() }).await;
        let page = open(&site, Method::GET, "text/html,application/xhtml+xml,*/*;q=0.8").await;
        assert_eq!(page.status, status);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(page.text().contains("“讲义.txt”现在取不到"), "{}", page.text());
    }
}

#[tokio::test]
async fn to_ask_for_the_headers_alone_fetches_nothing() {
    let site = site_without_files(no_holder()).await;
    let head = open(&site, Method::HEAD, "*/*").await;
    assert_eq!(head.status, 206);
    assert_eq!(head.header("content-range"), "bytes 6-9/10");
    assert_eq!((head.header("content-length"), head.header("accept-ranges")), ("4", "bytes"));
    assert_eq!(head.header("etag"), format!("\"{}\"", BlobId::of(b"0123456789")));
}

#[tokio::test]
async fn what_breaks_off_ends_short_of_what_was_promised() {
    let site = Site::new().await;
    *site.node.opens.lock().unwrap() = Some(Ok(b"01234567".to_vec()));
    let answer = open(&site, Method::GET, "*/*").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-length")), (206, "4"));
    assert_eq!(answer.body, b"67");
}

#[tokio::test]
async fn a_page_that_is_looked_at_fetches_nothing_and_offers_to_play() {
    let site = Site::new().await;
    let address = site.node.away("film", "光合作用.mp4");
    let teacher = site.get(&site.signed_in("teacher").await, "/resources/film").await.text();
    assert!(
        teacher.contains(&format!("<video class=\"show-video\" controls preload=\"none\" src=\"{address}\"")),
        "{teacher}"
    );
    assert!(teacher.contains("边取边看") && !teacher.contains("preload=\"metadata\""));
    // A visitor cannot have it fetched.
    let visitor = site.get(&Client::ANYONE, "/resources/film").await.text();
    assert!(!visitor.contains(&address), "{visitor}");
}
