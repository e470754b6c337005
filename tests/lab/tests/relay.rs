//! Real nodes over poor links, short, without root: what CI runs of the lab.
//!
//! Nothing here is judged by the clock of the machine. What is printed are the line's own times.

#![allow(clippy::unwrap_used)]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use kapok_lab::content::Content;
use kapok_lab::link::{Fate, Link, Way};
use kapok_lab::profile;
use kapok_lab::relay::Relay;
use kapok_protocol::join::Invitation;
use kapok_tests::Node;

const SEED: u64 = 1;
/// Headers of a packet that is filled are 4 %; the rest is for losses, sessions and a controller that probes. More than
/// this is a flood.
const MOST_SENT_FOR_A_BYTE: f64 = 1.5;
const HEADERS_V4_BYTES: usize = 28;

#[test]
fn a_county_gets_every_file_over_a_line_of_2_mbit_that_loses_one_in_a_hundred() {
    arrives("rural2m", "127.0.0.1".parse().unwrap(), Content::Mixed { bytes: 1_500_000 });
}

#[test]
fn small_files_arrive_over_ipv6_too() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return kapok_tests::skipped("small_files_arrive_over_ipv6_too", "this machine has no IPv6");
    }
    arrives("county10m", "::1".parse().unwrap(), Content::Equal { files: 64, bytes_each: 16_384 });
}

/// Two nodes on loopback that see each other through the relay alone.
fn arrives(profile: &str, address: IpAddr, content: Content) {
    let link = profile::find(profile).unwrap().link;
    let mut city = node("city", "攀枝花市电教馆", address);
    let folder = city.scratch("content");
    content.write(&folder, SEED).unwrap();
    city.start();
    let added = city.kapok(&["add", folder.to_str().unwrap(), "--license", "CC0-1.0", "--visibility", "public"]);
    let mut county = node("county", "盐边县电教馆", address);
    county.start();
    let relay = Relay::start(SocketAddr::new(address, city.peer_port()), &link, SEED).unwrap();

    let invited = city.kapok(&["invite", "--tier", "county", "--name", &county.name]);
    let mut invitation = Invitation::from_code(invited["code"].as_str().unwrap()).unwrap();
    invitation.addresses = vec![multiaddr(relay.address())];
    county.kapok(&["join", &invitation.to_code()]);
    county.kapok(&["subscribe", "--all"]);
    let synced = county.kapok(&["sync", "--now"]);
    assert_eq!(synced["pending"]["blobs"], 0, "{synced}");

    let resources = added["resources"].as_array().unwrap();
    let files: Vec<_> = resources.iter().flat_map(|resource| resource["files"].as_array().unwrap()).collect();
    assert_eq!(files.len(), content.sizes(SEED).len());
    let mut bytes = 0;
    for file in files {
        let blob = file["blob"].as_str().unwrap();
        let got = std::fs::read(county.blob_path(blob)).unwrap();
        assert_eq!(blake3::hash(&got).to_hex().as_str(), blob);
        bytes += got.len() as u64;
    }
    assert_eq!(bytes, content.bytes());
    print_and_check(profile, &relay, &link, bytes);
}

fn print_and_check(profile: &str, relay: &Relay, link: &Link, content: u64) {
    let (down, up) = (relay.wire.log(Way::Down), relay.wire.log(Way::Up));
    let all = |log: &kapok_lab::record::Log| log.sums(Duration::ZERO, Duration::MAX, |_| true);
    let (sent, back) = (all(&down), all(&up));
    let busy = down.busy(&link.down, Duration::ZERO, Duration::MAX);
    let first = down.first_arrival(Duration::ZERO, 1000).unwrap();
    let span = down.last_arrival(Duration::MAX, 1000).unwrap() - first;
    let of_content = |bytes: u64| bytes as f64 / content as f64;
    println!(
        "{profile}: {content} bytes, {:.3} of the rate from the first full packet to the last, busy {:.1} of {:.1} s; \
         sent {:.3}, back {:.3} for each byte; dropped {}, lost {}",
        content as f64 * 8.0 / span.as_secs_f64() / link.down.rate_bps as f64,
        busy.as_secs_f64(),
        span.as_secs_f64(),
        of_content(sent.bytes),
        of_content(back.bytes),
        sent.dropped,
        sent.lost,
    );
    assert!(sent.delivered_bytes > content, "it did not come over the line: {sent:?}");
    assert!(of_content(sent.bytes) < MOST_SENT_FOR_A_BYTE, "{sent:?} for {content} bytes");
}

fn node(tier: &str, name: &str, address: IpAddr) -> Node {
    let node = Node::init(tier, name);
    if address.is_ipv6() {
        let listen = multiaddr(SocketAddr::new(address, node.peer_port()));
        node.kapok(&["config", "set", "net.listen", &listen]);
    }
    node
}

fn multiaddr(address: SocketAddr) -> String {
    let kind = if address.is_ipv4() { "ip4" } else { "ip6" };
    format!("/{kind}/{}/udp/{}/quic-v1", address.ip(), address.port())
}

#[test]
fn a_datagram_passes_the_line_both_ways_and_is_counted_with_its_headers() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    let link = profile::find("county10m").unwrap().link.on_a_good_day();
    let relay = Relay::start(target.local_addr().unwrap(), &link, SEED).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"there", relay.address()).unwrap();
    let mut buffer = [0; 16];
    let (bytes, from) = target.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..bytes], b"there");
    target.send_to(b"and back", from).unwrap();
    let (bytes, from) = sender.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..bytes], from), (b"and back".as_slice(), relay.address()));

    for (way, direction, payload) in [(Way::Up, &link.up, 5), (Way::Down, &link.down, 8)] {
        let log = relay.wire.log(way);
        let [packet] = log.packets.as_slice() else { panic!("{way:?}: {log:?}") };
        assert_eq!(packet.bytes as usize, HEADERS_V4_BYTES + payload);
        let delay = Duration::from_millis(10) + direction.transmission(packet.bytes as usize);
        assert_eq!(packet.fate, Fate::Delivered { at: packet.at + delay });
    }
}

#[test]
fn what_the_line_loses_does_not_arrive() {
    let target = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut link = profile::find("county10m").unwrap().link;
    link.up.loss = 0.5;
    let relay = Relay::start(target.local_addr().unwrap(), &link, SEED).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut arrived = 0;
    let mut buffer = [0; 16];
    target.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    for _ in 0..100 {
        sender.send_to(b"x", relay.address()).unwrap();
        arrived += usize::from(target.recv_from(&mut buffer).is_ok());
    }
    // All that the line has taken is either lost, or arrives before this says that nothing more comes.
    target.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    while target.recv_from(&mut buffer).is_ok() {
        arrived += 1;
    }
    let sums = relay.wire.log(Way::Up).sums(Duration::ZERO, Duration::MAX, |_| true);
    assert_eq!(sums.packets, 100);
    assert!(sums.lost > 20, "{sums:?}");
    assert_eq!(arrived as u64, sums.packets - sums.lost);
}
