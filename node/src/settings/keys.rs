//! Every setting: its name, what it may be, its default and its meaning. One table, from which the file is checked and
//! `kapok config list` is printed.

use std::net::SocketAddr;
use std::time::Duration;

use toml_edit::{Array, Item, Value};
use tracing_subscriber::EnvFilter;

use super::Window;

/// What the text of a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Addresses with a port, separated by commas.
    Sockets,
    /// Names of hosts, separated by commas.
    HostNames,
    /// Addresses of the network between nodes, separated by commas.
    Multiaddrs,
    /// Whole minutes.
    Minutes,
    /// Whole kilobits a second, or nothing.
    Kilobits,
    /// Hours of the day.
    Hours,
    /// `true` or `false`.
    Flag,
    /// What is logged, as `RUST_LOG` says it.
    LogFilter,
}

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// As it is typed; empty where nothing is the default.
    pub(super) default: &'static str,
    /// A value that would be good, for messages.
    pub(super) example: &'static str,
    pub(super) meaning: &'static str,
}

pub(super) const HTTP_ADDRESSES: &str = "http.addresses";
pub(super) const HTTP_NAMES: &str = "http.names";
pub(super) const HTTP_SECURE_COOKIES: &str = "http.secure_cookies";
pub(super) const NET_LISTEN: &str = "net.listen";
pub(super) const NET_NEIGHBOURS: &str = "net.neighbours";
pub(super) const NET_RELAY: &str = "net.relay";
pub(super) const NET_RATE: &str = "net.rate_kbit_s";
pub(super) const SYNC_INTERVAL: &str = "sync.interval_minutes";
pub(super) const SYNC_WINDOW: &str = "sync.window";
pub(super) const LOG: &str = "log";

/// All settings, in the order in which they are listed.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: HTTP_ADDRESSES,
        form: Form::Sockets,
        default: "127.0.0.1:8420, [::1]:8420",
        example: "0.0.0.0:8420, [::]:8420",
        meaning: "Where the pages and the API listen; after a restart.",
    },
    Key {
        name: HTTP_NAMES,
        form: Form::HostNames,
        default: "",
        example: "kapok.example.edu.cn",
        meaning: "Names under which a reverse proxy on this machine passes requests on; after a restart.",
    },
    Key {
        name: HTTP_SECURE_COOKIES,
        form: Form::Flag,
        default: "false",
        example: "true",
        meaning: "Whether browsers reach the node by HTTPS alone, through a reverse proxy; after a restart.",
    },
    Key {
        name: NET_LISTEN,
        form: Form::Multiaddrs,
        default: "/ip4/0.0.0.0/udp/8421/quic-v1, /ip6/::/udp/8421/quic-v1, /ip4/0.0.0.0/tcp/8421, /ip6/::/tcp/8421",
        example: "/ip4/0.0.0.0/udp/8421/quic-v1, /ip4/0.0.0.0/tcp/8421",
        meaning: "Where other nodes reach this one; after a restart.",
    },
    Key {
        name: NET_NEIGHBOURS,
        form: Form::Flag,
        default: "true",
        example: "false",
        meaning: "Whether nodes of the federation on the same local network find and help each other (mDNS); after a restart.",
    },
    Key {
        name: NET_RELAY,
        form: Form::Flag,
        default: "true",
        example: "false",
        meaning: "Whether a city or county lets members reach each other through it that cannot do so directly (behind NAT); after a restart.",
    },
    Key {
        name: NET_RATE,
        form: Form::Kilobits,
        default: "",
        example: "512",
        meaning: "Kilobits a second that this node sends to any one node at most (16 to 10000000); empty means as much as the link takes.",
    },
    Key {
        name: SYNC_INTERVAL,
        form: Form::Minutes,
        default: "10",
        example: "30",
        meaning: "Minutes between two rounds that the node begins by itself (1 to 10080).",
    },
    Key {
        name: SYNC_WINDOW,
        form: Form::Hours,
        default: "",
        example: "22:00-06:00",
        meaning: "Hours of the day, by this machine's clock, in which files are fetched by themselves; empty means at any time.",
    },
    Key {
        name: LOG,
        form: Form::LogFilter,
        default: "info",
        example: "info,kapok_net=debug",
        meaning: "How much kapok serve logs: error, warn, info, debug or trace, also for a part alone; after a restart.",
    },
];

/// The setting of that name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// A round a minute is more than any link needs, and a node that is silent for over a week is taken for lost.
const INTERVAL_MINUTES: std::ops::RangeInclusive<u64> = 1..=10_080;
/// Below it a page of text takes seconds; above it no link between schools is.
const RATE_KBIT_S: std::ops::RangeInclusive<u64> = 16..=10_000_000;
/// Nobody listens in more places; each costs a socket.
const MAX_LIST: usize = 32;

impl Form {
    /// Fails with the reason where the text cannot be such a value.
    pub(super) fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Sockets => sockets(text).map(drop),
            Self::HostNames => host_names(text).map(drop),
            Self::Multiaddrs => multiaddrs(text).map(drop),
            Self::Minutes => minutes(text).map(drop),
            Self::Kilobits => kilobits(text).map(drop),
            Self::Hours => hours(text).map(drop),
            Self::Flag => flag(text).map(drop),
            Self::LogFilter => EnvFilter::builder().parse(text).map(drop).map_err(|error| error.to_string()),
        }
    }

    /// The value as the file has it. The text was checked.
    pub(super) fn to_toml(self, text: &str) -> Value {
        match self {
            Self::Sockets | Self::HostNames | Self::Multiaddrs => list(text).collect::<Array>().into(),
            Self::Minutes | Self::Kilobits => text.trim().parse::<i64>().map_or_else(|_| text.into(), Value::from),
            Self::Flag => text.trim().parse::<bool>().map_or_else(|_| text.into(), Value::from),
            Self::Hours | Self::LogFilter => text.trim().into(),
        }
    }
}

/// A value of the file as it would be typed.
pub(super) fn typed(item: &Item) -> Result<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.value().clone()),
        Value::Integer(number) => Ok(number.value().to_string()),
        Value::Boolean(flag) => Ok(flag.value().to_string()),
        other => Err(format!("a value of type {} does not belong here", other.type_name())),
    };
    match item.as_value() {
        Some(Value::Array(array)) => Ok(array.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(", ")),
        Some(value) => text(value),
        None => Err(format!("a {} does not belong here", item.type_name())),
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，']).map(str::trim).filter(|part| !part.is_empty())
}

fn checked_list<T>(text: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    let found = list(text).map(one).collect::<Result<Vec<_>, _>>()?;
    if found.len() > MAX_LIST {
        return Err(format!("it has {} values; at most {MAX_LIST} are taken", found.len()));
    }
    Ok(found)
}

pub(super) fn sockets(text: &str) -> Result<Vec<SocketAddr>, String> {
    let found = checked_list(text, |part| {
        part.parse().map_err(|_| format!("“{part}” is not an address with a port, as in 127.0.0.1:8420 or [::1]:8420"))
    })?;
    if found.is_empty() { Err("at least one address is needed".into()) } else { Ok(found) }
}

pub(super) fn host_names(text: &str) -> Result<Vec<String>, String> {
    checked_list(text, |part| {
        let is_name = part.len() <= 253 && part.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        if is_name { Ok(part.to_owned()) } else { Err(format!("“{part}” is not the name of a host")) }
    })
}

pub(super) fn multiaddrs(text: &str) -> Result<Vec<String>, String> {
    checked_list(text, |part| {
        // What the network can listen on is its own to say; here only what is no such address at all is refused.
        let is_one = part.starts_with('/') && part.len() <= 256 && part.chars().all(|c| c.is_ascii_graphic());
        if is_one {
            Ok(part.to_owned())
        } else {
            Err(format!("“{part}” is not an address as in /ip4/0.0.0.0/tcp/8421"))
        }
    })
}

pub(super) fn minutes(text: &str) -> Result<Duration, String> {
    let number = text.trim().parse::<u64>().ok().filter(|number| INTERVAL_MINUTES.contains(number));
    let minutes = number.ok_or_else(|| {
        format!("it must be a number from {} to {}", INTERVAL_MINUTES.start(), INTERVAL_MINUTES.end())
    })?;
    Ok(Duration::from_secs(minutes * 60))
}

/// Bytes a second.
pub(super) fn kilobits(text: &str) -> Result<Option<u64>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let number = text.trim().parse::<u64>().ok().filter(|number| RATE_KBIT_S.contains(number));
    let kilobits =
        number.ok_or_else(|| format!("it must be a number from {} to {}", RATE_KBIT_S.start(), RATE_KBIT_S.end()))?;
    Ok(Some(kilobits * 1000 / 8))
}

pub(super) fn hours(text: &str) -> Result<Option<Window>, String> {
    if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some) }
}

pub(super) fn flag(text: &str) -> Result<bool, String> {
    text.trim().parse().map_err(|_| "it must be true or false".into())
}
