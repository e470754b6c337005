//! 联盟: the tree of nodes.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use axum::{Router, routing};
use kapok_web_ui::pages::federation::{Federation, Member as Row, MemberState};

use super::facts::{moment, tier};
use super::frame::framed;
use super::{ok, problem};
use crate::App;
use crate::access::Caller;
use crate::port::Member;
use crate::usecase;

/// A membership that ends within so many days is worth saying.
const NEAR_END_DAYS: i64 = 60;

pub(super) fn router() -> Router<App> {
    Router::new().route("/federation", routing::get(federation))
}

async fn federation(State(app): State<App>, caller: Caller) -> Response {
    let members = match usecase::members(&app, &caller).await {
        Ok(members) => members,
        Err(failure) => return problem::failed(&app, &caller, &failure).await,
    };
    let framed = framed(&app, &caller).await;
    let here = framed.status.node.as_str();
    let live = members.members.iter().filter(|member| !member.revoked).collect();
    let view = Federation {
        // People know a federation by the node at its top; its own name is a key.
        name: live_name(&members.members),
        members: parents_first(live).into_iter().map(|member| row(member, here)).collect(),
    };
    ok(view.render(&framed.frame))
}

fn live_name(members: &[Member]) -> String {
    members.iter().find(|member| member.parent.is_none()).map(|member| member.name.clone()).unwrap_or_default()
}

fn row(member: &Member, here: &str) -> Row {
    let last_contact = member.last_seen.as_deref().and_then(moment);
    let is_here = member.node == here;
    Row {
        id: member.node.clone(),
        parent: member.parent.clone(),
        name: member.name.clone(),
        tier: tier(&member.tier),
        here: is_here,
        state: match (member.online || is_here, last_contact) {
            (true, _) => MemberState::Online,
            (false, Some(_)) => MemberState::Offline,
            (false, None) => MemberState::NeverSeen,
        },
        last_contact: last_contact.filter(|_| !is_here),
        entries: member.entries,
        resources: member.resources,
        expires_in_days: (member.days_left < NEAR_END_DAYS).then(|| u32::try_from(member.days_left).unwrap_or(0)),
    }
}

/// Each after its parent, by tier and name; whose parent is not known comes last.
fn parents_first(mut members: Vec<&Member>) -> Vec<&Member> {
    members.sort_by(|a, b| (tier(&a.tier), &a.name, &a.node).cmp(&(tier(&b.tier), &b.name, &b.node)));
    let known: BTreeSet<&str> = members.iter().map(|member| member.node.as_str()).collect();
    let is_top = |member: &Member| member.parent.as_deref().is_none_or(|parent| !known.contains(parent));
    let (tops, mut rest): (Vec<&Member>, Vec<&Member>) = members.into_iter().partition(|member| is_top(member));
    let mut placed = Vec::new();
    let mut branch: Vec<&Member> = tops.into_iter().rev().collect();
    while let Some(member) = branch.pop() {
        placed.push(member);
        let (children, others): (Vec<&Member>, Vec<&Member>) =
            rest.into_iter().partition(|child| child.parent.as_deref() == Some(member.node.as_str()));
        rest = others;
        branch.extend(children.into_iter().rev());
    }
    // A circle of parents has no top; chains are verified, so this is empty.
    placed.extend(rest);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(node: &str, parent: Option<&str>, tier: &str) -> Member {
        Member {
            node: node.into(),
            name: node.into(),
            parent: parent.map(str::to_owned),
            tier: tier.into(),
            ..Member::default()
        }
    }

    #[test]
    fn children_stand_behind_their_parent() {
        let all = [
            member("point", Some("school"), "point"),
            member("school", Some("county"), "school"),
            member("other-county", Some("city"), "county"),
            member("county", Some("city"), "county"),
            member("city", None, "city"),
            member("stray", Some("unknown"), "school"),
        ];
        let order: Vec<&str> =
            parents_first(all.iter().collect()).into_iter().map(|member| member.node.as_str()).collect();
        assert_eq!(order, ["city", "county", "school", "point", "other-county", "stray"]);
    }
}
