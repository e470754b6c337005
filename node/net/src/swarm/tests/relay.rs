//! A UDP relay between a dialler and a node, which loses what it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::*;
use crate::transport::address;

pub(super) struct Relay {
    pub(super) address: Multiaddr,
    /// While it is set, everything gets lost.
    pub(super) is_away: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Relay {
    /// Relays to `target`. `loses(n)` says whether the n-th packet, counted over both directions apart, gets lost.
    pub(super) async fn start(target: &Multiaddr, loses: fn(u64) -> bool) -> Self {
        let target = address::parse(target).unwrap().1;
        let front = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = address::quic(front.local_addr().unwrap());
        let is_away = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        let away = Arc::clone(&is_away);
        let loses = move |number| away.load(Ordering::Relaxed) || loses(number);
        tasks.spawn(forward(front, target, loses));
        Self { address, is_away, _tasks: tasks }
    }
}

trait Loses: Fn(u64) -> bool + Clone + Send + Sync + 'static {}
impl<F: Fn(u64) -> bool + Clone + Send + Sync + 'static> Loses for F {}

async fn forward(front: Arc<UdpSocket>, target: SocketAddr, loses: impl Loses) {
    // The ways back end with this future.
    let mut back = JoinSet::new();
    let mut clients: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
    let mut packet = vec![0; 2048];
    for number in 0.. {
        let Ok((length, client)) = front.recv_from(&mut packet).await else { return };
        let upstream = match clients.get(&client) {
            Some(upstream) => Arc::clone(upstream),
            None => {
                let upstream = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
                upstream.connect(target).await.unwrap();
                clients.insert(client, Arc::clone(&upstream));
                back.spawn(send_back(Arc::clone(&front), Arc::clone(&upstream), client, loses.clone()));
                upstream
            }
        };
        if !loses(number) {
            // What cannot be sent is lost, as on any link.
            let _ = upstream.send(&packet[..length]).await;
        }
    }
}

async fn send_back(front: Arc<UdpSocket>, upstream: Arc<UdpSocket>, client: SocketAddr, loses: impl Loses) {
    let mut packet = vec![0; 2048];
    for number in 0.. {
        let Ok(length) = upstream.recv(&mut packet).await else { continue };
        if !loses(number) {
            let _ = front.send_to(&packet[..length], client).await;
        }
    }
}
