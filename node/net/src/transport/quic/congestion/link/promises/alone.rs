//! A flow that has a link to itself.

use super::super::super::curve;
use super::*;

/// (share of each seed at least, their mean at least, IP bytes for each byte at most, ping beside it at most so much
/// longer in seconds)
fn holds(profile: Profile, content: u64, least: f64, usually: f64, cost: f64, ping: f64) {
    let runs: Vec<_> = SEEDS.map(|seed| transfer(profile, seed, content)).collect();
    for (share, bytes, link) in &runs {
        let longer = link.median_ping() - profile.rtt;
        assert!(*share >= least, "share {share:.3}");
        assert!(*bytes <= cost, "{bytes:.3} bytes sent for each");
        assert!(longer <= ping, "a ping takes {:.0} ms longer", longer * 1e3);
    }
    let share = mean(runs.iter().map(|run| run.0));
    assert!(share >= usually, "share {share:.3} on average");
}

#[test]
fn county10m_is_filled() {
    holds(COUNTY10M, 16 << 20, 0.94, 0.95, 1.05, 0.042);
}

#[test]
fn rural2m_is_filled() {
    holds(RURAL2M, 8 << 20, 0.93, 0.935, 1.06, 0.048);
}

#[test]
fn rural512k_is_filled() {
    holds(RURAL512K, 4 << 20, 0.905, 0.915, 1.08, 0.07);
}

#[test]
fn satellite_is_filled_at_first_contact() {
    holds(SATELLITE, 12 << 20, 0.89, 0.90, 1.09, 0.1);
}

#[test]
fn a_fast_satellite_and_a_lan_are_filled() {
    for seed in SEEDS {
        assert!(minute(Profile { rate_bps: 10e6, ..SATELLITE }, seed).share(0, 5.0, 60.0) >= 0.9);
        let lan = Profile { rate_bps: 100e6, rtt: 0.002, jitter: 0.0002, loss: 0.0, buffer: 0.05, ..COUNTY10M };
        let mut link = Link::new(lan, seed);
        link.flow(0.0, Source::Endless, kapok);
        link.run(5.0);
        assert!(link.share(0, 1.0, 5.0) >= 0.94);
    }
}

#[test]
fn one_packet_in_ten_may_be_lost() {
    for profile in [RURAL2M, SATELLITE] {
        for seed in SEEDS {
            let link = minute(Profile { loss: 0.1, ..profile }, seed);
            // What arrives at most is 0.9 · 0.96.
            assert!(link.share(0, 5.0, 60.0) >= 0.83, "{:.3}", link.share(0, 5.0, 60.0));
        }
    }
}

#[test]
fn eight_packets_in_a_row_may_be_lost() {
    for seed in SEEDS {
        let link = minute(Profile { loss: 0.02, burst_packets: 8.0, ..RURAL2M }, seed);
        assert!(link.share(0, 5.0, 60.0) >= 0.78, "{:.3}", link.share(0, 5.0, 60.0));
    }
}

#[test]
fn a_buffer_of_five_packets_is_not_flooded() {
    for seed in SEEDS {
        let link = minute(Profile { buffer: 0.03, ..RURAL2M }, seed);
        assert!(link.share(0, 5.0, 60.0) >= 0.9);
        // Beyond 1.05 all is overflow; quinn's BBR sends 2.1 everywhere.
        assert!(link.cost(0) <= 1.3, "{:.3}", link.cost(0));
    }
}

#[test]
fn a_link_of_64_kbit_is_not_flooded() {
    let profile = Profile { rate_bps: 64e3, rtt: 0.2, jitter: 0.01, loss: 0.02, buffer: 2.0, ..RURAL2M };
    for seed in SEEDS {
        let link = minute(profile, seed);
        assert!(link.share(0, 5.0, 60.0) >= 0.8, "{:.3}", link.share(0, 5.0, 60.0));
        assert!(link.cost(0) <= 1.12, "{:.3}", link.cost(0));
        // Two packets of 0.19 s: fewer cannot be in flight.
        assert!(link.median_ping() <= 0.2 + 0.4);
    }
}

#[test]
fn a_rate_that_rises_or_falls_is_found_within_seconds() {
    for (before, after, seconds) in [(0.5e6, 2e6, 8.0), (2e6, 0.5e6, 12.0)] {
        for seed in SEEDS {
            let mut link = Link::new(Profile { rate_bps: before, ..RURAL2M }, seed);
            link.flow(0.0, Source::Endless, kapok);
            link.run(20.0);
            link.path.change(Profile { rate_bps: after, ..RURAL2M });
            link.run(30.0 + seconds);
            let (from, to) = (20.0 + seconds, 30.0 + seconds);
            assert!(link.share(0, from, to) >= 0.88, "{:.3}", link.share(0, from, to));
            // A rate that fell to a quarter is taken for contention until the best rate has faded: TCP's queue, no more.
            assert!(link.path.queue(link.now) <= 0.35, "{:.3}", link.path.queue(link.now));
        }
    }
}

#[test]
fn a_remembered_satellite_is_filled_sooner() {
    let fast = Profile { rate_bps: 10e6, ..SATELLITE };
    let seconds = |seed, known: bool| {
        let mut link = Link::new(fast, seed);
        link.flow(0.0, Source::Content(4 << 20), move || {
            let mut model = Model::new(std::time::Duration::ZERO, 1200);
            if known {
                model.resume(super::super::Remembered { delivery_rate: 1.2e6, min_rtt: 0.61 });
            }
            Box::new(Kapok(model))
        });
        link.stop_when_done = true;
        link.run(100.0);
        link.now
    };
    for seed in SEEDS {
        let (first, again) = (seconds(seed, false), seconds(seed, true));
        assert!(again <= first - 1.0, "{again:.1} s instead of {first:.1} s");
    }
}

#[test]
fn a_link_that_has_become_faster_is_not_held_to_what_it_was() {
    for seed in SEEDS {
        let mut link = Link::new(SATELLITE, seed);
        link.flow(0.0, Source::Content(12 << 20), || {
            let mut model = Model::new(std::time::Duration::ZERO, 1200);
            model.resume(super::super::Remembered { delivery_rate: SATELLITE.rate() / 4.0, min_rtt: SATELLITE.rtt });
            Box::new(Kapok(model))
        });
        link.stop_when_done = true;
        link.run(200.0);
        let share = f64::from(12 << 20) / link.now / SATELLITE.rate();
        assert!(share >= 0.89, "{share:.3}");
    }
}

#[test]
fn a_wrong_memory_does_no_harm() {
    for seed in SEEDS {
        let mut link = Link::new(RURAL2M, seed);
        link.flow(0.0, Source::Content(1 << 20), || {
            let mut model = Model::new(std::time::Duration::ZERO, 1200);
            model.resume(super::super::Remembered { delivery_rate: 2.5e6, min_rtt: 0.08 });
            Box::new(Kapok(model))
        });
        link.stop_when_done = true;
        link.run(60.0);
        assert!(link.now <= 6.0, "{:.1} s", link.now);
        // A buffer of 50 packets overflows once.
        assert!(link.cost(0) <= 1.2, "{:.3}", link.cost(0));
    }
}

#[test]
fn a_configured_rate_is_not_exceeded() {
    let mut link = Link::new(RURAL2M, 1);
    link.flow(0.0, Source::Endless, || {
        let mut model = Model::new(std::time::Duration::ZERO, 1200);
        model.set_ceiling(Some(1e6 / 8.0));
        Box::new(Kapok(model))
    });
    link.run(60.0);
    let share = link.share(0, 5.0, 60.0);
    assert!((0.4..=0.52).contains(&share), "{share:.3} of a link of which half may be used");
    assert!(link.median_ping() <= 0.09);
}

#[test]
fn an_application_that_sends_little_is_not_delayed() {
    for seed in SEEDS {
        let mut link = Link::new(RURAL2M, seed);
        link.flow(0.0, Source::Rate(100_000.0), kapok);
        link.run(60.0);
        assert!((link.share(0, 5.0, 60.0) - 0.4).abs() < 0.02, "{:.3}", link.share(0, 5.0, 60.0));
        assert!(link.median_ping() <= 0.09);
    }
}

/// The same drawing as `examples/curve.rs` makes of a real connection's trace. `KAPOK_CURVES=FOLDER` keeps it.
#[test]
fn a_run_can_be_drawn() {
    let profiles = [
        ("county10m", COUNTY10M),
        ("rural2m", RURAL2M),
        ("rural512k", RURAL512K),
        ("satellite", SATELLITE),
        ("flaky", FLAKY),
    ];
    for (name, profile) in profiles {
        let link = minute(profile, 1);
        let point = |sample: &super::super::Sample| curve::Point {
            at: sample.at,
            window: sample.window,
            rate: sample.delivery_rate,
            rtt: sample.rtt,
        };
        let points: Vec<_> = link.flows[0].samples.iter().map(point).collect();
        let svg = curve::draw(name, &points);
        assert!(svg.starts_with("<svg") && svg.contains(name));
        if let Some(folder) = std::env::var_os("KAPOK_CURVES") {
            std::fs::write(std::path::Path::new(&folder).join(name).with_extension("svg"), svg)
                .expect("KAPOK_CURVES names a folder that can be written to");
        }
    }
}
