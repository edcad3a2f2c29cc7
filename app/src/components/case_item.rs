//! A case in a list: what, where, how far, what falls due next, and what of it is still on this device.

#[cfg(test)]
pub(crate) mod kit;

use std::sync::Arc;

use leptos::prelude::*;
use shared::{
    case::{Case, CaseView, Rule},
    ids::CaseId,
    sync::{Delivery, OutboxRow, UploadRow, UploadState},
    time::{HOUR, Ms, Zone},
    wire::Part,
};

use super::Thumb;
use crate::{
    i18n::*,
    reactive::memo,
    state::{Property, State},
    ui::{Chip, Glyph, Icon, Tone, view},
    words,
};

/// What is said of a case besides its stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Something about it was refused, and waits for a person.
    Refused,
    /// Something about it is only on this device.
    OnDevice,
    /// Photos on their way.
    Photos {
        /// At the server.
        done: usize,
        /// In all.
        total: usize,
    },
    /// It climbs by C2.
    Urgent,
    /// Only its number and state are shown (R9).
    Confidential,
}

/// The marks of a case, the most pressing first.
pub fn marks(view: &CaseView, outbox: &[OutboxRow], uploads: &[UploadRow]) -> Vec<Mark> {
    let id = view.id();
    let rows = || outbox.iter().filter(move |row| row.aggregate == id.0);
    let photos = || uploads.iter().filter(move |upload| upload.case == id && upload.part == Part::Full);
    let done = photos().filter(|upload| matches!(upload.state, UploadState::Done { .. })).count();
    let total = photos().count();
    let mut marks = Vec::new();
    if rows().any(|row| matches!(row.delivery, Delivery::Refused { .. })) {
        marks.push(Mark::Refused);
    }
    if view.full().is_some_and(|case| case.urgent) && !view.stage().ended() {
        marks.push(Mark::Urgent);
    }
    if view.full().is_none() {
        marks.push(Mark::Confidential);
    }
    if rows().any(OutboxRow::unsent) {
        marks.push(Mark::OnDevice);
    } else if done < total {
        marks.push(Mark::Photos { done, total });
    }
    marks
}

/// What falls due next of a case, for whoever answers for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// When.
    pub at: Ms,
    /// How pressing that is.
    pub tone: Tone,
}

/// The next time by which the matter itself has to be through: promised, answered, or else going up the ladder; the
/// latest missed one if none is ahead. The handler's clocks and the daily look are said elsewhere.
///
/// Pressing is what is missed, what follows on something missed, and the last four hours.
pub fn next_due(case: &Case, now: Ms) -> Option<Due> {
    let all: Vec<_> = case
        .deadlines()
        .into_iter()
        .filter(|due| match due.rule {
            Rule::Step1 | Rule::Step2 | Rule::Promise | Rule::Feedback => true,
            Rule::Accept | Rule::Attend | Rule::OnSite | Rule::Pause | Rule::Check => false,
        })
        .collect();
    let missed = all.iter().rfind(|due| due.at <= now);
    let ahead = all.iter().find(|due| due.at > now);
    let at = ahead.or(missed)?.at;
    let left = at.since(now);
    let tone = if missed.is_some() || left <= FOUR_HOURS {
        Tone::Urgent
    } else if left <= ONE_DAY {
        Tone::Warn
    } else {
        Tone::Neutral
    };
    Some(Due { at, tone })
}

const FOUR_HOURS: i64 = 4 * HOUR;
const ONE_DAY: i64 = 24 * HOUR;

/// When it is, of a deadline: `今天 24:00` within two days, `超 3 小时` once it is missed, else `还有 3 天`.
pub fn due_text(locale: Locale, zone: &Zone, due: Due, now: Ms) -> String {
    let left = due.at.since(now);
    if (0..2 * ONE_DAY).contains(&left) {
        words::end(locale, zone, due.at, now)
    } else {
        words::left(locale, left)
    }
}

/// Number, stage and who has it: `#1122-014 · 已到场 · 李师傅`.
pub fn line(locale: Locale, property: &Property, view: &CaseView, now: Ms) -> String {
    let year = property.zone.wall(now).year();
    let mut parts = vec![words::number(locale, view.number(), view.id(), year)];
    parts.push(words::stage(locale, view.stage()).to_owned());
    let handler = view.full().and_then(|case| case.stage.handler());
    parts.extend(handler.map(|handler| property.name(handler)));
    parts.join(" · ")
}

/// A case in a list, as one big link; what may be done to it at once lies below.
#[component]
pub fn CaseItem(
    /// The case.
    view: Arc<CaseView>,
    /// Buttons below the link.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let id = view.id();
    let photo = view.full().and_then(|case| case.photos.first()).map(|photo| photo.photo.id);
    let view = StoredValue::new(view);
    let title = move || {
        let locale = i18n.get_locale();
        state.property.with(|property| {
            property
                .as_ref()
                .map(|property| view.with_value(|view| words::heading(locale, property, view)))
                .unwrap_or_default()
        })
    };
    let line = move || {
        let (locale, now) = (i18n.get_locale(), state.now.get_untracked());
        state.property.with(|property| {
            property
                .as_ref()
                .map(|property| view.with_value(|view| line(locale, property, view, now)))
                .unwrap_or_default()
        })
    };
    let due = memo(move |_| {
        let (locale, now) = (i18n.get_locale(), state.now.get());
        let due = view.with_value(|view| view.full().and_then(|case| next_due(case, now)))?;
        let property = state.property.get()?;
        Some((due_text(locale, &property.zone, due, now), due.tone))
    });
    let marks = memo(move |_| {
        state
            .outbox
            .with(|outbox| state.uploads.with(|uploads| view.with_value(|view| marks(view, outbox, uploads))))
    });
    let due_chip = move || due.get().map(|(text, tone)| view! { <Chip label=text tone=tone /> });
    let chips = move || {
        let chips = marks.get().into_iter().map(|mark| mark_chip(i18n, mark)).collect_view();
        (!marks.with(Vec::is_empty)).then(|| view! { <div class="row tight wrap">{chips}</div> })
    };
    let refused = move || marks.with(|marks| marks.contains(&Mark::Refused));
    let inside = view! {
        <Thumb case=id photo=photo />
        <div class="grow col tighter">
            <div class="row tight top between">
                <h3 class="grow">{title}</h3>
                {due_chip}
            </div>
            <div class="s num">{line}</div>
            {chips}
        </div>
    };
    let href = format!("/cases/{id}");
    match children {
        None => view! {
            <a class="case" class:refused=refused href=href>
                <span class="row top">{inside}</span>
            </a>
        }
        .into_any(),
        Some(children) => view! {
            <div class="case" class:refused=refused>
                <a class="row top" href=href>
                    {inside}
                </a>
                {children()}
            </div>
        }
        .into_any(),
    }
}

/// The marks that say how far what was done to a case on this device has got; none once the server has all of it.
pub fn sent_marks(state: State, case: CaseId) -> Vec<Mark> {
    let Some(view) = state.case(case) else { return Vec::new() };
    let mut marks = state.outbox.with(|outbox| state.uploads.with(|uploads| marks(&view, outbox, uploads)));
    marks.retain(|mark| matches!(mark, Mark::Refused | Mark::OnDevice | Mark::Photos { .. }));
    marks
}

/// Those marks as chips.
#[component]
pub fn SentMarks(
    /// The case.
    case: CaseId,
) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let marks = memo(move |_| sent_marks(state, case));
    (move || marks.get().into_iter().map(|mark| mark_chip(i18n, mark)).collect_view()).into_any()
}

fn mark_chip(i18n: I18n, mark: Mark) -> AnyView {
    match mark {
        Mark::Refused => view! {
            <Chip label=t_string!(i18n, field.refused) tone=Tone::Urgent icon=Glyph::Warn />
        }
        .into_any(),
        Mark::OnDevice => view! {
            <Chip label=t_string!(i18n, field.on_device) tone=Tone::Warn />
        }
        .into_any(),
        Mark::Photos { done, total } => view! {
            <Chip
                label=move || {
                    t_string!(i18n, field.photos_sent)
                        .replace("{done}", &done.to_string())
                        .replace("{total}", &total.to_string())
                }
                tone=Tone::Info
                icon=Glyph::Up
            />
        }
        .into_any(),
        Mark::Urgent => view! { <Chip label=t_string!(i18n, field.urgent) tone=Tone::Urgent /> }.into_any(),
        Mark::Confidential => view! {
            <span class="chip">
                <Icon glyph=Glyph::Shield />
                <span>{t_string!(i18n, field.confidential)}</span>
            </span>
        }
        .into_any(),
    }
}

#[cfg(test)]
mod tests {
    use shared::{
        Code,
        ids::{AttachmentId, CommandId},
    };
    use uuid::Uuid;

    use super::{
        kit::{DAY, done, person, property, reported, views},
        *,
    };

    fn row(case: &Case, delivery: Delivery) -> OutboxRow {
        OutboxRow {
            n: 1,
            id: CommandId(Uuid::from_u128(50)),
            author: person(1),
            site: "jinzhou".into(),
            aggregate: case.id.0,
            kind: "case.report".to_owned(),
            at: Ms(0),
            text: String::new(),
            hash: String::new(),
            signature: String::new(),
            delivery,
        }
    }

    fn upload(case: &Case, number: u128, state: UploadState) -> UploadRow {
        UploadRow {
            photo: AttachmentId(Uuid::from_u128(number)),
            part: Part::Full,
            command: CommandId(Uuid::from_u128(50)),
            author: person(1),
            site: "jinzhou".into(),
            case: case.id,
            sha256: String::new(),
            bytes: 10,
            offset: 0,
            state,
        }
    }

    #[test]
    fn marks_say_how_far_it_got_text_before_photos() {
        let case = reported(1, 10, Ms(0));
        let view = &views(std::slice::from_ref(&case))[0];
        let uploads = [
            upload(&case, 1, UploadState::Done { at: Ms(0), seq: 0 }),
            upload(&case, 2, UploadState::Waiting),
        ];
        let done = Delivery::Done { version: 1, recorded: false, at: Ms(0), seq: 0 };
        assert_eq!(marks(view, &[row(&case, Delivery::Pending)], &uploads), [Mark::OnDevice]);
        assert_eq!(marks(view, &[row(&case, done)], &uploads), [Mark::Photos { done: 1, total: 2 }]);
        assert_eq!(marks(view, &[], &uploads[..1]), []);
        let refused = Delivery::Refused { rejection: Code::CaseUnknownPlace.into(), at: Ms(0) };
        assert_eq!(marks(view, &[row(&case, refused)], &[]), [Mark::Refused]);
    }

    #[test]
    fn marks_are_of_this_case_only() {
        let (case, other) = (reported(1, 10, Ms(0)), reported(1, 11, Ms(0)));
        let view = &views(&[case])[0];
        assert_eq!(marks(view, &[row(&other, Delivery::Pending)], &[]), []);
    }

    #[test]
    fn c3_the_next_step_is_due_and_presses_towards_its_end() {
        let case = reported(1, 10, Ms(0));
        let due = |now| next_due(&case, Ms(now)).map(|due| (due.at.0, due.tone));
        assert_eq!(due(0), Some((2 * DAY, Tone::Neutral)));
        assert_eq!(due(DAY), Some((2 * DAY, Tone::Warn)));
        assert_eq!(due(2 * DAY - HOUR), Some((2 * DAY, Tone::Urgent)));
        // Step 1 was missed: step 2 is next, and presses however far it is.
        assert_eq!(due(2 * DAY), Some((3 * DAY, Tone::Urgent)));
        assert_eq!(due(5 * DAY), Some((3 * DAY, Tone::Urgent)));
    }

    #[test]
    fn nothing_is_due_of_what_is_called_off() {
        let cancel = shared::case::CaseCommand::Cancel { reason: "报错了".to_owned() };
        let case = done(1, reported(1, 10, Ms(0)), &cancel, Ms(HOUR));
        assert_eq!(next_due(&case, Ms(DAY)), None);
    }

    #[test]
    fn a_deadline_is_a_time_while_it_is_near_and_a_span_else() {
        let (zone, due) = (Zone::utc(), Due { at: Ms(4 * DAY), tone: Tone::Neutral });
        assert_eq!(due_text(Locale::zh, &zone, due, Ms(0)), "还有 4 天");
        assert_eq!(due_text(Locale::zh, &zone, due, Ms(3 * DAY)), "今天 24:00");
        assert_eq!(due_text(Locale::zh, &zone, due, Ms(4 * DAY + 3 * HOUR)), "超 3 小时");
    }

    #[test]
    fn a_line_names_number_stage_and_handler() {
        let case = reported(1, 10, Ms(0));
        let view = &views(&[case])[0];
        assert_eq!(line(Locale::zh, &property(1), view, Ms(0)), "码 00000A · 待受理");
    }
}
