//! The JSON body of a request, refused with a code of ours.

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
};
use serde::de::DeserializeOwned;
use shared::{Code, Rejection};

use crate::Error;

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
