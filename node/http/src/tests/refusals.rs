//! Bad requests, over all routes: a problem document with the right status, what was wrong, and what to do.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::site::{Answer, Client, Site};
use crate::access::ROUTES;

/// Routes of the API with their addresses filled in.
fn api() -> impl Iterator<Item = (&'static Method, String)> {
    ROUTES.iter().filter(|(_, path, _)| path.starts_with("/api/")).map(|(method, path, _)| (method, filled(path)))
}

fn filled(path: &str) -> String {
    path.replace("{id}", "open")
        .replace("{number}", "1")
        .replace("{node}", "12D3KooWPeer")
        .replace("{key}", "sync.window")
}

/// Routes that take a JSON body, as the description says.
fn taking_json() -> Vec<(Method, String)> {
    let described: Value = serde_json::to_value(crate::api::description()).unwrap();
    let paths = described["paths"].as_object().unwrap().iter();
    let all = paths
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, route)| (path, method, route)));
    all.filter(|(_, _, route)| route["requestBody"]["content"]["application/json"].is_object())
        .map(|(path, method, _)| (method.to_uppercase().parse().unwrap(), filled(path)))
        .collect()
}

async fn send(site: &Site, method: &Method, path: &str, content_type: &str, body: impl Into<Body>) -> Answer {
    let mut request = Request::builder().method(method.clone()).uri(path);
    if !content_type.is_empty() {
        request = request.header("content-type", content_type);
    }
    site.send(&Client::owner(), request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_body_that_is_not_what_a_route_takes_is_refused_everywhere() {
    let site = Site::new().await;
    let routes = taking_json();
    assert!(routes.len() >= 14, "{routes:?}");
    for (method, path) in routes {
        for (body, says) in [
            ("", "empty"),
            ("   ", "empty"),
            ("not json", "not a JSON object"),
            ("[true]", "not a JSON object"),
            ("null", "not a JSON object"),
            ("\"text\"", "not a JSON object"),
            ("\u{0}", "not a JSON object"),
            ("{", "EOF"),
            ("{\"no-such-field\": 1}", "no-such-field"),
            ("{} trailing", "trailing"),
        ] {
            let problem = send(&site, &method, &path, "application/json", body).await.problem(400);
            // Where a field is missing, that is what is said.
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(says) || detail.contains("missing field"), "{method} {path} {body}: {detail}");
        }
        for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"] {
            let problem = send(&site, &method, &path, content_type, "{}").await.problem(415);
            assert!(problem["detail"].as_str().unwrap().contains(content_type), "{method} {path}: {problem}");
        }
        let large = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
        let problem = send(&site, &method, &path, "application/json", large).await.problem(413);
        assert!(problem["detail"].as_str().unwrap().contains("1048576"), "{method} {path}: {problem}");
    }
}

#[tokio::test]
async fn a_value_of_the_wrong_type_is_named_with_its_field() {
    let site = Site::new().await;
    for (path, body, named) in [
        ("/api/v1/uploads", json!({"name": "a", "size": -1}), "size"),
        ("/api/v1/uploads", json!({"name": "a", "size": "large"}), "size"),
        ("/api/v1/uploads", json!({"name": 7, "size": 1}), "name"),
        ("/api/v1/uploads", json!({"name": "a"}), "size"),
        ("/api/v1/resources", json!({"uploads": ["u"], "visibility": "moon"}), "moon"),
        ("/api/v1/resources", json!({"uploads": ["u"], "mode": "teleport"}), "teleport"),
        ("/api/v1/resources", json!({"uploads": ["u", 7]}), "uploads[1]"),
        ("/api/v1/resources", json!({"uploads": ["u"], "grade": {}}), "year"),
        ("/api/v1/subscriptions", json!({"all": "yes"}), "all"),
        ("/api/v1/subscriptions", json!({"subject": "math"}), "subject"),
        ("/api/v1/sync", json!({"now": 1}), "now"),
        ("/api/v1/join", json!({"word": "x"}), "word"),
        ("/api/v1/accounts", json!({"name": "x", "password": "y", "roles": "teacher"}), "roles"),
    ] {
        let problem = site.post(&Client::owner(), path, &body).await.problem(400);
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{path} {body}: {detail}");
        assert!(!detail.contains("NumberOrText"), "{detail}");
    }
}

#[tokio::test]
async fn a_parameter_that_a_route_does_not_take_is_named_everywhere() {
    let site = Site::new().await;
    for (method, path) in api() {
        let body = if *method == Method::GET { Body::empty() } else { Body::from("{}") };
        let problem = send(&site, method, &format!("{path}?colour=red"), "application/json", body).await.problem(400);
        assert!(problem["detail"].as_str().unwrap().contains("colour"), "{method} {path}: {problem}");
    }
}

#[tokio::test]
async fn a_parameter_that_cannot_be_so_is_refused_with_what_it_can_be() {
    let site = Site::new().await;
    for (path, can_be) in [
        ("/api/v1/latest?limit=0", "1 to 200"),
        ("/api/v1/latest?limit=-1", "1 to 200"),
        ("/api/v1/latest?limit=201", "1 to 200"),
        ("/api/v1/latest?limit=99999999999999999999999", "1 to 200"),
        ("/api/v1/latest?limit=ten", "1 to 200"),
        ("/api/v1/latest?limit=", "1 to 200"),
        ("/api/v1/search?limit=0", "1 to 200"),
        ("/api/v1/search?offset=10001", "10000"),
        ("/api/v1/search?scope=moon", "local, federation"),
        ("/api/v1/search?certification=moon", "county"),
        ("/api/v1/search?subject=moon", "math"),
        ("/api/v1/search?held=maybe", "true"),
        ("/api/v1/search?home=moon", "PeerId"),
    ] {
        let problem = site.get(&Client::ANYONE, path).await.problem(400);
        let detail = problem["detail"].as_str().unwrap();
        let (_, value) = path.rsplit_once('=').unwrap();
        assert!(detail.contains(can_be) && detail.contains(value), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_method_that_a_route_does_not_know_is_refused_with_those_that_it_does() {
    let site = Site::new().await;
    let machine = ["/healthz", "/metrics", "/assets/app.css", "/blobs/00"];
    for path in api().map(|(_, path)| path).chain(machine.map(str::to_owned)) {
        for method in [Method::OPTIONS, Method::TRACE, "BREW".parse().unwrap()] {
            let answer = send(&site, &method, &path, "", Body::empty()).await;
            let problem = answer.problem(405);
            assert!(problem["detail"].as_str().unwrap().contains(method.as_str()), "{path}: {problem}");
            assert!(!answer.header("allow").is_empty(), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn an_address_that_names_nothing_is_refused() {
    let site = Site::new().await;
    let owner = Client::owner();
    for (path, status) in [
        ("/api/v1/nothing", 404),
        ("/api/v2/status", 404),
        ("/blobs/", 404),
        ("/blobs/nothex", 404),
        ("/blobs/../../etc/passwd", 404),
        ("/assets/nothing.css", 404),
        ("/assets/%FF", 400),
        ("/api/v1/resources/%FF", 400),
        ("/api/v1/resources/%00", 404),
        ("/api/v1/config/%0A", 404),
    ] {
        site.get(&owner, path).await.problem(status);
    }
    site.get(&owner, &format!("/api/v1/resources/{}", "x".repeat(1000))).await.problem(404);
    let password = json!({"password": "x"});
    let account = site.post(&owner, "/api/v1/accounts/nobody/password", &password).await.problem(404);
    assert!(account["detail"].as_str().unwrap().contains("32"), "{account}");
    let wrong = site.json(&owner, Method::DELETE, "/api/v1/subscriptions/first", &json!({})).await.problem(400);
    assert!(wrong["detail"].as_str().unwrap().contains("first"), "{wrong}");
}
