//! `GET /api/rounds/report`: the rounds of a day or more, per stop, route and person, as JSON, CSV or a workbook; and
//! `GET /api/rounds/readings`: the answers to one item over time.
//!
//! What a report says is the shared rules' ([`RoundsReport`]). It is for those who look after rounds, each of whom gets what they
//! may see; whoever walks them has their own on the phone.

use std::{ops::RangeInclusive, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use shared::{
    Code, Rejection,
    ids::{ItemCode, PersonId, RouteCode, SiteCode, StopCode},
    round::{
        LOOK_AFTER, Round,
        report::{DaysReport, Point, Readings, RoundsReport},
    },
    site::Member,
    time::Ms,
    wire::Problem,
};

use super::{
    store,
    table::{self, Language, Table},
};
use crate::{
    App, Error,
    accounts::SignedIn,
    body::Asked,
    db::{Conn, storable},
    sites::Known,
};

/// The most days of a report.
const REPORT_DAYS: i32 = 31;
/// The most days of readings.
const READING_DAYS: i32 = 92;

/// As what a report comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Format {
    /// For the app.
    #[default]
    Json,
    /// One line per stop.
    Csv,
    /// Sheets of stops, routes and people.
    Xlsx,
}

/// What is asked.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of which site.
    site: String,
    /// The day, `2026-11-23`: that on which a series of rounds starts (R13).
    day: String,
    /// The last day, if there are several: 31 at most.
    until: Option<String>,
    /// Of which route alone.
    route: Option<String>,
    /// Of which person alone.
    person: Option<PersonId>,
    /// As what.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
    /// In which language the headings of a table are.
    #[serde(default)]
    #[param(inline, required = false)]
    lang: Language,
}

/// The rounds of a day or more, for those who look after them.
#[utoipa::path(
    get, path = "/api/rounds/report", tag = "rounds",
    params(Wanted),
    responses(
        (status = 200, content((DaysReport = "application/json"), (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn report(
    State(app): State<App>,
    signed_in: SignedIn,
    Asked(asked): Asked<Wanted>,
) -> Result<Response, Error> {
    let site = SiteCode(storable(&asked.site).into_owned());
    let days = days(&asked.day, asked.until.as_deref(), REPORT_DAYS)?;
    let route = asked.route.map(|route| RouteCode(storable(&route).into_owned()));
    let mut conn = app.db.read().await?;
    let reader = Reader::of(&app, &mut conn, &site, &signed_in).await?;
    let rounds = reader.rounds(&mut conn, days.clone(), route.as_ref()).await?;
    let usual = store::usual(&mut conn, &site).await?;
    // Others need the connection, and the threads that answer requests, while a month is put into a workbook.
    drop(conn);
    let now = reader.now;
    let (format, language) = (asked.format, asked.lang);
    let of = table::Asked { days: days.clone(), route, person: asked.person };
    let made = tokio::task::spawn_blocking(move || {
        let mut report = RoundsReport::of(&rounds, &reader.known.places, &usual, now);
        if let Some(person) = of.person {
            report = report.only(person);
        }
        let table = Table { known: &reader.known, report: &report, of: &of, language };
        let bytes = match format {
            Format::Json => Vec::new(),
            Format::Csv => table.csv()?,
            Format::Xlsx => table.xlsx()?,
        };
        let name = table.name();
        anyhow::Ok((report, bytes, name))
    });
    let (report, bytes, name) = made.await.map_err(anyhow::Error::new)??;
    let (mime, ending) = match format {
        Format::Json => {
            let (day, until) = (days.start().to_string(), days.end().to_string());
            return Ok(Json(DaysReport { site, day, until, report, server_time: now }).into_response());
        }
        Format::Csv => ("text/csv; charset=utf-8", "csv"),
        Format::Xlsx => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(mime)),
        (header::CONTENT_DISPOSITION, attachment(&format!("{name}.{ending}"))?),
    ];
    Ok((headers, bytes).into_response())
}

/// That a file is to be kept by a name, which may have letters of every language (RFC 6266); what knows only those of English
/// is given these.
fn attachment(name: &str) -> anyhow::Result<HeaderValue> {
    let plain: String = name.chars().filter(char::is_ascii).collect();
    let coded = utf8_percent_encode(name, NON_ALPHANUMERIC);
    Ok(HeaderValue::try_from(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}"))?)
}

/// Which readings are asked for.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WantedReadings {
    /// Of which site.
    site: String,
    /// The first day, `2026-11-23`.
    day: String,
    /// The last day, if there are several: 92 at most.
    until: Option<String>,
    /// Of which route.
    route: String,
    /// Of which stop.
    stop: String,
    /// Of which item.
    item: String,
}

/// The answers to an item over time, of each round the last, for those who look after rounds.
#[utoipa::path(
    get, path = "/api/rounds/readings", tag = "rounds",
    params(WantedReadings),
    responses(
        (status = 200, body = Readings),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn readings(
    State(app): State<App>,
    signed_in: SignedIn,
    Asked(asked): Asked<WantedReadings>,
) -> Result<Json<Readings>, Error> {
    let site = SiteCode(storable(&asked.site).into_owned());
    let days = days(&asked.day, asked.until.as_deref(), READING_DAYS)?;
    let route = RouteCode(storable(&asked.route).into_owned());
    let (stop, code) = (StopCode(asked.stop), ItemCode(asked.item));
    let mut conn = app.db.read().await?;
    let reader = Reader::of(&app, &mut conn, &site, &signed_in).await?;
    let rounds = reader.rounds(&mut conn, days, Some(&route)).await?;
    let (mut item, mut points) = (None, Vec::new());
    for round in &rounds {
        let asked = round.find(&stop).and_then(|stop| stop.items.iter().find(|item| item.code == code));
        let answers = round.at(&stop).flat_map(|event| {
            let found = event.change.readings().filter(|(item, _)| **item == code);
            found.map(move |(_, reading)| (event, reading))
        });
        // An answer takes the place of those before it: what was mistyped is on no line.
        points.extend(answers.last().map(|(event, reading)| Point {
            round: round.id,
            time: event.time,
            by: event.by,
            reading: reading.clone(),
            abnormal: asked.is_some_and(|item| item.abnormal(reading)),
        }));
        item = asked.cloned().or(item);
    }
    points.sort_by_key(|point| point.time.at);
    Ok(Json(Readings { item, points }))
}

/// Somebody who asks about rounds.
struct Reader {
    member: Member,
    known: Arc<Known>,
    now: Ms,
}

impl Reader {
    async fn of(app: &App, conn: &mut Conn, site: &SiteCode, signed_in: &SignedIn) -> Result<Reader, Error> {
        let (member, known) = app.directory.reader(conn, site, signed_in.person).await?;
        Ok(Reader { member, known, now: app.clock.now() })
    }

    /// Those rounds of some days that the reader looks after, as the reader may see them.
    async fn rounds(
        &self,
        conn: &mut Conn,
        days: RangeInclusive<Date>,
        route: Option<&RouteCode>,
    ) -> Result<Vec<Round>, Error> {
        let Known { site, zone, people, .. } = &*self.known;
        let rounds = store::rounds_of_days(conn, &site.code, days, route).await?;
        let seen = rounds.iter().filter_map(|round| {
            let who = round.standings(&self.member, site, zone, self.now);
            round.view(&self.member, who, people).filter(|_| who.any(LOOK_AFTER))
        });
        Ok(seen.collect())
    }
}

/// The days from one to another, which is the same where none is given.
fn days(first: &str, last: Option<&str>, most: i32) -> Result<RangeInclusive<Date>, Rejection> {
    let read = |text: &str| {
        text.parse::<Date>()
            .map_err(|_| Rejection::new(Code::RequestBadBody).with("detail", format_args!("no day: {text}")))
    };
    let (first, last) = (read(first)?, read(last.unwrap_or(first))?);
    let count = (last - first).get_days() + 1;
    if !(1..=most).contains(&count) {
        return Err(Rejection::new(Code::RoundBadDays).with("max", most));
    }
    Ok(first..=last)
}
