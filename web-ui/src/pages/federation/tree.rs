//! The federation as a kapok tree: the trunk is the city, a bough a county, flowers are schools, buds teaching points.
//!
//! The same members always grow the same tree: where a flower stands follows from its place in the list, never from
//! chance. Boughs leave the trunk by turns to the left and to the right; the schools that belong to the city itself
//! share one bough. A bough carries upright twigs, and each twig its flowers from the foot to the tip.

use super::{Federation, Member, MemberState};
use crate::Frame;
use crate::facts::Tier;

const WIDTH: i32 = 620;
/// From the crown (or a bough) to the next bough on the same side.
const BOUGH_STEP: i32 = 134;
/// Height of the crown above the first bough's foot.
const CROWN: i32 = 92;
/// Length of a bough from the trunk to its tip.
const BOUGH_LENGTH: i32 = 262;
/// How far a bough rises from the trunk to its tip.
const BOUGH_RISE: i32 = 36;
const FLOWERS_A_TWIG: usize = 6;
/// More boughs than this would make the tree taller than anybody scrolls; the table names every node anyway.
const BOUGHS_MAX: usize = 24;
/// Drawn on one bough; the label counts all.
const FLOWERS_A_BOUGH_MAX: usize = 60;

#[derive(Debug)]
pub(super) struct Tree {
    width: i32,
    height: i32,
    pub(super) trunk: String,
    /// Outlines: a bough is thick where it leaves the trunk and thin at its tip.
    pub(super) boughs: Vec<String>,
    pub(super) wood: Vec<Wood>,
    pub(super) marks: Vec<Mark>,
    pub(super) labels: Vec<Label>,
}

/// A twig or a stalk.
#[derive(Debug)]
pub(super) struct Wood {
    pub(super) line: String,
    pub(super) width: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Flower,
    Bud,
    /// Not heard from: an empty ring.
    Ring,
}

#[derive(Debug)]
pub(super) struct Mark {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) size: i32,
    pub(super) shape: Shape,
    pub(super) here: bool,
    pub(super) title: String,
}

#[derive(Debug)]
pub(super) struct Label {
    pub(super) x: i32,
    pub(super) y: i32,
    /// Set from the right edge.
    pub(super) right: bool,
    pub(super) name: String,
    pub(super) about: String,
    pub(super) when: String,
    pub(super) late: bool,
}

/// What grows on one bough.
struct Bough<'a> {
    /// `None`: the bough of the schools that belong to the city itself.
    county: Option<&'a Member>,
    members: Vec<&'a Member>,
}

impl Tree {
    pub(super) fn view_box(&self) -> String {
        format!("0 0 {} {}", self.width, self.height)
    }

    pub(super) fn grow(federation: &Federation, frame: &Frame) -> Self {
        let boughs = boughs(federation);
        let rows = boughs.len().div_ceil(2).max(1) as i32;
        // The right side stands half a step higher, so that boughs leave the trunk by turns.
        let height = CROWN + rows * BOUGH_STEP + 30;
        let mut tree = Self {
            width: WIDTH,
            height,
            trunk: trunk(height),
            boughs: Vec::new(),
            wood: Vec::new(),
            marks: Vec::new(),
            labels: Vec::new(),
        };
        for (index, bough) in boughs.iter().enumerate() {
            let left = index % 2 == 0;
            let row = (index / 2) as i32;
            let foot = CROWN + BOUGH_STEP / 2 + row * BOUGH_STEP + if left { 28 } else { 0 };
            tree.grow_bough(bough, left, foot, frame);
        }
        if let Some(city) = federation.members.iter().find(|member| member.tier == Tier::City) {
            tree.mark(city, WIDTH / 2, 34, 30, frame);
        }
        tree
    }

    fn grow_bough(&mut self, bough: &Bough<'_>, left: bool, foot: i32, frame: &Frame) {
        let side = if left { -1 } else { 1 };
        let trunk_x = WIDTH / 2;
        let tip = (trunk_x + side * BOUGH_LENGTH, foot - BOUGH_RISE);
        let knee = (trunk_x + side * 44, foot - 22);
        self.boughs.push(taper((trunk_x, foot), knee, tip, side));
        let drawn = &bough.members[..bough.members.len().min(FLOWERS_A_BOUGH_MAX)];
        let twigs = drawn.len().div_ceil(FLOWERS_A_TWIG);
        for (twig, members) in drawn.chunks(FLOWERS_A_TWIG).enumerate() {
            // Spread over the outer four fifths of the bough; a single twig stands in its middle.
            let share = (2 * twig as i32 + 1) * 100 / (2 * twigs.max(1) as i32);
            let along = 62 + (BOUGH_LENGTH - 82) * share / 100;
            let x = trunk_x + side * along;
            let y = foot - 22 - (BOUGH_RISE - 22) * (along - 44) / (BOUGH_LENGTH - 44);
            self.grow_twig(members, (x, y), side, frame);
        }
        self.label_bough(bough, left, foot, frame);
    }

    /// An upright twig that bends outwards at its foot, with stalks by turns to both sides.
    fn grow_twig(&mut self, members: &[&Member], foot: (i32, i32), side: i32, frame: &Frame) {
        let (x, y) = foot;
        let steps = members.len() as i32;
        let tall = 20 + 10 * steps;
        let top = (x + side * 20, y - tall);
        self.wood.push(Wood {
            line: format!("M{x} {y}Q{} {} {} {}", top.0 - side, y - tall / 3, top.0, top.1),
            width: "2.6",
        });
        for (index, member) in members.iter().enumerate() {
            let step = index as i32;
            if step == steps - 1 {
                self.mark(member, top.0, top.1, 15, frame);
                break;
            }
            let joint_y = y - 8 - (tall - 16) * (2 * step + 1) / (2 * steps);
            let joint_x = x + side * 20 * (y - joint_y) / tall + side * 3;
            let turn = if index % 2 == 0 { 1 } else { -1 };
            let reach = 13 + (step * 5) % 9;
            let end = (joint_x + turn * reach, joint_y - 9 - (step * 3) % 5);
            self.wood.push(Wood {
                line: format!("M{joint_x} {joint_y}Q{} {} {} {}", end.0 - turn * 2, joint_y - 1, end.0, end.1),
                width: "1.3",
            });
            self.mark(member, end.0, end.1, 15, frame);
        }
    }

    fn mark(&mut self, member: &Member, x: i32, y: i32, size: i32, frame: &Frame) {
        let m = frame.messages;
        let shape = match (member.state, member.tier) {
            (MemberState::Offline | MemberState::NeverSeen, _) => Shape::Ring,
            (MemberState::Online, Tier::Point) => Shape::Bud,
            (MemberState::Online, _) => Shape::Flower,
        };
        let title =
            m.get("federation.mark").with("name", &member.name).with("state", m.term("state", member.state.slug()));
        self.marks.push(Mark { x, y, size, shape, here: member.here, title: title.to_string() });
    }

    fn label_bough(&mut self, bough: &Bough<'_>, left: bool, foot: i32, frame: &Frame) {
        let m = frame.messages;
        let points = bough.members.iter().filter(|member| member.tier == Tier::Point).count();
        let schools = bough.members.len() - points;
        let about = if points == 0 {
            m.get("federation.schools").with("schools", schools)
        } else {
            m.get("federation.schools-points").with("schools", schools).with("points", points)
        };
        let (name, when, late) = match bough.county {
            None => (m.get("federation.direct").to_string(), String::new(), false),
            Some(county) => (
                county.name.clone(),
                match (county.state, county.last_contact) {
                    (MemberState::Online, _) if county.here => m.get("federation.here").to_string(),
                    (MemberState::Online, _) => m.get("time.just-now").to_string(),
                    (_, Some(at)) => {
                        m.get("federation.as-of").with("time", frame.clock.day_and_time(m, &at)).to_string()
                    }
                    (_, None) => m.term("state", MemberState::NeverSeen.slug()).to_owned(),
                },
                county.state != MemberState::Online,
            ),
        };
        self.labels.push(Label {
            x: if left { 22 } else { WIDTH - 22 },
            y: foot + 4,
            right: !left,
            name,
            about: about.to_string(),
            when,
            late,
        });
    }
}

/// The outline of a bough from the trunk over its knee to the tip: the upper edge out, the lower edge back.
fn taper(foot: (i32, i32), knee: (i32, i32), tip: (i32, i32), side: i32) -> String {
    let (near, far) = (knee.0 + side * 60, tip.0 - side * 90);
    format!(
        "M{} {}Q{} {} {} {}C{near} {} {far} {} {} {}L{} {}C{far} {} {near} {} {} {}Q{} {} {} {}Z",
        foot.0,
        foot.1 - 4,
        foot.0 + side * 20,
        knee.1 - 1,
        knee.0,
        knee.1 - 3,
        knee.1 - 10,
        tip.1 + 4,
        tip.0,
        tip.1 - 1,
        tip.0,
        tip.1 + 1,
        tip.1 + 7,
        knee.1 - 4,
        knee.0,
        knee.1 + 3,
        foot.0 + side * 24,
        knee.1 + 6,
        foot.0,
        foot.1 + 8,
    )
}

/// The trunk widens to its root.
fn trunk(height: i32) -> String {
    let middle = WIDTH / 2;
    let ground = height - 10;
    let stem = ground - 40;
    format!(
        "M{} 44L{} 44C{} {stem} {} {stem} {} {}Q{} {} {} {ground}L{} {ground}Q{} {} {} {}C{} {stem} {} {stem} {} 44Z",
        middle - 2,
        middle + 2,
        middle + 5,
        middle + 8,
        middle + 12,
        ground - 30,
        middle + 18,
        ground - 4,
        middle + 44,
        middle - 44,
        middle - 18,
        ground - 4,
        middle - 12,
        ground - 30,
        middle - 8,
        middle - 5,
        middle - 2,
    )
}

/// One bough for each county, and one for what belongs to the city itself.
fn boughs(federation: &Federation) -> Vec<Bough<'_>> {
    let members = &federation.members;
    let mut boughs: Vec<Bough<'_>> = members
        .iter()
        .filter(|member| member.tier == Tier::County)
        .map(|county| Bough { county: Some(county), members: Vec::new() })
        .collect();
    let mut direct = Vec::new();
    for member in members.iter().filter(|member| matches!(member.tier, Tier::School | Tier::Point)) {
        let county = county_of(members, member);
        match boughs.iter_mut().find(|bough| bough.county.is_some_and(|known| Some(&known.id) == county)) {
            Some(bough) => bough.members.push(member),
            None => direct.push(member),
        }
    }
    if !direct.is_empty() {
        boughs.insert(0, Bough { county: None, members: direct });
    }
    boughs.truncate(BOUGHS_MAX);
    boughs
}

/// The county above a school or a point. Four tiers at most, so three steps suffice, also where a list is damaged.
fn county_of<'a>(members: &'a [Member], member: &'a Member) -> Option<&'a String> {
    let mut parent = member.parent.as_ref()?;
    for _ in 0..3 {
        let above = members.iter().find(|other| other.id == *parent)?;
        if above.tier == Tier::County {
            return Some(&above.id);
        }
        parent = above.parent.as_ref()?;
    }
    None
}
