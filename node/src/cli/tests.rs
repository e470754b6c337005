//! The command line as a whole: every command is known, explains itself, and parses what its contract says.
#![allow(clippy::unwrap_used)]

use clap::{CommandFactory, Parser};

use super::args::{Args, Command};
use super::later;

/// The commands of the contract that work, each with good arguments.
const WORKING: &[&str] = &[
    "init --tier county --name 盐边县 --region 510422 --http 127.0.0.1:0 --listen /ip4/127.0.0.1/udp/0/quic-v1",
    "serve",
    "serve --json",
    "invite --tier school --name 红格小学 --valid 7d",
    "invite --tier point --name 新坪 --request a --grant b",
    "join CODE",
    "join --request a",
    "join --grant b",
    "add a b --title t --subject math --stage primary --grade 5 --kind courseware --keywords a,b --description d \
     --license CC-BY-4.0 --visibility public --replaces ID --note n --reflink --together",
    "search 平行四边形 --scope local --subject math --stage primary --limit 5 --offset 5 --json",
    "get ID --out dir",
    "show ID",
    "subscribe --all",
    "subscribe --subject math --stage primary --kind video --max-size 50MB",
    "subscriptions",
    "unsubscribe 1",
    "sync",
    "sync --now",
    "status",
    "peers",
    "members",
    "config list",
    "config get sync.window",
    "config set sync.window 22:00-06:00",
    "withdraw ID --reason r",
    "revoke NODE --reason r",
    "extract-worker",
];

fn parse(typed: &str) -> Result<Args, clap::Error> {
    Args::try_parse_from(["kapok", "--home", "/x"].into_iter().chain(typed.split_whitespace()))
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn every_command_of_the_contract_is_taken() {
    for typed in WORKING {
        let parsed = parse(typed).unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert!(!matches!(parsed.command, Command::Later(_)), "{typed}");
    }
}

#[test]
fn every_command_has_an_example_in_its_help() {
    let command = Args::command();
    let known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let working = WORKING.iter().filter_map(|typed| typed.split_whitespace().next());
    for name in working.chain(later::COMMANDS.iter().map(|(name, _, _)| *name)) {
        assert!(known.contains(&name), "{name}");
    }
    for subcommand in command.get_subcommands() {
        let name = subcommand.get_name();
        let help = subcommand.clone().render_long_help().to_string();
        assert!(
            help.contains("Example") && help.contains(&format!("kapok {name}")) || help.contains("kapok --home"),
            "{help}"
        );
        assert!(subcommand.get_about().is_some(), "{name}");
    }
}

#[test]
fn commands_of_later_versions_say_so_whatever_follows() {
    for typed in ["pack export /d --max-size 32GB", "doctor", "user add 李 --role teacher", "verify --repair", "gc -x"]
    {
        let name = typed.split_whitespace().next().unwrap();
        match parse(typed).unwrap().command {
            Command::Later(later) => {
                let said = later.refusal().to_string();
                assert!(said.starts_with(&format!("kapok {name} comes with a later version\n")), "{said}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn wrong_usage_is_refused_before_anything_is_done() {
    for typed in [
        "",
        "frobnicate",
        "join",
        "join CODE --grant b",
        "init --tier province --name x",
        "init --tier city",
        "invite --tier school --name x --request a",
        "invite --tier school --name x --valid 7",
        "subscribe",
        "subscribe --max-size many",
        "unsubscribe one",
        "withdraw ID",
        "config set sync.window",
        "search a --scope world",
        "search",
        "get",
        "serve --http nowhere",
    ] {
        let refused = parse(typed).expect_err(typed);
        assert!(refused.use_stderr(), "{typed}");
        assert_eq!(refused.exit_code(), 2, "{typed}");
    }
}

#[test]
fn flags_for_all_commands_may_stand_behind_the_command() {
    let args = Args::try_parse_from(["kapok", "status", "--json", "--home", "/y", "-vv"]).unwrap();
    assert!(args.global.json && args.global.verbose == 2);
    assert_eq!(args.global.home.as_deref(), Some(std::path::Path::new("/y")));
}
