//! Codes, names, times and amounts in words, the same on every page.
//!
//! Everything here is a function of its arguments: pages pass the language, the property and, where something is
//! relative, the present time. [`sentence`] puts a refusal into words; its match over all codes is the proof, when the
//! app is compiled, that each has a sentence in every language.

pub mod round;

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
        RoundNotThere => round_not_there,
        RoundNotVisible => round_not_visible,
        RoundNotAllowed => round_not_allowed,
        RoundWrongStage => round_wrong_stage,
        RoundNotPlanned => round_not_planned,
        RoundUnknownStop => round_unknown_stop,
        RoundTooMany => round_too_many,
        RoundOwn => round_own,
        RoundBadDays => round_bad_days,
        RouteNotAllowed => route_not_allowed,
        RouteNotThere => route_not_there,
        RouteChangedMeanwhile => route_changed_meanwhile,
        RouteBadCode => route_bad_code,
        RouteEmpty => route_empty,
        RouteNobody => route_nobody,
        RouteTooMany => route_too_many,
        RouteTwice => route_twice,
        RouteBadTime => route_bad_time,
        RouteWindowsOverlap => route_windows_overlap,
        RouteBadDue => route_bad_due,
        RouteBadItem => route_bad_item,
        LabelBadCode => label_bad_code,
        LabelNone => label_none,
        LabelNoAddress => label_no_address,
        CommandUnreadable => command_unreadable,
        CommandUnknownKind => command_unknown_kind,
        CommandBadBody => command_bad_body,
        CommandForeign => command_foreign,
        CommandIdReused => command_id_reused,
        CommandParentRejected => command_parent_rejected,
        CommandCreateMissing => command_create_missing,
        CommandPredecessorMissing => command_predecessor_missing,
        CommandRestoring => command_restoring,
        CommandAuthorRevoked => command_author_revoked,
        CommandDiscarded => command_discarded,
        CommandOriginalDone => command_original_done,
        CommandTakenBack => command_taken_back,
        QuarantineNotThere => quarantine_not_there,
        QuarantineOwn => quarantine_own,
        QuarantineEarlierFirst => quarantine_earlier_first,
        CommandUnknownSite => command_unknown_site,
        PushBadSignature => push_bad_signature,
        PushChainBroken => push_chain_broken,
        PushUnknownDevice => push_unknown_device,
        PushTooLarge => push_too_large,
        RelayUnreadable => relay_unreadable,
        RelayForeign => relay_foreign,
        RelayNoKey => relay_no_key,
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
        FileWrongChecksum => file_wrong_checksum,
        FileTooMany => file_too_many,
        FileKept => file_kept,
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
        ImportBadValue => import_bad_value,
        DeviceOffline => device_offline,
        DeviceTimeout => device_timeout,
        DeviceNewer => device_newer,
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
        // A photo says it as well as a line does.
        "field" if code == Code::CaseFieldMissing && value == "text" => {
            td_string!(locale, common.label.photo_or_text).to_owned()
        }
        "field" | "what" => label(locale, value).to_owned(),
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
        "seconds" => value.parse().map_or_else(|_| value.to_owned(), |seconds| wait(locale, seconds)),
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
        "round.start" => td_string!(locale, common.action.round_start),
        "round.tick" => td_string!(locale, common.action.round_tick),
        "round.read" => td_string!(locale, common.action.round_read),
        "round.skip" => td_string!(locale, common.action.round_skip),
        "round.hand_over" => td_string!(locale, common.action.round_hand_over),
        "round.finish" => td_string!(locale, common.action.round_finish),
        "round.review" => td_string!(locale, common.action.round_review),
        "route.save" => td_string!(locale, common.action.route_save),
        "route.retire" => td_string!(locale, common.action.route_retire),
        wire::SETTLE => td_string!(locale, common.action.settle),
        wire::TAKE => td_string!(locale, common.action.take),
        wire::DISCARD => td_string!(locale, common.action.discard),
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
        "route_name" => td_string!(locale, common.label.route_name),
        "place" => td_string!(locale, common.label.place),
        "phone" => td_string!(locale, common.label.phone),
        "flat" => td_string!(locale, common.label.flat),
        "reason" => td_string!(locale, common.label.reason),
        "result" => td_string!(locale, common.label.result),
        "note" => td_string!(locale, common.label.note),
        "readings" => td_string!(locale, common.label.readings),
        "item" => td_string!(locale, common.label.item),
        "unit" => td_string!(locale, common.label.unit),
        "option" => td_string!(locale, common.label.option),
        "start" => td_string!(locale, common.label.start),
        "last" => td_string!(locale, common.label.last),
        "every_min" => td_string!(locale, common.label.every_min),
        "window_min" => td_string!(locale, common.label.window_min),
        "weekdays" => td_string!(locale, common.label.weekdays),
        "token" => td_string!(locale, common.label.token),
        "stop" => td_string!(locale, common.label.stop),
        "route" => td_string!(locale, common.label.route),
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

/// How long to wait, rounded up so that nobody comes back too early: `30 秒`, `15 分钟`.
fn wait(locale: Locale, seconds: u64) -> String {
    if seconds < 60 {
        fill(td_string!(locale, common.time.seconds), |_| Some(seconds.to_string()))
    } else {
        fill(td_string!(locale, common.time.minutes), |_| Some(seconds.div_ceil(60).to_string()))
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
    const GB: u64 = 1_024 * MB;
    let (size, unit) = match number {
        0..KB => return format!("{number} B"),
        KB..MB => return format!("{} KB", number / KB),
        MB..GB => (MB, "MB"),
        GB.. => (GB, "GB"),
    };
    let tenths = number / (size / 10);
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;
    use shared::{
        case::CaseCommand,
        round::RoundCommand,
        route::RouteCommand,
        site::{CaseKind, Company, Figures, Member, People, Places, Site},
    };
    use uuid::Uuid;

    use super::*;

    const BOTH: [Locale; 2] = [Locale::zh, Locale::en];

    /// A TZif file of version 2 that says only what its last line says: eight hours ahead, always.
    fn china() -> Zone {
        let block = |version: u8| {
            let mut block = b"TZif".to_vec();
            block.push(version);
            block.extend([0; 15]);
            // Neither indicators nor leap seconds nor transitions; one type, whose name is four bytes long.
            for count in [0_u32, 0, 0, 0, 1, 4] {
                block.extend(count.to_be_bytes());
            }
            block.extend((8 * 3_600_i32).to_be_bytes());
            block.extend([0, 0]);
            block.extend(b"CST\0");
            block
        };
        let mut file = block(b'2');
        file.extend(block(b'2'));
        file.extend(b"\nCST-8\n");
        Zone::from_tzif("Asia/Shanghai", &file).unwrap()
    }

    fn at(month: i8, day: i8, hour: i8, minute: i8) -> Ms {
        china().instant(date(2026, month, day).at(hour, minute, 8, 0))
    }

    fn midnight(month: i8, day: i8) -> Ms {
        china().instant(date(2026, month, day).at(0, 0, 0, 0))
    }

    fn person(number: u128) -> PersonId {
        PersonId(Uuid::from_u128(number))
    }

    fn member(number: u128, name: &str, post: &str) -> Member {
        Member {
            id: person(number),
            code: format!("P{number:03}"),
            name: name.to_owned(),
            post: post.to_owned(),
            company: "own".into(),
            roles: BTreeSet::new(),
            lead_of: BTreeSet::new(),
            trade: None,
            area: None,
            squad: None,
            phone: None,
            gone: false,
        }
    }

    fn property() -> Property {
        let place = |id: &str, parent: Option<&str>, name: &str, kind| Place {
            id: id.into(),
            parent: parent.map(PlaceCode::from),
            name: name.to_owned(),
            kind,
            lat: None,
            lon: None,
        };
        let places = Places::new(vec![
            place("S", None, "金洲花园", PlaceKind::Site),
            place("G", Some("S"), "园区公共", PlaceKind::Zone),
            place("PLAY", Some("G"), "儿童乐园", PlaceKind::Area),
            place("G-HALL", Some("G"), "大堂", PlaceKind::Area),
            place("B5", Some("S"), "5 号楼", PlaceKind::Building),
            place("B5-1", Some("B5"), "1 层", PlaceKind::Floor),
            place("B5-1-LOBBY", Some("B5-1"), "大堂", PlaceKind::Area),
            place("B5-1-WALK", Some("B5-1"), "走廊", PlaceKind::Area),
            place("B5-101", Some("B5-1"), "5-101", PlaceKind::Unit),
            place("B5-2", Some("B5"), "2 层", PlaceKind::Floor),
            place("B5-2-WALK", Some("B5-2"), "走廊", PlaceKind::Area),
            place("B5-2-A", Some("B5-2"), "A 座", PlaceKind::Unit),
            place("B6", Some("S"), "6 号楼", PlaceKind::Building),
            place("B6-A", Some("B6"), "A 座", PlaceKind::Unit),
        ]);
        let me = member(1, "王建国", "保安");
        let people = vec![me.clone(), member(2, "胡刚", "综合组主管"), member(3, "徐静", "管理处主任")];
        Property {
            site: Site {
                code: "jinzhou".into(),
                name: "金洲花园".to_owned(),
                zone: "Asia/Shanghai".to_owned(),
                tzif: String::new(),
                desk_hours: [420, 1_380],
                ladder: vec![person(2), person(3)],
                groups: Default::default(),
                categories: vec![Category {
                    code: "leak".into(),
                    name: "漏水".to_owned(),
                    name_en: "Water leak".to_owned(),
                    urgent: true,
                    kind: CaseKind::Repair,
                    accept_min: 3,
                    arrive_min: 15,
                    attend_min: 3,
                    dispatch_to: "technician".to_owned(),
                    also_tell: Vec::new(),
                }],
                companies: vec![Company {
                    code: "own".into(),
                    name: "金洲物业管理处".to_owned(),
                    subcontractor: false,
                }],
                figures: Figures::default(),
            },
            zone: china(),
            places,
            people: People { people },
            me,
        }
    }

    fn placeholders(template: &str) -> BTreeSet<&str> {
        template.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }

    #[test]
    fn every_code_mentions_the_same_in_both_languages() {
        for &code in Code::ALL {
            let [zh, en] = BOTH.map(|locale| template(locale, code));
            assert_eq!(placeholders(zh), placeholders(en), "{code}");
            assert!(zh.ends_with(['。', '}', '）']) && en.ends_with(['.', '}', ')']), "{code}");
        }
    }

    #[test]
    fn every_kind_of_command_has_a_name() {
        for locale in BOTH {
            let others = [wire::SETTLE, wire::TAKE, wire::DISCARD];
            let rounds = RoundCommand::KINDS.into_iter().chain(RouteCommand::KINDS);
            for kind in CaseCommand::KINDS.into_iter().chain(rounds).chain(others) {
                assert_ne!(action(locale, kind), kind);
            }
        }
        assert_eq!(action(Locale::zh, "meeting.order"), "meeting.order");
    }

    #[test]
    fn a_refusal_puts_what_it_mentions_into_words() {
        let property = property();
        let refused =
            Rejection::new(Code::CaseWrongStage).with("stage", "closed").with("command", "case.dispatch");
        assert_eq!(
            sentence(Locale::zh, &refused, Some(&property)),
            "这件事现在是“已办结”，不能再做“派单”。请看看最新情况。"
        );
        let long = Rejection::new(Code::CaseFieldTooLong).with("field", "reason").with("max", 2_000);
        assert_eq!(
            sentence(Locale::en, &long, None),
            "“Reason” is too long: at most 2000 characters. Please make it shorter."
        );
        let large = Rejection::new(Code::FileTooLarge).with("max", 10 * 1_024 * 1_024);
        assert_eq!(sentence(Locale::zh, &large, None), "照片太大了，最大 10 MB。请重新拍一张。");
    }

    #[test]
    fn a_refusal_asks_for_what_would_mend_it() {
        let mend = |rejection| sentence(Locale::zh, &rejection, None);
        let missing = |field| mend(Rejection::new(Code::CaseFieldMissing).with("field", field));
        assert_eq!(missing("text"), "还缺“照片或一句话”。请补上再送。");
        assert_eq!(missing("reason"), "还缺“原因”。请补上再送。");
        let wait = |seconds| mend(Rejection::new(Code::AuthTooMany).with("seconds", seconds));
        assert_eq!(wait(30), "试的次数太多了。请等 30 秒再试。");
        assert_eq!(wait(841), "试的次数太多了。请等 15 分钟再试。");
    }

    #[test]
    fn a_refusal_names_times_by_the_sites_clock() {
        let refused = Rejection::new(Code::CaseNotLater).with("until", midnight(11, 23).0);
        assert_eq!(
            sentence(Locale::zh, &refused, Some(&property())),
            "延期的时间要比原来的 11月22日 24:00 晚。请另选时间。"
        );
        assert_eq!(sentence(Locale::zh, &refused, None), "延期的时间要比原来的 … 晚。请另选时间。");
    }

    #[test]
    fn a_refusal_names_people_not_ids() {
        let property = property();
        let of = |id: PersonId| {
            let refused = Rejection::new(Code::CaseUnknownPerson).with("person", id);
            sentence(Locale::en, &refused, Some(&property))
        };
        assert!(of(person(2)).starts_with("胡刚 is not"));
        assert!(of(person(9)).starts_with("This person is not"));
        let import = Rejection::new(Code::ImportPersonCompany).with("person", "P007").with("company", "anda");
        assert!(sentence(Locale::en, &import, None).starts_with("The company anda of P007"));
    }

    #[test]
    fn a_place_is_named_as_briefly_as_it_can_be() {
        let property = property();
        let named = |id: &str| spot(&property, &id.into());
        assert_eq!(named("B5-1-LOBBY"), "5 号楼大堂");
        assert_eq!(named("B5-1-WALK"), "5 号楼 1 层走廊");
        assert_eq!(named("B5-2"), "5 号楼 2 层");
        assert_eq!(named("B5"), "5 号楼");
        assert_eq!(named("B5-101"), "5-101");
        assert_eq!(named("B6-A"), "6 号楼 A 座");
        assert_eq!(named("PLAY"), "儿童乐园");
        assert_eq!(named("G-HALL"), "园区公共大堂");
        assert_eq!(named("gone"), "gone");
    }

    #[test]
    fn a_case_is_called_by_its_place_and_its_kind() {
        let property = property();
        let mut case: Case = serde_json::from_value(serde_json::json!({
            "id": Uuid::from_u128(7),
            "version": 1,
            "reported": { "at": 0, "received": 0, "uncertain": false },
            "first_asked": { "person": person(1), "company": "own", "subcontractor": false },
            "category": "leak",
            "kind": "repair",
            "urgent": true,
            "place": "B5-1-LOBBY",
            "public_place": "B5-1-LOBBY",
            "text": "天花板滴水",
            "source": "found",
            "isolated": false,
            "photos": [],
            "stage": { "reported": { "since": 0 } },
            "clocks": { "ladder": { "step1": 0, "step2": 0 } },
            "attended": false,
            "result_told": false,
            "postponed": false,
            "check_by": 0,
            "trail": [],
        }))
        .unwrap();
        assert_eq!(title(Locale::zh, &property, &case), "5 号楼大堂漏水");
        assert_eq!(title(Locale::en, &property, &case), "Water leak, 5 号楼大堂");
        case.place = "B5-101".into();
        assert_eq!(heading(Locale::zh, &property, &CaseView::Full(Box::new(case))), "5-101 漏水");
    }

    #[test]
    fn a_step_of_the_ladder_names_the_sites_post() {
        let mut property = property();
        assert_eq!(rule(Locale::zh, &property, Rule::Step1), "升级综合组主管");
        assert_eq!(rule(Locale::en, &property, Rule::Step2), "Goes up to 管理处主任");
        property.site.ladder.clear();
        assert_eq!(rule(Locale::zh, &property, Rule::Step2), "升级主任");
    }

    #[test]
    fn a_number_is_short_within_its_year_and_a_code_before_it_is_given() {
        let given = CaseNumber::new(date(2026, 11, 22), 14);
        let id = CaseId(Uuid::from_u128(7));
        assert_eq!(number(Locale::zh, Some(&given), id, 2026), "#1122-014");
        assert_eq!(number(Locale::zh, Some(&given), id, 2027), "#20261122-014");
        assert_eq!(number(Locale::zh, None, id, 2026), "码 000007");
        assert_eq!(number(Locale::en, None, id, 2026), "code 000007");
    }

    #[test]
    fn days_near_now_have_names_and_others_their_date() {
        let (zone, now) = (china(), at(11, 22, 0, 5));
        let seen = |locale, then| day(locale, &zone, then, now);
        assert_eq!(seen(Locale::zh, at(11, 22, 23, 59)), "今天");
        assert_eq!(seen(Locale::zh, at(11, 21, 23, 59)), "昨天");
        assert_eq!(seen(Locale::en, at(11, 23, 0, 0)), "tomorrow");
        assert_eq!(seen(Locale::zh, at(11, 24, 0, 0)), "11月24日");
        assert_eq!(seen(Locale::en, at(2, 1, 9, 0)), "1 Feb");
        let last_year = zone.instant(date(2025, 12, 31).at(12, 0, 0, 0));
        assert_eq!(seen(Locale::zh, last_year), "2025年12月31日");
        assert_eq!(seen(Locale::en, last_year), "31 Dec 2025");
    }

    #[test]
    fn moments_show_the_sites_clock_and_ends_of_days_are_24_00() {
        let (zone, now) = (china(), at(11, 22, 14, 41));
        assert_eq!(moment(Locale::zh, &zone, at(11, 22, 14, 32), now), "今天 14:32");
        assert_eq!(second(&zone, at(11, 22, 14, 32)), "14:32:08");
        assert_eq!(end(Locale::zh, &zone, midnight(11, 23), now), "今天 24:00");
        assert_eq!(moment(Locale::zh, &zone, midnight(11, 23), now), "明天 00:00");
        assert_eq!(end(Locale::en, &zone, at(11, 23, 18, 0), now), "tomorrow 18:00");
    }

    #[test]
    fn lengths_of_time_are_said_in_their_largest_unit() {
        let cases = [
            (59 * SECOND, "不到 1 分钟", "under 1 min"),
            (2 * MINUTE + 59 * SECOND, "2 分钟", "2 min"),
            (3 * HOUR + 50 * MINUTE, "3 小时", "3 h"),
            (DAY, "1 天", "1 day"),
            (2 * DAY, "2 天", "2 days"),
        ];
        for (millis, zh, en) in cases {
            assert_eq!((span(Locale::zh, millis).as_str(), span(Locale::en, -millis).as_str()), (zh, en));
        }
        assert_eq!(left(Locale::zh, DAY), "还有 1 天");
        assert_eq!(left(Locale::en, -20 * MINUTE), "20 min late");
    }

    #[test]
    fn a_countdown_goes_on_below_zero() {
        assert_eq!(countdown(161 * SECOND + 999), "2:41");
        assert_eq!(countdown(0), "0:00");
        assert_eq!(countdown(-1), "-0:01");
        assert_eq!(countdown(-30 * SECOND), "-0:30");
        assert_eq!(countdown(HOUR + 5 * MINUTE + 9 * SECOND), "1:05:09");
    }

    #[test]
    fn bytes_are_said_in_their_largest_unit() {
        let said = [999, 186 * 1_024, 5 * 1_024 * 1_024 / 2, 10 << 20, 10 << 30].map(bytes);
        assert_eq!(said, ["999 B", "186 KB", "2.5 MB", "10 MB", "10 GB"]);
    }
}
