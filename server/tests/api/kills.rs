//! The program, killed in the middle of its work: what it has acknowledged is on the disk, and nothing else.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::{
    ids::{AttachmentId, CaseId},
    wire::{self, DocKey, Verdict},
};

use crate::kit::{Device, On, PASSWORD, Process, Reply, TestApp, cast, leak, tests};

tests![
    killed_under_load_it_has_what_it_acknowledged;
    Long: killed_many_times_under_load_it_has_what_it_acknowledged,
];

/// Devices that send at once.
const DEVICES: usize = 6;

/// A report that is on its way.
#[derive(Clone)]
struct Report {
    case: CaseId,
    text: String,
    photo: AttachmentId,
    /// Its answer, once there was one.
    verdict: Option<Verdict>,
    /// The server has said that it has the photo.
    photo_sent: bool,
}

/// A device that reports and sends photos, one after the other, until the server is gone.
struct Worker {
    device: Device,
    photo: Vec<u8>,
    /// What was acknowledged whole.
    done: Vec<Report>,
    /// Nobody knows whether it was taken.
    pending: Option<Report>,
}

impl Worker {
    async fn work(mut self) -> Worker {
        loop {
            let mut report = match self.pending.take() {
                Some(report) => report,
                None => self.report(),
            };
            let whole = self.send(&mut report).await;
            if whole.is_none() {
                self.pending = Some(report);
                return self;
            }
            self.done.push(report);
        }
    }

    fn report(&mut self) -> Report {
        let (case, photo) = (self.device.new_case(), AttachmentId(self.device.new_id()));
        let mut report = leak();
        report["photos"] = json!([{
            "id": photo, "sha256": self.sha256(), "bytes": self.photo.len(), "width": 64, "height": 48,
            "thumb_sha256": self.sha256(), "thumb_bytes": self.photo.len(),
        }]);
        let text = self.device.make("case.report", case, report);
        Report { case, text, photo, verdict: None, photo_sent: false }
    }

    /// Sends a report and its photo; `None` if the server was gone before it had answered to both.
    async fn send(&self, report: &mut Report) -> Option<()> {
        let verdict = self.push(report).await?;
        if let Some(before) = &report.verdict {
            assert_eq!(verdict, *before, "acknowledged before it was killed, and otherwise now");
        }
        report.verdict = Some(verdict);
        let reply = self.upload(report.photo).await;
        if reply.status == 599 {
            return None;
        }
        assert!(matches!(reply.status, 200 | 201), "{} {}", reply.status, reply.text);
        if report.photo_sent {
            assert_eq!(reply.status, 200, "it had acknowledged the photo");
        }
        report.photo_sent = true;
        Some(())
    }

    async fn push(&self, report: &Report) -> Option<Verdict> {
        let reply = self.device.try_push(&self.device.pack(vec![report.text.clone()])).await;
        if reply.status == 599 {
            return None;
        }
        assert_eq!(reply.status, 200, "{}", reply.text);
        let verdict = serde_json::from_value(reply.json()["answers"][0]["verdict"].clone()).unwrap();
        assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
        Some(verdict)
    }

    async fn upload(&self, photo: AttachmentId) -> Reply {
        use axum::{body::Body, http::Request};
        let metadata =
            [("name", photo.to_string()), ("site", self.device.site.clone()), ("sha256", self.sha256())]
                .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
                .join(",");
        let request = Request::post("/api/files")
            .header("cookie", &self.device.cookie)
            .header("tus-resumable", "1.0.0")
            .header("upload-length", self.photo.len())
            .header("upload-metadata", metadata)
            .header("content-type", "application/offset+octet-stream");
        Reply::of(&self.device.router, request.body(Body::from(self.photo.clone())).unwrap()).await
    }

    fn sha256(&self) -> String {
        wire::hex(&Sha256::digest(&self.photo))
    }
}

fn photo() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(64, 48).write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

async fn killed_under_load_it_has_what_it_acknowledged(on: On) {
    kill(on, 4).await;
}

async fn killed_many_times_under_load_it_has_what_it_acknowledged(on: On) {
    kill(on, 60).await;
}

async fn kill(on: On, times: u64) {
    let app = TestApp::start(on).await;
    app.stop().await;
    let mut workers: Vec<Worker> = (0..DEVICES)
        .map(|_| Worker { device: Device::new(&app), photo: photo(), done: Vec::new(), pending: None })
        .collect();
    for time in 0..times {
        let server = Process::start(&app).await;
        for (number, worker) in workers.iter_mut().enumerate() {
            worker.device.router = server.router.clone();
            if time == 0 {
                let name = [cast::GUARD, cast::OTHER_GUARD, cast::CLEANER][number % 3];
                assert_eq!(worker.device.sign_in(name, PASSWORD).await.status, 200);
            }
        }
        let working: Vec<_> = workers.drain(..).map(|worker| tokio::spawn(worker.work())).collect();
        // At another point of its work every time.
        tokio::time::sleep(Duration::from_millis(150 + time * 97 % 500)).await;
        server.kill().await;
        for worker in working {
            workers.push(worker.await.unwrap());
        }
    }

    let server = Process::start(&app).await;
    let mut desk = Device::new(&app);
    desk.router = server.router.clone();
    assert_eq!(desk.sign_in(cast::DESK, PASSWORD).await.status, 200);
    // What was in the air when the server was killed for the last time is there whole or not at all.
    let on_disk: BTreeSet<CaseId> = cases(&mut desk).await;
    let acknowledged: BTreeSet<CaseId> =
        workers.iter().flat_map(|worker| &worker.done).map(|report| report.case).collect();
    let in_the_air: BTreeSet<CaseId> =
        workers.iter().flat_map(|worker| &worker.pending).map(|report| report.case).collect();
    assert!(on_disk.is_superset(&acknowledged), "acknowledged, and not on the disk");
    let unasked: Vec<_> =
        on_disk.iter().filter(|case| !acknowledged.contains(case) && !in_the_air.contains(case)).collect();
    assert!(unasked.is_empty(), "on the disk, and never sent: {unasked:?}");

    let mut seqs = BTreeSet::new();
    let mut count = 0;
    for worker in &mut workers {
        worker.device.router = server.router.clone();
        if let Some(mut report) = worker.pending.take() {
            worker.send(&mut report).await.unwrap();
            worker.done.push(report);
        }
        for report in &worker.done {
            // The same text gets the same verdict, for ever.
            let verdict = worker.push(report).await.unwrap();
            assert_eq!(Some(&verdict), report.verdict.as_ref());
            let Verdict::Accepted { seq, .. } = verdict else { panic!("{verdict:?}") };
            seqs.insert(seq);
            count += 1;
            let path = format!("/api/cases/{}/photos/{}?site=jinzhou", report.case, report.photo);
            assert_eq!(desk.get(&path).await.status, 200, "a photo that was acknowledged is gone");
        }
    }
    assert!(count >= DEVICES, "too little was done to be killed in it: {count}");
    assert_eq!((seqs.len(), cases(&mut desk).await.len()), (count, count), "each once");
    server.kill().await;
}

async fn cases(desk: &mut Device) -> BTreeSet<CaseId> {
    let keys = desk.pull().await.docs.keys();
    keys.filter_map(|key| match key {
        DocKey::Case(case) => Some(*case),
        DocKey::Site
        | DocKey::Places
        | DocKey::People
        | DocKey::Route(_)
        | DocKey::Round(_)
        | DocKey::Refusal(_)
        | DocKey::Quarantine(_) => None,
    })
    .collect()
}
