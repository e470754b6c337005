//! `kapok search`: finds resources, here or in the whole federation.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use kapok_http::port::{Certification, Hit, Members, SearchReply, SearchRequest};
use kapok_library::vocabulary::Vocabulary;

use super::client::{Client, encoded};
use super::fail::Failed;
use super::print::{Bytes, Style, count, line, one_line, place, short_id};
use super::shell::Shell;
use super::values;

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ScopeArg {
    /// This node alone.
    Local,
    /// All nodes that answer in time.
    Federation,
}

/// Find resources
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok search 平行四边形
  kapok search 分数 --subject 数学 --stage 小学 --limit 5
  kapok search pxsbx --scope local            initials of pinyin, on this node alone
  kapok search 古诗 --json | jq '.hits[0].resource'")]
pub(super) struct SearchArgs {
    /// What to look for; several words are taken together
    #[arg(required = true, value_name = "QUERY")]
    query: Vec<String>,
    /// How far to ask
    #[arg(long, value_enum, default_value = "federation")]
    scope: ScopeArg,
    /// Only this subject; may be repeated
    #[arg(long, value_parser = values::subject)]
    subject: Vec<String>,
    /// Only this stage; may be repeated
    #[arg(long, value_parser = values::stage)]
    stage: Vec<String>,
    /// Only this grade, as in 五年级 or primary.5; may be repeated
    #[arg(long)]
    grade: Vec<String>,
    /// Only this kind; may be repeated
    #[arg(long, value_parser = values::kind)]
    kind: Vec<String>,
    /// Only with this certification: school, county or city; may be repeated
    #[arg(long, value_parser = values::certification)]
    certification: Vec<Certification>,
    /// Only what this node holds
    #[arg(long)]
    held: bool,
    /// How many to show (at most 200)
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: u32,
    /// How many of the best to leave out first
    #[arg(long, default_value_t = 0, value_name = "N")]
    offset: u32,
}

impl SearchArgs {
    /// The address of the search. People get each hit's facts with it; the document of `--json` has none.
    fn address(&self, facts: bool) -> anyhow::Result<String> {
        // Looked at here, since the address of a longer one would not even be sent.
        let limits = SearchRequest { limit: 1, ..SearchRequest::of(self.query.join(" ")) };
        limits.checked().map_err(|failure| Failed::new(failure.to_string(), failure.remedy))?;
        let mut pairs: Vec<(&str, String)> = vec![("q", self.query.join(" "))];
        let scope = if self.scope == ScopeArg::Local { "local" } else { "federation" };
        pairs.push(("scope", scope.into()));
        let repeated = [("subject", &self.subject), ("stage", &self.stage), ("kind", &self.kind)];
        pairs.extend(repeated.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, value.clone()))));
        for grade in &self.grade {
            pairs.push(("grade", values::grade(grade, &self.stage)?));
        }
        let levels = self.certification.iter().map(|level| match level {
            Certification::None => "none",
            Certification::School => "school",
            Certification::County => "county",
            Certification::City => "city",
        });
        pairs.extend(levels.map(|level| ("certification", level.to_owned())));
        if self.held {
            pairs.push(("held", "1".into()));
        }
        if facts {
            pairs.push(("facts", "1".into()));
        }
        pairs.push(("limit", self.limit.to_string()));
        pairs.push(("offset", self.offset.to_string()));
        let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        Ok(format!("/api/v1/search?{}", query.join("&")))
    }
}

pub(super) fn run(shell: &Shell, client: &Client, args: &SearchArgs) -> anyhow::Result<()> {
    let reply: SearchReply = client.get(&args.address(!shell.json())?)?;
    let names = if shell.json() || reply.missing.is_empty() { BTreeMap::new() } else { names(client) };
    shell.answer(&reply, |out| write(out, &reply, &names, args, Style::of_stdout()))
}

/// Names of nodes by PeerId, as far as they are known.
fn names(client: &Client) -> BTreeMap<String, String> {
    // Without names the ids are shown, which is no reason to fail.
    let members = client.get::<Members>("/api/v1/members").map(|found| found.members).unwrap_or_default();
    members.into_iter().map(|member| (member.node, member.name)).collect()
}

fn write(out: &mut String, reply: &SearchReply, names: &BTreeMap<String, String>, args: &SearchArgs, style: Style) {
    let query = one_line(&args.query.join(" "));
    for (number, hit) in (u64::from(args.offset) + 1..).zip(&reply.hits) {
        line!(out, "{number:>3}  {}", style.bold(&hit.title));
        line!(out, "     {}", facts(hit));
        let snippet = style.snippet(&hit.snippet);
        if !snippet.is_empty() {
            line!(out, "     {snippet}");
        }
        line!(out, "     {}", style.dim(&hit.resource));
    }
    if reply.hits.is_empty() {
        let none = if reply.total == 0 { "没有找到和" } else { "后面没有更多和" };
        line!(out, "{none}“{query}”有关的资源");
    } else {
        line!(
            out,
            "{} 份与“{query}”有关，这里是 {} 份，用时 {:.0} 毫秒",
            count(reply.total),
            reply.hits.len(),
            reply.ms
        );
    }
    if !reply.complete {
        let missing = reply.missing.iter().map(|id| names.get(id).map_or_else(|| short_id(id), |name| one_line(name)));
        let missing: Vec<String> = missing.collect();
        let asked = reply.answered.len() + reply.missing.len();
        line!(out, "{asked} 个节点中 {} 个已答复，没有答复：{}", reply.answered.len(), missing.join("、"));
    }
}

fn facts(hit: &Hit) -> String {
    let words = Vocabulary::get();
    let mut parts = Vec::new();
    match &hit.facts {
        Some(facts) => {
            parts.push(one_line(&facts.home_name));
            parts.push(place(facts.stage.as_deref(), facts.grade, facts.subject.as_deref()));
            parts.extend(facts.kind.as_deref().map(|kind| one_line(words.kind.zh(kind))));
        }
        None => parts.push(short_id(&hit.home)),
    }
    parts.push(Bytes(hit.files.iter().map(|file| file.size).sum()).to_string());
    parts.push(if hit.held { "本地已有".into() } else { "可取".to_owned() });
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;
    use kapok_http::port::FileFacts;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        search: SearchArgs,
    }

    fn args(typed: &[&str]) -> SearchArgs {
        Alone::try_parse_from(["search"].iter().chain(typed)).unwrap().search
    }

    #[test]
    fn a_search_becomes_an_address() {
        let typed =
            ["平行", "边", "--subject", "数学", "--stage", "小学", "--grade", "5", "--limit", "3", "--scope", "local"];
        let address = args(&typed).address(false).unwrap();
        assert_eq!(
            address,
            "/api/v1/search?q=%E5%B9%B3%E8%A1%8C%20%E8%BE%B9&scope=local&subject=math&stage=primary&grade=primary.5\
             &limit=3&offset=0"
        );
        assert!(args(&["a&held=1"]).address(true).unwrap().contains("q=a%26held%3D1&"));
        assert!(args(&["a", "--grade", "9"]).address(true).is_err());
    }

    #[test]
    fn people_see_titles_marks_and_who_did_not_answer() {
        let hit = Hit {
            resource: "abc".into(),
            title: "面积\u{1b}[2J".into(),
            home: "12D3KooWabcdefghijkl".into(),
            held: true,
            snippet: "<mark>平行</mark>".into(),
            files: vec![FileFacts { size: 2_100_000, ..FileFacts::default() }],
            ..Hit::default()
        };
        let reply = SearchReply {
            total: 12,
            answered: vec!["a".into()],
            missing: vec!["b".into()],
            hits: vec![hit],
            ms: 12.3,
            ..SearchReply::default()
        };
        let mut out = String::new();
        let names = BTreeMap::from([("b".to_owned(), "盐边县".to_owned())]);
        // Tests have no terminal, so this is the plain style.
        write(&mut out, &reply, &names, &args(&["平行"]), Style::of_stdout());
        assert_eq!(
            out,
            "  1  面积[2J\n     …efghijkl · 2.1 MB · 本地已有\n     平行\n     abc\n\
             12 份与“平行”有关，这里是 1 份，用时 12 毫秒\n2 个节点中 1 个已答复，没有答复：盐边县\n"
        );
    }
}
