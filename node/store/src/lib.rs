//! kapok-store
