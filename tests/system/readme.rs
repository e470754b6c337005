//! The README's three minutes, command by command as they stand there.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use kapok_tests::{kapok, repository, samples};

const HEADING: &str = "## Three minutes on the command line";

/// The commands of the tour, without their comments.
fn commands() -> Vec<Vec<String>> {
    let readme = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let tour = readme.split(HEADING).nth(1).expect("the tour has its heading");
    let block = tour.split("```").nth(1).expect("the tour has a block of commands");
    let lines = block.lines().filter(|line| line.starts_with("kapok "));
    let words = |line: &str| line.split('#').next().unwrap().split_whitespace().skip(1).map(str::to_owned).collect();
    lines.map(words).collect()
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(folder: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new(kapok());
    command.args(arguments).current_dir(folder).env_remove("KAPOK_HOME").stderr(Stdio::inherit());
    command
}

#[test]
fn the_tour_of_the_readme_works_as_it_is_typed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(samples().join("files/平行四边形的面积（课件）.pptx"), folder.path().join("平行四边形的面积.pptx"))
        .unwrap();
    let mut served = Vec::new();
    let (mut code, mut id) = (String::new(), String::new());
    let mut ran = 0;
    for mut arguments in commands() {
        ran += 1;
        let verb = arguments[2].clone();
        match verb.as_str() {
            // The ports of a test are the system's choice.
            "init" => {
                arguments.retain(|word| {
                    !word.starts_with("--http") && !word.starts_with("127.") && !word.starts_with("--listen")
                });
                arguments.retain(|word| !word.starts_with("/ip4/"));
                let ports = ["--http", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/udp/0/quic-v1"];
                arguments.extend(ports.map(str::to_owned));
            }
            "serve" => {
                assert_eq!(arguments.pop().as_deref(), Some("&"));
                let mut child = command(folder.path(), &arguments).stdout(Stdio::piped()).spawn().unwrap();
                let mut ready = String::new();
                BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
                assert!(ready.contains("\"ready\""), "{ready}");
                served.push(Served(child));
                continue;
            }
            "join" => arguments[3].clone_from(&code),
            "get" => arguments[3].clone_from(&id),
            _ => {}
        }
        let output = command(folder.path(), &arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text}");
        match verb.as_str() {
            "invite" => code = text.split_whitespace().find(|word| word.starts_with("kapok-")).unwrap().to_owned(),
            "search" => {
                assert!(text.contains("平行四边形"), "{text}");
                let is_id = |word: &&str| word.len() == 26 && word.bytes().all(|b| b.is_ascii_alphanumeric());
                text.split_whitespace().find(is_id).unwrap().clone_into(&mut id);
            }
            _ => {}
        }
    }
    assert_eq!(ran, 10, "every line of the tour is a command");
    // `get` in the folder where the file already lies makes no second one.
    let original = std::fs::read(samples().join("files/平行四边形的面积（课件）.pptx")).unwrap();
    let got = std::fs::read(folder.path().join("平行四边形的面积 (1).pptx"));
    let same = std::fs::read(folder.path().join("平行四边形的面积.pptx")).unwrap();
    assert!(got.is_err() && same == original, "the same file once more is not a second one");
    assert!(served.len() == 2);
}
