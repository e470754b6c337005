//! A made-up library: titles, descriptions and texts put together from school words, the same on every run.

#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;

use kapok_indexer::{Document, Facet};

pub const WORDS: &[&str] = &[
    "平行四边形",
    "三角形",
    "面积",
    "周长",
    "分数",
    "小数",
    "乘法",
    "除法",
    "口算",
    "应用题",
    "方程",
    "统计图",
    "古诗",
    "作文",
    "阅读理解",
    "拼音",
    "生字",
    "听写",
    "朗读",
    "寓言",
    "童话",
    "静夜思",
    "荷花",
    "单词",
    "语法",
    "听力",
    "口语",
    "自然拼读",
    "植物",
    "动物",
    "水循环",
    "电路",
    "磁铁",
    "光合作用",
    "节奏",
    "合唱",
    "竖笛",
    "彝族民歌",
    "水彩",
    "剪纸",
    "素描",
    "石榴",
    "攀枝花",
    "盐边县",
    "红格",
    "二滩",
    "安全教育",
    "班会",
    "心理健康",
    "复习",
    "期末试卷",
    "教案",
    "课件",
    "微课",
    "练习",
    "导学案",
    "上册",
    "下册",
    "第一单元",
    "第二单元",
    "三年级",
    "四年级",
    "五年级",
    "Unit",
    "PEP",
    "lesson",
    "music",
    "art",
    "science",
];
const SUBJECTS: &[&str] = &["语文", "数学", "英语", "科学", "音乐", "美术"];
const KINDS: &[&str] = &["教案", "课件", "试卷", "微课"];

/// A small generator of numbers (splitmix64), so that tests need no crate for it.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn word(&mut self) -> &'static str {
        // Two draws, so that some words are common and some rare.
        let bound = self.below(WORDS.len()) + 1;
        WORDS[self.below(bound)]
    }

    pub fn words(&mut self, count: usize, between: &str) -> String {
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(between)
    }
}

pub fn document(number: usize, version: u64) -> Document {
    let mut n = Numbers(number as u64 * 1_000 + version);
    let title_words = 2 + n.below(4);
    let description_words = n.below(30);
    let text_words = if n.below(3) == 0 { 50 + n.below(300) } else { 0 };
    let facets = BTreeMap::from([
        (Facet::Subject, vec![SUBJECTS[n.below(SUBJECTS.len())].to_owned()]),
        (Facet::Kind, vec![KINDS[n.below(KINDS.len())].to_owned()]),
    ]);
    Document {
        id: format!("doc{number:06}"),
        title: n.words(title_words, "的"),
        keywords: (0..n.below(4)).map(|_| n.word().to_owned()).collect(),
        description: n.words(description_words, "，"),
        text: n.words(text_words, "。"),
        facets,
        time_ms: 1_700_000_000_000 + n.next() % 1_000_000,
    }
}

/// Queries of every sort: words, several, cut in odd places, quoted, with exclusions, mixed, nonsense.
pub fn queries(count: usize) -> Vec<String> {
    let mut n = Numbers(7);
    (0..count)
        .map(|at| match at % 8 {
            0 => n.word().to_owned(),
            1 | 2 => n.words(2, " "),
            3 => n.words(3, ""),
            4 => format!("{}的{}怎么讲", n.word(), n.word()),
            5 => format!("\"{}\" {} -{}", n.word(), n.word(), n.word()),
            6 => format!("{} 龘靐{}", n.word(), at),
            _ => {
                let text: Vec<char> = n.words(2, "").chars().collect();
                text[1..text.len() - 1].iter().collect()
            }
        })
        .collect()
}
