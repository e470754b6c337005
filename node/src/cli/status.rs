//! `kapok status`: the node and its figures.

use clap::Args;
use kapok_http::port::{Link, Status};

use super::client::Client;
use super::print::{Bytes, Style, count, line, local_time, one_line, tier};
use super::shell::Shell;

/// Show the node and its figures
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok status
  kapok status --json | jq .pending")]
pub(super) struct StatusArgs {}

pub(super) fn run(shell: &Shell, client: &Client) -> anyhow::Result<()> {
    let status: Status = client.get("/api/v1/status")?;
    shell.answer(&status, |out| write(out, &status, Style::of_stdout()))
}

fn write(out: &mut String, status: &Status, style: Style) {
    let name = if status.name.is_empty() { "（名称没有了）" } else { &status.name };
    line!(out, "{}（{}）  {}", style.bold(name), tier(&status.tier), one_line(&status.node));
    if status.federation.is_empty() {
        line!(out, "联盟：还没有加入（用上级的邀请码：kapok join CODE）");
    } else {
        line!(out, "联盟：{}", one_line(&status.federation));
    }
    let at =
        status.catalogue_at.as_deref().map_or_else(|| "只有本地的".into(), |at| format!("截至 {}", local_time(at)));
    line!(out, "目录：{} 条记录，{} 份资源，{at}", count(status.entries), count(status.resources));
    line!(
        out,
        "本地：{} 份资源，{} 个文件，{}；磁盘还剩 {}",
        count(status.held),
        count(status.blobs),
        Bytes(status.bytes),
        Bytes(status.free_bytes)
    );
    let link = match status.link {
        Link::Online => "在线",
        Link::Lan => "仅局域网",
        Link::Offline => "离线",
    };
    let since = status.link_since.as_deref().map_or_else(String::new, |at| format!("，{} 起", local_time(at)));
    let parent = status.parent_name.as_deref().map_or_else(String::new, |name| format!("，上级 {}", one_line(name)));
    line!(out, "线路：{link}{since}，连着 {} 个节点{parent}", status.peers_connected);
    if status.behind_nat {
        let way = match &status.relay_name {
            Some(name) => format!("别的节点可以经 {} 找到它", one_line(name)),
            None => "外面的节点找不到它，由它去连上级".to_owned(),
        };
        line!(out, "位置：在路由器（NAT）后面，{way}");
    }
    if status.pending.blobs > 0 {
        line!(out, "在等：{} 个文件，{}", count(status.pending.blobs), Bytes(status.pending.bytes));
    }
    if let Some(percent) = status.rebuilding_percent {
        line!(out, "正在重建目录，已完成 {percent}%");
    }
    for notice in &status.notices {
        line!(out, "注意：{}", one_line(notice));
    }
}
