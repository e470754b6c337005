//! The tantivy index of one answering set.

use std::fs;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TERMINATED, Term};

use super::schema::{Fields, LENGTHS, SCORED, schema};
use super::{Document, IndexError, OpenError};

/// What the writer may buffer before it writes a segment: tantivy's least, for the changes of a day on a small machine, and
/// twice that for bulk loading, which then leaves fewer segments to merge.
const WRITER_BUDGET_BYTES: usize = 15_000_000;
const BULK_WRITER_BUDGET_BYTES: usize = 30_000_000;
const BULK_DOCUMENTS: usize = 1_000;
/// Deleted documents cost space and, in statistics, time; above this share their segment is rewritten.
const MAX_DELETED_RATIO: f32 = 0.2;
/// Decompressed blocks of 16 KiB kept for each segment: enough for the hits of one page.
const STORE_CACHE_BLOCKS: usize = 4;

pub(crate) struct Set {
    index: tantivy::Index,
    reader: IndexReader,
    pub(crate) fields: Fields,
    live: RwLock<Live>,
}

/// A consistent view of a set: a searcher and the totals that belong to it.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) searcher: Searcher,
    pub(crate) documents: u64,
    pub(crate) tokens: [u64; SCORED.len()],
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set").field("documents", &self.live().documents).finish_non_exhaustive()
    }
}

impl Set {
    /// Makes an empty index in a folder.
    pub(crate) fn create(dir: &Path) -> Result<(), IndexError> {
        fs::create_dir_all(dir)?;
        tantivy::Index::builder().schema(schema().0).settings(IndexSettings::default()).create_in_dir(dir)?;
        Ok(())
    }

    pub(crate) fn open(dir: &Path) -> Result<Self, OpenError> {
        let damaged = |error: tantivy::TantivyError| OpenError::Damaged(format!("{}: {error}", dir.display()));
        let index = tantivy::Index::open_in_dir(dir).map_err(damaged)?;
        if index.schema() != schema().0 {
            return Err(OpenError::Damaged(format!("{}: its fields are not this program's", dir.display())));
        }
        Self::with(index).map_err(damaged)
    }

    fn with(index: tantivy::Index) -> tantivy::Result<Self> {
        let reader = index
            .reader_builder()
            // Reloaded by `apply`, so that what it wrote is visible when it returns, and without a watching thread.
            .reload_policy(ReloadPolicy::Manual)
            .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
            .try_into()?;
        let live = RwLock::new(Live::of(reader.searcher())?);
        Ok(Set { index, reader, fields: schema().1, live })
    }

    pub(crate) fn live(&self) -> Live {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a live document has this id.
    pub(crate) fn contains(&self, searcher: &Searcher, id: &str) -> tantivy::Result<bool> {
        let term = Term::from_field_text(self.fields.id, id);
        for segment in searcher.segment_readers() {
            let Some(mut postings) =
                segment.inverted_index(self.fields.id)?.read_postings(&term, IndexRecordOption::Basic)?
            else {
                continue;
            };
            while postings.doc() != TERMINATED {
                if !segment.is_deleted(postings.doc()) {
                    return Ok(true);
                }
                postings.advance();
            }
        }
        Ok(false)
    }

    /// Removes and adds, and returns when both are durable and visible. The writer, its threads and its memory are gone by
    /// then.
    pub(crate) fn apply(&self, remove: &[&str], put: &[&Document]) -> Result<(), IndexError> {
        let budget = if put.len() < BULK_DOCUMENTS { WRITER_BUDGET_BYTES } else { BULK_WRITER_BUDGET_BYTES };
        let options =
            IndexWriterOptions::builder().num_worker_threads(1).num_merge_threads(1).memory_budget_per_thread(budget);
        let mut writer: IndexWriter = self.index.writer_with_options(options.build())?;
        let mut merging = LogMergePolicy::default();
        merging.set_del_docs_ratio_before_merge(MAX_DELETED_RATIO);
        writer.set_merge_policy(Box::new(merging));
        for id in remove {
            writer.delete_term(Term::from_field_text(self.fields.id, id));
        }
        for document in put {
            writer.add_document(self.fields.document(document))?;
        }
        writer.commit()?;
        self.reload()?;
        // Merging may take a while in a large set, but what was committed can be searched meanwhile.
        writer.wait_merging_threads()?;
        self.reload()
    }

    fn reload(&self) -> Result<(), IndexError> {
        self.reader.reload()?;
        let live = Live::of(self.reader.searcher())?;
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = live;
        Ok(())
    }

    /// Reads every byte and compares checksums; the names of damaged files.
    pub(crate) fn damaged_files(&self) -> Result<Vec<String>, IndexError> {
        Ok(self.index.validate_checksum()?.into_iter().map(|path| path.display().to_string()).collect())
    }
}

impl Live {
    /// Counts what is alive. tantivy's own totals count deleted documents and become estimates by merging.
    fn of(searcher: Searcher) -> tantivy::Result<Self> {
        let mut tokens = [0u64; SCORED.len()];
        for segment in searcher.segment_readers() {
            for (total, name) in tokens.iter_mut().zip(LENGTHS) {
                let lengths = segment.fast_fields().u64(name)?;
                if lengths.max_value() == 0 {
                    continue;
                }
                *total += segment.doc_ids_alive().filter_map(|doc| lengths.first(doc)).sum::<u64>();
            }
        }
        Ok(Live { documents: searcher.num_docs(), tokens, searcher })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn document(id: usize, title: &str) -> Document {
        Document { id: format!("{id:03}"), title: title.into(), ..Document::default() }
    }

    #[test]
    fn totals_count_the_living_also_while_the_dead_are_still_in_a_segment() {
        let dir = tempfile::TempDir::new().unwrap();
        Set::create(dir.path()).unwrap();
        let set = Set::open(dir.path()).unwrap();
        let documents: Vec<Document> = (0..100).map(|id| document(id, "平行四边形")).collect();
        set.apply(&[], &documents.iter().collect::<Vec<_>>()).unwrap();
        let before = set.live();
        set.apply(&["003", "004", "005"], &[&document(3, "平行四边形")]).unwrap();

        let live = set.live();
        assert!(live.searcher.segment_readers().iter().any(tantivy::SegmentReader::has_deletes));
        assert_eq!(live.documents, 98);
        assert_eq!(live.tokens[0] * 100, before.tokens[0] * 98);
    }
}
