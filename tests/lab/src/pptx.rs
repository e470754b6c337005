//! A presentation as teachers save them, and the same one after a slide was edited.
//!
//! Slides are XML that shrinks well, pictures are bytes that do not; like the programs that people use, half of the
//! pictures are stored and half are put through deflate all the same. Saving again writes every part anew, with the new
//! time in each header. The same seed gives the same bytes.

use std::fmt::Write as _;
use std::io::{self, Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::content::noise;

const SLIDES: usize = 40;
const PARAGRAPHS: usize = 60;
const PICTURES: usize = 16;
const PICTURE_BYTES: usize = 310_000;
/// The slide that is edited.
const EDITED: usize = 17;

/// How often the presentation was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    Once,
    /// With another sentence on one slide.
    Again,
}

/// About 5 MB.
///
/// # Errors
/// If it cannot be put together, which would be a fault of this code.
pub fn presentation(seed: u64, saved: Saved) -> io::Result<Vec<u8>> {
    let again = saved == Saved::Again;
    let day = if again { 2 } else { 1 };
    let time = DateTime::from_date_and_time(2026, 9, day, 8, 30, 0).map_err(io::Error::other)?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut part = |name: &str, method: CompressionMethod, bytes: &[u8]| {
        let options = SimpleFileOptions::default().compression_method(method).last_modified_time(time);
        zip.start_file(name, options).map_err(io::Error::other)?;
        zip.write_all(bytes)
    };
    part("[Content_Types].xml", CompressionMethod::Deflated, content_types().as_bytes())?;
    part("_rels/.rels", CompressionMethod::Deflated, RELATIONS.as_bytes())?;
    part("docProps/core.xml", CompressionMethod::Deflated, properties(day).as_bytes())?;
    for number in 1..=SLIDES {
        let text = slide(seed, number, again && number == EDITED);
        part(&format!("ppt/slides/slide{number}.xml"), CompressionMethod::Deflated, text.as_bytes())?;
    }
    for number in 1..=PICTURES {
        let method = if number % 2 == 0 { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let bytes = noise(seed, 1_000 + number as u64, PICTURE_BYTES);
        part(&format!("ppt/media/image{number}.jpeg"), method, &bytes)?;
    }
    Ok(zip.finish().map_err(io::Error::other)?.into_inner())
}

const RELATIONS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"/>";

fn content_types() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
         <Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"jpeg\" ContentType=\"image/jpeg\"/>",
    );
    for number in 1..=SLIDES {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "<Override PartName=\"/ppt/slides/slide{number}.xml\" ContentType=\"application/vnd.openxmlformats-\
             officedocument.presentationml.slide+xml\"/>"
        );
    }
    text + "</Types>"
}

fn properties(day: u8) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><cp:coreProperties \
         xmlns:cp=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\" \
         xmlns:dcterms=\"http://purl.org/dc/terms/\"><cp:revision>{day}</cp:revision>\
         <dcterms:modified>2026-09-0{day}T08:30:00Z</dcterms:modified></cp:coreProperties>"
    )
}

/// Paragraphs whose words depend on the seed, so that slides are not alike.
fn slide(seed: u64, number: usize, edited: bool) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
         <p:sld xmlns:a=\"http://schemas.openxmlformats.org/drawingml/2006/main\" \
         xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\"><p:cSld><p:spTree>",
    );
    let words = noise(seed, number as u64, PARAGRAPHS * 8);
    for (line, bytes) in words.chunks(8).enumerate() {
        let said: String = bytes.iter().filter_map(|byte| char::from_u32(0x5b50 + u32::from(*byte))).collect();
        let more = if edited && line == 3 { "（课后修订）" } else { "" };
        let (x, y) = (457_200 + line * 9_525, 685_800 + line * 12_700);
        let _ = write!(
            text,
            "<p:sp><p:spPr><a:xfrm><a:off x=\"{x}\" y=\"{y}\"/></a:xfrm></p:spPr><p:txBody><a:p><a:r>\
             <a:rPr lang=\"zh-CN\" sz=\"2400\"/><a:t>{said}{more}</a:t></a:r></a:p></p:txBody></p:sp>"
        );
    }
    text + "</p:spTree></p:cSld></p:sld>"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn saving_again_changes_one_slide_and_the_times_alone() {
        let [once, again] = [Saved::Once, Saved::Again].map(|saved| presentation(1, saved).unwrap());
        assert_eq!(once, presentation(1, Saved::Once).unwrap());
        assert!((4_500_000..5_500_000).contains(&once.len()), "{}", once.len());
        let parts = |bytes: Vec<u8>| {
            let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
            let mut parts = Vec::new();
            for number in 0..archive.len() {
                let mut file = archive.by_index(number).unwrap();
                let mut content = Vec::new();
                io::Read::read_to_end(&mut file, &mut content).unwrap();
                parts.push((file.name().unwrap().into_owned(), content));
            }
            parts
        };
        let (once, again) = (parts(once), parts(again));
        let differ: Vec<_> =
            once.iter().zip(&again).filter(|(one, other)| one != other).map(|(one, _)| one.0.as_str()).collect();
        assert_eq!(differ, ["docProps/core.xml", format!("ppt/slides/slide{EDITED}.xml").as_str()]);
    }
}
