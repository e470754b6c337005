//! Writes every page, with its empty and broken variants, as HTML files beside the bundle, to be looked at:
//!
//! ```text
//! cargo run -p kapok-web-ui --example gallery -- DIR
//! ```
//!
//! Serve DIR over HTTP on loopback (icons come from `/assets/icons.svg`, which browsers refuse to load from `file:`).

mod samples;

use std::path::Path;
use std::{env, fs, io};

use kapok_web_ui::assets;

fn main() -> io::Result<()> {
    let Some(dir) = env::args().nth(1) else {
        return Err(io::Error::other("name the folder to write to: gallery DIR"));
    };
    let dir = Path::new(&dir);
    fs::create_dir_all(dir.join("assets"))?;
    for name in assets::names() {
        if let Some(asset) = assets::get(&name) {
            fs::write(dir.join("assets").join(&*name), asset.bytes)?;
        }
    }
    fs::write(dir.join("picture.svg"), samples::PICTURE)?;
    for (name, html) in samples::pages() {
        let html = html.map_err(io::Error::other)?;
        fs::write(dir.join(name).with_extension("html"), html)?;
        println!("{name}");
    }
    Ok(())
}
