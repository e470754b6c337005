//! `kapok show`: everything about one resource.

use clap::Args;
use kapok_http::port::{Certification, Resource, Visibility};
use kapok_library::vocabulary::Vocabulary;

use super::client::{Client, encoded};
use super::print::{Bytes, Style, files, line, local_time, one_line, place, short_id, tier, without_controls};
use super::shell::Shell;

/// Show a resource with its versions, reviews and holders
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kapok show ID")]
pub(super) struct ShowArgs {
    /// The resource, as kapok search shows it
    id: String,
}

pub(super) fn run(shell: &Shell, client: &Client, args: &ShowArgs) -> anyhow::Result<()> {
    let resource: Resource = client.get(&format!("/api/v1/resources/{}", encoded(args.id.trim())))?;
    shell.answer(&resource, |out| write(out, &resource, Style::of_stdout()))
}

fn write(out: &mut String, resource: &Resource, style: Style) {
    let words = Vocabulary::get();
    let facts = &resource.summary;
    line!(out, "{}", style.bold(&facts.title));
    line!(out, "编号：{}", one_line(&facts.id));
    let mut home = format!("{}（{}）", one_line(&facts.home_name), tier(&facts.home_tier));
    if !facts.author.is_empty() {
        home = format!("{home} {}", one_line(&facts.author));
    }
    line!(out, "来源：{home}");
    let place = place(facts.stage.as_deref(), facts.grade, facts.subject.as_deref());
    let kind = facts.kind.as_deref().map(|kind| one_line(words.kind.zh(kind)));
    let about: Vec<String> = [place].into_iter().chain(kind).filter(|part| !part.is_empty()).collect();
    if !about.is_empty() {
        line!(out, "分类：{}", about.join(" · "));
    }
    if !resource.keywords.is_empty() {
        line!(out, "关键词：{}", one_line(&resource.keywords.join("、")));
    }
    if !resource.description.is_empty() {
        line!(out, "说明：{}", without_controls(&resource.description));
    }
    line!(out, "给谁看：{}；别人可以：{}", visibility(facts.visibility), one_line(words.license.zh(&resource.license)));
    line!(out, "认证：{}", certification(facts.certification));
    let held = if facts.held { "本地已有" } else { "可取" };
    line!(out, "大小：{}，{held}；{} 个节点有", Bytes(facts.size), resource.holders.len());
    if let Some(average) = resource.ratings.average {
        line!(out, "评分：{average:.1}（{} 人）", resource.ratings.count);
    }
    for version in &resource.versions {
        line!(out, "第 {} 版  {}  {}", version.version, local_time(&version.time), one_line(&version.note));
        files(out, "  ", &version.files);
    }
    for review in &resource.reviews {
        line!(
            out,
            "审核：第 {} 版 {} {}  {}  {}",
            review.version,
            one_line(&review.level),
            one_line(&review.state),
            short_id(&review.by),
            one_line(&review.note)
        );
    }
}

fn certification(level: Certification) -> &'static str {
    let slug = match level {
        Certification::None => "none",
        Certification::School => "school",
        Certification::County => "county",
        Certification::City => "city",
    };
    Vocabulary::get().certification.zh(slug)
}

fn visibility(who: Visibility) -> &'static str {
    let slug = match who {
        Visibility::Public => "public",
        Visibility::Federation => "federation",
        Visibility::County => "county",
        Visibility::School => "school",
        Visibility::Private => "private",
    };
    Vocabulary::get().visibility.zh(slug)
}
