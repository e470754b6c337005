//! Making a data folder: the node's key, the federation's root key where a city begins one, the set-up code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use kapok_private::setup::SetupCode;
use kapok_protocol::identity::{Keypair, NodeId};
use kapok_protocol::membership::{Certificate, MAX_NAME_BYTES, Membership, Tier};
use kapok_protocol::time::Timestamp;
use kapok_store::fs::RealFs;
use kapok_store::home::Home;
use kapok_store::journal::{Journal, Options};

use super::app::now;
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
    let fs: kapok_store::fs::SharedFs = Arc::new(RealFs);
    let opened = Home::init(fs.clone(), home)?;
    let paths = opened.paths().clone();
    let key = Keypair::from_secret(&rand::random());
    opened.write_key(&paths.node_key(), &key.secret())?;
    let time = now();
    let shared = Journal::open(fs.clone(), &paths.shared_journal(), Options::default(), rand::random())?;
    if options.tier == Tier::City {
        let root = Keypair::from_secret(&rand::random());
        opened.write_key(&paths.root_key(), &root.secret())?;
        let certificate = Record::Certificate(city(&root, &key, name, &region, time));
        shared.append(&[&certificate.to_bytes()])?;
    }
    let (code, event) = SetupCode::issue(rand::random(), time.0);
    let private = Journal::open(fs, &paths.private_journal(), Options::default(), rand::random())?;
    let local = Local::load(private)?;
    local.made(Made { tier: options.tier, name: name.to_owned(), region })?;
    local.append_account(event.encode())?;
    settings.save(&paths.config()).context("cannot write the configuration")?;
    let home = home.canonicalize().unwrap_or_else(|_| home.to_path_buf());
    Ok(Initialised { node: key.id(), home, setup: code.to_string() })
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
