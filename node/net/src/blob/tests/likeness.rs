//! New versions of what is here already.

use kapok_protocol::blob::message::Urgency;

use super::*;
use crate::link::testbed::link;

async fn city_and_county() -> (Node, Node) {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let (city, county) = (Node::start(&federation, city).await, Node::start(&federation, county).await);
    link(&county.links, &city.links).await;
    (city, county)
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_new_version_only_what_changed_comes() {
    let (city, county) = city_and_county().await;
    let old = county.disk.hold(&content(1));
    fetch(&city, &county, &edited(), old).await;
    let (list, recipe) = (20 * 32, 313 * 19);
    let came = county.bytes_from(&city);
    assert!(came <= 3 * CHUNK as u64 + list + recipe, "{came}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_small_file_needs_no_list_for_its_recipe() {
    let (city, county) = city_and_county().await;
    let (old, mut new) = (content(1)[..200_000].to_vec(), content(1)[..200_000].to_vec());
    new[77] ^= 1;
    let old = county.disk.hold(&old);
    fetch(&city, &county, &new, old).await;
    assert!(county.bytes_from(&city) <= CHUNK as u64 + 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_false_recipe_costs_time_only() {
    let (city, county) = city_and_county().await;
    city.disk.state().lies_in_recipes = true;
    county.disk.state().lies_in_recipes = true;
    // Everything seems to be in the old version, and nothing is.
    let old = county.disk.hold(&content(9));
    fetch(&city, &county, &edited(), old).await;
    assert!(county.bytes_from(&city) <= whole_bytes() + 313 * 19);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_version_that_is_gone_meanwhile_is_no_hindrance() {
    let (city, county) = city_and_county().await;
    fetch(&city, &county, &edited(), BlobId::of(b"never here")).await;
    assert_eq!(county.bytes_from(&city), whole_bytes());
}
