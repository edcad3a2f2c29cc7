//! Several processes on one PostgreSQL and one S3 store, behind nginx: what one of them does the others know, and
//! one that is killed is not missed.

use std::{path::PathBuf, process::Stdio, time::Duration};

use axum::{Router, extract::Request};
use serde_json::json;
use server::{App, clock::Clock, config::Settings, live::across::catch_up, timers};
use shared::{
    case::CaseView,
    ids::CaseId,
    wire::{self, Part, Verdict},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    files::{Announced, litter, named, new_photo},
    kit::{Device, On, PASSWORD, Process, TestApp, cast, demo, leak, pass_on, program, tests},
};

tests![on &[On::PostgresAndS3];
    a_commit_of_one_process_pokes_the_streams_of_another,
    a_poke_crosses_though_the_connection_that_listens_was_cut,
    who_looks_finds_what_no_process_told,
    a_session_and_a_change_of_the_site_hold_everywhere,
    an_upload_goes_on_at_another_process,
    what_is_due_is_done_by_one_process,
    behind_nginx_killing_one_process_loses_nothing_and_devices_go_on,
];

/// Longer than anything here takes on a busy machine; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The lines of a stream of server-sent events.
struct Stream {
    connection: TcpStream,
    read: String,
}

impl Stream {
    /// Opens a device's stream at an address.
    async fn open(address: &str, device: &Device) -> Stream {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /api/live HTTP/1.1\r\nhost: x\r\ncookie: {}\r\n\r\n", device.cookie);
        connection.write_all(request.as_bytes()).await.unwrap();
        Stream { connection, read: String::new() }
    }

    /// Waits until a poke says that a site is as far as this; `None` if the stream ends before.
    async fn reaches(&mut self, seq: i64) -> Option<()> {
        let mut bytes = [0; 4_096];
        loop {
            let pokes = self.read.lines().filter_map(|line| line.strip_prefix("data: "));
            let furthest =
                pokes.filter_map(|poke| serde_json::from_str::<wire::Poke>(poke).ok()).map(|p| p.seq);
            if furthest.max().is_some_and(|furthest| furthest >= seq) {
                return Some(());
            }
            let count = timeout(PATIENCE, self.connection.read(&mut bytes)).await.expect("no poke").ok()?;
            if count == 0 {
                return None;
            }
            self.read.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }
}

/// Two processes on the database and the files of a test, and nothing else on them.
async fn two(on: On) -> (TestApp, Process, Process) {
    let app = TestApp::start(on).await;
    let (one, other) = (Process::start(&app).await, Process::start(&app).await);
    (app, one, other)
}

async fn at(server: &Process, app: &TestApp, name: &str) -> Device {
    let mut device = Device::new(app);
    device.router = server.router.clone();
    assert_eq!(device.sign_in(name, PASSWORD).await.status, 200);
    device
}

/// Reports a leak; answers with the sequence number that it has.
async fn report(device: &mut Device) -> i64 {
    match device.send("case.report", device.new_case(), leak()).await {
        Verdict::Accepted { seq, .. } => seq,
        refused => panic!("{refused:?}"),
    }
}

async fn a_commit_of_one_process_pokes_the_streams_of_another(on: On) {
    let (app, one, other) = two(on).await;
    let mut guard = at(&one, &app, cast::GUARD).await;
    let desk = at(&other, &app, cast::DESK).await;
    let mut stream = Stream::open(&other.address, &desk).await;
    for _ in 0..3 {
        let seq = report(&mut guard).await;
        stream.reaches(seq).await.unwrap();
    }
}

async fn a_poke_crosses_though_the_connection_that_listens_was_cut(on: On) {
    let (app, one, other) = two(on).await;
    let mut guard = at(&one, &app, cast::GUARD).await;
    let desk = at(&other, &app, cast::DESK).await;
    let mut stream = Stream::open(&other.address, &desk).await;
    let seq = report(&mut guard).await;
    stream.reaches(seq).await.unwrap();
    let mut conn = app.app.db.connection().await.unwrap();
    let cut: i64 = sqlx::query_scalar(
        "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity \
         where datname = current_database() and query ilike 'listen %') as cut",
    )
    .fetch_one(&mut *conn)
    .await
    .unwrap();
    assert_eq!(cut, 2);
    let seq = report(&mut guard).await;
    stream.reaches(seq).await.unwrap();
}

async fn who_looks_finds_what_no_process_told(on: On) {
    let app = TestApp::start(on).await;
    let deaf = App::open(&app.storage, Settings::default(), Clock::Manual(app.clock.clone())).await.unwrap();
    catch_up(&deaf).await.unwrap();
    let mut commits = deaf.wake.subscribe();
    // Nothing tells anybody here: neither of the two keeps in touch.
    let mut guard = app.sign_in(cast::GUARD).await;
    let seq = report(&mut guard).await;
    assert!(commits.try_recv().is_err());
    catch_up(&deaf).await.unwrap();
    let found = commits.try_recv().unwrap();
    assert_eq!((found.site.as_str(), found.seq, &found.principals), ("jinzhou", seq, &None));
    catch_up(&deaf).await.unwrap();
    assert!(commits.try_recv().is_err(), "told once");
    deaf.db.close().await;
}

async fn a_session_and_a_change_of_the_site_hold_everywhere(on: On) {
    let (app, one, other) = two(on).await;
    let mut guard = at(&one, &app, cast::GUARD).await;
    guard.router = other.router.clone();
    report(&mut guard).await;
    // The other process has read the site; then it changes.
    let mut file: serde_json::Value = serde_json::from_str(&demo("jinzhou")).unwrap();
    let mut category = file["categories"][0].clone();
    category["code"] = json!("brand_new");
    file["categories"].as_array_mut().unwrap().push(category);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let output = program(&app, "import").arg(&path).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = json!({ "category": "brand_new", "place": "B1-1-LOBBY", "text": "x", "source": "found" });
    guard.accepted("case.report", guard.new_case(), report).await;
    // A session that is ended at one process is over at the other.
    assert_eq!(guard.request("DELETE", "/api/session", None).await.status, 204);
    guard.router = one.router.clone();
    assert_eq!(guard.get("/api/session").await.status, 401);
}

async fn an_upload_goes_on_at_another_process(on: On) {
    let (app, one, other) = two(on).await;
    let mut guard = at(&one, &app, cast::GUARD).await;
    let (photo, bytes, case) = (new_photo(&guard), litter(), guard.new_case());
    let mut report = leak();
    report["photos"] = json!([named(photo, &bytes)]);
    guard.accepted("case.report", case, report).await;
    let announced = Announced::of(&guard, photo, Part::Full, &bytes);
    assert_eq!(announced.post_with(&guard, &bytes[..1_000]).await.header("upload-offset"), "1000");
    guard.router = other.router.clone();
    assert_eq!(crate::files::offset(&guard, &announced.name).await, "1000");
    one.kill().await;
    let reply = crate::files::patch(&guard, &announced.name, 1_000, bytes[1_000..].to_vec()).await;
    assert_eq!(reply.status, 204, "{}", reply.text);
    let CaseView::Full(view) = guard.pull().await.case(case).unwrap().clone() else { panic!("an outline") };
    assert!(view.photos[0].kept);
}

async fn what_is_due_is_done_by_one_process(on: On) {
    let app = TestApp::start(on).await;
    let hour = Duration::from_secs(60 * 60);
    let mut others = Vec::new();
    for _ in 0..4 {
        let clock = Clock::Manual(app.clock.clone());
        others.push(App::open(&app.storage, Settings::default(), clock).await.unwrap());
    }
    for round in 0..3 {
        let claims = others.iter().map(|app| timers::claim(app, "test", hour));
        let claimed: Vec<bool> = futures::future::try_join_all(claims).await.unwrap();
        assert_eq!(claimed.iter().filter(|claimed| **claimed).count(), 1, "round {round}");
        let again = futures::future::try_join_all(others.iter().map(|app| timers::claim(app, "test", hour)));
        assert!(again.await.unwrap().iter().all(|claimed| !claimed), "it is not due");
        app.advance(60);
    }
    for other in others {
        other.db.close().await;
    }
}

/// nginx before two processes, as README.md has it.
struct Proxy {
    child: Child,
    address: String,
    router: Router,
    folder: TempDir,
}

impl Proxy {
    async fn start(upstreams: &[&str]) -> Proxy {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let servers: String = upstreams
            .iter()
            .map(|upstream| format!("server {upstream} max_fails=1 fail_timeout=1s;"))
            .collect();
        let at = folder.path().display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;
            events {{ worker_connections 512; }}
            http {{
                access_log off;
                client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
                uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
                upstream firsthand {{ {servers} }}
                server {{
                    listen {address};
                    client_max_body_size 16m;
                    location / {{
                        proxy_pass http://firsthand;
                        proxy_http_version 1.1;
                        proxy_set_header Host $http_host;
                        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                        proxy_set_header Connection \"\";
                        proxy_buffering off;
                        proxy_read_timeout 75s;
                        proxy_next_upstream error timeout non_idempotent;
                    }}
                }}
            }}"
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let nginx = std::env::var_os("NGINX").map_or_else(|| PathBuf::from("/usr/sbin/nginx"), PathBuf::from);
        let child = Command::new(nginx)
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .arg("-c")
            .arg(&path)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx (Debian's package nginx) does not start");
        let to = address.clone();
        let router = Router::new().fallback(move |request: Request| pass_on(to.clone(), request));
        let mut proxy = Proxy { child, address, router, folder };
        timeout(PATIENCE, async {
            while TcpStream::connect(&proxy.address).await.is_err() {
                if let Ok(Some(status)) = proxy.child.try_wait() {
                    let log = std::fs::read_to_string(proxy.folder.path().join("error.log"));
                    panic!("nginx ended: {status} {log:?}");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
        .expect("nginx does not listen");
        proxy
    }
}

/// A device that reports without a pause until it is told to stop, repeating what got no answer; answers with what was
/// acknowledged.
async fn reports(mut guard: Device, mut stop: tokio::sync::watch::Receiver<bool>) -> Vec<CaseId> {
    let mut acknowledged = Vec::new();
    while !*stop.borrow_and_update() {
        let case = guard.new_case();
        let text = guard.make("case.report", case, leak());
        let verdict = timeout(PATIENCE, async {
            loop {
                let reply = guard.try_push(&guard.pack(vec![text.clone()])).await;
                if reply.status == 200 {
                    return serde_json::from_value(reply.json()["answers"][0]["verdict"].clone()).unwrap();
                }
                // Lost on the way, or nginx has nobody to ask at the moment.
                assert!(matches!(reply.status, 599 | 502 | 503), "{}: {}", reply.status, reply.text);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("the device does not get through");
        assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
        acknowledged.push(case);
    }
    acknowledged
}

async fn behind_nginx_killing_one_process_loses_nothing_and_devices_go_on(on: On) {
    let (app, one, other) = two(on).await;
    let proxy = Proxy::start(&[&one.address, &other.address]).await;
    let through = async |name: &str| {
        let mut device = Device::new(&app);
        device.router = proxy.router.clone();
        assert_eq!(device.sign_in(name, PASSWORD).await.status, 200);
        device
    };
    let mut desk = through(cast::DESK).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut guards = tokio::task::JoinSet::new();
    for name in [cast::GUARD, cast::OTHER_GUARD, cast::CLEANER] {
        guards.spawn(reports(through(name).await, stopped.clone()));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    one.kill().await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let mut stream = Stream::open(&proxy.address, &desk).await;
    let mut technician = through(cast::TECHNICIAN).await;
    let seq = report(&mut technician).await;
    stream.reaches(seq).await.unwrap();
    stop.send_replace(true);
    let mut acknowledged = Vec::new();
    while let Some(cases) = guards.join_next().await {
        let cases = timeout(PATIENCE, async { cases.unwrap() }).await.unwrap();
        assert!(cases.len() > 1, "a device stood still");
        acknowledged.extend(cases);
    }
    let feed = desk.pull().await;
    let lost: Vec<&CaseId> = acknowledged.iter().filter(|case| feed.case(**case).is_none()).collect();
    assert!(lost.is_empty(), "{lost:?}");
    // Nothing was counted twice: the technician's, and one each.
    assert_eq!(feed.docs.len(), 3 + 1 + acknowledged.len());
    other.kill().await;
}
