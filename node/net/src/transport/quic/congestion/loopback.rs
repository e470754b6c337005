//! The adapter in real connections, through a relay on loopback that loses, delays and slows down.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::identity::Keypair;
use quinn::{Endpoint, TokioRuntime};
use tokio::net::UdpSocket;

use super::super::config::Configs;
use super::{PathMemory, introduce};

const ONE_WAY: Duration = Duration::from_millis(20);
const BYTES_PER_SECOND: f64 = 1e6;
const CONTENT_BYTES: usize = 1024 * 1024;
/// Every so many packets one is lost, each way.
const LOST: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(60);

/// Passes datagrams on to `to`, and what comes from there back to whoever spoke last. A bottleneck on the way back only.
async fn relay(front: UdpSocket, to: SocketAddr) {
    let (front, back) = (Arc::new(front), Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap()));
    let (mut near, mut far) = ([0; 2048], [0; 2048]);
    let (mut caller, mut free_at, mut counted) = (None, Instant::now(), 0_u64);
    loop {
        let (datagram, socket, target, at) = tokio::select! {
            received = front.recv_from(&mut near) => {
                let (length, from) = received.unwrap();
                caller = Some(from);
                (near[..length].to_vec(), Arc::clone(&back), to, Instant::now())
            }
            received = back.recv_from(&mut far) => {
                let (length, _) = received.unwrap();
                let Some(caller) = caller else { continue };
                free_at = free_at.max(Instant::now()) + Duration::from_secs_f64(length as f64 / BYTES_PER_SECOND);
                (far[..length].to_vec(), Arc::clone(&front), caller, free_at)
            }
        };
        counted += 1;
        if counted.is_multiple_of(LOST) {
            continue;
        }
        tokio::spawn(async move {
            tokio::time::sleep_until((at + ONE_WAY).into()).await;
            // The connection may be gone by then.
            let _ = socket.send_to(&datagram, target).await;
        });
    }
}

fn endpoint(configs: &Configs, server: bool) -> Endpoint {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let server = server.then(|| configs.server.clone());
    Endpoint::new(configs.endpoint.clone(), server, socket, Arc::new(TokioRuntime)).unwrap()
}

/// One connection over which the server sends; its counts at the end.
async fn transfer(
    server: &Endpoint,
    client: &Endpoint,
    configs: &Configs,
    via: SocketAddr,
    peer: PeerId,
) -> (u64, u64) {
    let serving = server.clone();
    let sent = tokio::spawn(async move {
        let connection = serving.accept().await.unwrap().await.unwrap();
        introduce(&connection, peer);
        // As its owner would, once the line is known.
        connection.set_send_window(CONTENT_BYTES as u64);
        let (mut send, mut receive) = connection.accept_bi().await.unwrap();
        receive.read_to_end(16).await.unwrap();
        send.write_all(&vec![7; CONTENT_BYTES]).await.unwrap();
        send.finish().unwrap();
        connection.closed().await;
        let stats = connection.stats();
        (stats.udp_tx.bytes, stats.path.cwnd)
    });
    let connection = client.connect_with(configs.client.clone(), via, "peer").unwrap().await.unwrap();
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(b"please").await.unwrap();
    send.finish().unwrap();
    assert_eq!(receive.read_to_end(CONTENT_BYTES).await.unwrap().len(), CONTENT_BYTES);
    connection.close(0_u32.into(), b"");
    sent.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_connections_are_not_flooded_and_leave_what_they_found() {
    let (server_key, client_key) = (Keypair::generate_ed25519(), Keypair::generate_ed25519());
    let (serving, calling) = (Configs::new(&server_key).unwrap(), Configs::new(&client_key).unwrap());
    let memory: PathMemory = serving.memory.clone();
    let peer = client_key.public().to_peer_id();
    let (server, client) = (endpoint(&serving, true), endpoint(&calling, false));
    let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let via = front.local_addr().unwrap();
    let relaying = tokio::spawn(relay(front, server.local_addr().unwrap()));
    let both = async {
        // The second begins where the first ended.
        for _ in 0..2 {
            let (sent_bytes, window) = transfer(&server, &client, &calling, via, peer).await;
            assert!(sent_bytes as f64 <= 1.25 * CONTENT_BYTES as f64, "{sent_bytes} bytes sent");
            assert!(window >= 3 * 1472, "a window of {window} bytes");
            let known = memory.paths();
            assert_eq!(known.len(), 1, "{known:?}");
            let (known_peer, path) = known[0];
            assert_eq!(known_peer, peer);
            assert!(path.min_rtt >= 2 * ONE_WAY, "{path:?}");
            // A busy machine makes the relay slower, never faster.
            assert!(path.delivery_rate <= 1.5 * BYTES_PER_SECOND, "{path:?}");
        }
    };
    tokio::time::timeout(PATIENCE, both).await.unwrap();
    relaying.abort();
}
