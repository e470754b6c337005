//! Documents, problem documents, uploads, ranges.

use axum::body::Body;
use axum::http::{Method, Request};
use kapok_protocol::blob::BlobId;
use serde_json::{Value, json};

use super::site::{Client, Site};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn what_one_sees_depends_on_who_one_is() {
    let site = Site::new().await;
    let titles = |answer: super::site::Answer| answer.json()["hits"].as_array().unwrap().len();
    assert_eq!(titles(site.get(&Client::default(), "/api/v1/search?q=x").await), 2);
    assert_eq!(titles(site.get(&site.signed_in("parent").await, "/api/v1/search?q=x").await), 3);
    assert_eq!(titles(site.get(&site.signed_in("teacher").await, "/api/v1/search?q=x").await), 4);
    assert_eq!(titles(site.get(&Client::owner(), "/api/v1/search?q=x").await), 4);
    site.get(&Client::default(), "/api/v1/resources/own").await.problem(404);
}

#[tokio::test]
async fn a_blob_goes_only_to_those_whom_an_entry_shows_it() {
    let site = Site::new().await;
    let path = format!("/blobs/{}", BlobId::of(b"canary of the school"));
    for stranger in [Client::default(), site.signed_in("parent").await, site.signed_in("visitor").await] {
        let answer = site.get(&stranger, &path).await;
        answer.problem(404);
        assert!(!answer.text().contains("canary"));
    }
    assert_eq!(site.get(&site.signed_in("teacher").await, &path).await.body, b"canary of the school");
}

#[tokio::test]
async fn a_blob_is_served_by_ranges() {
    let site = Site::new().await;
    let path = format!("/blobs/{}", BlobId::of(b"0123456789"));
    let part = |range: &'static str, more: Option<(&'static str, String)>| {
        let mut request = Request::get(&path).header("range", range);
        if let Some((name, value)) = more {
            request = request.header(name, value);
        }
        site.send(&ANYONE, request.body(Body::empty()).unwrap())
    };
    let whole = site.get(&ANYONE, &path).await;
    let etag = whole.header("etag").to_owned();
    assert_eq!(
        (whole.status.as_u16(), whole.header("content-length"), whole.header("accept-ranges")),
        (200, "10", "bytes")
    );
    assert_eq!(etag, format!("\"{}\"", BlobId::of(b"0123456789")));

    let middle = part("bytes=2-4", None).await;
    assert_eq!(
        (middle.status.as_u16(), middle.body.as_slice(), middle.header("content-range")),
        (206, b"234".as_slice(), "bytes 2-4/10")
    );
    assert_eq!(part("bytes=-3", None).await.body, b"789");
    let outside = part("bytes=10-", None).await;
    outside.problem(416);
    assert_eq!(outside.header("content-range"), "bytes */10");
    assert_eq!(part("bytes=2-4", Some(("if-range", "\"other\"".into()))).await.body, b"0123456789");
    assert_eq!(part("bytes=0-1,4-5", None).await.status, 200);

    let known = Request::get(&path).header("if-none-match", &etag).body(Body::empty()).unwrap();
    assert_eq!(site.send(&ANYONE, known).await.status, 304);
    let head = Request::head(&path).body(Body::empty()).unwrap();
    let head = site.send(&ANYONE, head).await;
    assert_eq!((head.status.as_u16(), head.header("content-length"), head.body.len()), (200, "10", 0));
    site.get(&ANYONE, "/blobs/../../etc/passwd").await;
    site.get(&ANYONE, "/blobs/nothex").await.problem(404);
}

static ANYONE: Client = Client::ANYONE;

#[tokio::test]
async fn uploaded_pages_never_run_on_the_nodes_origin() {
    let site = Site::new().await;
    let page = site.get(&ANYONE, &format!("/blobs/{}", BlobId::of(b"<script>alert(1)</script>"))).await;
    assert_eq!(page.header("content-type"), "application/octet-stream");
    assert!(page.header("content-disposition").starts_with("attachment;"));
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert!(page.header("content-security-policy").starts_with("sandbox;"));

    let text = site.get(&ANYONE, &format!("/blobs/{}", BlobId::of(b"0123456789"))).await;
    assert!(text.header("content-disposition").starts_with("inline;"));
    assert!(text.header("content-security-policy").starts_with("sandbox;"));
}

#[tokio::test]
async fn a_file_is_uploaded_in_parts_and_published() {
    let site = Site::new().await;
    let teacher = site.signed_in("teacher").await;
    let begun = site.post(&teacher, "/api/v1/uploads", &json!({"name": "教案.txt", "size": 6})).await;
    assert_eq!(begun.status, 201);
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let patch = |offset: &str, bytes: &'static str| {
        let request = Request::patch(format!("/api/v1/uploads/{id}")).header("upload-offset", offset);
        site.send(&teacher, request.body(Body::from(bytes)).unwrap())
    };
    assert_eq!(patch("0", "abc").await.json()["offset"], 3);
    // The link broke, and the browser does not know how far it came.
    let conflict = patch("0", "abc").await;
    assert_eq!(conflict.problem(409)["offset"], 3);
    patch("x", "def").await.problem(400);
    patch("3", "defg").await.problem(413);
    assert_eq!(site.get(&teacher, &format!("/api/v1/uploads/{id}")).await.json()["offset"], 3);
    assert_eq!(patch("3", "def").await.json()["offset"], 6);

    let published =
        site.post(&teacher, "/api/v1/resources", &json!({"uploads": [id], "title": "教案", "grade": 5})).await;
    assert_eq!(published.status, 200, "{}", published.text());
    assert_eq!(published.json()["resources"][0]["title"], "教案");
    assert_eq!(site.get(&ANYONE, &format!("/blobs/{}", BlobId::of(b"abcdef"))).await.body, b"abcdef");
    assert!(site.node.audit.lock().unwrap().iter().any(|record| record.action == "add"));
}

#[tokio::test]
async fn names_that_lead_elsewhere_and_files_that_do_not_fit_are_refused_with_a_remedy() {
    let site = Site::new().await;
    let teacher = site.signed_in("teacher").await;
    for name in ["../../etc/cron.d/x", &"长".repeat(84), "a/b", ""] {
        let problem = site.post(&teacher, "/api/v1/uploads", &json!({"name": name, "size": 1})).await.problem(400);
        assert!(problem["remedy"].as_str().unwrap().contains("rename"), "{problem}");
    }
    site.post(&teacher, "/api/v1/uploads", &json!({"name": "a", "size": u64::MAX})).await.problem(507);
}

#[tokio::test]
async fn files_of_this_machine_are_the_owners_alone() {
    let site = Site::new().await;
    let paths = json!({"paths": ["/etc/passwd"]});
    site.post(&site.signed_in("teacher").await, "/api/v1/resources", &paths).await.problem(403);
    assert_eq!(site.post(&Client::owner(), "/api/v1/resources", &paths).await.status, 200);
    let out = json!({"out": "/tmp"});
    site.post(&site.signed_in("teacher").await, "/api/v1/resources/open/fetch", &out).await.problem(403);
    site.post(&Client::owner(), "/api/v1/resources", &json!({"paths": ["/x"], "uploads": ["u0"]})).await.problem(400);
    site.post(&Client::owner(), "/api/v1/resources", &json!({})).await.problem(400);
}

#[tokio::test]
async fn long_operations_stream_their_steps_where_that_is_asked() {
    let site = Site::new().await;
    let owner = Client::owner();
    let ask = |path: &'static str, body: Value| {
        let request =
            Request::post(path).header("content-type", "application/json").header("accept", "application/x-ndjson");
        site.send(&owner, request.body(Body::from(body.to_string())).unwrap())
    };
    let round = ask("/api/v1/sync", json!({"now": true})).await;
    assert_eq!(round.header("content-type"), "application/x-ndjson");
    let all = lines(&round.text());
    assert!(all.len() > 1 && all[0]["event"] == "progress", "{all:?}");
    assert!(all.last().unwrap()["peers"].is_array(), "the last line is the document");

    let failed = lines(&ask("/api/v1/resources", json!({"paths": ["/gone"]})).await.text());
    let last = failed.last().unwrap();
    assert_eq!((last["event"].as_str(), last["status"].as_u64()), (Some("problem"), Some(404)));

    let plain = site.post(&owner, "/api/v1/sync", &json!({})).await;
    assert!(plain.json()["pending"].is_object());
}

#[tokio::test]
async fn bodies_that_are_not_what_a_route_takes_get_problem_documents() {
    let site = Site::new().await;
    let owner = Client::owner();
    let raw = |content_type: &'static str, body: Body| {
        let request = Request::post("/api/v1/subscriptions").header("content-type", content_type);
        site.send(&owner, request.body(body).unwrap())
    };
    for body in ["", "not json", "{\"all\":true", "[1]", "{\"all\":true} trailing", "\u{0}"] {
        raw("application/json", Body::from(body)).await.problem(400);
    }
    raw("text/plain", Body::from("{}")).await.problem(415);
    let unknown = raw("application/json", Body::from(r#"{"all":true,"everything":1}"#)).await.problem(400);
    assert!(unknown["detail"].as_str().unwrap().contains("everything"), "{unknown}");
    let large = format!("{{\"subject\":[\"{}\"]}}", "x".repeat(2 << 20));
    raw("application/json", Body::from(large)).await.problem(413);
    let deep = "[".repeat(100_000);
    raw("application/json", Body::from(deep)).await.problem(400);
    raw("application/json", Body::from("{}")).await.problem(400);
}

#[tokio::test]
async fn queries_that_cannot_be_meant_are_refused_with_their_limits() {
    let site = Site::new().await;
    let long = format!("/api/v1/search?q={}", "x".repeat(10_000));
    assert!(site.get(&ANYONE, &long).await.problem(400)["detail"].as_str().unwrap().contains("10000"));
    for query in ["limit=0", "limit=100000", "offset=1000000", "limit=x", "nonsense=1", "scope=moon"] {
        site.get(&ANYONE, &format!("/api/v1/search?{query}")).await.problem(400);
    }
    site.get(&ANYONE, "/api/v1/latest?limit=1000").await.problem(400);
    site.get(&ANYONE, "/api/v1/nothing").await.problem(404);
    site.json(&Client::owner(), Method::DELETE, "/api/v1/subscriptions/x", &json!({})).await.problem(400);
    site.json(&Client::owner(), Method::DELETE, "/api/v1/status", &json!({})).await.problem(405);
    let id = format!("/api/v1/resources/{}", "x".repeat(1000));
    site.get(&ANYONE, &id).await.problem(404);
    site.get(&ANYONE, "/api/v1/resources/%FF").await.problem(400);
}

#[tokio::test]
async fn the_description_is_openapi_3_1_with_limits_on_who() {
    let site = Site::new().await;
    let description = site.get(&ANYONE, "/api/v1/openapi.json").await.json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    for document in ["SearchReply", "AddReply", "SyncReport", "Status", "Peers", "Problem", "Progress"] {
        assert!(description["components"]["schemas"][document].is_object(), "{document}");
    }
}

#[tokio::test]
async fn watchers_get_counts_and_no_names() {
    let site = Site::new().await;
    assert_eq!(site.get(&ANYONE, "/healthz").await.status, 200);
    let text = site.get(&ANYONE, "/metrics").await.text();
    assert!(text.contains("kapok_peers_connected 0") && text.contains("# TYPE kapok_entries gauge"), "{text}");
    assert!(!text.contains("平行") && !text.contains("script"), "{text}");
}

#[tokio::test]
async fn every_answer_carries_its_headers() {
    let site = Site::new().await;
    for path in ["/healthz", "/api/v1/latest", "/api/v1/status", "/api/v1/nothing", "/", "/no/page", "/login"] {
        let answer = site.get(&ANYONE, path).await;
        assert!(answer.header("content-security-policy").contains("default-src 'self'"), "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}
