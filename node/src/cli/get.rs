//! `kapok get`: writes the files of a resource into a folder, bringing them here first.

use std::path::PathBuf;

use clap::Args;
use kapok_http::port::{FetchReply, FetchRequest};

use super::client::{Client, encoded};
use super::print::{Bytes, line, one_line};
use super::progress::Display;
use super::shell::Shell;
use super::values;

/// Write a resource's files into a folder, from whoever has them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok get ID
  kapok get ID --out 下载/")]
pub(super) struct GetArgs {
    /// The resource, as kapok search shows it
    id: String,
    /// Where to
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) fn run(shell: &Shell, client: &Client, args: &GetArgs) -> anyhow::Result<()> {
    let request = FetchRequest { out: Some(values::absolute(&args.out)?) };
    let path = format!("/api/v1/resources/{}/fetch", encoded(args.id.trim()));
    let mut display = Display::new(shell);
    let reply = client.follow::<FetchReply>(&path, &request, |step| display.step(step));
    display.end();
    let reply = reply?;
    shell.answer(&reply, |out| {
        for file in &reply.files {
            line!(out, "{}  {}", one_line(file.path.as_deref().unwrap_or(&file.name)), Bytes(file.size));
        }
        let bytes = reply.files.iter().map(|file| file.size).sum();
        line!(out, "已取到 {} 个文件（{}），校验无误", reply.files.len(), Bytes(bytes));
    })
}
