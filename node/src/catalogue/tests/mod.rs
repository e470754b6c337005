//! The catalogue over a real folder: what is in the journal is what is seen, however it got there.
#![allow(clippy::unwrap_used)]

mod belief;
mod damage;
mod replication;
mod withdrawal;

use std::path::Path;
use std::sync::Arc;

use kapok_library::resource::{File, Resource, ResourceId, ResourceKey};
use kapok_library::withdrawal::Withdrawal;
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::Verified;
use kapok_protocol::head::Progress;
use kapok_protocol::identity::Keypair;
use kapok_protocol::membership::{Certificate, Chain, Membership, Tier};
use kapok_protocol::replica::{Item, News, Replica as _};
use kapok_protocol::session::{Input, Output, Session};
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use kapok_store::fs::RealFs;
use kapok_store::journal::{Journal, Options};
use kapok_store::view::{View, ViewOptions};

use super::{Catalogue, CatalogueError, Statement};

const NOW: Timestamp = Timestamp(1_790_000_000_000);

fn key(name: &str) -> Keypair {
    Keypair::from_secret(blake3::hash(name.as_bytes()).as_bytes())
}

/// City and a school under it, whose membership has no end to speak of.
fn chain(name: &str) -> Chain {
    chain_until(name, Timestamp(NOW.0 * 2))
}

fn chain_until(name: &str, end: Timestamp) -> Chain {
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
        not_after: if tier == Tier::City { Timestamp(NOW.0 * 2) } else { end },
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
    open_until(dir, name, Timestamp(NOW.0 * 2))
}

fn open_until(dir: &Path, name: &str, end: Timestamp) -> Arc<Catalogue> {
    let journal = Journal::open(Arc::new(RealFs), &dir.join("journal"), Options::default(), [7; 32]).unwrap();
    let view = View::open(&dir.join("view"), ViewOptions::default()).unwrap();
    let catalogue = Catalogue::new(key(name), journal, view);
    catalogue.catch_up().unwrap();
    catalogue.store(chain_until(name, end).certificates().iter().cloned().map(News::Certificate).collect()).unwrap();
    catalogue
}

fn described(title: &str) -> Resource {
    let file = File {
        name: format!("{title}.pdf"),
        size: 9,
        mime: "application/pdf".to_owned(),
        blob: BlobId::of(title.as_bytes()),
        text: None,
    };
    Resource { title: title.to_owned(), version: 1, files: vec![file], ..Resource::default() }
}

fn publish(catalogue: &Catalogue, name: u8, title: &str, visibility: Visibility) -> ResourceId {
    let key = ResourceKey { author: catalogue.id(), name: [name; 16] };
    let body = Some(described(title).to_body());
    catalogue.publish(vec![Statement { key: key.entry_key(), visibility, body, person: None }], NOW).unwrap();
    key.id()
}

fn try_publish(catalogue: &Catalogue, name: u8, title: &str) -> Result<(), CatalogueError> {
    let key = ResourceKey { author: catalogue.id(), name: [name; 16] }.entry_key();
    let body = Some(described(title).to_body());
    catalogue.publish(vec![Statement { key, visibility: Visibility::Public, body, person: None }], NOW).map(|_| ())
}

/// All live entries that a catalogue would pass on.
fn entries(catalogue: &Catalogue) -> Vec<Verified> {
    let reading = catalogue.reading().unwrap();
    let shelves = reading.shelves();
    let items = shelves.iter().flat_map(|(shelf, _)| reading.items(shelf, &Progress::default(), usize::MAX));
    let entry = |item| match item {
        Item::Entry(signed) => Some(Verified::check(signed).unwrap()),
        Item::Stub(_) => None,
    };
    items.filter_map(entry).collect()
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
    while queues.iter().any(|queue| !queue.is_empty()) || sessions.iter().any(Session::has_frames) {
        for side in 0..2 {
            let ready = queues[side].is_empty() && sessions[side].has_frames();
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
