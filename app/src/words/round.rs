//! Rounds in words: how far they are, how each stop stands, and what speaks against a tick.

use std::collections::BTreeSet;

use jiff::civil::Date;
use shared::{
    ids::{PersonId, PlaceCode},
    label::Match,
    round::{
        Round, RoundStage, StopStanding, StopStateName,
        command::Via,
        event::Proven,
        trust::{Doubt, Level},
    },
    route::{Item, ItemKind, Milli, Plan, Reading, Route, RouteKind, Weekday, Who},
    time::{Ms, Zone},
};

use super::{clock, fill, moment, role, spot};
use crate::{i18n::*, state::Property};

/// What kind of round.
pub fn kind(locale: Locale, kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Patrol => td_string!(locale, rounds.patrol),
        RouteKind::Cleaning => td_string!(locale, rounds.cleaning),
        RouteKind::Equipment => td_string!(locale, rounds.equipment),
    }
}

/// How far a round is.
pub fn stage(locale: Locale, stage: RoundStage) -> &'static str {
    match stage {
        RoundStage::Planned => td_string!(locale, rounds.planned),
        RoundStage::UnderWay => td_string!(locale, rounds.under_way),
        RoundStage::Over => td_string!(locale, rounds.stage_over),
        RoundStage::Reviewed => td_string!(locale, rounds.reviewed),
    }
}

/// Who walks a route: roles, names, or whoever answers for the area.
pub fn who(locale: Locale, property: &Property, who: &Who) -> String {
    match who {
        Who::Roles(roles) => listed(locale, roles.iter().map(|of| role(locale, *of).to_owned())),
        Who::Persons(persons) => listed(locale, persons.iter().map(|person| property.name(*person))),
        Who::Area(of) => with(td_string!(locale, rounds.who_area), role(locale, *of)),
    }
}

/// Who was to be at a stop: those who are named for it, else whose round it is.
pub fn planned(locale: Locale, property: &Property, named: &BTreeSet<PersonId>, whose: &Who) -> String {
    if named.is_empty() {
        who(locale, property, whose)
    } else {
        listed(locale, named.iter().map(|person| property.name(*person)))
    }
}

/// A day of the week.
pub fn weekday(locale: Locale, day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => td_string!(locale, rounds.mon),
        Weekday::Tue => td_string!(locale, rounds.tue),
        Weekday::Wed => td_string!(locale, rounds.wed),
        Weekday::Thu => td_string!(locale, rounds.thu),
        Weekday::Fri => td_string!(locale, rounds.fri),
        Weekday::Sat => td_string!(locale, rounds.sat),
        Weekday::Sun => td_string!(locale, rounds.sun),
    }
}

/// When a route's rounds are: `每天 · 22:00–02:00 每 60 分钟一轮 · 每轮 40 分钟`.
pub fn plan(locale: Locale, plan: &Plan) -> String {
    let clock = |minute: u32| format!("{:02}:{:02}", minute % 1_440 / 60, minute % 60);
    let days = if plan.weekdays.len() == Weekday::ALL.len() {
        td_string!(locale, rounds.every_day).to_owned()
    } else {
        listed(locale, plan.weekdays.iter().map(|day| weekday(locale, *day).to_owned()))
    };
    let beginnings = if plan.last == plan.start {
        clock(plan.start)
    } else {
        fill(td_string!(locale, rounds.plan_series), |field| {
            Some(match field {
                "from" => clock(plan.start),
                "until" => clock(plan.last),
                _ => plan.every_min.to_string(),
            })
        })
    };
    let window = with(td_string!(locale, rounds.plan_window), &plan.window_min.to_string());
    format!("{days} · {beginnings} · {window}")
}

/// Several words after one another.
pub fn listed(locale: Locale, words: impl IntoIterator<Item = String>) -> String {
    let words: Vec<String> = words.into_iter().collect();
    words.join(match locale {
        Locale::zh => "、",
        Locale::en => ", ",
    })
}

/// What is looked at; a photo may have no name.
pub fn asked(locale: Locale, item: &Item) -> String {
    if item.text.is_empty() { td_string!(locale, case.photo).to_owned() } else { item.text.clone() }
}

/// What was found, with its unit where the item that was asked has one.
pub fn reading(locale: Locale, item: Option<&Item>, reading: &Reading) -> String {
    match (reading, item.map(|item| &item.kind)) {
        (Reading::Ok(true), _) => td_string!(locale, rounds.yes).to_owned(),
        (Reading::Ok(false), _) => td_string!(locale, rounds.no).to_owned(),
        (Reading::Number(number), Some(ItemKind::Number { unit, .. })) => {
            format!("{number} {unit}").trim_end().to_owned()
        }
        (Reading::Number(number), _) => number.to_string(),
        (Reading::Choice(text) | Reading::Text(text), _) => text.clone(),
        (Reading::Photos(photos), _) => counted(td_string!(locale, rounds.photo_taken), photos.len()),
    }
}

/// The same after the answers that it took the place of and that said that something is wrong: `先填 270 ℃，后改成 27 ℃`.
pub fn corrected<'a>(
    locale: Locale,
    item: Option<&Item>,
    before: impl IntoIterator<Item = &'a Reading>,
    last: &Reading,
) -> String {
    let before = listed(locale, before.into_iter().map(|one| reading(locale, item, one)));
    let last = reading(locale, item, last);
    if before.is_empty() {
        return last;
    }
    fill(td_string!(locale, rounds.corrected), |field| {
        Some(if field == "before" { before.clone() } else { last.clone() })
    })
}

/// How a stop stands.
pub fn stop_state(locale: Locale, state: StopStateName) -> &'static str {
    match state {
        StopStateName::Pending => td_string!(locale, rounds.pending),
        StopStateName::OnTime => td_string!(locale, rounds.on_time),
        StopStateName::Late => td_string!(locale, rounds.late),
        StopStateName::OutOfWindow => td_string!(locale, rounds.out_of_window),
        StopStateName::Missed => td_string!(locale, rounds.missed),
        StopStateName::Skipped => td_string!(locale, rounds.skipped),
    }
}

/// What is said beside a stop's state, but that something is abnormal, which has a mark of its own.
pub fn beside(locale: Locale, standing: &StopStanding<'_>) -> Vec<&'static str> {
    let said = [
        (standing.arrived_late, td_string!(locale, rounds.arrived_late)),
        (standing.uncertain, td_string!(locale, rounds.uncertain)),
        (standing.out_of_order, td_string!(locale, rounds.out_of_order)),
    ];
    said.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text).collect()
}

/// How somebody showed that they were there.
pub fn proof(locale: Locale, proof: &Proven) -> &'static str {
    match proof {
        Proven::Token { via: Via::Qr, .. } => td_string!(locale, rounds.qr),
        Proven::Token { via: Via::Nfc, .. } => td_string!(locale, rounds.nfc),
        Proven::Token { via: Via::Link, .. } => td_string!(locale, rounds.link),
        Proven::Code(_) => td_string!(locale, rounds.code),
        Proven::Photo { photos, .. } if photos.is_empty() => td_string!(locale, rounds.reason_only),
        Proven::Photo { .. } => td_string!(locale, rounds.photo),
    }
}

/// How far a tick is trusted.
pub fn level(locale: Locale, level: Level) -> &'static str {
    match level {
        Level::Low => td_string!(locale, rounds.trust_low),
        Level::Medium => td_string!(locale, rounds.trust_medium),
        Level::High => td_string!(locale, rounds.trust_high),
    }
}

/// What speaks against a tick.
pub fn doubt(locale: Locale, property: &Property, doubt: &Doubt) -> String {
    let template = match doubt {
        Doubt::CodeTyped => td_string!(locale, rounds.doubt_code_typed),
        Doubt::NotScanned => td_string!(locale, rounds.doubt_not_scanned),
        Doubt::NothingShown => td_string!(locale, rounds.doubt_nothing_shown),
        Doubt::Elsewhere(_) => td_string!(locale, rounds.doubt_elsewhere),
        Doubt::WrongLabel => td_string!(locale, rounds.doubt_wrong_label),
        Doubt::OldLabel => td_string!(locale, rounds.doubt_old_label),
        Doubt::NoLabel => td_string!(locale, rounds.doubt_no_label),
        Doubt::Far { .. } => td_string!(locale, rounds.doubt_far),
        Doubt::StalePosition => td_string!(locale, rounds.doubt_stale),
        Doubt::Impossible { .. } => td_string!(locale, rounds.doubt_impossible),
        Doubt::Hasty { .. } => td_string!(locale, rounds.doubt_hasty),
        Doubt::Again => td_string!(locale, rounds.doubt_again),
        Doubt::PhotoMissing => td_string!(locale, rounds.doubt_photo_missing),
        Doubt::ClockMoved => td_string!(locale, rounds.doubt_clock),
        Doubt::ChainGap => td_string!(locale, rounds.doubt_gap),
    };
    fill(template, |field| match (field, doubt) {
        ("place", Doubt::Elsewhere(place)) => Some(spot(property, place)),
        ("metres", Doubt::Far { metres } | Doubt::Impossible { metres, .. }) => Some(metres.to_string()),
        ("seconds", Doubt::Impossible { seconds, .. } | Doubt::Hasty { seconds }) => {
            Some(seconds.to_string())
        }
        _ => None,
    })
}

/// A round's name: `北区夜巡 · 第 2 圈`, where its series has more than one.
pub fn title(locale: Locale, round: &Round, route: Option<&Route>, zone: &Zone) -> String {
    let name = round.task.name.clone();
    let occurrence = round.task.occurrence;
    let series = route.map(|route| route.rounds_on(occurrence.date, zone)).unwrap_or_default();
    match series.iter().position(|slot| slot.occurrence == occurrence) {
        Some(at) if series.len() > 1 => {
            let lap = fill(td_string!(locale, rounds.lap), |_| Some((at + 1).to_string()));
            format!("{name} · {lap}")
        }
        Some(_) | None => name,
    }
}

/// What an item's number may be: `15～28 ℃`; nothing where everything is fine.
pub fn limits(locale: Locale, item: &Item) -> Option<String> {
    let ItemKind::Number { unit, low, high } = &item.kind else { return None };
    let with_unit = |number: &Milli| format!("{number} {unit}").trim_end().to_owned();
    Some(match (low, high) {
        (Some(low), Some(high)) => fill(td_string!(locale, rounds.range), |field| {
            Some(if field == "low" { low.to_string() } else { with_unit(high) })
        }),
        (Some(low), None) => format!("≥ {}", with_unit(low)),
        (None, Some(high)) => format!("≤ {}", with_unit(high)),
        (None, None) if unit.is_empty() => return None,
        (None, None) => unit.clone(),
    })
}

/// What is wrong with an answer, and what to do, which is nothing once something was reported since; `None` where nothing
/// is wrong.
pub fn wrong(locale: Locale, item: &Item, reading: &Reading, reported: bool) -> Option<String> {
    if !item.abnormal(reading) {
        return None;
    }
    let beyond = match (&item.kind, reading) {
        (ItemKind::Number { low: Some(low), .. }, Reading::Number(number)) if number < low => {
            fill(td_string!(locale, rounds.below), |_| Some(low.to_string()))
        }
        (ItemKind::Number { high: Some(high), .. }, Reading::Number(number)) if number > high => {
            fill(td_string!(locale, rounds.above), |_| Some(high.to_string()))
        }
        _ if reported => return Some(td_string!(locale, rounds.wrong_reported).to_owned()),
        _ => return Some(td_string!(locale, rounds.wrong).to_owned()),
    };
    let said =
        if reported { td_string!(locale, rounds.beyond_reported) } else { td_string!(locale, rounds.beyond) };
    Some(with(said, &beyond))
}

/// That what is shown is no label of this round: whose it is, where that is known.
pub fn not_here(locale: Locale, property: &Property, label: &Match) -> String {
    match label {
        Match::Elsewhere(place) => {
            fill(td_string!(locale, rounds.not_here_elsewhere), |_| Some(spot(property, place)))
        }
        Match::Current | Match::Replaced | Match::Wrong | Match::Unknown => {
            td_string!(locale, rounds.not_here).to_owned()
        }
    }
}

/// That a stop is ticked.
pub fn ticked(locale: Locale, property: Option<&Property>, place: &PlaceCode) -> String {
    let named = property.map(|property| spot(property, place)).unwrap_or_default();
    with(td_string!(locale, rounds.ticked), &named)
}

/// How far a tick is trusted, and why no further: `有一点疑问：短码是手输的，可能是别人报的`.
pub fn doubted(locale: Locale, trust: &str, doubts: &[String]) -> String {
    let doubts = doubts.join(td_string!(locale, rounds.doubts_between));
    fill(td_string!(locale, rounds.doubted), |field| {
        Some(if field == "trust" { trust.to_owned() } else { doubts.clone() })
    })
}

/// When a round begins that has not begun: with the day where that is not today.
pub fn begins(locale: Locale, zone: &Zone, from: Ms, now: Ms) -> String {
    let today = zone.day(from) == zone.day(now);
    let at = if today { clock(zone, from) } else { moment(locale, zone, from, now) };
    with(td_string!(locale, rounds.begins), &at)
}

/// A time of day beside a date: with the day where it is of another one. What happened at two belongs to the round of the
/// evening before (R13), and did not happen on that evening: `次日 02:05`.
pub fn clock_beside(locale: Locale, zone: &Zone, date: Date, at: Ms) -> String {
    let (day, clock) = (zone.day(at), clock(zone, at));
    match day {
        _ if day == date => clock,
        _ if date.tomorrow().is_ok_and(|next| next == day) => {
            with(td_string!(locale, rounds.next_day), &clock)
        }
        _ => format!("{day} {clock}"),
    }
}

/// From when to when, beside a date: `次日 02:00–02:40`, `23:40–次日 00:20`.
pub fn window_beside(locale: Locale, zone: &Zone, date: Date, from: Ms, until: Ms) -> String {
    let until = clock_beside(locale, zone, zone.day(from), until);
    format!("{}–{until}", clock_beside(locale, zone, date, from))
}

/// Since when nothing was heard of a round: `昨天 21:55 以后没有消息`.
pub fn not_heard(locale: Locale, zone: &Zone, heard: Option<Ms>, now: Ms) -> String {
    match heard {
        Some(heard) => with(td_string!(locale, rounds.not_heard_since), &moment(locale, zone, heard, now)),
        None => td_string!(locale, rounds.not_heard).to_owned(),
    }
}

/// A text with its one count in it.
pub fn counted(template: &str, count: usize) -> String {
    fill(template, |_| Some(count.to_string()))
}

/// A text with its one word in it.
pub fn with(template: &str, word: &str) -> String {
    fill(template, |_| Some(word.to_owned()))
}

#[cfg(test)]
mod tests {
    use shared::round::StopState;

    use super::*;
    use crate::components::kit::property;

    const BOTH: [Locale; 2] = [Locale::zh, Locale::en];

    #[test]
    fn every_state_stage_kind_and_level_has_a_word_of_its_own_in_both_languages() {
        use StopStateName::*;
        for locale in BOTH {
            let states = [Pending, OnTime, Late, OutOfWindow, Missed, Skipped];
            let states: BTreeSet<&str> = states.map(|state| stop_state(locale, state)).into();
            assert_eq!(states.len(), 6);
            let stages: BTreeSet<&str> = RoundStage::ALL.map(|of| stage(locale, of)).into();
            assert_eq!(stages.len(), 4);
            let kinds = [RouteKind::Patrol, RouteKind::Cleaning, RouteKind::Equipment];
            assert_eq!(BTreeSet::from(kinds.map(|of| kind(locale, of))).len(), 3);
            let levels = [Level::Low, Level::Medium, Level::High].map(|of| level(locale, of));
            assert_eq!(BTreeSet::from(levels).len(), 3);
        }
    }

    #[test]
    fn every_doubt_is_explained_in_both_languages_with_its_figures() {
        let doubts = [
            Doubt::CodeTyped,
            Doubt::NotScanned,
            Doubt::NothingShown,
            Doubt::Elsewhere(PlaceCode::from("S")),
            Doubt::WrongLabel,
            Doubt::OldLabel,
            Doubt::NoLabel,
            Doubt::Far { metres: 310 },
            Doubt::StalePosition,
            Doubt::Impossible { metres: 420, seconds: 9 },
            Doubt::Hasty { seconds: 2 },
            Doubt::Again,
            Doubt::PhotoMissing,
            Doubt::ClockMoved,
            Doubt::ChainGap,
        ];
        let property = property(1);
        for locale in BOTH {
            let said: BTreeSet<String> = doubts.iter().map(|one| doubt(locale, &property, one)).collect();
            assert_eq!(said.len(), doubts.len());
            assert!(said.iter().all(|text| !text.contains(['{', '…'])), "{said:?}");
        }
        assert_eq!(doubt(Locale::zh, &property, &doubts[9]), "离上一点 420 米，9 秒走不到");
    }

    #[test]
    fn who_walks_and_what_was_found_is_said_as_people_say_it() {
        use shared::site::Role;
        let property = property(1);
        let roles = Who::Roles(BTreeSet::from([Role::Guard, Role::Technician]));
        assert_eq!(who(Locale::zh, &property, &roles), "保安、维修");
        assert_eq!(who(Locale::en, &property, &roles), "Guard, Technician");
        let persons: BTreeSet<PersonId> = [1, 4].map(crate::components::kit::person).into();
        assert_eq!(who(Locale::zh, &property, &Who::Persons(persons)), "人1、人4");
        assert_eq!(who(Locale::zh, &property, &Who::Area(Role::Cleaner)), "责任区的保洁");
        let kind = ItemKind::Number { unit: "℃".to_owned(), low: None, high: None };
        let item = Item { code: "temp".into(), text: "温度".to_owned(), kind };
        assert_eq!(reading(Locale::zh, Some(&item), &Reading::Number(Milli(27_500))), "27.5 ℃");
        assert_eq!(reading(Locale::zh, None, &Reading::Number(Milli(27_500))), "27.5");
        assert_eq!(reading(Locale::en, None, &Reading::Ok(false)), "No");
    }

    #[test]
    fn a_plan_is_said_in_a_line() {
        let night = Plan {
            start: 22 * 60,
            last: 26 * 60,
            every_min: 60,
            window_min: 40,
            weekdays: Weekday::ALL.into(),
        };
        assert_eq!(plan(Locale::zh, &night), "每天 · 22:00–02:00 每 60 分钟一轮 · 每轮 40 分钟");
        let once = Plan { last: 22 * 60, weekdays: [Weekday::Mon, Weekday::Sun].into(), ..night };
        assert_eq!(plan(Locale::en, &once), "Mon, Sun · 22:00 · 40 min for each round");
        for locale in BOTH {
            assert_eq!(BTreeSet::from(Weekday::ALL.map(|day| weekday(locale, day))).len(), 7);
        }
    }

    #[test]
    fn a_number_beyond_its_limits_says_which() {
        let kind =
            ItemKind::Number { unit: "℃".to_owned(), low: Some(Milli(15_000)), high: Some(Milli(28_500)) };
        let item = Item { code: "temp".into(), text: "温度".to_owned(), kind };
        assert_eq!(limits(Locale::zh, &item).as_deref(), Some("15～28.5 ℃"));
        let said = |number| wrong(Locale::zh, &item, &Reading::Number(Milli(number)), false);
        assert_eq!(said(28_500), None);
        assert_eq!(said(28_501).as_deref(), Some("超出范围，请报告（高于 28.5）"));
        assert_eq!(said(0).as_deref(), Some("超出范围，请报告（低于 15）"));
        let reported = wrong(Locale::zh, &item, &Reading::Number(Milli(0)), true);
        assert_eq!(reported.as_deref(), Some("超出范围（低于 15），之后这一点已报告"));
        assert_eq!(reading(Locale::zh, Some(&item), &Reading::Number(Milli(28_501))), "28.501 ℃");
        assert_eq!(asked(Locale::zh, &item), "温度");
        let kind = ItemKind::Photo { percent: 100 };
        let photo = Item { code: "lane".into(), text: String::new(), kind };
        assert_eq!(asked(Locale::zh, &photo), "照片");
        let (typo, right) = (Reading::Number(Milli(270_000)), Reading::Number(Milli(27_000)));
        assert_eq!(corrected(Locale::zh, Some(&item), [&typo], &right), "先填 270 ℃，后改成 27 ℃");
        assert_eq!(corrected(Locale::en, Some(&item), [&typo], &right), "270 ℃, then 27 ℃");
        assert_eq!(corrected(Locale::en, Some(&item), [], &right), "27 ℃");
        // An answer of another kind than is asked for is said as it is.
        assert_eq!(reading(Locale::zh, Some(&item), &Reading::Ok(false)), "否");
        assert_eq!(reading(Locale::en, Some(&item), &Reading::Text("dry".to_owned())), "dry");
    }

    #[test]
    fn beside_a_date_the_small_hours_are_those_of_the_next_day() {
        let (zone, date) = (Zone::utc(), Date::constant(1970, 1, 1));
        let at = |hour: i64, minute: i64| Ms((hour * 60 + minute) * 60_000);
        let window = |locale, from, until| window_beside(locale, &zone, date, from, until);
        assert_eq!(window(Locale::zh, at(22, 0), at(22, 40)), "22:00–22:40");
        assert_eq!(window(Locale::zh, at(23, 40), at(24, 20)), "23:40–次日 00:20");
        assert_eq!(window(Locale::en, at(26, 0), at(26, 40)), "next day 02:00–02:40");
        assert_eq!(clock_beside(Locale::zh, &zone, date, at(55, 5)), "1970-01-03 07:05");
    }

    #[test]
    fn what_speaks_against_a_tick_is_put_together_as_each_language_does() {
        let doubts = ["一".to_owned(), "二".to_owned()];
        assert_eq!(doubted(Locale::zh, "要核实", &doubts), "要核实：一；二");
        assert_eq!(doubted(Locale::en, "Needs checking", &doubts), "Needs checking: 一; 二");
    }

    #[test]
    fn what_stands_beside_a_state_is_said_once_each() {
        let standing = StopStanding {
            state: StopState::Pending,
            abnormal: true,
            arrived_late: true,
            uncertain: true,
            out_of_order: true,
            unanswered: Vec::new(),
            cases: Vec::new(),
        };
        for locale in BOTH {
            assert_eq!(BTreeSet::from_iter(beside(locale, &standing)).len(), 3);
        }
    }
}
