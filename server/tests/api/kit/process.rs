//! The program itself, started as a process of its own.

use std::process::Stdio;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Response, header},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use super::TestApp;

/// The program with a command, on the data of a test.
pub fn program(app: &TestApp, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_firsthand"));
    program.arg(command).arg("--data").arg(&app.storage.data).kill_on_drop(true);
    match &app.storage.database_url {
        Some(url) => program.env("DATABASE_URL", url),
        None => program.env_remove("DATABASE_URL"),
    };
    match &app.storage.files_url {
        Some(url) => program.env("FILES_URL", url),
        None => program.env_remove("FILES_URL"),
    };
    program
}

/// A server of its own process, with a router that passes requests on to it.
pub struct Process {
    pub child: Child,
    pub router: Router,
    pub address: String,
}

impl Process {
    pub async fn start(app: &TestApp) -> Process {
        let mut program = program(app, "serve");
        program.args(["--listen", "127.0.0.1:0", "--log-format", "json"]);
        let mut child = program.env("RUST_LOG", "info").stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("the server ended");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == "listening" {
                break line["address"].as_str().unwrap().to_owned();
            }
        };
        // Whatever it says later must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let to = address.clone();
        let router = Router::new().fallback(move |request: Request| pass_on(to.clone(), request));
        Process { child, router, address }
    }

    /// SIGKILL: nothing is said, nothing is flushed.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Sends a request over a connection of its own. A server that is no more answers 599.
pub async fn pass_on(address: String, request: Request) -> Response<Body> {
    exchange(&address, request)
        .await
        .unwrap_or_else(|| Response::builder().status(599).body(Body::empty()).unwrap())
}

async fn exchange(address: &str, request: Request) -> Option<Response<Body>> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let (parts, body) = request.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    let mut text =
        format!("{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n", parts.method, parts.uri);
    for (name, value) in &parts.headers {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream.write_all(text.as_bytes()).await.ok()?;
    stream.write_all(&body).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let split = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at(split + 4);
    let head = String::from_utf8(head.to_vec()).unwrap();
    let status = head.split(' ').nth(1)?.parse::<u16>().ok()?;
    let mut response = Response::builder().status(status);
    let mut length = None;
    for (name, value) in head.lines().skip(1).filter_map(|line| line.split_once(": ")) {
        if name.eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str()) {
            length = value.parse().ok();
        }
        response = response.header(name, value);
    }
    // An answer that was cut off is none. Some have no body, whatever they say of its length.
    let bodiless = parts.method == axum::http::Method::HEAD || status == 204;
    (bodiless || length == Some(body.len())).then(|| response.body(Body::from(body.to_vec())).unwrap())
}
