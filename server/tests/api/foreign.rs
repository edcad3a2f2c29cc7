//! Photos by clients of tus that are not ours, against the program itself: `tus-js-client` and `tuspy`.
//!
//! What they do is in `server/tests/foreign`; what came of it at the server is looked at here.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::{
    case::CaseView,
    ids::{AttachmentId, CaseId},
    wire,
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::kit::{Device, On, PASSWORD, Process, TestApp, cast, foreign_node, foreign_python, leak, tests};

tests![;
    Node: tus_js_client_sends_a_photo,
    tus_js_client_sends_a_photo_with_its_announcement,
    tus_js_client_pauses_and_goes_on,
    tus_js_client_gives_an_upload_up,
    ;
    Python: tuspy_sends_a_photo,
    tuspy_pauses_and_goes_on,
    tuspy_says_what_its_bytes_sum_up_to,
    tuspy_is_refused_a_wrong_sum,
];

/// So many bytes go in one request.
const CHUNK: usize = 400_000;

/// A photo that a guard has reported, a server of its own process, and a client that is to bring the bytes.
struct Stage {
    guard: Device,
    server: Process,
    case: CaseId,
    photo: AttachmentId,
    file: String,
    bytes: Vec<u8>,
    /// Where the client keeps the addresses of what it has begun.
    folder: TempDir,
    // The data lie in a folder that goes with it.
    _app: TestApp,
}

impl Stage {
    async fn set(on: On) -> Stage {
        let app = TestApp::start(on).await;
        app.app.db.close().await;
        let server = Process::start(&app).await;
        let mut guard = Device::new(&app);
        guard.router = server.router.clone();
        assert_eq!(guard.sign_in(cast::GUARD, PASSWORD).await.status, 200);
        let file = format!("{}/../demo/photos/leak-12mp.jpg", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(&file).unwrap();
        let photo = AttachmentId(guard.new_id());
        let mut report = leak();
        report["photos"] = json!([{
            "id": photo, "sha256": sha256(&bytes), "bytes": bytes.len(), "width": 4000, "height": 3000,
            "thumb_sha256": sha256(b"none"), "thumb_bytes": 4,
        }]);
        let case = guard.new_case();
        guard.accepted("case.report", case, report).await;
        let folder = tempfile::tempdir().unwrap();
        Stage { guard, server, case, photo, file, bytes, folder, _app: app }
    }

    fn asked(&self, task: &str) -> String {
        let asked = json!({
            "task": task,
            "endpoint": format!("http://{}/api/files", self.server.address),
            "cookie": self.guard.cookie,
            "file": self.file,
            "chunk": CHUNK,
            "urls": self.folder.path().join("urls.json"),
            "metadata": {
                "name": self.photo.to_string(), "site": self.guard.site, "sha256": sha256(&self.bytes),
            },
        });
        asked.to_string()
    }

    async fn tus_js_client(&self, task: &str) -> Value {
        run(Command::new(foreign_node().unwrap()).arg("tus.mjs").arg(self.asked(task))).await
    }

    async fn tuspy(&self, task: &str) -> Value {
        run(Command::new(foreign_python().unwrap()).arg("tus.py").arg(self.asked(task))).await
    }

    fn url(&self) -> String {
        format!("http://{}/api/files/{}", self.server.address, self.photo)
    }

    /// The case has the photo, verified, and shows its pixels.
    async fn the_photo_is_there(mut self) {
        let case = self.case;
        let CaseView::Full(shown) = self.guard.pull().await.case(case).unwrap().clone() else {
            panic!("only an outline")
        };
        assert_eq!(shown.photos.len(), 1);
        assert!(shown.photos[0].kept && shown.photos[0].photo.sha256 == sha256(&self.bytes));
        let path = format!("/api/cases/{case}/photos/{}?site=jinzhou", self.photo);
        let reply = self.guard.get(&path).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, "image/jpeg"));
        self.server.kill().await;
    }
}

fn sha256(bytes: &[u8]) -> String {
    wire::hex(&Sha256::digest(bytes))
}

/// What a client says that it did.
async fn run(client: &mut Command) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    let output = client.current_dir(folder).stderr(Stdio::piped()).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn tus_js_client_sends_a_photo(on: On) {
    let stage = Stage::set(on).await;
    let said = stage.tus_js_client("whole").await;
    assert_eq!(said["url"], stage.url());
    let chunks = stage.bytes.len().div_ceil(CHUNK);
    assert_eq!(said["answers"].as_array().unwrap().len(), 1 + chunks);
    assert_eq!(said["answers"][0], json!(["POST", 201, "0"]));
    assert_eq!(said["answers"][chunks], json!(["PATCH", 204, stage.bytes.len().to_string()]));
    stage.the_photo_is_there().await;
}

async fn tus_js_client_sends_a_photo_with_its_announcement(on: On) {
    let stage = Stage::set(on).await;
    let said = stage.tus_js_client("whole_in_one_request").await;
    assert_eq!(said["answers"], json!([["POST", 201, stage.bytes.len().to_string()]]));
    stage.the_photo_is_there().await;
}

async fn tus_js_client_pauses_and_goes_on(on: On) {
    let stage = Stage::set(on).await;
    stage.tus_js_client("begin").await;
    let said = stage.tus_js_client("whole").await;
    assert_eq!((&said["url"], &said["resumed"]), (&json!(stage.url()), &json!(true)));
    assert_eq!(said["answers"][0][0], "HEAD");
    let offset: usize = said["answers"][0][2].as_str().unwrap().parse().unwrap();
    assert!(offset >= CHUNK && offset < stage.bytes.len(), "{said}");
    stage.the_photo_is_there().await;
}

async fn tus_js_client_gives_an_upload_up(on: On) {
    let stage = Stage::set(on).await;
    let said = stage.tus_js_client("terminate").await;
    let last = said["answers"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last[0], &last[1]), (&json!("DELETE"), &json!(204)));
    // Nothing of it is left: it begins anew, and is whole.
    let said = stage.tus_js_client("whole").await;
    let posted = said["answers"].as_array().unwrap().iter().find(|answer| answer[0] == "POST").unwrap();
    assert_eq!(posted, &json!(["POST", 201, "0"]));
    stage.the_photo_is_there().await;
}

async fn tuspy_sends_a_photo(on: On) {
    let stage = Stage::set(on).await;
    let said = stage.tuspy("whole").await;
    assert_eq!(said, json!({ "url": stage.url(), "offset": stage.bytes.len(), "resumed_at": 0 }));
    stage.the_photo_is_there().await;
}

async fn tuspy_pauses_and_goes_on(on: On) {
    let stage = Stage::set(on).await;
    let said = stage.tuspy("begin").await;
    assert_eq!(said, json!({ "url": stage.url(), "offset": CHUNK }));
    let said = stage.tuspy("whole").await;
    assert_eq!(said["resumed_at"], CHUNK);
    stage.the_photo_is_there().await;
}

async fn tuspy_says_what_its_bytes_sum_up_to(on: On) {
    for algorithm in ["sha1", "sha256"] {
        let stage = Stage::set(on).await;
        assert_eq!(stage.tuspy(algorithm).await["offset"], stage.bytes.len());
        stage.the_photo_is_there().await;
    }
}

async fn tuspy_is_refused_a_wrong_sum(on: On) {
    let stage = Stage::set(on).await;
    let said = stage.tuspy("wrong").await;
    assert_eq!((&said["status"], &said["code"]), (&json!(460), &json!("file.wrong_checksum")));
    assert_eq!(said["offset"], 0, "what it sent counts for nothing");
    assert_eq!(stage.tuspy("sha1").await["offset"], stage.bytes.len());
    stage.the_photo_is_there().await;
}
