//! What of a new version has to cross the link if the old one is there.
//!
//!     cargo run --release -p kapok-store --example recipe -- OLD NEW
#![allow(clippy::print_stdout)]

use std::ops::Range;

use kapok_protocol::blob::PieceSet;
use kapok_protocol::blob::piece::{piece_count, piece_len};
use kapok_protocol::blob::recipe::seeds;

fn main() -> std::io::Result<()> {
    let paths: Vec<_> = std::env::args_os().skip(1).collect();
    let [old, new] = &paths[..] else { return Err(std::io::Error::other("usage: recipe OLD NEW")) };
    let (old, new) = (std::fs::read(old)?, std::fs::read(new)?);
    let none = || std::io::Error::other("too many parts for a recipe");
    let (old, recipe) =
        (kapok_store::blobs::recipe(&old).ok_or_else(none)?, kapok_store::blobs::recipe(&new).ok_or_else(none)?);
    let size = new.len() as u64;
    let seeds = seeds(size, &recipe.copies_from(&old), &PieceSet::empty(piece_count(size)));
    let copied: usize =
        seeds.iter().map(|seed| piece_len(size, seed.index) - seed.holes.iter().map(Range::len).sum::<usize>()).sum();
    let holes: usize = seeds.iter().map(|seed| seed.holes.len()).sum();
    let (fetched, recipe) = (new.len() - copied, recipe.to_bytes().len());
    let share = (fetched + recipe) as f64 / new.len() as f64 * 100.0;
    println!("{} bytes: {fetched} fetched in {holes} ranges, {recipe} of recipe, {share:.1} %", new.len());
    Ok(())
}
