//! Invented entries with the shapes of real ones: a federation of authors, resources of schools with their files, and
//! the heads that state them. No two seeds share a random number, a hash or a signature.
//!
//! The bodies are those of `node/library` (`resource/body.rs`, `profile.rs`), written down by hand because the
//! protocol does not depend on what entries mean.
#![allow(dead_code, clippy::unwrap_used, unreachable_pub)]

use kapok_protocol::entry::{Entry, Key, Kind, PersonId, Sequence, ShelfId, Verified};
use kapok_protocol::head::{Head, Progress, VerifiedHead};
use kapok_protocol::identity::Keypair;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use minicbor::Encode;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const START: u64 = 1_790_000_000_000;

const SUBJECTS: [(&str, &str); 18] = [
    ("chinese", "语文"),
    ("math", "数学"),
    ("english", "英语"),
    ("science", "科学"),
    ("morality", "道德与法治"),
    ("physics", "物理"),
    ("chemistry", "化学"),
    ("biology", "生物"),
    ("geography", "地理"),
    ("history", "历史"),
    ("pe", "体育与健康"),
    ("music", "音乐"),
    ("art", "美术"),
    ("it", "信息科技"),
    ("labor", "劳动"),
    ("calligraphy", "书法"),
    ("psychology", "心理健康"),
    ("nuosu", "彝语文"),
];
const STAGES: [(&str, [&str; 3]); 4] = [
    ("preschool", ["小班", "中班", "大班"]),
    ("primary", ["三年级", "五年级", "六年级"]),
    ("junior", ["七年级", "八年级", "九年级"]),
    ("senior", ["高一", "高二", "高三"]),
];
const KINDS: [(&str, &str); 16] = [
    ("lesson-plan", "教案"),
    ("study-plan", "学案"),
    ("courseware", "课件"),
    ("micro-lesson", "微课"),
    ("recording", "课堂实录"),
    ("video", "视频"),
    ("audio", "音频"),
    ("image", "图片"),
    ("exercise", "试题"),
    ("paper", "试卷"),
    ("homework", "作业"),
    ("thesis", "论文"),
    ("ebook", "电子图书"),
    ("simulation", "虚拟实验"),
    ("reference", "文献资料"),
    ("material", "素材"),
];
const EDITIONS: [&str; 10] =
    ["统编版", "人教版", "北师大版", "苏教版", "外研版", "西师大版", "教科版", "人音版", "人美版", "川教版"];
const VOLUMES: [&str; 4] = ["first", "second", "whole", "required"];
const LICENSES: [&str; 6] = ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "federation", "licensee"];
const TYPES: [(&str, &str); 12] = [
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("pdf", "application/pdf"),
    ("mp4", "video/mp4"),
    ("mp3", "audio/mpeg"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("epub", "application/epub+zip"),
    ("txt", "text/plain"),
    ("zip", "application/zip"),
    ("html", "text/html"),
];
const TOPICS: [&str; 48] = [
    "平行四边形的面积",
    "分数的初步认识",
    "小数乘法",
    "两位数乘两位数",
    "认识钟表",
    "圆的周长",
    "比例尺",
    "统计图表",
    "一元一次方程",
    "勾股定理",
    "二次函数的图象",
    "相似三角形",
    "静夜思",
    "背影",
    "岳阳楼记",
    "记承天寺夜游",
    "春晓",
    "看图写话",
    "习作：我的家乡",
    "古诗两首",
    "光的折射",
    "浮力",
    "欧姆定律",
    "电流与电路",
    "牛顿第一定律",
    "氧气的性质",
    "酸和碱",
    "光合作用",
    "细胞的结构",
    "食物链",
    "地球的自转",
    "季风气候",
    "长江与黄河",
    "辛亥革命",
    "丝绸之路",
    "Unit 3 My friends",
    "What time is it",
    "Past tense",
    "音标与拼读",
    "歌曲：茉莉花",
    "节奏训练",
    "水彩风景",
    "剪纸",
    "广播体操",
    "篮球运球",
    "种子的发芽",
    "月相的变化",
    "安全用电",
];
const WORDS: [&str; 40] = [
    "本课通过",
    "动手操作",
    "引导学生",
    "理解",
    "掌握",
    "推导过程",
    "并能解决",
    "简单的实际问题",
    "小组合作",
    "课堂练习",
    "重点",
    "难点",
    "教学目标",
    "板书设计",
    "课后反思",
    "情境导入",
    "例题讲解",
    "巩固提高",
    "分层作业",
    "适用于",
    "农村小学",
    "复式教学",
    "配套",
    "音频",
    "朗读",
    "实验",
    "观察记录",
    "图片",
    "单元测试",
    "期末复习",
    "含答案",
    "乡村教师",
    "可打印",
    "适合多媒体教室",
    "时长约",
    "分钟",
    "第一课时",
    "第二课时",
    "公开课",
    "一等奖",
];
const PLACES: [&str; 12] = [
    "红格小学",
    "盐边县渔门中学",
    "米易县第一小学",
    "仁和区大龙潭学校",
    "东区实验学校",
    "西区格里坪小学",
    "二滩教学点",
    "共和教学点",
    "永兴中心校",
    "桐子林小学",
    "攀枝花市教科所",
    "国胜乡小学",
];
const SURNAMES: [&str; 12] = ["王", "李", "张", "刘", "陈", "杨", "罗", "吉克", "阿苏", "沙马", "周", "谢"];

#[derive(Encode)]
#[cbor(map)]
struct Body {
    #[n(0)]
    title: String,
    #[n(1)]
    description: String,
    #[n(2)]
    keywords: Vec<String>,
    #[n(3)]
    subject: &'static str,
    #[n(4)]
    stage: &'static str,
    #[n(5)]
    years: Vec<u8>,
    #[n(6)]
    kind: &'static str,
    #[n(7)]
    language: &'static str,
    #[n(8)]
    edition: &'static str,
    #[n(9)]
    volume: &'static str,
    #[n(10)]
    license: &'static str,
    #[n(11)]
    files: Vec<File>,
    #[n(12)]
    version: u32,
    #[n(13)]
    note: &'static str,
    #[n(14)]
    former: Vec<u8>,
    #[n(15)]
    maker: String,
    #[n(16)]
    created: Timestamp,
}

#[derive(Encode)]
#[cbor(map)]
struct File {
    #[n(0)]
    name: String,
    #[n(1)]
    size: u64,
    #[n(2)]
    mime: &'static str,
    #[cbor(n(3), with = "minicbor::bytes")]
    blob: [u8; 32],
    #[n(4)]
    text: Option<Text>,
}

#[derive(Encode)]
#[cbor(map)]
struct Text {
    #[cbor(n(0), with = "minicbor::bytes")]
    blob: [u8; 32],
    #[n(1)]
    size: u64,
}

#[derive(Encode)]
#[cbor(map)]
struct Profile {
    #[n(0)]
    addresses: Vec<String>,
    #[n(1)]
    agent: &'static str,
}

/// Draws entries of one author after the other.
pub struct Corpus {
    random: ChaCha8Rng,
}

/// An author with the number that it will use next.
pub struct Author {
    pub key: Keypair,
    pub incarnation: u64,
    pub number: u64,
    place: &'static str,
    person: [u8; 16],
    time: u64,
}

impl Corpus {
    pub fn new(seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed) }
    }

    fn below(&mut self, n: usize) -> usize {
        self.random.random_range(0..n)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill_bytes(&mut bytes);
        bytes
    }

    pub fn author(&mut self) -> Author {
        let time = START + u64::try_from(self.below(30_000_000)).unwrap() * 1000;
        let key = Keypair::from_secret(&self.bytes());
        Author { key, incarnation: time, number: 0, place: self.pick(&PLACES), person: self.bytes(), time }
    }

    fn sentence(&mut self, words: usize) -> String {
        let mut text = String::new();
        for n in 0..words {
            if n > 0 && self.below(3) == 0 {
                text.push_str(if self.below(2) == 0 { "，" } else { "、" });
            }
            text.push_str(self.pick(&WORDS));
        }
        text
    }

    fn body(&mut self, author: &Author) -> Vec<u8> {
        let (subject, subject_zh) = self.pick(&SUBJECTS);
        let (stage, years) = self.pick(&STAGES);
        let (kind, kind_zh) = self.pick(&KINDS);
        let (topic, year) = (self.pick(&TOPICS), self.below(3));
        let title = match self.below(4) {
            0 => topic.to_owned(),
            1 => format!("{}{subject_zh}《{topic}》{kind_zh}", years[year]),
            2 => format!("{topic}（{kind_zh}）"),
            _ => format!("{} {topic} {}", self.pick(&EDITIONS), self.sentence(1)),
        };
        let count = if self.below(5) == 0 { 1 + self.below(5) } else { 1 };
        let files = (0..count)
            .map(|n| {
                let (ending, mime) = self.pick(&TYPES);
                let name = match self.below(3) {
                    0 => format!("{title}.{ending}"),
                    1 => format!("{topic}{}.{ending}", n + 1),
                    _ => format!("{}{topic}.{ending}", years[year]),
                };
                let size = 4_000 + u64::try_from(self.below(20_000_000)).unwrap();
                let text = (self.below(3) > 0)
                    .then(|| Text { blob: self.bytes(), size: 500 + u64::try_from(self.below(9_000)).unwrap() });
                File { name, size, mime, blob: self.bytes(), text }
            })
            .collect();
        let words = self.below(14);
        let description = if words < 3 { String::new() } else { self.sentence(words) + "。" };
        let keywords = (0..self.below(4)).map(|_| self.pick(&TOPICS).to_owned()).collect();
        let maker = match self.below(3) {
            0 => String::new(),
            1 => author.place.to_owned(),
            _ => format!("{}老师", self.pick(&SURNAMES)),
        };
        let body = Body {
            title,
            description,
            keywords,
            subject,
            stage,
            years: vec![u8::try_from(year + 1).unwrap()],
            kind,
            language: if subject == "english" { "en" } else { "zh-CN" },
            edition: self.pick(&EDITIONS),
            volume: self.pick(&VOLUMES),
            license: self.pick(&LICENSES),
            files,
            version: 1 + u32::from(self.below(6) == 0),
            note: "",
            former: Vec::new(),
            maker,
            created: Timestamp(author.time),
        };
        minicbor::to_vec(body).unwrap()
    }

    fn entry(&mut self, author: &mut Author, key: Key, body: Vec<u8>) -> Verified {
        author.number += 1;
        author.time += 1_000 + u64::try_from(self.below(3_600_000)).unwrap();
        let person = (self.below(2) == 0).then(|| PersonId { home: author.key.id(), id: author.person });
        let entry = Entry {
            author: author.key.id(),
            sequence: Sequence { incarnation: author.incarnation, number: author.number },
            key,
            time: Timestamp(author.time),
            visibility: Visibility::Public,
            body: Some(body),
            person,
        };
        Verified::sign(&author.key, entry).unwrap()
    }

    /// A resource that the author publishes next.
    pub fn resource(&mut self, author: &mut Author) -> Verified {
        let body = self.body(author);
        let name = self.bytes::<16>().to_vec();
        self.entry(author, Key { kind: Kind::RESOURCE, name }, body)
    }

    /// The author's profile.
    pub fn profile(&mut self, author: &mut Author) -> Verified {
        let [a, b, c] = self.bytes();
        let port = 4001 + self.below(3);
        let addresses =
            vec![format!("/ip4/10.{a}.{b}.{c}/udp/{port}/quic-v1"), format!("/ip4/10.{a}.{b}.{c}/tcp/{port}")];
        let body = minicbor::to_vec(Profile { addresses, agent: "kapok/0.1.0" }).unwrap();
        self.entry(author, Key { kind: Kind::PROFILE, name: Vec::new() }, body)
    }

    /// The head that states all that the author has published.
    pub fn head(&mut self, author: &Author, visibility: Visibility) -> VerifiedHead {
        let head = Head {
            shelf: ShelfId { author: author.key.id(), visibility },
            progress: Progress([(author.incarnation, author.number)].into()),
            live: author.number,
            digest: self.bytes(),
            time: Timestamp(author.time),
        };
        VerifiedHead::sign(&author.key, head)
    }
}
