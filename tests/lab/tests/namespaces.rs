//! The lab of two namespaces: all traffic passes the line. Needs root; says so where it is skipped.

#![allow(clippy::unwrap_used)]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

use kapok_lab::lab::{Family, Lab};
use kapok_lab::link::Way;
use kapok_lab::packet::{TCP, UDP};
use kapok_lab::{content, profile};

const SEED: u64 = 1;

/// A lab over county10m without losses, or the reason why there is none.
fn lab(test: &str) -> Option<Lab> {
    let link = profile::find("county10m").unwrap().link.on_a_good_day();
    if !PathBuf::from("/dev/net/tun").exists() || !rustix::process::getuid().is_root() {
        kapok_tests::skipped(test, "network namespaces need root and /dev/net/tun");
        return None;
    }
    Lab::new(&link, SEED).map_err(|error| kapok_tests::skipped(test, &error.to_string())).ok()
}

#[test]
fn as_root_udp_and_tcp_pass_the_line_over_both_families() {
    let Some(lab) = lab("as_root_udp_and_tcp_pass_the_line_over_both_families") else { return };
    for (number, family) in [Family::V4, Family::V6].into_iter().enumerate() {
        let port = 2000 + u16::try_from(number).unwrap();
        let address = SocketAddr::new(lab.far.address(family), port);
        let target = lab.far.namespace.enter(|| UdpSocket::bind(address)).unwrap().unwrap();
        let bind = SocketAddr::new(lab.near.address(family), 0);
        let sender = lab.near.namespace.enter(|| UdpSocket::bind(bind)).unwrap().unwrap();
        sender.send_to(b"there", address).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(target.recv_from(&mut buffer).unwrap(), (5, sender.local_addr().unwrap()));
        let headers = if family == Family::V4 { 28 } else { 48 };
        let sums = lab.wire.log(Way::Up).sums(Duration::ZERO, Duration::MAX, |flow| flow.is_of(UDP, port));
        assert_eq!((sums.packets, sums.bytes), (1, headers + 5));

        let sent = content::noise(SEED, 0, 100_000);
        let listener = lab.far.namespace.enter(|| TcpListener::bind(address)).unwrap().unwrap();
        let mut taker = lab.near.namespace.enter(|| TcpStream::connect(address)).unwrap().unwrap();
        let (mut giver, _) = listener.accept().unwrap();
        giver.write_all(&sent).unwrap();
        drop(giver);
        let mut got = Vec::new();
        taker.read_to_end(&mut got).unwrap();
        assert!(got == sent);
        let sums = lab.wire.log(Way::Down).sums(Duration::ZERO, Duration::MAX, |flow| flow.is_of(TCP, port));
        assert!(sums.delivered_bytes > 100_000, "{sums:?}");
    }
}

#[test]
fn as_root_nothing_is_left_when_the_lab_is_gone() {
    let Some(lab) = lab("as_root_nothing_is_left_when_the_lab_is_gone") else { return };
    let keepers = [lab.near.namespace.keeper(), lab.far.namespace.keeper()];
    assert!(keepers.iter().all(|keeper| PathBuf::from(format!("/proc/{keeper}")).exists()));
    drop(lab);
    assert!(keepers.iter().all(|keeper| !PathBuf::from(format!("/proc/{keeper}")).exists()));
}

#[test]
fn as_root_a_lab_stands_beside_another() {
    let test = "as_root_a_lab_stands_beside_another";
    let (Some(one), Some(other)) = (lab(test), lab(test)) else { return };
    let address = SocketAddr::new(one.far.address(Family::V4), 2000);
    let bind = |lab: &Lab| lab.far.namespace.enter(|| UdpSocket::bind(address)).unwrap();
    assert!(bind(&one).is_ok() && bind(&other).is_ok());
}
