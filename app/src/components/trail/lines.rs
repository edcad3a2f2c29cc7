//! What has happened to a case, each event as a line in words.

use leptos_i18n::td_string;
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
    /// When it happened.
    pub time: EventTime,
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
        Line {
            time: case.reported,
            what: self.with_name(who, td_string!(locale, case.did_report)),
            said: how.to_owned(),
            photos: Vec::new(),
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
        Line { time: event.time, what, said, photos }
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
