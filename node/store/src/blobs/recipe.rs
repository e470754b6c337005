//! The recipe of a blob that is held ([`kapok_protocol::blob::recipe`]).

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::recipe::Recipe;

use super::{BlobError, Blobs};

impl Blobs {
    /// Reads the blob through for its recipe; `None` where it is too small or too large for one, falls into too many
    /// chunks, or cannot be read.
    ///
    /// # Errors
    /// If it is not held.
    pub fn recipe(&self, id: BlobId) -> Result<Option<Recipe>, BlobError> {
        let reader = self.reader(id)?;
        let recipe = Recipe::make(reader.size(), |offset, len| {
            let mut bytes = vec![0; len];
            let read = reader.read_at(offset, &mut bytes).ok()?;
            bytes.truncate(read);
            Some(bytes)
        });
        Ok(recipe.ok())
    }
}
