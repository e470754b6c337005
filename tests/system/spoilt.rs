//! What a disk has spoilt is found by whoever opens it, said, and brought anew from others.

use std::fs;
use std::time::{Duration, Instant};

use kapok_tests::{Federation, Node};
use serde_json::Value;

use crate::support::{blob, get_and_check, id};

/// Flips a byte of a blob on the disk.
fn spoil(node: &Node, blob: &str) {
    let path = node.blob_path(blob);
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    // A blob is read-only; a disk does not care.
    let spoilt = path.with_extension("spoilt");
    fs::write(&spoilt, bytes).unwrap();
    fs::rename(&spoilt, &path).unwrap();
}

fn quarantine(node: &Node) -> Vec<String> {
    let names = fs::read_dir(node.home().join("quarantine")).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A lesson of the school's that the county holds, and the county.
fn held_at_the_county(size: usize) -> (Federation, Value) {
    let federation = Federation::of_four();
    federation.county.kapok(&["subscribe", "--all"]);
    let text: String = (0..)
        .map(|n| format!("第 {n} 行\n"))
        .scan(0, |bytes, line| {
            *bytes += line.len();
            (*bytes <= size).then_some(line)
        })
        .collect();
    let file = federation.school.file("讲义.txt", text);
    let open = ["--visibility", "public", "--license", "CC0-1.0"];
    let lesson = federation.school.add(&file, &open);
    let synced = federation.county.kapok(&["sync", "--now"]);
    assert_eq!(synced["pending"]["blobs"], 0, "{synced}");
    (federation, lesson)
}

#[test]
fn who_gets_a_file_that_is_damaged_here_gets_the_right_one_from_another_node() {
    let (federation, lesson) = held_at_the_county(700_000);
    let county = &federation.county;
    spoil(county, blob(&lesson));
    get_and_check(county, id(&lesson), "out");
    assert_eq!(blake3::hash(&fs::read(county.blob_path(blob(&lesson))).unwrap()).to_hex().as_str(), blob(&lesson));
    assert_eq!(quarantine(county), [""; 0], "it is healed");
}

#[test]
fn who_opens_a_damaged_file_is_told_and_then_gets_the_right_one() {
    for size in [2_000, 700_000] {
        let (federation, lesson) = held_at_the_county(size);
        let county = &federation.county;
        let owner = county.owner();
        let path = format!("/blobs/{}", blob(&lesson));
        spoil(county, blob(&lesson));
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut told = 0;
        loop {
            // Where pieces before the damaged one were given already, the answer ends early.
            let answer = owner.try_get(&path);
            match answer {
                Some(answer) if answer.status == 200 => {
                    assert_eq!(blake3::hash(&answer.body).to_hex().as_str(), blob(&lesson), "wrong bytes");
                    break;
                }
                Some(answer) => {
                    let problem = answer.problem(503);
                    assert!(problem["detail"].as_str().unwrap().contains("damaged"), "{problem}");
                    assert!(!problem["remedy"].as_str().unwrap().is_empty(), "{problem}");
                    told += 1;
                }
                None => told += 1,
            }
            assert!(Instant::now() < deadline, "it does not come");
        }
        assert!(told > 0, "nobody noticed");
    }
}

#[test]
fn a_damaged_file_that_nobody_else_has_is_said_to_be_so_and_is_kept_apart() {
    let mut city = Node::init("city", "攀枝花市电教馆");
    city.start();
    let lesson = city.add(&city.file("讲义.txt", "只有这一份"), &["--visibility", "public", "--license", "CC0-1.0"]);
    spoil(&city, blob(&lesson));
    let out = city.scratch("out");
    let refused = city.try_kapok(&["get", id(&lesson), "--out", out.to_str().unwrap()]);
    refused.assert_refused();
    assert!(refused.stderr.contains("damaged") && refused.stderr.contains("quarantine"), "{refused:?}");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "a wrong file was put out");
    assert_eq!(quarantine(&city), [blob(&lesson)]);
    assert!(!city.blob_path(blob(&lesson)).exists());
    let problem = city.owner().get(&format!("/blobs/{}", blob(&lesson))).problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("no other node"), "{problem}");
    assert!(!problem["remedy"].as_str().unwrap().is_empty(), "{problem}");
}
