//! `kapok invite`: lets one node join below this one, by a code or by two files on a stick.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use kapok_http::port::{AdmitRequest, Grant, Invitation, InviteRequest};
use kapok_protocol::membership::Tier;
use serde::Serialize;

use super::client::Client;
use super::join::paper;
use super::print::{Style, line, local_time, one_line};
use super::shell::Shell;
use super::values;

/// Let a node join below this one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok invite --tier school --name 红格小学
  kapok invite --tier point --name 新坪教学点 --valid 30d
  kapok invite --tier point --name 新坪教学点 --request 新坪.request --grant 新坪.grant

The last one is for a node without a link: kapok join --request writes its request, this writes the grant, and
kapok join --grant takes it in.")]
pub(super) struct InviteArgs {
    /// Its tier, lower than this node's
    #[arg(long, value_parser = values::tier)]
    tier: Tier,
    /// Its name in the federation
    #[arg(long)]
    name: String,
    /// The code of its region (GB/T 2260); this node's unless said
    #[arg(long, value_name = "CODE")]
    region: Option<String>,
    /// How long the code can be used, as in 7d or 12h
    #[arg(long, value_name = "SPAN", value_parser = values::span)]
    valid: Option<u64>,
    /// The request that the node wrote
    #[arg(long, value_name = "FILE", requires = "grant", conflicts_with = "valid")]
    request: Option<PathBuf>,
    /// Where to write the grant
    #[arg(long, value_name = "FILE", requires = "request")]
    grant: Option<PathBuf>,
}

#[derive(Serialize)]
struct Granted {
    grant: String,
}

pub(super) fn run(shell: &Shell, client: &Client, args: &InviteArgs) -> anyhow::Result<()> {
    let (tier, name, region) = (args.tier.to_string(), args.name.clone(), args.region.clone());
    if let (Some(request), Some(grant)) = (&args.request, &args.grant) {
        let request = paper(request)?;
        let admitted: Grant = client.post("/api/v1/admit", &AdmitRequest { request, tier, name, region })?;
        fs::write(grant, admitted.grant).with_context(|| format!("cannot write {}", grant.display()))?;
        let document = Granted { grant: grant.display().to_string() };
        return shell.answer(&document, |out| {
            line!(out, "已写好准入文件：{}", document.grant);
            line!(out, "把它带回去：kapok join --grant {}", document.grant);
        });
    }
    let request = InviteRequest { tier, name, region, valid_seconds: args.valid };
    let invitation: Invitation = client.post("/api/v1/invite", &request)?;
    shell.answer(&invitation, |out| {
        let style = Style::of_stdout();
        line!(out, "{} 的邀请码（只能用一次，{} 前有效）：", one_line(&args.name), local_time(&invitation.expires));
        line!(out, "{}", style.bold(&invitation.code));
        line!(out, "在那台机器上：kapok join 邀请码");
    })
}
