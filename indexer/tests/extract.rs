//! What extraction promises: text out of the formats that teachers use, a clear answer for everything else, and never a
//! hang, whatever the file. Every test asks a real worker process.

#![allow(clippy::unwrap_used)]

mod documents;

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use documents::{docx, pdf, pptx, xlsx, zip_of};
use kapok_indexer::extract::{ExtractError, Extracted, Limits, MAX_TEXT_BYTES, Pool, WorkerCommand};
use tempfile::TempDir;

fn worker() -> WorkerCommand {
    WorkerCommand { program: env!("CARGO_BIN_EXE_kapok-extract-worker").into(), args: Vec::new() }
}

fn extract_with(pool: &Pool, name: &str, bytes: &[u8]) -> Result<Extracted, ExtractError> {
    let dir = TempDir::new().unwrap();
    // As in the blob store, the path says nothing about the file.
    let path = dir.path().join("0123456789abcdef");
    fs::write(&path, bytes).unwrap();
    pool.extract(&path, name)
}

fn extract(name: &str, bytes: &[u8]) -> Result<Extracted, ExtractError> {
    extract_with(&Pool::new(worker()), name, bytes)
}

fn text(name: &str, bytes: &[u8]) -> String {
    extract(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}")).text
}

fn is_damaged(result: &Result<Extracted, ExtractError>) -> bool {
    matches!(result, Err(ExtractError::Damaged(_)))
}

#[test]
fn the_formats_that_teachers_use_give_their_text() {
    let docx = extract("a.docx", &docx(&["平行四边形的面积", "底 × 高 < 10 & 正确"])).unwrap();
    assert_eq!(
        (docx.text.as_str(), docx.title.as_deref()),
        ("平行四边形的面积\n底 × 高 < 10 & 正确", Some("教学设计"))
    );
    assert_eq!(
        text("a.pptx", &pptx(11, "荷花")),
        (1..=11).map(|n| format!("荷花 第{n}页")).collect::<Vec<_>>().join("\n")
    );
    assert_eq!(text("a.xlsx", &xlsx(&["姓名", "成绩"])), "五年级\n姓名 成绩\n95.5 内联");
    assert_eq!(text("a.txt", "水循环\r\n\r\n  蒸发".as_bytes()), "水循环\n蒸发");
    assert_eq!(text("a.csv", "学科,年级\n音乐,三年级".as_bytes()), "学科,年级\n音乐,三年级");
    let markdown = extract("a.md", "# 合唱\n\n两个声部".as_bytes()).unwrap();
    assert_eq!(markdown.title.as_deref(), Some("合唱"));
    let page = "<html><head><title>剪纸</title><style>p{}</style></head><body><p>对<b>折</b>纸</p><script>x()</script><table><td>剪<td>刻</table>";
    let page = extract("a.html", page.as_bytes()).unwrap();
    assert_eq!((page.text.as_str(), page.title.as_deref()), ("对折纸\n剪 刻", Some("剪纸")));
}

#[test]
fn old_encodings_are_understood() {
    let gbk = encoding_rs::GB18030.encode("静夜思\n床前明月光").0.into_owned();
    assert_eq!(text("静夜思.txt", &gbk), "静夜思\n床前明月光");
    let page = encoding_rs::GBK.encode("<meta charset=gb2312><p>低头思故乡").0.into_owned();
    assert_eq!(text("a.htm", &page), "低头思故乡");
    let utf16: Vec<u8> = "\u{FEFF}疑是地上霜".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(text("a.txt", &utf16), "疑是地上霜");
}

#[test]
fn a_pdf_from_chromium_reads_like_the_page_it_was() {
    let pdf = extract("a.pdf", include_bytes!("documents/chromium.pdf")).unwrap();
    assert_eq!(pdf.title.as_deref(), Some("平行四边形的面积(教学设计)"));
    let expected = "平行四边形的面积\n长方形与平行四边形的面积,高与长,见风车、龙、飞马。\nThe base times the height.\n长 高\n5 cm 3 cm";
    let joined = pdf
        .text
        .replace(",\n", ",")
        .replace("、\n", "、")
        .replace(" the\n", " the ")
        .replace("times\n", "times ")
        .replace("base\n", "base ");
    assert_eq!(joined, expected, "{}", pdf.text);
}

#[test]
fn a_pdf_with_fonts_of_the_reader_is_read() {
    // The kind on which other readers fall down: STSong-Light without a table of its characters.
    assert_eq!(text("a.pdf", &pdf::reader_font("攀枝花市红格小学")), "攀枝花市红格小学");
}

#[test]
fn words_of_a_pdf_stay_words() {
    let drawn =
        "BT /F1 12 Tf 72 700 Td (Hello) Tj 33 0 Td (world) Tj 0 -14 Td [(sc) -20 (ience) -400 (and) 10 (art)] TJ ET";
    assert_eq!(text("a.pdf", &pdf::drawing(drawn)), "Hello world\nscience andart");
}

#[test]
fn a_pdf_of_pictures_has_no_text_and_says_so() {
    assert_eq!(extract("a.pdf", &pdf::drawing("0 0 100 100 re f")), Err(ExtractError::NoText));
    assert_eq!(extract("a.pdf", &pdf::identity_without_table()), Err(ExtractError::NoText));
}

#[test]
fn protected_files_are_named_as_such() {
    assert_eq!(extract("a.pdf", &pdf::encrypted("secret")), Err(ExtractError::Encrypted));
    assert_eq!(text("a.pdf", &pdf::encrypted("")), "Hello");
    let mut ole = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".to_vec();
    ole.resize(4096, 0);
    assert_eq!(extract("a.doc", &ole), Err(ExtractError::Unsupported));
    ole.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(extract("a.docx", &ole), Err(ExtractError::Encrypted));
}

#[test]
fn files_that_are_not_what_they_are_named_are_damaged() {
    assert!(is_damaged(&extract("a.docx", &zip_of(&[("readme.txt", b"hello")]))));
    assert!(is_damaged(&extract("a.docx", b"just some text")));
    assert!(is_damaged(&extract("a.pdf", b"")));
    assert!(is_damaged(&extract("a.pdf", b"%PDF-1.7\n%%EOF")));
    assert!(is_damaged(&extract("a.pdf", b"<html>404</html>")));
    assert!(is_damaged(&extract("a.txt", b"\x7FELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0")));
    assert_eq!(extract("a.txt", b""), Err(ExtractError::NoText));
    assert_eq!(extract("a.txt", b" \n "), Err(ExtractError::NoText));
    assert_eq!(extract("a.bin", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xFF\xFE"), Err(ExtractError::Unsupported));
    assert_eq!(extract("a.mp3", b"ID3\x04\0\0\0\0\0\0\xFF\xFB\x90\x64"), Err(ExtractError::Unsupported));
    // The name may lie the other way round too: the content decides.
    assert_eq!(text("a.txt", &docx(&["合唱"])), "合唱");
    assert!(is_damaged(&Pool::new(worker()).extract(Path::new("/nonexistent/file"), "a.pdf")));
}

#[test]
fn every_truncation_of_a_file_has_an_answer() {
    let pool = Pool::new(worker());
    for (name, bytes) in
        [("a.docx", docx(&["平行四边形"])), ("a.xlsx", xlsx(&["a"])), ("a.pdf", pdf::reader_font("平行四边形"))]
    {
        for len in (0..bytes.len()).step_by(bytes.len() / 40 + 1) {
            if let Err(ExtractError::Crashed(how)) = extract_with(&pool, name, &bytes[..len]) {
                panic!("{name} cut to {len}: {how}");
            }
        }
    }
}

#[test]
fn a_pdf_that_goes_round_in_circles_ends() {
    for (what, bytes) in pdf::circles() {
        match extract("a.pdf", &bytes) {
            Ok(found) => assert!(found.text.len() <= MAX_TEXT_BYTES, "{what}"),
            Err(ExtractError::Damaged(_) | ExtractError::NoText | ExtractError::TooLarge) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

#[test]
fn bombs_are_too_large() {
    assert_eq!(extract("a.docx", &documents::docx_of_blanks(80 << 20)), Err(ExtractError::TooLarge));
    let pdf = extract("a.pdf", &pdf::bomb());
    assert!(matches!(pdf, Err(ExtractError::NoText | ExtractError::TooLarge)), "{pdf:?}");
    let entities =
        r#"<!DOCTYPE d [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><d><p><t>ha &b;</t></p></d>"#;
    assert_eq!(text("a.docx", &zip_of(&[("word/document.xml", entities.as_bytes())])), "ha");
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let long = extract("a.txt", "平行四边形。".repeat(200_000).as_bytes()).unwrap();
    assert!(long.truncated && long.text.len() <= MAX_TEXT_BYTES);
    assert!(!extract("a.txt", b"short").unwrap().truncated);
    let deep = format!("<html><body>{}深", "<div>".repeat(100_000));
    assert_eq!(text("a.html", deep.as_bytes()), "深");
}

#[test]
fn one_worker_serves_many_documents_and_ends_when_idle() {
    let pool = Pool::with_limits(worker(), Limits { idle: Duration::from_millis(1), ..Limits::default() });
    assert!(!pool.is_running());
    for round in 0..20 {
        assert_eq!(
            extract_with(&pool, "a.txt", format!("第{round}课").as_bytes()).unwrap().text,
            format!("第{round}课")
        );
    }
    while pool.is_running() {
        thread::yield_now();
    }
    assert_eq!(extract_with(&pool, "a.txt", "又来".as_bytes()).unwrap().text, "又来");
}

#[test]
fn a_worker_that_hangs_is_ended_and_the_next_document_read() {
    let dir = TempDir::new().unwrap();
    let fifo = dir.path().join("pipe");
    // Opening a pipe that nobody writes to waits for ever.
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let pool = Pool::with_limits(worker(), Limits { time: Duration::from_millis(300), ..Limits::default() });
    assert_eq!(pool.extract(&fifo, "a.pdf"), Err(ExtractError::TimedOut));
    let pool = Pool::new(worker());
    assert_eq!(extract_with(&pool, "a.txt", "下一个".as_bytes()).unwrap().text, "下一个");
}

#[test]
fn a_worker_that_cannot_be_started_or_ends_at_once_is_an_error() {
    let missing = WorkerCommand { program: "/nonexistent/kapok".into(), args: Vec::new() };
    assert!(matches!(extract_with(&Pool::new(missing), "a.txt", b"x"), Err(ExtractError::Crashed(_))));
    let ends = WorkerCommand { program: "false".into(), args: Vec::new() };
    assert!(matches!(extract_with(&Pool::new(ends), "a.txt", b"x"), Err(ExtractError::Crashed(_))));
    let babbles = WorkerCommand { program: "echo".into(), args: vec!["nonsense".into()] };
    assert!(matches!(extract_with(&Pool::new(babbles), "a.txt", b"x"), Err(ExtractError::Crashed(_))));
}
