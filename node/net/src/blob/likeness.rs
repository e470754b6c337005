//! Likeness between versions: recipes for peers, and what of a new version the old one has.
//!
//! Reading a large blob through takes seconds, so recipes are made beside the desk, one at a time.

use std::collections::{BTreeMap, VecDeque};

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::download::Input;
use kapok_protocol::blob::piece::piece_len;
use kapok_protocol::blob::recipe::{Copy, Recipe, Seed, copies, copies_in, seeds};
use kapok_protocol::blob::upload::{self, Ticket};

use super::desk::{Desk, Event};

/// Bytes of recipes that are kept, for several peers that ask for the same new version: hundreds of documents, or a few
/// of the largest blobs.
const MAX_KEPT_BYTES: usize = 2 << 20;

/// Recipes for peers.
#[derive(Debug, Default)]
pub(super) struct Recipes {
    /// Those that were made lately, the newest last; empty where there is none.
    made: VecDeque<(BlobId, Vec<u8>)>,
    kept_bytes: usize,
    waiting: BTreeMap<BlobId, Vec<Ticket>>,
    being_made: Option<BlobId>,
}

impl Recipes {
    pub(super) fn get(&self, blob: &BlobId) -> Option<&[u8]> {
        self.made.iter().find(|(known, _)| known == blob).map(|(_, bytes)| &bytes[..])
    }

    fn keep(&mut self, blob: BlobId, bytes: Vec<u8>) {
        self.kept_bytes += bytes.len();
        self.made.push_back((blob, bytes));
        while self.kept_bytes > MAX_KEPT_BYTES
            && let Some((_, bytes)) = self.made.pop_front()
        {
            self.kept_bytes -= bytes.len();
        }
    }
}

/// What of a blob is made from an older version.
#[derive(Debug)]
pub(super) struct Older {
    pub(super) base: BlobId,
    pub(super) copies: Vec<Copy>,
}

impl Desk {
    /// A peer that may have a blob asks for its recipe. It is looked for when the desk is clear: this is asked amid reads of
    /// the same request, and an answer in between would change their order.
    pub(super) fn recipe_wanted(&mut self, ticket: Ticket, blob: BlobId) {
        self.recipes.waiting.entry(blob).or_default().push(ticket);
        let _ = self.events.send(Event::RecipeWanted(blob));
    }

    pub(super) fn look_for_recipe(&mut self, blob: BlobId) {
        if self.recipes.get(&blob).is_some() {
            self.answer_waiting(&blob);
        } else {
            self.make_recipe();
        }
    }

    fn answer_recipe(&mut self, ticket: Ticket, blob: &BlobId) {
        let bytes = self.recipes.get(blob).map(<[u8]>::len).filter(|bytes| *bytes > 0);
        self.give(upload::Input::Recipe { ticket, bytes });
    }

    /// Begins the next recipe that somebody waits for, of a blob that is here.
    pub(super) fn make_recipe(&mut self) {
        if self.recipes.being_made.is_some() {
            return;
        }
        let wanted: Vec<BlobId> = self.recipes.waiting.keys().copied().collect();
        for blob in wanted {
            if self.backend.size(&blob).is_some() {
                self.recipes.being_made = Some(blob);
                let (backend, events) = (self.backend.clone(), self.events.clone());
                tokio::task::spawn_blocking(move || {
                    let recipe = backend.recipe(&blob).map(|recipe| recipe.to_bytes()).unwrap_or_default();
                    let _ = events.send(Event::RecipeMade { blob, recipe });
                });
                return;
            }
            if !self.moving.contains_key(&blob) {
                self.answer_waiting(&blob);
            }
        }
    }

    pub(super) fn recipe_made(&mut self, blob: BlobId, recipe: Vec<u8>) {
        self.recipes.being_made = None;
        self.recipes.keep(blob, recipe);
        self.answer_waiting(&blob);
        self.make_recipe();
    }

    fn answer_waiting(&mut self, blob: &BlobId) {
        for ticket in self.recipes.waiting.remove(blob).unwrap_or_default() {
            self.answer_recipe(ticket, blob);
        }
    }

    /// The recipe of a wanted blob is here: what of it does the older version have?
    pub(super) fn plan(&mut self, blob: BlobId, recipe: Recipe) {
        let older = self.moving.get(&blob).and_then(|moving| Some((moving.wish.base?, moving.present.clone())));
        let Some((base, present)) = older else {
            return self.take(Input::Planned { blob, seeds: Vec::new() });
        };
        let (backend, events) = (self.backend.clone(), self.events.clone());
        tokio::task::spawn_blocking(move || {
            let copies = backend.recipe(&base).map(|old| copies(&recipe, &old)).unwrap_or_default();
            let seeds = seeds(recipe.size(), &copies, &present);
            let _ = events.send(Event::Planned { blob, older: Older { base, copies }, seeds });
        });
    }

    pub(super) fn planned(&mut self, blob: BlobId, older: Older, seeds: Vec<Seed>) {
        if let Some(moving) = self.moving.get_mut(&blob) {
            moving.older = Some(older);
            self.take(Input::Planned { blob, seeds });
        }
    }

    /// Puts a piece together. What comes of it is looked at when the desk is clear, so that a large blob of which all is
    /// here does not hold up the others.
    pub(super) fn assemble(&self, blob: BlobId, index: u32, filled: Vec<(usize, Vec<u8>)>) {
        let bytes = self.moving.get(&blob).and_then(|moving| {
            let older = moving.older.as_ref()?;
            let mut bytes = vec![0; piece_len(moving.wish.size, index)];
            for (to, from) in copies_in(moving.wish.size, &older.copies, index) {
                let copied = self.backend.read(&older.base, from, to.len()).filter(|read| read.len() == to.len())?;
                bytes.get_mut(to)?.copy_from_slice(&copied);
            }
            for (at, more) in filled {
                bytes.get_mut(at..at + more.len())?.copy_from_slice(&more);
            }
            Some(bytes)
        });
        let _ = self.events.send(Event::Assembled { blob, index, bytes });
    }
}
