//! From documents of the port to rows on a page.

use std::collections::BTreeMap;

use kapok_web_ui::facts::{Availability, Certification, ResourceLine, Tier, Transfer, WaitReason, Waiting};
use kapok_web_ui::format::{Bytes, Moment};

use crate::App;
use crate::access::Caller;
use crate::blobs::shown_type;
use crate::port::{self, Member, Peer, ResourceSummary, Status, TransferState, Transfers};
use crate::times;
use crate::usecase;

pub(super) fn tier(slug: &str) -> Tier {
    match slug {
        "city" => Tier::City,
        "county" => Tier::County,
        "point" => Tier::Point,
        _ => Tier::School,
    }
}

pub(super) fn certification(certification: port::Certification) -> Certification {
    match certification {
        port::Certification::None => Certification::None,
        port::Certification::School => Certification::School,
        port::Certification::County => Certification::County,
        port::Certification::City => Certification::City,
    }
}

pub(super) fn moment(rfc3339: &str) -> Option<Moment> {
    times::seconds(rfc3339).map(Moment)
}

/// Like [`moment`], for times that are always there; a time that cannot be read is the oldest.
pub(super) fn moment_or_first(rfc3339: &str) -> Moment {
    moment(rfc3339).unwrap_or(Moment(0))
}

/// What rows need besides their documents: what moves, how fast, and who is called what.
pub(super) struct Around {
    here: String,
    reaches_others: bool,
    rate_bps: Option<u64>,
    pub(super) transfers: Transfers,
    pub(super) peers: Vec<Peer>,
    names: BTreeMap<String, Member>,
}

/// Asks the node for all of it at once. What cannot be had is left out: the rows say less.
pub(super) async fn around(app: &App, caller: &Caller, status: &Status) -> Around {
    let (transfers, peers, members) =
        tokio::join!(usecase::transfers(app, caller), app.node.peers(), app.node.members());
    let peers = peers.unwrap_or_default().peers;
    let connected = || peers.iter().filter(|peer| peer.connected);
    let reaches_others = connected().next().is_some();
    let rate_bps = connected().filter_map(|peer| peer.rate_bps).max().filter(|rate| *rate > 0);
    Around {
        here: status.node.clone(),
        reaches_others,
        rate_bps,
        transfers: transfers.unwrap_or_default(),
        peers,
        names: members.unwrap_or_default().members.into_iter().map(|member| (member.node.clone(), member)).collect(),
    }
}

impl Around {
    /// A node's name, or its id where no membership of it is known.
    pub(super) fn name<'a>(&'a self, node: &'a str) -> &'a str {
        self.names.get(node).map_or(node, |member| &member.name)
    }

    pub(super) fn last_seen(&self, node: &str) -> Option<Moment> {
        self.names.get(node)?.last_seen.as_deref().and_then(moment)
    }

    pub(super) fn is_here(&self, node: &str) -> bool {
        node == self.here
    }

    /// How long so many bytes take at the rate last seen.
    pub(super) fn seconds(&self, bytes: u64) -> Option<u64> {
        self.rate_bps.map(|rate| bytes.div_ceil(rate))
    }

    /// Bytes of a resource that have arrived, and whether any move.
    pub(super) fn arriving(&self, resource: &str) -> Option<(u64, u64, bool)> {
        let of_it = || self.transfers.transfers.iter().filter(|transfer| transfer.resource == resource);
        of_it().next()?;
        let sum = |figure: fn(&port::Transfer) -> u64| of_it().map(figure).fold(0, u64::saturating_add);
        let moves = of_it().any(|transfer| transfer.state == TransferState::Moving);
        Some((sum(|transfer| transfer.done), sum(|transfer| transfer.size), moves))
    }

    pub(super) fn availability(&self, summary: &ResourceSummary) -> Availability {
        if summary.held {
            return Availability::Held;
        }
        match self.arriving(&summary.id) {
            Some((received, total, true)) => Availability::Arriving { received: Bytes(received), total: Bytes(total) },
            _ if self.reaches_others => {
                Availability::Reachable { missing: Bytes(summary.size), seconds: self.seconds(summary.size) }
            }
            _ => Availability::Unreachable,
        }
    }

    pub(super) fn line(&self, summary: &ResourceSummary) -> ResourceLine {
        let image = summary.files.first().filter(|file| {
            summary.held && shown_type(&file.name).is_some_and(|media_type| media_type.starts_with("image/"))
        });
        ResourceLine {
            id: summary.id.clone(),
            title: summary.title.clone(),
            kind: summary.kind.clone(),
            subject: summary.subject.clone(),
            stage: summary.stage.clone(),
            year: summary.grade,
            home: (!self.is_here(&summary.home)).then(|| summary.home_name.clone()),
            certification: certification(summary.certification),
            availability: self.availability(summary),
            bytes: Bytes(summary.size),
            published: moment_or_first(&summary.updated),
            image: image.map(|file| format!("/blobs/{}", file.blob)),
        }
    }

    /// What moves or stands in the queue, in its order.
    pub(super) fn moving(&self) -> Vec<Transfer> {
        let mut queued = 0;
        let rows = self.transfers.transfers.iter().filter(|transfer| wait_reason(transfer.state).is_none());
        rows.map(|transfer| {
            let moves = transfer.state == TransferState::Moving;
            queued += u64::from(!moves);
            Transfer {
                resource: (!transfer.resource.is_empty()).then(|| transfer.resource.clone()),
                title: transfer.title.clone(),
                file: Some(transfer.name.clone()).filter(|name| !name.is_empty()),
                kind: transfer.kind.clone(),
                from: transfer.from.clone(),
                received: Bytes(transfer.done),
                total: Bytes(transfer.size),
                bytes_per_second: moves.then_some(transfer.rate_bps),
                queued: (!moves).then_some(queued),
                done_at: transfer.expected.as_deref().and_then(moment),
            }
        })
        .collect()
    }

    /// What waits, and why.
    pub(super) fn waiting(&self) -> Vec<Waiting> {
        let rows =
            self.transfers.transfers.iter().filter_map(|transfer| Some((transfer, wait_reason(transfer.state)?)));
        rows.map(|(transfer, reason)| Waiting {
            resource: transfer.resource.clone(),
            title: transfer.title.clone(),
            missing: Bytes(transfer.size.saturating_sub(transfer.done)),
            reason: if reason == WaitReason::HolderOffline && transfer.from.is_empty() {
                WaitReason::NoHolder
            } else {
                reason
            },
            holder: match transfer.from.as_slice() {
                [one] if reason == WaitReason::HolderOffline => Some(one.clone()),
                _ => None,
            },
            since: None,
            done_at: transfer.expected.as_deref().and_then(moment),
        })
        .collect()
    }
}

/// Why it waits; none where it moves or stands in the queue. Allowances come with their own feature: until then the node
/// never says so, and a newer node's saying is shown as a place in the queue.
fn wait_reason(state: TransferState) -> Option<WaitReason> {
    match state {
        TransferState::WaitsForPeer => Some(WaitReason::HolderOffline),
        TransferState::WaitsForSpace => Some(WaitReason::DiskFull),
        TransferState::WaitsForWindow => Some(WaitReason::NightWindow),
        TransferState::Moving | TransferState::Queued | TransferState::WaitsForAllowance => None,
    }
}
