//! The program itself: killed, stopped, and its commands.

use std::{path::Path, process::Stdio, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Response, header},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shared::{ids::CaseId, wire::Verdict};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use crate::kit::{Device, On, PASSWORD, TestApp, cast, demo, leak, tests};

tests![
    killing_the_server_loses_nothing_that_was_acknowledged,
    stopping_the_server_waits_for_no_open_stream,
    stopping_the_server_waits_for_no_endless_request,
    a_file_with_a_missing_parent_is_not_imported,
    an_administrator_is_made_by_hand,
    somebody_who_has_forgotten_the_password_gets_a_new_one,
    who_is_locked_is_out_everywhere_until_unlocked,
    data_may_lie_in_a_folder_of_any_name,
];

pub fn program(app: &TestApp, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_firsthand"));
    program.arg(command).arg("--data").arg(&app.storage.data).kill_on_drop(true);
    match &app.storage.database_url {
        Some(url) => program.env("DATABASE_URL", url),
        None => program.env_remove("DATABASE_URL"),
    };
    program
}

/// A server of its own process, with a router that passes requests on to it.
pub struct Process {
    child: Child,
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

async fn killing_the_server_loses_nothing_that_was_acknowledged(on: On) {
    let app = TestApp::start(on).await;
    app.app.db.close().await;
    let mut acknowledged: Vec<(CaseId, Verdict)> = Vec::new();
    let mut guard = Device::new(&app);
    let mut waiting: Option<(CaseId, String)> = None;
    for round in 0..3 {
        let server = Process::start(&app).await;
        guard.router = server.router.clone();
        if round == 0 {
            assert_eq!(guard.sign_in(cast::GUARD, PASSWORD).await.status, 200);
        }
        // One push after the other, until the server is shot in the middle of one.
        let shot = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(700)).await;
            server.kill().await;
        });
        loop {
            let (case, text) = waiting.take().unwrap_or_else(|| {
                let case = guard.new_case();
                let text = guard.make("case.report", case, leak());
                (case, text)
            });
            let reply = guard.try_push(&guard.pack(vec![text.clone()])).await;
            if reply.status != 200 {
                assert_eq!(reply.status, 599, "{}", reply.text);
                // Nobody knows whether it was taken; the same text is sent again.
                waiting = Some((case, text));
                break;
            }
            let verdict: Verdict =
                serde_json::from_value(reply.json()["answers"][0]["verdict"].clone()).unwrap();
            assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
            acknowledged.push((case, verdict));
        }
        shot.await.unwrap();
    }
    assert!(!acknowledged.is_empty());
    let server = Process::start(&app).await;
    guard.router = server.router.clone();
    let (case, text) = waiting.unwrap();
    let verdicts = guard.push(vec![text]).await;
    acknowledged.push((case, verdicts[0].clone()));
    let feed = guard.pull().await;
    for (case, _) in &acknowledged {
        assert!(feed.case(*case).is_some(), "{case} is lost");
    }
    // No sequence number was given twice, and no number either.
    let mut seqs: Vec<i64> = acknowledged
        .iter()
        .map(|(_, verdict)| match verdict {
            Verdict::Accepted { seq, .. } => *seq,
            Verdict::Recorded { .. } | Verdict::Rejected(_) | Verdict::Held { .. } => panic!("{verdict:?}"),
        })
        .collect();
    let count = seqs.len();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!(seqs.len(), count);
    assert_eq!(feed.docs.len(), 3 + count);
    server.kill().await;
}

async fn stopping_the_server_waits_for_no_open_stream(on: On) {
    let app = TestApp::start(on).await;
    app.app.db.close().await;
    let mut server = Process::start(&app).await;
    let mut guard = Device::new(&app);
    guard.router = server.router.clone();
    guard.sign_in(cast::GUARD, PASSWORD).await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    let request = format!("GET /api/live HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", guard.cookie);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    let pid = server.child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let status = tokio::time::timeout(Duration::from_secs(30), server.child.wait()).await;
    assert!(status.expect("it waits for the stream").unwrap().success());
}

async fn stopping_the_server_waits_for_no_endless_request(on: On) {
    let app = TestApp::start(on).await;
    app.app.db.close().await;
    let mut server = Process::start(&app).await;
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    // A body that does not come.
    let request = "POST /api/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                   expect: 100-continue\r\ncontent-length: 100\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // It is asked for, so that the handler is at work.
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100");
    let pid = server.child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    let status = tokio::time::timeout(Duration::from_secs(60), server.child.wait()).await;
    assert!(status.expect("it waits for the body").unwrap().success());
}

async fn import(app: &TestApp, file: &Path) -> (bool, String) {
    let output = program(app, "import").arg(file).output().await.unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

async fn a_file_with_a_missing_parent_is_not_imported(on: On) {
    let app = TestApp::start(on).await;
    let mut file: Value = serde_json::from_str(&demo("wanjing")).unwrap();
    file["places"][1]["parent"] = json!("W9");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let (done, said) = import(&app, &path).await;
    assert!(!done);
    assert!(said.contains("import.place_parent: place W1 lies in W9"), "{said}");
    let (done, said) = import(&app, &folder.path().join("missing.json")).await;
    assert!(!done && said.contains("cannot be read"), "{said}");
    std::fs::write(&path, demo("wanjing")).unwrap();
    assert_eq!(import(&app, &path).await, (true, String::new()));
}

async fn an_administrator_is_made_by_hand(on: On) {
    let app = TestApp::start(on).await;
    let mut program = program(&app, "add-admin");
    let output =
        program.args(["--site", "jinzhou", "--code", "ADMIN", "--name", "管理员"]).output().await.unwrap();
    assert!(output.status.success());
    let password = String::from_utf8(output.stdout).unwrap();
    let mut device = Device::new(&app);
    assert_eq!(device.sign_in("ADMIN", password.trim()).await.status, 200);
}

/// Does something to somebody's account; answers with what was printed, or with what was said against it.
async fn by_hand(app: &TestApp, command: &str, site: &str, code: &str) -> Result<String, String> {
    let output = program(app, command).args(["--site", site, "--code", code]).output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

async fn somebody_who_has_forgotten_the_password_gets_a_new_one(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let password = by_hand(&app, "set-password", "jinzhou", cast::GUARD).await.unwrap();
    assert_eq!(guard.get("/api/session").await.status, 401, "signed out");
    let mut again = Device::new(&app);
    assert_eq!(again.sign_in(cast::GUARD, PASSWORD).await.status, 401);
    assert_eq!(again.sign_in(cast::GUARD, &password).await.status, 200);
    for (site, code) in [("jinzhou", "P999"), ("nowhere", cast::GUARD)] {
        let said = by_hand(&app, "set-password", site, code).await.unwrap_err();
        assert!(said.contains(&format!("nobody at {site} has the code {code}")), "{said}");
    }
}

async fn who_is_locked_is_out_everywhere_until_unlocked(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut desk) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::DESK).await);
    let text = guard.make("case.report", guard.new_case(), leak());
    assert_eq!(by_hand(&app, "lock", "jinzhou", cast::GUARD).await, Ok(String::new()));
    assert_eq!(guard.get("/api/session").await.status, 401);
    // Staff codes are for who is there; by the telephone number people are told.
    let phone = "13900000023";
    let locked = Device::new(&app).sign_in(phone, PASSWORD).await;
    assert_eq!(locked.problem(), (403, "auth.revoked".to_owned()));
    // What was made before is for the office to look at; a file that names the person changes nothing.
    app.reimport("jinzhou", |_| ()).await;
    let reply = desk.try_push(&guard.pack(vec![text])).await;
    assert_eq!(reply.json()["answers"][0]["verdict"]["held"]["code"], "command.author_revoked");
    assert_eq!(by_hand(&app, "unlock", "jinzhou", cast::GUARD).await, Ok(String::new()));
    let mut back = Device::new(&app);
    assert_eq!(back.sign_in(cast::GUARD, PASSWORD).await.status, 200);
    back.report().await;
    assert_eq!(desk.pull().await.docs.len(), 3 + 1 + 1);
    // Who has left is not let in by unlocking.
    app.reimport("jinzhou", crate::import::without(cast::GUARD)).await;
    assert_eq!(by_hand(&app, "unlock", "jinzhou", cast::GUARD).await, Ok(String::new()));
    assert_eq!(Device::new(&app).sign_in(phone, PASSWORD).await.problem().0, 403);
}

async fn data_may_lie_in_a_folder_of_any_name(on: On) {
    // Of PostgreSQL only the photos lie there.
    let mut app = TestApp::start(on).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("数据 %41?a=b#c");
    app.storage.data = data.clone();
    let path = folder.path().join("site.json");
    std::fs::write(&path, demo("wanjing")).unwrap();
    assert_eq!(import(&app, &path).await, (true, String::new()));
    assert_eq!(data.join("firsthand.db").is_file(), on == On::Sqlite);
    assert!(data.join("files").is_dir());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}
