//! What a recipe saves between two versions of a file.
//!
//!     cargo run -p kapok-protocol --example recipe -- OLD NEW
//!
//! For each way of cutting it prints the chunks, the recipe's bytes, the bytes and holes that would be asked for, and the
//! part of the new file that would cross the link, frames included.

use kapok_protocol::blob::PieceSet;
use kapok_protocol::blob::piece::{PieceList, piece_count, piece_len};
use kapok_protocol::blob::recipe::{Cuts, Recipe, copies, seeds};

/// What a hole costs beside its bytes: its place in the request, and its answer's frame.
const HOLE_BYTES: usize = 24;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [old, new] = [1, 2].map(|argument| std::env::args_os().nth(argument));
    let (Some(old), Some(new)) = (old, new) else { return Err("two files: OLD NEW".into()) };
    let (old, new) = (std::fs::read(old)?, std::fs::read(new)?);
    let size = new.len() as u64;
    println!("{size} bytes after {}", old.len());
    println!("{:>10} {:>7} {:>8} {:>9} {:>6} {:>7}", "cuts", "chunks", "recipe", "missing", "holes", "share");
    for (name, cuts) in [("content", Cuts::Content), ("members", Cuts::Members)] {
        let here = Recipe::make_with(old.len() as u64, cuts, reader(&old))?;
        let recipe = Recipe::make_with(size, cuts, reader(&new))?;
        let seeds = seeds(size, &copies(&recipe, &here), &PieceSet::empty(piece_count(size)));
        let (chunks, recipe) = (recipe.chunks().len(), recipe.to_bytes().len());
        let holes: Vec<_> = seeds.iter().flat_map(|seed| &seed.holes).collect();
        let seeded: usize = seeds.iter().map(|seed| piece_len(size, seed.index)).sum();
        let missing = new.len() - seeded + holes.iter().map(|hole| hole.len()).sum::<usize>();
        let all = missing + recipe + holes.len() * HOLE_BYTES + PieceList::encoded_len(size);
        let share = all as f64 / size as f64 * 100.0;
        println!("{name:>10} {chunks:>7} {recipe:>8} {missing:>9} {:>6} {share:>6.2}%", holes.len());
    }
    Ok(())
}

fn reader(bytes: &[u8]) -> impl FnMut(u64, usize) -> Option<Vec<u8>> {
    move |offset, len| {
        let from = usize::try_from(offset).ok()?;
        Some(bytes.get(from..bytes.len().min(from + len))?.to_vec())
    }
}
