//! PDFs made with lopdf.

use encoding_rs::GB18030;
use lopdf::{
    Dictionary, Document, EncryptionState, EncryptionVersion, Object, ObjectId, Permissions, Stream, StringFormat,
    dictionary,
};

struct Made {
    document: Document,
    pages: ObjectId,
    page: ObjectId,
}

fn made(content: Vec<u8>, font: Dictionary) -> Made {
    let mut document = Document::with_version("1.5");
    let pages = document.new_object_id();
    let font = document.add_object(font);
    let content = document.add_object(Stream::new(dictionary! {}, content));
    let page = document.add_object(dictionary! {
        "Type" => "Page",
        "Parent" => pages,
        "Contents" => content,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
    });
    let tree = dictionary! { "Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1 };
    document.objects.insert(pages, Object::Dictionary(tree));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => pages });
    document.trailer.set("Root", catalog);
    document
        .trailer
        .set("ID", vec![Object::string_literal("0123456789abcdef"), Object::string_literal("0123456789abcdef")]);
    Made { document, pages, page }
}

fn saved(mut document: Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

fn helvetica() -> Dictionary {
    let widths: Vec<Object> = (32..=126).map(|_| 500.into()).collect();
    dictionary! { "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica", "Encoding" => "WinAnsiEncoding", "FirstChar" => 32, "Widths" => widths }
}

fn song(encoding: &str) -> Dictionary {
    let descendant = dictionary! {
        "Type" => "Font", "Subtype" => "CIDFontType0", "BaseFont" => "STSong-Light",
        "CIDSystemInfo" => dictionary! { "Registry" => Object::string_literal("Adobe"), "Ordering" => Object::string_literal("GB1"), "Supplement" => 2 },
    };
    dictionary! { "Type" => "Font", "Subtype" => "Type0", "BaseFont" => "STSong-Light", "Encoding" => encoding, "DescendantFonts" => vec![Object::Dictionary(descendant)] }
}

pub fn drawing(content: &str) -> Vec<u8> {
    saved(made(content.into(), helvetica()).document)
}

/// Drawn with STSong-Light in GBK, which the file neither holds nor explains.
pub fn reader_font(text: &str) -> Vec<u8> {
    let string = hex(&GB18030.encode(text).0);
    saved(made(format!("BT /F1 12 Tf 72 700 Td <{string}> Tj ET").into(), song("GBK-EUC-H")).document)
}

/// Glyph numbers of an embedded font without a table: nobody can know what they are.
pub fn identity_without_table() -> Vec<u8> {
    saved(made("BT /F1 12 Tf 72 700 Td <0102030405060708> Tj ET".into(), song("Identity-H")).document)
}

pub fn encrypted(password: &str) -> Vec<u8> {
    let Made { mut document, .. } = made("BT /F1 12 Tf 72 700 Td (Hello) Tj ET".into(), helvetica());
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: password,
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    saved(document)
}

/// A page whose content unpacks to more than a page may have.
pub fn bomb() -> Vec<u8> {
    let Made { mut document, page, .. } = made(Vec::new(), helvetica());
    let mut stream = Stream::new(dictionary! {}, vec![b' '; 80 << 20]);
    stream.compress().unwrap();
    let id = document.add_object(stream);
    document.get_dictionary_mut(page).unwrap().set("Contents", id);
    saved(document)
}

/// Everything that can refer to itself.
pub fn circles() -> Vec<(&'static str, Vec<u8>)> {
    let new = || made("BT /F1 12 Tf (Hi) Tj ET /X Do /X Do".into(), helvetica());
    let mut all = Vec::new();

    let Made { mut document, pages, page } = new();
    document.get_dictionary_mut(pages).unwrap().set("Kids", vec![page.into(), pages.into(), pages.into()]);
    all.push(("a page tree that contains itself", saved(document)));

    let Made { mut document, pages, .. } = new();
    document.get_dictionary_mut(pages).unwrap().set("Parent", pages);
    all.push(("a page tree that is its own parent", saved(document)));

    let Made { mut document, page, .. } = new();
    let form = document.new_object_id();
    let dict = dictionary! {
        "Type" => "XObject", "Subtype" => "Form",
        "Resources" => dictionary! { "XObject" => dictionary! { "X" => form, "Y" => form } },
    };
    let content = "/X Do /Y Do ".repeat(200).into_bytes();
    document.objects.insert(form, Object::Stream(Stream::new(dict, content)));
    document
        .get_dictionary_mut(page)
        .unwrap()
        .set("Resources", dictionary! { "XObject" => dictionary! { "X" => form } });
    all.push(("a form that draws itself many times", saved(document)));

    let Made { mut document, page, .. } = new();
    let (a, b) = (document.new_object_id(), document.new_object_id());
    document.objects.insert(a, Object::Reference(b));
    document.objects.insert(b, Object::Reference(a));
    document.get_dictionary_mut(page).unwrap().set("Contents", a);
    document.get_dictionary_mut(page).unwrap().set("Resources", a);
    all.push(("references that refer to each other", saved(document)));

    let text = String::from_utf8_lossy(&drawing("BT /F1 12 Tf (Hi) Tj ET")).into_owned();
    let start = text.rfind("startxref").unwrap();
    let looped = text[..start].replacen("trailer\n<<", "trailer\n<</Prev 15", 1) + &text[start..];
    all.push(("cross-references whose predecessor is anywhere", looped.into_bytes()));
    all.push(("brackets without end", drawing(&format!("BT {} ET", "[".repeat(200_000)))));
    all.push(("dictionaries without end", drawing(&format!("BT {} ET", "<<".repeat(200_000)))));
    all
}

fn hex(bytes: &[u8]) -> String {
    let Object::String(bytes, _) = Object::String(bytes.to_vec(), StringFormat::Hexadecimal) else {
        return String::new();
    };
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
