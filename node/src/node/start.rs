//! Bringing a node up: folder, journals, views, network, pages; and taking it down in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use kapok_http::ServerConfig;
use kapok_indexer::extract::{Pool, WorkerCommand};
use kapok_net::blob::Exchange;
use kapok_net::link::Links;
use kapok_net::search::Searcher;
use kapok_net::swarm::{Config, Network};
use kapok_protocol::identity::{Keypair, NodeId};
use kapok_store::blobs::Blobs;
use kapok_store::fs::{RealFs, SharedFs};
use kapok_store::home::{Home, HomeError, Purpose};
use kapok_store::journal::{Journal, Options};
use kapok_store::view::{View, ViewOptions};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::app::{AGENT, App, now, with_remedy};
use super::blobs::BlobsOnDisk;
use super::collect::Collection;
use super::indexing::Indexing;
use super::links::LinkBackend;
use super::local::Local;
use super::notices;
use super::port::Port;
use super::search::Answering;
use super::survey::Survey;
use super::sync::Rounds;
use crate::catalogue::Catalogue;
use crate::settings::Settings;

/// How often released blobs are looked for.
const COLLECT_INTERVAL: Duration = Duration::from_secs(2);
/// How long an orderly stop waits for the index to note where it is.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a daemon waits for a command that has the folder at the moment: a small `kapok add` with the closing of the
/// views takes some seconds on a slow disk; whoever starts a daemon and waits longer should be told what for.
const PASSING: Duration = Duration::from_secs(15);
/// How long a command waits for another: scripts call several at once, and they go one after the other.
const PASSING_FOR_COMMAND: Duration = Duration::from_secs(60);
/// Between two looks whether the folder is free.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Default)]
pub(crate) struct StartOptions {
    /// Where pages and API listen, instead of the setting.
    pub(crate) http: Option<Vec<SocketAddr>>,
    /// Where other nodes reach it, instead of the setting; empty: the setting.
    pub(crate) listen: Vec<String>,
    /// For the time of one command: listens for other nodes on a port of the system's choice.
    pub(crate) ephemeral: bool,
}

/// A node that is up.
pub(crate) struct Running {
    pub(crate) node: NodeId,
    /// The pages' address on this machine.
    pub(crate) http: String,
    pub(crate) token: String,
    pub(crate) listen: Vec<String>,
    app: Arc<App>,
    tasks: Vec<JoinHandle<()>>,
    server: JoinHandle<()>,
    indexer: Option<std::thread::JoinHandle<()>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Running({} at {})", self.node, self.http)
    }
}

/// Starts the node of a home. On return it listens; views may still be on their way.
pub(crate) async fn start(home: &Path, options: StartOptions) -> Result<Running> {
    let app = open_when_free(home, &options).await?;
    let node = app.catalogue.id();
    let http = match &options.http {
        Some(addresses) => addresses.clone(),
        None => app.settings().http_addresses(),
    };
    let listeners = bind(&http).await?;
    let url = format!("http://{}", local(&listeners)?);
    let token = data_encoding::HEXLOWER.encode(&rand::random::<[u8; 32]>());
    let listen = if !options.listen.is_empty() {
        options.listen.clone()
    } else if options.ephemeral {
        ["/ip4/0.0.0.0/udp/0/quic-v1", "/ip6/::/udp/0/quic-v1"].map(str::to_owned).to_vec()
    } else {
        app.settings().listen_addresses()
    };
    let others = listen.iter().any(|text| !text.starts_with("/ip6/"));
    let listen = listen
        .iter()
        .filter(|text| !text.starts_with("/ip6/") || !others || speaks_ipv6())
        .map(|text| text.parse().with_context(|| format!("“{text}” is not an address to listen on")))
        .collect::<Result<Vec<kapok_net::Multiaddr>>>()?;
    let secret = app.catalogue.keypair().secret();
    let neighbours = !options.ephemeral && app.settings().neighbours();
    let relay = !options.ephemeral && app.relays();
    let config = Config { secret, listen, agent: AGENT.to_owned(), neighbours, relay };
    let (network, _) = Network::start(config).await?;
    app.recall_paths(&network);
    network.limit_rate(app.settings().link_rate_bytes_per_s());
    let links = Links::start(network.clone(), Arc::new(LinkBackend(app.clone())), AGENT.to_owned()).await?;
    let exchange = Exchange::start(links.clone(), Arc::new(BlobsOnDisk::new(app.clone())))?;
    app.survey.listen(exchange.completions());
    let searcher = Searcher::start(links.clone(), Arc::new(Answering(app.clone())))?;
    let listen: Vec<_> = network.listen_addresses().iter().map(ToString::to_string).collect();
    let _ = app.links.set(links);
    let _ = app.exchange.set(exchange);
    let _ = app.searcher.set(searcher);

    let (mut tasks, indexer) = background(&app);
    tasks.push(tokio::spawn(app.clone().keep_parent()));
    tasks.push(tokio::spawn(app.clone().keep_neighbours()));
    if !options.ephemeral {
        tasks.push(tokio::spawn(app.clone().keep_reservation()));
    }
    tasks.push(tokio::spawn(app.clone().keep_syncing()));
    tasks.push(tokio::spawn(app.clone().keep_window()));
    let server = serve(&app, listeners, &token, &http);
    // A node that lives for one command is nobody else's to talk to.
    if !options.ephemeral {
        app.home.write_run_file("token", token.as_bytes())?;
        app.home.write_run_file("http", url.as_bytes())?;
    }
    Ok(Running { node, http: url, token, listen, app, tasks, server, indexer: Some(indexer) })
}

/// Opens everything on the disk, once whoever passes through the folder is out of it.
async fn open_when_free(root: &Path, options: &StartOptions) -> Result<Arc<App>> {
    let purpose = if options.ephemeral { Purpose::Command } else { Purpose::Serve };
    let patience = if options.ephemeral { PASSING_FOR_COMMAND } else { PASSING };
    let begun = Instant::now();
    // A lock that was just taken may still name the holder before; the same one seen twice is who has it.
    let mut seen = None;
    let mut said = false;
    loop {
        let home = root.to_path_buf();
        let error = match tokio::task::spawn_blocking(move || open(&home, purpose)).await? {
            Ok(app) => return Ok(app),
            Err(error) => error,
        };
        let Some(HomeError::InUse { pid, purpose: held_to, .. }) = error.downcast_ref() else { return Err(error) };
        let stays = *held_to == Purpose::Serve;
        if stays && seen == Some(*pid) {
            return Err(error);
        }
        seen = stays.then_some(*pid);
        if begun.elapsed() > patience {
            let waited = patience.as_secs();
            return Err(error.context(format!(
                "a kapok command is still at work after {waited} s\n  wait until it is done, and try again"
            )));
        }
        if !stays && !std::mem::replace(&mut said, true) {
            tracing::info!(process = pid, "a kapok command has the folder; waiting until it is done");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Everything on the disk, opened. The catalogue is brought up to date later.
pub(super) fn open(root: &Path, purpose: Purpose) -> Result<Arc<App>> {
    let fs: SharedFs = Arc::new(RealFs);
    let home = Home::open_to(purpose, fs.clone(), root)?;
    let paths = home.paths().clone();
    let secret = home.node_key()?;
    let exposed_keys = home.close_keys();
    for key in &exposed_keys {
        tracing::warn!(key = %key.path.display(), closed = key.closed, "a key could be read by others than its owner");
    }
    let settings = Settings::load(&paths.config())?;
    let journal = |path: &Path, options| Journal::open(fs.clone(), path, options, rand::random()).map_err(with_remedy);
    let shared = journal(&paths.shared_journal(), Options::default())?;
    let private = journal(&paths.private_journal(), Options::default())?;
    let local = Local::load(private).map_err(with_remedy)?;
    let keypair = Keypair::from_secret(&secret);
    check_key(&home, &local, keypair.id())?;
    let audit = journal(&paths.audit_journal(), Options::chained())?;
    notices::log_damage(&home, &local, &shared, &audit);
    if purpose == Purpose::Serve {
        notices::restore_setup(&home, &local)?;
    }
    let blobs = Blobs::open(fs, paths.clone())?;
    let view = View::open(&paths.catalogue(), ViewOptions::default())?;
    let indexing = Indexing::open(&paths.index())?;
    indexing.starts_at(shared.end().position);
    let program = std::env::current_exe().context("the program does not know where it is")?;
    let worker = WorkerCommand { program, args: vec!["extract-worker".into()] };
    Ok(Arc::new(App {
        catalogue: Catalogue::new(keypair, shared, view),
        local,
        home,
        exposed_keys,
        blobs,
        audit,
        indexing,
        extraction: Pool::new(worker),
        settings: Mutex::new(settings),
        rounds: Rounds::default(),
        collection: Collection::default(),
        versions: Mutex::default(),
        survey: Survey::default(),
        links: OnceLock::new(),
        exchange: OnceLock::new(),
        searcher: OnceLock::new(),
        stopping: watch::Sender::new(false),
    }))
}

/// Refuses a key that is not the one the folder was made with: any 32 bytes are somebody's key, and with another one the
/// node would come up as a stranger that has joined nothing.
fn check_key(home: &Home, local: &Local, node: NodeId) -> Result<()> {
    let expected = local.state().node;
    match expected {
        Some(expected) if expected != node => Err(HomeError::KeyOfAnother {
            path: home.paths().node_key(),
            found: node.to_string(),
            expected: expected.to_string(),
        }
        .into()),
        Some(_) => Ok(()),
        None => {
            // Made by an earlier version. A full disk does not keep the node from coming up; it is noted next time.
            if let Err(error) = local.belongs_to(node) {
                tracing::warn!(%error, "whose folder this is could not be noted");
            }
            Ok(())
        }
    }
}

async fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address).await;
        if address.is_ipv6() && addresses.len() > 1 && !speaks_ipv6() {
            tracing::info!(%address, "this machine has no IPv6; the other addresses are listened on");
            continue;
        }
        listeners.push(listener.with_context(|| {
            format!("cannot listen on http://{address}\n  another program may use that port: choose one with --http")
        })?);
    }
    Ok(listeners)
}

/// Whether this machine has IPv6 at all.
fn speaks_ipv6() -> bool {
    std::net::UdpSocket::bind((std::net::Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// How this machine reaches the pages: loopback, where one listener covers it.
fn local(listeners: &[TcpListener]) -> Result<SocketAddr> {
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<Vec<_>>>()?;
    let mut reachable = addresses.iter().map(|address| {
        let mut address = *address;
        if address.ip().is_unspecified() {
            let loopback: std::net::IpAddr = if address.is_ipv4() {
                std::net::Ipv4Addr::LOCALHOST.into()
            } else {
                std::net::Ipv6Addr::LOCALHOST.into()
            };
            address.set_ip(loopback);
        }
        address
    });
    let first = reachable.clone().find(|address| address.ip().is_loopback()).or_else(|| reachable.next());
    first.context("there is no address for the pages to listen on\n  give one with --http")
}

/// Threads and tasks that keep the node's house in order.
fn background(app: &Arc<App>) -> (Vec<JoinHandle<()>>, std::thread::JoinHandle<()>) {
    let follower = app.clone();
    let indexer = std::thread::spawn(move || {
        loop {
            match follower.catalogue.catch_up() {
                Ok(()) => break,
                // A full disk, most likely: files and log-in work meanwhile.
                Err(error) => {
                    tracing::error!(%error, "the catalogue cannot be brought up to date");
                    if *follower.stopping.borrow() {
                        return;
                    }
                    std::thread::sleep(Duration::from_secs(5));
                }
            }
        }
        if let Err(error) = follower.catalogue.sign_missing_heads(now()) {
            tracing::warn!(%error, "heads could not be signed");
        }
        if let Err(error) = follower.publish_profile() {
            tracing::warn!(%error, "the profile could not be published");
        }
        follower.rounds.announce();
        follower.follow_journal();
    });
    let collector = app.clone();
    let collecting = tokio::spawn(async move {
        let mut swept: Option<tokio::time::Instant> = None;
        loop {
            tokio::time::sleep(COLLECT_INTERVAL).await;
            let due = swept.is_none_or(|at| at.elapsed() > super::collect::UPLOADS_INTERVAL);
            let done = collector
                .blocking(move |app| {
                    app.look_after()?;
                    app.collect_released()?;
                    app.sweep_step();
                    if due {
                        app.home.refill_reserve();
                        app.expire_uploads();
                        app.keep_paths();
                    }
                    Ok(())
                })
                .await;
            match done {
                Ok(()) if due => swept = Some(tokio::time::Instant::now()),
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, "collecting waits"),
            }
        }
    });
    (vec![collecting], indexer)
}

fn serve(app: &Arc<App>, listeners: Vec<TcpListener>, token: &str, http: &[SocketAddr]) -> JoinHandle<()> {
    let (host_names, secure_cookies) = {
        let settings = app.settings();
        (settings.host_names(), settings.secure_cookies())
    };
    let offset = jiff::ZonedDateTime::now().offset().seconds();
    let config =
        ServerConfig { token: token.to_owned(), host_names, secure_cookies, utc_offset_seconds: i64::from(offset) };
    let node: Arc<dyn kapok_http::port::Node> = Arc::new(Port(app.clone()));
    let mut stopping = app.stopping.subscribe();
    let addresses = http.to_vec();
    tokio::spawn(async move {
        let stop = async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        if let Err(error) = kapok_http::serve(listeners, node, config, stop).await {
            tracing::error!(%error, ?addresses, "the pages stopped");
        }
    })
}

impl Running {
    /// Returns when the node has stopped by itself.
    pub(crate) async fn wait(&mut self) {
        let _ = (&mut self.server).await;
    }

    /// Stops in order: no new work, what is begun is finished, views are closed so that the next start is quick.
    pub(crate) async fn stop(mut self) {
        let _ = self.app.stopping.send(true);
        if !self.server.is_finished() {
            let _ = (&mut self.server).await;
        }
        for task in &self.tasks {
            task.abort();
        }
        if let Some(exchange) = self.app.exchange.get() {
            exchange.shutdown().await;
        }
        if let Some(links) = self.app.links.get() {
            self.app.keep_paths();
            links.shutdown().await;
        }
        self.app.indexing.stop();
        let (app, indexer) = (self.app.clone(), self.indexer.take());
        let closing = tokio::task::spawn_blocking(move || {
            if let Some(indexer) = indexer {
                let _ = indexer.join();
            }
            if let Err(error) = app.catalogue.close() {
                tracing::warn!(%error, "the catalogue was not closed in order; it is made anew at the next start");
            }
            for file in ["token", "http"] {
                let _ = std::fs::remove_file(app.home.paths().run().join(file));
            }
        });
        if tokio::time::timeout(FAREWELL * 4, closing).await.is_err() {
            tracing::warn!("the views took too long to close; they are made anew at the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_of_an_earlier_version_remembers_from_its_first_opening_on_whose_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let fs: SharedFs = Arc::new(RealFs);
        let home = Home::init(fs.clone(), &dir.path().join("home")).unwrap();
        let local = || {
            let folder = home.paths().private_journal();
            Local::load(Journal::open(fs.clone(), &folder, Options::default(), rand::random()).unwrap()).unwrap()
        };
        let (node, other) = (Keypair::from_secret(&[1; 32]).id(), Keypair::from_secret(&[2; 32]).id());
        check_key(&home, &local(), node).unwrap();
        check_key(&home, &local(), node).unwrap();
        let refused = check_key(&home, &local(), other).unwrap_err().to_string();
        assert!(refused.contains(&node.to_string()) && refused.contains(&other.to_string()), "{refused}");
        assert!(refused.contains("node.key") && refused.contains("backup"), "{refused}");
    }
}
