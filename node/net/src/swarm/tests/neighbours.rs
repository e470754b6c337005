//! Nodes on one local network: in a network namespace with an interface of its own, so that nobody else hears of it.

use std::process::{Command, Stdio};

use super::*;

/// Set where the test runs inside the namespace.
const INSIDE: &str = "KAPOK_TEST_NAMESPACE";
/// Kernels have the one or the other; nothing that is sent comes back but to those who listen on this machine.
const MAKE: &str = "ip link add lan type dummy 2> /dev/null || ip tuntap add dev lan mode tap";
const ENTER: &str = "ip addr add 192.168.77.1/24 dev lan && \
     ip link set lan up multicast on && ip link set lo up && ip route add 224.0.0.0/4 dev lan && exec \"$@\"";

/// Runs the test of this name again in a namespace; false where that is not allowed here.
fn passes_in_a_namespace(test: &str) -> bool {
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]);
        command
    };
    let allowed = unshare().args(["sh", "-c", MAKE]).stderr(Stdio::null()).status();
    if !allowed.is_ok_and(|status| status.success()) {
        return false;
    }
    let program = std::env::current_exe().unwrap();
    let inside = unshare()
        .args(["sh", "-c", &format!("({MAKE}) && {ENTER}"), "sh"])
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(inside.success());
    true
}

async fn neighbour(number: u8) -> (Network, Events) {
    let listen = ["/ip4/0.0.0.0/udp/0/quic-v1"];
    Network::start(Config { neighbours: true, ..config(number, &listen) }).await.unwrap()
}

#[test]
fn neighbours_find_each_other_where_namespaces_are_allowed() {
    if std::env::var_os(INSIDE).is_none() {
        if !passes_in_a_namespace("swarm::tests::neighbours::neighbours_find_each_other_where_namespaces_are_allowed") {
            println!(
                "skipped: no network namespace can be made here (unshare --user --net, ip link add … type dummy, ip tuntap add)"
            );
        }
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (school, _events) = neighbour(1).await;
        let (point, mut events) = neighbour(2).await;
        let Event::Neighbour { node } = next_change(&mut events).await else { panic!() };
        assert_eq!(node, school.local());
        let (_, addresses) = point.neighbours().await.remove(0);
        assert!(addresses[0].to_string().starts_with("/ip4/192.168.77.1/udp/"), "{addresses:?}");
        assert_eq!(point.link_kind(&node), LinkKind::Wan);
        point.dial(node, addresses).await.unwrap();
        assert_eq!(point.link_kind(&node), LinkKind::Lan);
    });
}

#[tokio::test]
async fn a_node_on_loopback_looks_for_nobody() {
    let (school, _events) = Network::start(Config { neighbours: true, ..config(1, &[QUIC4]) }).await.unwrap();
    assert_eq!(school.neighbours().await, vec![]);
}

#[tokio::test]
async fn a_connection_on_this_machine_costs_nothing() {
    let (school, _events) = node(1, &[QUIC4]).await;
    let (point, _events) = node(2, &[]).await;
    point.dial(school.local(), school.listen_addresses()).await.unwrap();
    assert_eq!(point.link_kind(&school.local()), LinkKind::Lan);
    point.disconnect(school.local()).await;
    assert_eq!(point.link_kind(&school.local()), LinkKind::Wan);
}
