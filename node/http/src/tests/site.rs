//! A server without sockets, and those who ask it.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, BodyDataStream, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use futures::StreamExt as _;
use kapok_private::setup::SetupCode;
use kapok_private::{AccountId, AccountName, Event, Role, Roles, password};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::fake::Fake;
use crate::access::ConnectedFrom;
use crate::router::router;
use crate::{App, ServerConfig};

pub(super) const TOKEN: &str = "the-owners-token";
pub(super) const PASSWORD: &str = "木棉花开2026";

/// Hashed once for all tests.
static PASSWORD_HASH: OnceLock<String> = OnceLock::new();

pub(super) struct Site {
    pub(super) node: Arc<Fake>,
    pub(super) app: App,
    pub(super) router: Router,
    pub(super) code: SetupCode,
}

/// A browser or a program.
#[derive(Clone, Default)]
pub(super) struct Client {
    pub(super) cookie: Option<String>,
    pub(super) csrf: Option<String>,
    pub(super) token: Option<&'static str>,
    pub(super) address: Option<&'static str>,
    /// The token of a form that was loaded before signing in.
    pub(super) form_token: String,
}

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Asserts that it is a whole problem document of this status: what, why, and what to do.
    pub(super) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for member in ["type", "title", "detail", "remedy"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        problem
    }
}

impl Site {
    /// A node that nobody has set up.
    pub(super) async fn bare() -> Self {
        let (code, event) = SetupCode::issue([7; 10], 1);
        let node = Arc::new(Fake::new());
        node.private.lock().unwrap().push(event.encode());
        Self::over(node, code).await
    }

    async fn over(node: Arc<Fake>, code: SetupCode) -> Self {
        let config = ServerConfig { token: TOKEN.into(), ..ServerConfig::default() };
        let app = App::load(node.clone(), config).await.unwrap();
        Self { node, app: app.clone(), router: router(app), code }
    }

    /// A node with an account of each role, called as the role is.
    pub(super) async fn new() -> Self {
        let (code, issued) = SetupCode::issue([7; 10], 1);
        let node = Arc::new(Fake::new());
        let password_hash = PASSWORD_HASH.get_or_init(|| password::hash(PASSWORD, [1; 16]).unwrap());
        let account = |(number, role): (usize, Role)| Event::AccountCreated {
            at_ms: number as u64,
            id: AccountId([number as u8 + 1; 16]),
            name: AccountName::new(role.name()).unwrap(),
            roles: Roles::of(&[role]),
            password_hash: password_hash.clone(),
        };
        let events = std::iter::once(issued).chain(Role::ALL.into_iter().enumerate().map(account));
        node.private.lock().unwrap().extend(events.map(|event| event.encode()));
        Self::over(node, code).await
    }

    pub(super) async fn send(&self, client: &Client, mut request: Request<Body>) -> Answer {
        let headers = request.headers_mut();
        headers.entry("host").or_insert("localhost:8080".parse().unwrap());
        if let Some(cookie) = &client.cookie {
            headers.insert("cookie", cookie.parse().unwrap());
        }
        if let Some(csrf) = &client.csrf {
            headers.entry("x-kapok-csrf").or_insert(csrf.parse().unwrap());
        }
        if let Some(token) = client.token {
            headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        let remote = client.address.unwrap_or("127.0.0.1");
        let local = if client.address.is_some() { "192.168.1.2" } else { "127.0.0.1" };
        let ends = ConnectedFrom {
            remote: (remote.parse::<std::net::IpAddr>().unwrap(), 40000).into(),
            local: (local.parse::<std::net::IpAddr>().unwrap(), 8080).into(),
        };
        request.extensions_mut().insert(ConnectInfo(ends));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let answer = |body| Answer { status: parts.status, headers: parts.headers.clone(), body };
        if answer(Vec::new()).header("content-type") == "text/event-stream" {
            // It has no end: what comes first stands for all of it.
            let first = body.into_data_stream().next().await.unwrap().unwrap();
            return answer(first.to_vec());
        }
        answer(to_bytes(body, 16 << 20).await.unwrap().to_vec())
    }

    /// A stream of events, as long as it lasts.
    pub(super) async fn follow(&self, client: &Client, path: &str) -> BodyDataStream {
        let mut request = Request::get(path).header("host", "localhost:8080");
        if let Some(cookie) = &client.cookie {
            request = request.header("cookie", cookie);
        }
        let ends = ConnectedFrom { remote: ([127, 0, 0, 1], 40000).into(), local: ([127, 0, 0, 1], 8080).into() };
        let request = request.extension(ConnectInfo(ends)).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        response.into_body().into_data_stream()
    }

    pub(super) async fn get(&self, client: &Client, path: &str) -> Answer {
        self.send(client, Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn json(&self, client: &Client, method: Method, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        self.send(client, request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(super) async fn post(&self, client: &Client, path: &str, body: &Value) -> Answer {
        self.json(client, Method::POST, path, body).await
    }

    pub(super) async fn form(&self, client: &Client, path: &str, body: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(client, request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Signs in through the API.
    pub(super) async fn signed_in(&self, name: &str) -> Client {
        let answer =
            self.post(&Client::default(), "/api/v1/session", &json!({"name": name, "password": PASSWORD})).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        Client {
            cookie: Some(cookie_of(&answer)),
            csrf: Some(answer.json()["csrf"].as_str().unwrap().to_owned()),
            ..Client::default()
        }
    }
}

impl Client {
    pub(super) const ANYONE: Self =
        Self { cookie: None, csrf: None, token: None, address: None, form_token: String::new() };

    pub(super) fn remembering(mut self, form_token: String) -> Self {
        self.form_token = form_token;
        self
    }

    pub(super) fn remembered(&self) -> &str {
        &self.form_token
    }

    pub(super) fn owner() -> Self {
        Self { token: Some(TOKEN), ..Self::default() }
    }

    pub(super) fn with_token(token: &'static str) -> Self {
        Self { token: Some(token), ..Self::default() }
    }

    pub(super) fn from(mut self, address: &'static str) -> Self {
        self.address = Some(address);
        self
    }

    pub(super) fn without_csrf(mut self) -> Self {
        self.csrf = None;
        self
    }
}

/// What the browser would send back.
pub(super) fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}
