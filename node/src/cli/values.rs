//! What is typed: sizes, times and the vocabulary's words.

use std::path::{Path, PathBuf};

use anyhow::Context;
use kapok_http::port::{Certification, Visibility};
use kapok_library::vocabulary::{Terms, Vocabulary};
use kapok_protocol::membership::Tier;

use super::fail::Failed;

/// A size: `50MB`, `1.5 GB`, `300 KiB`, `4096`. MB are a million bytes, as disks and file managers count.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("“{text}” is not a size, as in 50MB or 1.5GB");
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit: u64 = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "K" | "KB" => 1_000,
        "M" | "MB" => 1_000_000,
        "G" | "GB" => 1_000_000_000,
        "T" | "TB" => 1_000_000_000_000,
        "KIB" => 1 << 10,
        "MIB" => 1 << 20,
        "GIB" => 1 << 30,
        "TIB" => 1 << 40,
        _ => return Err(wrong()),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.len() > 6 || fraction.contains('.') {
        return Err(wrong());
    }
    let scale = 10_u128.pow(u32::try_from(fraction.len()).map_err(|_| wrong())?);
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| wrong())?;
    let bytes = digits.checked_mul(u128::from(unit)).ok_or_else(wrong)? / scale;
    u64::try_from(bytes).map_err(|_| format!("“{text}” is more than any disk has"))
}

/// A time span in seconds: `7d`, `12h`, `30m`, `90s`, `2w`.
pub(super) fn span(text: &str) -> Result<u64, String> {
    let wrong = || format!("“{text}” is not a time span, as in 7d, 12h or 30m");
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let unit = match unit.trim() {
        "s" | "秒" => 1,
        "m" | "min" | "分" | "分钟" => 60,
        "h" | "小时" => 3_600,
        "d" | "天" => 86_400,
        "w" | "周" => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(unit) {
        Some(seconds @ 1..) => Ok(seconds),
        _ => Err(wrong()),
    }
}

/// `city`, `county`, `school`, `point`, or the Chinese word.
pub(super) fn tier(text: &str) -> Result<Tier, String> {
    let slug = Vocabulary::get().tier.slug(text).unwrap_or(text);
    slug.parse().map_err(|_| unknown(text, "tier", &Vocabulary::get().tier))
}

/// The slug of a subject.
pub(super) fn subject(text: &str) -> Result<String, String> {
    term(text, "subject", &Vocabulary::get().subject)
}

/// The slug of a kind of resource.
pub(super) fn kind(text: &str) -> Result<String, String> {
    term(text, "kind", &Vocabulary::get().kind)
}

/// The key of a licence.
pub(super) fn license(text: &str) -> Result<String, String> {
    term(text, "licence", &Vocabulary::get().license)
}

/// The slug of a stage.
pub(super) fn stage(text: &str) -> Result<String, String> {
    let words = Vocabulary::get();
    words.stage_slug(text).map(str::to_owned).ok_or_else(|| {
        let known: Vec<String> = words.stages().map(|slug| format!("{} ({slug})", words.stage_zh(slug))).collect();
        format!("“{text}” is not a stage; known are {}", known.join(", "))
    })
}

/// Who may receive it.
pub(super) fn visibility(text: &str) -> Result<Visibility, String> {
    let terms = &Vocabulary::get().visibility;
    match terms.slug(text) {
        Some("public") => Ok(Visibility::Public),
        Some("federation") => Ok(Visibility::Federation),
        Some("county") => Ok(Visibility::County),
        Some("school") => Ok(Visibility::School),
        Some("private") => Ok(Visibility::Private),
        _ => Err(unknown(text, "visibility", terms)),
    }
}

/// The highest tier that stands behind it.
pub(super) fn certification(text: &str) -> Result<Certification, String> {
    let terms = &Vocabulary::get().certification;
    match terms.slug(text) {
        Some("none") => Ok(Certification::None),
        Some("school") => Ok(Certification::School),
        Some("county") => Ok(Certification::County),
        Some("city") => Ok(Certification::City),
        _ => Err(unknown(text, "certification", terms)),
    }
}

/// A grade as a filter knows it, `primary.5`, from `五年级`, from `5` with a stage, or from itself.
pub(super) fn grade(text: &str, stages: &[String]) -> anyhow::Result<String> {
    let words = Vocabulary::get();
    let stage = match stages {
        [one] => Some(one.as_str()),
        _ => None,
    };
    let (typed, stage) = match text.split_once('.') {
        Some((stage, year)) => (year, Some(stage)),
        None => (text, stage),
    };
    let found = words.grade(typed, stage).map(|(stage, year)| format!("{stage}.{year}"));
    found.ok_or_else(|| {
        Failed::new(
            format!("“{text}” is not a grade"),
            "name it as in 五年级, primary.5, or 5 together with --stage 小学",
        )
        .into()
    })
}

/// Keywords as they are typed: separated by commas of either width.
pub(super) fn keywords(typed: &[String]) -> Vec<String> {
    let separators = [',', '，', '、', ';', '；'];
    typed
        .iter()
        .flat_map(|text| text.split(separators))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(Into::into)
        .collect()
}

/// The path as the daemon needs it, which runs in another folder.
pub(super) fn absolute(path: &Path) -> anyhow::Result<String> {
    let absolute: PathBuf = std::path::absolute(path).with_context(|| format!("cannot find “{}”", path.display()))?;
    absolute.into_os_string().into_string().map_err(|path| {
        Failed::new(format!("the name of {} is not UTF-8 text", path.display()), "rename it, and repeat").into()
    })
}

fn term(text: &str, what: &str, terms: &Terms) -> Result<String, String> {
    terms.slug(text).map(str::to_owned).ok_or_else(|| unknown(text, what, terms))
}

fn unknown(text: &str, what: &str, terms: &Terms) -> String {
    let known: Vec<String> = terms.keys().map(|slug| format!("{} ({slug})", terms.zh(slug))).collect();
    format!("“{text}” is not a {what}; known are {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("50MB", 50_000_000),
            ("1.5 GB", 1_500_000_000),
            ("32gb", 32_000_000_000),
            ("4096", 4096),
            ("12 B", 12),
            ("300KiB", 307_200),
            ("0.5k", 500),
            ("2T", 2_000_000_000_000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for wrong in ["", "MB", "-5MB", "5 pages", "1.2.3MB", "1,5GB", ".5GB", "99999999999999999999TB", "1e9"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_spans_have_a_unit() {
        for (text, seconds) in [("7d", 604_800), ("12h", 43_200), ("30m", 1_800), ("90s", 90), ("2周", 1_209_600)] {
            assert_eq!(span(text), Ok(seconds), "{text}");
        }
        for wrong in ["", "7", "d", "0d", "-1d", "1.5h", "99999999999999999999d", "18446744073709551615w", "7 moons"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_of_the_vocabulary_are_taken_in_chinese_and_as_keys() {
        assert_eq!(subject("数学").unwrap(), "math");
        assert_eq!(subject("math").unwrap(), "math");
        assert_eq!(stage("小学").unwrap(), "primary");
        assert_eq!(kind("课件").unwrap(), "courseware");
        assert_eq!(tier("学校").unwrap(), Tier::School);
        assert_eq!(visibility("本校").unwrap(), Visibility::School);
        assert!(subject("数术").unwrap_err().contains("数学 (math)"));
        assert!(tier("province").unwrap_err().contains("county"));
    }

    #[test]
    fn a_grade_is_a_year_of_a_stage() {
        let primary = ["primary".to_owned()];
        assert_eq!(grade("五年级", &[]).unwrap(), "primary.5");
        assert_eq!(grade("5", &primary).unwrap(), "primary.5");
        assert_eq!(grade("junior.2", &[]).unwrap(), "junior.2");
        for wrong in ["5", "primary.9", "九十年级", "nowhere.1"] {
            assert!(grade(wrong, &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keywords_are_parted_by_commas_of_either_width() {
        assert_eq!(keywords(&["面积, 底，高".into(), "图形、".into()]), ["面积", "底", "高", "图形"]);
    }

    #[test]
    fn paths_become_absolute_and_keep_their_names() {
        assert!(absolute(Path::new("课件.pptx")).unwrap().ends_with("/课件.pptx"));
        assert_eq!(absolute(Path::new("/a/b")).unwrap(), "/a/b");
        assert!(absolute(Path::new("")).is_err());
    }
}
