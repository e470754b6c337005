#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Read;

use kapok_protocol::blob::piece::{PieceList, piece_count, piece_value};

use super::*;
use crate::fs::forgetful::Meddling;
use crate::fs::{ForgetfulFs, Fs, RealFs};

const HOME: &str = "/home";

fn open(disk: &ForgetfulFs) -> Blobs {
    Blobs::open(Arc::new(disk.clone()), Paths::new(HOME)).unwrap()
}

fn disk() -> (ForgetfulFs, Blobs) {
    let disk = ForgetfulFs::new();
    let blobs = open(&disk);
    (disk, blobs)
}

/// A store on the real disk.
fn real() -> (tempfile::TempDir, Blobs) {
    let home = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(Arc::new(RealFs), Paths::new(home.path())).unwrap();
    (home, blobs)
}

fn bytes(size: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn content(blobs: &Blobs, id: BlobId) -> Vec<u8> {
    let mut content = Vec::new();
    blobs.reader(id).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// Removes a blob that nothing names.
fn remove(blobs: &Blobs, id: BlobId) -> Removal {
    blobs.remove_unless_named::<BlobError>(id, || Ok(false)).unwrap()
}

fn in_folder(disk: &ForgetfulFs, name: &str) -> Vec<String> {
    disk.list(&Path::new(HOME).join(name)).unwrap()
}

/// Sizes at which the tree changes its shape.
fn edges() -> impl Iterator<Item = usize> {
    [0, 1, 1024, 4096]
        .into_iter()
        .chain((1..6).flat_map(|n| [n * PIECE_BYTES - 1, n * PIECE_BYTES, n * PIECE_BYTES + 1]))
}

#[test]
fn a_file_is_found_under_the_hash_of_its_bytes_and_cannot_be_written() {
    let (home, blobs) = real();
    for size in edges() {
        let path = home.path().join("lesson.pptx");
        std::fs::write(&path, bytes(size, 1)).unwrap();
        let added = blobs.add_copy(&path).unwrap();
        assert_eq!((added.id, added.size, added.already_held), (BlobId::of(&bytes(size, 1)), size as u64, false));
        assert!(blobs.add_copy(&path).unwrap().already_held);
        assert_eq!(content(&blobs, added.id), bytes(size, 1));
        let hex = added.id.to_string();
        let place = home.path().join("blobs").join(&hex[..2]).join(&hex[2..4]).join(&hex);
        assert_eq!(blobs.path_of(added.id), place);
        assert!(std::fs::metadata(place).unwrap().permissions().readonly());
    }
    assert_eq!(std::fs::read_dir(home.path().join("staging")).unwrap().count(), 0);
}

#[test]
fn the_pieces_values_lead_to_the_name_and_each_proves_its_piece() {
    let (_, blobs) = disk();
    for size in edges() {
        let content = bytes(size, 2);
        let added = blobs.add_reader(&mut content.as_slice(), None).unwrap();
        let values = blobs.pieces(added.id).unwrap();
        if size <= PIECE_BYTES {
            assert!(values.is_empty());
            continue;
        }
        assert_eq!(values.len(), piece_count(added.size) as usize);
        assert!(PieceList::verify(added.id, added.size, &values.concat()).is_ok());
        for (index, piece) in (0..).zip(content.chunks(PIECE_BYTES)) {
            assert_eq!(values[index as usize], piece_value(index, piece));
        }
        // Also when they have to be made from the file.
        blobs.shared.pieces().forget(added.id);
        assert_eq!(blobs.pieces(added.id).unwrap(), values);
    }
}

#[test]
fn a_moved_file_is_gone_from_where_it_was_and_a_reflinked_one_is_not() {
    let (home, blobs) = real();
    let path = home.path().join("film.mp4");
    std::fs::write(&path, bytes(300_000, 4)).unwrap();
    let added = blobs.add_reflink(&path).unwrap();
    assert!(path.exists());
    assert_eq!(content(&blobs, added.id), bytes(300_000, 4));
    // The store has it already: the file goes, the blob stays.
    assert!(blobs.add_move(&path).unwrap().already_held);
    assert!(!path.exists());
    assert_eq!(remove(&blobs, added.id), Removal::Removed);
    std::fs::write(&path, bytes(300_000, 4)).unwrap();
    assert!(!blobs.add_move(&path).unwrap().already_held);
    assert!(!path.exists());
    assert_eq!(content(&blobs, added.id), bytes(300_000, 4));
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_and_links_are_followed() {
    let (home, blobs) = real();
    let (path, link) = (home.path().join("real.txt"), home.path().join("link.txt"));
    std::fs::write(&path, b"text").unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(blobs.add_copy(&home.path().join("none")), Err(BlobError::Vanished(_))));
    assert!(matches!(blobs.add_copy(home.path()), Err(BlobError::NotAFile(_))));
    assert!(matches!(blobs.add_copy(Path::new("/dev/null")), Err(BlobError::NotAFile(_))));
    assert_eq!(blobs.add_copy(&link).unwrap().id, BlobId::of(b"text"));
    // Moving a link takes the link away, not what it points to.
    blobs.add_move(&link).unwrap();
    assert!(path.exists() && std::fs::symlink_metadata(&link).is_err());
}

#[test]
fn one_bad_file_of_a_batch_spoils_no_other() {
    let (home, blobs) = real();
    let paths: Vec<_> = (0..20).map(|n| home.path().join(format!("{n}.pdf"))).collect();
    for (n, path) in paths.iter().enumerate().filter(|(n, _)| *n != 7) {
        std::fs::write(path, bytes(1000 + n, 5)).unwrap();
    }
    let outcomes = blobs.add_batch(&paths, AddMode::Copy);
    for (n, outcome) in outcomes.iter().enumerate() {
        match outcome {
            Ok(added) => assert_eq!(added.id, BlobId::of(&bytes(1000 + n, 5))),
            Err(e) => assert!(n == 7 && matches!(e, BlobError::Vanished(_)), "{e}"),
        }
    }
    assert_eq!(blobs.iter().map(Result::unwrap).count(), 19);
}

#[test]
fn a_batch_syncs_each_file_and_each_folder_once() {
    let (disk, blobs) = disk();
    let paths: Vec<_> = (0..300).map(|n| Path::new(HOME).join(format!("in/{n}"))).collect();
    for (n, path) in paths.iter().enumerate() {
        disk.put(path, &bytes(100, n as u64));
    }
    let before = disk.syncs();
    let ids: Vec<BlobId> = blobs.add_batch(&paths, AddMode::Copy).into_iter().map(|a| a.unwrap().id).collect();
    let folders = |bytes: usize| ids.iter().map(|id| id.0[..bytes].to_vec()).collect::<BTreeSet<_>>().len();
    assert_eq!(disk.syncs() - before, 300 + (folders(2) + folders(1) + 1) as u64);
}

#[test]
fn a_file_that_changes_or_vanishes_while_it_is_added_is_refused_and_leaves_nothing() {
    let (disk, blobs) = disk();
    let path = Path::new("/home/in/draft.docx");
    for mode in [AddMode::Copy, AddMode::Move, AddMode::Reflink] {
        for size in [1, 5000, 600_000] {
            disk.put(path, &bytes(size, 6));
            disk.meddle(path, Meddling::Grow);
            assert!(matches!(blobs.add(path, mode), Err(BlobError::Changed(_))), "{mode:?} {size}");
            assert!(disk.files().contains_key(path));
            disk.put(path, &bytes(size, 6));
            disk.meddle(path, Meddling::Remove);
            assert!(matches!(blobs.add(path, mode), Err(BlobError::Vanished(_))), "{mode:?} {size}");
        }
    }
    assert!(in_folder(&disk, "staging").is_empty());
    assert_eq!(blobs.iter().count(), 0);
}

#[test]
fn a_sender_that_breaks_off_leaves_nothing() {
    struct BreaksOff(u32);
    impl Read for BreaksOff {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(buf.len()) }
        }
    }
    let (disk, blobs) = disk();
    assert!(matches!(blobs.add_reader(&mut BreaksOff(0), None), Err(BlobError::BrokenOff(_))));
    assert!(in_folder(&disk, "staging").is_empty());
}

#[test]
fn a_file_larger_than_the_room_for_files_is_refused_before_it_is_read() {
    let (disk, blobs) = disk();
    disk.put(Path::new("/home/in/big"), &bytes(100_000, 7));
    disk.set_room(Some(FLOOR_BYTES + 99_999));
    let before = disk.changes();
    let error = blobs.add_copy(Path::new("/home/in/big")).unwrap_err();
    assert!(matches!(error, BlobError::NoSpace { needed: 100_000, free: 99_999 }), "{error}");
    assert!(matches!(blobs.upload("t", Some(100_000)), Err(BlobError::NoSpace { .. })));
    assert!(matches!(blobs.partial(BlobId([1; 32]), 100_000), Err(BlobError::NoSpace { .. })));
    assert_eq!(disk.changes(), before);
    disk.set_room(Some(FLOOR_BYTES + 100_000));
    assert!(blobs.add_copy(Path::new("/home/in/big")).is_ok());
}

#[test]
fn a_disk_that_fills_up_on_the_way_leaves_nothing_and_works_again_with_room() {
    let content = bytes(700_000, 8);
    for room in [0, 1, 100, 262_143, 262_144, 300_000, 699_999] {
        let (disk, blobs) = disk();
        disk.put(Path::new("/home/in/file"), &content);
        disk.set_reported_room(Some(u64::MAX));
        disk.set_room(Some(room));
        let error = blobs.add_copy(Path::new("/home/in/file")).unwrap_err();
        assert!(matches!(error, BlobError::NoSpace { .. }), "room {room}: {error}");
        assert!(in_folder(&disk, "staging").is_empty());
        assert_eq!(blobs.iter().count(), 0);
        // What was uploaded so far stays, and goes on.
        let mut upload = blobs.upload("slow", None).unwrap();
        let refused = content.chunks(10_000).find_map(|part| upload.append(upload.received(), part).err());
        assert!(matches!(refused, Some(BlobError::NoSpace { .. })), "room {room}");
        disk.set_room(None);
        let from = usize::try_from(upload.received()).unwrap();
        upload.append(from as u64, &content[from..]).unwrap();
        assert_eq!(upload.finish().unwrap().id, BlobId::of(&content));
        assert!(blobs.add_copy(Path::new("/home/in/file")).unwrap().already_held);
    }
}

type Work = fn(&Blobs, &mut BTreeMap<BlobId, Vec<u8>>) -> Result<(), BlobError>;

fn add_files(blobs: &Blobs, acknowledged: &mut BTreeMap<BlobId, Vec<u8>>) -> Result<(), BlobError> {
    for n in 0..3 {
        let added = blobs.add_copy(&PathBuf::from(format!("/home/in/{n}")))?;
        acknowledged.insert(added.id, bytes(2000 + n, n as u64));
    }
    Ok(())
}

fn add_batch(blobs: &Blobs, acknowledged: &mut BTreeMap<BlobId, Vec<u8>>) -> Result<(), BlobError> {
    let paths: Vec<_> = (0..4).map(|n| PathBuf::from(format!("/home/in/{n}"))).collect();
    for (n, outcome) in blobs.add_batch(&paths, AddMode::Copy).into_iter().enumerate() {
        acknowledged.insert(outcome?.id, bytes(2000 + n, n as u64));
    }
    Ok(())
}

fn move_files(blobs: &Blobs, acknowledged: &mut BTreeMap<BlobId, Vec<u8>>) -> Result<(), BlobError> {
    for n in 0..3 {
        let added = blobs.add_move(&PathBuf::from(format!("/home/in/{n}")))?;
        acknowledged.insert(added.id, bytes(2000 + n, n as u64));
    }
    Ok(())
}

fn upload(blobs: &Blobs, acknowledged: &mut BTreeMap<BlobId, Vec<u8>>) -> Result<(), BlobError> {
    let content = bytes(600_000, 9);
    for _ in 0..2 {
        let mut upload = blobs.upload("token", None)?;
        let from = usize::try_from(upload.received()).unwrap();
        for part in content[from..].chunks(150_000).take(3) {
            upload.append(upload.received(), part)?;
        }
    }
    let mut upload = blobs.upload("token", None)?;
    let from = usize::try_from(upload.received()).unwrap();
    upload.append(from as u64, &content[from..])?;
    acknowledged.insert(upload.finish()?.id, content);
    Ok(())
}

fn fetch(blobs: &Blobs, acknowledged: &mut BTreeMap<BlobId, Vec<u8>>) -> Result<(), BlobError> {
    let content = bytes(3 * PIECE_BYTES + 5, 10);
    let id = BlobId::of(&content);
    let partial = blobs.partial(id, content.len() as u64)?;
    for (n, index) in partial.missing().into_iter().rev().enumerate() {
        let from = index as usize * PIECE_BYTES;
        partial.write_piece(index, &content[from..content.len().min(from + PIECE_BYTES)])?;
        if n == 1 {
            partial.sync()?;
        }
    }
    acknowledged.insert(partial.finish()?.id, content);
    Ok(())
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_any_instant() {
    let works: [(Work, bool); 5] =
        [(add_files, false), (add_batch, false), (move_files, true), (upload, false), (fetch, false)];
    let prepare = || {
        let (disk, blobs) = disk();
        for n in 0..4 {
            disk.put(&PathBuf::from(format!("/home/in/{n}")), &bytes(2000 + n, n as u64));
        }
        (disk, blobs)
    };
    for (number, (work, moves)) in works.into_iter().enumerate() {
        let (disk, blobs) = prepare();
        let first = disk.changes();
        work(&blobs, &mut BTreeMap::new()).unwrap();
        for cut in first..disk.changes() {
            for seed in 0..3 {
                let (disk, blobs) = prepare();
                let mut acknowledged = BTreeMap::new();
                disk.cut_power_after(cut);
                let _ = work(&blobs, &mut acknowledged);
                drop(blobs);
                disk.crash(seed * 1000 + cut);
                let blobs = open(&disk);
                for (id, bytes) in &acknowledged {
                    assert_eq!(&content(&blobs, *id), bytes, "work {number} cut {cut} seed {seed}");
                }
                // Nothing false under any name, nobody's file lost, and the work can be done again.
                for id in blobs.iter().map(Result::unwrap) {
                    assert!(matches!(blobs.verify(id).unwrap(), Verdict::Good { .. }), "work {number} cut {cut}");
                }
                if moves {
                    for n in 0..3 {
                        let there = disk.files().contains_key(&PathBuf::from(format!("/home/in/{n}")));
                        let held = blobs.contains(BlobId::of(&bytes(2000 + n, n as u64))).unwrap();
                        assert!(there || held, "file {n} cut {cut} seed {seed}");
                        let _ = blobs.add_move(&PathBuf::from(format!("/home/in/{n}")));
                        assert!(blobs.contains(BlobId::of(&bytes(2000 + n, n as u64))).unwrap());
                    }
                } else {
                    work(&blobs, &mut acknowledged).unwrap();
                    assert!(!acknowledged.is_empty());
                    assert!(in_folder(&disk, "staging").is_empty() && in_folder(&disk, "partial").is_empty());
                }
            }
        }
    }
}

#[test]
fn an_interrupted_upload_goes_on_at_the_last_byte_and_after_a_power_cut_at_a_verified_one() {
    let content = bytes(900_000, 11);
    for seed in 0..12 {
        let (disk, blobs) = disk();
        let mut upload = blobs.upload("abc-1", Some(900_000)).unwrap();
        upload.append(0, &content[..400_000]).unwrap();
        assert!(matches!(upload.append(5, b"x"), Err(BlobError::WrongOffset { expected: 400_000, got: 5 })));
        assert!(matches!(blobs.upload("abc-1", None), Err(BlobError::Busy(_))));
        drop(upload);
        let mut upload = blobs.upload("abc-1", None).unwrap();
        assert_eq!(upload.received(), 400_000);
        upload.append(400_000, &content[400_000..700_000]).unwrap();
        drop(upload);
        assert_eq!(blobs.uploads().unwrap()[0].bytes, 700_000);
        disk.crash(seed);
        let blobs = open(&disk);
        let mut upload = blobs.upload("abc-1", None).unwrap();
        let from = usize::try_from(upload.received()).unwrap();
        assert!(from <= 700_000);
        upload.append(from as u64, &content[from..]).unwrap();
        assert_eq!(upload.finish().unwrap().id, BlobId::of(&content));
        assert!(in_folder(&disk, "staging").is_empty());
    }
}

#[test]
fn idle_uploads_expire_and_names_cannot_leave_the_folder() {
    let (_disk, blobs) = disk();
    for bad in ["", "../x", "a/b", "A", &"x".repeat(65)] {
        assert!(matches!(blobs.upload(bad, None), Err(BlobError::BadToken(_))), "{bad}");
    }
    let open = blobs.upload("open", None).unwrap();
    drop(blobs.upload("idle", None).unwrap());
    let later = std::time::SystemTime::now();
    assert_eq!(blobs.expire_uploads(std::time::SystemTime::UNIX_EPOCH).unwrap(), Vec::<String>::new());
    assert_eq!(blobs.expire_uploads(later).unwrap(), ["idle"]);
    open.abandon().unwrap();
    assert!(blobs.uploads().unwrap().is_empty());
}

fn pieces_of(content: &[u8]) -> Vec<(u32, &[u8])> {
    (0..).zip(content.chunks(PIECE_BYTES)).collect()
}

#[test]
fn pieces_that_arrived_are_still_there_after_a_restart_and_none_is_made_up_by_a_power_cut() {
    let content = bytes(9 * PIECE_BYTES + 77, 12);
    let id = BlobId::of(&content);
    let pieces = pieces_of(&content);
    for seed in 0..20 {
        let (disk, blobs) = disk();
        let partial = blobs.partial(id, content.len() as u64).unwrap();
        for (index, piece) in &pieces[..4] {
            partial.write_piece(*index, piece).unwrap();
        }
        partial.sync().unwrap();
        for (index, piece) in &pieces[6..8] {
            partial.write_piece(*index, piece).unwrap();
        }
        drop(partial);
        // A killed process loses nothing.
        let partial = blobs.partial(id, content.len() as u64).unwrap();
        assert_eq!(partial.missing(), [4, 5, 8, 9]);
        drop(partial);
        disk.crash(seed);
        let blobs = open(&disk);
        assert_eq!(blobs.partials().unwrap(), [(id, content.len() as u64)]);
        let partial = blobs.partial(id, content.len() as u64).unwrap();
        for (index, piece) in &pieces {
            let read = partial.read_piece(*index).unwrap();
            assert_eq!(read.is_some(), partial.has(*index));
            assert!(read.is_none_or(|bytes| bytes == *piece));
            assert!(*index >= 4 || partial.has(*index), "a synced piece is lost");
        }
        assert!(matches!(partial.finish(), Err(BlobError::Incomplete { .. })));
        for index in partial.missing() {
            partial.write_piece(index, pieces[index as usize].1).unwrap();
        }
        assert_eq!(partial.finish().unwrap().id, id);
        assert_eq!(self::content(&blobs, id), content);
        assert!(in_folder(&disk, "partial").is_empty());
    }
}

#[test]
fn wrong_bytes_never_become_a_blob() {
    let (disk, blobs) = disk();
    let content = bytes(2 * PIECE_BYTES, 13);
    let id = BlobId::of(&content);
    let partial = blobs.partial(id, content.len() as u64).unwrap();
    assert!(matches!(partial.write_piece(0, b"short"), Err(BlobError::WrongPiece { .. })));
    assert!(matches!(partial.write_piece(2, &content[..PIECE_BYTES]), Err(BlobError::WrongPiece { .. })));
    partial.write_piece(0, &content[PIECE_BYTES..]).unwrap();
    partial.write_piece(1, &content[..PIECE_BYTES]).unwrap();
    assert!(matches!(partial.finish(), Err(BlobError::WrongBytes { .. })));
    drop(partial);
    assert!(in_folder(&disk, "partial").is_empty() && !blobs.contains(id).unwrap());
    // Bytes that rotted on the disk are asked for again.
    let partial = blobs.partial(id, content.len() as u64).unwrap();
    for (index, piece) in pieces_of(&content) {
        partial.write_piece(index, piece).unwrap();
    }
    disk.rot(&Path::new(HOME).join(format!("partial/{id}.data")), 5, 1);
    assert_eq!(partial.read_piece(0).unwrap(), None);
    assert!(matches!(partial.finish(), Err(BlobError::Incomplete { missing: 1, .. })));
    assert_eq!(partial.missing(), [0]);
    partial.write_piece(0, &content[..PIECE_BYTES]).unwrap();
    assert_eq!(partial.finish().unwrap().id, id);
}

#[test]
fn a_lie_about_the_size_costs_only_what_came_of_it() {
    let (_disk, blobs) = disk();
    let content = bytes(PIECE_BYTES + 1, 14);
    let id = BlobId::of(&content);
    let partial = blobs.partial(id, 50_000_000).unwrap();
    partial.write_piece(0, &content[..PIECE_BYTES]).unwrap();
    drop(partial);
    let partial = blobs.partial(id, content.len() as u64).unwrap();
    assert_eq!(partial.missing(), [0, 1]);
    for (index, piece) in pieces_of(&content) {
        partial.write_piece(index, piece).unwrap();
    }
    assert!(partial.finish().is_ok());
    assert!(matches!(blobs.partial(id, u64::MAX), Err(BlobError::TooLarge { .. })));
}

#[test]
fn small_and_empty_blobs_arrive_in_one_piece() {
    let (_disk, blobs) = disk();
    for content in [Vec::new(), bytes(10, 15), bytes(PIECE_BYTES, 16)] {
        let id = BlobId::of(&content);
        let partial = blobs.partial(id, content.len() as u64).unwrap();
        assert_eq!(partial.missing(), [0]);
        partial.write_piece(0, &content).unwrap();
        assert_eq!(partial.finish().unwrap().size, content.len() as u64);
        assert_eq!(self::content(&blobs, id), content);
    }
}

#[test]
fn rot_is_found_quarantined_and_healed() {
    let (disk, blobs) = disk();
    let content = bytes(400_000, 17);
    let id = blobs.add_reader(&mut content.as_slice(), None).unwrap().id;
    assert_eq!(blobs.verify(id).unwrap(), Verdict::Good { size: 400_000 });
    disk.rot(&blobs.path_of(id), 399_999, 1);
    assert_eq!(blobs.verify(id).unwrap(), Verdict::Damaged);
    assert_eq!(blobs.verify(id).unwrap(), Verdict::NotHeld);
    assert!(matches!(blobs.reader(id), Err(BlobError::NotHeld(_))));
    disk.crash(1);
    let blobs = open(&disk);
    assert!(!blobs.contains(id).unwrap());
    assert_eq!(blobs.quarantined().unwrap(), [id]);
    let partial = blobs.partial(id, 400_000).unwrap();
    for (index, piece) in pieces_of(&content) {
        partial.write_piece(index, piece).unwrap();
    }
    partial.finish().unwrap();
    assert!(blobs.quarantined().unwrap().is_empty());
    // A place on the disk that cannot be read is damage too.
    disk.fail_reads_of(&blobs.path_of(id), true);
    assert_eq!(blobs.verify(id).unwrap(), Verdict::Damaged);
}

#[test]
fn who_opens_a_damaged_blob_gets_no_wrong_byte_and_it_is_quarantined() {
    for (size, at) in [(1000, 1), (400_000, 399_999), (700_000, 300_000)] {
        for known in [true, false] {
            let (disk, blobs) = disk();
            let content = bytes(size, 22);
            let id = blobs.add_reader(&mut content.as_slice(), None).unwrap().id;
            let whole = |reader: &CheckedReader| -> Result<Vec<u8>, BlobError> {
                (0..piece_count(reader.size()))
                    .map(|index| reader.piece(index))
                    .collect::<Result<Vec<_>, _>>()
                    .map(|p| p.concat())
            };
            assert_eq!(whole(&blobs.checked_reader(id).unwrap()).unwrap(), content);
            disk.rot(&blobs.path_of(id), at, 1);
            if !known {
                blobs.shared.pieces().forget(id);
            }
            let read = blobs.checked_reader(id).and_then(|reader| whole(&reader));
            assert!(matches!(read, Err(BlobError::Damaged(damaged)) if damaged == id), "{size} {known}");
            assert!(!blobs.contains(id).unwrap());
            assert_eq!(blobs.quarantined().unwrap(), [id]);
        }
    }
}

#[test]
fn a_persons_file_is_not_given_up_for_a_rotten_blob() {
    let (disk, blobs) = disk();
    let path = Path::new("/home/in/only copy");
    disk.put(path, &bytes(1000, 18));
    let id = blobs.add_copy(path).unwrap().id;
    disk.rot(&blobs.path_of(id), 1, 1);
    assert!(!blobs.add_move(path).unwrap().already_held);
    assert_eq!(content(&blobs, id), bytes(1000, 18));
}

#[test]
fn a_file_on_another_disk_is_copied_and_then_removed() {
    let (disk, blobs) = disk();
    let path = Path::new("/home/in/from a stick");
    disk.put(path, &bytes(1000, 21));
    disk.refuse_hard_links(true);
    let added = blobs.add_move(path).unwrap();
    assert_eq!(content(&blobs, added.id), bytes(1000, 21));
    assert!(!disk.files().contains_key(path) && in_folder(&disk, "staging").is_empty());
}

#[test]
fn a_failing_disk_acknowledges_nothing() {
    let (disk, blobs) = disk();
    disk.put(Path::new("/home/in/file"), &bytes(1000, 19));
    disk.fail_syncs(true);
    assert!(blobs.add_copy(Path::new("/home/in/file")).is_err());
    assert!(blobs.add_move(Path::new("/home/in/file")).is_err());
    assert!(disk.files().contains_key(Path::new("/home/in/file")));
    disk.fail_syncs(false);
    assert!(blobs.add_copy(Path::new("/home/in/file")).is_ok());
}

#[test]
fn ranges_are_read_anywhere() {
    let (_disk, blobs) = disk();
    let content = bytes(10_000, 20);
    let id = blobs.add_reader(&mut content.as_slice(), Some(10_000)).unwrap().id;
    let mut buf = [0; 100];
    assert_eq!(blobs.read_at(id, 9_950, &mut buf).unwrap(), 50);
    assert_eq!(buf[..50], content[9_950..]);
    assert_eq!(blobs.read_at(id, 10_000, &mut buf).unwrap(), 0);
    let mut reader = blobs.reader(id).unwrap();
    io::Seek::seek(&mut reader, io::SeekFrom::End(-10)).unwrap();
    assert_eq!(reader.read(&mut buf).unwrap(), 10);
}

#[test]
fn left_overs_of_a_crash_are_removed_at_start_and_uploads_are_not() {
    let (disk, _) = disk();
    disk.put(Path::new("/home/staging/0000000000000003.tmp"), b"half");
    disk.put(Path::new("/home/staging/mine.upload"), b"half");
    let blobs = open(&disk);
    assert_eq!(in_folder(&disk, "staging"), ["mine.upload"]);
    assert_eq!(blobs.uploads().unwrap().len(), 1);
    // Without sums nothing of it is believed.
    assert_eq!(blobs.upload("mine", None).unwrap().received(), 0);
}

#[test]
fn a_piece_that_came_in_part_and_the_list_outlive_a_restart_and_a_power_cut_makes_nothing_up() {
    let content = bytes(4 * PIECE_BYTES + 77, 15);
    let id = BlobId::of(&content);
    let list = list_of(&content);
    for seed in 0..20 {
        let (disk, blobs) = disk();
        let partial = blobs.partial(id, content.len() as u64).unwrap();
        partial.keep_list(&list).unwrap();
        partial.write_piece(0, &content[..PIECE_BYTES]).unwrap();
        partial.write_prefix(1, 0, &content[PIECE_BYTES..PIECE_BYTES + 1000]).unwrap();
        partial.write_prefix(1, 1000, &content[PIECE_BYTES + 1000..PIECE_BYTES + 5000]).unwrap();
        if seed % 2 == 0 {
            partial.sync().unwrap();
        }
        partial.write_prefix(3, 0, &content[3 * PIECE_BYTES..3 * PIECE_BYTES + 7]).unwrap();
        drop(partial);
        // A killed process loses nothing.
        let partial = blobs.partial(id, content.len() as u64).unwrap();
        assert_eq!(partial.list().as_ref(), Some(&list));
        assert_eq!(partial.missing(), [1, 2, 3, 4]);
        let beginnings: Vec<_> = partial.prefixes().into_iter().map(|(index, bytes)| (index, bytes.len())).collect();
        assert_eq!(beginnings, [(1, 5000), (3, 7)]);
        drop(partial);
        disk.crash(seed);
        let blobs = open(&disk);
        let partial = blobs.partial(id, content.len() as u64).unwrap();
        assert!(partial.list().is_none_or(|kept| kept == list));
        assert!(seed % 2 == 1 || partial.prefixes().iter().any(|(index, bytes)| *index == 1 && bytes.len() == 5000));
        for (index, bytes) in partial.prefixes() {
            assert!(content[index as usize * PIECE_BYTES..].starts_with(&bytes), "what the disk lost is not made up");
        }
        for index in partial.missing() {
            partial.write_piece(index, pieces_of(&content)[index as usize].1).unwrap();
        }
        assert_eq!(partial.finish().unwrap().id, id);
        assert!(in_folder(&disk, "partial").is_empty());
    }
}

#[test]
fn the_beginning_of_a_piece_goes_on_only_where_it_ends() {
    let (_disk, blobs) = disk();
    let content = bytes(2 * PIECE_BYTES, 16);
    let partial = blobs.partial(BlobId::of(&content), content.len() as u64).unwrap();
    partial.write_prefix(0, 0, &content[..10]).unwrap();
    for (index, offset, len) in [(0, 9, 4), (0, 11, 4), (1, 3, 4), (0, 10, PIECE_BYTES - 10), (2, 0, 4), (0, 10, 0)] {
        let wrong = partial.write_prefix(index, offset, &content[..len]);
        assert!(len == 0 || matches!(wrong, Err(BlobError::WrongPiece { .. })), "{index} at {offset}: {wrong:?}");
    }
    partial.write_piece(0, &content[..PIECE_BYTES]).unwrap();
    assert!(partial.write_prefix(0, 0, &content[..10]).is_err(), "what is proved is not overwritten");
    assert!(partial.prefixes().is_empty());
}

fn list_of(content: &[u8]) -> PieceList {
    let mut hasher = kapok_protocol::blob::piece::PieceHasher::new();
    hasher.update(content);
    hasher.finish()
}
