//! Routes: when their rounds are, what may be asked of them, and the labels at their places.

use std::collections::BTreeSet;

use crate::kit::walk as kit;
use kit::{
    GATE, NIGHT, PUMP,
    cast::{ADMIN, CLEANER, DESK, DIRECTOR, GUARD, LEAVER, LOBBY, SUPERVISOR, World},
    item, night, nights, property, stop, token, versions,
};
use rstest::rstest;
use shared::{
    Code,
    ids::{PersonId, Principal, RoundId, RouteId, StopCode},
    label::{self, Label, Labels, Match, Shown},
    round::Round,
    route::{
        self, Choice, Design, ItemKind, Milli, Occurrence, Plan, Reading, Route, RouteCommand, Weekday, Who,
        for_round,
    },
    site::Role,
    time::{EventTime, HOUR, MINUTE, Ms},
};
use uuid::Uuid;

fn occurrence(text: &str) -> Occurrence {
    text.parse().unwrap_or_else(|code| panic!("{text}: {code}"))
}

/// The rounds of a plan whose series starts on a date: which, and their windows on the wall.
fn rounds(world: &World, plan: &Plan, date: &str) -> Vec<String> {
    let date = date.parse().unwrap_or_else(|error| panic!("{date}: {error}"));
    let wall = |at| world.zone.wall(at).strftime("%d %H:%M").to_string();
    let slots = plan.rounds_on(date, &world.zone);
    slots
        .iter()
        .map(|slot| format!("{}: {} to {}", slot.occurrence, wall(slot.from), wall(slot.until)))
        .collect()
}

#[test]
fn r13_a_night_belongs_to_the_date_on_which_it_begins() {
    assert_eq!(
        rounds(&World::new(), &nights(), "2026-11-22"),
        [
            "2026-11-22/22:00: 22 22:00 to 22 23:00",
            "2026-11-22/24:00: 23 00:00 to 23 01:00",
            "2026-11-22/26:00: 23 02:00 to 23 03:00",
            "2026-11-22/28:00: 23 04:00 to 23 05:00",
        ]
    );
}

#[rstest]
#[case("2026-11-30", "2026-11-30/26:00: 01 02:00 to 01 03:00")]
#[case("2026-12-31", "2026-12-31/26:00: 01 02:00 to 01 03:00")]
#[case("2028-02-28", "2028-02-28/26:00: 29 02:00 to 29 03:00")]
#[case("2028-02-29", "2028-02-29/26:00: 01 02:00 to 01 03:00")]
fn r13_a_night_passes_the_end_of_a_month(#[case] date: &str, #[case] expected: &str) {
    assert_eq!(rounds(&World::new(), &nights(), date)[2], expected);
}

#[test]
fn where_the_clock_is_set_forward_no_two_rounds_begin_together_and_none_overlap() {
    let berlin = World::in_zone("Europe/Berlin");
    // 02:00 does not exist on the 29th: that round begins when the clock shows 03:00.
    assert_eq!(
        rounds(&berlin, &nights(), "2026-03-28"),
        [
            "2026-03-28/22:00: 28 22:00 to 28 23:00",
            "2026-03-28/24:00: 29 00:00 to 29 01:00",
            "2026-03-28/26:00: 29 03:00 to 29 04:00",
            "2026-03-28/28:00: 29 04:00 to 29 05:00",
        ]
    );
    let hourly = Plan { start: 1_500, last: 1_680, every_min: 60, ..nights() };
    assert_eq!(
        rounds(&berlin, &hourly, "2026-03-28"),
        [
            "2026-03-28/25:00: 29 01:00 to 29 03:00",
            "2026-03-28/27:00: 29 03:00 to 29 04:00",
            "2026-03-28/28:00: 29 04:00 to 29 05:00",
        ]
    );
    let half = Plan { start: 1_560, last: 1_650, every_min: 30, window_min: 30, ..nights() };
    assert_eq!(
        rounds(&berlin, &half, "2026-03-28"),
        ["2026-03-28/27:00: 29 03:00 to 29 03:30", "2026-03-28/27:30: 29 03:30 to 29 04:00"]
    );
}

#[test]
fn where_the_clock_is_set_back_a_round_begins_at_the_first_of_the_two_times() {
    let berlin = World::in_zone("Europe/Berlin");
    let date = "2026-10-24".parse().unwrap();
    let slots = nights().rounds_on(date, &berlin.zone);
    assert_eq!(slots.len(), 4);
    let [second, third] = [slots[2], slots[3]];
    assert_eq!(second.until.since(second.from), HOUR, "an hour is an hour");
    assert_eq!(third.from.since(second.from), 3 * HOUR, "02:00 comes twice, the round once");
}

#[test]
fn a_series_starts_on_its_weekdays_only() {
    let plan = Plan { weekdays: BTreeSet::from([Weekday::Sun]), ..nights() };
    // The 22nd is a Sunday; its last rounds are on Monday all the same.
    assert_eq!(rounds(&World::new(), &plan, "2026-11-22").len(), 4);
    assert_eq!(rounds(&World::new(), &plan, "2026-11-23"), [""; 0]);
    let days: Vec<Weekday> = (22..=28).map(|day| Weekday::of(jiff::civil::date(2026, 11, day))).collect();
    assert_eq!(days[0], Weekday::Sun);
    assert_eq!(days[1..], Weekday::ALL[..6]);
}

#[rstest]
#[case("2026-11-23 02:30", "2026-11-23 02:31", &["2026-11-22/26:00"])]
#[case("2026-11-23 03:00", "2026-11-23 04:00", &[])]
#[case("2026-11-22 22:59", "2026-11-23 00:01", &["2026-11-22/22:00", "2026-11-22/24:00"])]
fn the_rounds_of_an_hour_are_found_whatever_date_they_belong_to(
    #[case] from: &str,
    #[case] until: &str,
    #[case] expected: &[&str],
) {
    let world = World::new();
    let found = nights().rounds_between(world.at(from), world.at(until), &world.zone);
    assert_eq!(found.iter().map(|slot| slot.occurrence.to_string()).collect::<Vec<_>>(), expected);
}

#[rstest]
#[case("2026-11-22 21:00", Some("2026-11-22/22:00"))]
#[case("2026-11-22 22:00", Some("2026-11-22/22:00"))]
#[case("2026-11-23 00:01", Some("2026-11-22/26:00"))]
#[case("2026-11-23 04:01", Some("2026-11-29/22:00"))]
fn the_next_round_is_found_within_a_week(#[case] after: &str, #[case] expected: Option<&str>) {
    let world = World::new();
    let plan = Plan { weekdays: BTreeSet::from([Weekday::Sun]), ..nights() };
    let next = plan.next_round(world.at(after), &world.zone);
    assert_eq!(next.map(|slot| slot.occurrence.to_string()).as_deref(), expected);
}

#[test]
fn an_occurrence_has_one_name_and_a_round_one_id() {
    for text in ["2026-11-22/26:00", "0001-01-01/00:00", "2026-02-28/47:59"] {
        assert_eq!(occurrence(text).to_string(), text);
    }
    for text in [
        "",
        "2026-11-22",
        "2026-11-22/2:00",
        "2026-11-22/48:00",
        "2026-02-30/10:00",
        "2026-11-22/10:60",
        "2026-11-22/+1:00",
        "２026-11-22/10:00",
        "2026-11-22/10:00 ",
    ] {
        assert!(text.parse::<Occurrence>().is_err(), "{text}");
    }
    // Frozen: a phone of any version must derive the same.
    let id = RoundId::of(&"jinzhou".into(), &"R-N".into(), occurrence("2026-11-22/26:00"));
    assert_eq!(id.to_string(), "4ff99577-57b2-5c4c-a6b2-ffad8f3ec0c3");
    let route = RouteId::of(&"jinzhou".into(), &"R-N".into());
    assert_eq!(route.to_string(), "96c44d30-fb70-59b0-927b-955e0225a250");
}

#[test]
fn a_round_is_made_from_the_version_in_force_when_it_begins() {
    let world = property("Asia/Shanghai");
    let mut later = night();
    later.stops.remove(1);
    let mut shifted = night();
    shifted.plan.start = 1_290;
    let routes = versions(
        &world,
        vec![
            (world.at("2026-11-15 12:00"), night()),
            (world.at("2026-11-22 22:30"), later),
            (world.at("2026-11-23 12:00"), shifted),
        ],
    );
    let made = |text: &str, known| {
        for_round(&routes, occurrence(text), known, &world.zone).map(|(route, _)| route.version)
    };
    assert_eq!(made("2026-11-22/22:00", 3), Some(1), "changed while it was walked");
    assert_eq!(made("2026-11-22/24:00", 1), Some(2), "the next one");
    assert_eq!(made("2026-11-23/21:30", 1), Some(3));
    assert_eq!(made("2026-11-23/22:00", 2), Some(2), "by somebody who has not heard of the new times");
    assert_eq!(made("2026-11-23/22:00", 3), None);
    assert_eq!(made("2026-11-23/22:07", 1), None);
    assert_eq!(
        routes[2].added,
        [GATE, LOBBY, PUMP]
            .into_iter()
            .zip([1, 3, 1])
            .map(|(stop, version)| (StopCode::from(stop), version))
            .collect(),
        "the lobby came back"
    );
}

/// What makes the route.
fn first(design: Design) -> RouteCommand {
    RouteCommand::Save { code: NIGHT.into(), version: 0, from: None, design }
}

fn save(world: &World, by: PersonId, design: &Design) -> Result<(), Code> {
    let command = first(design.clone());
    judge(world, by, &command, None)
}

fn judge(world: &World, by: PersonId, command: &RouteCommand, route: Option<&Route>) -> Result<(), Code> {
    let context = route::Context {
        actor: Some(world.member(by)),
        site: &world.site.code,
        places: &world.places,
        people: &world.people,
        now: EventTime::exact(Ms(0)),
    };
    let id = RouteId::of(&world.site.code, &NIGHT.into());
    command.decide(id, route, &context).map(drop).map_err(|refusal| refusal.code)
}

#[test]
fn supervisors_and_the_director_change_routes_and_nobody_else() {
    let world = property("Asia/Shanghai");
    for by in kit::cast::EVERYBODY {
        let expected = if [SUPERVISOR, DIRECTOR].contains(&by) { Ok(()) } else { Err(Code::RouteNotAllowed) };
        assert_eq!(save(&world, by, &night()), expected, "{}", world.member(by).code);
    }
    assert!([GUARD, DESK, ADMIN].iter().all(|by| save(&world, *by, &night()).is_err()));
}

#[test]
fn a_change_made_without_another_one_is_refused_so_that_none_vanishes() {
    let world = property("Asia/Shanghai");
    let routes = versions(&world, vec![(Ms(0), night()), (Ms(1), night())]);
    let command = |version| RouteCommand::Save { code: NIGHT.into(), version, from: None, design: night() };
    let retire = RouteCommand::Retire { code: NIGHT.into() };
    assert_eq!(judge(&world, SUPERVISOR, &command(1), Some(&routes[1])), Err(Code::RouteChangedMeanwhile));
    assert_eq!(judge(&world, SUPERVISOR, &command(2), Some(&routes[1])), Ok(()));
    assert_eq!(judge(&world, SUPERVISOR, &retire, None), Err(Code::RouteNotThere));
    assert_eq!(judge(&world, SUPERVISOR, &retire, Some(&routes[1])), Ok(()));
}

#[test]
fn a_change_of_an_own_change_that_was_refused_is_refused_with_it() {
    let world = property("Asia/Shanghai");
    let called = |name: &str| Design { name: name.to_owned(), ..night() };
    let saved = |names: &[&str]| {
        let designs = (0..).map(Ms).zip(names.iter().map(|name| called(name)));
        versions(&world, designs.collect()).pop().unwrap()
    };
    // On a device without a network the second change follows the first; meanwhile somebody else's has become version 2.
    let (here, there) = (saved(&["was", "mine"]), saved(&["was", "theirs"]));
    let again =
        |from| RouteCommand::Save { code: NIGHT.into(), version: 2, from, design: called("mine anew") };
    let changed = Err(Code::RouteChangedMeanwhile);
    assert_eq!(judge(&world, SUPERVISOR, &again(Some(here.stamp())), Some(&here)), Ok(()));
    assert_eq!(judge(&world, SUPERVISOR, &again(Some(here.stamp())), Some(&there)), changed);
    assert_eq!(judge(&world, SUPERVISOR, &again(Some(there.stamp())), Some(&there)), Ok(()));
    // That a route was retired meanwhile is a change, too.
    let retired = Route { retired: true, ..here.clone() };
    assert_eq!(judge(&world, SUPERVISOR, &again(Some(here.stamp())), Some(&retired)), changed);
    // An app that does not say what it changed is judged by the number alone.
    assert_eq!(judge(&world, SUPERVISOR, &again(None), Some(&there)), Ok(()));
}

fn choice(options: &[&str]) -> ItemKind {
    let option = |text: &&str| Choice { text: (*text).to_owned(), abnormal: false };
    ItemKind::Choice { options: options.iter().map(option).collect() }
}

#[rstest]
#[case::no_name(|d: &mut Design| d.name = " ".to_owned(), Code::CaseFieldMissing)]
#[case::long_name(|d: &mut Design| d.name = "x".repeat(61), Code::CaseFieldTooLong)]
#[case::no_stop(|d: &mut Design| d.stops.clear(), Code::RouteEmpty)]
#[case::nobody(|d: &mut Design| d.who = Who::Roles([].into()), Code::RouteNobody)]
#[case::no_person(|d: &mut Design| d.who = Who::Persons([].into()), Code::RouteNobody)]
#[case::stranger(|d: &mut Design| d.who = Who::Persons([PersonId(Uuid::nil())].into()), Code::CaseUnknownPerson)]
#[case::who_left(|d: &mut Design| d.stops[0].persons = [LEAVER].into(), Code::CaseUnknownPerson)]
#[case::no_place(|d: &mut Design| d.stops[0].place = "moon".into(), Code::CaseUnknownPlace)]
#[case::stop_twice(|d: &mut Design| d.stops.push(stop(GATE, None, vec![])), Code::RouteTwice)]
#[case::code(|d: &mut Design| d.stops[0].code = "a/b".into(), Code::RouteBadCode)]
#[case::no_code(|d: &mut Design| d.stops[0].code = "".into(), Code::RouteBadCode)]
#[case::many(|d: &mut Design| d.stops = (0..101).map(|n| stop(GATE, None, vec![]).at(n)).collect(), Code::RouteTooMany)]
#[case::start(|d: &mut Design| d.plan.start = 1_440, Code::RouteBadTime)]
#[case::last(|d: &mut Design| d.plan.last = d.plan.start - 1, Code::RouteBadTime)]
#[case::two_nights(|d: &mut Design| d.plan.last = d.plan.start + 1_440, Code::RouteBadTime)]
#[case::every(|d: &mut Design| d.plan.every_min = 4, Code::RouteBadTime)]
#[case::window(|d: &mut Design| d.plan.window_min = 0, Code::RouteBadTime)]
#[case::no_day(|d: &mut Design| d.plan.weekdays.clear(), Code::RouteBadTime)]
#[case::overlap(|d: &mut Design| d.plan.window_min = 121, Code::RouteWindowsOverlap)]
#[case::next_day(|d: &mut Design| { d.plan.last = d.plan.start + 1_380; d.plan.every_min = 690 ; d.plan.window_min = 61 }, Code::RouteWindowsOverlap)]
#[case::due(|d: &mut Design| d.stops[0].due_min = Some(61), Code::RouteBadDue)]
#[case::due_order(|d: &mut Design| d.stops[0].due_min = Some(21), Code::RouteBadDue)]
#[case::limits(|d: &mut Design| d.stops[0].items = vec![item("n", ItemKind::Number { unit: String::new(), low: Some(Milli(2)), high: Some(Milli(1)) })], Code::RouteBadItem)]
#[case::one_option(|d: &mut Design| d.stops[0].items = vec![item("c", choice(&["a"]))], Code::RouteBadItem)]
#[case::option_twice(|d: &mut Design| d.stops[0].items = vec![item("c", choice(&["a", "a"]))], Code::RouteTwice)]
#[case::never(|d: &mut Design| d.stops[0].items = vec![item("p", ItemKind::Photo { percent: 0 })], Code::RouteBadItem)]
#[case::more_than_always(|d: &mut Design| d.stops[0].items = vec![item("p", ItemKind::Photo { percent: 101 })], Code::RouteBadItem)]
#[case::item_twice(|d: &mut Design| { let one = item("p", ItemKind::Text); d.stops[0].items = vec![one.clone(), one] }, Code::RouteTwice)]
fn what_cannot_be_walked_has_its_code(#[case] spoil: fn(&mut Design), #[case] expected: Code) {
    let world = property("Asia/Shanghai");
    let mut design = night();
    spoil(&mut design);
    assert_eq!(save(&world, SUPERVISOR, &design), Err(expected));
}

trait At {
    fn at(self, n: u32) -> Self;
}

impl At for shared::route::Stop {
    fn at(mut self, n: u32) -> Self {
        self.code = StopCode(format!("s{n}"));
        self
    }
}

#[test]
fn what_can_be_walked_is_taken() {
    let world = property("Asia/Shanghai");
    let mut design = night();
    design.ordered = false;
    design.stops[0].due_min = Some(60);
    design.who = Who::Area(Role::Cleaner);
    design.stops[1].persons = BTreeSet::from([CLEANER]);
    design.plan = Plan { start: 0, last: 0, every_min: 1_440, window_min: 1_440, ..nights() };
    assert_eq!(save(&world, SUPERVISOR, &design), Ok(()));
}

#[rstest]
#[case("27.5", Some(27_500), "27.5")]
#[case(" 0.3 ", Some(300), "0.3")]
#[case("-0,25", Some(-250), "-0.25")]
#[case("400", Some(400_000), "400")]
#[case("999999999.999", Some(999_999_999_999), "999999999.999")]
#[case("", None, "")]
#[case("1.2345", None, "")]
#[case("1e3", None, "")]
#[case(".5", None, "")]
#[case("--1", None, "")]
#[case("+1", None, "")]
fn d13_a_reading_is_the_number_that_was_typed(
    #[case] typed: &str,
    #[case] milli: Option<i64>,
    #[case] shown: &str,
) {
    let read = typed.parse::<Milli>().ok();
    assert_eq!(read, milli.map(Milli));
    assert_eq!(read.map(|read| read.to_string()).unwrap_or_default(), shown);
}

#[rstest]
#[case(Reading::Number(Milli(299)), true)]
#[case(Reading::Number(Milli(300)), false)]
#[case(Reading::Number(Milli(800)), false)]
#[case(Reading::Number(Milli(801)), true)]
#[case(Reading::Ok(false), true)]
#[case(Reading::Text("as before".to_owned()), false)]
fn d13_what_is_beyond_the_limits_is_abnormal(#[case] reading: Reading, #[case] abnormal: bool) {
    assert_eq!(night().stops[2].items[0].abnormal(&reading), abnormal);
}

#[test]
fn f2_an_option_may_say_that_something_is_wrong() {
    let options = [("dry", false), ("wet", true)];
    let options = options.map(|(text, abnormal)| Choice { text: text.to_owned(), abnormal });
    let floor = item("floor", ItemKind::Choice { options: options.into() });
    assert!(floor.abnormal(&Reading::Choice("wet".to_owned())));
    assert!(!floor.abnormal(&Reading::Choice("dry".to_owned())));
}

#[test]
fn f4_a_sampled_photo_is_asked_for_in_its_share_of_rounds_and_the_same_by_everybody() {
    let lots = |percent| {
        let photo = item("p", ItemKind::Photo { percent });
        let asked = |n: &u128| photo.asked(RoundId(Uuid::from_u128(*n)), &GATE.into());
        (0..2_000_u128).filter(asked).count()
    };
    assert_eq!(lots(100), 2_000);
    // Drawn by a fixed hash: these are no chances.
    assert!((300..500).contains(&lots(20)), "{}", lots(20));
    let round = RoundId::of(&"jinzhou".into(), &NIGHT.into(), occurrence("2026-11-22/26:00"));
    let photo = |n: u32| item(&format!("p{n}"), ItemKind::Photo { percent: 50 });
    let drawn = |n| if photo(n).asked(round, &GATE.into()) { '1' } else { '0' };
    // Frozen: a phone of any version must draw the same.
    assert_eq!((0..16).map(drawn).collect::<String>(), "1011110101111111");
}

#[test]
fn a_label_is_recognised_by_scan_and_by_code_without_giving_either_away() {
    let token = token(GATE);
    let label = Label::of(&token);
    let public = label.public();
    let code = label::code(&token);
    let document = serde_json::to_string(&public).unwrap();
    assert!(!document.contains(&token) && !document.contains(&code));
    for label in [label, public] {
        let labels: Labels =
            [(GATE.into(), vec![label]), (PUMP.into(), vec![Label::of(&kit::token(PUMP))])].into();
        let find = |place: &str, shown: Shown<'_>| {
            label::find(&labels, &place.into(), shown, EventTime::exact(Ms(0)))
        };
        assert_eq!(find(GATE, Shown::Token(&token)), Match::Current);
        assert_eq!(find(GATE, Shown::Code(&code)), Match::Current);
        assert_eq!(find(GATE, Shown::Code(&label::printed(&code).to_lowercase())), Match::Current);
        assert_eq!(find(PUMP, Shown::Token(&token)), Match::Elsewhere(GATE.into()));
        assert_eq!(find(LOBBY, Shown::Token("something else")), Match::Unknown);
        assert_eq!(find(PUMP, Shown::Token("something else")), Match::Wrong);
        assert_eq!(find(PUMP, Shown::Code("something else")), Match::Wrong);
    }
}

#[test]
fn the_server_knows_the_code_where_a_phone_knows_sixteen_bits_of_it() {
    let labels = |label: Label| -> Labels { [(GATE.into(), vec![label])].into() };
    let full = Label::of(&token(GATE));
    // The code of another label, with the same bits; found by trying.
    let twin = "F1TBFWJD";
    assert_ne!(label::code(&token(GATE)), twin);
    let find =
        |labels: &Labels| label::find(labels, &GATE.into(), Shown::Code(twin), EventTime::exact(Ms(0)));
    assert_eq!(find(&labels(full.public())), Match::Current);
    assert_eq!(find(&labels(full)), Match::Wrong);
}

#[rstest]
#[case(-1, false, Match::Current)]
#[case(0, false, Match::Replaced)]
#[case(1, false, Match::Replaced)]
#[case(1, true, Match::Current)]
fn r3_an_old_label_counts_as_long_as_it_hung_there(
    #[case] after: i64,
    #[case] uncertain: bool,
    #[case] expected: Match,
) {
    let replaced = Ms(1_000_000);
    let old = Label { replaced: Some(replaced), ..Label::of(&token(GATE)) };
    let labels: Labels = [(GATE.into(), vec![old, Label::of(&token(PUMP))])].into();
    let at = EventTime { at: replaced.plus(after * MINUTE), received: replaced.plus(HOUR), uncertain };
    assert_eq!(label::find(&labels, &GATE.into(), Shown::Token(&token(GATE)), at), expected);
    assert_eq!(label::find(&labels, &GATE.into(), Shown::Token(&token(PUMP)), at), Match::Current);
}

#[test]
fn every_mistyped_letter_and_every_two_that_changed_places_are_noticed() {
    const ALPHABET: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for n in 0..50 {
        let code: Vec<char> = label::code(&format!("token {n}")).chars().collect();
        let text = |code: &[char]| code.iter().collect::<String>();
        assert_eq!(label::read_code(&text(&code)).as_deref(), Ok(text(&code).as_str()));
        for i in 0..code.len() {
            for letter in ALPHABET.chars().filter(|letter| *letter != code[i]) {
                let mut wrong = code.clone();
                wrong[i] = letter;
                assert!(label::read_code(&text(&wrong)).is_err(), "{code:?} {wrong:?}");
            }
            for j in 0..i {
                let mut wrong = code.clone();
                wrong.swap(i, j);
                assert!(wrong == code || label::read_code(&text(&wrong)).is_err(), "{code:?} {wrong:?}");
            }
        }
    }
}

#[test]
fn look_alikes_are_taken_for_what_they_look_like() {
    // With both look-alikes in it.
    let code = (0..)
        .map(|n| label::code(&format!("token {n}")))
        .find(|code| code.contains('0') && code.contains('1'));
    let code = code.unwrap();
    for typed in [code.replace('0', "o").replace('1', "l"), code.replace('0', "O").replace('1', "I")] {
        assert_eq!(label::read_code(&format!(" {} ", label::printed(&typed))), Ok(code.clone()), "{typed}");
    }
}

#[test]
fn a_link_is_read_as_it_is_written_and_nothing_else_is() {
    let token = token(GATE);
    let link = format!("https://estate.example{}", label::path(&token));
    assert_eq!(label::read_link(&link), Some(token.as_str()));
    assert_eq!(label::read_link(&format!("{link}?from=wechat#top")), Some(token.as_str()));
    assert_eq!(label::read_link(&token), Some(token.as_str()));
    for other in [
        "",
        "https://estate.example/c/",
        "https://estate.example/c/short",
        "https://example.com",
        "WIFI:S:x;;",
    ] {
        assert_eq!(label::read_link(other), None, "{other}");
    }
    assert_eq!(label::token(&[7; 15]), None, "fewer than 128 bits");
}

#[test]
fn a_round_begins_by_the_version_of_then_once() {
    let world = property("Asia/Shanghai");
    let mut other = night();
    other.plan = Plan { every_min: 60, ..nights() };
    let routes = versions(
        &world,
        vec![(world.at("2026-11-22 12:00"), night()), (world.at("2026-11-22 23:00"), other)],
    );
    let begun = |after: &str, until: &str| -> Vec<String> {
        let begun = route::begun(&routes, world.at(after), world.at(until), &world.zone);
        begun.iter().map(|(route, slot)| format!("{} by {}", slot.occurrence, route.version)).collect()
    };
    let night = ["2026-11-22/22:00 by 1", "2026-11-22/23:00 by 2", "2026-11-22/24:00 by 2"];
    assert_eq!(begun("2026-11-22 13:00", "2026-11-23 00:30"), night);
    assert_eq!(begun("2026-11-22 22:00", "2026-11-23 00:00"), night[1..], "after the one, up to the other");
    assert_eq!(begun("2026-11-21 13:00", "2026-11-22 21:59"), [""; 0], "there was no route the night before");
    let mut retired = routes.clone();
    retired[1].retired = true;
    let begun =
        route::begun(&retired, world.at("2026-11-22 13:00"), world.at("2026-11-24 00:30"), &world.zone);
    assert_eq!(begun.len(), 1);
}

#[test]
fn a_route_is_shown_to_whom_its_rounds_are() {
    let world = property("Asia/Shanghai");
    let mut design = night();
    design.stops[1].persons = BTreeSet::from([CLEANER]);
    let routes = versions(&world, vec![(Ms(0), design)]);
    let route = &routes[0];
    let slot = route.next_round(Ms(0), &world.zone).unwrap_or_else(|| panic!("no round"));
    let plan = Round::plan(route, slot, &world.site, &world.places, &world.people, slot.from);
    let round = Round::begin(RoundId::of(&world.site.code, &route.code, slot.occurrence), &plan);
    let audience = route.audience(&world.site, &world.people);
    assert_eq!(round.map(|round| round.audience()), Some(audience.clone()));
    assert!(audience.iter().all(|principal| principal.reads() == Some("rounds")));
    assert!(audience.contains(&Principal::Person(CLEANER).for_rounds()));
}

#[test]
fn a_route_is_known_by_its_code_and_no_other_id() {
    let world = property("Asia/Shanghai");
    let command = first(night());
    let context = route::Context {
        actor: None,
        site: &world.site.code,
        places: &world.places,
        people: &world.people,
        now: EventTime::exact(Ms(0)),
    };
    let other = RouteId::of(&world.site.code, &"R-S".into());
    let refused = command.decide(other, None, &context).map_err(|refusal| refusal.code);
    assert_eq!(refused, Err(Code::CommandBadBody));
}
