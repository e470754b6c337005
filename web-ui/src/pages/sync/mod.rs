//! 同步: what is on its way, what waits and why, what is subscribed, who was met.
//!
//! - `GET /sync` → [`Sync::render`]
//! - `GET /sync/live` → [`Board::render`] again and again, as events that the script puts in place
//! - `GET /sync/board` → [`Board::render`] once, for a browser that gets no events
//! - `POST /sync/now` (现在同步) → a redirect to `/sync?done=sync-started`
//! - `POST /sync/subscriptions` with `all` (`1`) or `subject`, `stage`, `kind` (empty: any) → a redirect
//! - `POST /sync/subscriptions/{id}/remove` → a redirect

mod outlook;

use askama::Template;

use crate::Html;
use crate::facts::{Choices, Transfer, Waiting};
use crate::format::{Bytes, Moment};
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;

use outlook::Line;
pub use outlook::{Night, Outlook, When};

#[derive(Clone, Debug)]
pub struct Sync {
    pub board: Board,
    /// For those who may read everything on this node, which it counts.
    pub subscriptions: Option<Vec<Subscription>>,
    /// For the form that adds a subscription.
    pub choices: Choices,
    /// For the same.
    pub neighbours: Option<Vec<Neighbour>>,
}

/// The part that moves.
#[derive(Clone, Debug)]
pub struct Board {
    pub outlook: Outlook,
    /// Moving first, then the queue.
    pub transfers: Vec<Transfer>,
    /// Beyond those that are listed.
    pub more: u64,
    /// How many move.
    pub moving: u64,
    pub waiting: Vec<Waiting>,
    /// What was exchanged with each node, for those who may see that.
    pub ledger: Option<Vec<Exchanged>>,
    /// When the last round with anybody ended.
    pub last_round: Option<Moment>,
    /// A round is going on now.
    pub running: bool,
}

/// What this node fetches by itself. Empty lists: any.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// As `kapok subscriptions` numbers it.
    pub id: u64,
    pub subjects: Vec<String>,
    pub stages: Vec<String>,
    pub kinds: Vec<String>,
    /// Resources that fall under it, and how many of them are held.
    pub resources: u64,
    pub held: u64,
}

/// A node that this one talks to directly, with the last round.
#[derive(Clone, Debug)]
pub struct Neighbour {
    pub name: String,
    pub tier: crate::facts::Tier,
    pub connected: bool,
    pub last_contact: Option<Moment>,
    /// Round-trip time, if measured.
    pub rtt_ms: Option<u64>,
    /// Of the last round.
    pub entries_in: u64,
    pub entries_out: u64,
    /// Since this node was started, or of the last round where files are not counted yet.
    pub bytes_in: Bytes,
    pub bytes_out: Bytes,
}

/// What was exchanged with one node since this one was started.
#[derive(Clone, Debug)]
pub struct Exchanged {
    pub name: String,
    /// Within the local network.
    pub lan_in: Bytes,
    pub lan_out: Bytes,
    /// Over a line that costs.
    pub wan_in: Bytes,
    pub wan_out: Bytes,
}

#[derive(Template)]
#[template(path = "pages/sync/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    sync: &'a Sync,
    board: &'a Board,
    part: bool,
}

#[derive(Template)]
#[template(path = "pages/sync/live.html")]
struct BoardPart<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    board: &'a Board,
    /// What stands elsewhere on the page goes to its place there.
    part: bool,
}

impl Sync {
    pub fn render(&self, frame: &Frame) -> Html {
        Page { frame, m: frame.messages, place: Place::Sync, sync: self, board: &self.board, part: false }.render()
    }
}

impl Board {
    /// The part alone: the outlook and the board below it.
    pub fn render(&self, frame: &Frame) -> Html {
        BoardPart { frame, m: frame.messages, board: self, part: true }.render()
    }

    /// What moves, stands in the queue, or is not listed.
    fn count(&self) -> u64 {
        self.transfers.len() as u64 + self.more
    }

    /// All nodes of the ledger together.
    fn exchanged(&self) -> Exchanged {
        let all = self.ledger.iter().flatten();
        let sum = |figure: fn(&Exchanged) -> Bytes| {
            Bytes(all.clone().map(figure).fold(0, |sum, one| u64::saturating_add(sum, one.0)))
        };
        Exchanged {
            name: String::new(),
            lan_in: sum(|one| one.lan_in),
            lan_out: sum(|one| one.lan_out),
            wan_in: sum(|one| one.wan_in),
            wan_out: sum(|one| one.wan_out),
        }
    }
}

impl Subscription {
    /// "小学・音乐・微课", or "全部资源".
    fn name(&self, m: &Messages) -> String {
        let lists = [("stage", &self.stages), ("subject", &self.subjects), ("kind", &self.kinds)];
        let parts: Vec<String> = lists
            .iter()
            .filter(|(_, slugs)| !slugs.is_empty())
            .map(|(list, slugs)| slugs.iter().map(|slug| m.term(list, slug)).collect::<Vec<_>>().join(m.comma()))
            .collect();
        if parts.is_empty() { m.get("sync.all-resources").to_string() } else { parts.join(m.dot()) }
    }
}
