//! The catalogue over a real folder: what is in the journal is what is seen, however it got there.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use kapok_library::resource::{File, Resource, ResourceId, ResourceKey};
use kapok_library::withdrawal::Withdrawal;
use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::Keypair;
use kapok_protocol::membership::{Certificate, Chain, Membership, Tier};
use kapok_protocol::replica::{News, Replica as _};
use kapok_protocol::session::{Input, Output, Session};
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use kapok_store::fs::RealFs;
use kapok_store::journal::{Journal, Options};
use kapok_store::view::{View, ViewOptions};

use super::{Catalogue, Statement};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn key(name: &str) -> Keypair {
    Keypair::from_secret(blake3::hash(name.as_bytes()).as_bytes())
}

/// City and a school under it.
fn chain(name: &str) -> Chain {
    let root = key("root");
    let membership = |subject: &Keypair, issuer: &Keypair, tier, scope: &[&str]| Membership {
        federation: root.id(),
        subject: subject.id(),
        tier,
        name: scope[scope.len() - 1].to_owned(),
        region: String::new(),
        scope: scope.iter().map(ToString::to_string).collect(),
        issuer: issuer.id(),
        serial: 1,
        staff_quota: 10,
        not_before: NOW,
        not_after: Timestamp(NOW.0 * 2),
    };
    let city = Certificate::issue(&root, membership(&key("city"), &root, Tier::City, &["city"]));
    let chain = Chain::new(vec![city]);
    if name == "city" {
        return chain;
    }
    let school = membership(&key("school"), &key("city"), Tier::School, &["city", "school"]);
    chain.extended(Certificate::issue(&key("city"), school))
}

fn open(dir: &Path, name: &str) -> Arc<Catalogue> {
    let journal = Journal::open(Arc::new(RealFs), &dir.join("journal"), Options::default(), [7; 32]).unwrap();
    let view = View::open(&dir.join("view"), ViewOptions::default()).unwrap();
    let catalogue = Catalogue::new(key(name), journal, view);
    catalogue.catch_up().unwrap();
    catalogue.store(chain(name).certificates().iter().cloned().map(News::Certificate).collect()).unwrap();
    catalogue
}

fn publish(catalogue: &Catalogue, name: u8, title: &str, visibility: Visibility) -> ResourceId {
    let key = ResourceKey { author: catalogue.id(), name: [name; 16] };
    let file = File {
        name: format!("{title}.pdf"),
        size: 9,
        mime: "application/pdf".to_owned(),
        blob: BlobId::of(title.as_bytes()),
        text: None,
    };
    let resource = Resource { title: title.to_owned(), version: 1, files: vec![file], ..Resource::default() };
    let statement = Statement { key: key.entry_key(), visibility, body: Some(resource.to_body()), person: None };
    catalogue.publish(vec![statement], NOW).unwrap();
    key.id()
}

fn withdraw(by: &Catalogue, author: &Catalogue, name: u8) {
    let key = ResourceKey { author: author.id(), name: [name; 16] };
    let withdrawal = Withdrawal { author: key.author, name: key.name, reason: "错".to_owned(), title: String::new() };
    let statement = Statement {
        key: Withdrawal::key(&key.id()),
        visibility: Visibility::Public,
        body: Some(withdrawal.to_body()),
        person: None,
    };
    by.publish(vec![statement], NOW).unwrap();
}

/// A whole session between two catalogues.
fn meet(a: &Catalogue, b: &Catalogue) {
    let nodes = [a, b];
    for (node, other) in [(a, b), (b, a)] {
        let chain = other.reading().unwrap().chain(&other.id()).unwrap();
        node.store(chain.certificates().iter().cloned().map(News::Certificate).collect()).unwrap();
    }
    let session =
        |node: &Catalogue, peer: &Catalogue| Session::new(peer.reading().unwrap().me(), node.remembered(&peer.id()));
    let mut sessions = [session(a, b), session(b, a)];
    let mut queues = [vec![Input::Opened], vec![Input::Opened]];
    while queues.iter().any(|queue| !queue.is_empty()) || sessions.iter().any(Session::has_batches) {
        for side in 0..2 {
            let ready = queues[side].is_empty() && sessions[side].has_batches();
            let inputs = if ready { vec![Input::Ready] } else { std::mem::take(&mut queues[side]) };
            for input in inputs {
                let mut out = Vec::new();
                sessions[side].handle(input, &nodes[side].reading().unwrap(), &mut out);
                for output in out {
                    match output {
                        Output::Send(frame) => queues[1 - side].push(Input::Frame(frame)),
                        Output::Store(news) => nodes[side].store(news).unwrap(),
                        Output::Remember(cursor) => nodes[side].remember(&nodes[1 - side].id(), cursor),
                        Output::Finished => {}
                        Output::Fault(fault) => panic!("{fault}"),
                    }
                }
            }
        }
    }
    assert!(sessions.iter().all(Session::is_finished));
}

/// Everything that can be asked of the resources.
fn seen(catalogue: &Catalogue) -> Vec<(String, Visibility, usize)> {
    let reading = catalogue.reading().unwrap();
    let ids: Vec<_> = reading.recent().collect::<Result<_, _>>().unwrap();
    let of = |id: &ResourceId| {
        let found = reading.resource(id).unwrap().unwrap();
        let uses = reading.uses(&found.resource.files[0].blob).unwrap().len();
        (found.resource.title, found.visibility, uses)
    };
    let mut all: Vec<_> = ids.iter().map(of).collect();
    all.sort();
    all
}

#[test]
fn a_catalogue_made_anew_from_the_journal_is_the_same() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    for n in 0..40 {
        publish(&school, n % 30, &format!("教案 {n}"), Visibility::SHARED[usize::from(n % 3)]);
    }
    publish(&city, 1, "市里的", Visibility::Public);
    meet(&city, &school);
    withdraw(&city, &school, 3);
    meet(&school, &city);
    let (before, totals) = (seen(&city), city.reading().unwrap().totals());
    assert!(before.len() > 20);
    // Not closed in order, so the view is not believed; a fresh folder is no different.
    drop(city);
    std::fs::remove_dir_all(here.path().join("view")).unwrap();
    let again = open(here.path(), "city");
    assert_eq!(seen(&again), before);
    assert_eq!(again.reading().unwrap().totals(), totals);
    assert_eq!(seen(&school).len(), before.len(), "a school directly under the city shares its county");
}

#[test]
fn what_came_before_takes_no_second_place_in_the_journal() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    publish(&school, 1, "一", Visibility::Public);
    meet(&city, &school);
    let end = city.journal().end();
    let reading = school.reading().unwrap();
    let shelf = reading.shelves()[0].0;
    let items = reading.items(&shelf, &Default::default(), 1 << 20);
    for item in items {
        let kapok_protocol::replica::Item::Entry(signed) = item else { continue };
        let entry = kapok_protocol::entry::Verified::check(signed).unwrap();
        city.store(vec![News::Entry(entry)]).unwrap();
    }
    assert_eq!(city.journal().end(), end);
}

#[test]
fn a_withdrawal_by_an_ancestor_takes_a_resource_wherever_it_arrives_first() {
    for withdrawal_first in [true, false] {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
        let id = publish(&school, 5, "坏的", Visibility::Public);
        if !withdrawal_first {
            meet(&city, &school);
        }
        withdraw(&city, &school, 5);
        meet(&city, &school);
        meet(&city, &school);
        for node in [&city, &school] {
            let reading = node.reading().unwrap();
            assert!(reading.resource(&id).unwrap().is_none());
            assert_eq!(reading.withdrawal(&id).unwrap().unwrap().1.reason, "错");
            assert!(reading.uses(&BlobId::of("坏的".as_bytes())).unwrap().is_empty());
            let adds_up = reading.shelves().iter().all(|(_, state)| !state.mismatch);
            assert!(adds_up, "what was withdrawn still counts in the checksum");
        }
    }
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_also_on_another_shelf() {
    let dir = tempfile::tempdir().unwrap();
    let city = open(dir.path(), "city");
    let id = publish(&city, 9, "旧的", Visibility::Public);
    assert_eq!(publish(&city, 9, "新的", Visibility::School), id);
    let reading = city.reading().unwrap();
    let found = reading.resource(&id).unwrap().unwrap();
    assert_eq!((found.resource.title.as_str(), found.visibility), ("新的", Visibility::School));
    assert!(reading.uses(&BlobId::of("旧的".as_bytes())).unwrap().is_empty());
    assert_eq!(reading.totals().1, 1);
}
