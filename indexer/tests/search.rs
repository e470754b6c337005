//! What searching promises: everything is findable, and many indexes answer like one.

#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{document, queries};
use kapok_indexer::{
    Change, Document, Facet, Index, OpenError, ParsedQuery, Query, SearchResult, SetId, Sort, Statistics,
};
use tempfile::TempDir;

fn set(name: &str) -> SetId {
    SetId::new(name).unwrap()
}

fn put(set_name: &str, document: Document) -> Change {
    Change::Put { set: set(set_name), document }
}

fn empty() -> (TempDir, Index) {
    let dir = TempDir::new().unwrap();
    let index = Index::open(dir.path()).unwrap();
    (dir, index)
}

fn titled(id: &str, title: &str) -> Document {
    Document { id: id.into(), title: title.into(), ..Document::default() }
}

fn all_sets(index: &Index) -> Vec<SetId> {
    index.sets().into_keys().collect()
}

fn search(index: &Index, query: &str) -> SearchResult {
    index.search_alone(&all_sets(index), &Query::text(query).parse().unwrap(), 20, 0).unwrap()
}

fn ids(result: &SearchResult) -> Vec<&str> {
    result.hits.iter().map(|hit| hit.id.as_str()).collect()
}

/// Asks as a federation does: statistics of all, then hits of all, then one answer.
fn federated(nodes: &[(&Index, Vec<SetId>)], query: &ParsedQuery, limit: usize, offset: usize) -> SearchResult {
    let mut statistics = Statistics::none(query);
    for (index, sets) in nodes {
        statistics.merge(&index.statistics(sets, query).unwrap().bounded(query));
    }
    let answers = nodes.iter().map(|(index, sets)| index.search(sets, query, &statistics, limit + offset, 0).unwrap());
    SearchResult::merge(answers.collect(), query.sort(), limit, offset)
}

type Essence = (u64, bool, Vec<(String, u32, String)>, BTreeMap<Facet, BTreeMap<String, u64>>);

/// Everything of an answer that has to be the same, the scores to the last bit.
fn essence(result: &SearchResult) -> Essence {
    let hits = result.hits.iter().map(|hit| (hit.id.clone(), hit.score.to_bits(), hit.snippet.clone())).collect();
    (result.total, result.loosened, hits, result.facets.clone())
}

#[test]
fn what_was_applied_is_found_at_once_and_the_best_comes_first() {
    let (_dir, index) = empty();
    let text = Document { text: "这节课讲平行四边形。".into(), ..titled("b", "五年级数学期末复习") };
    let batch = [
        put("county", titled("a", "平行四边形的面积 教案")),
        put("county", text),
        put("county", titled("c", "静夜思")),
    ];
    index.apply(&batch, b"1").unwrap();

    let result = search(&index, "平行四边形");
    assert_eq!(ids(&result), ["a", "b"]);
    assert!(result.hits[1].snippet.contains("<mark>平行四边形</mark>"), "{}", result.hits[1].snippet);
}

#[test]
fn a_new_version_replaces_the_old_also_in_another_set() {
    let (_dir, index) = empty();
    index.apply(&[put("school", titled("a", "剪纸入门"))], b"1").unwrap();
    index.apply(&[put("county", titled("a", "剪纸提高"))], b"2").unwrap();

    assert!(search(&index, "入门").hits.is_empty());
    assert_eq!(search(&index, "提高").hits[0].set, set("county"));
    assert_eq!(index.sets()[&set("school")], 0);

    index.apply(&[Change::Remove { id: "a".into() }, Change::Remove { id: "unknown".into() }], b"3").unwrap();
    assert!(search(&index, "剪纸").hits.is_empty());
    assert!(!index.contains("a").unwrap());
}

#[test]
fn the_last_change_of_a_document_in_a_batch_counts() {
    let (_dir, index) = empty();
    let batch = [
        put("x", titled("a", "水彩")),
        put("y", titled("a", "素描")),
        put("x", titled("b", "合唱")),
        Change::Remove { id: "b".into() },
    ];
    index.apply(&batch, b"1").unwrap();
    assert_eq!(index.sets(), BTreeMap::from([(set("y"), 1)]));
    assert_eq!(ids(&search(&index, "素描")), ["a"]);
}

#[test]
fn the_cursor_and_the_documents_are_there_after_opening_again() {
    let (dir, index) = empty();
    assert_eq!(index.cursor(), None);
    index.apply(&[put("county", titled("a", "水循环"))], b"journal 7").unwrap();
    drop(index);

    let index = Index::open(dir.path()).unwrap();
    assert_eq!(index.cursor().as_deref(), Some(&b"journal 7"[..]));
    assert_eq!(ids(&search(&index, "水循环")), ["a"]);
}

#[test]
fn a_damaged_folder_says_so_and_can_be_built_again() {
    type Harm = fn(&std::path::Path);
    let harms: [Harm; 4] = [
        |dir| std::fs::write(dir.join("state.json"), b"{").unwrap(),
        |dir| std::fs::remove_file(dir.join("state.json")).unwrap(),
        |dir| std::fs::write(dir.join("sets/county/meta.json"), b"\0\0\0\0").unwrap(),
        |dir| {
            for file in std::fs::read_dir(dir.join("sets/county")).unwrap().map(|file| file.unwrap().path()) {
                if !file.ends_with("meta.json") && !file.file_name().unwrap().to_string_lossy().starts_with('.') {
                    std::fs::write(file, b"short").unwrap();
                }
            }
        },
    ];
    for harm in harms {
        let (dir, index) = empty();
        index.apply(&[put("county", titled("a", "水循环"))], b"1").unwrap();
        drop(index);
        harm(dir.path());
        assert!(matches!(Index::open(dir.path()), Err(OpenError::Damaged(_))));

        std::fs::remove_dir_all(dir.path()).unwrap();
        let index = Index::open(dir.path()).unwrap();
        index.apply(&[put("county", titled("a", "水循环"))], b"1").unwrap();
        assert_eq!(ids(&search(&index, "水循环")), ["a"]);
    }
}

#[test]
fn what_another_analyser_made_is_not_opened() {
    let (dir, index) = empty();
    drop(index);
    let file = dir.path().join("state.json");
    let state = std::fs::read_to_string(&file).unwrap().replace("\"analyser\":", "\"analyser\":9");
    std::fs::write(file, state).unwrap();
    assert!(matches!(Index::open(dir.path()), Err(OpenError::OtherVersion { .. })));
}

#[test]
fn damage_after_opening_is_an_error_and_not_a_panic() {
    let (dir, index) = empty();
    index.apply(&(0..500).map(|at| put("county", document(at, 0))).collect::<Vec<_>>(), b"1").unwrap();
    assert!(index.damaged_files().unwrap().is_empty());
    drop(index);
    for file in std::fs::read_dir(dir.path().join("sets/county")).unwrap().map(|file| file.unwrap().path()) {
        let mut bytes = std::fs::read(&file).unwrap();
        if bytes.len() > 2_000 {
            bytes[100..1_000].fill(0xA5);
            std::fs::write(&file, bytes).unwrap();
        }
    }
    // It may open or not; nothing that follows may panic, and a check finds the damage.
    let Ok(index) = Index::open(dir.path()) else { return };
    for query in queries(40) {
        if let Ok(query) = Query::text(query).parse() {
            let _ = index.search_alone(&all_sets(&index), &query, 20, 0);
        }
    }
    assert!(!index.damaged_files().is_ok_and(|files| files.is_empty()));
}

#[test]
fn every_piece_of_a_title_of_two_characters_or_more_finds_it() {
    let (_dir, index) = empty();
    let titles = ["红格小学二滩库区漂流安全课", "研究生命起源", "北京大学生前来应聘", "ꆈꌠꁱꂷ识字"];
    let batch: Vec<Change> = titles.iter().map(|title| put("county", titled(title, title))).collect();
    index.apply(&batch, b"1").unwrap();
    for title in titles {
        let chars: Vec<char> = title.chars().collect();
        for (from, to) in (0..chars.len()).flat_map(|from| (from + 2..=chars.len()).map(move |to| (from, to))) {
            let part: String = chars[from..to].iter().collect();
            let result = search(&index, &part);
            assert!(!result.loosened && ids(&result).contains(&title), "{part} of {title}");
        }
    }
}

#[test]
fn all_words_are_wanted_unless_nothing_has_them() {
    let (_dir, index) = empty();
    let titles = ["三年级音乐教案", "三年级数学教案", "合唱"];
    index.apply(&titles.map(|title| put("county", titled(title, title))), b"1").unwrap();

    assert_eq!(ids(&search(&index, "三年级 音乐 教案")), ["三年级音乐教案"]);
    // Nobody has 静夜思, so it hides nothing.
    assert_eq!(ids(&search(&index, "音乐 静夜思")), ["三年级音乐教案"]);
    let loosened = search(&index, "合唱 数学");
    assert!(loosened.loosened);
    assert_eq!(loosened.total, 2);
    assert!(search(&index, "石榴").hits.is_empty());
}

#[test]
fn phrases_insist_and_a_minus_excludes() {
    let (_dir, index) = empty();
    let titles = ["分数乘法教案", "分数除法教案", "小数乘法"];
    index.apply(&titles.map(|title| put("county", titled(title, title))), b"1").unwrap();
    assert_eq!(ids(&search(&index, "分数 -除法")), ["分数乘法教案"]);
    assert!(search(&index, "\"石榴\" 分数").hits.is_empty());
    assert_eq!(ids(&search(&index, "乘法 -分数 -教案")), ["小数乘法"]);
}

#[test]
fn filters_narrow_facets_count_and_order_can_be_by_time() {
    let (_dir, index) = empty();
    let of = |id: &str, subject: &str, time_ms| Document {
        facets: [(Facet::Subject, vec![subject.to_owned()])].into(),
        time_ms,
        ..titled(id, "期末复习")
    };
    index
        .apply(&[put("x", of("a", "音乐", 3)), put("x", of("b", "数学", 1)), put("y", of("c", "音乐", 2))], b"1")
        .unwrap();

    let both = search(&index, "复习");
    assert_eq!(both.facets[&Facet::Subject], BTreeMap::from([("音乐".to_owned(), 2), ("数学".to_owned(), 1)]));

    let filters = BTreeMap::from([(Facet::Subject, vec!["音乐".to_owned()])]);
    let query = Query { filters: filters.clone(), sort: Sort::Newest, text: "复习".into() }.parse().unwrap();
    assert_eq!(ids(&index.search_alone(&all_sets(&index), &query, 10, 0).unwrap()), ["a", "c"]);
    let browse = Query { filters, sort: Sort::Newest, text: String::new() }.parse().unwrap();
    assert_eq!(ids(&index.search_alone(&all_sets(&index), &browse, 1, 1).unwrap()), ["c"]);
    let none =
        Query { filters: [(Facet::Subject, vec!["体育".to_owned()])].into(), ..Query::text("复习") }.parse().unwrap();
    assert_eq!(index.search_alone(&all_sets(&index), &none, 10, 0).unwrap().total, 0);
}

#[test]
fn a_node_that_has_other_sets_answers_only_for_those_it_is_asked_for() {
    let (_dir, index) = empty();
    index.apply(&[put("mine", titled("a", "水彩")), put("other", titled("b", "水彩"))], b"1").unwrap();
    let query = Query::text("水彩").parse().unwrap();
    let result = index.search_alone(&[set("mine"), set("mine"), set("absent")], &query, 10, 0).unwrap();
    assert_eq!((ids(&result), result.total), (vec!["a"], 1));
    assert_eq!(index.statistics(&[set("mine")], &query).unwrap().documents(), 1);
}

#[test]
fn superseded_documents_do_not_touch_any_score() {
    let (_clean_dir, clean) = empty();
    let live: Vec<Change> = (0..3_000).map(|at| put("county", document(at, 1))).collect();
    clean.apply(&live, b"1").unwrap();

    // A thousand of them stood in another version before, in several commits, so that segments with deletions remain.
    let (_dir, used) = empty();
    for part in 0..4 {
        let old: Vec<Change> = (0..3_000)
            .filter(|at| at % 4 == part)
            .map(|at| put("county", document(at, u64::from(at % 3 != 0))))
            .collect();
        used.apply(&old, b"1").unwrap();
    }
    let new: Vec<Change> = (0..3_000).filter(|at| at % 3 == 0).map(|at| put("county", document(at, 1))).collect();
    for part in new.chunks(250) {
        used.apply(part, b"2").unwrap();
    }
    for text in queries(200) {
        let Ok(query) = Query::text(&text).parse() else { continue };
        let sets = [set("county")];
        assert_eq!(used.statistics(&sets, &query).unwrap(), clean.statistics(&sets, &query).unwrap(), "{text}");
        let answer = |index: &Index| essence(&index.search_alone(&sets, &query, 50, 0).unwrap());
        assert_eq!(answer(&used), answer(&clean), "{text}");
    }
}

#[test]
fn many_indexes_answer_exactly_like_one() {
    const DOCUMENTS: usize = 3_000;
    let (_central_dir, central) = empty();
    let nodes: Vec<(TempDir, Index)> = (0..4).map(|_| empty()).collect();
    let place = |at: usize| (at * 7 % 4, format!("set{}", at % 3));

    let everything: Vec<Change> = (0..DOCUMENTS).map(|at| put("all", document(at, u64::from(at % 3 == 0)))).collect();
    central.apply(&everything, b"1").unwrap();
    // The nodes saw other versions of a third first, and never cleaned up.
    for version in 0..2 {
        for (number, (_, index)) in nodes.iter().enumerate() {
            let batch: Vec<Change> = (0..DOCUMENTS)
                .filter(|&at| place(at).0 == number && (version == 0 || at % 3 == 0))
                .map(|at| put(&place(at).1, document(at, version)))
                .collect();
            index.apply(&batch, b"1").unwrap();
        }
    }

    let asked: Vec<(&Index, Vec<SetId>)> = nodes.iter().map(|(_, index)| (index, all_sets(index))).collect();
    let (mut compared, mut with_hits) = (0, 0);
    for (number, text) in queries(260).into_iter().enumerate() {
        let sort = if number % 10 == 9 { Sort::Newest } else { Sort::Relevance };
        let filters = if number % 5 == 4 {
            [(Facet::Subject, vec!["音乐".to_owned(), "数学".to_owned()])].into()
        } else {
            BTreeMap::new()
        };
        let Ok(query) = (Query { text: text.clone(), filters, sort }).parse() else { continue };
        let offset = number % 3 * 10;
        let one = central.search_alone(&[set("all")], &query, 20, offset).unwrap();
        assert_eq!(essence(&federated(&asked, &query, 20, offset)), essence(&one), "{text}");
        compared += 1;
        with_hits += usize::from(!one.hits.is_empty());
    }
    assert!(compared >= 200 && with_hits >= 150, "{compared} queries, {with_hits} with hits");
}

#[test]
fn a_peers_impossible_statistics_harm_nobody() {
    let (_dir, index) = empty();
    index.apply(&(0..50).map(|at| put("county", document(at, 0))).collect::<Vec<_>>(), b"1").unwrap();
    let query = Query::text("面积 教案").parse().unwrap();
    let rows = query.terms().len();
    for (documents, tokens, frequency) in [(0, 0, u64::MAX), (1, u64::MAX, 5), (u64::MAX, 0, u64::MAX), (10, 0, 0)] {
        let claim = serde_json::json!({ "documents": documents, "tokens": vec![tokens; 5], "frequencies": vec![vec![frequency; 5]; rows] });
        let mut statistics: Statistics = serde_json::from_value::<Statistics>(claim).unwrap().bounded(&query);
        for merged in [false, true] {
            if merged {
                statistics.merge(&index.statistics(&all_sets(&index), &query).unwrap());
            }
            let result = index.search(&all_sets(&index), &query, &statistics, 20, 0).unwrap();
            assert!(result.hits.iter().all(|hit| hit.score.is_finite()));
        }
    }
}

#[test]
fn no_query_breaks_anything() {
    let (_dir, index) = empty();
    index.apply(&(0..50).map(|at| put("county", document(at, 0))).collect::<Vec<_>>(), b"1").unwrap();
    let long = "形面".repeat(200);
    for text in [
        "(((((",
        "a AND OR NOT",
        "title:面积",
        "面积~2^3",
        "[a TO b]",
        "\u{0}\u{1}面积",
        "(a+)+$",
        "\"面积",
        "👩‍👩‍👧‍👦",
        "*",
        "ﷺ",
        &long,
    ] {
        if let Ok(query) = Query::text(text).parse() {
            index.search_alone(&all_sets(&index), &query, 20, 0).unwrap();
            index.search_alone(&all_sets(&index), &query, usize::MAX, usize::MAX).unwrap();
        }
    }
}
