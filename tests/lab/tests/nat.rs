//! Two schools behind routers with NAT, below a city that everybody reaches. Needs root; says so where it is skipped.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kapok_lab::lab::{End, Family};
use kapok_lab::nat::Mapping;
use kapok_lab::routers::Routers;
use kapok_lab::{content, profile};
use kapok_tests::{Node, run_kapok};
use serde_json::Value;

const SEED: u64 = 1;
/// Large enough for a link of its own.
const FILE_BYTES: usize = 17 * 1024 * 1024;
/// The schools' lines: the county's, made faster, since nothing here is judged by time.
const RATE_BPS: u64 = 40_000_000;
/// Sessions, hellos and keep-alives, as a part of the file, beside which there is no content.
const NO_CONTENT: f64 = 0.02;

/// A reservation is made when a link has stood for half a minute.
const RESERVED: Duration = Duration::from_secs(120);

/// A node at one end.
struct At<'a> {
    end: &'a End,
    node: Node,
}

impl<'a> At<'a> {
    fn init(end: &'a End, tier: &str, name: &str) -> Self {
        let at = Self { end, node: end.namespace.enter(|| Node::init(tier, name)).unwrap() };
        let listen = format!("/ip4/{}/udp/{}/quic-v1", end.address(Family::V4), at.node.peer_port());
        at.kapok(&["config", "set", "net.listen", &listen]);
        at
    }

    fn start(mut self) -> Self {
        let node = &mut self.node;
        self.end.namespace.enter(|| node.start()).unwrap();
        self
    }

    fn kapok(&self, arguments: &[&str]) -> Value {
        let home = self.node.home();
        let outcome = self.end.namespace.enter(|| run_kapok(&home, arguments)).unwrap();
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        outcome.json()
    }

    fn join(&self, parent: &Self) {
        let invited = parent.kapok(&["invite", "--tier", "school", "--name", &self.node.name]);
        self.kapok(&["join", invited["code"].as_str().unwrap()]);
    }

    /// What is known of the link with another.
    fn peer(&self, other: &Self) -> Value {
        let peers = self.kapok(&["peers"]);
        let all = peers["peers"].as_array().unwrap();
        all.iter().find(|peer| peer["node"] == other.node.id.as_str()).cloned().unwrap_or_default()
    }

    /// Waits until it has a reservation there.
    fn is_reached_through(&self, relay: &Self) {
        let deadline = Instant::now() + RESERVED;
        loop {
            let status = self.kapok(&["status"]);
            if status["relay_name"] == relay.node.name.as_str() {
                assert_eq!(status["behind_nat"], true, "{status}");
                return;
            }
            assert!(Instant::now() < deadline, "{status}");
        }
    }

    fn holds(&self, blob: &str) -> bool {
        let content = std::fs::read(self.node.blob_path(blob)).unwrap();
        blake3::hash(&content).to_hex().as_str() == blob
    }
}

/// What the other school has when it has fetched a large file of the first.
struct Fetched {
    /// What it knows of the link with the first.
    link: Value,
    is_whole: bool,
    /// What the city has sent and received meanwhile, as a part of the file.
    over_city: f64,
}

/// Fetches one file after the other, up to `files`, until one has gone past the city.
fn fetch(routers: &Routers, files: u64) -> Fetched {
    let city = At::init(&routers.middle, "city", "攀枝花市电教馆").start();
    let school = At::init(&routers.behind[0], "school", "红格小学").start();
    let other = At::init(&routers.behind[1], "school", "云山坪学校").start();
    school.join(&city);
    other.join(&city);
    let mut fetched = None;
    for number in 0..files {
        let file = school.node.file(&format!("录像{number}.bin"), content::noise(SEED, number, FILE_BYTES));
        let added = school.kapok(&["add", file.to_str().unwrap(), "--license", "CC0-1.0", "--visibility", "public"]);
        let resource = &added["resources"][0];
        school.kapok(&["sync", "--now"]);
        other.kapok(&["sync", "--now"]);
        school.is_reached_through(&city);
        let before = routers.middle_bytes();
        let out = other.node.scratch(&format!("out{number}"));
        other.kapok(&["get", resource["id"].as_str().unwrap(), "--out", out.to_str().unwrap()]);
        let over_city = (routers.middle_bytes() - before) as f64 / FILE_BYTES as f64;
        let blob = resource["files"][0]["blob"].as_str().unwrap();
        fetched = Some(Fetched { link: other.peer(&school), is_whole: other.holds(blob), over_city });
        if over_city < NO_CONTENT {
            break;
        }
    }
    fetched.unwrap()
}

fn routers(test: &str, mappings: [Mapping; 2]) -> Option<Routers> {
    if !PathBuf::from("/dev/net/tun").exists() || !rustix::process::getuid().is_root() {
        kapok_tests::skipped(test, "network namespaces need root and /dev/net/tun");
        return None;
    }
    let mut link = profile::find("county10m").unwrap().link.on_a_good_day();
    (link.down.rate_bps, link.up.rate_bps) = (RATE_BPS, RATE_BPS);
    Routers::new(&link, mappings, SEED).map_err(|error| kapok_tests::skipped(test, &error.to_string())).ok()
}

#[test]
fn as_root_two_schools_behind_nat_link_straight_and_the_line_between_them_stays_free() {
    let test = "as_root_two_schools_behind_nat_link_straight_and_the_line_between_them_stays_free";
    let Some(routers) = routers(test, [Mapping::EndpointIndependent; 2]) else { return };
    let fetched = fetch(&routers, 3);
    println!("{:.4} of the file over the city's line; {}", fetched.over_city, fetched.link);
    assert!(fetched.is_whole);
    let address = fetched.link["address"].as_str().unwrap();
    assert!(address.starts_with(&format!("/ip4/{}/udp/", Routers::public(0))), "{}", fetched.link);
    assert!(!address.contains("p2p-circuit"), "{}", fetched.link);
    // Where a busy machine is late with the straight link, a file begins to come through the tree; the next does not.
    assert!(fetched.over_city < NO_CONTENT, "{}", fetched.over_city);
}

#[test]
fn as_root_where_no_hole_can_be_punched_schools_meet_through_the_city_and_files_come_through_the_tree() {
    let test = "as_root_where_no_hole_can_be_punched_schools_meet_through_the_city_and_files_come_through_the_tree";
    let Some(routers) = routers(test, [Mapping::Symmetric, Mapping::EndpointIndependent]) else { return };
    let fetched = fetch(&routers, 1);
    println!("{:.4} of the file over the city's line; {}", fetched.over_city, fetched.link);
    assert!(fetched.is_whole);
    assert_eq!(fetched.link["connected"], true, "{}", fetched.link);
    assert!(fetched.link["address"].as_str().unwrap().ends_with("/p2p-circuit"), "{}", fetched.link);
    // The catalogue session over the relay.
    assert!(fetched.link["last_contact"].is_string(), "{}", fetched.link);
}
