//! Sheets of labels to print: A4, eight to a page, each with the place, a QR code that is a link into the app, and the short
//! code for whoever cannot scan it.
//!
//! `firsthand labels` writes them to a file; `GET /api/labels` shows them to whoever answers for the routes.

use std::{collections::BTreeSet, fmt::Write};

use anyhow::Context;
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use qrcode::{Color, EcLevel, QrCode};
use serde::Deserialize;
use shared::{
    Code, Rejection,
    ids::{PlaceCode, SiteCode},
    label,
    site::Role,
    wire::Problem,
};

use super::store::{self, LabelRow};
use crate::{
    App, Error,
    accounts::SignedIn,
    body::Asked,
    db::{Conn, storable},
    sites::Known,
};

/// So many labels fit on a page.
const PER_PAGE: usize = 8;
/// The modules of white that a reader needs around a code.
const QUIET: usize = 4;

const STYLE: &str = "@page{size:A4;margin:8mm}\
    body{margin:0;color:#000;background:#fff;font:11pt/1.35 system-ui,'Noto Sans CJK SC','Microsoft YaHei',sans-serif}\
    .page{display:grid;grid-template-columns:1fr 1fr;grid-auto-rows:66mm;gap:4mm;padding:0 .5mm;break-after:page}\
    .page:last-child{break-after:auto}\
    .label{display:flex;align-items:center;gap:3mm;padding:3mm;border:.2mm dashed #888;border-radius:2mm;\
    box-sizing:border-box;overflow:hidden;break-inside:avoid}\
    svg{width:46mm;height:46mm;flex:none}\
    h2{margin:0 0 2mm;font-size:14pt;line-height:1.25;word-break:keep-all;overflow-wrap:anywhere}\
    p{margin:0 0 2mm}\
    code{font:700 13pt ui-monospace,'DejaVu Sans Mono',monospace;white-space:nowrap}";

/// Nothing but the style of the page itself.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; \
                      form-action 'none'";

/// The sheets of the labels that hang at a site, or at some of its places, with links below an address.
///
/// # Errors
/// If a place has no label, or the database fails.
pub async fn sheets(app: &App, site: &SiteCode, url: &str, places: &[PlaceCode]) -> anyhow::Result<String> {
    let mut conn = app.db.read().await?;
    let known = app.directory.get(&mut conn, site).await?;
    let known = known.with_context(|| format!("there is no site {site}"))?;
    let wanted: BTreeSet<PlaceCode> = places.iter().cloned().collect();
    let labels = hanging(&mut conn, &known, &wanted).await?;
    if let Some(place) = wanted.iter().find(|place| !labels.iter().any(|label| label.place == **place)) {
        anyhow::bail!("no label hangs at {place}");
    }
    html(&known, url, &labels)
}

/// The labels that hang at some places, at all of them if none is named, in the order of the site's places.
async fn hanging(
    conn: &mut Conn,
    known: &Known,
    wanted: &BTreeSet<PlaceCode>,
) -> sqlx::Result<Vec<LabelRow>> {
    let mut labels = store::hanging(conn, &known.site.code).await?;
    labels.retain(|label| wanted.is_empty() || wanted.contains(&label.place));
    let order = |place: &PlaceCode| known.places.all().iter().position(|one| one.id == *place);
    labels.sort_by_cached_key(|label| (order(&label.place).unwrap_or(usize::MAX), label.place.clone()));
    Ok(labels)
}

/// What is asked.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of which site.
    site: String,
    /// Of which place alone.
    place: Option<String>,
}

/// Sheets of a site's labels, for its supervisors, director and administrators: a page to be printed.
#[utoipa::path(
    get, path = "/api/labels", tag = "rounds",
    params(Wanted),
    responses(
        (status = 200, body = String, content_type = "text/html"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn labels(
    State(app): State<App>,
    signed_in: SignedIn,
    headers: HeaderMap,
    Asked(asked): Asked<Wanted>,
) -> Result<Response, Error> {
    let site = SiteCode(storable(&asked.site).into_owned());
    let mut conn = app.db.read().await?;
    let (member, known) = app.directory.reader(&mut conn, &site, signed_in.person).await?;
    if ![Role::Supervisor, Role::Director, Role::Admin].iter().any(|role| member.is(*role)) {
        return Err(Rejection::new(Code::RouteNotAllowed).with("command", "labels").into());
    }
    let place = asked.place.map(|place| PlaceCode(storable(&place).into_owned()));
    let labels = hanging(&mut conn, &known, &place.iter().cloned().collect()).await?;
    if labels.is_empty() {
        let none = Rejection::new(Code::LabelNone);
        return Err(place.into_iter().fold(none, |none, place| none.with("place", place)).into());
    }
    let page = html(&known, &address(&app, &headers)?, &labels)?;
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(([policy], Html(page)).into_response())
}

/// The address of the app as whoever asks reaches it.
///
/// # Errors
/// `label.no_address` behind a proxy, which may have asked for any: what is printed hangs on walls for years.
fn address(app: &App, headers: &HeaderMap) -> Result<String, Code> {
    if let Some(url) = &app.settings.public_url {
        return Ok(url.clone());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|_| !app.settings.behind_proxy).ok_or(Code::LabelNoAddress)?;
    Ok(format!("{}://{host}", if app.settings.secure() { "https" } else { "http" }))
}

fn html(known: &Known, url: &str, labels: &[LabelRow]) -> anyhow::Result<String> {
    let site = escaped(&known.site.name);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"zh\">\n<meta charset=\"utf-8\">\n<title>{site}</title>\n<style>{STYLE}</style>\n"
    );
    for page in labels.chunks(PER_PAGE) {
        html.push_str("<section class=\"page\">\n");
        for label in page {
            let link = format!("{}{}", url.trim_end_matches('/'), label::path(&label.token));
            let place = escaped(&known.place_name(&label.place));
            let code = label::printed(&label::code(&label.token));
            let qr = svg(&link)?;
            // Writing to a string cannot fail.
            let _ = writeln!(
                html,
                "<article class=\"label\">{qr}<div><h2>{place}</h2><p>{site}</p><p>{}</p><code>{code}</code></div>\
                 </article>",
                escaped(label.place.as_str()),
            );
        }
        html.push_str("</section>\n");
    }
    Ok(html)
}

/// A QR code that is still read with a quarter of it scratched.
fn svg(link: &str) -> anyhow::Result<String> {
    let code = QrCode::with_error_correction_level(link, EcLevel::Q)
        .with_context(|| format!("{link} fits in no QR code"))?;
    let (width, colors) = (code.width(), code.to_colors());
    let mut dark = String::new();
    for (place, _) in colors.iter().enumerate().filter(|(_, color)| **color == Color::Dark) {
        // Writing to a string cannot fail.
        let _ = write!(dark, "M{} {}h1v1h-1z", place % width + QUIET, place / width + QUIET);
    }
    let side = width + 2 * QUIET;
    Ok(format!(
        "<svg viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" role=\"img\"><path d=\"{dark}\"/></svg>"
    ))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
