//! Somebody who speaks HTTP with a node: a browser with its cookie, or the owner with the token.

use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, Response};

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub cookie: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// # Panics
    /// If the body is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// Asserts that this is a problem document (RFC 9457) of that status with a title; gives it back.
    ///
    /// # Panics
    /// If it is not.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.content_type, "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], status, "{problem}");
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        problem
    }
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Browser {
    agent: Agent,
    base: String,
    token: Option<String>,
    cookie: Option<String>,
    csrf: Option<String>,
}

impl Browser {
    pub(crate) fn new(base: String) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).proxy(None).build();
        Self { agent: config.into(), base, token: None, cookie: None, csrf: None }
    }

    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// # Panics
    /// If there is no answer at all.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Vec::new())
    }

    /// None if the answer ends before all that it promised has come.
    ///
    /// # Panics
    /// If there is no answer at all.
    #[must_use]
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        self.try_send("GET", path, &[], Vec::new())
    }

    /// # Panics
    /// If there is no answer at all.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/json")], body.to_string().into_bytes())
    }

    /// # Panics
    /// If there is no answer at all, or not all of one.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        self.try_send(method, path, headers, body).unwrap_or_else(|| panic!("{method} {path}: the answer breaks off"))
    }

    fn try_send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-kapok-csrf", csrf);
        }
        let response = self.agent.run(request.body(body).unwrap());
        answer(response.unwrap_or_else(|error| panic!("{method} {path}: {error}")))
    }

    /// Makes the first account and keeps its session.
    ///
    /// # Panics
    /// If the node refuses.
    pub fn set_up(&mut self, code: &str, name: &str, password: &str) {
        let body = serde_json::json!({"code": code, "name": name, "password": password});
        let answer = self.post("/api/v1/setup", &body);
        self.keep(&answer);
    }

    /// Signs in and keeps the session.
    ///
    /// # Panics
    /// If the node refuses.
    pub fn sign_in(&mut self, name: &str, password: &str) {
        let answer = self.post("/api/v1/session", &serde_json::json!({"name": name, "password": password}));
        self.keep(&answer);
    }

    fn keep(&mut self, answer: &Answer) {
        assert_eq!(answer.status, 200, "{}", answer.text());
        self.csrf = answer.json()["csrf"].as_str().map(str::to_owned);
        self.cookie.clone_from(&answer.cookie);
        assert!(self.csrf.is_some() && self.cookie.is_some(), "no session: {answer:?}");
    }

    /// Uploads a file in parts, as the page does, and gives the upload's id.
    ///
    /// # Panics
    /// If the node refuses.
    #[must_use]
    pub fn upload(&self, name: &str, content: &[u8]) -> String {
        let begun = self.post("/api/v1/uploads", &serde_json::json!({"name": name, "size": content.len()}));
        assert_eq!(begun.status, 201, "{}", begun.text());
        let id = begun.json()["id"].as_str().unwrap().to_owned();
        let headers =
            |offset: &str| [("upload-offset", offset.to_owned()), ("content-type", "application/octet-stream".into())];
        let mut offset = 0;
        for part in content.chunks(100_000) {
            let headers = headers(&offset.to_string());
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let sent = self.send("PATCH", &format!("/api/v1/uploads/{id}"), &headers, part.to_vec());
            assert_eq!(sent.status, 200, "{}", sent.text());
            offset += part.len();
        }
        id
    }
}

fn answer(mut response: Response<ureq::Body>) -> Option<Answer> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let content_type = header("content-type").unwrap_or_default();
    let cookie = header("set-cookie").and_then(|cookie| cookie.split(';').next().map(str::to_owned));
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().ok()?;
    Some(Answer { status, content_type, cookie, body })
}
