#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::segment::SEGMENT_HEADER_BYTES;
use super::*;
use crate::fs::ForgetfulFs;

const DIR: &str = "/home/journal/shared";
const FRESH: [u8; 32] = [7; 32];

fn small() -> Options {
    Options { segment_bytes: 700, chained: false }
}

fn open(disk: &ForgetfulFs) -> Journal {
    try_open(disk).unwrap()
}

fn try_open(disk: &ForgetfulFs) -> Result<Journal, JournalError> {
    Journal::open(Arc::new(disk.clone()), Path::new(DIR), small(), FRESH)
}

fn payload(number: u64) -> Vec<u8> {
    let len = number * 37 % 150;
    (0..len).map(|i| u8::try_from((number * 31 + i * 7) % 251).unwrap()).collect()
}

fn all(journal: &Journal) -> BTreeMap<u64, Vec<u8>> {
    let frames = journal.iter_from(journal.cursor(0)).unwrap();
    frames.map(|f| f.map(|f| (f.position, f.payload)).unwrap()).collect()
}

/// A journal of `count` frames on a disk of its own, with what is in it.
fn filled(count: u64) -> (ForgetfulFs, BTreeMap<u64, Vec<u8>>) {
    let disk = ForgetfulFs::new();
    let journal = open(&disk);
    let written = (0..count).map(|n| (journal.append(&[&payload(n)]).unwrap()[0], payload(n))).collect();
    (disk, written)
}

fn segments(disk: &ForgetfulFs) -> Vec<(PathBuf, Vec<u8>)> {
    disk.files().into_iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "seg")).collect()
}

#[test]
fn what_was_appended_is_read_back_by_position_and_in_order() {
    let (disk, written) = filled(60);
    let journal = open(&disk);
    assert_eq!(all(&journal), written);
    for (position, payload) in &written {
        assert_eq!(&journal.read(*position).unwrap(), payload);
        assert!(journal.read(position + 1).is_err());
    }
    assert!(segments(&disk).len() > 5);
    assert!(journal.damaged().is_empty());
}

#[test]
fn a_cursor_goes_on_where_it_stood() {
    let (disk, written) = filled(40);
    let journal = open(&disk);
    let mut frames = journal.iter_from(journal.cursor(0)).unwrap();
    for _ in 0..17 {
        frames.next().unwrap().unwrap();
    }
    let rest: Vec<_> = journal.iter_from(frames.cursor()).unwrap().map(|f| f.unwrap().payload).collect();
    assert_eq!(rest, written.values().skip(17).cloned().collect::<Vec<_>>());
    // At the end it waits, and goes on with what comes.
    let mut at_end = journal.iter_from(journal.end()).unwrap();
    assert!(at_end.next().is_none());
    journal.append(&[b"later"]).unwrap();
    assert_eq!(at_end.next().unwrap().unwrap().payload, b"later");
}

#[test]
fn a_cursor_of_another_journal_or_into_the_middle_is_refused() {
    let (disk, written) = filled(40);
    let journal = open(&disk);
    let foreign = Cursor { journal: [9; 16], position: 200 };
    assert!(matches!(journal.iter_from(foreign), Err(JournalError::OtherJournal { .. })));
    let boundaries: Vec<u64> = journal
        .iter_from(journal.cursor(0))
        .unwrap()
        .flat_map(|f| f.map(|f| [f.position, f.next]).unwrap())
        .chain(segments(&disk).iter().map(|(path, _)| base_of(path)))
        .chain([0])
        .collect();
    for position in 0..journal.end().position + 3 {
        let accepted = journal.iter_from(journal.cursor(position)).is_ok();
        let in_header = segments(&disk)
            .iter()
            .any(|(path, _)| (base_of(path)..base_of(path) + SEGMENT_HEADER_BYTES as u64).contains(&position));
        if !in_header {
            assert_eq!(accepted, boundaries.contains(&position), "position {position}");
        }
    }
    assert!(written.len() == 40);
}

fn base_of(path: &Path) -> u64 {
    u64::from_str_radix(path.file_stem().unwrap().to_str().unwrap(), 16).unwrap()
}

#[test]
fn many_appends_share_one_sync() {
    let disk = ForgetfulFs::new();
    let journal = Journal::open(Arc::new(disk.clone()), Path::new(DIR), Options::default(), FRESH).unwrap();
    let frame = 24 + 8;
    disk.hold_syncs(true);
    let before = disk.syncs();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..50u64)
            .map(|n| {
                scope.spawn({
                    let journal = journal.clone();
                    move || journal.append(&[&n.to_le_bytes()]).unwrap()
                })
            })
            .collect();
        // All have gathered: the first with its sync, the others behind it.
        while journal.shared.state().next() < SEGMENT_HEADER_BYTES as u64 + 50 * frame {
            std::thread::yield_now();
        }
        disk.hold_syncs(false);
        for thread in threads {
            thread.join().unwrap();
        }
    });
    assert_eq!(all(&journal).len(), 50);
    assert!(disk.syncs() - before <= 2, "{} syncs", disk.syncs() - before);
}

#[test]
fn whoever_waits_for_growth_is_woken() {
    let (disk, _) = filled(3);
    let journal = open(&disk);
    let seen = Arc::new(AtomicU64::new(0));
    journal.on_growth({
        let seen = seen.clone();
        move |end| seen.store(end, Ordering::SeqCst)
    });
    let before = journal.end().position;
    assert_eq!(journal.wait_beyond(before, Duration::ZERO).position, before);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| journal.wait_beyond(before, Duration::from_secs(60)).position);
        journal.append(&[b"news"]).unwrap();
        assert!(waiter.join().unwrap() > before);
    });
    assert_eq!(seen.load(Ordering::SeqCst), journal.end().position);
}

/// Appends to `journal` until it fails; returns what was acknowledged.
fn append_until_it_fails(journal: &Journal, from: u64, count: u64) -> BTreeMap<u64, Vec<u8>> {
    let mut acknowledged = BTreeMap::new();
    for n in from..from + count {
        let batch = [payload(n), payload(n + 1000)];
        match journal.append(&[&batch[0], &batch[1]]) {
            Ok(positions) => acknowledged.extend(positions.into_iter().zip(batch)),
            Err(_) => break,
        }
    }
    acknowledged
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_instant() {
    let (disk, _) = filled(0);
    append_until_it_fails(&open(&disk), 0, 12);
    for cut in 0..disk.changes() {
        for seed in 0..4 {
            let disk = ForgetfulFs::new();
            disk.cut_power_after(cut);
            let mut acknowledged = BTreeMap::new();
            if let Ok(journal) = try_open(&disk) {
                acknowledged.extend(append_until_it_fails(&journal, 0, 12));
            }
            disk.crash(seed * 1000 + cut);
            let journal = open(&disk);
            for (position, payload) in &acknowledged {
                assert_eq!(&journal.read(*position).unwrap(), payload, "cut {cut} seed {seed}");
            }
            // And it goes on from there, through a second cut.
            acknowledged.extend(append_until_it_fails(&journal, 100, 3));
            disk.cut_power_after(disk.changes() + cut % 5);
            acknowledged.extend(append_until_it_fails(&journal, 200, 3));
            disk.crash(seed);
            let journal = open(&disk);
            let found = all(&journal);
            for (position, payload) in &acknowledged {
                assert_eq!(found.get(position), Some(payload), "cut {cut} seed {seed}");
            }
        }
    }
}

#[test]
fn what_a_killed_process_wrote_and_the_next_one_read_survives_a_power_cut() {
    let (disk, _) = filled(0);
    append_until_it_fails(&open(&disk), 0, 12);
    for cut in 1..disk.changes() {
        for seed in 0..4 {
            let disk = ForgetfulFs::new();
            disk.cut_power_after(cut);
            if let Ok(journal) = try_open(&disk) {
                append_until_it_fails(&journal, 0, 12);
            }
            // Killed: what it wrote is still in the page cache.
            disk.cut_power_after(u64::MAX);
            let journal = open(&disk);
            let read = all(&journal);
            disk.crash(seed * 1000 + cut);
            assert_eq!(all(&open(&disk)), read, "cut {cut} seed {seed}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_torn_tail_is_cut_and_nothing_else(count in 1u64..30, torn in 1usize..200, flip in 0u8..=255) {
        let (disk, mut written) = filled(count);
        let (path, mut bytes) = segments(&disk).pop().unwrap();
        let journal = open(&disk);
        let end = journal.end().position;
        let last = *written.last_key_value().unwrap().0;
        // The last frame loses its tail, or gains bytes that are no frame.
        if flip % 2 == 0 {
            let cut = torn.min(usize::try_from(end - last).unwrap());
            bytes.truncate(bytes.len() - cut);
            written.remove(&last);
        } else {
            bytes.extend(std::iter::repeat_n(flip, torn));
        }
        disk.put(&path, &bytes);
        let journal = open(&disk);
        prop_assert_eq!(all(&journal), written);
        prop_assert!(journal.damaged().is_empty());
        journal.append(&[b"goes on"]).unwrap();
        let reopened = open(&disk);
        prop_assert_eq!(all(&reopened).pop_last().unwrap().1, b"goes on".to_vec());
    }
}

#[test]
fn a_flipped_byte_costs_one_frame_at_most() {
    let (disk, written) = filled(40);
    let segments = segments(&disk);
    for (path, bytes) in &segments[..segments.len() - 1] {
        for offset in (0..bytes.len()).step_by(3) {
            disk.rot(path, offset, 0x40);
            let journal = open(&disk);
            let found = all(&journal);
            assert!(found.iter().all(|(position, payload)| written.get(position) == Some(payload)));
            let at = base_of(path) + offset as u64;
            let hit = written.range(..=at).next_back().filter(|_| offset >= SEGMENT_HEADER_BYTES).map(|(p, _)| *p);
            let lost: Vec<u64> = written.keys().filter(|p| !found.contains_key(p)).copied().collect();
            assert_eq!(lost, hit.into_iter().collect::<Vec<_>>(), "{path:?} byte {offset}");
            assert_eq!(journal.damaged().iter().map(|d| d.from).collect::<Vec<_>>(), lost);
            disk.rot(path, offset, 0x40);
        }
    }
}

#[test]
fn rot_in_the_last_segment_does_not_cut_what_follows() {
    let last_segment = |(disk, written): &(ForgetfulFs, BTreeMap<u64, Vec<u8>>)| {
        let (path, _) = segments(disk).pop().unwrap();
        let in_last: Vec<u64> = written.keys().copied().filter(|p| *p > base_of(&path)).collect();
        (path, in_last)
    };
    let (disk, written) = (30..).map(filled).find(|j| last_segment(j).1.len() > 2).unwrap();
    let (path, in_last) = last_segment(&(disk.clone(), written.clone()));
    disk.rot(&path, usize::try_from(in_last[0] - base_of(&path)).unwrap() + 1, 1);
    let journal = open(&disk);
    assert_eq!(all(&journal).len(), written.len() - 1);
    assert_eq!(journal.damaged(), [Damage { from: in_last[0], to: in_last[1] }]);
    journal.append(&[b"goes on"]).unwrap();
    assert_eq!(all(&open(&disk)).len(), written.len());
}

#[test]
fn a_frame_planted_in_a_payload_is_not_found_when_the_frame_around_it_rots() {
    let disk = ForgetfulFs::new();
    let journal = open(&disk);
    // The best that somebody can do who knows everything but the key: the right position.
    let mut planted = Vec::new();
    let position = SEGMENT_HEADER_BYTES as u64 + 24;
    frame::FrameKey::new([0; 16]).encode(position, &[b"forged"], &mut planted);
    let outer = journal.append(&[&planted]).unwrap()[0];
    journal.append(&[b"next"]).unwrap();
    let (path, _) = segments(&disk).pop().unwrap();
    disk.rot(&path, usize::try_from(outer).unwrap(), 1);
    assert_eq!(all(&open(&disk)).into_values().collect::<Vec<_>>(), [b"next".to_vec()]);
}

#[test]
fn a_full_disk_loses_nothing_and_the_journal_goes_on_when_there_is_room() {
    for room in 0..1500 {
        let disk = ForgetfulFs::new();
        let journal = open(&disk);
        let mut acknowledged = append_until_it_fails(&journal, 0, 2);
        disk.set_room(Some(room));
        for n in 2..12 {
            match journal.append(&[&payload(n)]) {
                Ok(positions) => {
                    acknowledged.insert(positions[0], payload(n));
                }
                Err(e) => assert!(matches!(e, JournalError::Full { .. }), "{e}"),
            }
        }
        assert_eq!(all(&journal), acknowledged, "room {room}");
        disk.set_room(None);
        let position = journal.append(&[b"room again"]).unwrap()[0];
        acknowledged.insert(position, b"room again".to_vec());
        disk.crash(room);
        assert_eq!(all(&open(&disk)), acknowledged, "room {room}");
    }
}

#[test]
fn after_a_failed_sync_the_journal_is_read_only_until_it_is_opened_again() {
    let (disk, written) = filled(10);
    let journal = open(&disk);
    disk.fail_syncs(true);
    assert!(matches!(journal.append(&[b"lost"]), Err(JournalError::ReadOnly { .. })));
    disk.fail_syncs(false);
    assert!(matches!(journal.append(&[b"refused"]), Err(JournalError::ReadOnly { .. })));
    assert!(journal.read_only_because().is_some());
    assert_eq!(all(&journal), written);
    drop(journal);
    disk.crash(3);
    let journal = open(&disk);
    journal.append(&[b"goes on"]).unwrap();
    assert_eq!(all(&journal).len(), written.len() + 1);
}

#[test]
fn a_disk_that_has_become_read_only_can_still_be_read() {
    let (disk, written) = filled(10);
    disk.set_disk_read_only(true);
    let journal = open(&disk);
    assert_eq!(all(&journal), written);
    assert!(matches!(journal.append(&[b"no"]), Err(JournalError::ReadOnly { .. })));
}

#[test]
fn a_lost_name_gives_a_new_id_and_loses_no_frame() {
    let (disk, written) = filled(20);
    disk.put(&Path::new(DIR).join("JOURNAL"), b"kapok journal 1 pl");
    let other = [8; 32];
    let journal = Journal::open(Arc::new(disk.clone()), Path::new(DIR), small(), other).unwrap();
    assert_eq!(journal.id(), [8; 16]);
    assert_eq!(all(&journal), written);
    assert_eq!(open(&disk).id(), [8; 16]);
}

#[test]
fn a_restored_journal_gets_a_new_id_so_that_old_cursors_are_refused() {
    let (disk, written) = filled(20);
    let old = open(&disk).end();
    let fs: SharedFs = Arc::new(disk.clone());
    Journal::renew_id(&fs, Path::new(DIR), small(), [5; 32]).unwrap();
    let journal = open(&disk);
    assert_eq!(journal.id(), [5; 16]);
    assert!(matches!(journal.iter_from(old), Err(JournalError::OtherJournal { .. })));
    assert_eq!(all(&journal), written);
}

#[test]
fn a_lost_or_shortened_segment_costs_its_own_frames() {
    let (disk, written) = filled(40);
    let all_segments = segments(&disk);
    let (path, bytes) = &all_segments[2];
    disk.put(path, &bytes[..bytes.len() / 2]);
    let journal = open(&disk);
    let found = all(&journal);
    let next = base_of(&all_segments[3].0);
    assert!(written.iter().filter(|(p, _)| **p < base_of(path) || **p > next).all(|(p, v)| found.get(p) == Some(v)));
    assert_eq!(journal.damaged().last().unwrap().to, next);
    crate::fs::Fs::remove(&disk, path).unwrap();
    let journal = open(&disk);
    assert!(all(&journal).keys().any(|p| *p > next));
    assert_eq!(journal.damaged(), [Damage { from: base_of(path), to: next }]);
}

#[test]
fn an_entry_too_large_is_refused() {
    let (disk, _) = filled(0);
    let journal = open(&disk);
    assert!(matches!(journal.append(&[&vec![0; MAX_PAYLOAD_BYTES + 1]]), Err(JournalError::TooLarge { .. })));
    let position = journal.append(&[&vec![1; MAX_PAYLOAD_BYTES]]).unwrap()[0];
    assert_eq!(journal.read(position).unwrap().len(), MAX_PAYLOAD_BYTES);
    assert_eq!(all(&open(&disk)).len(), 1);
}

mod overwrite;

mod chained {
    use super::*;

    fn open(disk: &ForgetfulFs) -> Journal {
        let options = Options { chained: true, ..small() };
        Journal::open(Arc::new(disk.clone()), Path::new(DIR), options, FRESH).unwrap()
    }

    fn filled(count: u64) -> (ForgetfulFs, Vec<ChainHead>) {
        let disk = ForgetfulFs::new();
        let journal = open(&disk);
        let mut heads = vec![journal.chain_head()];
        for n in 0..count {
            journal.append(&[&payload(n)]).unwrap();
            heads.push(journal.chain_head());
        }
        (disk, heads)
    }

    #[test]
    fn an_untouched_trail_verifies_with_all_its_checkpoints() {
        let (disk, heads) = filled(30);
        let journal = open(&disk);
        assert_eq!(journal.verify_chain(&heads).unwrap(), *heads.last().unwrap());
        assert_eq!(journal.chain_head(), *heads.last().unwrap());
        assert_eq!(journal.read(heads[7].position).unwrap_or_default(), payload(7));
    }

    #[test]
    fn an_edited_trail_is_found_out() {
        let (disk, heads) = filled(30);
        for (path, bytes) in segments(&disk) {
            for offset in (SEGMENT_HEADER_BYTES..bytes.len()).step_by(29) {
                disk.rot(&path, offset, 4);
                assert!(open(&disk).verify_chain(&heads).is_err(), "{path:?} byte {offset}");
                // Opening has cut the tail if that was the last frame.
                disk.put(&path, &bytes);
            }
        }
    }

    #[test]
    fn a_trail_that_was_cut_and_written_anew_does_not_fit_its_checkpoint() {
        let (disk, heads) = filled(30);
        let (path, bytes) = segments(&disk).pop().unwrap();
        disk.put(&path, &bytes[..bytes.len() - 1]);
        let journal = open(&disk);
        assert!(journal.verify_chain(&heads[..5]).is_ok());
        assert!(matches!(journal.verify_chain(&heads[30..]), Err(JournalError::ChainBroken { .. })));
        // Instead of the frame that was cut, another of the same length.
        journal.append(&[&vec![0; payload(29).len()]]).unwrap();
        assert!(journal.verify_chain(&[]).is_ok());
        assert!(matches!(journal.verify_chain(&heads[30..]), Err(JournalError::ChainBroken { .. })));
    }

    #[test]
    fn the_chain_goes_on_after_a_power_cut_and_a_full_disk() {
        let (disk, _) = filled(9);
        for seed in 0..20 {
            let journal = open(&disk);
            disk.set_room(Some(seed * 10));
            append_until_it_fails(&journal, seed, 5);
            disk.set_room(None);
            append_until_it_fails(&journal, seed, 2);
            disk.cut_power_after(disk.changes() + seed % 4);
            append_until_it_fails(&journal, seed, 2);
            disk.crash(seed);
            let journal = open(&disk);
            assert_eq!(journal.verify_chain(&[]).unwrap(), journal.chain_head());
        }
    }

    #[test]
    fn a_trail_is_not_opened_as_a_plain_journal() {
        let (disk, _) = filled(2);
        assert!(matches!(try_open(&disk), Err(JournalError::OtherKind { .. })));
    }
}
