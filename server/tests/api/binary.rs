//! The program itself: stopped, and its commands. See `kills` for what is left when it is killed.

use std::{path::Path, process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

use crate::kit::{Device, On, PASSWORD, Process, TestApp, cast, demo, leak, program, tests};

tests![
    stopping_the_server_waits_for_no_open_stream,
    stopping_the_server_waits_for_no_endless_request,
    a_file_with_a_missing_parent_is_not_imported,
    an_administrator_is_made_by_hand,
    labels_are_printed_and_replaced_by_hand,
    somebody_who_has_forgotten_the_password_gets_a_new_one,
    who_is_locked_is_out_everywhere_until_unlocked,
    what_fails_is_said_without_a_backtrace,
    whoever_reads_only_the_beginning_is_no_failure,
    data_may_lie_in_a_folder_of_any_name,
];

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

async fn labels_are_printed_and_replaced_by_hand(on: On) {
    let app = TestApp::start(on).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("labels.html");
    let labels = async |more: &[&str]| {
        let mut program = program(&app, "labels");
        program.arg(&file).args(["--site", "jinzhou", "--public-url", "https://first.example"]).args(more);
        let output = program.output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        if output.status.success() { Ok(std::fs::read_to_string(&file).unwrap()) } else { Err(said) }
    };
    let short =
        |page: &str| page.split("</code>").next().unwrap().rsplit("<code>").next().unwrap().to_owned();
    let all = labels(&[]).await.unwrap();
    assert!(all.matches("<article").count() > 8, "every place where somebody ticks has one");
    let gate = labels(&["--place", "G-GATE1"]).await.unwrap();
    assert_eq!(gate.matches("<article").count(), 1);
    assert_eq!(labels(&["--place", "G-GATE1"]).await.unwrap(), gate, "it is the same each time");
    let anew = labels(&["--place", "G-GATE1", "--replace", "G-GATE1"]).await.unwrap();
    assert_ne!(short(&anew), short(&gate));
    assert!(all.contains(&short(&gate)));
    assert!(labels(&["--place", "NOWHERE"]).await.unwrap_err().contains("NOWHERE"));
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

async fn what_fails_is_said_without_a_backtrace(on: On) {
    let app = TestApp::start(on).await;
    let mut program = program(&app, "import");
    let output = program.arg("missing.json").env("RUST_BACKTRACE", "1").output().await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.starts_with("error: missing.json cannot be read: ") && said.lines().count() == 1, "{said}");
}

async fn whoever_reads_only_the_beginning_is_no_failure(_: On) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_firsthand"));
    program.arg("openapi").stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = program.spawn().unwrap();
    let mut begun = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut begun).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
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
