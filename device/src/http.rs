//! Requests to our own server and what its answers mean, without what carries them.

use serde::{Serialize, de::DeserializeOwned};
use shared::{Code, Rejection, json, sync::Fault, wire::Problem};

use crate::{NetworkError, PlatformError};

/// The time limit of a request that sets none.
const LIMIT_MS: u32 = 30_000;

/// A request.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    /// `GET`, `POST` …
    pub method: &'static str,
    /// The path with its query, from `/api/` on.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Option<Body>,
    /// The time limit for the whole answer.
    pub limit_ms: u32,
}

/// What a request sends.
#[derive(Debug, Clone)]
pub enum Body {
    /// JSON.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
}

impl Request {
    /// A request without a body: `GET`, `HEAD`, `DELETE`.
    pub fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: None, limit_ms: LIMIT_MS }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` of JSON.
    ///
    /// # Errors
    /// If it cannot be JSON, a mistake of the program.
    pub fn post<T: Serialize + ?Sized>(url: impl Into<String>, body: &T) -> Result<Self, PlatformError> {
        let text = serde_json::to_string(body).map_err(|error| PlatformError::Json(error.to_string()))?;
        let mut request = Self::new("POST", url).header("content-type", "application/json");
        request.body = Some(Body::Text(text));
        Ok(request)
    }

    /// Sends these bytes as the body.
    pub fn bytes(mut self, content_type: &str, bytes: Vec<u8>) -> Self {
        self.body = Some(Body::Bytes(bytes));
        self.header("content-type", content_type)
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the time limit for the whole answer.
    pub fn limit_ms(mut self, limit_ms: u32) -> Self {
        self.limit_ms = limit_ms;
        self
    }
}

/// An answer, with those of its headers that a device reads.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Vec<u8>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// `Upload-Offset`.
    pub upload_offset: Option<String>,
    /// `Upload-Seq`.
    pub upload_seq: Option<String>,
}

impl Response {
    /// Whether the status is one of success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as JSON. What does not parse did not come from our server.
    ///
    /// # Errors
    /// [`NetworkError::Unreadable`].
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PlatformError> {
        let text = String::from_utf8_lossy(&self.body);
        json::read(&text)
            .map_err(|error| NetworkError::Unreadable(format!("status {}: {error}", self.status)).into())
    }

    /// How much of an upload the server has.
    pub(crate) fn offset(&self) -> Option<usize> {
        self.upload_offset.as_ref()?.trim().parse().ok()
    }

    /// How far the site was with an upload that is complete.
    pub(crate) fn seq(&self) -> i64 {
        self.upload_seq.as_ref().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    /// The fault of an answer that is not a success.
    pub(crate) fn fault(&self) -> Fault {
        let problem: Option<Problem> = self.json().ok();
        // Seconds; a date is not used by our server.
        let retry_after = self.retry_after.as_ref().and_then(|text| text.trim().parse::<i64>().ok());
        Fault::Answered {
            status: self.status,
            code: problem.map(|problem| problem.code),
            retry_after: retry_after.map(|seconds| seconds.saturating_mul(1_000)),
        }
    }
}

/// The refusal that an answer carries, for a person to read.
pub fn problem(response: &Response) -> Rejection {
    match response.json::<Problem>() {
        Ok(problem) => Rejection { code: problem.code, fields: problem.fields },
        Err(_) if response.status >= 500 => Code::ServerUnavailable.into(),
        Err(_) => Code::DeviceOffline.into(),
    }
}
