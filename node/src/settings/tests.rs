//! What the operator may count on.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use super::*;

/// A folder that lasts as long as the test, and the file in it.
fn file_with(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kapok.toml");
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn refusal(text: &str) -> String {
    let (_folder, path) = file_with(text);
    Settings::load(&path).expect_err("must be refused").to_string()
}

#[test]
fn a_home_without_a_file_has_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::load(&folder.path().join("kapok.toml")).unwrap();
    assert!(settings.http_addresses().iter().all(|address| address.ip().is_loopback()));
    assert!(settings.listen_addresses().iter().any(|address| address.contains("quic-v1")));
    assert_eq!(settings.sync_interval(), Duration::from_secs(600));
    assert_eq!(settings.sync_window(), None);
    assert_eq!(settings.log_filter(), "info");
    assert!(!settings.secure_cookies() && settings.host_names().is_empty());
    assert!(settings.all().iter().all(|setting| setting.value.is_empty()));
}

#[test]
fn every_default_and_every_example_is_a_value() {
    for key in KEYS {
        assert_eq!(key.form.check(key.example), Ok(()), "{}", key.name);
        if !key.default.is_empty() {
            assert_eq!(key.form.check(key.default), Ok(()), "{}", key.name);
        }
        assert!(!key.meaning.is_empty());
    }
}

#[test]
fn what_is_set_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kapok.toml");
    let mut settings = Settings::default();
    for key in KEYS {
        settings.set(key.name, key.example).unwrap();
    }
    settings.save(&path).unwrap();
    let again = Settings::load(&path).unwrap();
    assert_eq!(again.all(), settings.all());
    assert!(again.all().iter().all(|setting| !setting.value.is_empty()));
    assert_eq!(again.sync_window(), Some("22:00-06:00".parse().unwrap()));
    assert_eq!(again.sync_interval(), Duration::from_secs(1800));
    assert_eq!(again.http_addresses().len(), 2);
    assert!(again.secure_cookies());
    assert!(again.unknown_names().is_empty());
}

#[test]
fn comments_order_and_what_is_not_known_here_stay() {
    let text =
        "# the school's own\nfuture = 3\n\n[sync]\nwindow = \"21:00-05:00\" # agreed with the county\nspeed = 1\n";
    let (_folder, path) = file_with(text);
    let mut settings = Settings::load(&path).unwrap();
    assert_eq!(settings.unknown_names(), ["future", "sync.speed"]);
    settings.set("sync.window", "22:00-06:00").unwrap();
    settings.save(&path).unwrap();
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept, text.replace("21:00-05:00", "22:00-06:00"));
}

#[test]
fn an_empty_value_brings_the_default_back() {
    let (_folder, path) = file_with("log = \"debug\"\n[sync]\ninterval_minutes = 5\n");
    let mut settings = Settings::load(&path).unwrap();
    assert_eq!(settings.sync_interval(), Duration::from_secs(300));
    settings.set("log", "").unwrap();
    settings.set("sync.interval_minutes", "").unwrap();
    assert_eq!(settings.log_filter(), "info");
    assert_eq!(settings.sync_interval(), Duration::from_secs(600));
    assert!(settings.all().iter().all(|setting| setting.value.is_empty()));
}

#[test]
fn a_wrong_file_is_refused_with_the_line_or_the_setting_and_a_remedy() {
    let broken = refusal("log = \"info\"\n[sync\nwindow = 3\n");
    assert!(broken.contains("line 2") && broken.contains("\n  "), "{broken}");
    let wrong = refusal("[sync]\nwindow = \"25:00-06:00\"\n");
    assert!(wrong.contains("sync.window") && wrong.contains("25:00") && wrong.contains("22:00-06:00"), "{wrong}");
    assert!(refusal("[http]\naddresses = [\"localhost\"]\n").contains("localhost"));
    assert!(refusal("[sync]\ninterval_minutes = 0\n").contains("interval_minutes"));
    assert!(refusal("[sync]\ninterval_minutes = { every = 3 }\n").contains("does not belong here"));
    assert!(refusal("log = 2026-11-20\n").contains("log"));
}

#[test]
fn a_wrong_value_changes_nothing() {
    let mut settings = Settings::default();
    for (key, value) in [
        ("sync.window", "night"),
        ("sync.interval_minutes", "99999999999999999999"),
        ("net.rate_kbit_s", "15"),
        ("http.addresses", ","),
        ("http.names", "a b"),
        ("net.listen", "0.0.0.0:8421"),
        ("http.secure_cookies", "yes"),
        ("log", "kapok=loud"),
        ("sync.windw", "22:00-06:00"),
    ] {
        let refused = settings.set(key, value).expect_err(value).to_string();
        assert!(refused.contains(key) && refused.contains("\n  "), "{refused}");
    }
    assert!(settings.all().iter().all(|setting| setting.value.is_empty()));
}

#[test]
fn a_setting_is_not_put_into_what_is_no_table() {
    let (_folder, path) = file_with("sync = 5\n");
    let mut settings = Settings::load(&path).unwrap();
    let refused = settings.set("sync.window", "22:00-06:00").unwrap_err().to_string();
    assert!(refused.contains("is not a table"), "{refused}");
}

#[test]
fn a_wrong_value_can_be_mended_by_setting_another() {
    let (_folder, path) = file_with("[sync]\nwindow = \"night\"\n");
    assert!(Settings::mend(&path, "log", "debug").unwrap_err().to_string().contains("sync.window"));
    Settings::mend(&path, "sync.window", "22:00-06:00").unwrap();
    assert!(Settings::load(&path).unwrap().sync_window().is_some());
}
