//! Every route and what it needs: one table, read by the guard and by the tests.
//!
//! A route that is not in the table is refused, so that a new handler cannot be open by forgetting.
//!
//! What anybody on the LAN may do without an account is read what is public: search it, see it, open its files, and
//! learn from the bars whose node it is and how fresh its catalogue is. Who else is in the federation, what moves, and
//! every figure that counts more than the asker may see needs an account: a count that grows while nothing public
//! appears tells of what is hidden.

use axum::http::Method;
use kapok_private::Permission as P;

/// What a route needs of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing, also before the node is set up.
    Always,
    /// Nothing once the node is set up; what is shown depends on who asks.
    Anyone,
    /// An account, or the owner.
    SignedIn,
    /// A permission of the role table.
    May(P),
    /// The owner on this machine.
    Owner,
    /// Any program that asks this machine itself and not through a proxy, or who may change settings.
    Local,
}

use Need::{Always, Anyone, Local, May, Owner, SignedIn};

/// Method, path as registered, need.
pub(crate) const ROUTES: &[(Method, &str, Need)] = &[
    // The node itself.
    (Method::GET, "/healthz", Always),
    (Method::GET, "/metrics", Local),
    (Method::GET, "/assets/{*path}", Always),
    (Method::GET, "/blobs/{blob}", Anyone),
    // API: reading. What the answer holds is cut to what the asker may see.
    (Method::GET, "/api/v1/openapi.json", Anyone),
    (Method::GET, "/api/v1/search", Anyone),
    (Method::GET, "/api/v1/latest", Anyone),
    (Method::GET, "/api/v1/resources/{id}", Anyone),
    // Its figures count every entry and file of the node, private ones included.
    (Method::GET, "/api/v1/status", May(P::ReadPrivate)),
    // Addresses of other nodes, for those who look after the links.
    (Method::GET, "/api/v1/peers", May(P::ManageSync)),
    // Who is in the federation is for its people; how much each has is counted as far as the asker may see.
    (Method::GET, "/api/v1/members", May(P::ReadFederation)),
    // API: resources.
    (Method::POST, "/api/v1/resources", May(P::Upload)),
    (Method::POST, "/api/v1/resources/{id}/withdraw", May(P::Withdraw)),
    (Method::POST, "/api/v1/resources/{id}/fetch", May(P::Fetch)),
    (Method::POST, "/api/v1/uploads", May(P::Upload)),
    (Method::GET, "/api/v1/uploads/{id}", May(P::Upload)),
    (Method::PATCH, "/api/v1/uploads/{id}", May(P::Upload)),
    (Method::DELETE, "/api/v1/uploads/{id}", May(P::Upload)),
    // API: synchronisation.
    // How much falls under each is counted over everything on the node.
    (Method::GET, "/api/v1/subscriptions", May(P::ReadPrivate)),
    (Method::POST, "/api/v1/subscriptions", May(P::ManageSync)),
    (Method::DELETE, "/api/v1/subscriptions/{number}", May(P::ManageSync)),
    (Method::POST, "/api/v1/sync", May(P::ManageSync)),
    // Titles and the nodes that they come from; what is pending is counted as far as the asker may see.
    (Method::GET, "/api/v1/transfers", May(P::ReadFederation)),
    // API: federation.
    (Method::POST, "/api/v1/invite", May(P::ManageFederation)),
    (Method::POST, "/api/v1/join", May(P::ManageFederation)),
    (Method::GET, "/api/v1/join/request", May(P::ManageFederation)),
    (Method::POST, "/api/v1/admit", May(P::ManageFederation)),
    (Method::POST, "/api/v1/members/{node}/revoke", May(P::ManageFederation)),
    // API: settings and accounts.
    (Method::GET, "/api/v1/config", May(P::ManageSettings)),
    (Method::GET, "/api/v1/config/{key}", May(P::ManageSettings)),
    (Method::PUT, "/api/v1/config/{key}", May(P::ManageSettings)),
    (Method::POST, "/api/v1/setup", Always),
    (Method::GET, "/api/v1/session", Anyone),
    (Method::POST, "/api/v1/session", Anyone),
    (Method::DELETE, "/api/v1/session", SignedIn),
    (Method::GET, "/api/v1/accounts", May(P::ManageAccounts)),
    (Method::POST, "/api/v1/accounts", May(P::ManageAccounts)),
    (Method::POST, "/api/v1/accounts/{id}/password", Owner),
    (Method::POST, "/api/v1/account/password", SignedIn),
    // Pages.
    (Method::GET, "/", Anyone),
    (Method::GET, "/search", Anyone),
    (Method::GET, "/resources/{id}", Anyone),
    (Method::GET, "/resources/{id}/preview", Anyone),
    (Method::GET, "/resources/{id}/fetch", Anyone),
    (Method::POST, "/resources/{id}/fetch", May(P::Fetch)),
    (Method::POST, "/resources/{id}/withdraw", May(P::Withdraw)),
    (Method::GET, "/upload", May(P::Upload)),
    (Method::POST, "/upload", May(P::Upload)),
    // As /api/v1/transfers; subscriptions and neighbours are drawn for those who may read them.
    (Method::GET, "/sync", May(P::ReadFederation)),
    (Method::GET, "/sync/board", May(P::ReadFederation)),
    (Method::GET, "/sync/live", May(P::ReadFederation)),
    (Method::POST, "/sync/now", May(P::ManageSync)),
    (Method::POST, "/sync/subscriptions", May(P::ManageSync)),
    (Method::POST, "/sync/subscriptions/{number}/remove", May(P::ManageSync)),
    // As /api/v1/members.
    (Method::GET, "/federation", May(P::ReadFederation)),
    (Method::GET, "/login", Anyone),
    (Method::POST, "/login", Anyone),
    (Method::POST, "/logout", SignedIn),
    (Method::GET, "/account", SignedIn),
    (Method::POST, "/account/password", SignedIn),
    (Method::GET, "/setup", Always),
    (Method::POST, "/setup", Always),
];

/// What the route needs, if it is in the table. HEAD needs what GET does.
pub(crate) fn need(method: &Method, path: &str) -> Option<Need> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    ROUTES.iter().find(|(known, route, _)| known == method && *route == path).map(|(_, _, need)| *need)
}

/// Whether a route is a page for people; others answer problem documents.
pub(crate) fn is_page(path: &str) -> bool {
    !(path.starts_with("/api/")
        || path.starts_with("/blobs/")
        || path.starts_with("/assets/")
        || path == "/metrics"
        || path == "/healthz")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_route_stands_twice_in_the_table() {
        let mut seen = BTreeSet::new();
        for (method, path, _) in ROUTES {
            assert!(seen.insert((method.as_str(), *path)), "{method} {path}");
        }
    }

    #[test]
    fn nothing_unsafe_but_signing_in_and_setting_up_is_open_to_anyone() {
        for (method, path, need) in ROUTES {
            if *method != Method::GET && matches!(need, Always | Anyone) {
                assert!(
                    path.contains("setup") || path.contains("login") || path.contains("session"),
                    "{method} {path}"
                );
            }
        }
    }
}
