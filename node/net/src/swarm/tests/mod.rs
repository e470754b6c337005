//! Whole networks on loopback, as drivers use them.
#![allow(clippy::unwrap_used)]

mod circuits;
mod connecting;
mod interop;
mod neighbours;
mod outages;
mod relay;
mod streaming;
mod trouble;

use futures::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const ECHO: &str = "/kapok/test-echo/1";
const QUIC4: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
const QUIC6: &str = "/ip6/::1/udp/0/quic-v1";
const TCP4: &str = "/ip4/127.0.0.1/tcp/0";
const TCP6: &str = "/ip6/::1/tcp/0";

fn config(number: u8, listen: &[&str]) -> Config {
    Config {
        secret: [number; 32],
        listen: listen.iter().map(|address| address.parse().unwrap()).collect(),
        agent: format!("kapok-test/{number}"),
        neighbours: false,
        relay: false,
    }
}

async fn node(number: u8, listen: &[&str]) -> (Network, Events) {
    Network::start(config(number, listen)).await.unwrap()
}

/// Sends back on each stream what comes in, until the stream's end.
fn echo(network: &Network) {
    let mut incoming = network.accept(ECHO).unwrap();
    tokio::spawn(async move {
        while let Some((_, mut stream)) = incoming.next().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 16 * 1024];
                loop {
                    match stream.read(&mut buffer).await {
                        Ok(0) | Err(_) => break,
                        Ok(bytes) => stream.write_all(&buffer[..bytes]).await.unwrap(),
                    }
                    stream.flush().await.unwrap();
                }
                stream.close().await.unwrap();
            });
        }
    });
}

/// Sends `sent` to `peer`'s [`echo`] and expects it back.
async fn expect_echo(network: &Network, peer: NodeId, sent: &[u8]) {
    let (mut reader, mut writer) = network.open(peer, ECHO).await.unwrap().split();
    let write = async {
        writer.write_all(sent).await.unwrap();
        writer.close().await.unwrap();
    };
    let mut received = Vec::new();
    let read = async { reader.read_to_end(&mut received).await.unwrap() };
    futures::join!(write, read);
    assert!(received == sent, "{} bytes sent, {} other bytes received", sent.len(), received.len());
}

/// Bytes that differ everywhere and for each `seed`.
fn content(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// The next event that is not a measurement.
async fn next_change(events: &mut Events) -> Event {
    loop {
        match events.next().await.unwrap() {
            Event::Rtt { .. } => {}
            event => return event,
        }
    }
}
