//! `kapok init`: makes a node. Needs no daemon.

use clap::Args;
use kapok_protocol::membership::Tier;
use serde::Serialize;

use super::print::{Style, line, one_line, tier};
use super::shell::Shell;
use super::values;
use crate::node::{self, InitOptions};

/// Make a node in an empty folder
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok init --tier city --name 攀枝花市教育资源库 --region 510400
  kapok --home /srv/kapok init --tier school --name 红格小学 --http 0.0.0.0:8420

A city makes a new federation; every other node joins one afterwards with kapok join.")]
pub(super) struct InitArgs {
    /// The node's place: city, county, school or point
    #[arg(long, value_parser = values::tier)]
    tier: Tier,
    /// Its name, as people will see it
    #[arg(long)]
    name: String,
    /// The code of its region (GB/T 2260)
    #[arg(long, value_name = "CODE")]
    region: Option<String>,
    /// Where pages and API listen, with port; several with commas. On loopback only unless this says otherwise
    #[arg(long, value_name = "ADDR")]
    http: Option<String>,
    /// Where other nodes reach it, as in /ip4/0.0.0.0/udp/8421/quic-v1; may be repeated
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
}

#[derive(Serialize)]
struct Document {
    node: String,
    home: String,
    setup: String,
}

pub(super) fn run(shell: &Shell, args: InitArgs) -> anyhow::Result<()> {
    let InitArgs { tier: level, name, region, http, listen } = args;
    let options = InitOptions { tier: level, name: name.clone(), region, http, listen };
    let made = node::init(&shell.home()?, &options)?;
    let document = Document { node: made.node.to_string(), home: made.home.display().to_string(), setup: made.setup };
    shell.answer(&document, |out| {
        let style = Style::of_stdout();
        line!(out, "已建好{}节点“{}”", tier(level.as_str()), one_line(&name));
        line!(out, "节点：{}", document.node);
        line!(out, "文件夹：{}", document.home);
        line!(out, "设置码：{}（只能用一次，在网页上开第一个账号时填）", style.bold(&document.setup));
        line!(out, "下一步：kapok serve --home {}", document.home);
    })
}
