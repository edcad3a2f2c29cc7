//! Backups: what they promise to devices, and what devices bring back when one is restored.

use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use server::{
    backup::{self, Backup, Collecting},
    clock::Clock,
    commands::collect,
};
use sha2::{Digest, Sha256};
use shared::{
    Code,
    case::{CaseView, StageName},
    ids::{AttachmentId, CaseId, CaseNumber, CommandId},
    time::HOUR,
    wire::{self, Envelope, Verdict},
};
use tempfile::TempDir;
use tokio::process::Command;

use crate::import::without;
use crate::kit::{
    Device, On, PASSWORD, Phone, Process, Reply, TestApp, cast, leak, long_photo, program, tests,
};

tests![
    devices_learn_how_far_a_backup_reaches,
    phones_bring_back_what_was_lost_with_its_photos,
    phones_let_go_of_what_a_backup_has,
    what_was_lost_comes_back_in_its_old_order,
    without_what_they_had_the_order_would_be_that_of_arrival,
    what_is_collected_before_its_report_is_judged_behind_it,
    photos_that_were_lost_are_sent_again,
    what_nobody_brings_back_is_named,
    what_comes_later_than_it_was_waited_for_is_judged_when_it_comes,
    after_an_older_backup_the_chain_goes_on_behind_the_gap,
    a_gap_is_believed_of_its_author_and_after_a_restore_only,
    what_the_server_had_answered_is_believed_of_its_author_only,
    what_was_mended_and_comes_once_more_in_a_file_counts_once,
    what_was_withdrawn_and_comes_once_more_in_a_file_does_not_count,
    what_mends_something_that_has_counted_after_all_does_not_count,
    what_was_mended_does_not_count_though_the_word_that_it_is_settled_is_lost,
    what_mends_something_mended_stands_for_all_of_it,
    that_a_refusal_was_settled_is_believed_only_if_it_is_not_here,
    that_the_desk_has_seen_to_a_refusal_takes_nothing_back,
    what_others_have_done_with_a_mended_report_is_not_lost_with_it,
    a_cursor_from_before_a_restore_starts_anew,
    a_backup_is_brought_up_to_date_in_its_folder,
    a_backup_that_is_not_complete_is_not_restored,
    the_program_backs_up_while_it_serves_and_restores_when_it_does_not,
];

/// How long commands are collected, in minutes.
const COLLECT: u32 = 15;

/// A folder with backups.
struct Backups(TempDir);

impl Backups {
    fn new() -> Backups {
        Backups(tempfile::tempdir().unwrap())
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A complete backup. PostgreSQL is dumped by its own program, between the two calls that this takes.
    async fn make(&self, app: &TestApp, name: &str) {
        let folder = self.folder(name);
        let mut came = backup::backup(&app.app, &folder).await.unwrap();
        if let Some(url) = &app.storage.database_url {
            assert_eq!(came, Backup::Recorded);
            dump(url, &folder.join("database.dump")).await;
            came = backup::backup(&app.app, &folder).await.unwrap();
        }
        assert!(matches!(came, Backup::Complete { .. }));
    }

    /// Stops the server, puts a backup back, and starts the server.
    async fn restore(&self, app: &mut TestApp, name: &str) -> backup::Restored {
        app.stop().await;
        let folder = self.folder(name);
        if app.storage.database_url.is_some() {
            app.take_dump(&folder.join("database.dump")).await;
        }
        // Photos are lost, too, where they lie in a folder beside the database.
        if app.storage.files_url.is_none() {
            std::fs::remove_dir_all(app.storage.data.join("files")).unwrap();
        }
        let collecting = Collecting { minutes: COLLECT };
        let restored = backup::restore(&app.storage, &folder, collecting, app.now()).await.unwrap();
        app.restart().await;
        assert!(collect::judge_due(&app.app).await.unwrap().is_some(), "it collects");
        restored
    }
}

async fn dump(url: &str, to: &Path) {
    let mut program = Command::new("pg_dump");
    let status = program.args(["--format=custom", "--file"]).arg(to).arg(url).status().await.unwrap();
    assert!(status.success());
}

/// Lets the time pass for which commands are collected.
async fn collected(app: &TestApp) {
    app.advance(u64::from(COLLECT) + 1);
    assert_eq!(collect::judge_due(&app.app).await.unwrap(), None);
}

fn restoring(verdicts: &[Verdict]) -> bool {
    verdicts.iter().all(|verdict| *verdict == Verdict::Held { code: Code::CommandRestoring })
}

async fn case(device: &mut Device, id: CaseId) -> Option<shared::case::Case> {
    match device.pull().await.case(id)? {
        CaseView::Full(case) => Some((**case).clone()),
        CaseView::Outline(_) => panic!("only an outline"),
    }
}

async fn number(device: &mut Device, id: CaseId) -> Option<CaseNumber> {
    case(device, id).await?.number
}

async fn missing(app: &TestApp) -> String {
    backup::missing(&app.app).await.unwrap()
}

fn photo_bytes() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/photos/litter-small.jpg")).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    wire::hex(&Sha256::digest(bytes))
}

fn with_photo(photo: AttachmentId) -> Value {
    let bytes = photo_bytes();
    let mut report = leak();
    report["photos"] = json!([{
        "id": photo, "sha256": sha256(&bytes), "bytes": bytes.len(), "width": 1280, "height": 960,
        "thumb_sha256": sha256(b"none"), "thumb_bytes": 4,
    }]);
    report
}

async fn send_photo(device: &Device, photo: AttachmentId) -> Reply {
    use axum::{body::Body, http::Request};
    let bytes = photo_bytes();
    let metadata = [
        ("name", photo.to_string()),
        ("site", device.site.clone()),
        ("sha256", sha256(&bytes)),
        ("author", device.person.to_string()),
    ]
    .map(|(key, value)| format!("{key} {}", STANDARD.encode(value)))
    .join(",");
    let request = Request::post("/api/files")
        .header("cookie", &device.cookie)
        .header("tus-resumable", "1.0.0")
        .header("upload-length", bytes.len())
        .header("upload-metadata", metadata)
        .header("content-type", "application/offset+octet-stream");
    Reply::of(&device.router, request.body(Body::from(bytes)).unwrap()).await
}

async fn read_photo(device: &Device, case: CaseId, photo: AttachmentId) -> u16 {
    device.get(&format!("/api/cases/{case}/photos/{photo}?site=jinzhou")).await.status
}

async fn devices_learn_how_far_a_backup_reaches(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let photo = AttachmentId(guard.new_id());
    guard.accepted("case.report", guard.new_case(), with_photo(photo)).await;
    assert_eq!(guard.pull().await.stable_seq, None, "there is no backup");
    let backups = Backups::new();
    backups.make(&app, "first").await;
    let Verdict::Accepted { seq, .. } = guard.sent[0].had.verdict else { panic!() };
    let stable = guard.pull().await.stable_seq.unwrap();
    assert!(stable >= seq);
    // What comes after it is not in it: a command as little as a photo.
    let kept = send_photo(&guard, photo).await;
    assert_eq!(kept.status, 201, "{}", kept.text);
    let kept_at: i64 = kept.header(wire::UPLOAD_SEQ).parse().unwrap();
    assert!(kept_at > stable);
    guard.report().await;
    let Verdict::Accepted { seq, .. } = guard.sent[1].had.verdict else { panic!() };
    assert!(seq > kept_at);
    assert_eq!(guard.pull().await.stable_seq, Some(stable));
    backups.make(&app, "second").await;
    assert!(guard.pull().await.stable_seq.unwrap() >= seq);
}

/// What happened after a backup, and is lost with it: a case that goes on, and one that is new.
struct Lost {
    guard: Device,
    desk: Device,
    technician: Device,
    old: CaseId,
    new: CaseId,
    number: CaseNumber,
}

impl Lost {
    /// Works on after the backup.
    async fn after(app: &TestApp, backups: &Backups) -> Lost {
        let mut guard = app.sign_in(cast::GUARD).await;
        let mut desk = app.sign_in(cast::DESK).await;
        let mut technician = app.sign_in(cast::TECHNICIAN).await;
        let old = guard.report().await;
        backups.make(app, "backup").await;
        app.advance(10);
        desk.accepted("case.dispatch", old, json!({ "to": technician.person })).await;
        technician.accepted("case.accept", old, json!({})).await;
        let until = app.now().plus(3_600_000);
        technician.accepted("case.promise", old, json!({ "until": until })).await;
        let again = desk.send("case.promise", old, json!({ "until": until })).await;
        assert!(matches!(again, Verdict::Rejected(_)), "{again:?}");
        technician.accepted("case.arrive", old, json!({})).await;
        let new = guard.report().await;
        let given = number(&mut guard, new).await.unwrap();
        guard.sent.last_mut().unwrap().had.number = Some(given.clone());
        app.advance(60);
        Lost { guard, desk, technician, old, new, number: given }
    }

    fn route(&mut self, app: &TestApp) {
        for device in [&mut self.guard, &mut self.desk, &mut self.technician] {
            device.router = app.router.clone();
        }
    }
}

async fn phones_bring_back_what_was_lost_with_its_photos(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = Phone::sign_in(&app, cast::GUARD).await;
    let mut desk = Phone::sign_in(&app, cast::DESK).await;
    let mut technician = Phone::sign_in(&app, cast::TECHNICIAN).await;
    let old = guard.report(&[long_photo()]).await;
    guard.sync().await;
    backups.make(&app, "backup").await;
    app.advance(10);
    for phone in [&mut guard, &mut desk, &mut technician] {
        phone.sync().await;
    }

    // Work goes on: a dispatch, its acceptance, a refused promise, a new case with a photo, and all of it is at the server.
    desk.give(old, json!({ "case.dispatch": { "to": technician.person() } })).await;
    desk.sync().await;
    technician.sync().await;
    technician.give(old, json!({ "case.accept": {} })).await;
    let until = app.now().plus(3_600_000);
    technician.give(old, json!({ "case.promise": { "until": until } })).await;
    technician.sync().await;
    // The desk's phone does not know of it yet.
    desk.give(old, json!({ "case.promise": { "until": until } })).await;
    desk.sync().await;
    let new = guard.report(&[photo_bytes()]).await;
    for phone in [&mut guard, &mut desk, &mut technician] {
        app.advance(1);
        phone.sync().await;
        assert_eq!(phone.unsent().await, 0);
    }
    let before = [desk.case(old).await.unwrap(), desk.case(new).await.unwrap()];
    assert!(before.iter().all(|case| case.number.is_some() && case.photos[0].kept));
    assert_eq!(desk.refused().await, 1);

    backups.restore(&mut app, "backup").await;
    app.advance(1);
    let mut fresh = app.sign_in(cast::SUPERVISOR).await;
    assert_eq!(case(&mut fresh, new).await, None);
    // Whoever comes first, comes first: the technician, whose acceptance follows a dispatch that is not there.
    for phone in [&mut technician, &mut guard, &mut desk] {
        phone.serve(&app);
        phone.sync().await;
    }
    assert!(guard.unsent().await > 0, "it waits, and says so");
    assert!(guard.case(new).await.is_some(), "its reporter sees it meanwhile");
    collected(&app).await;
    for _ in 0..2 {
        for phone in [&mut technician, &mut guard, &mut desk] {
            app.advance(2);
            phone.sync().await;
        }
    }
    for phone in [&mut technician, &mut guard, &mut desk] {
        assert_eq!(phone.unsent().await, 0);
        assert!(phone.case(old).await.is_some());
    }
    let after = [desk.case(old).await.unwrap(), desk.case(new).await.unwrap()];
    for (after, before) in after.iter().zip(&before) {
        let same = |case: &shared::case::Case| {
            (case.number.clone(), case.stage.clone(), case.reported, case.promise.clone())
        };
        assert_eq!(same(after), same(before));
        assert!(after.photos[0].kept);
        for photo in &after.photos {
            let path = format!("/api/cases/{}/photos/{}?site=jinzhou", after.id, photo.photo.id);
            assert_eq!(fresh_desk(&app).await.get(&path).await.status, 200, "its bytes are there again");
        }
    }
    assert_eq!(desk.refused().await, 1, "what was refused stays so");
    let said = missing(&app).await;
    for word in ["missing:", "not taken again:", "lost:", "without its bytes:"] {
        assert!(!said.contains(word), "{said}");
    }
}

async fn fresh_desk(app: &TestApp) -> Device {
    app.sign_in(cast::DESK).await
}

async fn phones_let_go_of_what_a_backup_has(on: On) {
    let app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = Phone::sign_in(&app, cast::GUARD).await;
    guard.report(&[photo_bytes()]).await;
    guard.sync().await;
    assert_eq!(guard.kept().await, (0, 0), "without backups nothing is kept longer than until its receipt");
    backups.make(&app, "first").await;
    app.advance(1);
    guard.sync().await;
    guard.report(&[photo_bytes()]).await;
    for _ in 0..3 {
        app.advance(1);
        guard.sync().await;
        assert_eq!(guard.unsent().await, 0);
        assert_eq!(guard.kept().await, (1, 2), "the command, the photo and its thumbnail");
    }
    backups.make(&app, "second").await;
    app.advance(1);
    guard.sync().await;
    assert_eq!(guard.kept().await, (0, 0));
    // A phone with little room keeps only what is not sent.
    guard.room(10_000_000);
    guard.report(&[photo_bytes()]).await;
    for _ in 0..2 {
        app.advance(1);
        guard.sync().await;
    }
    assert_eq!((guard.unsent().await, guard.kept().await.0), (0, 0));
}

async fn what_was_lost_comes_back_in_its_old_order(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut lost = Lost::after(&app, &backups).await;
    let before = case(&mut lost.desk, lost.old).await.unwrap();
    let epoch = lost.desk.feeds["jinzhou"].epoch.clone();
    backups.restore(&mut app, "backup").await;
    lost.route(&app);
    let Lost { mut guard, mut desk, mut technician, old, new, number: given } = lost;
    let mut fresh = app.sign_in(cast::SUPERVISOR).await;
    assert_ne!(fresh.pull().await.epoch, epoch);
    assert_eq!(case(&mut fresh, old).await.unwrap().stage.name(), StageName::Reported);
    assert_eq!(case(&mut fresh, new).await, None);

    // The technician comes first, whose acceptance follows a dispatch that is not there yet; then somebody reports
    // something new; then those come whose commands were first.
    assert!(restoring(&technician.take(&technician.again(1)).await));
    let newer = guard.new_case();
    let mut other = app.sign_in(cast::OTHER_GUARD).await;
    assert!(restoring(&[other.send("case.report", newer, leak()).await]));
    assert!(restoring(&guard.take(&guard.again(2)).await));
    let verdicts = desk.take(&desk.again(1)).await;
    assert!(restoring(&verdicts[..1]));
    assert_eq!(verdicts[1], desk.sent[1].had.verdict, "what was refused stays so, and need not wait");
    assert_eq!(
        case(&mut fresh, old).await.unwrap().stage.name(),
        StageName::Reported,
        "nothing is judged yet"
    );

    collected(&app).await;
    for device in [&technician, &desk, &guard] {
        let again = device.again(1);
        let verdicts = device.take(&again).await;
        for (verdict, had) in verdicts.iter().zip(&again.had) {
            let same = match (verdict, &had.verdict) {
                (Verdict::Accepted { version, .. }, Verdict::Accepted { version: before, .. }) => {
                    version == before
                }
                (verdict, before) => verdict == before,
            };
            assert!(same, "{verdict:?} instead of {:?}", had.verdict);
        }
    }
    let after = case(&mut desk, old).await.unwrap();
    assert_eq!(after, before, "with the same times, too");
    assert_eq!(number(&mut guard, new).await, Some(given.clone()));
    let newest = number(&mut fresh, newer).await.unwrap();
    assert!(newest > given, "{newest:?}");
    let said = missing(&app).await;
    assert!(said.contains("brought back: 6, taken again: 5"), "{said}");
    for word in ["missing:", "not taken again:", "lost:", "without its bytes:"] {
        assert!(!said.contains(word), "{said}");
    }
    assert!(technician.pull().await.case(old).is_some());
}

async fn without_what_they_had_the_order_would_be_that_of_arrival(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut lost = Lost::after(&app, &backups).await;
    backups.restore(&mut app, "backup").await;
    lost.route(&app);
    let Lost { desk, technician, .. } = lost;
    for device in [&technician, &desk] {
        let again = wire::PushRequest { had: Vec::new(), ..device.again(1) };
        assert!(restoring(&device.take(&again).await));
        app.advance(1);
    }
    collected(&app).await;
    let verdicts = technician.take(&technician.again(1)).await;
    assert!(matches!(verdicts[0], Verdict::Rejected(_)), "{verdicts:?}");
}

async fn what_is_collected_before_its_report_is_judged_behind_it(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let (mut guard, mut desk) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::DESK).await);
    let technician = app.person(cast::TECHNICIAN).await;
    backups.make(&app, "backup").await;
    let new = guard.report().await;
    desk.accepted("case.dispatch", new, json!({ "to": technician })).await;
    backups.restore(&mut app, "backup").await;
    // The desk comes first, and nobody says what they had.
    for device in [&mut desk, &mut guard] {
        device.router = app.router.clone();
        let again = wire::PushRequest { had: Vec::new(), ..device.again(1) };
        assert!(restoring(&device.take(&again).await));
        app.advance(1);
    }
    collected(&app).await;
    for device in [&guard, &desk] {
        let verdicts = device.take(&device.again(1)).await;
        assert!(matches!(verdicts[0], Verdict::Accepted { .. }), "{verdicts:?}");
    }
}

async fn photos_that_were_lost_are_sent_again(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = app.sign_in(cast::GUARD).await;
    let [early, late] = [0; 2].map(|_| AttachmentId(guard.new_id()));
    let (first, second) = (guard.new_case(), guard.new_case());
    guard.accepted("case.report", first, with_photo(early)).await;
    assert_eq!(send_photo(&guard, early).await.status, 201);
    backups.make(&app, "backup").await;
    guard.accepted("case.report", second, with_photo(late)).await;
    assert_eq!(send_photo(&guard, late).await.status, 201);
    let restored = backups.restore(&mut app, "backup").await;
    assert_eq!(restored.without_bytes, 0);
    guard.router = app.router.clone();
    assert_eq!(read_photo(&guard, first, early).await, 200, "it is in the backup");
    guard.take(&guard.again(1)).await;
    collected(&app).await;
    assert_eq!(read_photo(&guard, second, late).await, 404);
    assert!(missing(&app).await.contains(&format!("without its bytes: photo {late}")));
    assert_eq!(send_photo(&guard, late).await.status, 201);
    assert_eq!(read_photo(&guard, second, late).await, 200);
    assert!(case(&mut guard, second).await.unwrap().photos[0].kept);
    assert!(!missing(&app).await.contains("without its bytes"));
    // A backup whose photos were damaged has them sent again as well.
    std::fs::remove_dir_all(backups.folder("backup").join("files")).unwrap();
    if on == On::Sqlite {
        let restored = backups.restore(&mut app, "backup").await;
        assert_eq!(restored.without_bytes, 1);
        guard.router = app.router.clone();
        assert_eq!(send_photo(&guard, early).await.status, 200);
        assert_eq!(read_photo(&guard, first, early).await, 200);
    }
}

async fn what_nobody_brings_back_is_named(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut other = app.sign_in(cast::OTHER_GUARD).await;
    // What waits for a ruling on what its author did before is not waiting for a report, which is there.
    let mut leaver = app.sign_in(cast::CLEANER).await;
    let case_of_leaver = leaver.report().await;
    let before = leaver.make("case.comment", case_of_leaver, json!({ "text": "before" }));
    app.reimport("jinzhou", without(cast::CLEANER)).await;
    other.take(&leaver.pack(vec![before])).await;
    app.reimport("jinzhou", |_| ()).await;
    leaver.sign_in(cast::CLEANER, PASSWORD).await;
    let held = leaver.send("case.comment", case_of_leaver, json!({ "text": "after" })).await;
    assert_eq!(held, Verdict::Held { code: Code::CommandPredecessorMissing });
    backups.make(&app, "backup").await;
    app.advance(30);
    let gone = guard.report().await;
    let gone_number = number(&mut guard, gone).await.unwrap();
    let there = other.report().await;
    other.sent[0].had.number = number(&mut other, there).await;
    // A case that only the lost one's phone knows is commented on by the desk.
    let mut desk = app.sign_in(cast::DESK).await;
    desk.accepted("case.dispatch", gone, json!({ "to": app.person(cast::TECHNICIAN).await })).await;
    app.advance(30);
    backups.restore(&mut app, "backup").await;
    for device in [&mut other, &mut desk] {
        device.router = app.router.clone();
    }
    assert_eq!(desk.get("/api/session").await.status, 401, "it signed in after the backup");
    desk.sign_in(cast::DESK, PASSWORD).await;
    other.take(&other.again(1)).await;
    desk.take(&desk.again(1)).await;
    assert!(missing(&app).await.contains("jinzhou: commands are still being collected"));
    collected(&app).await;
    let said = missing(&app).await;
    assert!(said.contains(&format!("missing: case {} of jinzhou", gone_number.0)), "{said}");
    assert!(said.contains("not heard of yet: ") && said.contains("(test)"), "{said}");
    assert_eq!(number(&mut other, there).await, other.sent[0].had.number);
    // What waits for a case that nobody brings waits on.
    let verdicts = desk.take(&desk.again(1)).await;
    assert_eq!(verdicts[0], Verdict::Held { code: Code::CommandCreateMissing });
    let waits = said.lines().find(|line| line.starts_with("waits for its report: case.dispatch by "));
    assert!(waits.is_some_and(|line| line.contains(&format!("case {gone}, "))), "{said}");
    assert!(!said.contains("case.comment"), "{said}");
}

async fn what_comes_later_than_it_was_waited_for_is_judged_when_it_comes(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut lost = Lost::after(&app, &backups).await;
    let reported = case(&mut lost.guard, lost.new).await.unwrap().reported;
    backups.restore(&mut app, "backup").await;
    lost.route(&app);
    let Lost { mut guard, technician, new, number: given, .. } = lost;
    collected(&app).await;
    app.advance(600);
    let verdicts = guard.take(&guard.again(1)).await;
    assert!(matches!(verdicts[1], Verdict::Accepted { .. }), "{verdicts:?}");
    assert_eq!(number(&mut guard, new).await, Some(given));
    assert_eq!(case(&mut guard, new).await.unwrap().reported, reported, "it came in time, once");
    // The desk did not come: what followed its dispatch cannot be taken again, and is named.
    let verdicts = technician.take(&technician.again(1)).await;
    assert!(matches!(verdicts[0], Verdict::Rejected(_)), "{verdicts:?}");
    assert!(missing(&app).await.contains("not taken again: case.accept by "));
}

async fn after_an_older_backup_the_chain_goes_on_behind_the_gap(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = app.sign_in(cast::GUARD).await;
    guard.report().await;
    backups.make(&app, "older").await;
    for _ in 0..2 {
        guard.report().await;
    }
    backups.make(&app, "newer").await;
    let last = guard.report().await;
    // The phone has let go of what the newer backup has; that one is unreadable.
    backups.restore(&mut app, "older").await;
    guard.router = app.router.clone();
    let again = guard.again(4);
    let verdicts = guard.take(&again).await;
    assert_eq!(verdicts, [Verdict::Held { code: Code::CommandPredecessorMissing }]);
    let again = guard.with_gap(again, &app.app.epoch);
    assert!(restoring(&guard.take(&again).await));
    collected(&app).await;
    assert!(matches!(guard.take(&again).await[0], Verdict::Accepted { .. }));
    assert!(case(&mut guard, last).await.is_some());
    let said = missing(&app).await;
    assert!(said.contains("lost: commands 2 to 3 of "), "{said}");
    // What was given up for lost and turns up all the same has no place any more.
    let reply = guard.try_push(&guard.again(2)).await;
    assert_eq!(reply.problem(), (409, "push.chain_broken".to_owned()));
    guard.report().await;
}

async fn a_gap_is_believed_of_its_author_and_after_a_restore_only(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = app.sign_in(cast::GUARD).await;
    let other = app.sign_in(cast::OTHER_GUARD).await;
    let left_out = guard.make("case.report", guard.new_case(), leak());
    let next = guard.make("case.report", guard.new_case(), leak());
    let missing = Verdict::Held { code: Code::CommandPredecessorMissing };
    let request = guard.with_gap(guard.pack(vec![next.clone()]), &app.app.epoch);
    assert_eq!(guard.take(&request).await[0], missing, "never restored");
    backups.make(&app, "backup").await;
    let old_epoch = app.app.epoch.clone();
    backups.restore(&mut app, "backup").await;
    guard.router = app.router.clone();
    let request = guard.pack(vec![next.clone()]);
    for forged in [
        guard.with_gap(request.clone(), &old_epoch),
        other.with_gap(request.clone(), &app.app.epoch),
        wire::PushRequest { gap: Some("x".to_owned()), ..request.clone() },
    ] {
        assert_eq!(guard.take(&forged).await[0], missing);
    }
    assert!(restoring(&guard.push(vec![left_out, next]).await));
}

async fn what_the_server_had_answered_is_believed_of_its_author_only(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut carrier = app.sign_in(cast::OTHER_GUARD).await;
    let refused = |request: wire::PushRequest| wire::PushRequest {
        had: vec![wire::Had {
            n: 1,
            verdict: Verdict::Rejected(Code::CaseUnknownPlace.into()),
            at: guard.now(),
            number: None,
        }],
        ..request
    };
    backups.make(&app, "backup").await;
    let case_id = guard.new_case();
    let text = guard.envelope("case.report", case_id.0, leak()).write();
    let forged = refused(guard.pack(vec![text.clone()]));
    guard.chain(text);
    backups.restore(&mut app, "backup").await;
    for device in [&mut guard, &mut carrier] {
        device.router = app.router.clone();
    }
    assert!(restoring(&carrier.take(&forged).await), "it is judged like any other");
    collected(&app).await;
    assert!(matches!(guard.take(&forged).await[0], Verdict::Accepted { .. }));
    assert!(case(&mut guard, case_id).await.is_some());
}

/// A refused promise of a technician: after a backup the desk had promised the same.
struct Mended {
    desk: Device,
    technician: Device,
    carrier: Device,
    case: CaseId,
    refused: CommandId,
    /// What lies in a file on the carrier's phone.
    file: wire::PushRequest,
}

impl Mended {
    async fn begin(on: On) -> (TestApp, Backups, Mended) {
        let (app, backups) = (TestApp::start(on).await, Backups::new());
        let mut desk = app.sign_in(cast::DESK).await;
        let mut technician = app.sign_in(cast::TECHNICIAN).await;
        let mut carrier = app.sign_in(cast::GUARD).await;
        let case = carrier.report().await;
        desk.accepted("case.dispatch", case, json!({ "to": technician.person })).await;
        backups.make(&app, "backup").await;
        let promise = json!({ "until": app.now().plus(HOUR) });
        desk.accepted("case.promise", case, promise.clone()).await;
        let envelope = technician.envelope("case.promise", case.0, promise);
        let (refused, file) = (envelope.id, technician.pack(vec![envelope.write()]));
        let verdict = technician.send_envelope(envelope).await;
        assert!(matches!(verdict, Verdict::Rejected(_)), "{verdict:?}");
        technician.accepted(wire::SETTLE, refused, json!({})).await;
        let mended = Mended { desk, technician, carrier, case, refused, file };
        (app, backups, mended)
    }

    /// The technician accepts the dispatch instead.
    async fn mend(&mut self) {
        self.mend_with(vec![self.refused]).await;
    }

    async fn mend_with(&mut self, mends: Vec<CommandId>) {
        let accept = self.technician.envelope("case.accept", self.case.0, json!({}));
        let verdict = self.technician.send_envelope(Envelope { mends, ..accept }).await;
        assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
    }

    /// Puts the backup back; the file is the first that comes.
    async fn restore(&mut self, app: &mut TestApp, backups: &Backups) {
        app.advance(10);
        backups.restore(app, "backup").await;
        for device in [&mut self.desk, &mut self.technician, &mut self.carrier] {
            device.router = app.router.clone();
        }
        assert!(restoring(&self.carrier.take(&self.file).await));
    }

    /// What the technician has when the server was put back; the refused one went with what mended it.
    fn again(&self) -> wire::PushRequest {
        self.technician.again(2)
    }
}

/// How far the case is, and whether something is promised.
async fn shown(mended: &mut Mended) -> (StageName, bool) {
    let case = case(&mut mended.desk, mended.case).await.unwrap();
    (case.stage.name(), case.promise.is_some())
}

fn refused(verdict: &Verdict) -> Option<Code> {
    match verdict {
        Verdict::Rejected(rejection) => Some(rejection.code),
        Verdict::Accepted { .. } | Verdict::Recorded { .. } | Verdict::Held { .. } => None,
    }
}

async fn what_was_mended_and_comes_once_more_in_a_file_counts_once(on: On) {
    let (mut app, backups, mut mended) = Mended::begin(on).await;
    mended.mend().await;
    mended.restore(&mut app, &backups).await;
    assert!(restoring(&mended.technician.take(&mended.again()).await));
    collected(&app).await;
    let verdicts = mended.technician.take(&mended.again()).await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Accepted { .. })), "{verdicts:?}");
    assert_eq!(refused(&mended.carrier.take(&mended.file).await[0]), Some(Code::CommandTakenBack));
    assert_eq!(shown(&mut mended).await, (StageName::Accepted, false));
    for device in [&mut mended.technician, &mut mended.desk] {
        assert!(device.pull().await.refusals().is_empty(), "there is nothing to do");
    }
}

async fn what_was_withdrawn_and_comes_once_more_in_a_file_does_not_count(on: On) {
    let (mut app, backups, mut withdrawn) = Mended::begin(on).await;
    withdrawn.restore(&mut app, &backups).await;
    assert!(restoring(&withdrawn.technician.take(&withdrawn.again()).await));
    collected(&app).await;
    assert_eq!(refused(&withdrawn.carrier.take(&withdrawn.file).await[0]), Some(Code::CommandTakenBack));
    assert_eq!(shown(&mut withdrawn).await, (StageName::Dispatched, false));
}

async fn what_mends_something_that_has_counted_after_all_does_not_count(on: On) {
    let (mut app, backups, mut mended) = Mended::begin(on).await;
    mended.mend().await;
    mended.restore(&mut app, &backups).await;
    collected(&app).await;
    assert!(matches!(mended.carrier.take(&mended.file).await[0], Verdict::Accepted { .. }));
    let verdicts = mended.technician.take(&mended.again()).await;
    assert_eq!(refused(&verdicts[1]), Some(Code::CommandOriginalDone));
    assert_eq!(shown(&mut mended).await, (StageName::Dispatched, true));
    for device in [&mut mended.technician, &mut mended.desk] {
        // An older app could not read the reason.
        assert!(device.pull().await.refusals().is_empty());
        device.reads = "quarantine,rounds";
        let refusals = device.pull().await.refusals();
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].1, "command.original_done");
    }
    assert!(missing(&app).await.contains("counts all the same: case.promise by "));
    // Whoever has read that has nothing else to settle.
    let last = mended.technician.pull().await.refusals()[0].0;
    mended.technician.accepted(wire::SETTLE, last, json!({})).await;
    assert!(mended.desk.pull().await.refusals().is_empty());
}

async fn what_was_mended_does_not_count_though_the_word_that_it_is_settled_is_lost(on: On) {
    let (mut app, backups, mut mended) = Mended::begin(on).await;
    mended.mend().await;
    mended.restore(&mut app, &backups).await;
    // The phone has let go of the word, and not of what came after it.
    let last = mended.technician.with_gap(mended.technician.again(3), &app.app.epoch);
    assert!(restoring(&mended.technician.take(&last).await));
    collected(&app).await;
    assert!(matches!(mended.technician.take(&last).await[0], Verdict::Accepted { .. }));
    assert_eq!(refused(&mended.carrier.take(&mended.file).await[0]), Some(Code::CommandTakenBack));
    assert_eq!(shown(&mut mended).await, (StageName::Accepted, false));
}

async fn what_mends_something_mended_stands_for_all_of_it(on: On) {
    let (mut app, backups, mut mended) = Mended::begin(on).await;
    // The first try to mend it was refused, too.
    let second = mended.technician.envelope("case.confirm", mended.case.0, json!({}));
    let second = Envelope { mends: vec![mended.refused], ..second };
    let again = second.id;
    assert!(refused(&mended.technician.send_envelope(second).await).is_some());
    mended.technician.accepted(wire::SETTLE, again, json!({})).await;
    mended.mend_with(vec![again, mended.refused]).await;
    mended.restore(&mut app, &backups).await;
    collected(&app).await;
    assert!(matches!(mended.carrier.take(&mended.file).await[0], Verdict::Accepted { .. }));
    let verdicts = mended.technician.take(&mended.again()).await;
    assert_eq!(verdicts.last().and_then(refused), Some(Code::CommandOriginalDone));
    assert_eq!(shown(&mut mended).await, (StageName::Dispatched, true));
}

async fn that_a_refusal_was_settled_is_believed_only_if_it_is_not_here(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let (mut guard, mut other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let envelope = guard.envelope("case.report", guard.new_id(), json!({ "category": "complaint" }));
    let id = envelope.id;
    assert!(refused(&guard.send_envelope(envelope).await).is_some());
    let settle = other.make(wire::SETTLE, id, json!({}));
    let at = app.now();
    backups.make(&app, "backup").await;
    app.advance(10);
    backups.restore(&mut app, "backup").await;
    for device in [&mut guard, &mut other] {
        device.router = app.router.clone();
    }
    collected(&app).await;
    let verdict = Verdict::Accepted { seq: 1, version: 2 };
    let had = vec![wire::Had { n: 1, verdict, at, number: None }];
    let forged = wire::PushRequest { had, ..other.pack(vec![settle]) };
    assert_eq!(refused(&other.take(&forged).await[0]), Some(Code::CaseNotVisible));
    assert_eq!(guard.pull().await.refusals().len(), 1);
}

async fn that_the_desk_has_seen_to_a_refusal_takes_nothing_back(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut desk = app.sign_in(cast::DESK).await;
    let mut technician = app.sign_in(cast::TECHNICIAN).await;
    let case_id = desk.report().await;
    desk.accepted("case.dispatch", case_id, json!({ "to": technician.person })).await;
    backups.make(&app, "backup").await;
    let promise = json!({ "until": app.now().plus(HOUR) });
    desk.accepted("case.promise", case_id, promise.clone()).await;
    let envelope = technician.envelope("case.promise", case_id.0, promise);
    let id = envelope.id;
    assert!(refused(&technician.send_envelope(envelope).await).is_some());
    desk.accepted(wire::SETTLE, id, json!({})).await;
    app.advance(10);
    backups.restore(&mut app, "backup").await;
    for device in [&mut desk, &mut technician] {
        device.router = app.router.clone();
    }
    // The technician's phone knows nothing of the refusal, and the desk has only seen to it.
    let again = technician.again(1);
    let as_new = wire::PushRequest { had: Vec::new(), ..again };
    assert!(restoring(&technician.take(&as_new).await));
    let settled = wire::PushRequest { ..desk.with_gap(desk.again(4), &app.app.epoch) };
    assert!(restoring(&desk.take(&settled).await));
    collected(&app).await;
    assert!(matches!(technician.take(&as_new).await[0], Verdict::Accepted { .. }));
}

async fn what_others_have_done_with_a_mended_report_is_not_lost_with_it(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let (mut guard, mut desk) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::DESK).await);
    let carrier = app.sign_in(cast::OTHER_GUARD).await;
    let technician = app.person(cast::TECHNICIAN).await;
    backups.make(&app, "backup").await;
    // For a while the property has no such kind of problem.
    let kinds = |file: &mut Value| {
        file["categories"].as_array_mut().unwrap().retain(|kind| kind["code"] != "leak");
    };
    app.reimport("jinzhou", kinds).await;
    let envelope = guard.envelope("case.report", guard.new_id(), leak());
    let (id, file) = (envelope.id, guard.pack(vec![envelope.write()]));
    assert!(refused(&guard.send_envelope(envelope).await).is_some());
    guard.accepted(wire::SETTLE, id, json!({})).await;
    let mended = guard.new_case();
    let mut power = leak();
    power["category"] = json!("power");
    let report = guard.envelope("case.report", mended.0, power);
    let verdict = guard.send_envelope(Envelope { mends: vec![id], ..report }).await;
    assert!(matches!(verdict, Verdict::Accepted { .. }), "{verdict:?}");
    desk.accepted("case.dispatch", mended, json!({ "to": technician })).await;
    app.advance(10);
    backups.restore(&mut app, "backup").await;
    for device in [&mut guard, &mut desk] {
        device.router = app.router.clone();
    }
    let mut carrier = carrier;
    carrier.router = app.router.clone();
    assert!(restoring(&carrier.take(&file).await));
    assert!(restoring(&desk.take(&desk.again(1)).await));
    collected(&app).await;
    assert!(matches!(carrier.take(&file).await[0], Verdict::Accepted { .. }));
    let verdicts = guard.take(&guard.again(2)).await;
    assert!(matches!(verdicts[1], Verdict::Accepted { .. }), "{verdicts:?}");
    assert_eq!(case(&mut desk, mended).await.unwrap().stage.name(), StageName::Dispatched);
    assert!(missing(&app).await.contains("counts all the same: case.report by "));
}

async fn a_cursor_from_before_a_restore_starts_anew(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = app.sign_in(cast::GUARD).await;
    let old = guard.report().await;
    backups.make(&app, "backup").await;
    for _ in 0..3 {
        guard.report().await;
    }
    guard.pull().await;
    backups.restore(&mut app, "backup").await;
    guard.router = app.router.clone();
    let feed = guard.pull().await;
    assert!(feed.changed.contains(&wire::DocKey::Case(old)), "all of it is sent again");
    assert!(feed.stable_seq.is_some());
}

async fn a_backup_is_brought_up_to_date_in_its_folder(on: On) {
    let mut app = TestApp::start(on).await;
    let backups = Backups::new();
    let mut guard = app.sign_in(cast::GUARD).await;
    guard.report().await;
    backups.make(&app, "backup").await;
    let second = guard.report().await;
    backups.make(&app, "backup").await;
    backups.restore(&mut app, "backup").await;
    guard.router = app.router.clone();
    assert!(case(&mut guard, second).await.is_some());
}

async fn a_backup_that_is_not_complete_is_not_restored(on: On) {
    let app = TestApp::start(on).await;
    let backups = Backups::new();
    backups.make(&app, "backup").await;
    app.stop().await;
    let folder = backups.folder("backup");
    let restore = async || {
        let collecting = Collecting { minutes: COLLECT };
        backup::restore(&app.storage, &folder, collecting, app.now()).await.unwrap_err().to_string()
    };
    let path = folder.join("backup.json");
    let mut point: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    point["complete"] = json!(false);
    std::fs::write(&path, point.to_string()).unwrap();
    assert!(restore().await.contains("is not complete"));
    point["complete"] = json!(true);
    point["epoch"] = json!("another");
    std::fs::write(&path, point.to_string()).unwrap();
    assert!(restore().await.contains("is not that of the backup"));
    std::fs::remove_file(&path).unwrap();
    assert!(restore().await.contains("cannot be read"));
    // The database is as it was.
    let clock = Clock::Manual(app.clock.clone());
    let again = server::App::open(&app.storage, server::config::Settings::default(), clock).await.unwrap();
    assert_eq!(again.epoch, app.app.epoch);
}

async fn the_program_backs_up_while_it_serves_and_restores_when_it_does_not(on: On) {
    let mut app = TestApp::start(on).await;
    app.stop().await;
    let backups = Backups::new();
    let folder = backups.folder("backup");
    let run = async |app: &TestApp, command: &str, arguments: &[&str]| {
        let mut program = program(app, command);
        let output = program.args(arguments).output().await.unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    };
    let server = Process::start(&app).await;
    let mut guard = Device::new(&app);
    guard.router = server.router.clone();
    guard.sign_in(cast::GUARD, PASSWORD).await;
    let first = guard.report().await;
    let backup = folder.to_str().unwrap();
    let (done, said) = run(&app, "backup", &[backup]).await;
    assert!(done, "{said}");
    if let Some(url) = app.storage.database_url.clone() {
        assert!(said.contains("pg_dump --format=custom --file="), "{said}");
        dump(&url, &folder.join("database.dump")).await;
        assert!(run(&app, "backup", &[backup]).await.0);
    }
    let second = guard.report().await;
    assert!(guard.pull().await.stable_seq.is_some());
    if on == On::Postgres {
        server.kill().await;
        app.take_dump(&folder.join("database.dump")).await;
    } else {
        let (done, said) = run(&app, "restore", &[backup]).await;
        assert!(!done && said.contains("is in use: stop the server first"), "{said}");
        let third = guard.report().await;
        assert!(guard.pull().await.case(third).is_some(), "it serves on");
        server.kill().await;
    }
    let (done, said) = run(&app, "restore", &[backup, "--collect-minutes", "0"]).await;
    assert!(done && said.contains("restored: start the server"), "{said}");
    assert_eq!(said.contains("the database that was there lies in "), on != On::Postgres, "{said}");

    let server = Process::start(&app).await;
    guard.router = server.router.clone();
    guard.feeds.clear();
    let feed = guard.pull().await;
    assert!(feed.case(first).is_some() && feed.case(second).is_none());
    guard.take(&guard.again(2)).await;
    guard.take(&guard.again(2)).await;
    assert!(guard.pull().await.case(second).is_some());
    let (done, said) = run(&app, "missing", &[]).await;
    assert!(done && said.starts_with("restored "), "{said}");
    server.kill().await;
}
