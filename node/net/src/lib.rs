//! kapok-net
