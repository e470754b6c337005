//! kapok-private
