//! The bodies of requests: JSON, refused with a code of ours; and how long any may take.

use std::time::Duration;

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use shared::{Code, Rejection};

use crate::Error;

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
