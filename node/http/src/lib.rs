//! kapok-http
