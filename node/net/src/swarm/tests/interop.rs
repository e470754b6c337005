//! With libp2p's own QUIC: another implementation of the same specifications.

use std::time::Duration;

use futures::StreamExt as _;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Swarm, SwarmBuilder, identify, ping};

use super::*;

#[derive(NetworkBehaviour)]
struct Stock {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

fn stock() -> Swarm<Stock> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_quic()
        .with_behaviour(|key| Stock {
            identify: identify::Behaviour::new(identify::Config::new("stock/1".into(), key.public())),
            ping: ping::Behaviour::default(),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build()
}

/// Waits until the stock peer has identified and pinged the other side; returns what it was told.
async fn identified_and_pinged(swarm: &mut Swarm<Stock>) -> identify::Info {
    let mut identified = None;
    let mut pinged = false;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::Behaviour(StockEvent::Identify(identify::Event::Received { info, .. })) => {
                identified = Some(info);
            }
            SwarmEvent::Behaviour(StockEvent::Ping(ping)) => {
                ping.result.unwrap();
                pinged = true;
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
            _ => {}
        }
        if let (Some(info), true) = (&identified, pinged) {
            return info.clone();
        }
    }
}

/// Waits until Kapok has measured the peer, while the stock peer goes on.
async fn measured(events: &mut Events, swarm: &mut Swarm<Stock>) -> NodeId {
    loop {
        tokio::select! {
            event = events.next() => if let Some(Event::Rtt { node, .. }) = event { return node },
            _ = swarm.select_next_some() => {}
        }
    }
}

#[tokio::test]
async fn a_stock_libp2p_peer_calls_kapok() {
    for listen in [QUIC4, QUIC6] {
        let (kapok, mut events) = node(1, &[listen]).await;
        let mut stock = stock();
        let stock_id = node_id(stock.local_peer_id()).unwrap();
        stock.dial(kapok.listen_addresses().remove(0)).unwrap();
        let info = identified_and_pinged(&mut stock).await;
        assert_eq!(info.agent_version, "kapok-test/1");
        assert_eq!(info.public_key.to_peer_id(), peer_id(&kapok.local()).unwrap());
        assert_eq!(measured(&mut events, &mut stock).await, stock_id);
        let [seen] = kapok.connected().await.try_into().unwrap();
        assert!(seen.inbound && seen.agent.unwrap().starts_with("rust-libp2p"));
    }
}

#[tokio::test]
async fn kapok_calls_a_stock_libp2p_peer() {
    for listen in [QUIC4, QUIC6] {
        let (kapok, mut events) = node(1, &[]).await;
        let mut stock = stock();
        let stock_id = node_id(stock.local_peer_id()).unwrap();
        stock.listen_on(listen.parse().unwrap()).unwrap();
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = stock.select_next_some().await {
                break address;
            }
        };
        let (info, dialled) = futures::join!(identified_and_pinged(&mut stock), kapok.dial(stock_id, vec![address]));
        dialled.unwrap();
        assert_eq!(info.agent_version, "kapok-test/1");
        assert_eq!(measured(&mut events, &mut stock).await, stock_id);
    }
}
