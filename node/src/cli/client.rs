//! Talks to a node's API over HTTP on loopback, as its owner.
//!
//! Answers are the structs of `kapok_http::port`, which are the documents of the command line's contract. Long operations
//! send steps on the way (NDJSON); what ends without a document has been cut off.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use kapok_http::Problem;
use kapok_http::port::{Progress, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Method, Request, Response, StatusCode};
use ureq::{Agent, Body};

/// A process of the same machine accepts at once; a longer wait means that it hangs.
const CONNECT: Duration = Duration::from_secs(5);
/// The least that a node that is alive can say.
const PROBE: Duration = Duration::from_secs(30);
/// Ten thousand members or the hits of the longest page fit many times.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("{}", said(.0))]
    Refused(Box<Problem>),
    #[error("the node at {base} does not answer: {reason}\n  look at its log, or start it again: kapok serve")]
    Unreachable { base: String, reason: String },
    #[error("the node stopped before this was done\n  start it again and repeat; what was acknowledged is kept")]
    CutOff,
    #[error("what answers at {base} is not this version of kapok ({reason})\n  start the node again with this version")]
    NotKapok { base: String, reason: String },
    #[error("cannot write the request: {0}")]
    Request(#[from] ureq::http::Error),
    #[error("cannot write the request: {0}")]
    Body(#[from] serde_json::Error),
}

fn said(problem: &Problem) -> String {
    let mut text = problem.title.replace('\n', " ");
    if !problem.detail.is_empty() {
        text = format!("{text}: {}", problem.detail);
    }
    if !problem.remedy.is_empty() {
        text = format!("{text}\n  {}", problem.remedy);
    }
    text
}

/// A line of a stream of steps.
#[derive(serde::Deserialize)]
struct Line {
    #[serde(default)]
    event: Option<Event>,
}

#[derive(PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Event {
    Progress,
    Problem,
}

/// Who answers at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// The node that wrote this token.
    Node,
    /// A node that wrote another.
    WithOtherToken,
    Nobody,
}

/// One node's API.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
    base: String,
    bearer: String,
}

impl Client {
    /// For the node whose API is at `base`, with the owner's token.
    pub(super) fn new(base: &str, token: &str) -> Self {
        let config = Agent::config_builder()
            // Proxies of the environment are for other machines.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("kapok/", env!("CARGO_PKG_VERSION")))
            .build();
        let base = base.trim().trim_end_matches('/').to_owned();
        Self { agent: config.into(), base, bearer: format!("Bearer {}", token.trim()) }
    }

    /// Who answers there. Somebody else on the node's old port, unless it is a node, is nobody.
    pub(super) fn probe(&self) -> Result<Answers, ClientError> {
        let request = self.request(&Method::GET, "/api/v1/status", JSON).body(())?;
        let request = self.agent.configure_request(request).timeout_global(Some(PROBE)).build();
        let response = match self.agent.run(request) {
            Ok(response) => response,
            Err(ureq::Error::Timeout(_)) => {
                return Err(ClientError::Unreachable { base: self.base.clone(), reason: "it hangs".into() });
            }
            Err(_) => return Ok(Answers::Nobody),
        };
        match self.document::<Status>(response) {
            Ok(_) => Ok(Answers::Node),
            Err(ClientError::Refused(problem)) if problem.status == StatusCode::UNAUTHORIZED.as_u16() => {
                Ok(Answers::WithOtherToken)
            }
            Err(ClientError::Refused(_)) => Ok(Answers::Node),
            Err(_) => Ok(Answers::Nobody),
        }
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.without_body(&Method::GET, path)
    }

    pub(super) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.without_body(&Method::DELETE, path)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let response = self.send(&Method::POST, path, JSON, body)?;
        self.document(response)
    }

    pub(super) fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let response = self.send(&Method::PUT, path, JSON, body)?;
        self.document(response)
    }

    /// A long operation: `step` hears how far it is.
    pub(super) fn follow<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        step: impl FnMut(&Progress),
    ) -> Result<T, ClientError> {
        let response = self.send(&Method::POST, path, NDJSON, body)?;
        if response.status() != StatusCode::OK {
            return self.document(response);
        }
        let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        self.steps(BufReader::new(reader), step)
    }

    fn steps<T: DeserializeOwned>(
        &self,
        mut lines: impl BufRead,
        mut step: impl FnMut(&Progress),
    ) -> Result<T, ClientError> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = lines.by_ref().take(MAX_ANSWER_BYTES).read_until(b'\n', &mut line);
            if read.is_err() || line.last() != Some(&b'\n') {
                return Err(ClientError::CutOff);
            }
            match self.parse::<Line>(&line)?.event {
                Some(Event::Progress) => step(&self.parse(&line)?),
                Some(Event::Problem) => return Err(ClientError::Refused(Box::new(self.parse(&line)?))),
                None => return self.parse(&line),
            }
        }
    }

    fn without_body<T: DeserializeOwned>(&self, method: &Method, path: &str) -> Result<T, ClientError> {
        let request = self.request(method, path, JSON).body(())?;
        let response = self.agent.run(request).map_err(|error| self.unreachable(&error))?;
        self.document(response)
    }

    fn send(
        &self,
        method: &Method,
        path: &str,
        accept: &str,
        body: &impl Serialize,
    ) -> Result<Response<Body>, ClientError> {
        let body = serde_json::to_vec(body)?;
        let request = self.request(method, path, accept).header("Content-Type", JSON).body(body)?;
        self.agent.run(request).map_err(|error| self.unreachable(&error))
    }

    fn request(&self, method: &Method, path: &str, accept: &str) -> ureq::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("Authorization", &self.bearer)
            .header("Accept", accept)
    }

    /// The document of an answer, or the problem.
    fn document<T: DeserializeOwned>(&self, mut response: Response<Body>) -> Result<T, ClientError> {
        let status = response.status();
        let bytes = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        let bytes = bytes.map_err(|_| ClientError::CutOff)?;
        if status.is_success() {
            return self.parse(&bytes);
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) if problem.kind.starts_with("kapok:") => Err(ClientError::Refused(Box::new(problem))),
            _ => Err(ClientError::NotKapok { base: self.base.clone(), reason: format!("status {status}") }),
        }
    }

    fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(bytes)
            .map_err(|error| ClientError::NotKapok { base: self.base.clone(), reason: error.to_string() })
    }

    fn unreachable(&self, error: &ureq::Error) -> ClientError {
        ClientError::Unreachable { base: self.base.clone(), reason: error.to_string() }
    }
}

/// Text as a segment of an address or a value of its query.
pub(super) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    // A segment of dots alone would climb.
    if out.bytes().all(|byte| byte == b'.') { out.replace('.', "%2E") } else { out }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use kapok_http::port::FetchReply;

    use super::*;

    fn client() -> Client {
        Client::new("http://127.0.0.1:1/", " token\n")
    }

    #[test]
    fn steps_are_heard_and_the_last_line_is_the_document() {
        let lines = "{\"event\":\"progress\",\"phase\":\"blobs\",\"name\":\"a\",\"done_bytes\":1,\"total_bytes\":2,\
                     \"done_items\":0,\"total_items\":1,\"rate_bps\":5}\n{\"files\":[]}\n";
        let mut heard = Vec::new();
        let reply: FetchReply = client().steps(lines.as_bytes(), |step| heard.push(step.done_bytes)).unwrap();
        assert!(reply.files.is_empty());
        assert_eq!(heard, [1]);
    }

    #[test]
    fn a_problem_at_the_end_of_the_steps_is_a_refusal_with_its_remedy() {
        let line = "{\"event\":\"problem\",\"type\":\"kapok:not-found\",\"status\":404,\"title\":\"cannot get it\",\
                    \"detail\":\"nobody has it\",\"remedy\":\"wait for the school\"}\n";
        let refused = client().steps::<FetchReply>(line.as_bytes(), |_| {}).unwrap_err();
        assert_eq!(refused.to_string(), "cannot get it: nobody has it\n  wait for the school");
    }

    #[test]
    fn a_stream_without_its_document_was_cut_off() {
        for cut in ["", "{\"files\":[", "{\"files\":[]}"] {
            let error = client().steps::<FetchReply>(cut.as_bytes(), |_| {}).unwrap_err();
            assert!(matches!(error, ClientError::CutOff), "{cut}");
        }
    }

    #[test]
    fn nobody_at_the_address_is_not_alive() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let client = Client::new(&format!("http://127.0.0.1:{port}"), "token");
        assert_eq!(client.probe().unwrap(), Answers::Nobody);
    }

    #[test]
    fn what_is_typed_cannot_leave_its_segment() {
        assert_eq!(encoded("../config"), "..%2Fconfig");
        assert_eq!(encoded(".."), "%2E%2E");
        assert_eq!(encoded("平 a?&"), "%E5%B9%B3%20a%3F%26");
    }
}
