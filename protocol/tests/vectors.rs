//! Golden vectors: the bytes of every signed thing, which no later version may change.
//!
//! `KAPOK_WRITE_VECTORS=1 cargo test -p kapok-protocol --test vectors` writes the file anew; a change to an existing
//! line is a change of format.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kapok_protocol::entry::{Entry, Key, Kind, PersonId, Sequence, ShelfId, Verified};
use kapok_protocol::head::{Head, Progress, VerifiedHead};
use kapok_protocol::identity::Keypair;
use kapok_protocol::join::{Invitation, Request, sign_request};
use kapok_protocol::lthash::LtHash;
use kapok_protocol::membership::{Certificate, Tier};
use kapok_protocol::signed::Signed;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use proptest::prelude::*;
use support::{START, admit, key};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/signed.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn entry(visibility: Visibility, body: Option<Vec<u8>>) -> Entry {
    Entry {
        author: key("school").id(),
        sequence: Sequence { incarnation: 1, number: 300 },
        key: Key { kind: Kind::RESOURCE, name: vec![0xab; 16] },
        time: START,
        visibility,
        body,
        person: None,
    }
}

fn vectors() -> BTreeMap<&'static str, Signed> {
    let root = key("root");
    let city = admit(&root, &root, None, Tier::City, "city");
    let county = admit(&root, &key("city"), Some(&city), Tier::County, "盐边县");
    let school = key("school");
    let person = Some(PersonId { home: school.id(), id: [7; 16] });
    let mut sum = LtHash::default();
    sum.add(&[1; 32]);
    let head = Head {
        shelf: ShelfId { author: school.id(), visibility: Visibility::Federation },
        progress: Progress(BTreeMap::from([(1, 300), (1_790_000_000_000, 24)])),
        live: 1,
        digest: sum.digest(),
        time: START,
    };
    let request = Request {
        subject: school.id(),
        tier: Tier::School,
        name: "红格小学".to_owned(),
        region: "510422".to_owned(),
        secret: None,
    };
    BTreeMap::from([
        ("membership of a city", city.certificates()[0].signed().clone()),
        ("membership of a county", county.certificates()[1].signed().clone()),
        ("entry", Verified::sign(&school, entry(Visibility::Public, Some(vec![0xf6]))).unwrap().signed().clone()),
        ("tombstone", Verified::sign(&school, entry(Visibility::County, None)).unwrap().signed().clone()),
        (
            "entry of a person",
            Verified::sign(&school, Entry { person, ..entry(Visibility::School, Some(vec![])) })
                .unwrap()
                .signed()
                .clone(),
        ),
        ("head", VerifiedHead::sign(&school, head).signed().clone()),
        ("join request", sign_request(&school, &request)),
    ])
}

#[test]
fn the_bytes_of_every_signed_thing_are_those_of_the_vectors() {
    let text: String = vectors().into_iter().fold(String::new(), |mut text, (name, signed)| {
        writeln!(text, "{name}: {} {}", hex(&signed.bytes), hex(&signed.signature.0)).unwrap();
        text
    });
    let invitation = Invitation {
        parent: key("city").id(),
        addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".to_owned()],
        secret: [5; 16],
        expires: START,
        federation: key("root").id(),
    };
    let text = format!("{text}invitation: {}\n", invitation.to_code());
    if std::env::var_os("KAPOK_WRITE_VECTORS").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(FILE).unwrap(), text);
}

#[test]
fn what_is_signed_is_deterministic_cbor_and_reads_back() {
    for (name, signed) in vectors() {
        kapok_protocol::check_cbor(&signed.bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        match name.split(' ').next().unwrap() {
            "membership" => drop(Certificate::from_signed(signed).unwrap()),
            "entry" | "tombstone" => {
                let entry = Verified::check(signed).unwrap();
                assert_eq!(entry.entry().body.is_none(), name == "tombstone");
            }
            "head" => drop(VerifiedHead::check(signed).unwrap()),
            _ => drop(kapok_protocol::join::read_request(&signed).unwrap()),
        }
    }
}

#[test]
fn a_field_of_a_later_version_is_kept_and_ignored() {
    let school = key("school");
    let known = Verified::sign(&school, entry(Visibility::Public, Some(vec![1]))).unwrap();
    // One more pair (key 23, value "new") at the end of the map.
    let mut bytes = known.signed().bytes.clone();
    assert_eq!(bytes[0] & 0xe0, 0xa0, "a map of less than 24 pairs");
    bytes[0] += 1;
    bytes.extend_from_slice(b"\x17\x63new");
    let signature = school.sign(kapok_protocol::identity::Domain::Entry, &bytes);
    let later = Verified::check(Signed { bytes: bytes.clone(), signature }).unwrap();
    assert_eq!(later.entry(), known.entry());
    assert_eq!(later.signed().bytes, bytes, "forwarded byte for byte");
}

proptest! {
    #[test]
    fn an_altered_bit_is_refused(bit in 0usize..8000, seed in any::<[u8; 32]>()) {
        let author = Keypair::from_secret(&seed);
        let statement = Entry { author: author.id(), ..entry(Visibility::Public, Some(b"body".to_vec())) };
        let mut signed = Verified::sign(&author, statement).unwrap().signed().clone();
        let length = signed.bytes.len();
        let bit = bit % ((length + 64) * 8);
        let byte = if bit / 8 < length { &mut signed.bytes[bit / 8] } else { &mut signed.signature.0[bit / 8 - length] };
        *byte ^= 1 << (bit % 8);
        prop_assert!(Verified::check(signed).is_err());
    }

    #[test]
    fn no_bytes_from_outside_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let signed = Signed { bytes: bytes.clone(), signature: key("x").sign(kapok_protocol::identity::Domain::Entry, b"") };
        let _ = Verified::check(signed.clone());
        let _ = VerifiedHead::check(signed.clone());
        let _ = Certificate::from_signed(signed.clone());
        let _ = kapok_protocol::join::read_request(&signed);
        let _ = kapok_protocol::session::message::Frame::from_plain(&bytes);
        // What begins as a compressed stream is unpacked first.
        let mut unpacker = kapok_protocol::session::codec::Unpacker::default();
        let stream = [&[0x28, 0xb5, 0x2f, 0xfd], &bytes[..]].concat();
        let _ = (unpacker.unpack(&bytes), unpacker.unpack(&stream), unpacker.unpack(&bytes));
        let _ = kapok_protocol::hello::Greeting::from_bytes(&bytes);
        let _ = Invitation::from_code(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn entries_read_back_as_they_were_written(
        number in any::<u64>(), incarnation in any::<u64>(), name in proptest::collection::vec(any::<u8>(), 0..64),
        body in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..500)), time in any::<u64>(),
    ) {
        let statement = Entry {
            sequence: Sequence { incarnation, number }, key: Key { kind: Kind(900), name }, body, time: Timestamp(time),
            ..entry(Visibility::Federation, None)
        };
        let signed = Verified::sign(&key("school"), statement.clone()).unwrap().signed().clone();
        prop_assert!(kapok_protocol::check_cbor(&signed.bytes).is_ok());
        let read = Verified::check(signed).unwrap();
        prop_assert_eq!(read.entry(), &statement);
    }
}
