//! kapok

fn main() {}
