//! Documents made on the spot: small, and each with one thing about it.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod pdf;

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub fn zip_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

pub fn docx(paragraphs: &[&str]) -> Vec<u8> {
    let body: String = paragraphs
        .iter()
        .map(|text| {
            let (one, two) = text.split_at(text.floor_char_boundary(text.len() / 2));
            // Word cuts runs wherever it likes, and draws text boxes twice.
            format!(
                "<w:p><w:pPr><w:pStyle w:val=\"a\"/></w:pPr><w:r><w:t>{}</w:t></w:r><w:r><w:t xml:space=\"preserve\">{}</w:t></w:r>\
                 <mc:AlternateContent><mc:Fallback><w:t>twice</w:t></mc:Fallback></mc:AlternateContent>\
                 <w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>",
                escaped(one),
                escaped(two)
            )
        })
        .collect();
    let document = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document xmlns:w=\"w\" xmlns:mc=\"mc\"><w:body>{body}</w:body></w:document>"
    );
    let core = "<cp:coreProperties><dc:creator>x</dc:creator><dc:title>教学设计</dc:title></cp:coreProperties>";
    zip_of(&[("word/document.xml", document.as_bytes()), ("docProps/core.xml", core.as_bytes())])
}

pub fn pptx(slides: usize, text: &str) -> Vec<u8> {
    let parts: Vec<(String, String)> = (1..=slides)
        .map(|n| {
            let slide = format!("<p:sld><a:p><a:r><a:t>{text}</a:t></a:r><a:r><a:t> 第{n}页</a:t></a:r></a:p></p:sld>");
            (format!("ppt/slides/slide{n}.xml"), slide)
        })
        .collect();
    let mut all: Vec<(&str, &[u8])> = vec![("ppt/presentation.xml", b"<p/>")];
    // In the container slide10 stands before slide2.
    all.extend(parts.iter().rev().map(|(name, slide)| (name.as_str(), slide.as_bytes())));
    zip_of(&all)
}

pub fn xlsx(strings: &[&str]) -> Vec<u8> {
    let shared: String = strings.iter().map(|text| format!("<si><t>{text}</t><rPh><t>xx</t></rPh></si>")).collect();
    let shared = format!("<sst>{shared}</sst>");
    let cells: String = (0..strings.len()).map(|n| format!("<c t=\"s\"><v>{n}</v></c>")).collect();
    let sheet = format!(
        "<worksheet><sheetData><row>{cells}</row><row><c><v>95.5</v></c><c t=\"inlineStr\"><is><t>内联</t></is></c><c t=\"s\"><v>999</v></c></row></sheetData></worksheet>"
    );
    zip_of(&[
        ("xl/workbook.xml", "<workbook><sheets><sheet name=\"五年级\"/></sheets></workbook>".as_bytes()),
        ("xl/sharedStrings.xml", shared.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

/// A document of so many bytes of markup and blanks, which is small as a file.
pub fn docx_of_blanks(bytes: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default().compression_level(Some(1))).unwrap();
    zip.write_all(b"<w:document><w:p>").unwrap();
    let block = format!("<w:t>{}</w:t>", " ".repeat(1 << 20));
    for _ in 0..bytes / block.len() {
        zip.write_all(block.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
