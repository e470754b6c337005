//! Overwriting in place: gone is gone, and a power cut leaves nothing half done.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::fs::Fs;
use crate::journal::redo::ROUND_BYTES;

/// What a withdrawn resource said of itself.
fn secret(number: u64) -> Vec<u8> {
    format!("a title that nobody may read any more, number {number:06}, {}", "and more ".repeat(9)).into_bytes()
}

/// What is left of it; the last bytes look like filling.
fn stub(number: u64) -> Vec<u8> {
    [&number.to_le_bytes()[..], &[0x80, 0]].concat()
}

/// Frames with secrets and others between them, over several segments; the secrets' positions and all that is there.
fn filled() -> (ForgetfulFs, Vec<u64>, BTreeMap<u64, Vec<u8>>) {
    let disk = ForgetfulFs::new();
    let journal = open(&disk);
    let (mut secrets, mut written) = (Vec::new(), BTreeMap::new());
    for n in 0..9 {
        let payloads = [payload(n), secret(n)];
        let positions = journal.append(&[&payloads[0], &payloads[1]]).unwrap();
        secrets.push(positions[1]);
        written.extend(positions.into_iter().zip(payloads));
    }
    assert!(segments(&disk).len() > 2);
    (disk, secrets, written)
}

/// One of the first segment, all of the next and the very last.
fn chosen(secrets: &[u64]) -> Vec<(u64, Vec<u8>)> {
    [0, 3, 4, 5, 8].map(|n| (secrets[n], stub(n as u64))).to_vec()
}

fn overwrite(journal: &Journal, replacements: &[(u64, Vec<u8>)]) -> Result<(), JournalError> {
    journal.overwrite(&replacements.iter().map(|(at, payload)| (*at, payload.as_slice())).collect::<Vec<_>>())
}

fn holds(disk: &ForgetfulFs, bytes: &[u8]) -> bool {
    disk.files().values().any(|content| content.windows(bytes.len()).any(|w| w == bytes))
}

#[test]
fn what_was_overwritten_is_in_no_file_and_everything_else_stands_where_it_stood() {
    let (disk, secrets, mut written) = filled();
    let journal = open(&disk);
    let (end, files) = (journal.end(), disk.files());
    assert!(holds(&disk, &secret(3)));
    overwrite(&journal, &chosen(&secrets)).unwrap();
    written.extend(chosen(&secrets));
    for crashed in [false, true] {
        for n in 0..9 {
            let is_gone = [0, 3, 4, 5, 8].contains(&n);
            // Not a piece of it either.
            assert_eq!(holds(&disk, format!("number {n:06}").as_bytes()), !is_gone, "secret {n}");
        }
        let lengths = |files: &BTreeMap<PathBuf, Vec<u8>>| -> Vec<_> {
            files.iter().map(|(path, bytes)| (path.clone(), bytes.len())).collect()
        };
        assert_eq!(lengths(&disk.files()), lengths(&files));
        let journal = if crashed { open(&disk) } else { journal.clone() };
        assert_eq!(journal.end(), end);
        assert_eq!(all(&journal), written);
        for (position, payload) in &written {
            assert_eq!(&journal.read(*position).unwrap(), payload);
            assert!(journal.iter_from(journal.cursor(*position)).is_ok());
        }
        assert!(journal.damaged().is_empty());
        disk.crash(5);
    }
    let position = open(&disk).append(&[b"goes on"]).unwrap()[0];
    assert_eq!(position, end.position);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_payload_is_read_back_exactly_whatever_it_ends_with(
        before in prop::collection::vec(any::<u8>(), 0..60),
        after in prop::collection::vec(prop::sample::select(vec![0, 0x80, 1]), 0..60),
        again in prop::collection::vec(prop::sample::select(vec![0, 0x80, 1]), 0..60),
    ) {
        let disk = ForgetfulFs::new();
        let journal = open(&disk);
        let position = journal.append(&[&before]).unwrap()[0];
        let mut there = before.clone();
        // A frame keeps its room, so that the second may be longer than the first.
        for payload in [after, again] {
            let result = journal.overwrite(&[(position, &payload)]);
            if payload.len() <= before.len() {
                result.unwrap();
                there = payload;
            } else {
                let fits = matches!(result, Err(JournalError::NoRoom { room, .. }) if room == before.len());
                prop_assert!(fits);
            }
            prop_assert_eq!(&journal.read(position).unwrap(), &there);
            prop_assert_eq!(all(&open(&disk)).into_values().collect::<Vec<_>>(), vec![there.clone()]);
        }
    }
}

#[test]
fn of_two_for_one_position_the_last_counts_and_what_is_there_costs_nothing() {
    let (disk, secrets, _) = filled();
    let journal = open(&disk);
    journal.overwrite(&[(secrets[1], b"first"), (secrets[1], b"last")]).unwrap();
    assert_eq!(journal.read(secrets[1]).unwrap(), b"last");
    let changes = disk.changes();
    journal.overwrite(&[(secrets[1], b"last")]).unwrap();
    journal.overwrite(&[]).unwrap();
    assert_eq!(disk.changes(), changes);
}

#[test]
fn what_cannot_be_overwritten_is_refused_and_nothing_is_changed() {
    let (disk, secrets, written) = filled();
    let journal = open(&disk);
    let end = journal.end().position;
    disk.rot(&segments(&disk)[0].0, usize::try_from(secrets[1]).unwrap() + 30, 1);
    let (good, files) = ((secrets[0], &b"stub"[..]), disk.files());
    let no_frame = [0, 1, secrets[0] + 1, secrets[1], end, end + 1000, u64::MAX];
    for position in no_frame {
        let refused = journal.overwrite(&[good, (position, b"")]);
        assert!(matches!(refused, Err(JournalError::NoFrame { .. })), "position {position}");
    }
    let too_long = vec![b'x'; written[&secrets[2]].len() + 1];
    let refused = journal.overwrite(&[good, (secrets[2], &too_long)]).unwrap_err();
    assert!(matches!(refused, JournalError::NoRoom { .. }), "{refused}");
    assert_eq!(disk.files(), files);

    let options = Options { chained: true, ..small() };
    let trail = Journal::open(Arc::new(disk), Path::new("/home/journal/audit"), options, FRESH).unwrap();
    let position = trail.append(&[b"who did what"]).unwrap()[0];
    assert!(matches!(trail.overwrite(&[(position, b"nothing")]), Err(JournalError::Chained { .. })));
    assert!(trail.verify_chain(&[]).is_ok());
}

#[test]
fn a_journal_that_is_read_only_is_not_overwritten() {
    let (disk, secrets, written) = filled();
    disk.set_disk_read_only(true);
    let journal = open(&disk);
    for _ in 0..2 {
        assert!(matches!(journal.overwrite(&[(secrets[0], b"no")]), Err(JournalError::ReadOnly { .. })));
    }
    assert!(journal.read_only_because().is_some());
    assert_eq!(all(&journal), written);
}

/// Each secret is there or its stub, the same for all who look, and the rest as it was.
fn assert_old_or_new(journal: &Journal, written: &BTreeMap<u64, Vec<u8>>, new: &[(u64, Vec<u8>)], context: &str) {
    let found = all(journal);
    assert!(journal.damaged().is_empty(), "{context}");
    assert_eq!(found.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>(), "{context}");
    for (position, payload) in found {
        assert_eq!(journal.read(position).unwrap(), payload, "{context}");
        let is_new = new.iter().any(|(at, stub)| *at == position && *stub == payload);
        assert!(is_new || written[&position] == payload, "{context}, position {position}");
    }
}

/// What ended the process: a power cut, or a kill that left everything in the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    PowerCut,
    Killed,
}

#[test]
fn a_power_cut_at_any_instant_leaves_each_frame_old_or_new_and_what_was_acknowledged_new() {
    let (disk, secrets, _) = filled();
    let journal = open(&disk);
    disk.write_in_pieces(Some(40));
    let before = disk.changes();
    overwrite(&journal, &chosen(&secrets)).unwrap();
    let changes = disk.changes() - before;
    for ended in [Ended::PowerCut, Ended::Killed] {
        for cut in 0..=changes + 1 {
            for seed in 0..6 {
                cut_twice(ended, cut, seed);
            }
        }
    }
}

/// Cuts the power after `cut` changes of an overwrite, and again while the journal is opened.
fn cut_twice(ended: Ended, cut: u64, seed: u64) {
    let context = format!("{ended:?}, cut {cut}, seed {seed}");
    let (disk, secrets, written) = filled();
    let new = chosen(&secrets);
    let journal = open(&disk);
    disk.write_in_pieces(Some(40));
    disk.cut_power_after(disk.changes() + cut);
    let acknowledged = overwrite(&journal, &new).is_ok();
    drop(journal);
    match ended {
        Ended::PowerCut => disk.crash(seed * 1000 + cut),
        Ended::Killed => disk.cut_power_after(u64::MAX),
    }
    disk.write_in_pieces(Some(40));
    disk.cut_power_after(disk.changes() + (cut * 7 + seed * 5) % 24);
    let _ = try_open(&disk);
    disk.crash(seed);
    // Whatever has become of it, it stays so.
    let journal = open(&disk);
    assert_old_or_new(&journal, &written, &new, &context);
    let found = all(&journal);
    assert!(!acknowledged || new.iter().all(|(at, stub)| found[at] == *stub), "{context}");
    for (position, stub) in &new {
        let number = secrets.iter().position(|p| p == position).unwrap();
        let is_gone = !holds(&disk, format!("number {number:06}").as_bytes());
        assert_eq!(found[position] == *stub, is_gone, "{context}");
    }
    assert_eq!(disk.files().len(), segments(&disk).len() + 1, "{context}: only JOURNAL beside the segments");
    disk.crash(seed + 1);
    assert_eq!(all(&open(&disk)), found, "{context}");
    overwrite(&open(&disk), &new).unwrap();
    assert_old_or_new(&open(&disk), &written, &new, &context);
}

#[test]
fn a_full_disk_changes_nothing_and_is_no_end() {
    let mut refused = 0;
    for room in 0..400 {
        let (disk, secrets, written) = filled();
        let journal = open(&disk);
        let files = disk.files();
        disk.set_room(Some(room));
        if let Err(e) = overwrite(&journal, &chosen(&secrets)) {
            assert!(matches!(e, JournalError::Full { .. }), "{e}");
            assert_eq!(disk.files(), files, "room {room}");
            assert_eq!(all(&journal), written);
            refused += 1;
        }
        disk.set_room(None);
        journal.append(&[b"room again"]).unwrap();
        overwrite(&journal, &chosen(&secrets)).unwrap();
        assert!(!holds(&disk, &secret(3)), "room {room}");
    }
    assert!((1..400).contains(&refused));
}

#[test]
fn a_disk_that_fails_in_the_middle_makes_the_journal_read_only_and_opening_finishes_the_work() {
    let (disk, secrets, written) = filled();
    let new = chosen(&secrets);
    let mut half_written = false;
    for cut in 1.. {
        let (disk, ..) = filled();
        let journal = open(&disk);
        disk.write_in_pieces(Some(40));
        disk.cut_power_after(disk.changes() + cut);
        let result = overwrite(&journal, &new);
        // The disk answers again, the process has not noticed any of it.
        disk.cut_power_after(u64::MAX);
        if result.is_ok() {
            break;
        }
        let files = disk.files();
        half_written |= files.contains_key(&Path::new(DIR).join("REDO")) && holds(&disk, b"number 000008");
        assert!(matches!(result, Err(JournalError::ReadOnly { .. })));
        assert!(matches!(journal.append(&[b"no"]), Err(JournalError::ReadOnly { .. })));
        assert!(matches!(overwrite(&journal, &new), Err(JournalError::ReadOnly { .. })));
        assert_eq!(disk.files(), files);
        assert_old_or_new(&journal, &written, &new, &format!("cut {cut}"));
        let reopened = open(&disk);
        assert_old_or_new(&reopened, &written, &new, &format!("cut {cut}"));
        reopened.append(&[b"goes on"]).unwrap();
    }
    assert!(half_written);
    let journal = open(&disk);
    disk.fail_syncs(true);
    assert!(matches!(overwrite(&journal, &new), Err(JournalError::ReadOnly { .. })));
    assert_eq!(all(&journal), written);
}

#[test]
fn a_redo_file_that_is_damaged_or_another_journals_is_not_carried_out() {
    let (disk, secrets, written) = filled();
    let round = [redo::Replacement { position: secrets[0], room: secret(0).len(), payload: b"forged" }];
    let path = Path::new(DIR).join("REDO");
    let own = open(&disk).shared.identity.secret;
    let made = |secret| {
        redo::write(&disk, Path::new(DIR), secret, &round).unwrap();
        disk.files()[&path].clone()
    };
    let (foreign, good) = (made([1; 16]), made(own));
    let cut = good[..good.len() - 5].to_vec();
    for bytes in [foreign, cut, Vec::new(), vec![0; 100]] {
        disk.put(&path, &bytes);
        assert_eq!(all(&open(&disk)), written);
        assert!(!crate::fs::exists(&disk, &path).unwrap());
    }
    // One that names what has been lost since touches nothing else.
    disk.put(&path, &good);
    Fs::remove(&disk, &segments(&disk)[0].0).unwrap();
    let rest = segments(&disk);
    drop(open(&disk));
    assert_eq!(segments(&disk), rest);
}

#[test]
fn an_iterator_that_has_read_ahead_does_not_give_what_was_overwritten_since() {
    let (disk, secrets, _) = filled();
    let journal = open(&disk);
    let mut frames = journal.iter_from(journal.cursor(0)).unwrap();
    frames.next().unwrap().unwrap();
    overwrite(&journal, &[(secrets[0], stub(0)), (secrets[8], stub(8))]).unwrap();
    let found: BTreeMap<u64, Vec<u8>> = frames.map(|f| f.map(|f| (f.position, f.payload)).unwrap()).collect();
    assert_eq!((&found[&secrets[0]], &found[&secrets[8]]), (&stub(0), &stub(8)));
}

#[test]
fn readers_and_appends_go_on_while_frames_are_overwritten() {
    const PASSES: u64 = 12;
    let (disk, secrets, written) = filled();
    let journal = open(&disk);
    disk.write_in_pieces(Some(16));
    let done = AtomicBool::new(false);
    // The number of the last pass that has returned: nothing older may be read.
    let through = AtomicU64::new(0);
    let stub_of = |pass: u64| -> Vec<u8> { format!("{pass} ").repeat(20).into_bytes() };
    overwrite(&journal, &secrets.iter().map(|p| (*p, stub_of(0))).collect::<Vec<_>>()).unwrap();
    let check = |position: u64, payload: &[u8], at_least: u64| {
        if secrets.contains(&position) {
            let passes = (at_least..=PASSES).find(|pass| payload == stub_of(*pass));
            assert!(passes.is_some(), "at {position} {:?}", String::from_utf8_lossy(payload));
        } else if let Some(expected) = written.get(&position) {
            assert_eq!(payload, expected);
        }
    };
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|reader| {
            let (journal, done, through, written) = (&journal, &done, &through, &written);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let at_least = through.load(Ordering::SeqCst);
                    if reader == 0 {
                        let found = all(journal);
                        assert!(written.keys().all(|p| found.contains_key(p)));
                        found.iter().for_each(|(position, payload)| check(*position, payload, at_least));
                    } else {
                        written.keys().for_each(|p| check(*p, &journal.read(*p).unwrap(), at_least));
                    }
                }
            })
        });
        let appender = scope.spawn(|| {
            let mut appended = 0;
            while appended < 300 && !done.load(Ordering::SeqCst) {
                journal.append(&[b"news"]).unwrap();
                appended += 1;
            }
            appended
        });
        for pass in 1..=PASSES {
            let newest = *all(&journal).last_key_value().unwrap().0;
            let mut replacements: Vec<_> = secrets.iter().map(|p| (*p, stub_of(pass))).collect();
            // And one of the segment that is being appended to.
            if newest > secrets[8] {
                replacements.push((newest, b"old".to_vec()));
            }
            overwrite(&journal, &replacements).unwrap();
            through.store(pass, Ordering::SeqCst);
        }
        done.store(true, Ordering::SeqCst);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        let appended: usize = appender.join().unwrap();
        disk.crash(1);
        let journal = open(&disk);
        let found = all(&journal);
        assert_eq!(found.len(), written.len() + appended);
        assert!(secrets.iter().all(|p| found[p] == stub_of(PASSES)));
    });
    assert!(journal.damaged().is_empty());
}

#[test]
fn more_than_goes_at_once_is_overwritten_in_rounds() {
    let disk = ForgetfulFs::new();
    let journal = Journal::open(Arc::new(disk.clone()), Path::new(DIR), Options::default(), FRESH).unwrap();
    let large = vec![b'x'; MAX_PAYLOAD_BYTES];
    let count = ROUND_BYTES / MAX_PAYLOAD_BYTES + 2;
    let positions = journal.append(&vec![large.as_slice(); count]).unwrap();
    let other = vec![b'y'; MAX_PAYLOAD_BYTES];
    let replacements: Vec<_> = positions.iter().map(|p| (*p, other.as_slice())).collect();
    journal.overwrite(&replacements).unwrap();
    assert!(!holds(&disk, b"xx"));
    disk.crash(1);
    let journal = Journal::open(Arc::new(disk), Path::new(DIR), Options::default(), FRESH).unwrap();
    assert!(all(&journal).values().all(|payload| *payload == other));
}

#[test]
fn on_a_real_disk_too_the_segment_holds_only_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Journal::open(Arc::new(crate::fs::RealFs), dir.path(), small(), FRESH).unwrap();
    let journal = open();
    let positions = journal.append(&[&secret(0), &secret(1)]).unwrap();
    journal.overwrite(&[(positions[0], &stub(0))]).unwrap();
    for journal in [journal, open()] {
        assert_eq!(all(&journal).into_values().collect::<Vec<_>>(), [stub(0), secret(1)]);
    }
    let mut names = Vec::new();
    for file in std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap) {
        names.push(file.file_name().into_string().unwrap());
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!bytes.windows(13).any(|w| w == b"number 000000"), "{names:?}");
    }
    names.sort();
    assert_eq!(names, ["0000000000000000.seg", "JOURNAL"]);
}
