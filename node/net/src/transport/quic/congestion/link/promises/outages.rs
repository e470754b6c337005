//! Links that go away and come back.

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
