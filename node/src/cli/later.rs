//! Commands that are agreed and come with a later version: known, and honest about it.

use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command, FromArgMatches, Subcommand};

use super::fail::Failed;

/// Name, what it will do, how it will be used.
pub(super) const COMMANDS: [(&str, &str, &str); 14] = [
    ("renew", "Renew this node's membership", "kapok renew"),
    ("succeed", "Let a new node take the place of a lost or closed one", "kapok succeed OLD NEW"),
    ("root", "Take the federation's root key offline and back", "kapok root export /media/usb/root.key"),
    ("doctor", "Find out what is wrong, with remedies", "kapok doctor"),
    ("submit", "Put a resource forward for review", "kapok submit ID"),
    ("review", "Approve a resource, or return it with a note", "kapok review ID --approve"),
    ("pack", "Carry resources on a USB stick", "kapok pack export /media/usb --max-size 32GB"),
    ("verify", "Check everything that is stored", "kapok verify --repair"),
    ("rebuild", "Make the catalogue and the index anew from the journals", "kapok rebuild"),
    ("gc", "Remove files that nothing names any more", "kapok gc"),
    ("backup", "Save the node, encrypted", "kapok backup /media/backup"),
    ("restore", "Bring a saved node back", "kapok restore /media/backup"),
    ("user", "Manage accounts", "kapok user add 李老师 --role teacher"),
    ("audit", "Read the audit trail", "kapok audit --verify"),
];

/// One of [`COMMANDS`], whatever its arguments.
#[derive(Debug)]
pub(super) struct Later {
    name: &'static str,
}

impl Later {
    pub(super) fn refusal(&self) -> anyhow::Error {
        let name = self.name;
        Failed::new(format!("kapok {name} comes with a later version"), "see what this one does: kapok --help").into()
    }
}

fn find(name: &str) -> Option<&'static str> {
    COMMANDS.iter().map(|(known, _, _)| *known).find(|known| *known == name)
}

impl Subcommand for Later {
    fn augment_subcommands(parent: Command) -> Command {
        COMMANDS.iter().fold(parent, |parent, (name, about, example)| {
            let rest = Arg::new("arguments").num_args(0..).trailing_var_arg(true).allow_hyphen_values(true).hide(true);
            let about = format!("{about} (comes with a later version)");
            let command = Command::new(*name).about(about).after_help(format!("Example:\n  {example}"));
            // A menu shows what works.
            parent.subcommand(command.arg(rest).hide(true))
        })
    }

    fn augment_subcommands_for_update(parent: Command) -> Command {
        Self::augment_subcommands(parent)
    }

    fn has_subcommand(name: &str) -> bool {
        find(name).is_some()
    }
}

impl FromArgMatches for Later {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let name = matches.subcommand_name().and_then(find);
        name.map(|name| Self { name }).ok_or_else(|| clap::Error::new(ErrorKind::InvalidSubcommand))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
