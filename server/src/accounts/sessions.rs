//! A person's own sessions: listing and revoking them.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use shared::{Code, session::SessionEntry, wire::Problem};

use super::{SignedIn, store};
use crate::{App, Error, db::storable};

/// The sessions of whoever is signed in, latest used first.
#[utoipa::path(
    get, path = "/api/sessions", tag = "session",
    responses(
        (status = 200, body = Vec<SessionEntry>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn list(
    State(app): State<App>,
    signed_in: SignedIn,
) -> Result<Json<Vec<SessionEntry>>, Error> {
    let mut conn = app.db.connection().await?;
    let sessions = store::sessions_of(&mut conn, signed_in.person, app.clock.now()).await?;
    let entry = |session: store::Session| SessionEntry {
        current: session.id == signed_in.session,
        id: session.id,
        label: session.label,
        created: session.created,
        seen: session.seen,
    };
    Ok(Json(sessions.into_iter().map(entry).collect()))
}

/// Ends a session of whoever is signed in.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "session",
    params(("id" = String, Path, description = "The session's id, not its token")),
    responses(
        (status = 204, description = "Ended"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
pub(super) async fn revoke(
    State(app): State<App>,
    signed_in: SignedIn,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Error> {
    let Path(id) = id.map_err(|_| Code::RequestNotFound)?;
    let mut tx = app.db.write().await?;
    let ended = store::end_session(&mut tx, signed_in.person, &storable(&id)).await?;
    tx.commit().await?;
    if ended { Ok(StatusCode::NO_CONTENT) } else { Err(Code::RequestNotFound.into()) }
}
