//! `kapok add`: publishes files of this machine.

use std::path::PathBuf;

use clap::Args;
use kapok_http::port::{AddReply, AddRequest, IngestMode, Visibility};

use super::client::Client;
use super::print::{Bytes, Style, files, line, one_line};
use super::progress::Display;
use super::shell::Shell;
use super::values;

/// Publish files
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok add 平行四边形的面积.pptx --subject 数学 --stage 小学 --grade 五年级 --kind 课件
  kapok add 校本课程/ --visibility school           a folder becomes one resource a file
  kapok add 教案.docx 课件.pptx --together --title 认识分数
  kapok add 新课件.pptx --replaces ID --note 改了第3页")]
pub(super) struct AddArgs {
    /// Files and folders
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Its title; the file's name without its ending unless said
    #[arg(long)]
    title: Option<String>,
    /// 数学, 语文, … or the keys math, chinese, …
    #[arg(long, value_parser = values::subject)]
    subject: Option<String>,
    /// 小学, 初中, … or primary, junior, …
    #[arg(long, value_parser = values::stage)]
    stage: Option<String>,
    /// 五年级, or 5 together with --stage
    #[arg(long)]
    grade: Option<String>,
    /// 课件, 教案, … or courseware, lesson-plan, …
    #[arg(long, value_parser = values::kind)]
    kind: Option<String>,
    /// Words by which it is found, separated by commas
    #[arg(long, value_name = "WORDS")]
    keywords: Vec<String>,
    /// What it is, in a few sentences
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// What others may do with it: CC-BY-4.0, federation, …
    #[arg(long, value_parser = values::license)]
    license: Option<String>,
    /// Who may receive it: public, federation, county, school or private
    #[arg(long, value_parser = values::visibility)]
    visibility: Option<Visibility>,
    /// The resource of which this is a new version
    #[arg(long, value_name = "ID")]
    replaces: Option<String>,
    /// What changed; kept with the version
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Move the files into the node instead of copying them
    #[arg(long = "move", conflicts_with = "reflink")]
    move_in: bool,
    /// Share the files' blocks with the node, where the file system can
    #[arg(long)]
    reflink: bool,
    /// Make one resource of all files
    #[arg(long)]
    together: bool,
}

impl AddArgs {
    fn request(self) -> anyhow::Result<AddRequest> {
        let paths = self.paths.iter().map(|path| values::absolute(path)).collect::<anyhow::Result<_>>()?;
        let mode = match (self.move_in, self.reflink) {
            (true, _) => IngestMode::Move,
            (false, true) => IngestMode::Reflink,
            (false, false) => IngestMode::Copy,
        };
        Ok(AddRequest {
            paths,
            uploads: Vec::new(),
            together: self.together,
            title: self.title,
            description: self.description,
            subject: self.subject,
            stage: self.stage,
            grade: self.grade,
            kind: self.kind,
            keywords: values::keywords(&self.keywords),
            license: self.license,
            visibility: self.visibility,
            replaces: self.replaces,
            note: self.note,
            mode,
        })
    }
}

pub(super) fn run(shell: &Shell, client: &Client, args: AddArgs) -> anyhow::Result<()> {
    let request = args.request()?;
    let mut display = Display::new(shell);
    let reply = client.follow::<AddReply>("/api/v1/resources", &request, |step| display.step(step));
    display.end();
    let reply = reply?;
    shell.answer(&reply, |out| {
        let style = Style::of_stdout();
        let mut bytes = 0;
        for resource in &reply.resources {
            let version = if resource.version > 1 { format!("  第 {} 版", resource.version) } else { String::new() };
            line!(out, "{}{version}  {}", style.bold(&resource.title), one_line(&resource.id));
            files(out, "  ", &resource.files);
            bytes += resource.files.iter().map(|file| file.size).sum::<u64>();
        }
        line!(out, "已发布 {} 份资源（{}）", reply.resources.len(), Bytes(bytes));
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        add: AddArgs,
    }

    #[test]
    fn flags_become_the_request_and_paths_become_absolute() {
        let typed = [
            "add",
            "a.pptx",
            "/b",
            "--subject",
            "数学",
            "--stage",
            "小学",
            "--grade",
            "五年级",
            "--kind",
            "课件",
            "--keywords",
            "面积，底",
            "--visibility",
            "school",
            "--move",
            "--together",
        ];
        let request = Alone::try_parse_from(typed).unwrap().add.request().unwrap();
        assert!(request.paths.iter().all(|path| path.starts_with('/')) && request.paths[1] == "/b");
        assert_eq!((request.subject.as_deref(), request.stage.as_deref()), (Some("math"), Some("primary")));
        assert_eq!((request.grade.as_deref(), request.kind.as_deref()), (Some("五年级"), Some("courseware")));
        assert_eq!(request.keywords, ["面积", "底"]);
        assert_eq!((request.visibility, request.mode), (Some(Visibility::School), IngestMode::Move));
        assert!(request.together);
    }

    #[test]
    fn a_file_is_moved_or_shared_and_not_both() {
        assert!(Alone::try_parse_from(["add", "a", "--move", "--reflink"]).is_err());
        assert!(Alone::try_parse_from(["add"]).is_err());
        assert!(Alone::try_parse_from(["add", "a", "--subject", "数术"]).is_err());
    }
}
