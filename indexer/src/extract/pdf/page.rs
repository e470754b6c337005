//! Pages: follows the operators that draw text, and where they draw it.
//!
//! A page says where glyphs go and nothing about words or lines. So the pen is followed (ISO 32000-1, 9.4): a step to
//! another height begins a line, a gap in a line is a blank. A Chinese sentence that goes on in the next line has no blank there,
//! and with one its words would be cut in two; such lines are joined.

use std::collections::HashMap;
use std::rc::Rc;

use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::MAX_STREAM_BYTES;
use super::font::Font;
use crate::extract::sink::Sink;

/// Forms may contain forms; honest ones a few deep.
const MAX_FORM_DEPTH: usize = 8;
/// Drawing operators of a whole document, forms drawn many times included.
const MAX_OPERATIONS: u64 = 10_000_000;
const MAX_STATES: usize = 256;

/// Distances in units of the font's size: what is another line, the next line of the same paragraph, a blank.
const OTHER_LINE: f32 = 0.5;
const NEXT_LINE: f32 = 1.9;
const BLANK: f32 = 0.2;
const CJK_BLANK: f32 = 0.9;
const SAME_SIZE: f32 = 0.1;

type Matrix = [f32; 6];
const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

pub(super) struct Pages<'a> {
    document: &'a Document,
    sink: Sink,
    /// By the address of their dictionary, which lives as long as the document.
    fonts: HashMap<*const Dictionary, Rc<Font>>,
    operations: u64,
    /// The forms that are being drawn, one in another.
    forms: Vec<*const Stream>,
    /// Where the last glyph ended, on the page.
    pen: Option<Pen>,
}

#[derive(Clone, Copy)]
struct Pen {
    x: f32,
    y: f32,
    size: f32,
}

#[derive(Clone)]
struct State {
    ctm: Matrix,
    font: Option<Rc<Font>>,
    size: f32,
    char_space: f32,
    word_space: f32,
    stretch: f32,
    leading: f32,
}

struct Text {
    matrix: Matrix,
    line: Matrix,
}

impl<'a> Pages<'a> {
    pub(super) fn new(document: &'a Document, sink: Sink) -> Self {
        Pages { document, sink, fonts: HashMap::new(), operations: 0, forms: Vec::new(), pen: None }
    }

    pub(super) fn into_sink(self) -> Sink {
        self.sink
    }

    /// Nothing more will be read.
    pub(super) fn done(&self) -> bool {
        self.sink.full() || self.operations >= MAX_OPERATIONS
    }

    /// Reads a page as far as it can be read; a broken one spoils no other.
    pub(super) fn read(&mut self, page: ObjectId) {
        self.sink.line();
        self.pen = None;
        let Ok((inline, ids)) = self.document.get_page_resources(page) else { return };
        let referenced = ids.into_iter().filter_map(|id| self.document.get_dictionary(id).ok());
        let resources: Vec<&Dictionary> = inline.into_iter().chain(referenced).collect();
        if let Ok(content) = self.document.get_page_content_with_limit(page, MAX_STREAM_BYTES) {
            self.draw(&content, &resources, IDENTITY);
        }
    }

    fn draw(&mut self, content: &[u8], resources: &[&'a Dictionary], ctm: Matrix) {
        let mut state =
            State { ctm, font: None, size: 1.0, char_space: 0.0, word_space: 0.0, stretch: 1.0, leading: 0.0 };
        let mut states = Vec::new();
        let mut text = Text { matrix: IDENTITY, line: IDENTITY };
        for operation in Content::decode_iter(content) {
            let Ok(Operation { operator, operands }) = operation else { return };
            self.operations += 1;
            if self.done() {
                return;
            }
            let number = |at: usize| {
                operands.get(at).and_then(|operand| operand.as_float().ok()).filter(|n| n.is_finite()).unwrap_or(0.0)
            };
            let matrix = || std::array::from_fn::<f32, 6, _>(number);
            match operator.as_str() {
                "q" if states.len() < MAX_STATES => states.push(state.clone()),
                "Q" => state = states.pop().unwrap_or(state),
                "cm" => state.ctm = times(matrix(), state.ctm),
                "BT" => text = Text { matrix: IDENTITY, line: IDENTITY },
                "Tf" => {
                    state.font = operands
                        .first()
                        .and_then(|name| name.as_name().ok())
                        .and_then(|name| self.font(resources, name));
                    state.size = number(1);
                }
                "Tc" => state.char_space = number(0),
                "Tw" => state.word_space = number(0),
                "Tz" => state.stretch = number(0) / 100.0,
                "TL" => state.leading = number(0),
                "Tm" => text = Text { matrix: matrix(), line: matrix() },
                "Td" => text.step(number(0), number(1)),
                "TD" => {
                    state.leading = -number(1);
                    text.step(number(0), number(1));
                }
                "T*" => text.step(0.0, -state.leading),
                "Tj" => self.show(operands.first(), &state, &mut text),
                "'" => {
                    text.step(0.0, -state.leading);
                    self.show(operands.first(), &state, &mut text);
                }
                "\"" => {
                    (state.word_space, state.char_space) = (number(0), number(1));
                    text.step(0.0, -state.leading);
                    self.show(operands.get(2), &state, &mut text);
                }
                "TJ" => {
                    for item in operands.first().and_then(|items| items.as_array().ok()).into_iter().flatten() {
                        match item.as_float() {
                            Ok(back) => text.advance(-back / 1000.0 * state.size * state.stretch),
                            Err(_) => self.show(Some(item), &state, &mut text),
                        }
                    }
                }
                "Do" => {
                    if let Some(name) = operands.first().and_then(|name| name.as_name().ok()) {
                        self.form(name, resources, state.ctm);
                    }
                }
                _ => {}
            }
        }
    }

    fn form(&mut self, name: &[u8], resources: &[&'a Dictionary], ctm: Matrix) {
        let Some(form) = self.resource(resources, b"XObject", name).and_then(|object| object.as_stream().ok()) else {
            return;
        };
        if !form.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Form") {
            return;
        }
        // A form that draws itself, by whatever detour, is an error in the file or an attack.
        if self.forms.len() >= MAX_FORM_DEPTH || self.forms.contains(&std::ptr::from_ref(form)) {
            return;
        }
        let Ok(content) = form.decompressed_content_with_limit(MAX_STREAM_BYTES) else { return };
        // Every drawing of a form counts for its bytes too, so that a short page cannot draw a long form without end.
        self.operations += 10 + content.len() as u64 / 64;
        let matrix = form.dict.get_deref(b"Matrix", self.document).and_then(Object::as_array).ok();
        let matrix = matrix.map_or(IDENTITY, |items| {
            std::array::from_fn(|at| items.get(at).and_then(|item| item.as_float().ok()).unwrap_or(IDENTITY[at]))
        });
        self.forms.push(std::ptr::from_ref(form));
        match form.dict.get_deref(b"Resources", self.document).and_then(Object::as_dict) {
            Ok(own) => self.draw(&content, &[own], times(matrix, ctm)),
            Err(_) => self.draw(&content, resources, times(matrix, ctm)),
        }
        self.forms.pop();
    }

    fn resource(&self, resources: &[&'a Dictionary], kind: &[u8], name: &[u8]) -> Option<&'a Object> {
        resources.iter().find_map(|resources| {
            let of_kind = resources.get_deref(kind, self.document).and_then(Object::as_dict).ok()?;
            of_kind.get_deref(name, self.document).ok()
        })
    }

    fn font(&mut self, resources: &[&'a Dictionary], name: &[u8]) -> Option<Rc<Font>> {
        let dictionary = self.resource(resources, b"Font", name)?.as_dict().ok()?;
        let font = self
            .fonts
            .entry(std::ptr::from_ref(dictionary))
            .or_insert_with(|| Rc::new(Font::new(self.document, dictionary)));
        Some(Rc::clone(font))
    }

    fn show(&mut self, string: Option<&Object>, state: &State, text: &mut Text) {
        let (Some(font), Some(string)) = (&state.font, string.and_then(|string| string.as_str().ok())) else { return };
        for glyph in font.glyphs(string) {
            self.operations += 1;
            if glyph.text.chars().all(char::is_whitespace) {
                if !glyph.text.is_empty() {
                    self.sink.blank();
                }
            } else {
                self.step_to(pen(state, text), &glyph.text);
                self.sink.push(&glyph.text);
            }
            let extra = state.char_space + if glyph.blank { state.word_space } else { 0.0 };
            text.advance((glyph.width / 1000.0 * state.size + extra) * state.stretch);
            self.pen = Some(pen(state, text));
        }
    }

    /// Whether there is a blank or a line end between the last glyph and one that is drawn here.
    fn step_to(&mut self, to: Pen, text: &str) {
        let Some(from) = self.pen else { return };
        let size = from.size.max(to.size).max(f32::MIN_POSITIVE);
        let joins = |sink: &Sink| sink.last().is_some_and(is_cjk) && text.chars().next().is_some_and(is_cjk);
        let (right, down) = ((to.x - from.x) / size, (to.y - from.y).abs() / size);
        if down > OTHER_LINE {
            let same_size = (from.size - to.size).abs() <= SAME_SIZE * size;
            if !(down <= NEXT_LINE && same_size && joins(&self.sink)) {
                self.sink.line();
            }
        } else if !(-OTHER_LINE..=CJK_BLANK).contains(&right) || (right > BLANK && !joins(&self.sink)) {
            self.sink.blank();
        }
    }
}

impl Text {
    fn step(&mut self, x: f32, y: f32) {
        self.line = times([1.0, 0.0, 0.0, 1.0, x, y], self.line);
        self.matrix = self.line;
    }

    fn advance(&mut self, x: f32) {
        self.matrix = times([1.0, 0.0, 0.0, 1.0, x, 0.0], self.matrix);
    }
}

/// Where the next glyph goes, and how large, on the page.
fn pen(state: &State, text: &Text) -> Pen {
    let [_, _, c, d, x, y] = times(text.matrix, state.ctm);
    Pen { x, y, size: (state.size * c.hypot(d)).abs() }
}

/// First `a`, then `b`.
fn times(a: Matrix, b: Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

/// Characters that are written without blanks between. Punctuation is none of them: after a full stop a line may well end.
fn is_cjk(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{2FDF}' | '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{A000}'..='\u{A4CF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}
