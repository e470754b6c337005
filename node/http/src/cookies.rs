//! The two cookies: the session, and what guards the forms before there is one.

use axum::http::HeaderName;
use axum::http::header::SET_COOKIE;
use kapok_private::session::SessionToken;

use crate::App;

fn cookie(app: &App, name: &str, value: &str, more: &str) -> (HeaderName, String) {
    let secure = if app.config.secure_cookies { "; Secure" } else { "" };
    // Lax, so that a link in a chat opens the page signed in; unsafe requests carry a form token besides.
    (SET_COOKIE, format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}"))
}

/// Lives as long as the browser; the node ends it sooner.
pub(crate) fn session(app: &App, token: &SessionToken) -> (HeaderName, String) {
    cookie(app, &app.access.session_cookie(), &token.to_text(), "")
}

/// Takes the session's cookie away.
pub(crate) fn ended(app: &App) -> (HeaderName, String) {
    cookie(app, &app.access.session_cookie(), "", "; Max-Age=0")
}

/// For the log-in and the set-up form.
pub(crate) fn form(app: &App, token: &SessionToken) -> (HeaderName, String) {
    cookie(app, &app.access.form_cookie(), &token.to_text(), "")
}
