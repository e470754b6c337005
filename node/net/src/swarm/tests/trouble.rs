use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use super::relay::Relay;
use super::*;
use crate::frame::{self, Limits};

#[tokio::test]
async fn somebody_else_at_the_address_is_refused_and_named() {
    for listen in [QUIC4, TCP4] {
        let (stranger, _events) = node(1, &[listen]).await;
        let (point, _events) = node(2, &[]).await;
        let wanted = kapok_protocol::identity::Keypair::from_secret(&[3; 32]).id();
        let mut address = stranger.listen_addresses().remove(0);
        address.pop();
        let error = point.dial(wanted, vec![address.clone()]).await.unwrap_err();
        let failure = Failure::AnotherNode(stranger.local().to_string());
        assert_eq!(error, DialError::Unreachable { node: wanted, attempts: vec![Attempt { address, failure }] });
        assert_eq!(point.connected().await, vec![]);
    }
}

#[tokio::test]
async fn a_wrong_address_does_not_hide_the_right_one() {
    let (stranger, _events) = node(1, &[QUIC4]).await;
    let (school, _events) = node(2, &[QUIC4]).await;
    let (point, _events) = node(3, &[]).await;
    let mut wrong = stranger.listen_addresses().remove(0);
    wrong.pop();
    let addresses = vec![wrong, "/ip4/127.0.0.1/tcp/1".parse().unwrap(), school.listen_addresses().remove(0)];
    point.dial(school.local(), addresses).await.unwrap();
}

#[tokio::test]
async fn useless_calls_are_refused_at_once() {
    let (point, _events) = node(1, &[QUIC4]).await;
    let other = kapok_protocol::identity::Keypair::from_secret(&[3; 32]).id();
    assert_eq!(point.dial(point.local(), vec![]).await, Err(DialError::Own(point.local())));
    assert_eq!(point.dial(other, vec![]).await, Err(DialError::NoAddresses(other)));
    let mut own = point.listen_addresses().remove(0);
    own.pop();
    let error = point.dial(other, vec![own]).await.unwrap_err();
    assert!(error.to_string().contains("this node itself listens there"), "{error}");
    let error = point.dial(other, vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()]).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    // Not a point on the curve.
    assert!(matches!(point.dial(NodeId([2; 32]), vec![]).await, Err(DialError::InvalidKey(_))));
}

/// Time passes by itself while everybody waits for a packet that does not come.
#[tokio::test]
async fn a_call_into_a_black_hole_ends() {
    let hole = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = crate::transport::address::quic(hole.local_addr().unwrap());
    let (point, _events) = node(1, &[]).await;
    let wanted = kapok_protocol::identity::Keypair::from_secret(&[3; 32]).id();
    tokio::time::pause();
    let error = point.dial(wanted, vec![address]).await.unwrap_err();
    assert!(error.to_string().contains("no answer within 30 s"), "{error}");
}

#[tokio::test]
async fn a_peer_that_vanishes_without_a_word_is_noticed() {
    let (school, _school_events) = node(1, &[QUIC4]).await;
    let (point, mut events) = node(2, &[]).await;
    let relay = Relay::start(&school.listen_addresses()[0], |_| false).await;
    point.dial(school.local(), vec![relay.address.clone()]).await.unwrap();
    assert!(matches!(next_change(&mut events).await, Event::Connected { .. }));
    relay.is_away.store(true, Ordering::Relaxed);
    tokio::time::pause();
    let Event::Disconnected { node, reason } = next_change(&mut events).await else { panic!() };
    assert_eq!(node, school.local());
    assert!(matches!(&reason, DisconnectReason::Lost(text) if text.contains("timed out")), "{reason}");
}

type Started = (NodeId, Vec<Multiaddr>);

/// A node in its own runtime, so that it can end like a killed process: without a word.
fn mortal(listen: String) -> (oneshot::Receiver<Started>, oneshot::Sender<()>, JoinHandle<()>) {
    let (started, school) = oneshot::channel();
    let (kill, killed) = oneshot::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (network, events) = node(1, &[&listen]).await;
            let incoming = network.accept(ECHO).unwrap();
            let _ = started.send((network.local(), network.listen_addresses()));
            let _ = killed.await;
            std::mem::forget((network, events, incoming));
        });
        runtime.shutdown_background();
    });
    (school, kill, thread)
}

/// A node that is connected with `id` and has said something on a stream.
async fn in_conversation(id: NodeId, addresses: Vec<Multiaddr>) -> (Network, Events, Stream) {
    let (point, mut events) = node(2, &[]).await;
    point.dial(id, addresses).await.unwrap();
    assert!(matches!(next_change(&mut events).await, Event::Connected { .. }));
    let mut stream = point.open(id, ECHO).await.unwrap();
    frame::write(&mut stream, b"before", &Limits::new(1000)).await.unwrap();
    (point, events, stream)
}

#[tokio::test]
async fn a_neighbour_that_was_killed_is_noticed_within_seconds() {
    let (school, kill, thread) = mortal(QUIC4.to_owned());
    let (id, addresses) = school.await.unwrap();
    let (_point, mut events, mut stream) = in_conversation(id, addresses).await;
    kill.send(()).unwrap();
    thread.join().unwrap();

    tokio::time::pause();
    let killed = tokio::time::Instant::now();
    frame::write(&mut stream, b"after", &Limits::new(1000)).await.unwrap();
    let Event::Disconnected { node, reason } = next_change(&mut events).await else { panic!() };
    assert_eq!(node, id);
    assert!(matches!(&reason, DisconnectReason::Lost(text) if text.contains("nobody listens")), "{reason}");
    assert!(killed.elapsed().as_secs() < 5, "{:?}", killed.elapsed());
}

#[tokio::test]
async fn a_peer_that_crashed_and_is_back_is_noticed_with_the_next_packet() {
    let (school, kill, thread) = mortal(QUIC4.to_owned());
    let (id, mut addresses) = school.await.unwrap();
    let (point, mut events, mut stream) = in_conversation(id, addresses.clone()).await;

    kill.send(()).unwrap();
    thread.join().unwrap();
    addresses[0].pop();
    let (school, _kill, _thread) = mortal(addresses[0].to_string());
    school.await.unwrap();

    frame::write(&mut stream, b"after", &Limits::new(1000)).await.unwrap();
    let Event::Disconnected { node, reason } = next_change(&mut events).await else { panic!() };
    assert_eq!(node, id);
    assert!(matches!(&reason, DisconnectReason::Lost(text) if text.contains("reset")), "{reason}");
    point.dial(id, addresses).await.unwrap();
}

#[tokio::test]
async fn nothing_is_lost_where_every_twentieth_packet_is() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    echo(&school);
    // The first packets of the handshake get lost as well.
    let relay = Relay::start(&school.listen_addresses()[0], |number| number % 20 == 1).await;
    point.dial(school.local(), vec![relay.address.clone()]).await.unwrap();
    expect_echo(&point, school.local(), &content(1, 1 << 20)).await;
}

#[tokio::test]
async fn after_shutdown_the_ports_are_free_and_the_peers_know() {
    for listen in [QUIC4, TCP4] {
        let (school, mut school_events) = node(1, &[listen]).await;
        let (point, mut point_events) = node(2, &[]).await;
        point.dial(school.local(), school.listen_addresses()).await.unwrap();
        assert!(matches!(next_change(&mut point_events).await, Event::Connected { .. }));
        assert!(matches!(next_change(&mut school_events).await, Event::Connected { .. }));
        let mut address = school.listen_addresses().remove(0);
        address.pop();
        school.shutdown().await;
        school.shutdown().await;
        assert!(matches!(next_change(&mut point_events).await, Event::Disconnected { .. }));
        assert!(matches!(next_change(&mut school_events).await, Event::Disconnected { .. }));
        assert_eq!(school_events.next().await, None);
        assert_eq!(school.listen_addresses(), vec![]);
        assert_eq!(school.dial(point.local(), vec![]).await, Err(DialError::Stopped));
        let (_again, _events) = node(1, &[&address.to_string()]).await;
    }
}
