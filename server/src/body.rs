//! The bodies of requests: JSON, refused with a code of ours; and how long any may take.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Query, Request, rejection::JsonRejection},
    http::request::Parts,
};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use shared::{Code, Rejection, time::Ms};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{App, Error};

/// After so long a body has ended, whatever was to come: nobody holds a request open by sending a byte now and then.
/// Time for a photo over a very poor line; what has arrived of one is kept, and the rest goes on from there.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Ends the body of a request in time.
pub async fn end_in_time(request: Request) -> Request {
    request.map(|body| until(body, LONGEST))
}

fn until(body: axum::body::Body, longest: Duration) -> axum::body::Body {
    axum::body::Body::from_stream(body.into_data_stream().take_until(tokio::time::sleep(longest)))
}

/// A body of JSON.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Body(body)),
            Err(rejection) => Err(refused(&rejection).into()),
        }
    }
}

/// What an address asks for behind its `?`.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Asked(asked)),
            Err(rejection) => {
                Err(Rejection::new(Code::RequestBadBody).with("detail", rejection.body_text()).into())
            }
        }
    }
}

/// A body of JSON that is taken apart when it is its turn.
///
/// Taken apart, a push is many times as large as it was on its way. When everybody comes back at once after an outage,
/// those whose turn it is not wait with nothing but their bytes. Nobody waits for a body that is still on its way.
/// The turns are shared by all sites: what one site's writer waits for, an import say, may keep another's pushes waiting.
#[derive(Debug)]
pub struct InTurn<T> {
    /// What was sent.
    pub body: T,
    /// When it had arrived: waiting for its turn makes nothing that it says later (R3).
    pub received: Ms,
    /// To be held until nothing of it is in memory any more.
    pub turn: Turn,
}

/// A share of what may be in memory at once.
pub type Turn = OwnedSemaphorePermit;

/// Who may take how much apart.
#[derive(Clone, Debug)]
pub struct Turns {
    free: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// The kibibytes of bodies that are taken apart at once.
const TURNS: usize = 2_560;

impl Default for Turns {
    fn default() -> Self {
        Turns { free: Arc::new(Semaphore::new(TURNS)), waiting: Arc::default() }
    }
}

impl Turns {
    /// Waits for the turn of so many bytes.
    ///
    /// # Errors
    /// None: it is the semaphore's for being closed, which it never is.
    pub async fn wait(&self, bytes: usize) -> Result<Turn, Error> {
        let weight = u32::try_from((bytes / 1024 + 1).min(TURNS)).unwrap_or(u32::MAX);
        let _waiting = Waiting::begin(&self.waiting);
        Ok(Arc::clone(&self.free).acquire_many_owned(weight).await.map_err(anyhow::Error::from)?)
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

/// Somebody waits, as long as this lives: whoever hangs up waits no longer.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn begin(waiting: &AtomicUsize) -> Waiting<'_> {
        waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<T: DeserializeOwned> FromRequest<App> for InTurn<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let head = Request::from_parts(parts.clone(), body);
        let bytes = Bytes::from_request(head, app).await.map_err(|error| refused(&error.into()))?;
        let received = app.clock.now();
        let turn = app.turns.wait(bytes.len()).await?;
        let request = Request::from_parts(parts, axum::body::Body::from(bytes));
        let Body(body) = Body::from_request(request, app).await?;
        Ok(InTurn { body, received, turn })
    }
}

fn refused(rejection: &JsonRejection) -> Rejection {
    if rejection.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return Code::RequestTooLarge.into();
    }
    Rejection::new(Code::RequestBadBody).with("detail", rejection.body_text())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};

    use super::*;

    #[tokio::test]
    async fn a_body_that_never_ends_is_ended() {
        let pieces = futures::stream::iter([Ok::<_, std::io::Error>("begun")]);
        let body = Body::from_stream(pieces.chain(futures::stream::pending()));
        let whole = to_bytes(until(body, Duration::from_millis(50)), 1_000).await.unwrap();
        assert_eq!(&whole[..], b"begun");
    }

    #[tokio::test]
    async fn a_body_in_time_is_whole() {
        let whole = to_bytes(until(Body::from("whole"), LONGEST), 1_000).await.unwrap();
        assert_eq!(&whole[..], b"whole");
    }
}
