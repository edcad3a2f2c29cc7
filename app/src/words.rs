//! Codes, names, times and amounts in words, the same on every page.
//!
//! Everything here is a function of its arguments: pages pass the language, the property and, where something is
//! relative, the present time. [`sentence`] puts a refusal into words; its match over all codes is the proof, when the
//! app is compiled, that each has a sentence in every language.

use leptos_i18n::td_string;
use shared::{
    Code, Rejection,
    case::{Case, CaseView, Rule, StageName},
    ids::{CaseId, CaseNumber, PersonId, PlaceCode},
    site::{Category, Place, PlaceKind, Role},
    time::{HOUR, MINUTE, Ms, SECOND, Zone},
    wire,
};

use crate::{i18n::*, state::Property};

const DAY: i64 = 24 * HOUR;

/// What stands where a sentence mentions something that did not come with the refusal.
const UNKNOWN: &str = "…";

macro_rules! template {
    ($locale:expr, $code:expr, $($name:ident => $key:ident,)*) => {
        match $code { $(Code::$name => td_string!($locale, codes.$key),)* }
    };
}

/// Why something was refused and what to do, in words.
///
/// Without a property, times and people that the refusal mentions stay unnamed.
pub fn sentence(locale: Locale, rejection: &Rejection, property: Option<&Property>) -> String {
    fill(template(locale, rejection.code), |field| {
        let value = rejection.fields.get(field)?;
        Some(mentioned(locale, rejection.code, field, value, property))
    })
}

fn template(locale: Locale, code: Code) -> &'static str {
    template! { locale, code,
        CaseNotVisible => case_not_visible,
        CaseNotAllowed => case_not_allowed,
        CaseWrongStage => case_wrong_stage,
        CaseExists => case_exists,
        CaseFieldMissing => case_field_missing,
        CaseFieldTooLong => case_field_too_long,
        CaseUnknownCategory => case_unknown_category,
        CaseUnknownPlace => case_unknown_place,
        CaseUnknownPerson => case_unknown_person,
        CaseTimePast => case_time_past,
        CasePromisedAlready => case_promised_already,
        CaseNoPromise => case_no_promise,
        CasePostponedOnce => case_postponed_once,
        CaseNotLater => case_not_later,
        CasePromiseNeedsSupervisor => case_promise_needs_supervisor,
        CasePromiseNeedsReason => case_promise_needs_reason,
        CaseComplaintNeedsDesk => case_complaint_needs_desk,
        CaseComplaintHandler => case_complaint_handler,
        CaseDeskConfirms => case_desk_confirms,
        CaseCustomerAnswerMissing => case_customer_answer_missing,
        CaseTooManyPhotos => case_too_many_photos,
        CaseBadPhoto => case_bad_photo,
        CommandUnreadable => command_unreadable,
        CommandUnknownKind => command_unknown_kind,
        CommandBadBody => command_bad_body,
        CommandForeign => command_foreign,
        CommandIdReused => command_id_reused,
        CommandParentRejected => command_parent_rejected,
        CommandCreateMissing => command_create_missing,
        CommandPredecessorMissing => command_predecessor_missing,
        CommandAuthorRevoked => command_author_revoked,
        CommandUnknownSite => command_unknown_site,
        PushBadSignature => push_bad_signature,
        PushChainBroken => push_chain_broken,
        PushUnknownDevice => push_unknown_device,
        PushTooLarge => push_too_large,
        CursorUnreadable => cursor_unreadable,
        CursorFuture => cursor_future,
        CursorForeign => cursor_foreign,
        AuthWrong => auth_wrong,
        AuthTooMany => auth_too_many,
        AuthNameAmbiguous => auth_name_ambiguous,
        AuthRequired => auth_required,
        AuthRevoked => auth_revoked,
        AuthBadKey => auth_bad_key,
        AuthPasswordShort => auth_password_short,
        SiteNotMember => site_not_member,
        FileBadHeader => file_bad_header,
        FileOffset => file_offset,
        FileNotFound => file_not_found,
        FileTooLarge => file_too_large,
        FileWrongHash => file_wrong_hash,
        FileNotAPhoto => file_not_a_photo,
        FileTooManyPixels => file_too_many_pixels,
        FileConflict => file_conflict,
        RequestBadBody => request_bad_body,
        RequestTooLarge => request_too_large,
        RequestNotFound => request_not_found,
        RequestMethod => request_method,
        RequestUpgrade => request_upgrade,
        RequestTooMany => request_too_many,
        RequestForeignOrigin => request_foreign_origin,
        ServerFailed => server_failed,
        ServerUnavailable => server_unavailable,
        ServerFull => server_full,
        ImportBadFile => import_bad_file,
        ImportPlaceParent => import_place_parent,
        ImportPersonCompany => import_person_company,
        ImportBadReference => import_bad_reference,
        ImportDuplicate => import_duplicate,
        ImportUnknownZone => import_unknown_zone,
        DeviceOffline => device_offline,
        DeviceTimeout => device_timeout,
        DeviceFull => device_full,
        DeviceStorage => device_storage,
        DeviceBadPhoto => device_bad_photo,
        DevicePhotoTooLarge => device_photo_too_large,
        DeviceCrypto => device_crypto,
        DeviceUnexpected => device_unexpected,
    }
}

/// A field of a refusal in words.
fn mentioned(locale: Locale, code: Code, field: &str, value: &str, property: Option<&Property>) -> String {
    match field {
        "stage" => StageName::ALL
            .into_iter()
            .find(|name| name.as_str() == value)
            .map_or_else(|| value.to_owned(), |name| stage(locale, name).to_owned()),
        "field" => label(locale, value).to_owned(),
        "command" => action(locale, value).to_owned(),
        "until" => match (property, value.parse()) {
            (Some(property), Ok(until)) => absolute_end(locale, &property.zone, Ms(until)),
            (None, _) | (_, Err(_)) => UNKNOWN.to_owned(),
        },
        // An import names people by their staff codes, the rules by their ids.
        "person" => match (value.parse::<PersonId>(), property) {
            (Ok(id), Some(property)) => property
                .people
                .get(id)
                .map_or_else(|| td_string!(locale, common.somebody).to_owned(), |member| member.name.clone()),
            (Ok(_), None) => td_string!(locale, common.somebody).to_owned(),
            (Err(_), _) => value.to_owned(),
        },
        "max" if code == Code::FileTooLarge => value.parse().map_or_else(|_| value.to_owned(), bytes),
        _ => value.to_owned(),
    }
}

/// A text with each `{name}` replaced by its value.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, inner)| Some((before, inner.split_once('}')?)))
    {
        filled.push_str(before);
        filled.push_str(value(name).as_deref().unwrap_or(UNKNOWN));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// How far a case is.
pub fn stage(locale: Locale, stage: StageName) -> &'static str {
    match stage {
        StageName::Reported => td_string!(locale, common.stage.reported),
        StageName::Dispatched => td_string!(locale, common.stage.dispatched),
        StageName::Accepted => td_string!(locale, common.stage.accepted),
        StageName::Arrived => td_string!(locale, common.stage.arrived),
        StageName::Paused => td_string!(locale, common.stage.paused),
        StageName::Completed => td_string!(locale, common.stage.completed),
        StageName::Closed => td_string!(locale, common.stage.closed),
        StageName::Cancelled => td_string!(locale, common.stage.cancelled),
    }
}

/// What a person is at a site.
pub fn role(locale: Locale, role: Role) -> &'static str {
    match role {
        Role::Guard => td_string!(locale, common.role.guard),
        Role::Cleaner => td_string!(locale, common.role.cleaner),
        Role::Technician => td_string!(locale, common.role.technician),
        Role::Desk => td_string!(locale, common.role.desk),
        Role::ControlRoom => td_string!(locale, common.role.control_room),
        Role::Supervisor => td_string!(locale, common.role.supervisor),
        Role::Director => td_string!(locale, common.role.director),
        Role::Admin => td_string!(locale, common.role.admin),
    }
}

/// What falls due: `接单`, `升级综合组主管`. The posts of the ladder are the site's own.
pub fn rule(locale: Locale, property: &Property, rule: Rule) -> String {
    let step = |nth: usize, usual: &str| {
        let post = property
            .site
            .ladder
            .get(nth)
            .and_then(|person| property.people.get(*person))
            .map_or(usual, |member| member.post.as_str());
        fill(td_string!(locale, common.rule.step), |_| Some(post.to_owned()))
    };
    let name = match rule {
        Rule::Accept => td_string!(locale, common.rule.accept),
        Rule::Attend => td_string!(locale, common.rule.attend),
        Rule::OnSite => td_string!(locale, common.rule.on_site),
        Rule::Step1 => return step(0, td_string!(locale, common.rule.supervisor)),
        Rule::Step2 => return step(1, td_string!(locale, common.rule.director)),
        Rule::Promise => td_string!(locale, common.rule.promise),
        Rule::Pause => td_string!(locale, common.rule.pause),
        Rule::Check => td_string!(locale, common.rule.check),
        Rule::Feedback => td_string!(locale, common.rule.feedback),
    };
    name.to_owned()
}

/// What a command of this kind does; the kind itself, if this version does not know it.
pub fn action(locale: Locale, kind: &str) -> &str {
    match kind {
        "case.report" => td_string!(locale, common.action.report),
        "case.fix" => td_string!(locale, common.action.fix),
        "case.classify" => td_string!(locale, common.action.classify),
        "case.dispatch" => td_string!(locale, common.action.dispatch),
        "case.accept" => td_string!(locale, common.action.accept),
        "case.decline" => td_string!(locale, common.action.decline),
        "case.arrive" => td_string!(locale, common.action.arrive),
        "case.pause" => td_string!(locale, common.action.pause),
        "case.resume" => td_string!(locale, common.action.resume),
        "case.promise" => td_string!(locale, common.action.promise),
        "case.postpone" => td_string!(locale, common.action.postpone),
        "case.tell" => td_string!(locale, common.action.tell),
        "case.complete" => td_string!(locale, common.action.complete),
        "case.confirm" => td_string!(locale, common.action.confirm),
        "case.reopen" => td_string!(locale, common.action.reopen),
        "case.check" => td_string!(locale, common.action.check),
        "case.succeed" => td_string!(locale, common.action.succeed),
        "case.comment" => td_string!(locale, common.action.comment),
        "case.cancel" => td_string!(locale, common.action.cancel),
        "case.see" => td_string!(locale, common.action.see),
        wire::SETTLE => td_string!(locale, common.action.settle),
        unknown => unknown,
    }
}

/// The label of a field that the rules name; the name itself, if this version does not know it.
pub fn label(locale: Locale, field: &str) -> &str {
    match field {
        "text" => td_string!(locale, common.label.text),
        "since" => td_string!(locale, common.label.since),
        "customer" => td_string!(locale, common.label.customer),
        "name" => td_string!(locale, common.label.name),
        "phone" => td_string!(locale, common.label.phone),
        "flat" => td_string!(locale, common.label.flat),
        "reason" => td_string!(locale, common.label.reason),
        "result" => td_string!(locale, common.label.result),
        "note" => td_string!(locale, common.label.note),
        unknown => unknown,
    }
}

/// A kind of problem, as the site calls it.
pub fn category(locale: Locale, category: &Category) -> &str {
    match locale {
        Locale::zh => &category.name,
        Locale::en => &category.name_en,
    }
}

/// What a case is about: `5 号楼大堂漏水`, `Water leak, 5 号楼大堂`.
pub fn title(locale: Locale, property: &Property, case: &Case) -> String {
    let place = spot(property, &case.place);
    let kind = property
        .site
        .category(&case.category)
        .map_or(case.category.as_str(), |known| category(locale, known));
    match locale {
        Locale::zh => glue(place, kind),
        Locale::en => format!("{kind}, {place}"),
    }
}

/// What a case is about, as far as this reader may know: of a complaint only that it is one (R9).
pub fn heading(locale: Locale, property: &Property, view: &CaseView) -> String {
    match view {
        CaseView::Full(case) => title(locale, property, case),
        CaseView::Outline(_) => td_string!(locale, common.case.complaint).to_owned(),
    }
}

/// A place in as few words as name it on this site: `5 号楼大堂`, `8-1203`, `儿童乐园`.
///
/// A building is always said, but for a flat whose name is its own; what lies between is said where two places would
/// sound alike.
pub fn spot(property: &Property, id: &PlaceCode) -> String {
    let places = &property.places;
    let path = places.path(id);
    let Some((place, around)) = path.split_last() else { return id.to_string() };
    let alone_in = |outer: Option<&Place>| {
        let inside = |other: &Place| {
            outer.is_none_or(|outer| places.path(&other.id).iter().any(|around| around.id == outer.id))
        };
        !places.all().iter().any(|other| other.name == place.name && other.id != place.id && inside(other))
    };
    let building = around.iter().position(|outer| outer.kind == PlaceKind::Building);
    let said = match building {
        Some(_) if place.kind == PlaceKind::Unit && alone_in(None) => &[],
        Some(at) if alone_in(Some(around[at])) => &around[at..=at],
        Some(at) => &around[at..],
        None if alone_in(None) => &[],
        None => around,
    };
    said.iter()
        .filter(|outer| outer.kind != PlaceKind::Site)
        .chain([place])
        .fold(String::new(), |words, place| glue(words, &place.name))
}

/// Puts Chinese words after one another, with a space only where a Latin letter or a digit meets its neighbour.
fn glue(mut words: String, next: &str) -> String {
    let latin = |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric());
    if !words.is_empty() && (latin(words.chars().next_back()) || latin(next.chars().next())) {
        words.push(' ');
    }
    words.push_str(next);
    words
}

/// The number of a case, `#1122-014`, in the year in which it is shown; before the server has given one, the code that
/// the reporter can read out: `码 K7M2QX`.
pub fn number(locale: Locale, number: Option<&CaseNumber>, id: CaseId, year: i16) -> String {
    match number {
        Some(number) => format!("#{}", number.short(year)),
        None => fill(td_string!(locale, common.case.code), |_| Some(id.offline_code())),
    }
}

/// The time of day: `14:32`.
pub fn clock(zone: &Zone, at: Ms) -> String {
    let wall = zone.wall(at);
    format!("{:02}:{:02}", wall.hour(), wall.minute())
}

/// The time of day to the second, for receipts: `14:32:08`.
pub fn second(zone: &Zone, at: Ms) -> String {
    format!("{}:{:02}", clock(zone, at), zone.wall(at).second())
}

/// The day as seen from now: `今天`, `明天`, `11月22日`, with the year where it is another one.
pub fn day(locale: Locale, zone: &Zone, at: Ms, now: Ms) -> String {
    let (date, today) = (zone.day(at), zone.day(now));
    if date == today {
        td_string!(locale, common.time.today).to_owned()
    } else if today.yesterday().is_ok_and(|yesterday| date == yesterday) {
        td_string!(locale, common.time.yesterday).to_owned()
    } else if today.tomorrow().is_ok_and(|tomorrow| date == tomorrow) {
        td_string!(locale, common.time.tomorrow).to_owned()
    } else if date.year() == today.year() {
        dated(locale, td_string!(locale, common.time.date), date)
    } else {
        dated(locale, td_string!(locale, common.time.date_of_year), date)
    }
}

/// When something happened: `今天 14:32`.
pub fn moment(locale: Locale, zone: &Zone, at: Ms, now: Ms) -> String {
    format!("{} {}", day(locale, zone, at, now), clock(zone, at))
}

/// When something falls due: `今天 18:00`, and midnight as the end of a day: `今天 24:00`.
pub fn end(locale: Locale, zone: &Zone, at: Ms, now: Ms) -> String {
    let (of, clock) = end_of(zone, at);
    format!("{} {clock}", day(locale, zone, of, now))
}

/// When something falls due, for where the present time is not known: `11月22日 18:00`.
fn absolute_end(locale: Locale, zone: &Zone, at: Ms) -> String {
    let (of, clock) = end_of(zone, at);
    format!("{} {clock}", dated(locale, td_string!(locale, common.time.date), zone.day(of)))
}

/// An instant of the day that ends then, and the clock at its end.
fn end_of(zone: &Zone, at: Ms) -> (Ms, String) {
    if zone.minute_of_day(at) == 0 { (at.plus(-MINUTE), "24:00".to_owned()) } else { (at, clock(zone, at)) }
}

fn dated(locale: Locale, template: &str, date: jiff::civil::Date) -> String {
    fill(template, |part| match part {
        "year" => Some(date.year().to_string()),
        "month" => Some(month(locale, date.month()).to_owned()),
        "day" => Some(date.day().to_string()),
        _ => None,
    })
}

fn month(locale: Locale, month: i8) -> &'static str {
    match month {
        1 => td_string!(locale, common.time.month_1),
        2 => td_string!(locale, common.time.month_2),
        3 => td_string!(locale, common.time.month_3),
        4 => td_string!(locale, common.time.month_4),
        5 => td_string!(locale, common.time.month_5),
        6 => td_string!(locale, common.time.month_6),
        7 => td_string!(locale, common.time.month_7),
        8 => td_string!(locale, common.time.month_8),
        9 => td_string!(locale, common.time.month_9),
        10 => td_string!(locale, common.time.month_10),
        11 => td_string!(locale, common.time.month_11),
        _ => td_string!(locale, common.time.month_12),
    }
}

/// A length of time in its largest unit, rounded down: `2 分钟`, `3 小时`, `1 天`. Its sign does not show.
pub fn span(locale: Locale, millis: i64) -> String {
    let millis = millis.saturating_abs();
    let count = |template: &str, unit: i64| fill(template, |_| Some((millis / unit).to_string()));
    if millis < MINUTE {
        td_string!(locale, common.time.under_minute).to_owned()
    } else if millis < HOUR {
        count(td_string!(locale, common.time.minutes), MINUTE)
    } else if millis < DAY {
        count(td_string!(locale, common.time.hours), HOUR)
    } else if millis < 2 * DAY {
        td_string!(locale, common.time.day).to_owned()
    } else {
        count(td_string!(locale, common.time.days), DAY)
    }
}

/// The time left until something falls due, or since it did: `还有 1 天`, `超 20 分钟`.
pub fn left(locale: Locale, millis: i64) -> String {
    let template =
        if millis < 0 { td_string!(locale, common.time.over) } else { td_string!(locale, common.time.left) };
    fill(template, |_| Some(span(locale, millis)))
}

/// The time left to the second: `2:41`, `1:05:09`, and `-0:30` once it is over.
pub fn countdown(millis: i64) -> String {
    let seconds = millis.div_euclid(SECOND);
    let sign = if seconds < 0 { "-" } else { "" };
    let total = seconds.unsigned_abs();
    let (hours, minutes, seconds) = (total / 3_600, total / 60 % 60, total % 60);
    if hours == 0 {
        format!("{sign}{minutes}:{seconds:02}")
    } else {
        format!("{sign}{hours}:{minutes:02}:{seconds:02}")
    }
}

/// A number of bytes: `186 KB`, `2.4 MB`.
pub fn bytes(number: u64) -> String {
    const KB: u64 = 1_024;
    const MB: u64 = 1_024 * KB;
    if number < KB {
        format!("{number} B")
    } else if number < MB {
        format!("{} KB", number / KB)
    } else {
        let tenths = number / (MB / 10);
        match tenths % 10 {
            0 => format!("{} MB", tenths / 10),
            tenth => format!("{}.{tenth} MB", tenths / 10),
        }
    }
}
