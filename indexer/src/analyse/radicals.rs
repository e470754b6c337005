//! Radicals that Unicode's compatibility forms leave alone.
//!
//! Fonts give one glyph to 页 and to ⻚ (U+2EDA), and programs that write PDFs by glyph then pick either. NFKC turns the
//! Kangxi block (U+2F00–2FDF) into ordinary ideographs, but of the CJK radicals supplement only two. Where a radical is a
//! variant form that is no character of its own, it becomes the character that people would search for.

/// The ideograph for a radical of U+2E80–2EF3; every other character is returned as it is.
pub(super) fn unified(c: char) -> char {
    if !('\u{2E80}'..='\u{2EF3}').contains(&c) {
        return c;
    }
    let row = TABLE[(c as usize - FIRST) / ROW];
    row.chars().nth((c as usize - FIRST) % ROW).unwrap_or(c)
}

const FIRST: usize = 0x2E80;
const ROW: usize = 16;

/// U+2E80–2EF3 in rows of sixteen, after the sources that EquivalentUnifiedIdeograph.txt of the Unicode Character
/// Database names, with whole characters where that file names a part. U+2E87 and the unassigned U+2E9A stand for themselves.
#[rustfmt::skip]
const TABLE: [&str; 8] = [
    "冫厂乛乚乙亻冂⺇刀刂卜㔾小小兀尣",
    "尢尢巳幺彑彐忄㣺扌攵⺚旡日月歺母",
    "民氵氺灬爫爫丬牛犭王疋目示礻竹糹",
    "纟罓罒㓁网网羊羊羊耂肀聿肉臼艹艹",
    "艹虎衤覀西见角角讠贝足车辶辶辶阝",
    "钅長镸长门阜阝雨青韦页风飞食食飠",
    "饣首马骨鬼鱼鸟卤麦黄黾斉齐歯齿竜",
    "龙龜亀龟",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simplified_radicals_are_their_characters() {
        let pairs = "⺟母⺠民⻄西⻅见⻆角⻉贝⻋车⻓长⻔门⻘青⻙韦⻚页⻛风⻜飞⻝食⻢马⻣骨⻤鬼⻥鱼⻦鸟⻧卤⻨麦⻩黄⻪黾⻬齐⻮齿⻰龙⻳龟";
        let chars: Vec<char> = pairs.chars().collect();
        for pair in chars.chunks(2) {
            assert_eq!(unified(pair[0]), pair[1]);
        }
    }

    #[test]
    fn every_row_is_full() {
        for row in &TABLE[..7] {
            assert_eq!(row.chars().count(), ROW);
        }
        assert_eq!(TABLE[7].chars().count(), 0x2EF4 - 0x2EF0);
    }
}
