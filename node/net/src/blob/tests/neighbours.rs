//! Nodes of one place, and the line to the rest of the world.

use kapok_protocol::blob::download::Allowance;
use kapok_protocol::blob::message::Urgency;

use super::*;
use crate::link::testbed::link;

/// A county, and two schools of it that share a local network.
struct Place {
    county: Node,
    schools: [Node; 2],
}

async fn place() -> Place {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let schools = [federation.school(county, "红格小学"), federation.school(county, "桐子林小学")];
    let county = Node::start(&federation, county).await;
    let schools = [Node::start(&federation, schools[0]).await, Node::start(&federation, schools[1]).await];
    for school in &schools {
        school.disk.state().far.insert(county.id);
        county.disk.state().far.insert(school.id);
    }
    Place { county, schools }
}

impl Place {
    async fn linked() -> Self {
        let place = place().await;
        for school in &place.schools {
            link(&school.links, &place.county.links).await;
        }
        link(&place.schools[0].links, &place.schools[1].links).await;
        place
    }

    fn bytes_of_the_line(&self) -> u64 {
        self.schools.iter().map(|school| school.ledger(&self.county).wan_bytes_in()).sum()
    }
}

async fn fetch(node: &Node, blob: BlobId, home: &Node) {
    in_time(node.exchange.fetch(blob, SIZE as u64, home.id, Urgency::Bulk, 0)).await.unwrap();
    assert!(node.disk.held(&blob).is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_neighbour_has_does_not_come_over_the_line() {
    let Place { county, schools } = Place::linked().await;
    let blob = county.disk.hold(&content(1));
    schools[1].disk.hold(&content(1));
    fetch(&schools[0], blob, &county).await;
    assert_eq!(schools[0].ledger(&county).bytes_in, 0);
    let ledger = schools[0].ledger(&schools[1]);
    assert_eq!((ledger.lan_bytes_in, ledger.wan_bytes_in()), (whole_bytes(), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_what_two_neighbours_want_at_once_one_copy_comes_over_the_line() {
    for seed in 1..5 {
        let place = Place::linked().await;
        let blob = place.county.disk.hold(&content(seed));
        let [one, other] = &place.schools;
        tokio::join!(fetch(one, blob, &place.county), fetch(other, blob, &place.county));
        assert_eq!(place.bytes_of_the_line(), whole_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_later_shares_what_its_neighbour_is_fetching() {
    for first in [0, 1] {
        let place = Place::linked().await;
        let blob = place.county.disk.hold(&content(5));
        let (one, other) = (&place.schools[first], &place.schools[1 - first]);
        let release = place.county.disk.stall_after(40);
        let later = async {
            one.disk.written(2).await;
            let fetched = fetch(other, blob, &place.county);
            let resume = async {
                other.disk.written(2).await;
                drop(release);
            };
            tokio::join!(fetched, resume)
        };
        in_time(async { tokio::join!(fetch(one, blob, &place.county), later) }).await;
        assert_eq!(place.bytes_of_the_line(), whole_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_the_neighbour_that_fetches_goes_away_the_other_fetches_the_rest() {
    let place = Place::linked().await;
    let blob = place.county.disk.hold(&content(6));
    let [one, other] = place.schools;
    let release = place.county.disk.stall_after(40);
    let first = one.exchange.clone();
    let (home, size) = (place.county.id, SIZE as u64);
    let fetching = tokio::spawn(async move { first.fetch(blob, size, home, Urgency::Bulk, 0).await });
    one.disk.written(2).await;
    let fetched = fetch(&other, blob, &place.county);
    let leave = async {
        other.disk.written(2).await;
        one.stop().await;
        drop(release);
    };
    in_time(async { tokio::join!(fetched, leave) }).await;
    let _ = fetching.await;
    assert!(other.disk.held(&blob) == Some(content(6)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_a_neighbour_that_may_not_fetch_at_this_hour() {
    for first in [0, 1] {
        let place = Place::linked().await;
        let blob = place.county.disk.hold(&content(7));
        let (one, other) = (&place.schools[first], &place.schools[1 - first]);
        one.exchange.allow(Allowance::InteractiveOnly);
        one.exchange.want(blob, SIZE as u64, place.county.id, None, Urgency::Bulk, 0);
        fetch(other, blob, &place.county).await;
        assert_eq!(other.ledger(&place.county).bytes_in, whole_bytes());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_room_of_nodes_that_want_the_same_files_in_other_orders_shares_them() {
    const FILES: u32 = 500;
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let schools = ["红格小学", "桐子林小学", "永兴小学"].map(|name| federation.school(county, name));
    let county = Node::start(&federation, county).await;
    let files: Vec<_> = (0..FILES).map(|n| n.to_le_bytes().repeat(100)).collect();
    let blobs: Vec<_> = files.iter().map(|file| county.disk.hold(file)).collect();
    let mut room: Vec<Node> = Vec::new();
    for school in schools {
        let disk = Memory::of(&federation, school);
        disk.state().far.insert(county.id);
        let school = Node::start_on(&federation, disk).await;
        link(&school.links, &county.links).await;
        for other in &room {
            link(&school.links, &other.links).await;
        }
        room.push(school);
    }
    let mut completions: Vec<_> = room.iter().map(|school| school.exchange.completions()).collect();
    for (number, school) in room.iter().enumerate() {
        for n in 0..blobs.len() {
            // Forwards, backwards, from the middle.
            let n = [n, blobs.len() - 1 - n, (n + blobs.len() / 2) % blobs.len()][number];
            school.exchange.want(blobs[n], files[n].len() as u64, county.id, None, Urgency::Bulk, 0);
        }
    }
    for completions in &mut completions {
        for _ in 0..blobs.len() {
            in_time(completions.recv()).await.unwrap();
        }
    }
    let outside: u64 = room.iter().map(|school| school.ledger(&county).bytes_in).sum();
    let whole: u64 = files.iter().map(|file| file.len() as u64).sum();
    // Of what all begin in the same moment a little may come twice.
    assert!(outside <= whole * 11 / 10, "{outside} of {whole}");
}
