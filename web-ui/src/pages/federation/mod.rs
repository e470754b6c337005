//! 联盟: the tree of nodes, and what is known of each.
//!
//! `GET /federation`. The tree is drawn here, on the server, from the member list: the city is the trunk, counties are
//! boughs, schools flowers, teaching points buds ([`tree`]).

mod tree;

use askama::Template;

use crate::Html;
use crate::facts::Tier;
use crate::format::Moment;
use crate::frame::{Frame, Notice, Place};
use crate::messages::Messages;
use tree::Shape;

#[derive(Clone, Debug)]
pub struct Federation {
    /// Name of the federation: that of its city.
    pub name: String,
    /// Every member that is known here, parents before children, the city first.
    pub members: Vec<Member>,
}

#[derive(Clone, Debug)]
pub struct Member {
    /// PeerId; not shown, it only ties children to parents.
    pub id: String,
    pub parent: Option<String>,
    pub name: String,
    pub tier: Tier,
    /// This node.
    pub here: bool,
    pub state: MemberState,
    /// When this node, or one that it heard from, last had contact with it. For this node itself: `None`.
    pub last_contact: Option<Moment>,
    /// Signed entries of it that are known here.
    pub entries: u64,
    /// Resources that it published, as known here.
    pub resources: u64,
    /// Days until its membership ends, when that is near (under 60) or past (0).
    pub expires_in_days: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// Connected, or heard of within the last minutes.
    Online,
    /// Known, but not heard from lately.
    Offline,
    /// A member that was never heard from.
    NeverSeen,
}

impl MemberState {
    const fn slug(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
            Self::NeverSeen => "never-seen",
        }
    }
}

impl Member {
    /// How far the name is set in: the tier.
    fn depth(&self) -> usize {
        self.tier as usize
    }

    fn state_icon(&self) -> &'static str {
        match (self.state, self.tier) {
            (MemberState::Online, _) => "flower",
            (MemberState::Offline, _) => "offline",
            (MemberState::NeverSeen, _) => "cert-none",
        }
    }
}

#[derive(Template)]
#[template(path = "pages/federation/page.html")]
struct Page<'a> {
    frame: &'a Frame,
    m: &'a Messages,
    place: Place,
    federation: &'a Federation,
    tree: tree::Tree,
}

impl Federation {
    pub fn render(&self, frame: &Frame) -> Html {
        let tree = tree::Tree::grow(self, frame);
        Page { frame, m: frame.messages, place: Place::Federation, federation: self, tree }.render()
    }

    fn count(&self, state: MemberState) -> usize {
        self.members.iter().filter(|member| member.state == state).count()
    }

    fn away(&self) -> usize {
        self.members.len() - self.count(MemberState::Online)
    }
}
