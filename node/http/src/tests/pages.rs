//! The pages: escaping, forms, uploads without script.

use axum::body::Body;
use axum::http::Request;
use kapok_private::Role;

use super::site::{Answer, Client, PASSWORD, Site, cookie_of};
use crate::access::{ROUTES, is_page};

/// Loads a page with a form, as a browser: its cookie, and the form token that goes with it.
pub(super) async fn visitor(site: &Site, path: &str) -> Client {
    let answer = site.get(&Client::ANYONE, path).await;
    let cookie = cookie_of(&answer);
    let value = cookie.split_once('=').unwrap().1;
    let token = kapok_private::session::SessionToken::parse(value).unwrap().form_token();
    Client { cookie: Some(cookie), csrf: None, ..Client::default() }.remembering(token)
}

async fn sign_in(site: &Site, client: &Client, more: &str) -> Answer {
    let body = format!("csrf={}&name=teacher&{more}", client.remembered());
    site.form(client, "/login", &body).await
}

#[tokio::test]
async fn what_people_wrote_is_escaped_on_every_page() {
    let site = Site::new().await;
    for role in [None, Some(Role::SystemAdmin), Some(Role::Teacher)] {
        let client = match role {
            None => Client::ANYONE,
            Some(role) => site.signed_in(role.name()).await,
        };
        let pages = ROUTES.iter().filter(|(method, path, _)| method == axum::http::Method::GET && is_page(path));
        for (_, path, _) in pages {
            let answer = site.get(&client, &path.replace("{id}", "evil")).await;
            let text = answer.text();
            assert!(!text.contains("<script>alert") && !text.contains("\"onload="), "{role:?} {path}: {text}");
            assert!(answer.status.as_u16() < 500, "{role:?} {path}: {}", answer.status);
        }
        let query = "/search?q=%3Cscript%3Ealert(%27x%27)%3C/script%3E&subject=%22onload%3D&at=evil";
        assert!(!site.get(&client, query).await.text().contains("<script>alert"));
    }
}

#[tokio::test]
async fn signing_in_leads_back_to_where_one_wanted_to_go() {
    let site = Site::new().await;
    let led = site.get(&Client::ANYONE, "/upload?replaces=open").await;
    assert_eq!((led.status.as_u16(), led.header("location")), (303, "/login?next=%2Fupload%3Freplaces%3Dopen"));
    let browser = visitor(&site, "/login").await;
    let wrong = sign_in(&site, &browser, "password=guess").await;
    assert_eq!(wrong.status, 401);
    let right = sign_in(&site, &browser, &format!("password={PASSWORD}&next=/upload")).await;
    assert_eq!((right.status.as_u16(), right.header("location")), (303, "/upload"));
    let teacher = Client { cookie: Some(cookie_of(&right)), ..Client::default() };
    assert_eq!(site.get(&teacher, "/upload").await.status, 200);
    let astray = sign_in(&site, &browser, &format!("password={PASSWORD}&next=//evil.example")).await;
    assert_eq!(astray.header("location"), "/");
}

#[tokio::test]
async fn a_sign_in_form_without_its_token_is_stale() {
    let site = Site::new().await;
    let body = format!("name=teacher&password={PASSWORD}");
    let answer = site.form(&Client::ANYONE, "/login", &body).await;
    assert_eq!(answer.status, 403);
    let foreign = visitor(&site, "/login").await;
    let body = format!("csrf={}&{body}", foreign.remembered());
    assert_eq!(site.form(&Client::ANYONE, "/login", &body).await.status, 403);
}

#[tokio::test]
async fn ten_wrong_passwords_lock_the_form_for_a_while() {
    let site = Site::new().await;
    let browser = visitor(&site, "/login").await;
    let mut last = None;
    for _ in 0..10 {
        last = Some(sign_in(&site, &browser, "password=guess").await);
    }
    assert_eq!(last.unwrap().status, 429);
}

#[tokio::test]
async fn the_set_up_page_makes_the_first_account_and_signs_it_in() {
    let site = Site::bare().await;
    let browser = visitor(&site, "/setup").await;
    let post = |code: &str, again: &str| {
        let body =
            format!("csrf={}&code={code}&name=管理员&password={PASSWORD}&password_again={again}", browser.remembered());
        let (site, browser) = (&site, browser.clone());
        async move { site.form(&browser, "/setup", &body).await }
    };
    let code = site.code.to_string();
    assert_eq!(post("0000", PASSWORD).await.status, 403);
    assert_eq!(post(&code, "different").await.status, 400);
    let made = post(&code, PASSWORD).await;
    assert_eq!((made.status.as_u16(), made.header("location")), (303, "/"));
    let admin = Client { cookie: Some(cookie_of(&made)), ..Client::default() };
    assert_eq!(site.get(&admin, "/account").await.status, 200);
    assert_eq!(site.get(&Client::ANYONE, "/setup").await.header("location"), "/");
}

pub(super) fn multipart(fields: &[(&str, &str)], files: &[(&str, &str)]) -> Body {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    for (name, bytes) in files {
        body += &format!(
            "--edge\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n{bytes}\r\n"
        );
    }
    Body::from(body + "--edge--\r\n")
}

pub(super) async fn send_form(site: &Site, client: &Client, body: Body) -> Answer {
    let request = Request::post("/upload").header("content-type", "multipart/form-data; boundary=edge");
    site.send(&client.clone().without_csrf(), request.body(body).unwrap()).await
}

#[tokio::test]
async fn files_are_uploaded_without_script() {
    let site = Site::new().await;
    let teacher = site.signed_in("teacher").await;
    let csrf = teacher.csrf.clone().unwrap();
    let fields = [
        ("csrf", csrf.as_str()),
        ("title", "教案"),
        ("visibility", "public"),
        ("license", "CC0-1.0"),
        ("keywords", "面积、 平行"),
    ];
    let answer = send_form(&site, &teacher, multipart(&fields, &[("教案.txt", "content of the plan")])).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert!(answer.header("location").starts_with("/resources/new-"), "{}", answer.header("location"));
    assert!(site.node.uploads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_form_of_another_place_does_not_touch_the_disk() {
    let site = Site::new().await;
    let teacher = site.signed_in("teacher").await;
    let rest = [("title", "x"), ("visibility", "public"), ("license", "CC0-1.0")];
    for fields in [rest.to_vec(), [vec![("csrf", "wrong")], rest.to_vec()].concat()] {
        let answer = send_form(&site, &teacher, multipart(&fields, &[("a.txt", "a")])).await;
        assert_eq!(answer.status, 403);
    }
    assert!(site.node.uploads.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_upload_form_that_is_refused_leaves_nothing_behind() {
    let site = Site::new().await;
    let teacher = site.signed_in("teacher").await;
    let csrf = teacher.csrf.clone().unwrap();
    for (fields, files) in [
        (vec![("visibility", "moon"), ("license", "x")], vec![("a.txt", "a")]),
        (vec![("visibility", "public"), ("license", "x")], vec![("a.txt", "a"), ("empty.pdf", "")]),
        (vec![("visibility", "public"), ("license", "x")], vec![("a.txt", "a"), ("../evil.txt", "b")]),
        (vec![("visibility", "public"), ("license", "x")], vec![("", "")]),
        (
            vec![
                ("visibility", "public"),
                ("license", "x"),
                ("replaces", "no-such-resource"),
                ("title", &*"长".repeat(300)),
            ],
            vec![("a.txt", "a")],
        ),
    ] {
        let fields = [vec![("csrf", csrf.as_str())], fields].concat();
        let answer = send_form(&site, &teacher, multipart(&fields, &files)).await;
        assert!(answer.status.is_client_error(), "{fields:?}: {}", answer.status);
        assert!(site.node.uploads.lock().unwrap().is_empty(), "{fields:?}");
    }
}

#[tokio::test]
async fn pages_say_in_words_what_is_not_there() {
    let site = Site::new().await;
    for (path, status) in [
        ("/no/such/page", 404),
        ("/resources/own", 404),
        ("/resources/withdrawn", 410),
        ("/resources/nothing", 404),
        ("/search?q=broken", 200),
        ("/search?page=999999999", 200),
    ] {
        let answer = site.get(&Client::ANYONE, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
    }
    let student = site.signed_in("student").await;
    assert_eq!(site.get(&student, "/upload").await.status, 403);
}

#[tokio::test]
async fn what_was_done_is_said_after_a_redirect() {
    let site = Site::new().await;
    let admin = site.signed_in("system-admin").await;
    let reason = |text: &str| format!("csrf={}&reason={text}", admin.csrf.clone().unwrap());
    assert_eq!(site.form(&admin, "/resources/open/withdraw", &reason("")).await.status, 400);
    let gone = site.form(&admin, "/resources/open/withdraw", &reason("duplicate")).await;
    assert_eq!(gone.header("location"), "/?done=withdrawn");
    assert_eq!(site.get(&admin, "/resources/open").await.status, 404);
    let fetch = site.form(&admin, "/resources/shared/fetch", &reason("")).await;
    assert_eq!(fetch.header("location"), "/resources/shared?done=fetch-started");
    assert_eq!(site.form(&admin, "/sync/now", &reason("")).await.header("location"), "/sync?done=sync-started");
    assert_eq!(site.form(&admin, "/logout", &reason("")).await.header("location"), "/?done=logged-out");
    assert_eq!(site.get(&admin, "/account").await.status, 303);
}

#[tokio::test(start_paused = true)]
async fn the_first_page_does_not_wait_for_an_index_that_is_being_made() {
    let site = Site::new().await;
    site.node.has_no_index.store(true, std::sync::atomic::Ordering::Relaxed);
    let page = site.get(&Client::ANYONE, "/").await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("平行四边形"), "what is new comes from the catalogue");
}
