//! What both the API and the pages do around a use case: rules of this crate, and the audit trail.

use crate::App;
use crate::access::Caller;
use std::collections::BTreeMap;

use kapok_private::Permission;

use crate::port::{
    AddReply, AddRequest, Estimate, Failure, Members, Outcome, Pending, ProgressSender, Result, Scope, SearchRequest,
    SubscribeRequest, Subscriptions, Transfer, Transfers, WithdrawRequest, Withdrawn,
};

/// Reasons are read by everybody; a sentence or two.
const MAX_REASON_CHARS: usize = 500;

impl Outcome {
    pub(crate) fn of<T>(done: &Result<T>) -> Self {
        if done.is_ok() { Self::Done } else { Self::Refused }
    }
}

/// Live resources that the caller may see, in all and by their home: a local search counts nothing else.
pub(crate) struct Counted {
    pub(crate) total: u64,
    by_home: BTreeMap<String, u64>,
}

/// Counts them.
pub(crate) async fn counted(app: &App, caller: &Caller) -> Result<Counted> {
    let request = SearchRequest { scope: Scope::Local, limit: 1, ..SearchRequest::of("") };
    let mut reply = app.node.search(&caller.viewer, request).await?;
    let homes = reply.facets.remove("home").unwrap_or_default();
    Ok(Counted { total: reply.total, by_home: homes.into_iter().map(|home| (home.value, home.count)).collect() })
}

/// The tree of memberships. Who may not read everything on this node gets figures of what they may: a live resource is
/// an entry, and nothing else of a node is told from them.
pub(crate) async fn members(app: &App, caller: &Caller) -> Result<Members> {
    let mut members = app.node.members().await?;
    if !caller.may(Permission::ReadPrivate) {
        let counted = counted(app, caller).await?;
        for member in &mut members.members {
            member.resources = counted.by_home.get(&member.node).copied().unwrap_or(0);
            member.entries = member.resources;
        }
    }
    Ok(members)
}

/// What is on its way. Who may not read everything on this node gets the sums of what is listed, and no time that hangs
/// on what is not.
pub(crate) async fn transfers(app: &App, caller: &Caller) -> Result<Transfers> {
    let mut transfers = app.node.transfers(&caller.viewer).await?;
    if !caller.may(Permission::ReadPrivate) {
        let listed = &transfers.transfers;
        let sum = |figure: fn(&Transfer) -> u64| listed.iter().map(figure).fold(0, u64::saturating_add);
        let bytes = sum(|one| one.size.saturating_sub(one.done));
        let (done, rate_bps) = (sum(|one| one.done), sum(|one| one.rate_bps));
        let last = listed.iter().filter_map(|one| one.expected.clone()).max();
        transfers.pending = Pending { blobs: listed.len() as u64, bytes };
        (transfers.done, transfers.rate_bps, transfers.unlisted) = (done, rate_bps, 0);
        transfers.estimate = Estimate { earliest: last.clone(), latest: last };
    }
    Ok(transfers)
}

/// Publishes files.
pub(crate) async fn add(app: &App, caller: &Caller, request: AddRequest, progress: ProgressSender) -> Result<AddReply> {
    let done = app.node.add(&caller.viewer, request, progress).await;
    let ids = done.as_ref().map_or(String::new(), |reply| {
        // One line of the trail: a folder of a thousand files is named by its first few.
        reply.resources.iter().take(8).map(|resource| resource.id.as_str()).collect::<Vec<_>>().join(" ")
    });
    app.record(caller, "add", &ids, Outcome::of(&done)).await;
    done
}

/// Withdraws a resource, with a reason.
pub(crate) async fn withdraw(app: &App, caller: &Caller, id: &str, reason: &str) -> Result<Withdrawn> {
    let reason = reason.trim();
    let chars = reason.chars().count();
    if chars == 0 || chars > MAX_REASON_CHARS {
        let detail = format!("the reason has {chars} characters; 1 to {MAX_REASON_CHARS} are needed");
        return Err(Failure::invalid("cannot withdraw", detail)
            .remedy("say in a sentence why; everybody can read it")
            .said("withdraw.reason")
            .with("limit", MAX_REASON_CHARS));
    }
    let done = app.node.withdraw(&caller.viewer, id, WithdrawRequest { reason: reason.to_owned() }).await;
    app.record(caller, "withdraw", id, Outcome::of(&done)).await;
    done
}

/// Adds a subscription that says what it wants.
pub(crate) async fn subscribe(app: &App, request: SubscribeRequest) -> Result<Subscriptions> {
    let is_restricted = !(request.subject.is_empty()
        && request.stage.is_empty()
        && request.kind.is_empty()
        && request.max_size.is_none());
    match (request.all, is_restricted) {
        (false, false) => Err(Failure::invalid("cannot subscribe", "nothing is said about what to hold")
            .remedy("choose subjects, stages or kinds, or all")
            .said("subscription.nothing")),
        (true, _) if !(request.subject.is_empty() && request.stage.is_empty() && request.kind.is_empty()) => {
            Err(Failure::invalid("cannot subscribe", "all is said together with subjects, stages or kinds")
                .remedy("say one of the two")
                .said("subscription.all-and-some"))
        }
        _ => app.node.subscribe(request).await,
    }
}
