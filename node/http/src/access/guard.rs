//! The guard before every route: finds out who asks, refuses what is not for them.
//!
//! In this order: is the request addressed to this node; who asks (token, session, nobody); is the node set up; does
//! an unsafe request come from a page of this node and carry the session's form token; does the table allow it.

use std::net::{IpAddr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use kapok_private::Permission;
use kapok_private::session::SessionToken;

use super::Access;
use super::host::{is_from_here, is_local_name, is_passed_on};
use super::table::{Need, is_page, need};
use crate::App;
use crate::extract::form_bytes;
use crate::forms;
use crate::port::{Failure, FailureKind, Result, Viewer};

/// Scripts send the form token in this header.
pub(crate) const FORM_TOKEN_HEADER: &str = "x-kapok-csrf";
/// The only route that takes `multipart/form-data`. It checks the form token itself, in the first field.
const MULTIPART_ROUTE: &str = "/upload";

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectedFrom {
    pub(crate) remote: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// Who asks, as the guard found out.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) viewer: Viewer,
    /// The session, where there is one.
    pub(crate) session: Option<SessionToken>,
    /// What guards the forms of those who have no session.
    pub(crate) form: Option<SessionToken>,
    pub(crate) source: IpAddr,
    /// A program of this machine that asks by itself: not a proxy that passes on what others ask.
    pub(crate) is_local: bool,
}

impl Caller {
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.viewer.may(permission)
    }

    /// As the audit trail names the caller.
    pub(crate) fn actor(&self) -> String {
        match &self.viewer {
            Viewer::Owner => "owner".into(),
            Viewer::Account { id, .. } => id.to_string(),
            Viewer::Lan => "lan".into(),
        }
    }

    /// Whether `text` is the form token of the session, or of the forms before it.
    pub(crate) fn is_form_token(&self, text: &str) -> bool {
        self.session.as_ref().or(self.form.as_ref()).is_some_and(|token| token.is_form_token(text))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        // The guard stands before every route and leaves the caller here.
        let missing = || Failure::internal("cannot answer", "a route was reached without its guard");
        parts.extensions.get::<Self>().cloned().ok_or_else(missing)
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// Who asks. Fails for a token that is not the owner's, or comes from elsewhere.
pub(crate) fn identify(access: &Access, ends: ConnectedFrom, headers: &HeaderMap) -> Result<Caller> {
    let source = ends.remote.ip().to_canonical();
    let is_local = source.is_loopback() && is_local_name(headers, &[]) && !is_passed_on(headers);
    if let Some(value) = headers.get(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        let refused = |detail: &str| Failure::new(FailureKind::Unauthorized, "the token is not accepted", detail);
        if !source.is_loopback() {
            return Err(
                refused("the owner's token is good on the node's own machine only").remedy("sign in with an account")
            );
        }
        if !access.is_owner(token.trim()) {
            return Err(refused("it is not the one in run/token of the node's folder")
                .remedy("read it again: it is a new one after each start of the node"));
        }
        return Ok(Caller { viewer: Viewer::Owner, session: None, form: None, source, is_local });
    }
    let token_in = |name: &str| cookie(headers, name).and_then(SessionToken::parse);
    let session = token_in(&access.session_cookie());
    let viewer = session.as_ref().and_then(|token| access.viewer_of(token));
    // A dead session is nobody's: it neither guards forms nor is it renewed.
    let session = session.filter(|_| viewer.is_some());
    let form = token_in(&access.form_cookie());
    Ok(Caller { viewer: viewer.unwrap_or(Viewer::Lan), session, form, source, is_local })
}

/// Stands before every route (see the module's documentation).
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or_else(String::new, |path| path.as_str().to_owned());
    let ends = request.extensions().get::<ConnectInfo<ConnectedFrom>>().map(|info| info.0);
    let Some(ends) = ends else {
        return Failure::internal("cannot answer", "the connection's addresses are not known").into_response();
    };
    if ends.local.ip().to_canonical().is_loopback() && !is_local_name(request.headers(), &app.config.host_names) {
        let failure = Failure::invalid(
            "cannot answer under this name",
            "the request arrived on loopback under a name that is not this node's",
        )
        .remedy("use http://localhost, or add the name to http.names in kapok.toml")
        .said("address.foreign");
        return crate::pages::in_haste(&app, &path, &failure);
    }
    let caller = match identify(&app.access, ends, request.headers()) {
        Ok(caller) => caller,
        Err(failure) => return failure.into_response(),
    };
    let verdict = check(&app, &caller, &path, &mut request).await;
    request.extensions_mut().insert(caller.clone());
    match verdict {
        Ok(()) => next.run(request).await,
        Err(Refusal::NotSetUp) if is_page(&path) => Redirect::to("/setup").into_response(),
        Err(refusal) => {
            let failure = refusal.into_failure();
            if !is_page(&path) {
                return failure.into_response();
            }
            let (uri, is_reading) = (request.uri().clone(), request.method().is_safe());
            drop(request);
            crate::pages::refused(&app, &caller, &uri, is_reading, &failure).await
        }
    }
}

enum Refusal {
    NotSetUp,
    Other(Failure),
}

impl Refusal {
    fn into_failure(self) -> Failure {
        match self {
            Self::NotSetUp => Failure::new(
                FailureKind::Forbidden,
                "this node is not set up",
                "its first account has not been made yet",
            )
            .remedy("open the node's page and type the set-up code that kapok init printed")
            .said("setup.needed"),
            Self::Other(failure) => failure,
        }
    }
}

async fn check(app: &App, caller: &Caller, path: &str, request: &mut Request) -> std::result::Result<(), Refusal> {
    let Some(need) = need(request.method(), path) else {
        tracing::error!(path, method = %request.method(), "a route is not in the access table");
        return Err(Refusal::Other(Failure::new(
            FailureKind::Forbidden,
            "not allowed",
            "this route is open to nobody",
        )));
    };
    if need != Need::Always && caller.viewer != Viewer::Owner && !app.access.is_set_up() {
        return Err(Refusal::NotSetUp);
    }
    if caller.viewer != Viewer::Owner && !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        check_origin(caller, path, request).await.map_err(Refusal::Other)?;
    }
    check_need(caller, need).map_err(Refusal::Other)
}

fn check_need(caller: &Caller, need: Need) -> Result<()> {
    let allowed = match need {
        Need::Always | Need::Anyone => true,
        Need::SignedIn => caller.viewer != Viewer::Lan,
        Need::May(permission) => caller.may(permission),
        Need::Owner => caller.viewer == Viewer::Owner,
        Need::Local => caller.is_local || caller.may(Permission::ManageSettings),
    };
    match (allowed, &caller.viewer) {
        (true, _) => Ok(()),
        (false, Viewer::Lan) => Err(Failure::new(
            FailureKind::Unauthorized,
            "signing in is needed",
            "only those with an account may do this",
        )
        .remedy("sign in on the node's page")),
        (false, _) => {
            Err(Failure::new(FailureKind::Forbidden, "not allowed", "your roles on this node do not allow it")
                .remedy("ask an administrator of this node"))
        }
    }
}

/// Refuses an unsafe request that another page made a browser send.
async fn check_origin(caller: &Caller, path: &str, request: &mut Request) -> Result<()> {
    let stale = |detail: &str| {
        Failure::new(FailureKind::Forbidden, STALE_FORM, detail)
            .remedy("load the page again and repeat")
            .said("form.stale")
    };
    if !is_from_here(request.headers()) {
        return Err(stale("the request comes from a page of another place"));
    }
    // Without a session there is nothing to ride on; the log-in and set-up pages check their own form token.
    if caller.session.is_none() {
        return Ok(());
    }
    if let Some(token) = request.headers().get(FORM_TOKEN_HEADER) {
        let is_good = token.to_str().is_ok_and(|token| caller.is_form_token(token));
        return if is_good { Ok(()) } else { Err(stale("its form token is of another session")) };
    }
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("multipart/form-data") && path == MULTIPART_ROUTE {
        return Ok(());
    }
    if !content_type.starts_with("application/x-www-form-urlencoded") {
        return Err(stale("it carries no form token"));
    }
    let body = form_bytes(std::mem::replace(request.body_mut(), Body::empty())).await?;
    let is_good = forms::field(&body, "csrf").is_some_and(|token| caller.is_form_token(&token));
    *request.body_mut() = Body::from(body);
    if is_good { Ok(()) } else { Err(stale("its form token is missing or of another session")) }
}

/// The title of every refusal because of a form token; pages show it in their words.
pub(crate) const STALE_FORM: &str = "the form is too old or comes from elsewhere";
