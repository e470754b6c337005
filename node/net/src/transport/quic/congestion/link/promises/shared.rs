//! Flows that share a link.

use super::*;

/// Shares of two flows, of which the first begins 5 s before the second, in the last `span` seconds.
fn pair(profile: Profile, seed: u64, makers: [fn() -> Box<dyn Control>; 2], end: f64, span: f64) -> [f64; 2] {
    let mut link = Link::new(profile, seed);
    // Another moment in each run, so that the seeds are not the same race.
    let second = 5.0 + seed as f64 / 7.0;
    let first = link.flow(0.0, Source::Endless, makers[0]);
    let late = link.flow(second, Source::Endless, makers[1]);
    link.run(end);
    [first, late].map(|flow| link.share(flow, end - span, end))
}

#[test]
fn two_of_a_kind_share_within_half_a_minute() {
    // (the worst but one of twelve runs, and the worst). Half a minute holds fifty of the satellite's round trips only.
    for (profile, seldom, never) in [(RURAL2M, 1.5, 1.7), (COUNTY10M, 1.5, 1.7), (SATELLITE, 1.8, 2.0)] {
        let mut ratios: Vec<f64> = (1..=12)
            .map(|seed| {
                let [first, late] = pair(profile, seed, [kapok, kapok], 50.0, 15.0);
                assert!(first + late >= 0.88, "{first:.2} + {late:.2}");
                first.max(late) / first.min(late)
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        assert!(ratios[10] <= seldom && ratios[11] <= never, "{ratios:.2?}");
        assert!(ratios[5] <= 1.4, "{ratios:.2?}");
    }
}

#[test]
fn beside_a_flow_like_cubic_both_live() {
    let cubic: fn() -> Box<dyn Control> = || Box::new(Cubic::new());
    for (profile, least) in [(RURAL2M, 0.4), (RURAL512K, 0.3), (COUNTY10M, 0.3)] {
        for seed in SEEDS {
            let [kapok_first, cubic_late] = pair(profile, seed, [kapok, cubic], 65.0, 60.0);
            let [cubic_first, kapok_late] = pair(profile, seed, [cubic, kapok], 65.0, 60.0);
            for share in [kapok_first, cubic_late, cubic_first, kapok_late] {
                assert!(share >= least, "{kapok_first:.2} + {cubic_late:.2}, {cubic_first:.2} + {kapok_late:.2}");
            }
        }
    }
}

#[test]
fn beside_a_flow_like_bbr_an_eighth_is_left() {
    let bbr: fn() -> Box<dyn Control> = || Box::new(Bbr::new());
    for profile in [RURAL2M, RURAL512K, COUNTY10M] {
        for seed in SEEDS {
            let [kapok_first, _] = pair(profile, seed, [kapok, bbr], 65.0, 60.0);
            let [_, kapok_late] = pair(profile, seed, [bbr, kapok], 65.0, 60.0);
            assert!(kapok_first.min(kapok_late) >= 0.12, "{kapok_first:.2}, {kapok_late:.2}");
        }
    }
}

#[test]
fn a_crowd_fills_the_link_and_none_starves() {
    for seed in SEEDS {
        let mut link = Link::new(RURAL2M, seed);
        let flows: Vec<_> = (0..4).map(|index| link.flow(f64::from(index) * 1.3, Source::Endless, kapok)).collect();
        link.run(90.0);
        let shares: Vec<f64> = flows.iter().map(|&flow| link.share(flow, 60.0, 90.0)).collect();
        assert!(shares.iter().sum::<f64>() >= 0.9, "{shares:.2?}");
        assert!(shares.iter().all(|&share| share >= 0.08), "{shares:.2?}");
    }
}
