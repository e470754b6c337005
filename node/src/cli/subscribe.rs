//! `kapok subscribe`, `subscriptions`, `unsubscribe`: what this node fetches by itself.

use clap::{ArgGroup, Args};
use kapok_http::port::{SubscribeRequest, Subscription, Subscriptions};
use kapok_library::vocabulary::Vocabulary;

use super::client::Client;
use super::print::{Bytes, count, line, one_line};
use super::shell::Shell;
use super::values;

const PATH: &str = "/api/v1/subscriptions";

/// Fetch by itself what meets the conditions
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["all", "subject", "stage", "kind", "max_size"]))]
#[command(after_help = "Examples:
  kapok subscribe --all
  kapok subscribe --stage 小学 --subject 音乐 --subject 美术 --max-size 50MB

Conditions of one subscription are joined with “and”, several values of one with “or”; several subscriptions add up.")]
pub(super) struct SubscribeArgs {
    /// Everything
    #[arg(long, conflicts_with_all = ["subject", "stage", "kind"])]
    all: bool,
    /// Only this subject; may be repeated
    #[arg(long, value_parser = values::subject)]
    subject: Vec<String>,
    /// Only this stage; may be repeated
    #[arg(long, value_parser = values::stage)]
    stage: Vec<String>,
    /// Only this kind; may be repeated
    #[arg(long, value_parser = values::kind)]
    kind: Vec<String>,
    /// Only files up to this size, as in 50MB
    #[arg(long, value_name = "SIZE", value_parser = values::size)]
    max_size: Option<u64>,
}

/// List what this node fetches by itself
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kapok subscriptions")]
pub(super) struct SubscriptionsArgs {}

/// End a subscription; what was fetched stays
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kapok unsubscribe 2")]
pub(super) struct UnsubscribeArgs {
    /// Its number, as kapok subscriptions shows it
    number: u64,
}

pub(super) fn add(shell: &Shell, client: &Client, args: SubscribeArgs) -> anyhow::Result<()> {
    let SubscribeArgs { all, subject, stage, kind, max_size } = args;
    // A size alone is everything up to that size.
    let all = all || (subject.is_empty() && stage.is_empty() && kind.is_empty());
    let found: Subscriptions = client.post(PATH, &SubscribeRequest { all, subject, stage, kind, max_size })?;
    shell.answer(&found, |out| {
        line!(out, "已订阅，合条件的会自己取来");
        write(out, &found);
    })
}

pub(super) fn list(shell: &Shell, client: &Client) -> anyhow::Result<()> {
    let found: Subscriptions = client.get(PATH)?;
    shell.answer(&found, |out| write(out, &found))
}

pub(super) fn end(shell: &Shell, client: &Client, args: &UnsubscribeArgs) -> anyhow::Result<()> {
    let found: Subscriptions = client.delete(&format!("{PATH}/{}", args.number))?;
    shell.answer(&found, |out| {
        line!(out, "已退订，取来的还在");
        write(out, &found);
    })
}

fn write(out: &mut String, found: &Subscriptions) {
    if found.subscriptions.is_empty() {
        line!(out, "还没有订阅。没订阅的也能搜到，要用时再取");
    }
    for one in &found.subscriptions {
        let (resources, held) = (count(one.resources), count(one.held));
        line!(out, "{:>3}  {}  {resources} 份，已到 {held} 份", one.number, conditions(one));
    }
}

fn conditions(one: &Subscription) -> String {
    let words = Vocabulary::get();
    let mut parts: Vec<String> = Vec::new();
    let mut join = |values: Vec<&str>| {
        if !values.is_empty() {
            parts.push(one_line(&values.join("、")));
        }
    };
    join(one.stage.iter().map(|slug| words.stage_zh(slug)).collect());
    join(one.subject.iter().map(|slug| words.subject.zh(slug)).collect());
    join(one.kind.iter().map(|slug| words.kind.zh(slug)).collect());
    if parts.is_empty() {
        parts.push("全部资源".into());
    }
    parts.extend(one.max_size.map(|size| format!("不大于 {}", Bytes(size))));
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        subscribe: SubscribeArgs,
    }

    #[test]
    fn nobody_subscribes_to_the_world_by_accident() {
        assert!(Alone::try_parse_from(["subscribe"]).is_err());
        assert!(Alone::try_parse_from(["subscribe", "--all", "--subject", "数学"]).is_err());
        let parsed = Alone::try_parse_from(["subscribe", "--max-size", "50MB"]).unwrap();
        assert_eq!(parsed.subscribe.max_size, Some(50_000_000));
    }

    #[test]
    fn conditions_are_said_in_words() {
        let one = Subscription {
            stage: vec!["primary".into()],
            subject: vec!["music".into(), "art".into()],
            max_size: Some(50_000_000),
            ..Subscription::default()
        };
        assert_eq!(conditions(&one), "小学 · 音乐、美术 · 不大于 50.0 MB");
        assert_eq!(conditions(&Subscription { all: true, ..Subscription::default() }), "全部资源");
    }
}
