//! What a recipe saves between two versions of a file.
//!
//!     cargo run -p kapok-protocol --example recipe -- OLD NEW
//!
//! For each way of cutting it prints the chunks, the recipe's bytes, the bytes and gaps that would be asked for, and the
//! part of the new file that would cross the link, frames included.

use kapok_protocol::blob::piece::{PieceList, piece_count};
use kapok_protocol::blob::recipe::{Cuts, Index, Plan, Recipe};

/// What a gap costs beside its bytes: its place in the request, and its answer's frame.
const GAP_BYTES: usize = 24;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [old, new] = [1, 2].map(|argument| std::env::args_os().nth(argument));
    let (Some(old), Some(new)) = (old, new) else { return Err("two files: OLD NEW".into()) };
    let (old, new) = (std::fs::read(old)?, std::fs::read(new)?);
    let size = new.len() as u64;
    println!("{size} bytes after {}", old.len());
    println!("{:>10} {:>7} {:>8} {:>9} {:>6} {:>7}", "cuts", "chunks", "recipe", "missing", "gaps", "share");
    for (name, cuts) in [("content", Cuts::Content), ("members", Cuts::Members)] {
        let mut index = Index::new();
        index.add_with(old.len() as u64, cuts, reader(&old))?;
        let recipe = Recipe::make_with(size, cuts, reader(&new))?;
        let plan = Plan::new(&recipe, &index);
        let (chunks, recipe) = (recipe.chunks().len(), recipe.encode().len());
        let missing = size - plan.copied_bytes();
        let gaps: usize = (0..piece_count(size)).map(|piece| plan.gaps_in(piece).len()).sum();
        let all = missing + (recipe + gaps * GAP_BYTES + PieceList::encoded_len(size)) as u64;
        let share = all as f64 / size as f64 * 100.0;
        println!("{name:>10} {chunks:>7} {recipe:>8} {missing:>9} {gaps:>6} {share:>6.2}%");
    }
    Ok(())
}

fn reader(bytes: &[u8]) -> impl FnMut(u64, usize) -> Option<Vec<u8>> {
    move |offset, len| {
        let from = usize::try_from(offset).ok()?;
        Some(bytes.get(from..bytes.len().min(from + len))?.to_vec())
    }
}
