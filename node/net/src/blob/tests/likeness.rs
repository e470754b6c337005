//! New versions of what is here already.

use kapok_protocol::blob::message::Urgency;

use super::*;
use crate::link::testbed::link;

/// The content with three places edited, two of them in one piece.
fn edited() -> Vec<u8> {
    let mut bytes = content(1);
    for place in [1_000_000, 1_030_000, 4_900_000] {
        bytes[place..place + 20].copy_from_slice(b"another phrase here.");
    }
    bytes
}

async fn fetch(city: &Node, county: &Node, new: &[u8], base: BlobId) {
    let blob = city.disk.hold(new);
    let mut completions = county.exchange.completions();
    county.exchange.want(blob, new.len() as u64, city.id, Some(base), Urgency::Bulk, 0);
    assert_eq!(in_time(completions.recv()).await.unwrap(), blob);
    assert!(county.disk.held(&blob).unwrap() == new);
}

/// What a new version may cost: a twelfth of its size.
fn little(new: &[u8]) -> u64 {
    new.len() as u64 * 8 / 100
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_new_version_only_what_changed_comes() {
    let (city, county) = city_and_county().await;
    let old = county.disk.hold(&content(1));
    fetch(&city, &county, &edited(), old).await;
    let ledger = county.exchange.ledger()[&city.id];
    assert!(ledger.wire_bytes_in + ledger.wire_bytes_out <= little(&edited()), "{ledger:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_small_file_needs_no_list_for_its_recipe() {
    let (city, county) = city_and_county().await;
    let (old, mut new) = (content(1)[..200_000].to_vec(), content(1)[..200_000].to_vec());
    new[77] ^= 1;
    let old = county.disk.hold(&old);
    fetch(&city, &county, &new, old).await;
    assert!(county.bytes_from(&city) <= 64 * 1024 + 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_false_recipe_costs_time_only() {
    let (city, county) = city_and_county().await;
    city.disk.state().lies_in_recipes = true;
    county.disk.state().lies_in_recipes = true;
    // Everything seems to be in the old version, and nothing is.
    let old = county.disk.hold(&content(9));
    fetch(&city, &county, &edited(), old).await;
    let recipe = 100 * 11;
    assert_eq!(county.bytes_from(&city), whole_bytes() + recipe);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_that_is_gone_meanwhile_is_no_hindrance() {
    let (city, county) = city_and_county().await;
    fetch(&city, &county, &edited(), BlobId::of(b"never here")).await;
    assert_eq!(county.bytes_from(&city), whole_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_person_opens_is_made_from_an_older_version_too() {
    let (city, county) = city_and_county().await;
    county.disk.state().older = Some(county.disk.hold(&content(1)));
    let blob = city.disk.hold(&edited());
    in_time(county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Interactive, 0)).await.unwrap();
    assert!(county.disk.held(&blob).unwrap() == edited());
    assert!(county.bytes_from(&city) <= little(&edited()), "{}", county.bytes_from(&city));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_version_that_a_parent_fetches_costs_little_on_either_link() {
    let [city, county, school] = three_tiers().await;
    // The school's own older version is known from its subscription, the county's is looked for.
    let old = school.disk.hold(&content(1));
    county.disk.state().older = Some(county.disk.hold(&content(1)));
    let blob = city.disk.hold(&edited());
    let mut completions = school.exchange.completions();
    school.exchange.want(blob, SIZE as u64, city.id, Some(old), Urgency::Bulk, 0);
    assert_eq!(in_time(completions.recv()).await.unwrap(), blob);
    for (to, from) in [(&county, &city), (&school, &county)] {
        assert!(to.bytes_from(from) <= little(&edited()), "{}", to.bytes_from(from));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_asks_for_a_recipe_that_was_made_before_gets_it_as_well() {
    let mut federation = Federation::new();
    let city = federation.city();
    let counties = ["盐边县", "米易县"].map(|name| federation.county(city, name));
    let city = Node::start(&federation, city).await;
    for county in counties {
        let county = Node::start(&federation, county).await;
        link(&county.links, &city.links).await;
        let old = county.disk.hold(&content(1));
        fetch(&city, &county, &edited(), old).await;
        assert!(county.bytes_from(&city) <= SIZE as u64 * 8 / 100, "{}", county.bytes_from(&city));
    }
}
