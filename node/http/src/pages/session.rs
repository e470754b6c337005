//! 登录 and 退出.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Router, routing};
use kapok_private::session::SessionToken;
use kapok_private::throttle::Wait;
use kapok_web_ui::frame::Done;
use kapok_web_ui::pages::login::{Login, LoginError};

use super::frame::framed;
use super::{done, page, problem};
use crate::App;
use crate::access::{AccessError, Caller, SignIn};
use crate::cookies;
use crate::extract::FormBody;
use crate::forms;
use crate::port::Outcome;

pub(super) fn router() -> Router<App> {
    Router::new().route("/login", routing::get(login).post(sign_in)).route("/logout", routing::post(sign_out))
}

/// Gives those who have no session a token for this form; the cookie that goes with it comes along.
pub(super) fn with_form_token(caller: &mut Caller) {
    if caller.session.is_none() && caller.form.is_none() {
        caller.form = Some(SessionToken::from_random(rand::random()));
    }
}

/// The cookie of [`with_form_token`].
pub(super) fn form_cookie(app: &App, caller: &Caller, response: Response) -> Response {
    match (&caller.session, &caller.form) {
        (None, Some(token)) => (AppendHeaders([cookies::form(app, token)]), response).into_response(),
        _ => response,
    }
}

async fn show(app: &App, caller: Caller, status: StatusCode, login: Login) -> Response {
    let mut caller = caller;
    with_form_token(&mut caller);
    let framed = framed(app, &caller).await;
    form_cookie(app, &caller, page(status, login.render(&framed.frame)))
}

async fn login(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Response {
    let next = forms::field(query.unwrap_or_default().as_bytes(), "next").filter(|next| is_own_path(next));
    show(&app, caller, StatusCode::OK, Login { next, ..Login::default() }).await
}

/// Whether a redirect there stays on this node: a path, and none that a browser takes for a host.
fn is_own_path(next: &str) -> bool {
    next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t'])
}

async fn sign_in(State(app): State<App>, caller: Caller, FormBody(body): FormBody) -> Response {
    let field = |name| forms::field(&body, name).unwrap_or_default();
    let (name, password) = (field("name"), field("password"));
    let next = Some(field("next")).filter(|next| is_own_path(next));
    let again = |error| Login { name: name.clone(), next: next.clone(), error: Some(error) };
    if !caller.is_form_token(&field("csrf")) {
        return show(&app, caller, StatusCode::FORBIDDEN, again(LoginError::Stale)).await;
    }
    let sign_in = SignIn { name: &name, password: &password, source: caller.source, former: caller.session.as_ref() };
    match app.access.sign_in(sign_in).await {
        Ok((token, _)) => {
            let target = next.as_deref().unwrap_or("/");
            (AppendHeaders([cookies::session(&app, &token)]), Redirect::to(target)).into_response()
        }
        Err(AccessError::WrongPassword) => show(&app, caller, StatusCode::UNAUTHORIZED, again(LoginError::Wrong)).await,
        Err(AccessError::Wait(Wait { wait_ms })) => {
            let minutes = wait_ms.div_ceil(60_000);
            show(&app, caller, StatusCode::TOO_MANY_REQUESTS, again(LoginError::Locked { minutes })).await
        }
        Err(error) => {
            let failure = error.into();
            match problem::beside_a_form(&failure) {
                Some((status, sentence)) => show(&app, caller, status, again(LoginError::Said(sentence))).await,
                None => problem::failed(&app, &caller, &failure).await,
            }
        }
    }
}

async fn sign_out(State(app): State<App>, caller: Caller) -> Response {
    if let Some(token) = &caller.session {
        app.access.sign_out(token);
        app.record(&caller, "sign-out", "", Outcome::Done).await;
    }
    (AppendHeaders([cookies::ended(&app)]), done("/", Done::LoggedOut)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_paths_of_this_node_only() {
        for own in ["/", "/upload", "/search?q=a&held=1"] {
            assert!(is_own_path(own), "{own}");
        }
        for foreign in [
            "",
            "upload",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:x",
        ] {
            assert!(!is_own_path(foreign), "{foreign}");
        }
    }
}
