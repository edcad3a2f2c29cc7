//! What the server says of itself: log, request ids, figures, and the body of every error answer.
//!
//! [`observe`] is the outermost layer: it names each request, measures it, turns a [`Failure`] into a
//! [`Problem`] that carries the request's id, and is the one place where a failure is logged.

use std::{any::Any, io::IsTerminal, sync::OnceLock};

use anyhow::Context;
use axum::{
    Json,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use shared::{Code, wire::Problem};
use tracing::Instrument;
use tracing_subscriber::EnvFilter;

use crate::{App, Error, accounts, clock::Stopwatch, config::LogFormat, error::Failure, random, site_files};

/// Names a request in the log, in the answer's header and in its [`Problem`].
const REQUEST_ID: &str = "x-request-id";

/// Starts the log.
///
/// # Errors
/// If it was started before.
pub fn start_log(format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
}

/// The recorder of the figures, one for the process.
///
/// # Errors
/// If another library has installed one.
pub fn figures() -> anyhow::Result<&'static PrometheusHandle> {
    static FIGURES: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    const SECONDS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
    const GATHERED: [f64; 6] = [1.0, 2.0, 5.0, 20.0, 50.0, 200.0];
    FIGURES
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
                .and_then(|builder| {
                    builder.set_buckets_for_metric(Matcher::Full("writes_gathered".to_owned()), &GATHERED)
                })
                .and_then(PrometheusBuilder::install_recorder)
                .inspect(|_| {
                    metrics::describe_histogram!(
                        "writes_gathered",
                        "Pushes and notes of uploads that shared one transaction."
                    );
                })
                .map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("the figures cannot be recorded")
}

/// The figures in Prometheus' format.
pub async fn metrics() -> Result<String, Error> {
    Ok(figures()?.render())
}

/// Whether the process lives.
pub async fn healthz() -> &'static str {
    "ok"
}

/// Whether it can do its work: the database answers, which it does only with its tables in place, and there is an app to
/// serve.
pub async fn readyz(State(app): State<App>) -> Result<&'static str, Error> {
    accounts::store::epoch(&mut *app.db.connection().await?).await?;
    if !site_files::present(&app).await? {
        tracing::warn!("not ready: there is no app to serve");
        return Err(Code::ServerUnavailable.into());
    }
    Ok("ok")
}

/// Names, measures and logs a request, and writes the body of an error.
pub async fn observe(mut request: Request, next: Next) -> Result<Response, Error> {
    let watch = Stopwatch::start();
    let id = request_id(&request)?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(REQUEST_ID, value);
    }
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    // Without the query: it holds cursors.
    let span = tracing::info_span!("request", id, %method, path = request.uri().path());

    let mut response = next.run(request).instrument(span.clone()).await;

    let _entered = span.enter();
    let status = response.status();
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        let Failure { rejection, detail } = failure;
        match detail {
            Some(detail) => tracing::error!(code = %rejection.code, detail, "failed"),
            // Without the fields, which may repeat what was sent.
            None => tracing::info!(code = %rejection.code, "refused"),
        }
        metrics::counter!("problems_total", "code" => rejection.code.as_str()).increment(1);
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            code: rejection.code,
            fields: rejection.fields,
            request_id: id.clone(),
        };
        let (parts, _) = response.into_parts();
        let mut body = Json(problem).into_response();
        body.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        // A body of its own length replaces the empty one.
        body.headers_mut().extend(parts.headers.into_iter().filter_map(|(name, value)| {
            name.filter(|name| name != header::CONTENT_LENGTH).map(|name| (name, value))
        }));
        *body.status_mut() = status;
        response = body;
    }
    let elapsed = watch.elapsed();
    tracing::debug!(status = status.as_u16(), ms = elapsed.as_millis(), "answered");
    // A made-up method would be a figure of its own.
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let method = if known.contains(&method) { method.to_string() } else { "other".to_owned() };
    let labels = [("method", method), ("route", route), ("status", status.as_u16().to_string())];
    metrics::counter!("http_requests_total", &labels).increment(1);
    metrics::histogram!("http_request_seconds", &labels[..2]).record(elapsed.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    Ok(response)
}

/// The id that a proxy gave, if it is a short plain word, or a new one.
fn request_id(request: &Request) -> Result<String, Error> {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| {
        (8..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match given.filter(plain) {
        Some(id) => Ok(id.to_owned()),
        None => Ok(shared::wire::hex(&random::bytes::<8>()?)),
    }
}

/// The answer to a request whose handler panicked.
pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    Error::Other(anyhow::anyhow!("a handler panicked: {said}")).into_response()
}

/// The answer under `/api` where there is nothing.
pub async fn not_found() -> Error {
    Code::RequestNotFound.into()
}

/// The answer to a method that an address does not take.
pub async fn wrong_method() -> Error {
    Code::RequestMethod.into()
}
