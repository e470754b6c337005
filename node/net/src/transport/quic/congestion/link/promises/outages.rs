//! Links that go away and come back.

use std::time::Duration;

use super::*;

#[test]
fn what_the_up_time_can_carry_is_carried() {
    for seed in SEEDS {
        let mut link = Link::new(FLAKY, seed);
        link.flow(0.0, Source::Endless, kapok);
        link.run(140.0);
        let of_up_time = link.share(0, 0.0, 140.0) * 35.0 / 20.0;
        assert!(of_up_time >= 0.88, "{of_up_time:.3}");
        assert!(link.cost(0) <= 1.1, "{:.3}", link.cost(0));
    }
}

#[test]
fn content_arrives_again_within_two_seconds() {
    for seed in SEEDS {
        let mut link = Link::new(FLAKY, seed);
        link.flow(0.0, Source::Endless, kapok);
        link.run(140.0);
        for back in [35.0, 70.0, 105.0] {
            assert!(link.content_at(0, back + 2.0) > link.content_at(0, back), "nothing by {:.0} s", back + 2.0);
        }
    }
}

/// What the probes are for: quinn's own timer doubles.
#[test]
fn without_being_woken_it_takes_longer() {
    let late = SEEDS
        .filter(|&seed| {
            let mut link = Link::new(FLAKY, seed);
            link.wakes = false;
            link.flow(0.0, Source::Endless, kapok);
            link.run(140.0);
            [35.0, 70.0, 105.0].iter().any(|&back| link.content_at(0, back + 2.0) == link.content_at(0, back))
        })
        .count();
    assert!(late > 0);
}

#[test]
fn at_64_kbit_outages_cost_little() {
    let profile = Profile {
        rate_bps: 64e3,
        rtt: 0.2,
        jitter: 0.01,
        loss: 0.02,
        buffer: 2.0,
        outages: Some((20.0, 10.0)),
        ..FLAKY
    };
    for seed in SEEDS {
        let (share, cost, _) = transfer(profile, seed, 3_000_000 / 4);
        assert!(share >= 0.42, "{share:.3}");
        assert!(cost <= 1.2, "{cost:.3}");
    }
}

/// The first that is heard may be an acknowledgement from before the outage; what was lost in it shows a round later.
#[test]
fn what_an_outage_took_is_no_loss_however_late_it_shows() {
    const MTU: u64 = 1200;
    const RTT: f64 = 0.1;
    let at = Duration::from_secs_f64;
    let mut model = Model::new(Duration::ZERO, MTU);
    // Pairs of packets over a path that gives each back after one round trip; `lost` is found out at the same time.
    let mut round_trip = |now: f64, packets: u64, lost: u64, lost_sent: f64| {
        model.sent(at(now), packets * MTU);
        for _ in 0..packets {
            model.acked(at(now), MTU, false);
        }
        model.acks_end(at(now + RTT), 12 * MTU);
        if lost > 0 {
            model.lost(at(now + RTT), at(lost_sent), lost * MTU);
        }
        model.window(at(now + RTT))
    };
    let before = (0..50).map(|round| round_trip(f64::from(round) * RTT, 16, 0, 0.0)).last().unwrap_or_default();
    let (gone, back) = (50.0 * RTT, 50.0 * RTT + 15.0);
    round_trip(gone, 2, 0, 0.0);
    round_trip(back - RTT, 2, 0, 0.0);
    let after: Vec<_> = (0..8_u32)
        .map(|round| {
            let lost = if round == 1 { 30 } else { 0 };
            round_trip(back + f64::from(round) * RTT, 4, lost, gone + RTT)
        })
        .collect();
    assert!(after.iter().all(|&window| window * 3 >= before), "{before} bytes before, then {after:?}");
}
