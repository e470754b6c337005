//! What every page shares: bars, lamp, account, strips.

use std::time::{SystemTime, UNIX_EPOCH};

use kapok_private::Permission;
use kapok_private::session::SessionToken;
use kapok_web_ui::Frame;
use kapok_web_ui::format::{Bytes, Clock, Moment};
use kapok_web_ui::frame::{Account, Link, Notice};
use kapok_web_ui::messages::Messages;

use super::facts::{moment, tier};
use crate::App;
use crate::access::Caller;
use crate::port::{Link as NodeLink, Status, Viewer};

/// Below this much room the strip appears; uploads of a lesson's video still fit.
const DISK_LOW_BYTES: u64 = 1024 * 1024 * 1024;

/// The node's figures and the frame drawn from them.
pub(super) struct Framed {
    pub(super) status: Status,
    pub(super) frame: Frame,
}

/// Asks the node once for a page's frame. A node that cannot answer still has bars: the page says the rest.
pub(super) async fn framed(app: &App, caller: &Caller) -> Framed {
    let status = app.node.status().await.unwrap_or_else(|error| {
        tracing::warn!(%error, "a page was drawn without the node's figures");
        Status::default()
    });
    let frame = draw(app, caller, &status);
    Framed { status, frame }
}

pub(super) fn draw(app: &App, caller: &Caller, status: &Status) -> Frame {
    let account = match &caller.viewer {
        Viewer::Account { name, .. } => Some(Account {
            name: name.clone(),
            may_upload: caller.may(Permission::Upload),
            may_see_federation: caller.may(Permission::ReadFederation),
            may_manage: caller.may(Permission::ManageSync),
        }),
        Viewer::Owner | Viewer::Lan => None,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Frame {
        messages: Messages::zh(),
        clock: Clock {
            now: Moment(i64::try_from(now).unwrap_or(i64::MAX)),
            utc_offset_seconds: app.config.utc_offset_seconds,
        },
        node_name: status.name.clone(),
        place: status.parent_name.clone(),
        tier: tier(&status.tier),
        link: match status.link {
            NodeLink::Online => Link::Online,
            NodeLink::Lan => Link::LanOnly,
            NodeLink::Offline => Link::Offline,
        },
        catalogue_as_of: status.catalogue_at.as_deref().and_then(moment),
        account,
        csrf: caller.session.as_ref().or(caller.form.as_ref()).map_or_else(String::new, SessionToken::form_token),
        query: String::new(),
        // Counted over everything on the node.
        pending: if caller.may(Permission::ReadPrivate) { status.pending.blobs } else { 0 },
        notices: notices(caller, status),
    }
}

fn notices(caller: &Caller, status: &Status) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(percent) = status.rebuilding_percent {
        notices.push(Notice::Rebuilding { percent });
    }
    // A status that says nothing at all is not a full disk. Who cannot add anything has nothing to do about it.
    let is_concerned = caller.may(Permission::Upload) || caller.may(Permission::ManageSync);
    if is_concerned && status.free_bytes < DISK_LOW_BYTES && !status.node.is_empty() {
        notices.push(Notice::DiskLow { free: Bytes(status.free_bytes) });
    }
    if let (NodeLink::Offline, Some(parent), Some(since)) =
        (status.link, &status.parent_name, status.link_since.as_deref().and_then(moment))
    {
        let held = caller.may(Permission::ReadPrivate).then_some(status.held);
        notices.push(Notice::Offline { parent: parent.clone(), since, held });
    }
    notices
}
