//! `kapok join`: makes this node a member, by a code or by two files on a stick.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{ArgGroup, Args};
use kapok_http::port::{JoinPaper, JoinRequest, Joined};
use serde::Serialize;

use super::client::Client;
use super::fail::Failed;
use super::print::{line, one_line, short_id, tier};
use super::shell::Shell;

/// Requests and grants are a few hundred bytes of text.
const MAX_PAPER_BYTES: u64 = 64 << 10;

/// Join a federation
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("way").required(true).args(["code", "request", "grant"]))]
#[command(after_help = "Examples:
  kapok join CODE                    with the code that kapok invite printed at the parent
  kapok join --request 新坪.request  without a link: write a request for the parent
  kapok join --grant 新坪.grant      and take in what the parent wrote with kapok invite --request")]
pub(super) struct JoinArgs {
    /// The code from the parent
    code: Option<String>,
    /// Where to write a request for a parent that cannot be reached
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// The parent's answer to the request
    #[arg(long, value_name = "FILE")]
    grant: Option<PathBuf>,
}

#[derive(Serialize)]
struct Requested {
    request: String,
}

pub(super) fn run(shell: &Shell, client: &Client, args: &JoinArgs) -> anyhow::Result<()> {
    let request = match (&args.code, &args.request, &args.grant) {
        (Some(code), _, _) => JoinRequest::Code(code.trim().to_owned()),
        (None, _, Some(grant)) => JoinRequest::Grant(paper(grant)?),
        (None, Some(file), None) => {
            let written: JoinPaper = client.get("/api/v1/join/request")?;
            fs::write(file, written.request).with_context(|| format!("cannot write {}", file.display()))?;
            let document = Requested { request: file.display().to_string() };
            return shell.answer(&document, |out| {
                line!(out, "已写好加入申请：{}", document.request);
                line!(out, "把它带给上级，上级运行：kapok invite --request 申请 --grant 准入文件 …");
            });
        }
        (None, None, None) => return Err(Failed::new("nothing to join with", "give the code: kapok join CODE").into()),
    };
    let joined: Joined = client.post("/api/v1/join", &request)?;
    shell.answer(&joined, |out| {
        line!(out, "已加入：{}（{}）", one_line(&joined.name), tier(&joined.tier));
        line!(out, "联盟：{}", one_line(&joined.federation));
        line!(out, "上级：{}", short_id(&joined.parent));
    })
}

/// The text of a request or a grant.
pub(super) fn paper(path: &Path) -> anyhow::Result<String> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_PAPER_BYTES + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {}", path.display()))?;
    let text = if bytes.len() as u64 > MAX_PAPER_BYTES { None } else { String::from_utf8(bytes).ok() };
    text.ok_or_else(|| {
        let what = format!("{} is not a request or a grant of kapok", path.display());
        Failed::new(what, "take the file that kapok join --request or kapok invite --grant wrote").into()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_small_texts_are_papers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paper");
        fs::write(&path, "kapok-request-1 abc\n").unwrap();
        assert_eq!(paper(&path).unwrap(), "kapok-request-1 abc\n");
        for wrong in [vec![0xff, 0xfe], vec![b'a'; 70_000]] {
            fs::write(&path, wrong).unwrap();
            assert!(paper(&path).unwrap_err().to_string().contains("is not a request"));
        }
        assert!(paper(&folder.path().join("none")).is_err());
    }
}
