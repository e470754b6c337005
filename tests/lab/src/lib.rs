//! A lab of poor links: real programs talk over emulated lines with a rate, a delay, jitter, loss, a queue and outages.
//!
//! Read [`link`] first: one direction of a line as a pure model, packets in, fates out, under a given clock and seed.
//! [`wire`] drives two of them in real time and writes down what became of every packet ([`record`]). It stands between
//! two network namespaces in [`lab`] (all traffic, needs root), and between loopback sockets in [`relay`] (UDP, needs
//! nothing). [`place`] is a village behind one line: several ends on a LAN; [`routers`] has two behind NAT ([`nat`]). [`profile`] has the lines of the benchmarks, [`content`] what is sent over them.
//!
//! No namespace has a name and no device is kept, so there is nothing to remove when a run breaks off: they live as long as
//! the process that holds them ([`namespace`]).

pub mod content;
pub mod lab;
pub mod link;
pub mod namespace;
pub mod nat;
pub mod packet;
pub mod place;
pub mod pptx;
pub mod profile;
pub mod record;
pub mod relay;
pub mod routers;
pub mod wire;
