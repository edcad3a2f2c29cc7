//! Which cases stand on the home page, in which order: those a person answers for, those of a company's people, and
//! those a person was told of.

use std::sync::Arc;

use shared::{
    case::{Case, CaseChange, CaseView, Standing, Standings},
    time::{Ms, Zone},
};

use crate::{components::next_due, order, state::Property};

/// What the home page lists.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Lists {
    /// First asked, and not ended.
    pub mine: Vec<Arc<CaseView>>,
    /// First asked of a company whose lead this person is, and not ended; those never looked at first (A8).
    pub people: Vec<Arc<CaseView>>,
    /// Told of (A10, A11), and still to be worked on.
    pub told: Vec<Arc<CaseView>>,
    /// How many of `mine` are to be looked at today (B2).
    pub checks: usize,
}

/// Sorts the cases of a site into the lists of the home page.
pub fn lists<'a>(cases: impl Iterator<Item = &'a Arc<CaseView>>, property: &Property, now: Ms) -> Lists {
    const OTHERWISE: Standings = Standings::of(&[Standing::Relay, Standing::Handler, Standing::ControlRoom]);
    let mut lists = Lists::default();
    for view in cases.filter(|view| !view.stage().ended()) {
        let Some(case) = view.full() else {
            // Of a complaint only who heard it first, or passed it on, sees this much (R9).
            lists.mine.push(view.clone());
            continue;
        };
        let who = property.standings(case, now);
        if who.has(Standing::FirstAsked) {
            lists.checks += usize::from(check_due(case, &property.zone, now));
            lists.mine.push(view.clone());
        } else if who.has(Standing::Lead) {
            lists.people.push(view.clone());
        } else if who.has(Standing::Told) && !who.office() && !who.any(OTHERWISE) && case.stage.name().open()
        {
            lists.told.push(view.clone());
        }
    }
    let soonest = |first: bool, view: &CaseView| [i64::from(!first), next_at(view, now).0, 0];
    let reported = |view: &CaseView| view.full().map_or(0, |case| case.reported.at.0);
    Lists {
        mine: order::by(lists.mine, |view| soonest(to_confirm(view), view)),
        people: order::by(lists.people, |view| soonest(unseen(view, property), view)),
        told: order::by(lists.told, |view| [-reported(view), 0, 0]),
        checks: lists.checks,
    }
}

fn next_at(view: &CaseView, now: Ms) -> Ms {
    view.full().and_then(|case| next_due(case, now)).map_or(Ms(i64::MAX), |due| due.at)
}

fn to_confirm(view: &CaseView) -> bool {
    view.full().is_some_and(|case| case.stage.to_confirm())
}

/// Whether this person has never opened the case.
pub fn unseen(view: &CaseView, property: &Property) -> bool {
    view.full().is_some_and(|case| !case.seen.contains_key(&property.me.id))
}

/// Whether the first-asked person has to look at it today, or should have before (B2).
pub fn check_due(case: &Case, zone: &Zone, now: Ms) -> bool {
    // Due by 24:00 is due within the day that ends then.
    !case.stage.name().ended() && zone.day(case.check_by.plus(-1)) <= zone.day(now)
}

/// Whether it was looked at today.
pub fn checked_today(case: &Case, zone: &Zone, now: Ms) -> bool {
    let today = zone.day(now);
    let checks = case.trail.iter().filter(|event| matches!(event.change, CaseChange::Checked { .. }));
    checks.map(|event| zone.day(event.time.at)).any(|day| day == today)
}

#[cfg(test)]
mod tests {
    use shared::{case::CaseCommand, time::HOUR};

    use super::*;
    use crate::components::kit::{DAY, done, ids, property, reported, views};

    #[test]
    fn b2_the_day_of_the_report_needs_no_check_and_every_day_after_one() {
        let (zone, noon) = (Zone::utc(), Ms(12 * HOUR));
        let case = reported(1, 10, noon);
        assert!(!check_due(&case, &zone, Ms(DAY - 1)));
        assert!(check_due(&case, &zone, Ms(DAY)));
        assert!(check_due(&case, &zone, Ms(3 * DAY)));
        let case = done(1, case, &CaseCommand::Check {}, Ms(DAY + HOUR));
        assert!(!check_due(&case, &zone, Ms(DAY + 2 * HOUR)));
        assert!(checked_today(&case, &zone, Ms(DAY + 2 * HOUR)));
        assert!(check_due(&case, &zone, Ms(2 * DAY)));
        assert!(!checked_today(&case, &zone, Ms(2 * DAY)));
    }

    #[test]
    fn b1_what_i_was_first_asked_is_mine_and_what_is_sooner_due_comes_first() {
        let cases = [reported(1, 10, Ms(2 * DAY)), reported(1, 11, Ms(DAY)), reported(4, 12, Ms(DAY))];
        let shown = lists(views(&cases).iter(), &property(1), Ms(2 * DAY));
        assert_eq!(ids(&shown.mine), [11, 10]);
        assert_eq!(shown.checks, 1);
        assert_eq!(ids(&shown.told), [12]);
    }

    #[test]
    fn a8_a_lead_sees_what_the_companys_people_reported_unseen_first() {
        let seen = done(3, reported(1, 10, Ms(0)), &CaseCommand::See {}, Ms(HOUR));
        let cases = [seen, reported(1, 11, Ms(DAY))];
        let shown = lists(views(&cases).iter(), &property(3), Ms(DAY));
        assert_eq!(ids(&shown.people), [11, 10]);
        assert!(shown.mine.is_empty() && shown.told.is_empty());
    }

    #[test]
    fn what_is_ended_is_on_no_list() {
        let cancelled =
            done(1, reported(1, 10, Ms(0)), &CaseCommand::Cancel { reason: "报错了".to_owned() }, Ms(HOUR));
        assert_eq!(lists(views(&[cancelled]).iter(), &property(1), Ms(HOUR)), Lists::default());
    }
}
