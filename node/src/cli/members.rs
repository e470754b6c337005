//! `kapok members` and `kapok revoke`: who belongs to the federation.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use kapok_http::port::{Member, Members, RevokeRequest, Revoked};

use super::client::{Client, encoded};
use super::print::{Style, count, line, one_line, short_id, tier};
use super::shell::Shell;

/// Show the tree of memberships with the days that are left
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kapok members")]
pub(super) struct MembersArgs {}

/// End the membership of a node below this one
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kapok revoke 12D3KooW… --reason 设备被盗")]
pub(super) struct RevokeArgs {
    /// The node, as kapok members --json shows it
    node: String,
    /// Why; stays on record, for everybody
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) fn list(shell: &Shell, client: &Client) -> anyhow::Result<()> {
    let found: Members = client.get("/api/v1/members")?;
    shell.answer(&found, |out| tree(out, &found.members, Style::of_stdout()))
}

pub(super) fn revoke(shell: &Shell, client: &Client, args: &RevokeArgs) -> anyhow::Result<()> {
    let path = format!("/api/v1/members/{}/revoke", encoded(args.node.trim()));
    let revoked: Revoked = client.post(&path, &RevokeRequest { reason: args.reason.clone() })?;
    shell.answer(&revoked, |out| {
        line!(
            out,
            "已吊销：{}（{}），理由：{}",
            one_line(&revoked.name),
            short_id(&revoked.node),
            one_line(&revoked.reason)
        );
    })
}

/// Parents before their children, each child further in. What has no known parent stands at the top.
fn tree(out: &mut String, members: &[Member], style: Style) {
    let known: BTreeSet<&str> = members.iter().map(|member| member.node.as_str()).collect();
    let mut children: BTreeMap<&str, Vec<&Member>> = BTreeMap::new();
    for member in members {
        let parent = member.parent.as_deref().filter(|parent| known.contains(parent) && *parent != member.node);
        children.entry(parent.unwrap_or_default()).or_default().push(member);
    }
    let mut waiting: Vec<(usize, &Member)> = Vec::new();
    let mut next = "";
    let mut depth = 0;
    loop {
        // Taking them out ends it, whatever the parents claim.
        let below = children.remove(next).unwrap_or_default();
        waiting.extend(below.into_iter().rev().map(|member| (depth, member)));
        let Some((at, member)) = waiting.pop() else { return };
        write(out, at, member, style);
        (next, depth) = (member.node.as_str(), at + 1);
    }
}

fn write(out: &mut String, depth: usize, member: &Member, style: Style) {
    let state = match (member.revoked, member.days_left, member.online) {
        (true, _, _) => "已吊销".to_owned(),
        (false, ..=0, _) => "证书已过期".to_owned(),
        (false, days, true) => format!("正常，证书还有 {days} 天"),
        (false, days, false) => format!("没连上，证书还有 {days} 天"),
    };
    let indent = "  ".repeat(depth);
    let (name, tier, resources) = (style.bold(&member.name), tier(&member.tier), count(member.resources));
    line!(out, "{indent}{name}（{tier}）  {resources} 份资源  {state}  {}", short_id(&member.node));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(node: &str, parent: Option<&str>) -> Member {
        let (node, name, parent) = (node.to_owned(), node.to_owned(), parent.map(Into::into));
        Member { node, name, tier: "school".into(), parent, days_left: 9, online: true, ..Member::default() }
    }

    #[test]
    fn children_stand_below_their_parents() {
        let members = [member("point", Some("school")), member("city", None), member("school", Some("city"))];
        let mut out = String::new();
        tree(&mut out, &members, Style::of_stdout());
        let starts: Vec<&str> = out.lines().filter_map(|line| line.split('（').next()).collect();
        assert_eq!(starts, ["city", "  school", "    point"]);
    }

    #[test]
    fn parents_in_a_ring_end_the_list_and_not_the_program() {
        let members =
            [member("a", Some("b")), member("b", Some("a")), member("c", Some("nobody")), member("d", Some("d"))];
        let mut out = String::new();
        tree(&mut out, &members, Style::of_stdout());
        assert!(out.contains("c（") && out.contains("d（"), "{out}");
    }
}
