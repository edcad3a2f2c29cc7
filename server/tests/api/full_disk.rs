//! A disk without room, a real one: nothing is acknowledged that is not kept, nothing is kept that was not decided, and
//! with room again it goes on.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use axum::{
    body::Body,
    http::{Request, request::Builder},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::{
    ids::{AttachmentId, CaseId},
    wire::{self, Part, Verdict},
};

use crate::kit::{Device, On, PASSWORD, Process, Reply, TestApp, cast, leak, long_photo, tests};

tests![; Root: a_full_disk_is_said_and_loses_nothing];

/// A small disk of its own, in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount(size: &str) -> Disk {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(folder.path());
        assert!(mount.status().unwrap().success(), "a disk cannot be mounted");
        Disk(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn grow(&self, size: &str) {
        let mut mount = Command::new("mount");
        mount.args(["-o", &format!("remount,size={size}")]).arg(self.0.path());
        assert!(mount.status().unwrap().success());
    }

    /// Fills all but so many bytes.
    fn fill_but(&self, ballast: &Path, left: u64) {
        use std::io::Write;
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(ballast).unwrap();
        while file.write_all(&[7; 4_096]).is_ok() {}
        let length = file.metadata().unwrap().len();
        file.set_len(length.saturating_sub(left)).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("--lazy").arg(self.0.path()).status().ok();
    }
}

/// A refusal that says what is the matter, and when to come again.
fn says_full(reply: &Reply) {
    assert!(matches!(reply.status, 507 | 503), "{} {}", reply.status, reply.text);
    let (_, code) = reply.problem();
    assert!(matches!(code.as_str(), "server.full" | "server.unavailable"), "{code}");
    assert!(!reply.header("retry-after").is_empty());
}

async fn a_full_disk_is_said_and_loses_nothing(on: On) {
    let mut app = TestApp::start(on).await;
    app.stop().await;
    let disk = Disk::mount("16m");
    let data = disk.path("data");
    std::fs::create_dir(&data).unwrap();
    if on == On::Sqlite {
        std::fs::copy(app.storage.data.join("firsthand.db"), data.join("firsthand.db")).unwrap();
    }
    app.storage.data = data;
    let server = Process::start(&app).await;
    let mut guard = Device::new(&app);
    guard.router = server.router.clone();
    assert_eq!(guard.sign_in(cast::GUARD, PASSWORD).await.status, 200);

    // Photos until none fits any more.
    let bytes = long_photo();
    let mut kept: Vec<(CaseId, AttachmentId)> = Vec::new();
    let (refused_case, refused_photo) = loop {
        let (case, photo) = (guard.new_case(), AttachmentId(guard.new_id()));
        let mut report = leak();
        report["photos"] = json!([{
            "id": photo, "sha256": sha256(&bytes), "bytes": bytes.len(), "width": 1000, "height": 800,
            "thumb_sha256": sha256(b"none"), "thumb_bytes": 4,
        }]);
        guard.accepted("case.report", case, report).await;
        let reply = send_photo(&guard, photo, &bytes).await;
        if reply.status != 201 {
            says_full(&reply);
            break (case, photo);
        }
        kept.push((case, photo));
    };
    assert!(kept.len() > 1, "only {} photos fit", kept.len());

    // Then commands, where the database is on this disk.
    let mut acknowledged: Vec<CaseId> = kept.iter().map(|(case, _)| *case).chain([refused_case]).collect();
    let ballast = disk.path("ballast");
    disk.fill_but(&ballast, 64 * 1_024);
    let mut refused: Option<(CaseId, String)> = None;
    for _ in 0..200 {
        let case = guard.new_case();
        let mut report = leak();
        report["text"] = json!("满".repeat(500));
        let text = guard.make("case.report", case, report);
        let reply = guard.try_push(&guard.pack(vec![text.clone()])).await;
        if reply.status != 200 {
            says_full(&reply);
            refused = Some((case, text));
            break;
        }
        // A push that is judged one by one says of the command that could not be stored that it is held.
        let verdict: Verdict = serde_json::from_value(reply.json()["answers"][0]["verdict"].clone()).unwrap();
        assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
        acknowledged.push(case);
    }
    assert_eq!(refused.is_some(), on == On::Sqlite, "the disk of the database is full, and no other");

    // It is there and answers, and has what it acknowledged, and nothing that it refused.
    assert_eq!(guard.get("/healthz").await.status, 200);
    has(&mut guard, &acknowledged, refused.as_ref().map(|(case, _)| *case)).await;
    for (case, photo) in &kept {
        assert_eq!(read(&guard, *case, *photo).await, 200);
    }
    assert_eq!(read(&guard, refused_case, refused_photo).await, 404);
    // Nor after it was killed in this state.
    server.kill().await;
    std::fs::remove_file(&ballast).unwrap();
    let server = Process::start(&app).await;
    guard.router = server.router.clone();
    guard.feeds.clear();
    has(&mut guard, &acknowledged, refused.as_ref().map(|(case, _)| *case)).await;

    // Full once more, and then with room: it goes on by itself.
    disk.fill_but(&ballast, 0);
    says_full(&send_photo(&guard, refused_photo, &bytes).await);
    if let Some((case, text)) = refused {
        let request = guard.pack(vec![text]);
        says_full(&guard.try_push(&request).await);
        has(&mut guard, &acknowledged, Some(case)).await;
        disk.grow("64m");
        assert!(matches!(guard.take(&request).await[0], Verdict::Accepted { .. }));
        acknowledged.push(case);
    } else {
        disk.grow("64m");
    }
    // As a phone does, it is sent again where the answer does not come through: the server may still be busy with what it
    // refused, and answers then without hearing all of a request.
    let mut reply = send_photo(&guard, refused_photo, &bytes).await;
    for _ in 0..5 {
        if matches!(reply.status, 201 | 204) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        reply = send_photo(&guard, refused_photo, &bytes).await;
    }
    assert!(matches!(reply.status, 201 | 204), "{} {}", reply.status, reply.text);
    assert_eq!(read(&guard, refused_case, refused_photo).await, 200);
    has(&mut guard, &acknowledged, None).await;
    server.kill().await;
}

/// The device is shown these cases and not that one.
async fn has(device: &mut Device, cases: &[CaseId], not: Option<CaseId>) {
    let feed = device.pull().await;
    for case in cases {
        assert!(feed.case(*case).is_some(), "{case} was acknowledged, and is lost");
    }
    assert!(not.is_none_or(|case| feed.case(case).is_none()), "refused, and kept");
}

async fn read(device: &Device, case: CaseId, photo: AttachmentId) -> u16 {
    device.get(&format!("/api/cases/{case}/photos/{photo}?site=jinzhou")).await.status
}

fn sha256(bytes: &[u8]) -> String {
    wire::hex(&Sha256::digest(bytes))
}

/// Sends a photo, going on where an earlier try has got to. Answers with the last answer.
async fn send_photo(device: &Device, photo: AttachmentId, bytes: &[u8]) -> Reply {
    let name = wire::file_name(photo, Part::Full);
    let metadata = [("name", name.clone()), ("site", device.site.clone()), ("sha256", sha256(bytes))]
        .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
        .join(",");
    let announce =
        Request::post("/api/files").header("upload-length", bytes.len()).header("upload-metadata", metadata);
    let reply = tus(device, announce, bytes).await;
    let offset = reply.header("upload-offset").parse().unwrap_or(bytes.len());
    if offset == bytes.len() {
        return reply;
    }
    let go_on = Request::patch(format!("/api/files/{name}")).header("upload-offset", offset);
    tus(device, go_on, &bytes[offset..]).await
}

async fn tus(device: &Device, request: Builder, bytes: &[u8]) -> Reply {
    let request = request
        .header("cookie", &device.cookie)
        .header("tus-resumable", "1.0.0")
        .header("content-type", "application/offset+octet-stream");
    Reply::of(&device.router, request.body(Body::from(bytes.to_vec())).unwrap()).await
}
