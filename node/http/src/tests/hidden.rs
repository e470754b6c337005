//! What is hidden from somebody is not told by anything else either: by counts, lists, names, errors or headers.

use axum::body::Body;
use axum::http::{Method, Request};
use kapok_protocol::blob::BlobId;

use super::fake::{COUNTS_ALL, PEER};
use super::site::{Answer, Client, Site};
use crate::access::{Need, ROUTES};

/// What anybody on the LAN may ask for. A route that is added here is a decision.
const OPEN: &[&str] = &[
    "/healthz",
    "/assets/{*path}",
    "/blobs/{blob}",
    "/api/v1/openapi.json",
    "/api/v1/search",
    "/api/v1/latest",
    "/api/v1/resources/{id}",
    "/api/v1/session",
    "/",
    "/search",
    "/resources/{id}",
    "/resources/{id}/preview",
    "/resources/{id}/fetch",
    "/login",
    "/setup",
];

/// Counts as the pages write them, and as JSON does.
fn tells_a_count(text: &str) -> bool {
    let digits: String = text.chars().filter(|c| !matches!(c, ',' | '\u{a0}' | '\u{202f}')).collect();
    digits.contains(&COUNTS_ALL.to_string()) || text.contains("47.1 MB")
}

fn addresses() -> impl Iterator<Item = String> {
    let reading = ROUTES.iter().filter(|(method, _, _)| *method == Method::GET);
    reading.map(|(_, path, _)| {
        path.replace("{id}", "open")
            .replace("{*path}", "app.css")
            .replace("{blob}", &BlobId::of(b"0123456789").to_string())
    })
}

#[test]
fn without_an_account_one_reads_what_is_public_and_nothing_else() {
    let open: Vec<&str> = ROUTES
        .iter()
        .filter(|(method, _, need)| *method == Method::GET && matches!(need, Need::Always | Need::Anyone))
        .map(|(_, path, _)| *path)
        .collect();
    assert_eq!(open, OPEN);
}

#[tokio::test]
async fn the_pages_of_a_visitor_work() {
    let site = Site::new().await;
    let lan = Client::default().from("192.168.1.9");
    for path in ["/", "/search", "/search?q=x", "/resources/open", "/resources/open/preview", "/login"] {
        assert_eq!(site.get(&lan, path).await.status, 200, "{path}");
    }
    let home = site.get(&lan, "/").await.text();
    assert!(home.contains("平行四边形") && home.contains("<b>2</b>"), "two resources are public: {home}");
    assert_eq!(site.get(&lan, &format!("/blobs/{}", BlobId::of(b"0123456789"))).await.body, b"0123456789");
    for (path, login) in [("/sync", "/login?next=%2Fsync"), ("/federation", "/login?next=%2Ffederation")] {
        let led = site.get(&lan, path).await;
        assert_eq!((led.status.as_u16(), led.header("location")), (303, login));
    }
}

#[tokio::test]
async fn a_visitor_learns_nothing_of_other_nodes_and_of_what_is_not_public() {
    let site = Site::new().await;
    for client in [Client::default().from("192.168.1.9"), site.signed_in("visitor").await] {
        for address in addresses() {
            let answer = site.get(&client, &address).await;
            // The figures of a machine are for its own programs.
            if address == "/metrics" && client.address.is_none() {
                continue;
            }
            let text = answer.text();
            for hidden in ["校内通知", "联盟试卷", PEER, "10.9.8.7"] {
                assert!(!text.contains(hidden), "{address} tells {hidden}");
            }
            assert!(!tells_a_count(&text), "{address} counts what is hidden: {text}");
        }
    }
}

#[tokio::test]
async fn who_may_not_read_what_is_the_schools_is_told_no_figure_that_counts_it() {
    let site = Site::new().await;
    for role in ["parent", "student"] {
        let client = site.signed_in(role).await.from("192.168.1.9");
        for address in addresses() {
            assert!(!tells_a_count(&site.get(&client, &address).await.text()), "{role} {address}");
        }
    }
    let parent = site.signed_in("parent").await;
    let members = site.get(&parent, "/api/v1/members").await.json();
    assert_eq!(members["members"][0]["resources"], 3, "{members}");
    let transfers = site.get(&parent, "/api/v1/transfers").await.json();
    assert_eq!((transfers["pending"]["blobs"].as_u64(), transfers["pending"]["bytes"].as_u64()), (Some(3), Some(18)));
    let owners = site.get(&Client::owner(), "/api/v1/members").await.json();
    assert_eq!(owners["members"][0]["resources"], COUNTS_ALL);
}

#[tokio::test]
async fn what_one_may_not_see_answers_like_what_is_not_there() {
    let site = Site::new().await;
    let without = |answer: Answer, id: &str| {
        let headers: Vec<_> = answer.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        (answer.status, headers, answer.text().replace(id, "ID"))
    };
    let hidden_blob = BlobId::of(b"canary of the school").to_string();
    let no_blob = BlobId::of(b"no such file anywhere").to_string();
    for client in [Client::default(), site.signed_in("parent").await] {
        for path in ["/api/v1/resources/", "/resources/"] {
            let hidden = site.get(&client, &format!("{path}own")).await;
            let nothing = site.get(&client, &format!("{path}xyz")).await;
            assert_eq!(without(hidden, "own"), without(nothing, "xyz"), "{path}");
        }
        for (name, value) in
            [("range", "bytes=999999-"), ("if-none-match", "*"), ("if-range", "\"x\""), ("accept", "*/*")]
        {
            let ask = |blob: &str| {
                let request = Request::get(format!("/blobs/{blob}")).header(name, value);
                site.send(&client, request.body(Body::empty()).unwrap())
            };
            let (hidden, nothing) = (ask(&hidden_blob).await, ask(&no_blob).await);
            assert_eq!(without(hidden, &hidden_blob), without(nothing, &no_blob), "{name}");
        }
    }
}

#[tokio::test]
async fn figures_are_for_programs_of_this_machine_and_not_for_whom_a_proxy_passes_on() {
    let site = Site::new().await;
    assert_eq!(site.get(&Client::default(), "/metrics").await.status, 200);
    for header in ["x-forwarded-for", "forwarded", "via", "x-real-ip"] {
        let request = Request::get("/metrics").header(header, "192.168.1.9").body(Body::empty()).unwrap();
        site.send(&Client::default(), request).await.problem(401);
    }
}
