//! The command line: what is typed and what is printed; what a node does is elsewhere.
//!
//! Reading order: [`args`] has the commands and the flags of all of them; [`connect`] finds the running daemon, or runs
//! a node for the time of one command; [`client`] talks to it over HTTP; then a file for each command. [`values`] reads
//! sizes, times and words; [`print`] and [`progress`] write for people.
//!
//! Invariants: with `--json` exactly one JSON document is on standard output, and messages are on standard error; what
//! comes from other nodes is printed without control characters; every failure has a reason.

mod add;
mod args;
mod client;
mod config;
mod connect;
mod fail;
mod get;
mod init;
mod invite;
mod join;
mod later;
mod logging;
mod members;
mod peers;
mod print;
mod progress;
mod search;
mod serve;
mod shell;
mod show;
mod signals;
mod status;
mod subscribe;
mod sync;
#[cfg(test)]
mod tests;
mod values;
mod withdraw;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use connect::with_node;
use shell::Shell;

/// Done; failed, with a reason; wrong usage.
const DONE: u8 = 0;
const FAILED: u8 = 1;
const WRONG_USAGE: u8 = 2;

/// Does what the arguments say, and reports how it went.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(usage) => {
            // Where even the message cannot be written, there is nobody to tell.
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() { WRONG_USAGE } else { DONE });
        }
    };
    match command(args) {
        Ok(()) => ExitCode::from(DONE),
        // Whoever read the output has seen enough (`kapok search … | head`).
        Err(error) if fail::is_broken_pipe(&error) => ExitCode::from(DONE),
        Err(error) => {
            fail::report(&error);
            ExitCode::from(FAILED)
        }
    }
}

fn command(args: Args) -> anyhow::Result<()> {
    let shell = Shell::new(args.global);
    match args.command {
        Command::ExtractWorker => Ok(kapok_indexer::extract::worker::run()?),
        Command::Init(args) => init::run(&shell, args),
        Command::Serve(args) => serve::run(&shell, args),
        Command::Config(args) => config::run(&shell, args),
        Command::Invite(args) => with_node(shell, move |shell, client| invite::run(shell, client, &args)),
        Command::Join(args) => with_node(shell, move |shell, client| join::run(shell, client, &args)),
        Command::Add(args) => with_node(shell, move |shell, client| add::run(shell, client, args)),
        Command::Search(args) => with_node(shell, move |shell, client| search::run(shell, client, &args)),
        Command::Get(args) => with_node(shell, move |shell, client| get::run(shell, client, &args)),
        Command::Show(args) => with_node(shell, move |shell, client| show::run(shell, client, &args)),
        Command::Subscribe(args) => with_node(shell, move |shell, client| subscribe::add(shell, client, args)),
        Command::Subscriptions(_) => with_node(shell, subscribe::list),
        Command::Unsubscribe(args) => with_node(shell, move |shell, client| subscribe::end(shell, client, &args)),
        Command::Sync(args) => with_node(shell, move |shell, client| sync::run(shell, client, &args)),
        Command::Status(_) => with_node(shell, status::run),
        Command::Peers(_) => with_node(shell, peers::run),
        Command::Members(_) => with_node(shell, members::list),
        Command::Revoke(args) => with_node(shell, move |shell, client| members::revoke(shell, client, &args)),
        Command::Withdraw(args) => with_node(shell, move |shell, client| withdraw::run(shell, client, &args)),
        Command::Later(later) => Err(later.refusal()),
    }
}
