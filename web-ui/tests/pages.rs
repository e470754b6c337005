//! What every page promises: it renders, it runs nothing that a person wrote, and it loads nothing from elsewhere.
#![allow(clippy::unwrap_used)]

#[path = "../examples/gallery/samples.rs"]
mod samples;

use kapok_web_ui::facts::Snippet;
use kapok_web_ui::pages::resource::Preview;
use kapok_web_ui::pages::search::Outcome;
use samples::{federation, frame, home, pages, resource, search, sync, upload, visitor};

#[test]
fn every_page_renders_and_no_word_is_missing() {
    for (name, html) in pages() {
        let html = html.unwrap();
        assert!(html.len() > 400, "{name}");
        // The words that the script of the upload page fills in by itself.
        let html: String = html
            .split(" data-words=\"")
            .map(|part| part.split_once("\" data-icons").map_or(part, |(_, rest)| rest))
            .collect();
        for bad in ["{n}", "{name}", "{time}", "{here}", "{{", "{%", "Some(", "None<"] {
            assert!(!html.contains(bad), "{name} shows {bad}");
        }
    }
}

#[test]
fn no_page_carries_script_or_style_or_leads_elsewhere() {
    for (name, html) in pages() {
        let html = html.unwrap();
        assert!(!html.contains(" style=") && !html.contains("<style"), "{name}: style");
        assert!(!html.contains("javascript:") && !html.contains(" onclick"), "{name}: script");
        for script in html.split("<script").skip(1) {
            assert!(script.starts_with(" src=\"/assets/") && script.contains("></script>"), "{name}: inline script");
        }
        for outside in ["http://", "https://", "\"//"] {
            assert!(!html.contains(outside), "{name} names {outside}");
        }
    }
}

#[test]
fn what_people_write_is_never_read_as_markup() {
    const EVIL: &str = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&";
    let evil = || EVIL.to_owned();
    let mut frame = frame();
    frame.node_name = evil();
    frame.place = Some(evil());
    frame.query = evil();
    if let Some(account) = &mut frame.account {
        account.name = evil();
    }

    let mut home = home();
    for line in &mut home.newest {
        line.title = evil();
        line.home = Some(evil());
        line.kind = Some(evil());
        line.subject = Some(evil());
        line.id = evil();
        line.image = Some(evil());
    }
    for transfer in home.arriving.iter_mut().flat_map(|arriving| &mut arriving.transfers) {
        transfer.title = evil();
    }

    let mut search = search();
    search.query.text = evil();
    let Outcome::Found(found) = &mut search.outcome else { panic!("the sample search found something") };
    for answer in &mut found.answers {
        answer.name = evil();
    }
    for facet in &mut found.facets {
        facet.values[0].slug = evil();
    }
    for hit in &mut found.hits {
        hit.line.title = evil();
        hit.snippet = Snippet::from_html(EVIL);
    }

    let mut resource = resource();
    resource.title = evil();
    resource.description = Some(evil());
    resource.keywords = vec![evil()];
    resource.contributor = Some(evil());
    resource.holders = vec![evil()];
    resource.licence = evil();
    resource.preview = Preview::Text { excerpt: evil(), truncated: false };
    for file in &mut resource.files {
        file.name = evil();
        file.href = Some(evil());
    }
    for version in &mut resource.versions {
        version.note = Some(evil());
    }
    let mut shown = resource.clone();
    shown.preview = Preview::Image { url: evil(), name: evil() };

    let mut upload = upload();
    upload.fields.title = evil();
    upload.fields.description = "</textarea>".to_owned() + EVIL;
    upload.choices.subjects.push(evil());

    let mut federation = federation();
    for member in &mut federation.members {
        member.name = evil();
    }
    let mut sync = sync();
    sync.neighbours.as_mut().unwrap()[0].name = evil();
    sync.board.waiting[1].title = evil();
    sync.board.waiting[1].holder = Some(evil());
    sync.board.transfers[0].file = Some(evil());
    sync.board.ledger.iter_mut().flatten().for_each(|one| one.name = evil());
    sync.subscriptions.as_mut().unwrap()[0].subjects = vec![evil()];

    let pages = [
        home.render(&frame),
        search.render(&frame),
        resource.render(&frame),
        shown.render(&frame),
        upload.render(&frame),
        federation.render(&frame),
        sync.render(&frame),
    ];
    for (index, html) in pages.into_iter().enumerate() {
        let html = html.unwrap();
        for bad in ["<script>", "<img src=x", "\"'>", "</textarea>\""] {
            assert!(!html.contains(bad), "page {index} lets {bad} through");
        }
        assert!(
            html.contains("&#60;script&#62;") || html.contains("&lt;script&gt;"),
            "page {index} shows what was written"
        );
    }
}

#[test]
fn a_match_is_marked_in_the_snippet() {
    let html = search().render(&frame()).unwrap();
    assert!(html.contains("<mark>平行四边形</mark>"));
}

#[test]
fn a_visitor_sees_no_form_that_would_be_refused() {
    let visitor = visitor();
    let mut resource = resource();
    resource.may_withdraw = false;
    resource.may_replace = false;
    resource.fetch.may_fetch = false;
    for html in [resource.render(&visitor), sync().render(&visitor)] {
        assert!(!html.unwrap().contains("method=\"post\""));
    }
    assert!(home().render(&visitor).unwrap().contains("/login"));
}

#[test]
fn a_visitor_is_not_led_to_what_needs_an_account() {
    for (name, html) in pages().into_iter().filter(|(name, _)| name.ends_with("visitor") || name.starts_with("login")) {
        let html = html.unwrap();
        for place in ["href=\"/sync", "href=\"/federation"] {
            assert!(!html.contains(place), "{name} leads to {place}");
        }
    }
}

#[test]
fn every_form_that_changes_something_carries_the_token() {
    for (name, html) in pages() {
        for form in html.unwrap().split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            if form.contains("method=\"post\"") {
                assert!(form.contains("name=\"csrf\""), "{name}");
            }
        }
    }
}
