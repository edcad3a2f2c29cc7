//! `GET /api/cases`: cases that have left the feed, found by words.
//!
//! A device finds what it holds by itself; this is for the rest. The words are in no index: a request looks at so many
//! cases at most, the latest first, and says how far back it has come, so that neither a rare word nor a large archive
//! keeps others waiting.

use axum::{Json, extract::State};
use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use shared::{
    Code,
    case::Words,
    ids::{CaseId, PersonId, SiteCode},
    time::Ms,
    wire::{CasesFound, Problem},
};

use super::store;
use crate::{App, Error, accounts::SignedIn, body::Asked, db::storable};

/// The most cases of an answer.
const FOUND_MAX: usize = 20;
/// The most cases that a request looks at.
const LOOKED_AT_MAX: usize = 2_000;
/// So many are read together.
const READ: i64 = 100;

/// What is asked.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of which site.
    site: String,
    /// Words that all have to be there: of the number, the text, the place, the category, the first-asked person.
    #[serde(default)]
    q: String,
    /// For whom it is asked: refused if somebody else is signed in, as may be on a shared phone.
    person: Option<PersonId>,
    /// Where to go on: `next` of the last answer.
    after: Option<String>,
}

/// Where a search stands: before the case of this id, reported at this instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Position {
    pub(super) reported: Ms,
    pub(super) case: CaseId,
}

/// A position as it travels. It is sealed, because it may be that of a case that its reader must not know of (R9).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Next {
    searched: SiteCode,
    person: PersonId,
    position: Position,
}

/// Cases of a site that whoever is signed in may see, the latest first.
#[utoipa::path(
    get, path = "/api/cases", tag = "sync",
    params(Wanted),
    responses(
        (status = 200, body = CasesFound),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn search(
    State(app): State<App>,
    signed_in: SignedIn,
    Asked(asked): Asked<Wanted>,
) -> Result<Json<CasesFound>, Error> {
    if asked.person.is_some_and(|person| person != signed_in.person) {
        return Err(Code::AuthRequired.into());
    }
    let site = SiteCode(storable(&asked.site).into_owned());
    let words = Words::of(&asked.q);
    let mut position = match asked.after.as_deref().filter(|after| !after.is_empty()) {
        Some(after) => {
            let next = app.sealer.open(after).and_then(|json| serde_json::from_slice(&json).ok());
            let next: Next = next.ok_or(Code::CursorUnreadable)?;
            if next.searched != site || next.person != signed_in.person {
                return Err(Code::CursorForeign.into());
            }
            Some(next.position)
        }
        None => None,
    };
    let mut conn = app.db.read().await?;
    let (member, known) = app.directory.reader(&mut conn, &site, signed_in.person).await?;
    let now = app.clock.now();
    let mut cases = Vec::new();
    let mut looked_at = 0;
    let next = loop {
        let rows = store::before(&mut conn, &site, &member, position, READ).await?;
        let last = rows.len() < usize::try_from(READ).unwrap_or(usize::MAX);
        let mut full = false;
        for (case, at) in rows {
            position = Some(at);
            looked_at += 1;
            let view = case.view(case.standings(&member, &known.site, &known.zone, now));
            let Some(view) = view else { continue };
            if words.fit(&view, &known.site, &known.places, &known.people) {
                cases.push(view);
                if cases.len() == FOUND_MAX {
                    full = true;
                    break;
                }
            }
        }
        if full || (!last && looked_at >= LOOKED_AT_MAX) {
            break position;
        }
        if last {
            break None;
        }
    };
    // The day, and no instant: it may be that of a case that the reader must not know of.
    let back_to =
        next.map(|next| known.zone.instant(known.zone.day(next.reported).to_datetime(Time::midnight())));
    let seal = |position| {
        let next = Next { searched: site.clone(), person: signed_in.person, position };
        Ok::<_, Error>(app.sealer.seal(&serde_json::to_vec(&next).map_err(anyhow::Error::from)?))
    };
    Ok(Json(CasesFound { cases, next: next.map(seal).transpose()?, back_to, server_time: now }))
}
