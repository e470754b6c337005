//! ToUnicode tables: which characters a font's codes stand for (ISO 32000-1, 9.10.3; Adobe Technical Note 5014).

use std::collections::HashMap;

/// There are no more codes of two bytes; fonts with longer ones do not exist in practice.
const MAX_CODES: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct CMap {
    characters: HashMap<u32, String>,
    /// The length in bytes of the codes, by their first byte: (first, last, length).
    spaces: Vec<(u8, u8, usize)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Hex(Vec<u8>),
    Open,
    Close,
    Word(Vec<u8>),
}

impl CMap {
    /// Reads what it understands and skips the rest: tables are often a little wrong.
    pub(super) fn parse(bytes: &[u8]) -> CMap {
        let mut cmap = CMap::default();
        let mut tokens = Tokens(bytes);
        while let Some(token) = tokens.next() {
            let Token::Word(word) = token else { continue };
            match word.as_slice() {
                b"begincodespacerange" => cmap.spaces(&mut tokens),
                b"beginbfchar" => cmap.chars(&mut tokens),
                b"beginbfrange" => cmap.ranges(&mut tokens),
                _ => {}
            }
        }
        cmap
    }

    pub(super) fn get(&self, code: u32) -> Option<&str> {
        self.characters.get(&code).map(String::as_str)
    }

    /// How many bytes the code has that begins with this one.
    pub(super) fn code_len(&self, first: u8) -> Option<usize> {
        self.spaces.iter().find(|(from, to, _)| (*from..=*to).contains(&first)).map(|&(_, _, len)| len)
    }

    fn spaces(&mut self, tokens: &mut Tokens<'_>) {
        while let Some(Token::Hex(from)) = tokens.next() {
            let Some(Token::Hex(to)) = tokens.next() else { return };
            if let (Some(&first), Some(&last)) = (from.first(), to.first())
                && from.len() <= 4
                && self.spaces.len() < 256
            {
                self.spaces.push((first, last, from.len()));
            }
        }
    }

    fn chars(&mut self, tokens: &mut Tokens<'_>) {
        while let Some(Token::Hex(code)) = tokens.next() {
            let Some(Token::Hex(text)) = tokens.next() else { return };
            self.put(number(&code), utf16(&text));
        }
    }

    fn ranges(&mut self, tokens: &mut Tokens<'_>) {
        while let Some(Token::Hex(from)) = tokens.next() {
            let Some(Token::Hex(to)) = tokens.next() else { return };
            let (from, to) = (number(&from), number(&to));
            match tokens.next() {
                Some(Token::Hex(mut text)) => {
                    for code in (from..=to).take(MAX_CODES) {
                        if !self.put(code, utf16(&text)) {
                            break;
                        }
                        increment(&mut text);
                    }
                }
                Some(Token::Open) => {
                    let mut code = from;
                    while let Some(Token::Hex(text)) = tokens.next() {
                        if code <= to {
                            self.put(code, utf16(&text));
                        }
                        code = code.saturating_add(1);
                    }
                }
                _ => return,
            }
        }
    }

    fn put(&mut self, code: u32, text: String) -> bool {
        let room = self.characters.len() < MAX_CODES;
        if room {
            self.characters.insert(code, text);
        }
        room
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

fn increment(text: &mut [u8]) {
    for byte in text.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

fn utf16(bytes: &[u8]) -> String {
    if let [byte] = bytes {
        return char::from(*byte).to_string();
    }
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).filter_map(Result::ok).filter(|&c| c != '\0').collect()
}

struct Tokens<'a>(&'a [u8]);

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let (&first, rest) = self.0.split_first()?;
            self.0 = rest;
            return Some(match first {
                b if b.is_ascii_whitespace() || b == 0 => continue,
                b'%' => {
                    self.take(|b| b != b'\n' && b != b'\r');
                    continue;
                }
                b'[' => Token::Open,
                b']' => Token::Close,
                b'<' if rest.first() == Some(&b'<') => {
                    self.0 = &rest[1..];
                    Token::Word(b"<<".to_vec())
                }
                b'<' => {
                    let digits: Vec<u8> = self
                        .take(|b| b != b'>')
                        .iter()
                        .filter_map(|&b| char::from(b).to_digit(16))
                        .map(|d| d as u8)
                        .collect();
                    self.0 = self.0.get(1..).unwrap_or_default();
                    Token::Hex(digits.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).copied().unwrap_or(0)).collect())
                }
                b'>' | b'(' | b')' | b'{' | b'}' | b'/' => Token::Word(vec![first]),
                _ => {
                    let mut word = vec![first];
                    word.extend_from_slice(self.take(|b| !(b.is_ascii_whitespace() || b"<>[](){}/%".contains(&b))));
                    Token::Word(word)
                }
            });
        }
    }
}

impl<'a> Tokens<'a> {
    fn take(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.0.iter().position(|&b| !belongs(b)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_and_ranges_are_read() {
        let cmap = CMap::parse(
            b"/CIDInit /ProcSet findresource begin 1 begincodespacerange <0000> <FFFF> endcodespacerange
              2 beginbfchar <0003> <0020> <0010> <D840DC0B> endbfchar
              2 beginbfrange <0021><0023><5E73> <0030> <0031> [<56DB> <8FB9>] endbfrange endcmap",
        );
        assert_eq!(cmap.get(0x22), Some("平".replace('平', "\u{5E74}").as_str()));
        assert_eq!((cmap.get(0x21), cmap.get(0x31), cmap.get(0x10)), (Some("平"), Some("边"), Some("𠀋")));
        assert_eq!(cmap.code_len(0x12), Some(2));
    }

    #[test]
    fn nonsense_gives_little_and_ends() {
        for bytes in
            [&b"beginbfrange <0000> <FFFFFFFF> <0041>"[..], b"beginbfchar <", b"beginbfrange <00> <FF> [", b"<<<<>>>>%"]
        {
            assert!(CMap::parse(bytes).characters.len() <= MAX_CODES);
        }
    }
}
