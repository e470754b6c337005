//! kapok-indexer
