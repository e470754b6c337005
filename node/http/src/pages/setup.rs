//! The first account.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Router, routing};
use kapok_private::accounts::AccountRefused;
use kapok_private::throttle::Wait;
use kapok_web_ui::pages::setup::{Setup, SetupError};

use super::frame::framed;
use super::session::{form_cookie, with_form_token};
use super::{page, problem};
use crate::App;
use crate::access::{AccessError, Caller, SignIn};
use crate::cookies;
use crate::extract::FormBody;
use crate::forms;

pub(super) fn router() -> Router<App> {
    Router::new().route("/setup", routing::get(setup).post(set_up))
}

async fn show(app: &App, mut caller: Caller, status: StatusCode, setup: Setup) -> Response {
    with_form_token(&mut caller);
    let framed = framed(app, &caller).await;
    form_cookie(app, &caller, page(status, setup.render(&framed.frame)))
}

async fn setup(State(app): State<App>, caller: Caller) -> Response {
    if app.access.is_set_up() {
        return Redirect::to("/").into_response();
    }
    show(&app, caller, StatusCode::OK, Setup::default()).await
}

async fn set_up(State(app): State<App>, caller: Caller, FormBody(body): FormBody) -> Response {
    let field = |name| forms::field(&body, name).unwrap_or_default();
    let (code, name, password) = (field("code"), field("name"), field("password"));
    let again = |error| Setup { code: code.clone(), name: name.clone(), error: Some(error) };
    if app.access.is_set_up() {
        return Redirect::to("/login").into_response();
    }
    if !caller.is_form_token(&field("csrf")) {
        return show(&app, caller, StatusCode::FORBIDDEN, again(SetupError::Stale)).await;
    }
    if password != field("password_again") {
        return show(&app, caller, StatusCode::BAD_REQUEST, again(SetupError::PasswordsDiffer)).await;
    }
    let sign_in = SignIn { name: &name, password: &password, source: caller.source, former: caller.session.as_ref() };
    let error = match app.access.set_up(&code, sign_in).await {
        Ok((token, _)) => return (AppendHeaders([cookies::session(&app, &token)]), Redirect::to("/")).into_response(),
        Err(error) => error,
    };
    let (status, shown) = match error {
        AccessError::Account(AccountRefused::WrongCode) => (StatusCode::FORBIDDEN, SetupError::WrongCode),
        AccessError::Wait(Wait { wait_ms }) => {
            (StatusCode::TOO_MANY_REQUESTS, SetupError::Locked { minutes: wait_ms.div_ceil(60_000) })
        }
        error => {
            let failure = error.into();
            match problem::beside_a_form(&failure) {
                Some((status, sentence)) => (status, SetupError::Said(sentence)),
                None => return problem::failed(&app, &caller, &failure).await,
            }
        }
    };
    show(&app, caller, status, again(shown)).await
}
