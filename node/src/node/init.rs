//! Making a data folder: the node's key, the federation's root key where a city begins one, the set-up code.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use kapok_private::setup::SetupCode;
use kapok_protocol::identity::{Keypair, NodeId};
use kapok_protocol::membership::{Certificate, MAX_NAME_BYTES, Membership, Tier};
use kapok_protocol::time::Timestamp;
use kapok_store::fs::RealFs;
use kapok_store::home::{Home, HomeError};
use kapok_store::journal::{Journal, Options};

use super::app::{now, with_remedy};
use super::local::{Local, Made};
use crate::catalogue::Record;
use crate::settings::Settings;

/// How long a city's membership is good. Everything below nests in it, so it is long; it is renewed with the root key.
const CITY_YEARS: u64 = 20;
const YEAR_MILLIS: u64 = 365 * 24 * 60 * 60 * 1000;
/// More raters than any city has staff.
const CITY_STAFF_QUOTA: u32 = 100_000;

#[derive(Clone, Debug)]
pub(crate) struct InitOptions {
    pub(crate) tier: Tier,
    pub(crate) name: String,
    pub(crate) region: Option<String>,
    pub(crate) http: Option<String>,
    pub(crate) listen: Vec<String>,
}

/// What was made.
#[derive(Clone, Debug)]
pub(crate) struct Initialised {
    pub(crate) node: NodeId,
    pub(crate) home: PathBuf,
    pub(crate) setup: String,
}

/// Makes `home` a data folder.
pub(crate) fn init(home: &Path, options: &InitOptions) -> Result<Initialised> {
    let name = options.name.trim();
    anyhow::ensure!(!name.is_empty(), "a node needs a name\n  give one with --name");
    anyhow::ensure!(
        name.len() <= MAX_NAME_BYTES,
        "the name has {} bytes, more than {MAX_NAME_BYTES}\n  give a shorter one with --name",
        name.len()
    );
    let region = options.region.clone().unwrap_or_default();
    anyhow::ensure!(
        region.len() <= 12 && region.chars().all(|c| c.is_ascii_digit()),
        "“{region}” is not the code of a region\n  it has digits only, such as 510422 (GB/T 2260)"
    );
    // What is wrong with the addresses is found before anything is written.
    let mut settings = Settings::load(&kapok_store::home::Paths::new(home).config())?;
    if let Some(http) = &options.http {
        settings.set("http.addresses", http)?;
    }
    if !options.listen.is_empty() {
        settings.set("net.listen", &options.listen.join(","))?;
    }
    let leftovers = Leftovers::before(home);
    let made = make(home, options, name, region, &settings);
    if made.as_ref().map_or_else(is_somebody_elses, |_| true) {
        leftovers.keep();
    }
    made
}

/// Whether an init failed because the folder has an owner: perhaps another init of this moment.
fn is_somebody_elses(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(
            HomeError::InUse { .. }
                | HomeError::AlreadyAHome(_)
                | HomeError::NotEmpty { .. }
                | HomeError::NotAFolder(_)
        )
    )
}

fn make(home: &Path, options: &InitOptions, name: &str, region: String, settings: &Settings) -> Result<Initialised> {
    let fs: kapok_store::fs::SharedFs = Arc::new(RealFs);
    let unfinished = Home::begin(fs.clone(), home)?;
    let paths = unfinished.home().paths().clone();
    let key = Keypair::from_secret(&rand::random());
    unfinished.home().write_key(&paths.node_key(), &key.secret())?;
    let time = now();
    let journal =
        |path: &Path| Journal::open(fs.clone(), path, Options::default(), rand::random()).map_err(with_remedy);
    let shared = journal(&paths.shared_journal())?;
    if options.tier == Tier::City {
        let root = Keypair::from_secret(&rand::random());
        unfinished.home().write_key(&paths.root_key(), &root.secret())?;
        let certificate = Record::Certificate(city(&root, &key, name, &region, time));
        shared.append(&[&certificate.to_bytes()]).map_err(with_remedy)?;
    }
    let (code, event) = SetupCode::issue(rand::random(), time.0);
    let kept = Local::load(journal(&paths.private_journal())?).and_then(|local| {
        local.made(Made { tier: options.tier, name: name.to_owned(), region })?;
        local.belongs_to(key.id())?;
        local.append_account(event.encode())
    });
    kept.map_err(with_remedy)?;
    settings.save(&paths.config())?;
    unfinished.finish()?;
    let home = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
    Ok(Initialised { node: key.id(), home, setup: code.to_string() })
}

/// What an `init` that fails (a full disk, most often) takes away again: all that was not there before it.
#[derive(Debug)]
struct Leftovers {
    home: PathBuf,
    /// What the folder held; none where it was not there.
    before: Option<BTreeSet<OsString>>,
    /// Folders above it that were not there, the deepest first.
    above: Vec<PathBuf>,
    keep: bool,
}

impl Leftovers {
    fn before(home: &Path) -> Self {
        let names = std::fs::read_dir(home).map(|names| names.flatten().map(|name| name.file_name()).collect()).ok();
        let is_missing = |path: &Path| !path.as_os_str().is_empty() && path.symlink_metadata().is_err();
        // A file, or a folder that cannot be read, is not ours to take away.
        let keep = names.is_none() && !is_missing(home);
        let above = home.ancestors().skip(1).take_while(|path| is_missing(path)).map(Path::to_path_buf).collect();
        Self { home: home.to_path_buf(), before: names, above, keep }
    }

    /// What was made stays.
    fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // The reason of the failure is what the operator is told; what cannot be removed either is found by the next init.
        let Some(before) = &self.before else {
            let _ = std::fs::remove_dir_all(&self.home);
            for folder in &self.above {
                let _ = std::fs::remove_dir(folder);
            }
            return;
        };
        for name in std::fs::read_dir(&self.home).into_iter().flatten().flatten() {
            if before.contains(&name.file_name()) {
                continue;
            }
            let _ = match name.file_type() {
                Ok(kind) if kind.is_dir() => std::fs::remove_dir_all(name.path()),
                _ => std::fs::remove_file(name.path()),
            };
        }
    }
}

fn city(root: &Keypair, key: &Keypair, name: &str, region: &str, time: Timestamp) -> Certificate {
    let scope = if region.is_empty() { "city" } else { region };
    let membership = Membership {
        federation: root.id(),
        subject: key.id(),
        tier: Tier::City,
        name: name.to_owned(),
        region: region.to_owned(),
        scope: vec![scope.to_owned()],
        issuer: root.id(),
        serial: 1,
        staff_quota: CITY_STAFF_QUOTA,
        not_before: time,
        not_after: time.plus_millis(CITY_YEARS * YEAR_MILLIS),
    };
    Certificate::issue(root, membership)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn county() -> InitOptions {
        InitOptions {
            tier: Tier::County,
            name: "盐边县".to_owned(),
            region: None,
            http: Some("127.0.0.1:0".to_owned()),
            listen: Vec::new(),
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_left_over_of_an_init_that_fails() {
        let dir = tempfile::tempdir().unwrap();
        // A file where the journals go fails in the middle, as a full disk does.
        let home = dir.path().join("home");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(home.join("journal"), "mine").unwrap();
        std::fs::write(home.join("kapok.toml"), "log = \"info\"\n").unwrap();
        init(&home, &county()).unwrap_err();
        assert_eq!(names(&home), ["journal", "kapok.toml"]);
        assert_eq!(std::fs::read_to_string(home.join("journal")).unwrap(), "mine");
        std::fs::remove_file(home.join("journal")).unwrap();
        init(&home, &county()).unwrap();
        init(&home, &county()).unwrap_err();
        assert!(names(&home).contains(&"FORMAT".to_owned()), "a home that was there stays");
    }

    #[test]
    fn what_was_not_there_is_taken_away_and_a_file_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("a/b/home");
        let leftovers = Leftovers::before(&home);
        std::fs::create_dir_all(home.join("keys")).unwrap();
        drop(leftovers);
        assert_eq!(names(dir.path()), Vec::<String>::new());
        let file = dir.path().join("thesis.docx");
        std::fs::write(&file, "mine").unwrap();
        let error = init(&file, &county()).unwrap_err().to_string();
        assert!(error.contains("is not a folder") && error.contains("--home"), "{error}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    }
}
