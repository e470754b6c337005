#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::blob::PieceSet;
use crate::blob::piece::{PieceHasher, PieceList, piece_count, piece_len, piece_offset};

fn reader(bytes: &[u8]) -> impl FnMut(u64, usize) -> Option<Vec<u8>> {
    move |offset, len| Some(bytes[offset as usize..][..len].to_vec())
}

fn random(size: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn list_of(bytes: &[u8]) -> PieceList {
    let mut hasher = PieceHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

fn recipe_of(bytes: &[u8]) -> Recipe {
    Recipe::make(bytes.len() as u64, reader(bytes)).unwrap()
}

/// A ZIP of stored members, all stamped with one time.
fn zip_of(members: &[(String, Vec<u8>)], time: u16) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut fields = [20_u16, 0, 0, time, 0x5b78].map(u16::to_le_bytes).concat();
        fields.extend([0xabcd_u32, bytes.len() as u32, bytes.len() as u32].map(u32::to_le_bytes).concat());
        fields.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        directory.extend([b"PK\x01\x02\x14\0", &fields[..], &[0; 10], &(zip.len() as u32).to_le_bytes()].concat());
        directory.extend(name.as_bytes());
        zip.extend([b"PK\x03\x04", &fields[..], name.as_bytes(), bytes].concat());
    }
    let (count, at) = (members.len() as u16, zip.len() as u32);
    let end = [[0, 0, count, count].map(u16::to_le_bytes).concat(), (directory.len() as u32).to_le_bytes().to_vec()];
    zip.extend([&directory[..], b"PK\x05\x06", &end.concat(), &at.to_le_bytes(), &[0, 0]].concat());
    zip
}

/// A presentation: slides of 8 KB and pictures of 180 KB.
fn presentation() -> Vec<(String, Vec<u8>)> {
    let slides = (0..28).map(|number| (format!("ppt/slides/slide{number}.xml"), random(8_000, 100 + number)));
    let pictures = (0..28).map(|number| (format!("ppt/media/image{number}.jpg"), random(180_000, number)));
    slides.chain(pictures).collect()
}

/// What is to be asked for of `new`, in bytes, where `old` is here.
fn missing(old: &[u8], new: &[u8]) -> u64 {
    let copied = copies(&recipe_of(new), &recipe_of(old));
    new.len() as u64 - copied.iter().map(|copy| copy.to.end - copy.to.start).sum::<u64>()
}

/// Puts every piece together as a receiver does, and proves it. The numbers of those that are not the blob's.
fn assemble(recipe: &Recipe, old: &[u8], new: &[u8]) -> Vec<u32> {
    let (size, list) = (new.len() as u64, list_of(new));
    let copied = copies(recipe, &recipe_of(old));
    let mut wrong = Vec::new();
    for Seed { index, holes } in seeds(size, &copied, &PieceSet::empty(piece_count(size))) {
        assert!(holes.len() <= MAX_HOLES);
        let start = piece_offset(index) as usize;
        let right = &new[start..start + piece_len(size, index)];
        let mut piece = vec![0; right.len()];
        let mut origins = vec![0_u8; right.len()];
        for (to, from) in copies_in(size, &copied, index) {
            piece[to.clone()].copy_from_slice(&old[from as usize..][..to.len()]);
            origins[to].iter_mut().for_each(|times| *times += 1);
        }
        assert!(origins.iter().all(|times| *times <= 1), "nothing is copied twice");
        for hole in holes {
            piece[hole.clone()].copy_from_slice(&right[hole.clone()]);
            origins[hole].fill(1);
        }
        assert!(origins.iter().all(|times| *times == 1), "every byte comes from somewhere");
        if list.verify_piece(index, &piece).is_err() {
            wrong.push(index);
        } else {
            assert_eq!(piece, right);
        }
    }
    wrong
}

/// A blob, and another made of its parts in another order, with other bytes between them.
fn versions() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let part = (any::<prop::sample::Index>(), 0..200_000_usize, 0..3_000_usize);
    let parts = prop::collection::vec(part, 1..6);
    (70_000..900_000_usize, any::<u64>(), parts).prop_map(|(size, seed, parts)| {
        let old = random(size, seed);
        let mut new = Vec::new();
        for (number, (from, len, inserted)) in parts.into_iter().enumerate() {
            let from = from.index(old.len());
            new.extend_from_slice(&old[from..old.len().min(from + len)]);
            new.extend(random(inserted, seed ^ number as u64));
        }
        new.extend_from_slice(&old[..old.len().min(MIN_BLOB_BYTES as usize)]);
        (old, new)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn an_honest_recipe_puts_any_new_version_together((old, new) in versions()) {
        let recipe = Recipe::from_bytes(&recipe_of(&new).to_bytes(), new.len() as u64).unwrap();
        prop_assert_eq!(assemble(&recipe, &old, &new), Vec::<u32>::new());
    }

    #[test]
    fn a_recipe_that_lies_spoils_pieces_that_are_noticed_and_nothing_else(
        (old, new) in versions(), lies in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..20)
    ) {
        let (mut recipe, local) = (recipe_of(&new), recipe_of(&old));
        // Says of some chunks that they are others that the receiver has; where lengths differ, a neighbour gives way.
        for (at, other) in lies {
            let (at, other) = (at.index(recipe.chunks.len()), local.chunks[other.index(local.chunks.len())]);
            let next = (at + 1) % recipe.chunks.len();
            let sum = recipe.chunks[at].len + recipe.chunks[next].len;
            if next != at && (1..=MAX_CHUNK_BYTES as u32).contains(&sum.saturating_sub(other.len)) {
                recipe.chunks[at] = other;
                recipe.chunks[next].len = sum - other.len;
            }
        }
        let recipe = Recipe::from_bytes(&recipe.to_bytes(), new.len() as u64).unwrap();
        // Asserts within that what is taken for right is right.
        assemble(&recipe, &old, &new);
    }

    #[test]
    fn no_bytes_make_reading_panic_and_what_is_read_adds_up(
        size in MIN_BLOB_BYTES..MIN_BLOB_BYTES + 10, bytes in prop::collection::vec(any::<u8>(), 0..400)
    ) {
        if let Ok(recipe) = Recipe::from_bytes(&bytes, size) {
            let sum: u64 = recipe.chunks().iter().map(|chunk| u64::from(chunk.len)).sum();
            prop_assert_eq!(sum, size);
        }
    }

    #[test]
    fn a_recipe_that_is_cut_short_or_of_another_size_is_refused(new in 100_000..400_000_usize, cut in any::<prop::sample::Index>()) {
        let bytes = random(new, 5);
        let recipe = recipe_of(&bytes);
        let encoded = recipe.to_bytes();
        prop_assert_eq!(Recipe::from_bytes(&encoded, new as u64).unwrap(), recipe);
        prop_assert!(Recipe::from_bytes(&encoded[..cut.index(encoded.len())], new as u64).is_err());
        prop_assert!(Recipe::from_bytes(&encoded, new as u64 + 1).is_err());
    }

    #[test]
    fn chunks_do_not_depend_on_how_much_is_read_at_a_time(size in 64 * 1024..600_000_usize, most in 1_000..100_000_usize) {
        let bytes = random(size, 6);
        let halting = |offset: u64, len: usize| Some(bytes[offset as usize..][..len.min(most)].to_vec());
        prop_assert_eq!(Recipe::make(size as u64, halting), Recipe::make(size as u64, reader(&bytes)));
    }

    #[test]
    fn nothing_that_looks_like_a_zip_makes_cutting_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12), real in any::<bool>()
    ) {
        if real {
            bytes = zip_of(&[("a".to_owned(), vec![1; 1500]), ("b".to_owned(), vec![2; 3000])], 1);
            changes.iter().for_each(|(at, byte)| { let at = at.index(bytes.len()); bytes[at] = *byte; });
        }
        let honest = |offset: u64, len: usize| bytes.get(offset as usize..)?.get(..len).map(<[u8]>::to_vec);
        let cuts = zip::cuts(bytes.len() as u64, honest);
        prop_assert!(cuts.is_sorted() && cuts.iter().all(|cut| *cut < bytes.len() as u64));
    }
}

#[test]
fn a_presentation_with_one_slide_edited_costs_the_slide_and_the_headers() {
    let mut members = presentation();
    let old = zip_of(&members, 0x4800);
    members[12].1.splice(3000..3100, *b"one line more");
    let new = zip_of(&members, 0x4921);
    assert!(old.len() > 5_000_000);
    // 28 slides that lie together, 28 headers and the directory.
    let missing = missing(&old, &new);
    assert!(missing < new.len() as u64 / 50, "{missing} bytes");
}

#[test]
fn a_picture_that_moved_within_the_file_costs_nothing() {
    let mut members = presentation();
    let old = zip_of(&members, 0x4800);
    members.swap(30, 50);
    members.insert(40, ("ppt/media/new.jpg".to_owned(), random(60_000, 999)));
    let new = zip_of(&members, 0x4800);
    assert!(missing(&old, &new) < 60_000 + 64 * 1024);
}

#[test]
fn bytes_inserted_at_the_beginning_cost_a_few_chunks() {
    let old = random(2_000_000, 1);
    let new = [b"a few bytes that are new"[..].to_vec(), old.clone()].concat();
    assert!(missing(&old, &new) <= 2 * MAX_CHUNK_BYTES as u64);
}

#[test]
fn pieces_that_are_here_need_no_seed_and_many_holes_become_few() {
    // Every second thousand bytes: in each whole piece 131 holes, of which a request can name 32.
    let copied: Vec<Copy> = (0..300).map(|step| Copy { to: step * 2000..step * 2000 + 1000, from: 0 }).collect();
    let mut present = PieceSet::empty(3);
    present.insert(1);
    let seeds = seeds(600_000, &copied, &present);
    let holes: Vec<_> = seeds.iter().map(|seed| (seed.index, seed.holes.len())).collect();
    assert_eq!(holes, [(0, MAX_HOLES), (2, MAX_HOLES)]);
    assert!(seeds.iter().all(|seed| seed.holes.is_sorted_by(|one, other| one.end < other.start)));
}

#[test]
fn a_chunk_of_length_zero_or_beyond_the_limit_is_refused() {
    let chunk = |len: &[u8]| [len, &[7; HASH_BYTES]].concat();
    for len in [&[0][..], &[0x81, 0x80, 0x04], &[0x80; 4]] {
        assert_eq!(Recipe::from_bytes(&chunk(len), MIN_BLOB_BYTES), Err(BadRecipe::BadLength));
    }
    assert!(Recipe::from_bytes(&chunk(&[0x80, 0x80, 0x04]), MIN_BLOB_BYTES).is_ok());
    assert_eq!(Recipe::from_bytes(&[], MIN_BLOB_BYTES), Err(BadRecipe::OtherSize(0, MIN_BLOB_BYTES)));
    let many = chunk(&[1]).repeat(MAX_CHUNKS + 1);
    assert_eq!(Recipe::from_bytes(&many, MAX_CHUNKS as u64 + 1), Err(BadRecipe::TooMany));
    assert_eq!(Recipe::from_bytes(&[], MAX_BLOB_BYTES + 1), Err(BadRecipe::Size(MAX_BLOB_BYTES + 1)));
}

#[test]
fn a_blob_that_cannot_be_read_has_no_recipe() {
    let gone = |offset: u64, len: usize| (offset < 200_000).then(|| vec![3; len.min(200_000 - offset as usize)]);
    assert_eq!(Recipe::make(300_000, gone), Err(BadRecipe::Unreadable { offset: 200_000, size: 300_000 }));
    assert!(Recipe::make(300_000, |_, len| Some(vec![0; len + 1])).is_err());
}
