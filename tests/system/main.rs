//! The promises of the whole system, kept by real processes on real documents. One file for each promise.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod contract;
mod crash;
mod damage;
mod figures;
mod home;
mod reading;
mod readme;
mod road;
mod spoilt;
mod support;
mod versions;
mod visibility;
