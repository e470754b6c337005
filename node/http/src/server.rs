//! Accepting connections: within limits, with an end to waiting for headers, and an orderly stop.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::access::ConnectedFrom;
use crate::limits::{GRACE, HEADER_TIME, MAX_CONNECTIONS, MAX_CONNECTIONS_PER_ADDRESS};
use crate::port::{Failure, Node};
use crate::router::router;
use crate::{App, ServerConfig};

/// Why the server did not start or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the accounts of this node could not be read: {0}")]
    Accounts(#[from] Failure),
    #[error("there is no address to listen on; give one with --http")]
    NoListener,
}

/// Serves until `shutdown` is done, then lets requests end within a few seconds. The listeners are bound by the caller,
/// who prints their addresses.
pub async fn serve(
    listeners: Vec<TcpListener>,
    node: Arc<dyn Node>,
    config: ServerConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    if listeners.is_empty() {
        return Err(ServeError::NoListener);
    }
    let app = App::load(node, config).await?;
    let stopping = app.stopping.clone();
    let routes = router(app);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let doors = Arc::new(Doors::default());
    let mut tasks = tokio::task::JoinSet::new();
    for listener in listeners {
        tasks.spawn(accept(listener, routes.clone(), doors.clone(), stopped.clone()));
    }
    drop(stopped);
    shutdown.await;
    let _ = stop.send(true);
    stopping.send_replace(true);
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// How many connections there are, in all and by address.
struct Doors {
    all: Arc<Semaphore>,
    by_address: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Default for Doors {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_CONNECTIONS)), by_address: Mutex::default() }
    }
}

/// One connection's place.
struct Place {
    doors: Arc<Doors>,
    address: IpAddr,
    _permit: OwnedSemaphorePermit,
}

impl Doors {
    /// A place for a connection from there, or none: the connection is then closed at once, so that others get in.
    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let permit = self.all.clone().try_acquire_owned().ok()?;
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_address.entry(address).or_default();
        if *count >= MAX_CONNECTIONS_PER_ADDRESS {
            return None;
        }
        *count += 1;
        drop(by_address);
        Some(Place { doors: self.clone(), address, _permit: permit })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_address = self.doors.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                by_address.remove(&self.address);
            }
        }
    }
}

async fn accept(
    listener: TcpListener,
    routes: Router,
    doors: Arc<Doors>,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match accepted {
            Ok((stream, remote)) => {
                let Some(place) = doors.enter(remote.ip().to_canonical()) else {
                    tracing::warn!(%remote, "too many connections; one was closed");
                    continue;
                };
                if let Ok(local) = stream.local_addr() {
                    converse(stream, ConnectedFrom { remote, local }, place, &routes, &graceful);
                }
            }
            Err(error) => {
                // Mostly too many open files: it passes when connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(pause_after(&error)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::info!("requests that had not ended were cut off");
    }
}

/// A connection that went away between arriving and being accepted is no reason to wait.
fn pause_after(error: &io::Error) -> Duration {
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused => {
            Duration::ZERO
        }
        _ => Duration::from_millis(200),
    }
}

fn converse(stream: TcpStream, ends: ConnectedFrom, place: Place, routes: &Router, graceful: &GracefulShutdown) {
    // Pages are small answers; waiting to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let service = routes.clone().map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(ends));
        request.map(axum::body::Body::new)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = pin!(watched).await {
            tracing::debug!(%error, "a connection ended early");
        }
    });
}
