//! kapok-tests
