//! Likeness between versions: recipes for peers, and what of a new version the old one has.

use std::collections::VecDeque;

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::download::Input;
use kapok_protocol::blob::piece::{piece_len, piece_offset};
use kapok_protocol::blob::recipe::{Recipe, Seed, seeds, sources};

use super::desk::Desk;

/// Recipes that are kept, for several peers that ask for the same new version. Of 20 KB each, and 300 KB at the most.
const MAX_RECIPES: usize = 16;

/// Recipes that peers have asked for lately, the newest last.
#[derive(Debug, Default)]
pub(super) struct Recipes(VecDeque<(BlobId, Vec<u8>)>);

impl Recipes {
    pub(super) fn get(&self, blob: &BlobId) -> Option<&[u8]> {
        self.0.iter().find(|(known, _)| known == blob).map(|(_, bytes)| &bytes[..])
    }

    fn keep(&mut self, blob: BlobId, bytes: Vec<u8>) {
        if self.0.len() >= MAX_RECIPES {
            self.0.pop_front();
        }
        self.0.push_back((blob, bytes));
    }
}

impl Desk {
    /// Makes the recipe of a blob that a peer may have; its length.
    pub(super) fn recipe_for_peer(&mut self, blob: &BlobId) -> Option<usize> {
        if self.recipes.get(blob).is_none() {
            let recipe = self.backend.recipe(blob).filter(|recipe| !recipe.chunks().is_empty())?;
            self.recipes.keep(*blob, recipe.to_bytes());
        }
        self.recipes.get(blob).map(<[u8]>::len)
    }

    /// The recipe of a wanted blob is here: what the older version has of it is copied.
    pub(super) fn plan(&mut self, blob: BlobId, recipe: &Recipe) {
        if let Some((base, size, present)) = self.moving.get(&blob).and_then(|moving| {
            let base = moving.wish.base?;
            Some((base, moving.wish.size, moving.present.clone()))
        }) && let Some(old) = self.backend.recipe(&base)
        {
            let copies = recipe.copies_from(&old);
            for Seed { index, holes } in seeds(size, &copies, &present) {
                let (start, len) = (piece_offset(index), piece_len(size, index));
                let mut bytes = vec![0; len];
                let ends = holes.iter().map(|hole| hole.start).chain([len]);
                let starts = [0].into_iter().chain(holes.iter().map(|hole| hole.end));
                let mut is_read = true;
                for (from, to) in starts.zip(ends) {
                    let mut at = from;
                    for range in sources(&copies, start + from as u64..start + to as u64) {
                        let wanted = (range.end - range.start) as usize;
                        let read = self.backend.read(&base, range.start, wanted).unwrap_or_default();
                        match bytes.get_mut(at..at + wanted).filter(|_| read.len() == wanted) {
                            Some(place) => place.copy_from_slice(&read),
                            None => is_read = false,
                        }
                        at += wanted;
                    }
                }
                if is_read {
                    self.take(Input::Seed { blob, index, bytes, holes });
                }
            }
        }
        self.take(Input::Planned(blob));
    }
}
