//! 我的: change the password.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::{Router, routing};
use kapok_private::throttle::Wait;
use kapok_web_ui::frame::Done;
use kapok_web_ui::pages::account::{Account, PasswordError};

use super::frame::framed;
use super::{done, notice_of, page, problem};
use crate::App;
use crate::access::{AccessError, Caller};
use crate::cookies;
use crate::extract::FormBody;
use crate::forms;
use crate::port::Viewer;

pub(super) fn router() -> Router<App> {
    Router::new().route("/account", routing::get(account)).route("/account/password", routing::post(change_password))
}

async fn show(
    app: &App,
    caller: &Caller,
    status: StatusCode,
    query: Option<&str>,
    error: Option<PasswordError>,
) -> Response {
    let Viewer::Account { name, roles, .. } = &caller.viewer else {
        // The owner's token has no account behind it.
        return Redirect::to("/login").into_response();
    };
    let mut framed = framed(app, caller).await;
    notice_of(&mut framed.frame, query);
    let role = roles.iter().next().map_or_else(|| "visitor".to_owned(), |role| role.to_string());
    let view = Account { login: name.clone(), role, since: None, error };
    page(status, view.render(&framed.frame))
}

async fn account(State(app): State<App>, caller: Caller, RawQuery(query): RawQuery) -> Response {
    show(&app, &caller, StatusCode::OK, query.as_deref(), None).await
}

async fn change_password(State(app): State<App>, caller: Caller, FormBody(body): FormBody) -> Response {
    let field = |name| forms::field(&body, name).unwrap_or_default();
    let new = field("password");
    if new != field("password_again") {
        return show(&app, &caller, StatusCode::BAD_REQUEST, None, Some(PasswordError::Differ)).await;
    }
    let error = match app.access.change_own_password(&caller, &field("current"), &new).await {
        Ok(token) => {
            return (AppendHeaders([cookies::session(&app, &token)]), done("/account", Done::PasswordChanged))
                .into_response();
        }
        Err(error) => error,
    };
    let (status, shown) = match error {
        AccessError::WrongPassword => (StatusCode::FORBIDDEN, PasswordError::WrongCurrent),
        AccessError::Wait(Wait { wait_ms }) => {
            (StatusCode::TOO_MANY_REQUESTS, PasswordError::Locked { minutes: wait_ms.div_ceil(60_000) })
        }
        error => {
            let failure = error.into();
            match problem::beside_a_form(&failure) {
                Some((status, sentence)) => (status, PasswordError::Said(sentence)),
                None => return problem::failed(&app, &caller, &failure).await,
            }
        }
    };
    show(&app, &caller, status, None, Some(shown)).await
}
