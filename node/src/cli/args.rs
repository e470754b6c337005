//! The commands, and the flags that all of them take. The flags of one command are in its own file.

use std::path::PathBuf;

use super::{
    add, config, get, init, invite, join, later, members, peers, search, serve, show, status, subscribe, sync, withdraw,
};

/// Flags of the command come first in its help, these below.
const COMMON: &str = "For every command";

/// Kapok 木棉: a library of teaching resources that schools share, also over poor links.
#[derive(Debug, clap::Parser)]
#[command(name = "kapok", version, arg_required_else_help = true, max_term_width = 110)]
#[command(after_help = "Examples:
  kapok init --tier school --name 红格小学     make a node
  kapok serve                                  run it
  kapok join CODE                              join a federation, with a code from kapok invite
  kapok search 平行四边形                      find something

Exit codes: 0 done; 1 failed, with a reason and a remedy; 2 wrong usage.")]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every command takes.
#[derive(Debug, clap::Args)]
pub(super) struct Global {
    /// The node's data folder. Without it: /var/lib/kapok if that exists, else kapok in the user's data folder
    /// (~/.local/share/kapok)
    #[arg(long, global = true, help_heading = COMMON, value_name = "DIR", env = "KAPOK_HOME", hide_env_values = true)]
    pub(super) home: Option<PathBuf>,
    /// Print one JSON document on standard output
    #[arg(long, global = true, help_heading = COMMON)]
    pub(super) json: bool,
    /// Say more on standard error; twice for everything
    #[arg(short, long, global = true, help_heading = COMMON, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Init(init::InitArgs),
    Serve(serve::ServeArgs),
    Invite(invite::InviteArgs),
    Join(join::JoinArgs),
    Add(add::AddArgs),
    Search(search::SearchArgs),
    Get(get::GetArgs),
    Show(show::ShowArgs),
    Subscribe(subscribe::SubscribeArgs),
    Subscriptions(subscribe::SubscriptionsArgs),
    Unsubscribe(subscribe::UnsubscribeArgs),
    Sync(sync::SyncArgs),
    Status(status::StatusArgs),
    Peers(peers::PeersArgs),
    Members(members::MembersArgs),
    Config(config::ConfigArgs),
    Withdraw(withdraw::WithdrawArgs),
    Revoke(members::RevokeArgs),
    #[command(flatten)]
    Later(later::Later),
    /// Reads documents for a node, in a process of its own; the node starts it.
    #[command(
        hide = true,
        after_help = "Example:\n  kapok extract-worker   (a node starts it, and talks to it on standard streams)"
    )]
    ExtractWorker,
}
