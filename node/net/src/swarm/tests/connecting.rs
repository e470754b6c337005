use std::collections::HashSet;
use std::net::SocketAddr;

use libp2p::multiaddr::Protocol;

use super::*;
use crate::transport::address::{self, Kind};

#[tokio::test]
async fn nodes_talk_over_both_transports_and_both_families() {
    for listen in [QUIC4, QUIC6, TCP4, TCP6] {
        let (school, mut school_events) = node(1, &[listen]).await;
        let (point, mut point_events) = node(2, &[listen]).await;
        echo(&school);
        point.dial(school.local(), school.listen_addresses()).await.unwrap();

        expect_echo(&point, school.local(), b"hello").await;
        let [seen] = point.connected().await.try_into().unwrap();
        assert_eq!((seen.node, seen.inbound), (school.local(), false));
        assert_eq!(seen.address.with_p2p(peer_id(&school.local()).unwrap()).unwrap(), school.listen_addresses()[0]);
        let Event::Connected { node, inbound: false, .. } = next_change(&mut point_events).await else { panic!() };
        assert_eq!(node, school.local());
        let Event::Connected { node, inbound: true, .. } = next_change(&mut school_events).await else { panic!() };
        assert_eq!(node, point.local());

        point.disconnect(school.local()).await;
        assert_eq!(point.connected().await, vec![]);
        let gone = Event::Disconnected { node: school.local(), reason: DisconnectReason::Asked };
        assert_eq!(next_change(&mut point_events).await, gone);
        let Event::Disconnected { node, .. } = next_change(&mut school_events).await else { panic!() };
        assert_eq!(node, point.local());
    }
}

#[tokio::test]
async fn every_listen_address_is_told_with_its_port_and_the_nodes_id() {
    let (network, _events) = node(1, &[QUIC4, QUIC4, TCP4, QUIC6, TCP6]).await;
    let addresses = network.listen_addresses();
    let sockets: HashSet<(bool, SocketAddr)> = addresses
        .iter()
        .map(|address| {
            let (kind, socket) = address::parse(address).unwrap();
            (kind == Kind::Quic, socket)
        })
        .collect();
    assert_eq!(sockets.len(), 5, "{addresses:?}");
    assert!(sockets.iter().all(|(_, socket)| socket.port() != 0));
    let id = network.local().to_string();
    assert!(addresses.iter().all(|address| address.to_string().ends_with(&id)));
}

#[tokio::test]
async fn any_address_means_every_interface_of_that_family_and_the_families_share_a_port() {
    let (first, _) = node(1, &["/ip4/0.0.0.0/udp/0/quic-v1"]).await;
    let address = first.listen_addresses().remove(0);
    let port = address::parse(&address).unwrap().1.port();
    first.shutdown().await;

    let both = [format!("/ip4/0.0.0.0/udp/{port}/quic-v1"), format!("/ip6/::/udp/{port}/quic-v1")];
    let (network, _events) = node(1, &[&both[0], &both[1]]).await;
    let addresses = network.listen_addresses();
    let ips: Vec<_> = addresses.iter().map(|address| address::parse(address).unwrap().1.ip()).collect();
    assert!(ips.iter().all(|ip| !ip.is_unspecified()), "{addresses:?}");
    assert!(ips.iter().any(|ip| ip.is_loopback() && ip.is_ipv4()), "{addresses:?}");
    assert!(ips.iter().any(|ip| ip.is_loopback() && ip.is_ipv6()), "{addresses:?}");

    let (point, _events) = node(2, &[]).await;
    echo(&network);
    point.dial(network.local(), addresses).await.unwrap();
    expect_echo(&point, network.local(), b"hello").await;
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_the_address() {
    for listen in [QUIC4, TCP4, QUIC6, TCP6] {
        let (holder, _events) = node(1, &[listen]).await;
        let taken = holder.listen_addresses().remove(0);
        let mut wanted = taken.clone();
        wanted.pop();
        let error = Network::start(config(2, &[&wanted.to_string()])).await.unwrap_err();
        assert!(matches!(&error, StartError::InUse(address) if *address == wanted), "{error}");
        assert!(error.to_string().contains(&wanted.to_string()), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_listened_on_is_refused_with_a_reason() {
    for wanted in ["/ip4/127.0.0.1/udp/4001", "/dns4/localhost/tcp/0", "/memory/1"] {
        let error = Network::start(config(1, &[wanted])).await.unwrap_err();
        assert!(matches!(error, StartError::Unsupported(_)), "{error}");
    }
    // 203.0.113.0/24 is for documentation: nobody has such an interface.
    let error = Network::start(config(1, &[QUIC4, "/ip4/203.0.113.77/udp/0/quic-v1"])).await.unwrap_err();
    assert!(matches!(&error, StartError::Listen { reason, .. } if reason.contains("203.0.113.77")), "{error}");
}

#[tokio::test]
async fn dialling_goes_out_from_the_listening_port() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[QUIC4]).await;
    point.dial(school.local(), school.listen_addresses()).await.unwrap();
    // The listener may hear of it a moment after the dialler.
    let mut events = school.events().await.unwrap();
    let seen = match school.connected().await.pop() {
        Some(status) => status.address,
        None => match next_change(&mut events).await {
            Event::Connected { address, .. } => address,
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(seen.with_p2p(peer_id(&point.local()).unwrap()).unwrap(), point.listen_addresses()[0]);
}

#[tokio::test]
async fn a_name_can_be_dialled() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    let address = school.listen_addresses()[0].replace(0, |_| Some(Protocol::Dns4("localhost".into()))).unwrap();
    point.dial(school.local(), vec![address]).await.unwrap();
}

#[tokio::test]
async fn quic_is_used_where_both_transports_answer() {
    let (school, _events) = node(1, &[TCP4, QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    point.dial(school.local(), school.listen_addresses()).await.unwrap();
    let [seen] = point.connected().await.try_into().unwrap();
    assert_eq!(address::parse(&seen.address).unwrap().0, Kind::Quic);
}

#[tokio::test]
async fn many_calls_at_once_for_one_node_make_one_connection() {
    let (school, mut school_events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    let calls = (0..10).map(|_| point.dial(school.local(), school.listen_addresses()));
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
    assert_eq!(point.connected().await.len(), 1);
    // Everything that had arrived by the end shows as one coming and one going.
    point.shutdown().await;
    assert!(matches!(next_change(&mut school_events).await, Event::Connected { .. }));
    assert!(matches!(next_change(&mut school_events).await, Event::Disconnected { .. }));
    school.shutdown().await;
    assert_eq!(school_events.next().await, None);
}

#[tokio::test]
async fn nodes_that_dial_each_other_at_once_can_both_talk() {
    let (left, _left_events) = node(1, &[QUIC4]).await;
    let (right, _right_events) = node(2, &[QUIC4]).await;
    echo(&left);
    echo(&right);
    let (there, back) = futures::join!(
        left.dial(right.local(), right.listen_addresses()),
        right.dial(left.local(), left.listen_addresses())
    );
    there.unwrap();
    back.unwrap();
    let (there, back) = (content(1, 100_000), content(2, 100_000));
    futures::join!(expect_echo(&left, right.local(), &there), expect_echo(&right, left.local(), &back));
}

#[tokio::test]
async fn more_callers_at_once_than_are_let_in_unchecked_all_get_in() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let mut points = Vec::new();
    for number in 2..32 {
        points.push(node(number, &[]).await.0);
    }
    let calls = points.iter().map(|point| point.dial(school.local(), school.listen_addresses()));
    for answer in futures::future::join_all(calls).await {
        answer.unwrap();
    }
}
