//! What both the API and the pages do around a use case: rules of this crate, and the audit trail.

use crate::App;
use crate::access::Caller;
use crate::port::{
    AddReply, AddRequest, Failure, Outcome, ProgressSender, Result, SubscribeRequest, Subscriptions, WithdrawRequest,
    Withdrawn,
};

/// Reasons are read by everybody; a sentence or two.
const MAX_REASON_CHARS: usize = 500;

impl Outcome {
    pub(crate) fn of<T>(done: &Result<T>) -> Self {
        if done.is_ok() { Self::Done } else { Self::Refused }
    }
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
        return Err(Failure::invalid("cannot withdraw", detail).remedy("say in a sentence why; everybody can read it"));
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
            .remedy("choose subjects, stages or kinds, or all")),
        (true, _) if !(request.subject.is_empty() && request.stage.is_empty() && request.kind.is_empty()) => {
            Err(Failure::invalid("cannot subscribe", "all is said together with subjects, stages or kinds")
                .remedy("say one of the two"))
        }
        _ => app.node.subscribe(request).await,
    }
}
