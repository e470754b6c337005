//! What pages say of failures: sentences of the message file, never the English of the API and the command line.

use axum::http::{Method, Request};
use serde_json::json;

use super::pages::{multipart, send_form, visitor};
use super::site::{Client, PASSWORD, Site};
use crate::limits::MAX_REQUESTS;
use crate::port::{Failure, FailureKind};

const TITLE: &str = "english-title";
const DETAIL: &str = "english-detail";

/// The page without what is folded away for whoever looks after the node.
fn shown(html: &str) -> String {
    let mut parts = html.split("<details class=\"technical\">");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shown, part| shown + part.split_once("</details>").unwrap().1)
}

fn kinds() -> Vec<FailureKind> {
    use FailureKind as K;
    vec![
        K::Invalid,
        K::Unauthorized,
        K::Forbidden,
        K::NotFound,
        K::Conflict,
        K::TooLarge,
        K::UnsupportedMedia,
        K::TooMany { retry_after_s: 90 },
        K::Unavailable,
        K::NoSpace,
        K::Internal,
    ]
}

#[tokio::test]
async fn no_page_shows_the_english_of_a_failure() {
    let site = Site::new().await;
    let admin = site.signed_in("system-admin").await;
    let teacher = site.signed_in("teacher").await;
    let csrf = admin.csrf.clone().unwrap();
    for kind in kinds() {
        let plain = Failure::new(kind, TITLE, DETAIL).remedy(DETAIL);
        let sentence = "有两个文件都叫“卷.pdf”，请把其中一个改名。";
        let said = plain.clone().said("file.same-name").with("name", "卷.pdf");
        for (failure, sentence) in [(plain, None), (said, Some(sentence))] {
            *site.node.fails.lock().unwrap() = Some(failure);
            let mut answers = Vec::new();
            for path in ["/resources/open", "/resources/open/preview", "/resources/open/fetch"] {
                answers.push((path, site.get(&admin, path).await));
            }
            for (path, body) in [
                ("/resources/open/fetch", format!("csrf={csrf}")),
                ("/resources/open/withdraw", format!("csrf={csrf}&reason=x")),
                ("/sync/subscriptions", format!("csrf={csrf}&all=1")),
                ("/sync/subscriptions/1/remove", format!("csrf={csrf}")),
            ] {
                answers.push((path, site.form(&admin.clone().without_csrf(), path, &body).await));
            }
            let fields = [("csrf", teacher.csrf.as_deref().unwrap()), ("visibility", "public"), ("license", "CC0-1.0")];
            answers.push(("/upload", send_form(&site, &teacher, multipart(&fields, &[("a.txt", "a")])).await));
            for (path, answer) in answers {
                let html = shown(&answer.text());
                assert!(answer.header("content-type").starts_with("text/html"), "{path}");
                assert!(!html.contains(TITLE) && !html.contains(DETAIL), "{kind:?} {path}: {html}");
                assert!(!html.contains("{name}") && !html.contains("said."), "{kind:?} {path}: {html}");
                let is_named = sentence.is_none_or(|sentence| html.contains(sentence));
                // The page asks for signing in, for room, or says where the log has more, in its own words.
                assert!(is_named, "{kind:?} {path}: {html}");
            }
        }
    }
}

#[tokio::test]
async fn a_password_that_is_not_taken_is_explained_beside_the_form() {
    let site = Site::bare().await;
    let browser = visitor(&site, "/setup").await;
    let long = "木棉花开红似火".repeat(30);
    for (name, password, says) in [
        ("admin", "1234567", "密码只有 7 个字符，至少要 8 个。"),
        ("admin", long.as_str(), "密码有 210 个字符，最多 128 个。"),
        ("admin", "my-admin-word", "密码里有用户名"),
        ("admin", "12345678", "密码太简单"),
        ("", PASSWORD, "请填用户名"),
        (
            "名字太长的人名字太长的人名字太长的人名字太长的人名字太长的人名字太长的人名字太长的人",
            PASSWORD,
            "最多 40 个",
        ),
    ] {
        let code = site.code.to_string();
        let body = format!(
            "csrf={}&code={code}&name={name}&password={password}&password_again={password}",
            browser.remembered()
        );
        let answer = site.form(&browser, "/setup", &body).await;
        let html = answer.text();
        assert_eq!(answer.status, 400, "{says}");
        assert!(html.contains(says) && html.contains("role=\"alert\""), "{says}: {html}");
        assert!(html.contains(&format!("value=\"{code}\"")), "what was typed stays: {html}");
    }
}

#[tokio::test]
async fn an_upload_form_that_is_refused_says_why_and_keeps_what_was_filled_in() {
    let site = Site::new().await;
    let teacher = site.signed_in("teacher").await;
    let csrf = teacher.csrf.clone().unwrap();
    let keywords = "词 ".repeat(40);
    for (keywords, file, says) in [
        ("面积", "../evil.txt", "里有斜杠"),
        ("面积", &*format!("{}.txt", "长".repeat(90)), "有 274 字节，最多 239 字节，约 79 个汉字"),
        (&*keywords, "a.txt", "关键词有 40 个，最多 32 个"),
    ] {
        let fields = [
            ("csrf", csrf.as_str()),
            ("visibility", "public"),
            ("license", "CC0-1.0"),
            ("keywords", keywords),
            ("description", "三角形的面积"),
        ];
        // Files stand before the texts in the form that browsers send, and the token before everything.
        let body = multipart_with_files_first(&fields, file);
        let answer = send_form(&site, &teacher, body).await;
        let html = answer.text();
        assert_eq!(answer.status, 400, "{says}: {html}");
        assert!(html.contains(says) && html.contains("三角形的面积"), "{says}: {html}");
        assert!(site.node.uploads.lock().unwrap().is_empty(), "{says}");
    }
}

fn multipart_with_files_first(fields: &[(&str, &str)], file: &str) -> axum::body::Body {
    let part = |name: &str, more: &str, value: &str| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
    };
    let (first, rest) = fields.split_first().unwrap();
    let mut body = part(first.0, "", first.1);
    body += &part("files", &format!("; filename=\"{file}\""), "content");
    for (name, value) in rest {
        body += &part(name, "", value);
    }
    axum::body::Body::from(body + "--edge--\r\n")
}

#[tokio::test]
async fn the_script_of_the_upload_page_is_told_in_the_words_of_the_pages() {
    let site = Site::new().await;
    let teacher = site.signed_in("teacher").await;
    for (name, says) in
        [("a/b", "里有斜杠"), ("a\u{7}b", "控制字符"), ("", "不能作文件名"), (&*"长".repeat(84), "约 79 个汉字")]
    {
        let problem = site.post(&teacher, "/api/v1/uploads", &json!({"name": name, "size": 1})).await.problem(400);
        assert!(problem["said"].as_str().unwrap().contains(says), "{problem}");
    }
    let anonymous = site.post(&Client::ANYONE, "/api/v1/uploads", &json!({"name": "a", "size": 1})).await.problem(401);
    assert_eq!(anonymous["said"], "这一步要登录。");
}

#[tokio::test]
async fn a_search_that_fails_says_why() {
    let site = Site::new().await;
    let deep = site.get(&Client::ANYONE, "/search?page=9999").await.text();
    assert!(deep.contains("只能翻到第 10000 份"), "{deep}");
    for (kind, says) in [
        (FailureKind::Invalid, "没有可以搜的词"),
        (FailureKind::Unavailable, "现在还做不了"),
        (FailureKind::Internal, "已记到日志里"),
    ] {
        *site.node.fails.lock().unwrap() = Some(Failure::new(kind, TITLE, DETAIL));
        let html = site.get(&Client::ANYONE, "/search?q=x").await.text();
        assert!(html.contains(says) && !html.contains(DETAIL), "{kind:?}: {html}");
    }
    let rebuilding = Failure::unavailable(TITLE, DETAIL).said("search.rebuilding");
    *site.node.fails.lock().unwrap() = Some(rebuilding);
    assert!(site.get(&Client::ANYONE, "/search?q=x").await.text().contains("正在重建搜索目录"));
}

#[tokio::test]
async fn a_busy_node_says_so_to_people_and_to_programs() {
    let site = Site::new().await;
    let busy: Vec<_> = (0..MAX_REQUESTS).map(|_| site.app.figures.enter()).collect();
    let page = site.get(&Client::ANYONE, "/").await;
    assert_eq!((page.status.as_u16(), page.header("retry-after")), (503, "5"));
    assert!(page.text().contains("用的人太多") && page.header("content-type").starts_with("text/html"));
    let problem = site.get(&Client::ANYONE, "/api/v1/latest").await.problem(503);
    assert_eq!(problem["said"], "用的人太多，节点忙不过来。过几秒再试。");
    drop(busy);
    assert_eq!(site.get(&Client::ANYONE, "/").await.status, 200);
}

#[tokio::test]
async fn a_page_under_a_foreign_name_says_so() {
    let site = Site::new().await;
    let request = Request::get("/").header("host", "evil.example:8080").body(axum::body::Body::empty()).unwrap();
    let answer = site.send(&Client::ANYONE, request).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("这个网址不是这台节点的"), "{}", answer.text());
}

#[tokio::test]
async fn an_address_that_is_only_for_forms_is_no_page() {
    let site = Site::new().await;
    let admin = site.signed_in("system-admin").await;
    for path in ["/sync/now", "/logout", "/resources/open/withdraw"] {
        let answer = site.get(&admin, path).await;
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.text().contains("没有这一页") && !answer.header("allow").is_empty(), "{path}");
    }
    assert_eq!(site.json(&admin, Method::DELETE, "/search", &json!({})).await.status, 405);
}
