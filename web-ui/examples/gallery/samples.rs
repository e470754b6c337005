//! Believable data for every page: a school of 米易县 on an afternoon in November 2026.

use kapok_web_ui::Html;
use kapok_web_ui::facts::{
    Availability, Certification, Choices, ResourceLine, Snippet, Stage, Tier, Transfer, WaitReason, Waiting,
};
use kapok_web_ui::format::{Bytes, Clock, Moment};
use kapok_web_ui::frame::{Account as Person, Done, Frame, Link, Notice};
use kapok_web_ui::messages::Messages;
use kapok_web_ui::pages::account::{Account, PasswordError};
use kapok_web_ui::pages::federation::{Federation, Member, MemberState};
use kapok_web_ui::pages::home::{Arriving, Home, ShortageSubject};
use kapok_web_ui::pages::login::{Login, LoginError};
use kapok_web_ui::pages::problem::{Problem, Said};
use kapok_web_ui::pages::resource::{Fetch, FetchState, File, Preview as Shown, Resource, Step, Version};
use kapok_web_ui::pages::search::{
    Answer, Facet, FacetField, FacetValue, Failure, Found, Hit, Outcome, Preview, Query, Search,
};
use kapok_web_ui::pages::setup::{Setup, SetupError};
use kapok_web_ui::pages::sync::{Board, Exchanged, Neighbour, Night, Outlook, Subscription, Sync, When};
use kapok_web_ui::pages::upload::{FieldError, Fields, Replaced, Upload};

/// An image that shows itself.
#[allow(dead_code, reason = "the tests use the same samples and need no picture")]
pub(crate) const PICTURE: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 420"><rect width="640" height="420" fill="#EAF2F4"/><path d="M170 320L270 100H520L420 320Z" fill="none" stroke="#8A6B42" stroke-width="16"/><g fill="#2A2421"><circle cx="170" cy="320" r="14"/><circle cx="270" cy="100" r="14"/><circle cx="520" cy="100" r="14"/><circle cx="420" cy="320" r="14"/></g></svg>"##;

const NOW: i64 = 1_794_465_000;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const MB: u64 = 1_000_000;

fn ago(seconds: i64) -> Moment {
    Moment(NOW - seconds)
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

/// The bars as a teacher sees them.
pub(crate) fn frame() -> Frame {
    Frame {
        messages: Messages::zh(),
        clock: Clock { now: Moment(NOW), utc_offset_seconds: 8 * HOUR },
        node_name: "禾草坝中心小学".to_owned(),
        place: Some("米易县".to_owned()),
        tier: Tier::School,
        link: Link::Online,
        catalogue_as_of: Some(ago(12 * HOUR + 900)),
        account: Some(Person {
            name: "李老师".to_owned(),
            may_upload: true,
            may_see_federation: true,
            may_manage: true,
        }),
        csrf: "c2FtcGxl".to_owned(),
        query: String::new(),
        pending: 2,
        notices: Vec::new(),
    }
}

/// The bars as a visitor sees them.
pub(crate) fn visitor() -> Frame {
    Frame { account: None, pending: 0, ..frame() }
}

struct Row(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    u8,
    Option<&'static str>,
    Certification,
    Availability,
    u64,
);

fn reachable(bytes: u64, seconds: Option<u64>) -> Availability {
    Availability::Reachable { missing: Bytes(bytes), seconds }
}

fn line(index: usize, row: Row) -> ResourceLine {
    let Row(title, kind, subject, stage, year, home, certification, availability, bytes) = row;
    ResourceLine {
        id: format!("k5v2m{index}h3qdzt7a6yq4x2nbwpce"),
        title: title.to_owned(),
        kind: Some(kind.to_owned()),
        subject: Some(subject.to_owned()),
        stage: Some(stage.to_owned()),
        year: Some(year),
        home: home.map(str::to_owned),
        certification,
        availability,
        bytes: Bytes(bytes),
        published: ago(index as i64 * 17 * HOUR + 3 * HOUR),
        image: None,
    }
}

fn lines(rows: Vec<Row>) -> Vec<ResourceLine> {
    rows.into_iter().enumerate().map(|(index, row)| line(index, row)).collect()
}

fn rows() -> Vec<ResourceLine> {
    use Availability::{Held, Unreachable};
    use Certification::{City, County, None as Unseen, School};
    lines(vec![
        Row("平行四边形的面积（第 1 课时）", "courseware", "math", "primary", 5, None, County, Held, 8_400_000),
        Row(
            "平行四边形的面积 课堂实录",
            "recording",
            "math",
            "primary",
            5,
            Some("市教研馆"),
            City,
            reachable(318 * MB, Some(700)),
            318 * MB,
        ),
        Row(
            "剪一剪、拼一拼：平行四边形学具单",
            "study-plan",
            "math",
            "primary",
            5,
            Some("米易县 河湾小学"),
            School,
            reachable(1_200_000, Some(40)),
            1_200_000,
        ),
        Row(
            "平行四边形和梯形 单元整体教学设计",
            "lesson-plan",
            "math",
            "primary",
            4,
            Some("东区 江湾实验小学"),
            City,
            Held,
            640_000,
        ),
        Row(
            "会变形的平行四边形",
            "animation",
            "math",
            "primary",
            4,
            Some("仁和区 橄榄坪小学"),
            County,
            Availability::Arriving { received: Bytes(9 * MB), total: Bytes(26 * MB) },
            26 * MB,
        ),
        Row(
            "平行四边形的面积 分层练习（含答案）",
            "exercise",
            "math",
            "primary",
            5,
            Some("盐边县 白沙渡小学"),
            School,
            Unreachable,
            410_000,
        ),
        Row("平行四边形框架（照片）", "image", "math", "primary", 4, Some("西区 格里坪小学"), Unseen, Held, 2_100_000),
        Row(
            "平行四边形面积公式推导 微课",
            "micro-lesson",
            "math",
            "primary",
            5,
            Some("仁和区 前进小学"),
            School,
            reachable(38 * MB, None),
            38 * MB,
        ),
    ])
}

fn shortage() -> Vec<ShortageSubject> {
    use Availability::Held;
    use Certification::{City, County, School};
    let newest = vec![
        (
            "music",
            18,
            vec![
                Row("四川民歌《槐花几时开》教唱", "audio", "music", "primary", 5, None, County, Held, 6 * MB),
                Row(
                    "柯尔文手势 一分钟微课",
                    "micro-lesson",
                    "music",
                    "primary",
                    3,
                    Some("市教研馆"),
                    City,
                    reachable(21 * MB, Some(300)),
                    21 * MB,
                ),
            ],
        ),
        (
            "art",
            9,
            vec![
                Row("彝族纹样里的重复与对称", "image", "art", "primary", 4, None, County, Held, 3 * MB),
                Row(
                    "木棉花开 水墨练习",
                    "courseware",
                    "art",
                    "primary",
                    5,
                    Some("西区 格里坪小学"),
                    School,
                    Held,
                    5 * MB,
                ),
            ],
        ),
        (
            "english",
            31,
            vec![
                Row(
                    "三年级 Unit 4 听力与跟读",
                    "courseware",
                    "english",
                    "primary",
                    3,
                    Some("东区 江湾实验小学"),
                    County,
                    reachable(12 * MB, Some(540)),
                    12 * MB,
                ),
                Row("Phonics short vowels 拼读卡", "study-plan", "english", "primary", 4, None, School, Held, MB),
            ],
        ),
        (
            "science",
            12,
            vec![
                Row(
                    "种子发芽 40 天连续拍摄",
                    "image",
                    "science",
                    "primary",
                    4,
                    Some("仁和区 前进小学"),
                    City,
                    reachable(44 * MB, Some(540)),
                    44 * MB,
                ),
                Row("机械摆钟 实验记录单", "study-plan", "science", "primary", 5, None, School, Held, 300_000),
            ],
        ),
    ];
    newest
        .into_iter()
        .map(|(subject, total, rows)| ShortageSubject { subject: subject.to_owned(), total, newest: lines(rows) })
        .collect()
}

fn transfers() -> Vec<Transfer> {
    let transfer =
        |title: &str, kind: &str, from: &[&str], received, total, rate, queued, minutes: Option<i64>| Transfer {
            resource: Some("k5v2m9h3qdzt7a6yq4x2nbwpce".to_owned()),
            title: title.to_owned(),
            file: None,
            kind: Some(kind.to_owned()),
            from: strings(from),
            received: Bytes(received),
            total: Bytes(total),
            bytes_per_second: rate,
            queued,
            done_at: minutes.map(|minutes| Moment(NOW + minutes * 60)),
        };
    vec![
        transfer("梯形的面积 课堂实录", "recording", &["米易县馆"], 298 * MB, 510 * MB, Some(630_000), None, Some(6)),
        transfer("三年级 Unit 4 听力与跟读", "audio", &["米易县馆"], 0, 12 * MB, None, Some(2), Some(9)),
        transfer("种子发芽 40 天连续拍摄", "image", &["米易县馆", "市馆"], 5 * MB, 44 * MB, None, Some(3), Some(19)),
    ]
}

fn waits() -> Vec<Waiting> {
    let wait = |title: &str, missing, reason, holder: Option<&str>, since| Waiting {
        resource: "k5v2m8h3qdzt7a6yq4x2nbwpce".to_owned(),
        title: title.to_owned(),
        missing: Bytes(missing),
        reason,
        holder: holder.map(str::to_owned),
        since: Some(ago(since)),
        done_at: None,
    };
    vec![
        Waiting {
            done_at: Some(Moment(NOW + 9 * HOUR)),
            since: None,
            ..wait("梯形的面积 课堂实录", 640 * MB, WaitReason::NightWindow, None, 0)
        },
        wait("纸的力量 虚拟实验", 58 * MB, WaitReason::HolderOffline, Some("西区石榴园小学"), 2 * DAY),
        wait("彝语儿歌十首 音频", 34 * MB, WaitReason::NoHolder, None, 5 * HOUR),
    ]
}

pub(crate) fn home() -> Home {
    Home {
        newest: rows(),
        resources: 4_812,
        shortage: shortage(),
        arriving: Some(Arriving {
            arrived_last_day: Some(23),
            count: 3,
            missing: Bytes(263 * MB),
            done_at: Some(Moment(NOW + 9 * HOUR)),
            transfers: transfers(),
            waiting: 2,
        }),
    }
}

fn empty_home() -> Home {
    Home {
        newest: Vec::new(),
        resources: 0,
        shortage: ["music", "art", "english", "science"]
            .into_iter()
            .map(|subject| ShortageSubject { subject: subject.to_owned(), total: 0, newest: Vec::new() })
            .collect(),
        arriving: Some(Arriving {
            arrived_last_day: Some(0),
            count: 0,
            missing: Bytes(0),
            done_at: None,
            transfers: Vec::new(),
            waiting: 0,
        }),
    }
}

fn facets() -> Vec<Facet> {
    let facet = |field, values: &[(&str, u64)]| Facet {
        field,
        values: values.iter().map(|(slug, count)| FacetValue { slug: (*slug).to_owned(), count: *count }).collect(),
    };
    vec![
        facet(FacetField::Held, &[("1", 23), ("0", 312)]),
        facet(FacetField::Certification, &[("city", 19), ("county", 74), ("school", 148), ("none", 94)]),
        facet(
            FacetField::Kind,
            &[
                ("courseware", 121),
                ("lesson-plan", 84),
                ("micro-lesson", 37),
                ("exercise", 29),
                ("recording", 16),
                ("animation", 9),
                ("image", 4),
            ],
        ),
        facet(FacetField::Subject, &[("math", 301), ("art", 20), ("science", 14)]),
        facet(FacetField::Grade, &[("primary.5", 196), ("primary.4", 88), ("junior.2", 28)]),
    ]
}

fn preview() -> Preview {
    Preview {
        line: rows().swap_remove(1),
        description: Some("新授课完整实录，学生先数方格再剪拼，最后自己说出公式。有字幕。".to_owned()),
        files: 2,
        holders: strings(&["米易县馆", "东区馆", "仁和区馆"]),
        licence: Some("CC-BY-NC-4.0".to_owned()),
    }
}

fn query() -> Query {
    Query {
        text: "平行四边形".to_owned(), filters: vec![(FacetField::Subject, "math".to_owned())], page: 1, at: None
    }
}

pub(crate) fn search() -> Search {
    let snippets = [
        "…沿高剪开，把<mark>平行四边形</mark>拼成长方形，想一想：底和高与长、宽有什么关系…",
        "字幕 06:12 「…谁愿意上来把这个<mark>平行四边形</mark>的高画出来…」",
        "…方格纸一张，<mark>平行四边形</mark>三个，剪刀；按虚线对折后…",
        "…本单元共 6 课时，从长方形的框架拉动引出<mark>平行四边形</mark>…",
        "…周长不变，面积在变：拉动<mark>平行四边形</mark>框架的动画演示…",
        "…一块<mark>平行四边形</mark>的梯田，底 36 米，高 15 米，每平方米…",
        "",
        "…把<mark>平行四边形</mark>转化成长方形，面积没有变…",
    ];
    let hits = rows().into_iter().zip(snippets).map(|(line, html)| Hit { line, snippet: Snippet::from_html(html) });
    let answer = |name: &str, answered, as_of| Answer { name: name.to_owned(), answered, as_of };
    Search {
        query: query(),
        outcome: Outcome::Found(Found {
            total: 335,
            milliseconds: 412,
            answers: vec![
                answer("市馆", true, None),
                answer("东区", true, None),
                answer("西区", true, None),
                answer("仁和区", true, None),
                answer("米易县", true, None),
                answer("盐边县", false, Some(ago(16 * HOUR + 900))),
            ],
            facets: facets(),
            hits: hits.collect(),
            pages: 17,
            preview: Some(preview()),
        }),
    }
}

fn nothing_found() -> Search {
    let found = Found {
        total: 0,
        milliseconds: 88,
        answers: Vec::new(),
        facets: Vec::new(),
        hits: Vec::new(),
        pages: 0,
        preview: None,
    };
    Search { query: Query { text: "量子纠缠 学前".to_owned(), ..query() }, outcome: Outcome::Found(found) }
}

fn failed(failure: Failure) -> Search {
    Search { query: query(), outcome: Outcome::Failed(failure) }
}

const TEXT: &str = "把平行四边形变成长方形\n想一想，什么变了，什么没变？\n一、数一数\n在方格纸上画一个底 6 厘米、高 4 厘米的平行四边形，数一数它占多少格，不满一格的都按半格计算。\n二、剪一剪、拼一拼\n沿着平行四边形的一条高剪开，把剪下的三角形移到另一边，拼成一个长方形。\n三、说一说\n拼成的长方形的长等于平行四边形的底，宽等于平行四边形的高，面积没有变。\n所以：平行四边形的面积 ＝ 底 × 高。用字母表示：S ＝ ah。\n四、练一练\n一块平行四边形的梯田，底 36 米，高 15 米，它的面积是多少平方米？";

pub(crate) fn resource() -> Resource {
    let file = |name: &str, bytes, availability, href: Option<&str>| File {
        name: name.to_owned(),
        bytes: Bytes(bytes),
        availability,
        href: href.map(str::to_owned),
        blob: "6f1c0a5de0b0b7b3f4f7c1f7d4a0f0f5b4c9c2a1e6d8b7a5f3e1d9c7b5a39181".to_owned(),
    };
    Resource {
        id: "k5v2m1h3qdzt7a6yq4x2nbwpce".to_owned(),
        title: "平行四边形的面积（第 1 课时）".to_owned(),
        kind: Some("courseware".to_owned()),
        subject: Some("math".to_owned()),
        stage: Some("primary".to_owned()),
        year: Some(5),
        home: Some("东区 江湾实验小学".to_owned()),
        contributor: Some("数学组".to_owned()),
        certification: Certification::City,
        licence: "CC-BY-NC-4.0".to_owned(),
        visibility: "federation".to_owned(),
        published: ago(55 * DAY),
        description: Some("适合第 1 课时新授。学生先在方格纸上数，再剪拼，自己说出公式。\n学具单可单独打印，每人一张；没有投影的班级用第 12–18 页。".to_owned()),
        keywords: strings(&["平行四边形", "面积公式", "剪拼", "转化"]),
        files: vec![
            file("平行四边形的面积.pptx", 38_200_000, reachable(38_200_000, Some(470)), None),
            file("教学设计.docx", 410_000, Availability::Held, Some("/blobs/aa?name=x")),
            file("剪拼演示.mp4", 25_100_000, reachable(25_100_000, Some(230)), None),
        ],
        preview: Shown::Text { excerpt: TEXT.to_owned(), truncated: true },
        fetch: Fetch {
            id: "k5v2m1h3qdzt7a6yq4x2nbwpce".to_owned(),
            state: FetchState::Offered { missing: Bytes(63_300_000), seconds: Some(700) },
            may_fetch: true,
        },
        versions: vec![
            Version { number: 4, note: Some("第 3 页改成可填空，补彝汉双语词表".to_owned()), at: ago(55 * DAY) },
            Version { number: 3, note: Some("按县审核意见改第 11 页例题".to_owned()), at: ago(224 * DAY) },
            Version { number: 1, note: None, at: ago(260 * DAY) },
        ],
        provenance: vec![
            Step { tier: Tier::School, at: ago(259 * DAY), by: "本校教导处".to_owned() },
            Step { tier: Tier::County, at: ago(217 * DAY), by: "东区，双评 92 分".to_owned() },
            Step { tier: Tier::City, at: ago(164 * DAY), by: "市教研馆，已公示".to_owned() },
        ],
        holders: strings(&["东区馆", "仁和区馆", "米易县馆"]),
        may_withdraw: true,
        may_replace: true,
    }
}

/// The same, in another state of arriving and with another preview.
fn resource_as(state: FetchState, preview: Shown, title: &str, kind: &str) -> Resource {
    let mut resource = resource();
    resource.title = title.to_owned();
    resource.kind = Some(kind.to_owned());
    resource.fetch.state = state;
    resource.preview = preview;
    resource.provenance.clear();
    resource.certification = Certification::None;
    resource.home = None;
    resource.files.truncate(1);
    resource.versions.truncate(1);
    resource
}

fn resources() -> Vec<(&'static str, Resource)> {
    let held = || FetchState::Held { download: Some("/blobs/aa".to_owned()) };
    let url = || "/picture.svg".to_owned();
    let mut arrived = resource_as(
        held(),
        Shown::Image { url: url(), name: "平行四边形框架.png".to_owned() },
        "平行四边形框架（照片）",
        "image",
    );
    for file in &mut arrived.files {
        file.availability = Availability::Held;
        file.href = Some("/blobs/aa".to_owned());
    }
    vec![
        ("resource-image", arrived),
        (
            "resource-audio",
            resource_as(
                held(),
                Shown::Audio { url: url(), name: "槐花几时开.mp3".to_owned() },
                "四川民歌《槐花几时开》教唱",
                "audio",
            ),
        ),
        (
            "resource-video",
            resource_as(held(), Shown::Video { url: url(), name: "剪拼演示.mp4".to_owned() }, "剪拼演示", "video"),
        ),
        ("resource-pdf", resource_as(held(), Shown::Pdf { url: url() }, "分层练习（含答案）", "exercise")),
        (
            "resource-arriving",
            resource_as(
                FetchState::Arriving { received: Bytes(20 * MB), total: Bytes(64 * MB), seconds: Some(400) },
                Shown::None,
                "梯形的面积 课堂实录",
                "recording",
            ),
        ),
        (
            "resource-waiting",
            resource_as(
                FetchState::Waiting { missing: Bytes(58 * MB) },
                Shown::None,
                "纸的力量 虚拟实验",
                "simulation",
            ),
        ),
        (
            "resource-unreachable",
            resource_as(
                FetchState::Unreachable { missing: Bytes(58 * MB) },
                Shown::None,
                "纸的力量 虚拟实验",
                "simulation",
            ),
        ),
    ]
}

fn choices() -> Choices {
    let stage = |slug: &str, years| Stage { slug: slug.to_owned(), years };
    Choices {
        subjects: strings(&[
            "chinese",
            "math",
            "english",
            "science",
            "music",
            "art",
            "pe",
            "physics",
            "chemistry",
            "biology",
            "general",
        ]),
        stages: vec![
            stage("preschool", 3),
            stage("primary", 6),
            stage("junior", 3),
            stage("senior", 3),
            stage("public", 0),
        ],
        kinds: strings(&[
            "lesson-plan",
            "study-plan",
            "courseware",
            "micro-lesson",
            "recording",
            "video",
            "audio",
            "image",
            "exercise",
            "paper",
            "other",
        ]),
        visibilities: strings(&["public", "federation", "county", "school", "private"]),
        licences: strings(&["CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0", "federation", "licensee"]),
    }
}

pub(crate) fn upload() -> Upload {
    let fields = Fields {
        visibility: "federation".to_owned(),
        license: "CC-BY-NC-4.0".to_owned(),
        together: true,
        ..Fields::default()
    };
    Upload { choices: choices(), fields, errors: Vec::new(), replaces: None }
}

fn refused_upload() -> Upload {
    let mut upload = upload();
    let same_name = FieldError::Said("有两个文件都叫“教案.docx”，请把其中一个改名。".to_owned());
    upload.errors = vec![FieldError::TitleMissing, FieldError::DiskFull, same_name];
    upload.fields.subject = "math".to_owned();
    upload.fields.set_level("primary.5");
    upload.fields.keywords = "三角形 面积公式".to_owned();
    upload
}

fn new_version() -> Upload {
    let mut upload = upload();
    upload.fields.title = "平行四边形的面积（第 1 课时）".to_owned();
    upload.replaces = Some(Replaced {
        id: "k5v2m1h3qdzt7a6yq4x2nbwpce".to_owned(),
        title: "平行四边形的面积（第 1 课时）".to_owned(),
        next_version: 5,
    });
    upload
}

/// A federation with so many schools and points in each county.
fn federation_of(counties: &[(&str, usize, usize)], direct: usize) -> Federation {
    let mut members = Vec::new();
    let mut member =
        |id: String, parent: Option<&str>, name: String, tier, state, last: Option<i64>, resources: u64| {
            members.push(Member {
                id,
                parent: parent.map(str::to_owned),
                here: name == "禾草坝中心小学",
                name,
                tier,
                state,
                last_contact: last.map(ago),
                entries: resources * 2 + 3,
                resources,
                expires_in_days: None,
            });
        };
    member("city".to_owned(), None, "攀枝花市馆".to_owned(), Tier::City, MemberState::Online, Some(20), 612);
    for index in 0..direct {
        let name = format!("市直属第{}小学", index + 1);
        member(format!("direct{index}"), Some("city"), name, Tier::School, MemberState::Online, Some(40), 31);
    }
    for (number, (county, schools, points)) in counties.iter().enumerate() {
        let late = *county == "盐边县";
        let state = if late { MemberState::Offline } else { MemberState::Online };
        member(
            (*county).to_owned(),
            Some("city"),
            format!("{county}馆"),
            Tier::County,
            state,
            Some(if late { 16 * HOUR } else { 95 }),
            140,
        );
        for index in 0..*schools {
            let name = if *county == "米易县" && index == 0 {
                "禾草坝中心小学".to_owned()
            } else {
                format!("{county}第{}小学", index + 1)
            };
            let away = (index + number) % 9 == 8;
            let state = if away { MemberState::Offline } else { MemberState::Online };
            let parent = format!("{county}s{index}");
            member(
                parent.clone(),
                Some(county),
                name,
                Tier::School,
                state,
                Some(if away { 2 * DAY } else { 130 }),
                (index as u64 * 7) % 23,
            );
            for point in 0..*points / schools + usize::from(index < *points % schools) {
                let name = format!("{county}第{}小学 教学点 {}", index + 1, point + 1);
                let unseen = index == 3;
                let state = if unseen { MemberState::NeverSeen } else { MemberState::Online };
                member(
                    format!("{parent}p{point}"),
                    Some(&parent),
                    name,
                    Tier::Point,
                    state,
                    (!unseen).then_some(7 * HOUR),
                    0,
                );
            }
        }
    }
    Federation { name: "攀枝花市".to_owned(), members }
}

pub(crate) fn federation() -> Federation {
    federation_of(&[("东区", 14, 0), ("西区", 11, 0), ("仁和区", 18, 6), ("米易县", 20, 9), ("盐边县", 19, 15)], 5)
}

pub(crate) fn sync() -> Sync {
    let subscription = |id, stages: &[&str], subjects: &[&str], resources, held| Subscription {
        id,
        subjects: strings(subjects),
        stages: strings(stages),
        kinds: Vec::new(),
        resources,
        held,
    };
    let neighbour = |name: &str, tier, connected, last, entries_in, bytes_in| Neighbour {
        name: name.to_owned(),
        tier,
        connected,
        last_contact: Some(ago(last)),
        rtt_ms: connected.then_some(48),
        entries_in,
        entries_out: 3,
        bytes_in: Bytes(bytes_in),
        bytes_out: Bytes(1_900_000),
    };
    Sync {
        board: Board {
            outlook: Outlook {
                count: 31,
                missing: Bytes(355 * MB),
                received: Bytes(303 * MB),
                rate: Some(Bytes(630_000)),
                when: When::At(Moment(NOW + 19 * 60)),
                night: None,
                arrived_last_day: Some(23),
            },
            transfers: transfers(),
            more: 28,
            moving: 1,
            waiting: waits(),
            ledger: Some(vec![
                exchanged("米易县馆", [0, 0, 212 * MB, 1_900_000]),
                exchanged("青杠垭教学点", [3 * MB, 87 * MB, 0, 0]),
            ]),
            last_round: Some(ago(600)),
            running: true,
        },
        subscriptions: Some(vec![
            subscription(1, &["primary"], &["music", "art", "english", "science"], 86, 83),
            subscription(2, &["primary"], &["math"], 142, 142),
        ]),
        choices: choices(),
        neighbours: Some(vec![
            neighbour("米易县馆", Tier::County, true, 20, 132, 212 * MB),
            neighbour("青杠垭教学点", Tier::Point, false, 7 * HOUR, 0, 0),
        ]),
    }
}

fn exchanged(name: &str, [lan_in, lan_out, wan_in, wan_out]: [u64; 4]) -> Exchanged {
    let (lan_in, lan_out, wan_in, wan_out) = (Bytes(lan_in), Bytes(lan_out), Bytes(wan_in), Bytes(wan_out));
    Exchanged { name: name.to_owned(), lan_in, lan_out, wan_in, wan_out }
}

/// In the night window, at 23:18, done before it closes.
fn night_sync() -> (Frame, Sync) {
    let mut frame = frame();
    let midnight = NOW - (NOW + 8 * HOUR).rem_euclid(DAY);
    frame.clock.now = Moment(midnight + 23 * HOUR + 18 * 60);
    let mut sync = sync();
    for (transfer, minutes) in sync.board.transfers.iter_mut().zip([34, 152, 302]) {
        transfer.done_at = Some(Moment(frame.clock.now.0 + minutes * 60));
    }
    sync.board.outlook.when = When::At(Moment(midnight + DAY + 5 * HOUR + 40 * 60));
    sync.board.outlook.night = Some(Night {
        hours: "22:00-06:00".to_owned(),
        is_open: true,
        opens: Moment(midnight + 22 * HOUR),
        closes: Moment(midnight + DAY + 6 * HOUR),
    });
    (frame, sync)
}

/// By day, with all that is wanted waiting for the night.
fn day_sync() -> Sync {
    let midnight = NOW - (NOW + 8 * HOUR).rem_euclid(DAY);
    let mut sync = sync();
    sync.board.transfers = Vec::new();
    (sync.board.more, sync.board.moving) = (0, 0);
    sync.board.outlook.rate = None;
    sync.board.outlook.when = When::Between(Moment(midnight + DAY + HOUR), Moment(midnight + DAY + 3 * HOUR));
    sync.board.outlook.night = Some(Night {
        hours: "22:00-06:00".to_owned(),
        is_open: false,
        opens: Moment(midnight + 22 * HOUR),
        closes: Moment(midnight + DAY + 6 * HOUR),
    });
    sync
}

fn quiet_sync() -> Sync {
    let board = Board {
        outlook: Outlook {
            count: 0,
            missing: Bytes(0),
            received: Bytes(0),
            rate: None,
            when: When::Unknown,
            night: None,
            arrived_last_day: Some(0),
        },
        transfers: Vec::new(),
        more: 0,
        moving: 0,
        waiting: Vec::new(),
        ledger: Some(Vec::new()),
        last_round: None,
        running: false,
    };
    Sync { board, subscriptions: Some(Vec::new()), choices: choices(), neighbours: Some(Vec::new()) }
}

/// As a pupil sees it: what moves, and nothing that counts more than they may see.
fn pupils_sync() -> Sync {
    let mut sync = Sync { subscriptions: None, neighbours: None, ..sync() };
    (sync.board.ledger, sync.board.outlook.arrived_last_day) = (None, None);
    sync
}

fn visitors_home() -> Home {
    Home { arriving: None, ..home() }
}

/// The bars as a pupil sees them.
fn pupil() -> Frame {
    let account =
        Person { name: "王小明".to_owned(), may_upload: false, may_see_federation: true, may_manage: false };
    Frame { account: Some(account), pending: 0, ..frame() }
}

fn problems() -> Vec<(&'static str, Problem)> {
    vec![
        ("problem-no-page", Problem::NoPage),
        ("problem-no-resource", Problem::NoResource),
        (
            "problem-withdrawn",
            Problem::Withdrawn {
                by: "江湾实验小学".to_owned(),
                at: Some(ago(3 * DAY)),
                reason: "第 7 题答案有误，重做后再发".to_owned(),
            },
        ),
        ("problem-login-needed", Problem::LoginNeeded { next: "/upload".to_owned() }),
        ("problem-not-allowed", Problem::NotAllowed),
        ("problem-stale-form", Problem::StaleForm),
        ("problem-too-large", Problem::TooLarge { limit: Bytes(64 * MB) }),
        ("problem-disk-full", Problem::DiskFull { free: Bytes(1_200 * MB) }),
        ("problem-too-many-tries", Problem::TooManyTries { minutes: 15 }),
        ("problem-not-ready", Problem::NotReady { percent: Some(42) }),
        ("problem-starting", Problem::NotReady { percent: None }),
        ("problem-not-now", Problem::NotNow),
        ("problem-not-found", Problem::NotFound),
        ("problem-refused", Problem::Refused),
        ("problem-changed", Problem::Changed),
        ("problem-fault", Problem::Fault { reference: "7f3a91".to_owned() }),
    ]
}

/// Every page by name.
pub(crate) fn pages() -> Vec<(&'static str, Html)> {
    let frame = frame();
    let visitor = visitor();
    let searching = Frame { query: "平行四边形".to_owned(), ..frame.clone() };
    let offline = Frame {
        link: Link::Offline,
        notices: vec![
            Notice::Offline { parent: "米易县馆".to_owned(), since: ago(2 * HOUR), held: Some(4_812) },
            Notice::DiskLow { free: Bytes(1_200 * MB) },
            Notice::Rebuilding { percent: 42 },
            Notice::Done(Done::Uploaded),
        ],
        ..frame.clone()
    };
    let fresh = Frame { place: None, catalogue_as_of: None, link: Link::LanOnly, ..visitor.clone() };
    let mut pages = vec![
        ("home", home().render(&frame)),
        ("home-visitor", visitors_home().render(&visitor)),
        ("home-offline", home().render(&offline)),
        ("home-empty", empty_home().render(&fresh)),
        ("search", search().render(&searching)),
        ("search-none", nothing_found().render(&searching)),
        ("search-broken", failed(Failure::Broken).render(&searching)),
        ("search-too-long", failed(Failure::TooLong { limit: 200 }).render(&searching)),
        ("search-nothing", failed(Failure::NothingToFind).render(&searching)),
        (
            "search-said",
            failed(Failure::Said("只能翻到第 10000 份。多选几个条件，找得更快。".to_owned())).render(&searching),
        ),
        ("search-rebuilding", failed(Failure::Rebuilding { percent: 42 }).render(&searching)),
        ("search-preview", preview().render(&frame)),
        ("resource", resource().render(&frame)),
        (
            "resource-visitor",
            Resource {
                may_withdraw: false,
                may_replace: false,
                fetch: Fetch { may_fetch: false, ..resource().fetch },
                ..resource()
            }
            .render(&visitor),
        ),
        ("resource-fetch", resource().fetch.render(&frame)),
        ("upload", upload().render(&frame)),
        ("upload-refused", refused_upload().render(&frame)),
        ("upload-version", new_version().render(&frame)),
        ("federation", federation().render(&frame)),
        ("federation-small", federation_of(&[("米易县", 2, 1), ("盐边县", 1, 0)], 0).render(&frame)),
        ("federation-alone", federation_of(&[], 0).render(&frame)),
        ("sync", sync().render(&frame)),
        ("sync-pupil", pupils_sync().render(&pupil())),
        ("sync-quiet", quiet_sync().render(&frame)),
        ("sync-night", night_sync().1.render(&night_sync().0)),
        ("sync-day", day_sync().render(&frame)),
        ("sync-board", sync().board.render(&frame)),
        ("login", Login { next: Some("/upload".to_owned()), ..Login::default() }.render(&visitor)),
        ("login-wrong", Login { name: "li".to_owned(), next: None, error: Some(LoginError::Wrong) }.render(&visitor)),
        (
            "login-locked",
            Login { error: Some(LoginError::Locked { minutes: 15 }), ..Login::default() }.render(&visitor),
        ),
        ("login-stale", Login { error: Some(LoginError::Stale), ..Login::default() }.render(&visitor)),
        ("setup", Setup::default().render(&fresh)),
        (
            "account",
            Account { login: "li".to_owned(), role: "teacher".to_owned(), since: Some(ago(2 * HOUR)), error: None }
                .render(&frame),
        ),
    ];
    let errors = [
        ("setup-wrong-code", SetupError::WrongCode),
        ("setup-locked", SetupError::Locked { minutes: 5 }),
        ("setup-differ", SetupError::PasswordsDiffer),
        ("setup-stale", SetupError::Stale),
        ("setup-said", SetupError::Said("密码里有用户名，容易猜中，请换一个。".to_owned())),
    ];
    pages.extend(errors.map(|(name, error)| {
        (name, Setup { code: "7k2m".to_owned(), name: "admin".to_owned(), error: Some(error) }.render(&fresh))
    }));
    let errors = [
        ("account-wrong", PasswordError::WrongCurrent),
        ("account-short", PasswordError::Said("密码只有 5 个字符，至少要 8 个。".to_owned())),
        ("account-differ", PasswordError::Differ),
        ("account-locked", PasswordError::Locked { minutes: 5 }),
    ];
    pages.extend(errors.map(|(name, error)| {
        (
            name,
            Account { login: "li".to_owned(), role: "teacher".to_owned(), since: None, error: Some(error) }
                .render(&frame),
        )
    }));
    pages.extend(resources().into_iter().map(|(name, resource)| (name, resource.render(&frame))));
    pages.extend(problems().into_iter().map(|(name, problem)| (name, problem.render(&visitor))));
    pages.push((
        "problem-said",
        Problem::NotNow.render_said(
            &frame,
            &Said {
                sentence: Some("“分数的意义.mp4”现在取不到：有它的学校都连不上。连上后再取一次。".to_owned()),
                technical: Some("cannot fetch: “分数的意义.mp4” cannot be brought here: no node has it".to_owned()),
            },
        ),
    ));
    pages
}
