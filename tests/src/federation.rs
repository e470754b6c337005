//! Four nodes that belong together.

use serde_json::Value;

use crate::node::Node;

/// A city, a county, a school and its point, running and joined by codes.
#[derive(Debug)]
pub struct Federation {
    pub city: Node,
    pub county: Node,
    pub school: Node,
    pub point: Node,
}

impl Federation {
    /// Four processes, each admitted by the one above it.
    #[must_use]
    pub fn of_four() -> Self {
        let mut city = Node::init("city", "攀枝花市电教馆");
        city.start();
        let county = Self::child(&city, "county", "盐边县电教馆");
        let school = Self::child(&county, "school", "云山坪学校");
        let point = Self::child(&school, "point", "青冈垭教学点");
        Self { city, county, school, point }
    }

    /// A running node that joined below `parent` by a code.
    ///
    /// # Panics
    /// If it is not admitted.
    #[must_use]
    pub fn child(parent: &Node, tier: &str, name: &str) -> Node {
        let mut node = Node::init(tier, name);
        node.start();
        let joined = Self::join(parent, &node, tier);
        assert_eq!(joined["parent"], parent.id.as_str(), "{joined}");
        node
    }

    /// Invites and joins; the document of `join` is given back.
    ///
    /// # Panics
    /// If either is refused.
    pub fn join(parent: &Node, child: &Node, tier: &str) -> Value {
        let invitation = parent.kapok(&["invite", "--tier", tier, "--name", &child.name]);
        child.kapok(&["join", invitation["code"].as_str().unwrap()])
    }

    /// All four, from the top.
    #[must_use]
    pub fn nodes(&self) -> [&Node; 4] {
        [&self.city, &self.county, &self.school, &self.point]
    }

    /// One of them, by its place from the top.
    pub fn node_mut(&mut self, place: usize) -> &mut Node {
        match place {
            0 => &mut self.city,
            1 => &mut self.county,
            2 => &mut self.school,
            _ => &mut self.point,
        }
    }

    /// One round at each, from the top and back, so that everything has passed every link.
    pub fn sync_all(&self) {
        for node in [&self.county, &self.city, &self.point] {
            node.kapok(&["sync", "--now"]);
        }
    }
}
