//! A film is played over a poor line while it arrives: its end first, as players of MP4 do, through a node that lacks it.

#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Duration;

use kapok_lab::content::noise;
use kapok_lab::link::Way;
use kapok_lab::profile;
use kapok_lab::relay::Relay;
use kapok_protocol::join::Invitation;
use kapok_tests::{Federation, Node};

const SEED: u64 = 3;
const SIZE: usize = 20_000_000;

#[test]
fn the_end_of_a_film_comes_to_the_point_long_before_the_film_has_come_to_its_school() {
    let mut county = Node::init("city", "攀枝花市电教馆");
    county.start();
    let mut school = Node::init("school", "云山坪学校");
    school.start();
    let link = profile::find("rural2m").unwrap().link;
    let line = Relay::start(SocketAddr::new("127.0.0.1".parse().unwrap(), county.peer_port()), &link, SEED).unwrap();
    let invited = county.kapok(&["invite", "--tier", "school", "--name", &school.name]);
    let mut invitation = Invitation::from_code(invited["code"].as_str().unwrap()).unwrap();
    invitation.addresses = vec![format!("/ip4/127.0.0.1/udp/{}/quic-v1", line.address().port())];
    school.kapok(&["join", &invitation.to_code()]);
    let point = Federation::child(&school, "point", "青冈垭教学点");

    let film = noise(SEED, 0, SIZE);
    let path = county.file("光合作用.mp4", &film);
    let added = county.kapok(&["add", path.to_str().unwrap(), "--visibility", "public"]);
    let blob = added["resources"][0]["files"][0]["blob"].as_str().unwrap().to_owned();
    school.kapok(&["sync", "--now"]);
    point.kapok(&["sync", "--now"]);

    // The school fetches it for itself, from its beginning on; what the point reads comes before that.
    school.kapok(&["subscribe", "--all"]);
    let came = || line.wire.log(Way::Down).sums(Duration::ZERO, Duration::MAX, |_| true).delivered_bytes;
    let owner = point.owner();
    let mut before = came();
    for range in [19_934_464..20_000_000, 0..100_000, 12_000_000..12_065_536] {
        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let read = owner.send("GET", &format!("/blobs/{blob}"), &[("range", &bytes)], Vec::new());
        assert_eq!(read.status, 206, "{}", read.text());
        assert!(read.body == film[range], "{bytes}");
        let now = came();
        println!("{bytes}: {} bytes came over the line meanwhile", now - before);
        before = now;
    }
    // A piece or two for each, and what came of the rest beside them.
    assert!(before < SIZE as u64 / 5, "{before} bytes came over the line");
    assert!(!school.blob_path(&blob).exists() && !point.blob_path(&blob).exists());
}
