//! Nodes that reach each other through a third.

use libp2p::multiaddr::Protocol;

use super::*;
use crate::transport::address;

/// Lets others through to each other, if they are members.
async fn county() -> (Network, Events) {
    Network::start(Config { relay: true, ..config(9, &[QUIC4]) }).await.unwrap()
}

/// Calls the county, which takes it for a member.
async fn join(school: &Network, county: &Network) {
    school.dial(county.local(), county.listen_addresses()).await.unwrap();
    county.recognise(school.local()).await;
    school.recognise(county.local()).await;
}

async fn reserve(school: &Network, county: &Network) {
    school.reserve(Some(county.local())).await;
    let granted = |reach: &Reach| reach.relay == Some(county.local());
    school.reaches().wait_for(granted).await.unwrap();
}

fn through(county: &Network) -> Vec<Multiaddr> {
    let relay = peer_id(&county.local()).unwrap();
    county.listen_addresses().iter().map(|address| address::through(address, relay)).collect()
}

#[tokio::test]
async fn who_is_reached_through_a_relay_is_reached_directly_a_moment_later() {
    let (county, _events) = county().await;
    let (school, mut school_events) = node(1, &[QUIC4]).await;
    let (other, _events) = node(2, &[QUIC4]).await;
    echo(&school);
    join(&school, &county).await;
    join(&other, &county).await;
    reserve(&school, &county).await;
    other.dial(school.local(), through(&county)).await.unwrap();
    expect_echo(&other, school.local(), b"hello").await;

    let seen = other.connected().await.into_iter().find(|peer| peer.node == school.local()).unwrap();
    assert_eq!(seen.address.with(Protocol::P2p(peer_id(&school.local()).unwrap())), school.listen_addresses()[0]);
    assert!(!seen.inbound);
    // Nobody hears of the relayed connection on either side.
    let caller = loop {
        match next_change(&mut school_events).await {
            Event::Connected { node, address, inbound } if node == other.local() => break (address, inbound),
            _ => {}
        }
    };
    assert_eq!(caller.0.with(Protocol::P2p(peer_id(&other.local()).unwrap())), other.listen_addresses()[0]);
    assert!(caller.1);
}

#[tokio::test]
async fn where_no_hole_can_be_punched_the_relay_is_used() {
    let (county, _events) = county().await;
    // Without a socket for QUIC there is nothing to punch from.
    let (school, _events) = node(1, &[TCP4]).await;
    let (other, _events) = node(2, &[TCP4]).await;
    echo(&school);
    join(&school, &county).await;
    join(&other, &county).await;
    reserve(&school, &county).await;
    other.dial(school.local(), through(&county)).await.unwrap();
    expect_echo(&other, school.local(), &content(1, 300_000)).await;
    assert_eq!(other.link_kind(&school.local()), LinkKind::Relayed);
    assert_eq!(school.link_kind(&other.local()), LinkKind::Relayed);
    let seen = other.connected().await.into_iter().find(|peer| peer.node == school.local()).unwrap();
    assert!(address::is_relayed(&seen.address));
    // Nobody is told to listen elsewhere than it does.
    assert!(school.listen_addresses().iter().all(|address| !address::is_relayed(address)));
}

#[tokio::test]
async fn a_relay_serves_members_alone() {
    let (county, _events) = county().await;
    let (school, _events) = node(1, &[QUIC4]).await;
    let (stranger, _events) = node(2, &[QUIC4]).await;
    join(&school, &county).await;
    reserve(&school, &county).await;
    stranger.dial(county.local(), county.listen_addresses()).await.unwrap();
    let error = stranger.dial(school.local(), through(&county)).await.unwrap_err();
    assert!(error.to_string().contains("resource limit"), "{error}");

    stranger.reserve(Some(county.local())).await;
    let error = school.dial(stranger.local(), through(&county)).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable { .. }), "{error}");
    assert_eq!(stranger.reach().relay, None);
    // Its membership may be proved a moment after it has asked; then it need not ask anew.
    county.recognise(stranger.local()).await;
    reserve(&stranger, &county).await;
    school.dial(stranger.local(), through(&county)).await.unwrap();
}

#[tokio::test]
async fn who_does_not_relay_lets_nobody_through_and_a_reservation_ends_with_its_relay() {
    let (plain, _events) = node(9, &[QUIC4]).await;
    let (school, _events) = node(1, &[QUIC4]).await;
    let (other, _events) = node(2, &[QUIC4]).await;
    join(&school, &plain).await;
    join(&other, &plain).await;
    school.reserve(Some(plain.local())).await;
    assert!(other.dial(school.local(), through(&plain)).await.is_err());
    assert_eq!(school.reach().relay, None);

    let (county, _events) = Network::start(Config { relay: true, ..config(8, &[QUIC4]) }).await.unwrap();
    join(&school, &county).await;
    reserve(&school, &county).await;
    county.shutdown().await;
    school.reaches().wait_for(|reach| reach.relay.is_none()).await.unwrap();
}
