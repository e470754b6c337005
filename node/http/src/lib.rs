//! HTTP of a node: `/api/v1`, the pages, blobs, health and figures.
//!
//! What a node does is behind [`port::Node`]; this crate turns requests into calls of it, and keeps accounts and
//! sessions (from `kapok-private`) in front. axum stays inside: in goes a listener, out come answers.
//!
//! Reading order: [`port`] is the boundary; `access` decides who may do what (`access/table.rs` is the one table of
//! routes); `api` answers JSON and `pages` HTML from the same use cases, and neither calls the other; `blobs` serves
//! files by ranges; `server` accepts connections within `limits`.
//!
//! Invariants: a route that is not in the access table answers nobody; nothing that was uploaded runs with the node's
//! authority (`blobs`); no body is held in memory beyond the limits of `limits`.

mod access;
mod api;
mod asked;
mod blobs;
mod cookies;
mod extract;
mod forms;
mod headers;
mod health;
mod limits;
mod pages;
pub mod port;
mod problem;
mod router;
mod server;
mod streams;
#[cfg(test)]
mod tests;
mod times;
mod usecase;

use std::sync::Arc;

pub use problem::Problem;
pub use server::{ServeError, serve};

/// What the server is told at its start.
#[derive(Clone, Default)]
pub struct ServerConfig {
    /// The owner's token: fresh random text, as in `run/token`. Accepted from loopback only.
    pub token: String,
    /// Further names under which a request may arrive on loopback, behind a reverse proxy.
    pub host_names: Vec<String>,
    /// Whether browsers reach the node by HTTPS alone (behind a reverse proxy), so that cookies are for HTTPS alone.
    pub secure_cookies: bool,
    /// Seconds east of UTC, for the times on pages.
    pub utc_offset_seconds: i64,
}

impl std::fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token stays out of logs.
        f.debug_struct("ServerConfig").field("host_names", &self.host_names).finish_non_exhaustive()
    }
}

/// What handlers share.
#[derive(Clone)]
struct App {
    node: Arc<dyn port::Node>,
    access: Arc<access::Access>,
    config: Arc<ServerConfig>,
    figures: Arc<health::Figures>,
    /// One round at a time is asked for from the pages; who asks during it has been heard.
    rounds: Arc<tokio::sync::Semaphore>,
    /// Places for pages that follow what moves.
    listeners: Arc<tokio::sync::Semaphore>,
    /// What lasts ends when this says so.
    stopping: tokio::sync::watch::Sender<bool>,
}

impl App {
    async fn load(node: Arc<dyn port::Node>, config: ServerConfig) -> port::Result<Self> {
        let access = access::Access::load(node.clone(), &config.token).await?;
        Ok(Self {
            node,
            access: Arc::new(access),
            config: Arc::new(config),
            figures: Arc::default(),
            rounds: Arc::new(tokio::sync::Semaphore::new(1)),
            listeners: Arc::new(tokio::sync::Semaphore::new(limits::MAX_LISTENERS)),
            stopping: tokio::sync::watch::Sender::default(),
        })
    }

    /// Tells the audit trail what a caller did.
    async fn record(&self, caller: &access::Caller, action: &'static str, subject: &str, outcome: port::Outcome) {
        self.access.record(action, subject, &caller.actor(), caller.source, outcome).await;
    }
}
