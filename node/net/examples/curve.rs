//! Draws a connection's curve: the log of a node with `RUST_LOG=kapok::path=trace` in, SVG out.
//!
//! ```sh
//! grep 12D3KooW… node.log | cargo run -p kapok-net --example curve -- "satellite" > satellite.svg
//! ```

#[path = "../src/transport/quic/congestion/curve.rs"]
mod curve;

use std::io::{self, Read as _, Write as _};

fn main() -> io::Result<()> {
    let title = std::env::args().nth(1).unwrap_or_default();
    let mut log = String::new();
    io::stdin().read_to_string(&mut log)?;
    let points: Vec<_> = log.lines().filter_map(curve::parse).collect();
    io::stdout().write_all(curve::draw(&title, &points).as_bytes())
}
