//! The report as data: which days are asked for by the page's address, and each stop's line in words.

use jiff::civil::Date;
use shared::{
    round::{
        StopStateName,
        report::{RoundLine, RoundsReport, StopLine, Tally},
        trust::Level,
    },
    time::{EventTime, Ms, Zone},
};

use super::super::Cell;
use crate::{
    address,
    i18n::*,
    state::{DaysAsked, Property},
    words::{self, round as said},
};

/// The page's path.
pub const DAYS: &str = "/watch/days";
/// The server reports on no more days at once.
const DAYS_MAX: usize = 31;
/// More stops than this are not drawn one by one: whoever wants them all has them as a file.
pub const STOPS_MAX: usize = 1_500;

/// What an address asks for; without a day the night that is on or was just over.
pub fn read(address: &str, zone: &Zone, now: Ms) -> DaysAsked {
    let day = |name: &str| address::asked(address, name).filter(|day| day.parse::<Date>().is_ok());
    let today = zone.day(now);
    // In the morning one looks back at the night, whose rounds belong to the evening before (R13).
    let usual = if zone.minute_of_day(now) < 12 * 60 { today.yesterday().unwrap_or(today) } else { today };
    let first = day("day").unwrap_or_else(|| usual.to_string());
    let mut asked = DaysAsked {
        until: day("until").unwrap_or_else(|| first.clone()),
        day: first,
        route: address::asked(address, "route").map(|route| route.as_str().into()),
        person: address::asked(address, "person").and_then(|person| person.parse().ok()),
    };
    let first = asked.day.clone();
    begin_on(&mut asked, &first);
    asked
}

/// Asks from this day on. The last day follows where it would be before it, or too far from it.
pub fn begin_on(asked: &mut DaysAsked, day: &str) {
    day.clone_into(&mut asked.day);
    // Dates as they are written sort as they follow one another.
    let far = reach(day, Date::tomorrow);
    let until = asked.until.as_str().max(day).min(far.as_str()).to_owned();
    asked.until = until;
}

/// Asks up to this day; the first one follows likewise.
pub fn end_on(asked: &mut DaysAsked, day: &str) {
    day.clone_into(&mut asked.until);
    let far = reach(day, Date::yesterday);
    let first = asked.day.as_str().min(day).max(far.as_str()).to_owned();
    asked.day = first;
}

/// The day that is as far from this one as a report reaches.
fn reach(day: &str, step: impl Fn(Date) -> Result<Date, jiff::Error>) -> String {
    let Ok(date) = day.parse::<Date>() else { return day.to_owned() };
    (1..DAYS_MAX).fold(date, |date, _| step(date).unwrap_or(date)).to_string()
}

/// The page's address for what is asked for.
pub fn address_of(asked: &DaysAsked) -> String {
    let person = asked.person.map(|person| person.to_string());
    let mut said = vec![("day", asked.day.as_str()), ("until", asked.until.as_str())];
    said.extend(asked.route.as_ref().map(|route| ("route", route.as_str())));
    said.extend(person.as_deref().map(|person| ("person", person)));
    address::with(DAYS, &said)
}

/// What may be chosen, as code and name: all, each that is known, and what is chosen though it is not known here.
pub fn choices(
    all: &str,
    known: impl IntoIterator<Item = (String, String)>,
    chosen: Option<String>,
) -> Vec<(String, String)> {
    let mut choices = vec![(String::new(), all.to_owned())];
    choices.extend(known);
    if let Some(chosen) = chosen.filter(|chosen| choices.iter().all(|(code, _)| code != chosen)) {
        choices.push((chosen.clone(), chosen));
    }
    choices
}

/// The figures of all rounds together.
pub fn sum(report: &RoundsReport) -> Tally {
    let mut sum = Tally::default();
    for Tally { stops, on_time, late, out_of_window, missed, skipped, pending, abnormal, doubtful } in
        report.routes.iter().map(|route| route.tally)
    {
        sum.stops += stops;
        sum.on_time += on_time;
        sum.late += late;
        sum.out_of_window += out_of_window;
        sum.missed += missed;
        sum.skipped += skipped;
        sum.pending += pending;
        sum.abnormal += abnormal;
        sum.doubtful += doubtful;
    }
    sum
}

/// How many of a hundred stops that are due were seen to in their window, in time or late; rounded down, so that only all
/// are a hundred. `None` where none is due yet.
pub fn share(tally: &Tally) -> Option<u32> {
    let due = tally.stops.saturating_sub(tally.pending).saturating_sub(tally.skipped);
    (tally.on_time + tally.late).saturating_mul(100).checked_div(due)
}

/// A round's heading: `夜巡 · 2026-11-22 · 次日 02:00–02:40 · 王建国`.
pub fn heading(locale: Locale, property: &Property, line: &RoundLine) -> String {
    let date = line.occurrence.date;
    let walkers = line.walkers.iter().map(|person| property.name(*person));
    let mut parts = vec![
        line.name.clone(),
        date.to_string(),
        said::window_beside(locale, &property.zone, date, line.from, line.until),
    ];
    parts.push(said::listed(locale, walkers));
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

/// Of which route and which person alone a report is; on paper nothing else says so.
pub fn only(locale: Locale, property: &Property, report: &RoundsReport, asked: &DaysAsked) -> Vec<String> {
    let route = asked.route.as_ref().map(|code| {
        let name = report.routes.iter().find(|line| line.route == *code).map(|line| line.name.clone());
        said::with(td_string!(locale, rounds.only_route), &name.unwrap_or_else(|| code.to_string()))
    });
    let person =
        asked.person.map(|id| said::with(td_string!(locale, rounds.only_person), &property.name(id)));
    route.into_iter().chain(person).collect()
}

/// A stop's line in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Where.
    pub place: String,
    /// How it stands.
    pub cell: Cell,
    /// The same in words.
    pub state: String,
    /// Who was there, or was planned.
    pub who: String,
    /// When.
    pub clock: String,
    /// What else there is to say.
    pub remarks: Vec<String>,
}

/// A stop of a round of a report, in words.
pub fn row(locale: Locale, property: &Property, round: &RoundLine, line: &StopLine) -> Row {
    let clock = |time: EventTime| said::clock_beside(locale, &property.zone, round.occurrence.date, time.at);
    let mut state = vec![said::stop_state(locale, line.state)];
    if line.abnormal {
        state.push(td_string!(locale, rounds.abnormal));
    }
    let who = match line.by {
        Some(by) => property.name(by),
        // Who could not know of it was not to be there.
        None if line.unheard => String::new(),
        None => {
            let planned = said::planned(locale, property, &line.planned, &round.who);
            said::with(td_string!(locale, rounds.planned_by), &planned)
        }
    };
    let mut remarks = Vec::new();
    if !line.reason.is_empty() {
        remarks.push(line.reason.clone());
    }
    let ticked =
        matches!(line.state, StopStateName::OnTime | StopStateName::Late | StopStateName::OutOfWindow);
    let uncertain = ticked && line.time.is_some_and(|time| time.uncertain);
    for (holds, text) in [
        (line.unheard, td_string!(locale, rounds.unheard)),
        (line.arrived_late, td_string!(locale, rounds.arrived_late)),
        (uncertain, td_string!(locale, rounds.uncertain)),
        (line.out_of_order, td_string!(locale, rounds.out_of_order)),
    ] {
        if holds {
            remarks.push(text.to_owned());
        }
    }
    if let Some(trust) = line.trust.as_ref().filter(|trust| trust.level != Level::High) {
        let doubts: Vec<_> = trust.doubts.iter().map(|doubt| said::doubt(locale, property, doubt)).collect();
        remarks.push(said::doubted(locale, said::level(locale, trust.level), &doubts));
    }
    remarks.extend(line.readings.iter().map(|found| {
        let answer = said::corrected(locale, Some(&found.item), &found.before, &found.reading);
        let wrong =
            if found.abnormal || !found.before.is_empty() { td_string!(locale, rounds.abnormal) } else { "" };
        format!("{} {answer} {wrong}", said::asked(locale, &found.item)).trim().to_owned()
    }));
    if !line.unanswered.is_empty() {
        let items = said::listed(locale, line.unanswered.iter().map(|item| said::asked(locale, item)));
        remarks.push(said::with(td_string!(locale, rounds.unanswered), &items));
    }
    if !line.cases.is_empty() {
        remarks.push(said::counted(td_string!(locale, rounds.reported), line.cases.len()));
    }
    Row {
        place: words::spot(property, &line.place),
        cell: Cell { state: line.state, abnormal: line.abnormal },
        state: said::listed(locale, state.into_iter().map(str::to_owned)),
        who,
        clock: line.time.map(clock).unwrap_or_default(),
        remarks,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shared::{
        round::{RoundCommand, report::RouteLine},
        route::Reading,
        time::HOUR,
    };

    use super::*;
    use crate::{
        components::kit::person,
        state::rounds_kit::{Made, TEN, TOKENS, minutes, night, property, rounds, tick},
    };

    #[test]
    fn without_a_day_the_evening_is_todays_and_the_morning_looks_back_at_the_night() {
        let zone = Zone::utc();
        let asked = |address: &str, hour: i64| read(address, &zone, Ms((24 + hour) * HOUR));
        assert_eq!(asked("/watch/days", 22).day, "1970-01-02");
        assert_eq!(asked("/watch/days", 7).day, "1970-01-01");
        assert_eq!(asked("/watch/days", 7).until, "1970-01-01");
    }

    #[test]
    fn an_address_says_what_is_asked_for_and_what_it_cannot_mean_is_left_out() {
        let asked = DaysAsked {
            day: "2026-11-23".to_owned(),
            until: "2026-11-25".to_owned(),
            route: Some("R-北 1".into()),
            person: Some(person(4)),
        };
        assert_eq!(read(&address_of(&asked), &Zone::utc(), TEN), asked);
        let wrong = read("/watch/days?day=2026-13-01&person=x", &Zone::utc(), TEN);
        assert_eq!((wrong.day.as_str(), wrong.person), ("1970-01-01", None));
    }

    #[test]
    fn whoever_moves_one_day_takes_the_other_along_as_far_as_a_report_reaches() {
        let asked = |day: &str, until: &str| DaysAsked {
            day: day.to_owned(),
            until: until.to_owned(),
            ..DaysAsked::default()
        };
        let moved = |change: &dyn Fn(&mut DaysAsked)| {
            let mut asked = asked("2026-11-01", "2026-11-10");
            change(&mut asked);
            (asked.day, asked.until)
        };
        let both = |day: &str, until: &str| (day.to_owned(), until.to_owned());
        assert_eq!(moved(&|asked| begin_on(asked, "2026-11-05")), both("2026-11-05", "2026-11-10"));
        assert_eq!(moved(&|asked| begin_on(asked, "2026-12-24")), both("2026-12-24", "2026-12-24"));
        assert_eq!(moved(&|asked| begin_on(asked, "2026-01-01")), both("2026-01-01", "2026-01-31"));
        assert_eq!(moved(&|asked| end_on(asked, "2026-10-05")), both("2026-10-05", "2026-10-05"));
        assert_eq!(moved(&|asked| end_on(asked, "2026-12-31")), both("2026-12-01", "2026-12-31"));
        let address = address_of(&asked("2026-01-01", "2026-12-31"));
        assert_eq!(read(&address, &Zone::utc(), TEN).until, "2026-01-31", "nor by the address");
    }

    #[test]
    fn what_is_asked_for_stands_among_the_choices_also_where_it_is_not_known() {
        let known = || [("night".to_owned(), "夜巡".to_owned())];
        let codes = |chosen: Option<&str>| {
            let choices = choices("全部路线", known(), chosen.map(str::to_owned));
            choices.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
        };
        assert_eq!(codes(None), ["", "night"]);
        assert_eq!(codes(Some("night")), ["", "night"]);
        assert_eq!(codes(Some("gone")), ["", "night", "gone"]);
    }

    #[test]
    fn a_share_counts_what_was_due_and_not_excused_and_is_a_hundred_only_if_it_is_all() {
        let tally = |stops, on_time, late, missed, skipped| Tally {
            stops,
            on_time,
            late,
            missed,
            skipped,
            pending: stops - on_time - late - missed - skipped,
            ..Tally::default()
        };
        assert_eq!(share(&tally(10, 0, 0, 0, 0)), None);
        assert_eq!(share(&tally(10, 3, 1, 0, 1)), Some(100));
        assert_eq!(share(&tally(1_000, 998, 1, 1, 0)), Some(99));
        assert_eq!(share(&tally(4, 1, 0, 2, 1)), Some(33));
    }

    #[test]
    fn the_sum_is_that_of_all_routes() {
        let line = |missed| RouteLine {
            route: "r".into(),
            name: String::new(),
            rounds: 1,
            tally: Tally { stops: 3, missed, doubtful: 1, ..Tally::default() },
        };
        let report = RoundsReport { routes: vec![line(1), line(2)], ..RoundsReport::default() };
        let sum = sum(&report);
        assert_eq!((sum.stops, sum.missed, sum.doubtful), (6, 3, 2));
    }

    #[test]
    fn a_report_of_one_route_or_person_says_on_paper_that_it_is_no_more() {
        let line =
            RouteLine {
                route: "night".into(), name: "夜巡".to_owned(), rounds: 1, tally: Tally::default()
            };
        let report = RoundsReport { routes: vec![line], ..RoundsReport::default() };
        let said = |route: Option<&str>, of| {
            let asked = DaysAsked { route: route.map(Into::into), person: of, ..DaysAsked::default() };
            only(Locale::zh, &property(1), &report, &asked)
        };
        assert_eq!(said(Some("night"), Some(person(4))), ["路线：夜巡", "人员：人4"]);
        assert_eq!(said(Some("gone"), None), ["路线：gone"]);
        assert!(said(None, None).is_empty());
    }

    #[test]
    fn what_was_ticked_after_midnight_is_of_the_next_day() {
        let (guard, routes) = (property(1), [night(true)]);
        let last = rounds(&guard, &routes, &[], &[], TEN).mine()[4].round.id;
        let mut made = Made::default();
        made.done(&guard, &routes, last, tick("gate", TOKENS[0]), minutes(241));
        let walk = rounds(&guard, &routes, &[], &made.0, minutes(300)).find(last).unwrap();
        let report = RoundsReport::of([&walk.round], &guard.places, &BTreeMap::new(), minutes(300));
        let line = &report.rounds[0];
        assert_eq!(heading(Locale::zh, &guard, line), "夜巡 · 1970-01-01 · 次日 02:00–02:40 · 人1");
        let gate = row(Locale::zh, &guard, line, &line.stops[0]);
        assert_eq!(gate.clock, "次日 02:01");
    }

    #[test]
    fn what_was_put_right_and_what_was_not_looked_at_is_named() {
        let (guard, routes) = (property(1), [night(true)]);
        let first = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let read = |dry| {
            let readings = BTreeMap::from([("dry".into(), Reading::Ok(dry))]);
            RoundCommand::Read { stop: "pump".into(), readings }
        };
        let remarks = |done: Vec<RoundCommand>| {
            let mut made = Made::default();
            for (minute, command) in (3..).zip(done) {
                made.done(&guard, &routes, first, command, minutes(minute));
            }
            let walk = rounds(&guard, &routes, &[], &made.0, minutes(60)).find(first).unwrap();
            let report = RoundsReport::of([&walk.round], &guard.places, &BTreeMap::new(), minutes(60));
            let line = &report.rounds[0];
            row(Locale::zh, &guard, line, &line.stops[2]).remarks
        };
        // The pump room comes after two stops where nobody was.
        let put_right = remarks(vec![tick("pump", TOKENS[2]), read(false), read(true)]);
        assert_eq!(put_right, ["地面干 先填 否，后改成 是 异常"]);
        assert_eq!(remarks(vec![tick("pump", TOKENS[2])]), ["没看：地面干"]);
    }

    #[test]
    fn a_stop_that_nobody_could_know_of_says_so_and_names_nobody() {
        let (guard, routes) = (property(1), [night(true)]);
        let first = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        made.done(&guard, &routes, first, tick("gate", TOKENS[0]), minutes(1));
        let mut walk = rounds(&guard, &routes, &[], &made.0, minutes(60)).find(first).unwrap();
        walk.round.task.stops[1].planned.insert(person(4));
        walk.round.task.stops[1].added = 9;
        let report = RoundsReport::of([&walk.round], &guard.places, &BTreeMap::new(), minutes(60));
        let line = &report.rounds[0];
        let hall = row(Locale::zh, &guard, line, &line.stops[1]);
        assert_eq!(hall.remarks, ["走的时候还没有这一点"]);
        assert_eq!(hall.who, "");
    }

    #[test]
    fn a_line_says_who_was_where_when_and_everything_that_needs_a_look() {
        let (guard, routes) = (property(1), [night(true)]);
        let first = rounds(&guard, &routes, &[], &[], TEN).mine()[0].round.id;
        let mut made = Made::default();
        let wet = RoundCommand::Read {
            stop: "pump".into(),
            readings: BTreeMap::from([("dry".into(), Reading::Ok(false))]),
        };
        let skip = RoundCommand::Skip { stop: "gate".into(), reason: "门锁着".to_owned(), photos: vec![] };
        for (command, minute) in [(skip, 1), (tick("pump", TOKENS[2]), 25), (wet, 26)] {
            made.done(&guard, &routes, first, command, minutes(minute));
        }
        let mut walk = rounds(&guard, &routes, &[], &made.0, minutes(60)).find(first).unwrap();
        walk.round.task.stops[1].planned.insert(person(4));
        let report = RoundsReport::of([&walk.round], &guard.places, &BTreeMap::new(), minutes(60));
        let line = &report.rounds[0];
        assert_eq!(heading(Locale::zh, &guard, line), "夜巡 · 1970-01-01 · 22:00–22:40 · 人1");
        let rows: Vec<Row> = line.stops.iter().map(|stop| row(Locale::zh, &guard, line, stop)).collect();
        assert_eq!((rows[0].state.as_str(), &rows[0].remarks[..]), ("没去", &["门锁着".to_owned()][..]));
        assert_eq!((rows[1].state.as_str(), rows[1].who.as_str()), ("漏点", "计划：人4"));
        assert_eq!((rows[2].state.as_str(), rows[2].clock.as_str()), ("晚到、异常", "22:25"));
        assert_eq!(rows[2].remarks, ["地面干 否 异常"]);
    }
}
