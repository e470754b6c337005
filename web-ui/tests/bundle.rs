//! What is shipped: small, of the node's own, and readable by Chromium 80.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, unused_imports)]
#[path = "../examples/gallery/samples.rs"]
mod samples;

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use kapok_web_ui::assets;

/// Of script, compressed, on the first page (PAGES: the budget of a poor link).
const SCRIPT_MAX_BYTES: usize = 45_000;
/// Of everything that the first page needs, compressed.
const PAGE_MAX_BYTES: usize = 120_000;

fn compressed(bytes: &[u8]) -> usize {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len()
}

fn text(name: &str) -> String {
    String::from_utf8(assets::get(name).unwrap().bytes.into_owned()).unwrap()
}

#[test]
fn the_first_page_fits_a_poor_link() {
    let script = compressed(text("app.js").as_bytes());
    assert!(script <= SCRIPT_MAX_BYTES, "{script} bytes of script");
    let page = samples::home().render(&samples::frame()).unwrap();
    let rest = ["app.css", "icons.svg", "mark.svg", "down.svg"].map(|name| compressed(text(name).as_bytes()));
    let all = script + compressed(page.as_bytes()) + rest.iter().sum::<usize>();
    assert!(all <= PAGE_MAX_BYTES, "{all} bytes");
    assert!(compressed(text("upload.js").as_bytes()) + script <= SCRIPT_MAX_BYTES);
}

#[test]
fn the_styles_need_nothing_younger_than_chromium_80() {
    let css = text("app.css");
    for young in [
        ":has(",
        ":is(",
        ":where(",
        "@layer",
        "@container",
        "light-dark(",
        "aspect-ratio",
        "inset:",
        "inset-",
        "accent-color",
        "&:",
        "& ",
        "dvh",
        "color-mix(",
    ] {
        assert!(!css.contains(young), "{young} is in the styles");
    }
    // `gap` works in grids there, in flex boxes it does not; the styles use column-gap and row-gap, in grids only.
    for rule in css.split('}') {
        if rule.contains("gap:") {
            assert!(
                rule.contains("grid") || rule.contains(".facts") || rule.contains(".record") || rule.contains(".tiles"),
                "{rule}"
            );
        }
        assert!(!rule.contains("flex;gap") && !rule.contains(";gap:"), "{rule}");
    }
}

#[test]
fn the_script_is_es2020() {
    for name in ["app.js", "upload.js"] {
        let script = text(name);
        // Class fields, logical assignment, numeric separators and replaceAll came after.
        for young in ["??=", "||=", "&&=", ".replaceAll(", ".at(-1", "static{", "structuredClone(", "Object.hasOwn("] {
            assert!(!script.contains(young), "{young} is in {name}");
        }
    }
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for name in assets::names() {
        let bytes = assets::get(&name).unwrap().bytes.into_owned();
        let shipped = String::from_utf8(bytes).unwrap();
        for scheme in ["http://", "https://"] {
            for address in shipped.split(scheme).skip(1) {
                // The names of SVG's and XHTML's namespaces are no addresses.
                assert!(address.starts_with("www.w3.org/"), "{name}: {scheme}{}", &address[..address.len().min(40)]);
            }
        }
    }
}

#[test]
fn colours_are_named_in_one_place() {
    let styles = Path::new(env!("CARGO_MANIFEST_DIR")).join("styles");
    for entry in fs::read_dir(styles).unwrap() {
        let path = entry.unwrap().path();
        let css = fs::read_to_string(&path).unwrap();
        if path.ends_with("tokens.css") {
            continue;
        }
        for (number, line) in css.lines().enumerate() {
            let named = line.split('#').skip(1).any(|rest| {
                rest.bytes().take_while(u8::is_ascii_hexdigit).count() >= 3 && !line.trim_start().starts_with('#')
            });
            assert!(!named && !line.contains("rgb("), "{}:{}: {line}", path.display(), number + 1);
        }
    }
}

#[test]
fn the_lock_file_names_no_registry() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("package-lock.json")).unwrap();
    assert!(!lock.contains("\"resolved\"") && !lock.contains("registry"));
}

#[test]
fn every_icon_that_a_page_uses_is_in_the_sprite() {
    let sprite = text("icons.svg");
    for (name, html) in samples::pages() {
        for used in html.unwrap().split("/icons.svg?").skip(1).filter_map(|rest| rest.split('"').next()) {
            let Some((_, id)) = used.split_once('#') else { continue };
            assert!(sprite.contains(&format!("id=\"{id}\"")), "{name} uses {id}");
        }
    }
}
