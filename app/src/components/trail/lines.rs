//! What has happened to a case, each event as a line in words.

use shared::{
    case::{
        Case, CaseChange, CaseEvent,
        command::{About, Means, PhotoRef, Source, Told},
        event::LateFact,
    },
    time::{EventTime, Ms},
};

use crate::{i18n::*, state::Property, words};

/// One line of the story.
#[derive(Clone, PartialEq, Debug)]
pub struct Line {
    /// The time of day at which it happened.
    pub clock: String,
    /// The day, where it is another one than that of the line above it, and not today.
    pub day: Option<String>,
    /// How late it reached the server, where that is worth saying (R3).
    pub late: Option<String>,
    /// Its time is not sure (R3).
    pub uncertain: bool,
    /// Who and what: `李师傅 接单`.
    pub what: String,
    /// What was said: a reason, a result, a remark.
    pub said: String,
    /// What it brought to look at.
    pub photos: Vec<PhotoRef>,
}

/// The story of a case, newest first; its report is the last line.
pub fn lines(locale: Locale, property: &Property, case: &Case, now: Ms) -> Vec<Line> {
    let teller = Teller { locale, property, now };
    let mut lines: Vec<Line> = case.trail.iter().rev().map(|event| teller.line(event)).collect();
    lines.push(teller.report(case));
    let mut above = teller.day(now);
    for line in &mut lines {
        if line.day.as_deref() == Some(above.as_str()) {
            line.day = None;
        } else {
            above = line.day.clone().unwrap_or_default();
        }
    }
    lines
}

struct Teller<'a> {
    locale: Locale,
    property: &'a Property,
    now: Ms,
}

impl Teller<'_> {
    /// The report's own line. Where the first-asked person has changed since, only who relayed it is still known.
    fn report(&self, case: &Case) -> Line {
        let locale = self.locale;
        let succeeded = case.trail.iter().any(|event| matches!(event.change, CaseChange::Succeeded { .. }));
        let who = case.relay.or((!succeeded).then_some(case.first_asked.person));
        let how = match case.source {
            Source::Found => td_string!(locale, case.source_found),
            Source::Customer(_) => td_string!(locale, case.source_customer),
        };
        let what = self.with_name(who, td_string!(locale, case.did_report));
        self.timed(case.reported, what, how.to_owned(), Vec::new())
    }

    fn day(&self, at: Ms) -> String {
        words::day(self.locale, &self.property.zone, at, self.now)
    }

    fn timed(&self, time: EventTime, what: String, said: String, photos: Vec<PhotoRef>) -> Line {
        let late = time.late().then(|| {
            let span = words::span(self.locale, time.received.since(time.at));
            td_string!(self.locale, case.arrived_late).replace("{span}", &span)
        });
        Line {
            clock: words::clock(&self.property.zone, time.at),
            day: Some(self.day(time.at)),
            late,
            uncertain: time.uncertain,
            what,
            said,
            photos,
        }
    }

    fn with_name(&self, who: Option<shared::ids::PersonId>, did: &str) -> String {
        match who {
            Some(who) => format!("{} {did}", self.property.name(who)),
            None => did.to_owned(),
        }
    }

    fn until(&self, at: Ms) -> String {
        words::end(self.locale, &self.property.zone, at, self.now)
    }

    fn line(&self, event: &CaseEvent) -> Line {
        let locale = self.locale;
        let (did, said, photos) = self.told(&event.change);
        let by = match &event.change {
            CaseChange::PhotoKept { .. } => None,
            _ => event.by,
        };
        let what = match by {
            Some(_) => self.with_name(by, &did),
            None => self.with_name(None, &format!("{} {did}", td_string!(locale, case.by_system))),
        };
        self.timed(event.time, what, said, photos)
    }

    /// What was done, what was said, what was shown.
    fn told(&self, change: &CaseChange) -> (String, String, Vec<PhotoRef>) {
        let locale = self.locale;
        let plain = |did: &str| (did.to_owned(), String::new(), Vec::new());
        let saying = |did: &str, said: &str| (did.to_owned(), said.to_owned(), Vec::new());
        match change {
            CaseChange::Reported { .. } => plain(td_string!(locale, case.did_report)),
            CaseChange::Fixed { result, photos } => {
                (td_string!(locale, case.did_fix).to_owned(), result.clone(), photos.clone())
            }
            CaseChange::Classified { classified, recalled } => {
                let name = self
                    .property
                    .site
                    .category(&classified.category)
                    .map_or(classified.category.as_str(), |category| words::category(locale, category));
                let urgency = if classified.urgent {
                    td_string!(locale, case.urgent)
                } else {
                    td_string!(locale, case.not_urgent)
                };
                let did = td_string!(locale, case.did_classify)
                    .replace("{category}", name)
                    .replace("{urgency}", urgency);
                let mut said = vec![classified.urgency_reason.as_str()];
                if *recalled {
                    said.push(td_string!(locale, case.recalled));
                }
                said.retain(|part| !part.is_empty());
                saying(&did, &said.join(" · "))
            }
            CaseChange::Dispatched { to, note, .. } => {
                saying(&td_string!(locale, case.did_dispatch).replace("{to}", &self.property.name(*to)), note)
            }
            CaseChange::Accepted => plain(td_string!(locale, case.did_accept)),
            CaseChange::Declined { reason } => saying(td_string!(locale, case.did_decline), reason),
            CaseChange::Arrived => plain(td_string!(locale, case.did_arrive)),
            CaseChange::Paused { reason, until } => {
                saying(&td_string!(locale, case.did_pause).replace("{until}", &self.until(*until)), reason)
            }
            CaseChange::Resumed => plain(td_string!(locale, case.did_resume)),
            CaseChange::Promised { until, reason, .. } => {
                saying(&td_string!(locale, case.did_promise).replace("{until}", &self.until(*until)), reason)
            }
            CaseChange::Postponed { until, reason, .. } => {
                saying(&td_string!(locale, case.did_postpone).replace("{until}", &self.until(*until)), reason)
            }
            CaseChange::Told { whom, about, means, consent, note } => {
                let did = td_string!(locale, case.did_tell)
                    .replace("{whom}", whom_word(locale, *whom))
                    .replace("{about}", about_word(locale, *about))
                    .replace("{means}", means_word(locale, *means));
                let consent = consent.map(|yes| {
                    if yes {
                        td_string!(locale, case.consent_yes)
                    } else {
                        td_string!(locale, case.consent_no)
                    }
                });
                let said: Vec<&str> =
                    consent.into_iter().chain([note.as_str()]).filter(|part| !part.is_empty()).collect();
                saying(&did, &said.join(" · "))
            }
            CaseChange::Completed { result, photos } => {
                (td_string!(locale, case.did_complete).to_owned(), result.clone(), photos.clone())
            }
            CaseChange::Confirmed { satisfied, reason } => {
                let did = match satisfied {
                    Some(true) => td_string!(locale, case.did_confirm_satisfied),
                    Some(false) | None => td_string!(locale, case.did_confirm),
                };
                saying(did, reason)
            }
            CaseChange::Reopened { reason, dissatisfied } => {
                let did = if *dissatisfied {
                    td_string!(locale, case.did_reopen_dissatisfied)
                } else {
                    td_string!(locale, case.did_reopen)
                };
                saying(did, reason)
            }
            CaseChange::Checked { .. } => plain(td_string!(locale, case.did_check)),
            CaseChange::Succeeded { first_asked, reason } => saying(
                &td_string!(locale, case.did_succeed)
                    .replace("{to}", &self.property.name(first_asked.person)),
                reason,
            ),
            CaseChange::Commented { text, photos } => {
                (td_string!(locale, case.did_comment).to_owned(), text.clone(), photos.clone())
            }
            CaseChange::Cancelled { reason } => saying(td_string!(locale, case.did_cancel), reason),
            CaseChange::Seen => plain(td_string!(locale, case.did_see)),
            CaseChange::Recorded { fact, text, photos } => {
                let did = match fact {
                    LateFact::Arrived => td_string!(locale, case.late_arrived),
                    LateFact::Completed => td_string!(locale, case.late_completed),
                    LateFact::Commented => td_string!(locale, case.did_comment),
                };
                (did.to_owned(), text.clone(), photos.clone())
            }
            CaseChange::PhotoKept { .. } => plain(td_string!(locale, case.did_keep_photo)),
        }
    }
}

/// Who was told.
pub fn whom_word(locale: Locale, whom: Told) -> &'static str {
    match whom {
        Told::Customer => td_string!(locale, case.whom_customer),
        Told::FirstAsked => td_string!(locale, case.whom_first_asked),
    }
}

/// Of what they were told.
pub fn about_word(locale: Locale, about: About) -> &'static str {
    match about {
        About::Promise => td_string!(locale, case.about_promise),
        About::Delay => td_string!(locale, case.about_delay),
        About::Result => td_string!(locale, case.about_result),
    }
}

/// By what means.
pub fn means_word(locale: Locale, means: Means) -> &'static str {
    match means {
        Means::InPerson => td_string!(locale, case.means_in_person),
        Means::Phone => td_string!(locale, case.means_phone),
        Means::Message => td_string!(locale, case.means_message),
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        case::CaseCommand,
        time::{HOUR, MINUTE},
    };

    use super::*;
    use crate::components::office_kit::{
        DESK, MORNING, TECHNICIAN, at_server, dispatched, property, report, then,
    };

    const DAY: i64 = 24 * HOUR;

    fn said(locale: Locale, case: &Case, now: Ms) -> Vec<(String, Option<String>, String, String)> {
        lines(locale, &property(DESK), case, now)
            .into_iter()
            .map(|line| (line.clock, line.day, line.what, line.said))
            .collect()
    }

    #[test]
    fn the_story_is_told_newest_first_down_to_the_report() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING.plus(MINUTE));
        let case = then(&case, TECHNICIAN, &CaseCommand::Accept {}, MORNING.plus(2 * MINUTE));
        let told = said(Locale::zh, &case, MORNING.plus(HOUR));
        let line =
            |clock: &str, what: &str, said: &str| (clock.to_owned(), None, what.to_owned(), said.to_owned());
        assert_eq!(
            told,
            [
                line("09:02", "李师傅 接单", ""),
                line("09:01", "刘敏 派给 李师傅", "带胶布"),
                line("09:00", "王建国 报告", "自己发现"),
            ]
        );
    }

    #[test]
    fn a_day_is_named_where_it_changes_and_never_for_today() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING.plus(DAY));
        let days = |now| said(Locale::zh, &case, now).into_iter().map(|line| line.1).collect::<Vec<_>>();
        assert_eq!(days(MORNING.plus(DAY)), [None, Some("昨天".to_owned())]);
        assert_eq!(days(MORNING.plus(2 * DAY))[0], Some("昨天".to_owned()));
    }

    #[test]
    fn r3_a_late_event_says_by_how_much() {
        let case = at_server(10, &report("leak", 0), MORNING, 12 * MINUTE);
        let report = lines(Locale::zh, &property(DESK), &case, MORNING).pop().unwrap();
        assert_eq!(report.late.as_deref(), Some("晚到 12 分钟"));
        assert!(!report.uncertain);
    }

    #[test]
    fn r5_after_a_succession_the_report_names_nobody_wrongly() {
        use crate::components::office_kit::{SUPERVISOR, person};
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        let succeed = CaseCommand::Succeed { to: person(DESK), reason: "休假".to_owned() };
        let case = then(&case, SUPERVISOR, &succeed, MORNING);
        let told = said(Locale::zh, &case, MORNING);
        assert_eq!(told[0].2, "胡刚 首问责任人改为 刘敏");
        assert_eq!(told[1].2, "报告");
    }
}
