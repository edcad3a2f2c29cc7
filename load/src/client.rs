//! Requests over HTTP/1.1, as many at once as asked for, and how long they took.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode, body::Incoming, header};
use hyper_util::{
    client::legacy::{Client as Legacy, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::task::JoinSet;

use crate::{
    crew::Push,
    figures::{now, since},
};

/// A client of one server. Every clone shares its connections.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    http: Legacy<HttpConnector, Full<Bytes>>,
}

/// The pokes that a session hears: the first one greets it.
#[derive(Debug)]
pub struct Pokes(Incoming);

impl Pokes {
    /// Waits for the next one.
    pub async fn next(&mut self) -> anyhow::Result<()> {
        while let Some(frame) = self.0.frame().await {
            let data = frame?.into_data().unwrap_or_default();
            if data.windows(5).any(|bytes| bytes == b"data:") {
                return Ok(());
            }
        }
        bail!("the stream has ended")
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Client {
    /// A client of the server at an address.
    pub fn of(url: &str) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Client { url: url.to_owned(), http: Legacy::builder(TokioExecutor::new()).build(connector) }
    }

    /// Sends a request.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        cookie: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> anyhow::Result<Reply> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::COOKIE, cookie);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = self.http.request(request.body(Full::new(body))?).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Reply { status: parts.status, headers: parts.headers, body })
    }

    /// Asks for something.
    pub async fn get(&self, path: &str, cookie: &str) -> anyhow::Result<Reply> {
        self.send("GET", path, cookie, &[], Bytes::new()).await
    }

    /// Begins to listen to what a session is poked about.
    pub async fn listen(&self, cookie: &str) -> anyhow::Result<Pokes> {
        let request = Request::builder().uri(format!("{}/api/live", self.url)).header(header::COOKIE, cookie);
        let response = self.http.request(request.body(Full::default())?).await?;
        ensure!(response.status() == 200, "/api/live: {}", response.status());
        Ok(Pokes(response.into_body()))
    }

    /// Sends a push; all of its commands must be accepted.
    pub async fn push(&self, push: &Push) -> anyhow::Result<usize> {
        let json = [("content-type", "application/json".to_owned())];
        let reply = self.send("POST", "/api/push", &push.cookie, &json, push.body.clone()).await?;
        ensure!(reply.status == 200, "{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
        let accepted = count(&reply.body, b"\"accepted\"");
        ensure!(
            accepted == push.commands,
            "{accepted} of {} accepted: {}",
            push.commands,
            String::from_utf8_lossy(&reply.body)
        );
        Ok(reply.body.len())
    }
}

/// How often some bytes are in others: an answer is not parsed, which would take the server's time.
fn count(bytes: &[u8], of: &[u8]) -> usize {
    bytes.windows(of.len()).filter(|window| window == &of).count()
}

/// What became of many requests.
#[derive(Default, Debug)]
pub struct Sent {
    /// How long each took.
    pub took: Vec<Duration>,
    /// How long all of them took.
    pub all: Duration,
    /// Bytes of the bodies sent.
    pub up: usize,
    /// Bytes of the bodies that came back.
    pub down: usize,
}

/// Sends pushes: each list over a connection of its own, one after the other.
pub async fn push_all(client: &Client, lists: Vec<Vec<Push>>) -> anyhow::Result<Sent> {
    let mut tasks = JoinSet::new();
    let start = now();
    for list in lists {
        let client = client.clone();
        tasks.spawn(async move {
            let mut sent = Sent::default();
            for push in list {
                let start = now();
                sent.down += client.push(&push).await?;
                sent.took.push(since(start));
                sent.up += push.body.len();
            }
            anyhow::Ok(sent)
        });
    }
    gather(tasks, start).await
}

/// Puts together what tasks have sent.
pub async fn gather(
    mut tasks: JoinSet<anyhow::Result<Sent>>,
    start: std::time::Instant,
) -> anyhow::Result<Sent> {
    let mut all = Sent::default();
    while let Some(sent) = tasks.join_next().await {
        let sent = sent.context("a task of the load")??;
        all.took.extend(sent.took);
        all.up += sent.up;
        all.down += sent.down;
    }
    all.all = since(start);
    Ok(all)
}

/// Deals what phones send among connections, so that what one phone sends stays in its order.
pub fn deal(phones: Vec<Vec<Push>>, connections: usize) -> Vec<Vec<Push>> {
    let mut lists: Vec<Vec<Push>> = (0..connections).map(|_| Vec::new()).collect();
    for (i, pushes) in phones.into_iter().enumerate() {
        lists[i % connections].extend(pushes);
    }
    lists
}
