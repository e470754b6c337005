//! The pages, a folder each: `mod.rs` is the view model with its routes, the `.html` beside it the template.
//!
//! | page | route | view model |
//! |---|---|---|
//! | 首页 | `GET /` | [`home::Home`] |
//! | 资源库 and search | `GET /search` | [`search::Search`], [`search::Preview`] |
//! | a resource | `GET /resources/{id}` | [`resource::Resource`], [`resource::Fetch`] |
//! | 上传 | `GET`, `POST /upload` | [`upload::Upload`] |
//! | 联盟 | `GET /federation` | [`federation::Federation`] |
//! | 同步 | `GET /sync` | [`sync::Sync`], [`sync::Board`] |
//! | 登录 | `GET`, `POST /login` | [`login::Login`] |
//! | set-up | `GET`, `POST /setup` | [`setup::Setup`] |
//! | 我的 | `GET /account` | [`account::Account`] |
//! | what went wrong | any | [`problem::Problem`] |
//!
//! Every form posts `csrf` ([`crate::Frame::csrf`]) and is answered with a redirect (303) whose target may carry
//! `?done=` ([`crate::frame::Done`]). htmx sends the token as `X-Kapok-CSRF` and marks itself with `HX-Request: true`;
//! where a part of a page is named below, it is answered instead of the redirect.

pub mod account;
pub mod federation;
pub mod home;
pub mod login;
pub mod problem;
pub mod resource;
pub mod search;
pub mod setup;
pub mod sync;
pub mod upload;
