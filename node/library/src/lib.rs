//! kapok-library
