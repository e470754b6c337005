//! Who may do what: the table of routes against everybody, and the sessions.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method, Request};
use kapok_private::{Role, Roles};
use serde_json::{Value, json};

use super::site::{Answer, Client, PASSWORD, Site, cookie_of};
use crate::access::{Need, ROUTES, is_page};

/// An address and a body that fit the route as well as any.
fn example(method: &Method, path: &str) -> (String, Value) {
    let filled = path
        .replace("{id}", "open")
        .replace("{number}", "1")
        .replace("{node}", "12D3KooWPeer")
        .replace("{key}", "sync.window");
    let filled = filled.replace("{*path}", "app.css").replace("{blob}", &"0".repeat(64));
    let body = match (method.as_str(), path) {
        ("POST", "/api/v1/resources") => json!({"uploads": ["u0"]}),
        ("POST", "/api/v1/uploads") => json!({"name": "a.pdf", "size": 1}),
        ("POST", "/api/v1/subscriptions") => json!({"all": true}),
        ("POST", "/api/v1/invite") => json!({"tier": "school", "name": "x"}),
        ("POST", "/api/v1/join") => json!({"code": "x"}),
        ("POST", "/api/v1/admit") => json!({"request": "x", "tier": "school", "name": "x"}),
        ("POST", "/api/v1/accounts") => json!({"name": "new", "password": PASSWORD, "roles": ["teacher"]}),
        ("PUT", _) => json!({"value": "x"}),
        (_, path) if path.ends_with("withdraw") || path.ends_with("revoke") => json!({"reason": "x"}),
        _ => json!({}),
    };
    (filled, body)
}

async fn ask(site: &Site, client: &Client, method: &Method, path: &str) -> Answer {
    let (address, body) = example(method, path);
    if *method == Method::GET {
        site.get(client, &address).await
    } else {
        site.json(client, method.clone(), &address, &body).await
    }
}

/// Whether the guard let the request through; what the handler made of it does not matter here.
fn was_let_in(answer: &Answer, method: &Method, path: &str) -> bool {
    // These answer a wrong password, code or form token with the guard's own statuses.
    let answers_so_itself =
        *method == Method::POST && matches!(path, "/login" | "/setup" | "/api/v1/setup" | "/api/v1/session");
    let to_login = answer.status == 303 && answer.header("location").starts_with("/login?");
    !to_login && (answers_so_itself || !matches!(answer.status.as_u16(), 401 | 403))
}

async fn client_of(site: &Site, role: Option<Role>) -> Client {
    match role {
        None => Client::default(),
        Some(role) => site.signed_in(role.name()).await,
    }
    .from("192.168.1.9")
}

#[tokio::test]
async fn every_route_lets_in_exactly_those_whom_the_table_names() {
    for role in [
        None,
        Some(Role::SystemAdmin),
        Some(Role::SecurityAdmin),
        Some(Role::Auditor),
        Some(Role::Teacher),
        Some(Role::Student),
        Some(Role::Visitor),
    ] {
        let reading = Site::new().await;
        let reader = client_of(&reading, role).await;
        for (method, path, need) in ROUTES {
            if path.ends_with("account/password") {
                // A wrong present password is refused with the same status; tested by itself.
                continue;
            }
            // What changes something gets a node of its own.
            let changed = if *method == Method::GET { None } else { Some(Site::new().await) };
            let client = match &changed {
                Some(site) => client_of(site, role).await,
                None => reader.clone(),
            };
            let site = changed.as_ref().unwrap_or(&reading);
            let expected = match (need, role) {
                (Need::Always | Need::Anyone, _) => true,
                (Need::SignedIn, role) => role.is_some(),
                (Need::May(permission), Some(role)) => Roles::of(&[role]).may(*permission),
                (Need::May(_), None) | (Need::Owner, _) => false,
                (Need::Local, role) => role == Some(Role::SystemAdmin),
            };
            let answer = ask(site, &client, method, path).await;
            assert_eq!(
                was_let_in(&answer, method, path),
                expected,
                "{role:?} {method} {path}: {} {}",
                answer.status,
                answer.text()
            );
        }
    }
}

#[tokio::test]
async fn the_owner_may_do_everything_from_this_machine_and_nothing_from_elsewhere() {
    for (method, path, _) in ROUTES {
        let site = Site::new().await;
        let here = ask(&site, &Client::owner(), method, path).await;
        assert!(was_let_in(&here, method, path), "{method} {path}: {} {}", here.status, here.text());
        let elsewhere = ask(&site, &Client::owner().from("192.168.1.9"), method, path).await;
        assert_eq!(elsewhere.status, 401, "{method} {path}");
        let wrong = ask(&site, &Client::with_token("wrong"), method, path).await;
        assert_eq!(wrong.status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn before_it_is_set_up_a_node_shows_nothing_but_the_set_up_page() {
    let site = Site::bare().await;
    let client = Client::default();
    for (method, path, need) in ROUTES {
        let answer = ask(&site, &client, method, path).await;
        match need {
            Need::Always => assert_ne!(answer.header("location"), "/setup", "{method} {path}"),
            _ if is_page(path) => {
                assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/setup"), "{method} {path}");
            }
            _ => {
                answer.problem(403);
            }
        }
        assert!(!answer.text().contains("平行四边形"), "{method} {path}");
    }
    assert_eq!(site.get(&client, "/no/such/page").await.header("location"), "/setup");
    assert_eq!(site.get(&Client::owner(), "/api/v1/status").await.status, 200);
}

#[tokio::test]
async fn the_set_up_code_makes_one_account_that_may_upload_and_manage() {
    let site = Site::bare().await;
    let first = |code: &str| json!({"code": code, "name": "管理员", "password": PASSWORD});
    site.post(&Client::default(), "/api/v1/setup", &first("0000-0000-0000-0000")).await.problem(403);
    let weak = json!({"code": site.code.to_string(), "name": "管理员", "password": "12345678"});
    site.post(&Client::default(), "/api/v1/setup", &weak).await.problem(400);

    let made = site.post(&Client::default(), "/api/v1/setup", &first(&site.code.to_string())).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let admin = Client {
        cookie: Some(cookie_of(&made)),
        csrf: made.json()["csrf"].as_str().map(str::to_owned),
        ..Client::default()
    };
    let upload = site.post(&admin, "/api/v1/uploads", &json!({"name": "a.pdf", "size": 1})).await;
    assert_eq!(upload.status, 201, "{}", upload.text());
    assert_eq!(site.get(&admin, "/api/v1/config").await.status, 200);
    site.post(&Client::default(), "/api/v1/setup", &first(&site.code.to_string())).await.problem(409);

    // It is in the private journal: the node knows it after a restart.
    let events = site.node.private.lock().unwrap().len();
    assert_eq!(events, 2);
}

#[tokio::test]
async fn an_unsafe_request_needs_the_form_token_of_its_own_session() {
    for (method, path, need) in ROUTES {
        if *method == Method::GET || matches!(need, Need::Owner) {
            continue;
        }
        let site = Site::new().await;
        let name = match need {
            Need::May(permission) => {
                Role::ALL.into_iter().find(|role| role.permissions().contains(permission)).unwrap().name()
            }
            _ => "teacher",
        };
        let client = site.signed_in(name).await;
        let other = site.signed_in(name).await;
        let (address, body) = example(method, path);

        let without = site.json(&client.clone().without_csrf(), method.clone(), &address, &body).await;
        assert_eq!(without.status, 403, "{method} {path} without a token");
        let foreign = Client { csrf: other.csrf.clone(), ..client.clone() };
        assert_eq!(
            site.json(&foreign, method.clone(), &address, &body).await.status,
            403,
            "{method} {path} with another's token"
        );
        let form = site.form(&client.clone().without_csrf(), &address, "csrf=x&reason=x").await;
        assert!(*method != Method::POST || form.status == 403, "{method} {path} as a form: {}", form.status);

        let request = Request::builder().method(method.clone()).uri(&address).header("origin", "http://evil.example");
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        assert_eq!(site.send(&client, request).await.status, 403, "{method} {path} from another place");
    }
}

#[tokio::test]
async fn a_form_may_carry_its_token_as_a_field() {
    let site = Site::new().await;
    let admin = site.signed_in("system-admin").await;
    let body = format!("csrf={}&all=1", admin.csrf.clone().unwrap());
    let answer = site.form(&admin.without_csrf(), "/sync/subscriptions", &body).await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/sync?done=subscribed"));
}

#[tokio::test]
async fn a_session_is_new_at_each_sign_in_and_dead_after_signing_out() {
    let site = Site::new().await;
    // An attacker planted a cookie: it is not taken over.
    let name = site.signed_in("teacher").await.cookie.unwrap().split('=').next().unwrap().to_owned();
    let planted = format!("{name}={}", "A".repeat(43));
    let victim = Client { cookie: Some(planted.clone()), ..Client::default() };
    let answer = site.post(&victim, "/api/v1/session", &json!({"name": "teacher", "password": PASSWORD})).await;
    assert_ne!(cookie_of(&answer), planted);
    assert_eq!(site.get(&victim, "/api/v1/session").await.json()["who"], "lan");

    let first = Client {
        cookie: Some(cookie_of(&answer)),
        csrf: answer.json()["csrf"].as_str().map(str::to_owned),
        ..Client::default()
    };
    assert_eq!(site.get(&first, "/api/v1/session").await.json()["name"], "teacher");
    let again = site.post(&first, "/api/v1/session", &json!({"name": "teacher", "password": PASSWORD})).await;
    assert_eq!(site.get(&first, "/api/v1/session").await.json()["who"], "lan", "the former session ends");

    let second = Client {
        cookie: Some(cookie_of(&again)),
        csrf: again.json()["csrf"].as_str().map(str::to_owned),
        ..Client::default()
    };
    let out = site.json(&second, Method::DELETE, "/api/v1/session", &json!({})).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(site.get(&second, "/api/v1/session").await.json()["who"], "lan");
}

#[tokio::test]
async fn changing_the_password_ends_all_other_sessions() {
    let site = Site::new().await;
    let (one, other) = (site.signed_in("teacher").await, site.signed_in("teacher").await);
    let change = |current: &str| json!({"current": current, "new": "山里的学校2027"});
    site.post(&one, "/api/v1/account/password", &change("wrong")).await.problem(401);
    let changed = site.post(&one, "/api/v1/account/password", &change(PASSWORD)).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    for dead in [&one, &other] {
        assert_eq!(site.get(dead, "/api/v1/session").await.json()["who"], "lan");
    }
    let renewed = Client { cookie: Some(cookie_of(&changed)), ..Client::default() };
    assert_eq!(site.get(&renewed, "/api/v1/session").await.json()["name"], "teacher");
}

#[tokio::test]
async fn after_ten_wrong_passwords_one_is_told_how_long_to_wait_and_others_are_not() {
    let site = Site::new().await;
    let guesser = Client::default().from("192.168.1.66");
    let mut last = None;
    for _ in 0..10 {
        last = Some(site.post(&guesser, "/api/v1/session", &json!({"name": "teacher", "password": "guess"})).await);
    }
    let problem = last.unwrap().problem(429);
    assert!(problem["detail"].as_str().unwrap().contains("15 min"), "{problem}");
    assert!(!problem["remedy"].as_str().unwrap().is_empty());
    // Not even the right one now, from there.
    site.post(&guesser, "/api/v1/session", &json!({"name": "teacher", "password": PASSWORD})).await.problem(429);
    site.signed_in("teacher").await;
    let neighbour = site.post(&guesser, "/api/v1/session", &json!({"name": "student", "password": PASSWORD})).await;
    assert_eq!(neighbour.status, 200);
    let refused = site
        .node
        .audit
        .lock()
        .unwrap()
        .iter()
        .filter(|record| record.action == "sign-in" && record.actor == "lan")
        .count();
    assert!(refused >= 11, "each try is on record");
}

#[tokio::test]
async fn guesses_at_once_are_throttled_like_guesses_in_a_row() {
    let site = std::sync::Arc::new(Site::new().await);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let site = site.clone();
        tasks.spawn(async move {
            site.post(&Client::default(), "/api/v1/session", &json!({"name": "teacher", "password": "guess"}))
                .await
                .status
                .as_u16()
        });
    }
    let statuses = tasks.join_all().await;
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert!(tried <= 6, "{tried} of 100 guesses were hashed");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)));
}

#[tokio::test]
async fn a_name_that_nobody_has_is_refused_in_the_same_words() {
    let site = Site::new().await;
    let wrong = |name: &str| json!({"name": name, "password": "guess"});
    let known = site.post(&Client::default(), "/api/v1/session", &wrong("teacher")).await.problem(401);
    let unknown = site.post(&Client::default(), "/api/v1/session", &wrong("nobody")).await.problem(401);
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn a_request_under_a_foreign_name_is_not_answered_on_loopback() {
    let site = Site::new().await;
    let request = Request::get("/api/v1/latest").header("host", "evil.example:8080").body(Body::empty()).unwrap();
    let answer = site.send(&Client::default(), request).await;
    assert!(answer.problem(400)["remedy"].as_str().unwrap().contains("localhost"));
}

#[tokio::test]
async fn accounts_are_made_by_those_who_may_with_roles_that_fit_together() {
    let mut site = Site::new().await;
    let admin = site.signed_in("security-admin").await;
    let new = |name: &str, roles: Value| json!({"name": name, "password": PASSWORD, "roles": roles});
    assert_eq!(site.post(&admin, "/api/v1/accounts", &new("李老师", json!(["teacher"]))).await.status, 201);
    site.post(&admin, "/api/v1/accounts", &new("李老师", json!(["teacher"]))).await.problem(409);
    site.post(&admin, "/api/v1/accounts", &new("王老师", json!(["king"]))).await.problem(400);
    let both = json!(["system-admin", "auditor"]);
    assert_eq!(site.post(&admin, "/api/v1/accounts", &new("校长", both.clone())).await.status, 201);
    site.signed_in("李老师").await;
    let list = site.get(&admin, "/api/v1/accounts").await;
    assert!(!list.text().contains("argon2"), "hashes are nobody's to see");

    let mut county = super::fake::Fake::new();
    county.tier = "county".into();
    county.private = std::mem::take(&mut *site.node.private.lock().unwrap()).into();
    site.node = std::sync::Arc::new(county);
    let config = crate::ServerConfig { token: super::site::TOKEN.into(), ..crate::ServerConfig::default() };
    site.router = crate::router::router(crate::App::load(site.node.clone(), config).await.unwrap());
    site.post(&Client::owner(), "/api/v1/accounts", &new("局长", both)).await.problem(400);
}

#[test]
fn the_table_has_every_route_of_the_description_and_no_other() {
    let described: Value = serde_json::to_value(crate::api::description()).unwrap();
    let mut known = BTreeSet::new();
    for (path, item) in described["paths"].as_object().unwrap() {
        known.extend(item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let api = ROUTES.iter().filter(|(_, path, _)| path.starts_with("/api/") && !path.ends_with("openapi.json"));
    let table: BTreeSet<(String, String)> =
        api.map(|(method, path, _)| (method.to_string(), (*path).to_owned())).collect();
    assert_eq!(table, known);
}
