//! Through nodes that lack what is asked of them.

use kapok_protocol::blob::message::Urgency;

use super::*;
use crate::blob::FetchError;
use crate::link::testbed::{addresses, link};

/// A city, two counties, a school in each.
struct Tree {
    city: Node,
    near_county: Node,
    near_school: Node,
    far_county: Node,
    far_school: Node,
}

async fn tree() -> Tree {
    let mut federation = Federation::new();
    let city = federation.city();
    let near_county = federation.county(city, "盐边县");
    let near_school = federation.school(near_county, "红格小学");
    let far_county = federation.county(city, "米易县");
    let far_school = federation.school(far_county, "白马小学");
    Tree {
        city: Node::start(&federation, city).await,
        near_county: Node::start(&federation, near_county).await,
        near_school: Node::start(&federation, near_school).await,
        far_county: Node::start(&federation, far_county).await,
        far_school: Node::start(&federation, far_school).await,
    }
}

impl Tree {
    /// Each child calls its parent.
    async fn linked() -> Self {
        let tree = tree().await;
        link(&tree.near_county.links, &tree.city.links).await;
        link(&tree.near_school.links, &tree.near_county.links).await;
        link(&tree.far_county.links, &tree.city.links).await;
        link(&tree.far_school.links, &tree.far_county.links).await;
        tree
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_school_gets_what_only_a_school_of_another_county_holds() {
    let tree = Tree::linked().await;
    let blob = tree.far_school.disk.hold(&content(1));
    let fetch = tree.near_school.exchange.fetch(blob, SIZE as u64, tree.far_school.id, Urgency::Interactive, 0);
    fetch.await.unwrap();
    assert!(tree.near_school.disk.held(&blob) == Some(content(1)));
    for (to, from) in [
        (&tree.far_county, &tree.far_school),
        (&tree.city, &tree.far_county),
        (&tree.near_county, &tree.city),
        (&tree.near_school, &tree.near_county),
    ] {
        assert_eq!(to.bytes_from(from), whole_bytes(), "each link carries it once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_not_linked_on_the_way_is_called() {
    let tree = tree().await;
    // The school listens, but has not called its county today.
    link(&tree.near_county.links, &tree.city.links).await;
    let school = (tree.near_school.id, addresses(&tree.near_school.links));
    tree.near_county.disk.state().addresses.extend([school]);
    let blob = tree.near_school.disk.hold(&content(2));
    tree.city.exchange.fetch(blob, SIZE as u64, tree.near_school.id, Urgency::Interactive, 0).await.unwrap();
    assert!(tree.city.disk.held(&blob) == Some(content(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_askers_share_one_fetch() {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let schools = [federation.school(county, "红格小学"), federation.school(county, "桐子林小学")];
    let city = Node::start(&federation, city).await;
    let county = Node::start(&federation, county).await;
    let schools = [Node::start(&federation, schools[0]).await, Node::start(&federation, schools[1]).await];
    link(&county.links, &city.links).await;
    link(&schools[0].links, &county.links).await;
    link(&schools[1].links, &county.links).await;
    let blob = city.disk.hold(&content(3));
    // The second one comes when some of it has arrived, and gets the earlier pieces too.
    let release = city.disk.stall_after(16);
    let first = schools[0].exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0);
    let second = async {
        county.disk.written(2).await;
        let fetch = schools[1].exchange.fetch(blob, SIZE as u64, city.id, Urgency::Interactive, 0);
        let resume = async {
            schools[1].disk.written(2).await;
            drop(release);
        };
        tokio::join!(fetch, resume).0
    };
    let (first, second) = in_time(async { tokio::join!(first, second) }).await;
    first.unwrap();
    second.unwrap();
    assert_eq!(county.bytes_from(&city), whole_bytes());
    assert!(schools.iter().all(|school| school.disk.held(&blob) == Some(content(3))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_for_what_nobody_has() {
    let tree = Tree::linked().await;
    let blob = BlobId::of(&content(4));
    // All of them ask, so each could be taken for the source of another.
    let home = tree.far_school.id;
    let ask = |node: &Node| {
        let exchange = node.exchange.clone();
        async move { exchange.fetch(blob, SIZE as u64, home, Urgency::Interactive, 0).await }
    };
    let all =
        async { tokio::join!(ask(&tree.near_school), ask(&tree.near_county), ask(&tree.city), ask(&tree.far_county)) };
    let asked = in_time(all).await;
    for refused in [asked.0, asked.1, asked.2, asked.3] {
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, FetchError::Refused(why) if why.contains("does not hold it")), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_could_not_be_brought_for_others_is_not_kept_in_mind() {
    let tree = Tree::linked().await;
    let blob = BlobId::of(&content(5));
    let fetch = tree.near_school.exchange.fetch(blob, SIZE as u64, tree.far_school.id, Urgency::Interactive, 0);
    assert!(matches!(fetch.await, Err(FetchError::Refused(_))));
    assert!(tree.near_county.disk.state().begun.is_empty());
    // When it is there after all, it is found on the same way.
    tree.far_school.disk.hold(&content(5));
    let fetch = tree.near_school.exchange.fetch(blob, SIZE as u64, tree.far_school.id, Urgency::Interactive, 0);
    fetch.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_on_the_way_that_may_not_have_it_ends_the_way() {
    let tree = Tree::linked().await;
    let blob = tree.far_school.disk.hold(&content(6));
    tree.far_school.disk.state().hidden_from.insert(tree.far_county.id);
    let fetch = tree.near_school.exchange.fetch(blob, SIZE as u64, tree.far_school.id, Urgency::Interactive, 0);
    assert!(matches!(fetch.await, Err(FetchError::Refused(_))));
    assert!(tree.city.disk.held(&blob).is_none());
}
