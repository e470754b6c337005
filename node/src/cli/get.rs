//! `kapok get`: writes the files of a resource into a folder, bringing them here first.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;
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
    /// The folder to write them into; it is made where it is missing
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) fn run(shell: &Shell, client: &Client, args: &GetArgs) -> anyhow::Result<()> {
    let request = FetchRequest { out: Some(values::absolute(&args.out)?) };
    let path = format!("/api/v1/resources/{}/fetch", encoded(args.id.trim()));
    // The folder is made by whoever asks for it, so that it is theirs where the daemon runs as somebody else.
    let is_new = !args.out.exists();
    fs::create_dir_all(&args.out).with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let mut display = Display::new(shell);
    let reply = client.follow::<FetchReply>(&path, &request, |step| display.step(step));
    display.end();
    if reply.is_err() && is_new {
        // Only an empty folder goes, which is what is wanted.
        let _ = fs::remove_dir(&args.out);
    }
    let reply = reply?;
    shell.answer(&reply, |out| {
        for file in &reply.files {
            line!(out, "{}  {}", one_line(file.path.as_deref().unwrap_or(&file.name)), Bytes(file.size));
        }
        let bytes = reply.files.iter().map(|file| file.size).sum();
        line!(out, "已取到 {} 个文件（{}），校验无误", reply.files.len(), Bytes(bytes));
    })
}
