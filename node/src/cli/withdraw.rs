//! `kapok withdraw`: takes a resource out of the whole federation.

use clap::Args;
use kapok_http::port::{WithdrawRequest, Withdrawn};

use super::client::{Client, encoded};
use super::print::{line, one_line};
use super::shell::Shell;

/// Take a resource out of the whole federation; the reason stays on record
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kapok withdraw ID --reason 版权到期")]
pub(super) struct WithdrawArgs {
    /// The resource, as kapok search shows it
    id: String,
    /// Why; stays on record, for everybody
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) fn run(shell: &Shell, client: &Client, args: &WithdrawArgs) -> anyhow::Result<()> {
    let path = format!("/api/v1/resources/{}/withdraw", encoded(args.id.trim()));
    let done: Withdrawn = client.post(&path, &WithdrawRequest { reason: args.reason.clone() })?;
    shell.answer(&done, |out| {
        line!(out, "已下架：{}，理由：{}", one_line(&done.id), one_line(&done.reason));
        line!(out, "各处同步后都不再出现");
    })
}
