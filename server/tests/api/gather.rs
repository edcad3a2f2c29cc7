//! Those who write to one site at the same time: they share a transaction, and notice nothing of it.

use std::time::Duration;

use proptest::{
    collection::vec,
    prelude::*,
    sample::select,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use server::sites::Writer;
use shared::{
    ids::{AttachmentId, CaseId, CommandId, SiteCode},
    wire::{Answer, Envelope, Part, PushRequest, PushResponse, SETTLE},
};
use sqlx::Row;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::files::{Announced, litter, new_photo, report, shows, thumb};
use crate::kit::{Device, On, Reply, TestApp, cast, complaint, leak, tests};

tests![
    pushes_that_share_a_transaction_get_what_they_would_get_alone,
    uploads_that_share_a_transaction_get_what_they_would_get_alone,
    the_last_upload_that_may_be_begun_is_begun_once,
    a_command_that_cannot_be_stored_harms_nobody_else,
    who_hangs_up_does_not_stop_what_began,
    nobody_is_forgotten_when_the_server_stops,
    two_servers_on_one_database_give_every_number_once,
    r3_waiting_for_its_turn_makes_no_report_later,
];

fn site() -> SiteCode {
    "jinzhou".into()
}

/// Sends pushes so that all but the first share one transaction: the first one's waits for somebody else who writes
/// until the others are there, in their order.
async fn together(app: &TestApp, carrier: &Device, pushes: &[PushRequest]) -> Vec<Reply> {
    let somebody = Writer::begin(&app.app, &site()).await.unwrap().unwrap();
    let mut sent = Vec::new();
    for (waiting, push) in pushes.iter().enumerate() {
        sent.push(send(carrier, push.clone()));
        waits(app, waiting).await;
    }
    drop(somebody);
    let mut replies = Vec::new();
    for reply in sent {
        replies.push(reply.await.unwrap());
    }
    replies
}

fn send(carrier: &Device, push: PushRequest) -> JoinHandle<Reply> {
    let carrier = carrier.carrier();
    tokio::spawn(async move { carrier.try_push(&push).await })
}

/// Returns when so many wait for the next transaction.
async fn waits(app: &TestApp, waiting: usize) {
    for _ in 0..10_000 {
        if app.app.lanes.waiting(&site()) == Some(waiting) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("{waiting} do not wait but {:?}", app.app.lanes.waiting(&site()));
}

fn answers(reply: &Reply) -> Vec<Answer> {
    let response: PushResponse =
        serde_json::from_str(&reply.text).unwrap_or_else(|_| panic!("{}", reply.text));
    response.answers
}

/// Uploads of one photo, one after the other: announced, brought, brought again, announced and brought as something else,
/// under the same id by somebody else, and its thumbnail.
fn uploads(guard: &Device, other: &Device, photo: AttachmentId) -> Vec<(Device, Announced, Option<Vec<u8>>)> {
    let (bytes, small) = (litter(), thumb());
    let of = |device: &Device, part, announced: &[u8], brought: Option<&[u8]>| {
        let announced = Announced::of(device, photo, part, announced);
        (device.carrier(), announced, brought.map(<[u8]>::to_vec))
    };
    vec![
        of(guard, Part::Full, &bytes, None),
        of(guard, Part::Full, &bytes, Some(&bytes)),
        of(guard, Part::Full, &bytes, Some(&bytes)),
        of(guard, Part::Full, &small, Some(&small)),
        of(guard, Part::Full, &small, None),
        of(other, Part::Full, &small, Some(&small)),
        of(guard, Part::Thumb, &small, Some(&small)),
    ]
}

fn bring((device, announced, bytes): (Device, Announced, Option<Vec<u8>>)) -> JoinHandle<Reply> {
    tokio::spawn(async move {
        match bytes {
            Some(bytes) => announced.post_with(&device, &bytes).await,
            None => announced.post(&device).await,
        }
    })
}

/// How far an upload is, or why it was refused.
fn outcome(reply: &Reply) -> String {
    if (200..300).contains(&reply.status) {
        reply.header("upload-offset").to_owned()
    } else {
        reply.problem().1
    }
}

async fn uploads_that_share_a_transaction_get_what_they_would_get_alone(on: On) {
    let mut all = Vec::new();
    for shared in [false, true] {
        let app = TestApp::start(on).await;
        let (mut guard, other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::CLEANER).await);
        let photo = new_photo(&guard);
        let case = report(&mut guard, leak(), photo, &litter()).await;
        let mut outcomes = Vec::new();
        if shared {
            let somebody = Writer::begin(&app.app, &site()).await.unwrap().unwrap();
            let mut sent = vec![bring((
                guard.carrier(),
                Announced::of(&guard, new_photo(&guard), Part::Full, &litter()),
                None,
            ))];
            waits(&app, 0).await;
            for (waiting, upload) in (1..).zip(uploads(&guard, &other, photo)) {
                sent.push(bring(upload));
                waits(&app, waiting).await;
            }
            drop(somebody);
            for reply in sent.into_iter().skip(1) {
                outcomes.push(outcome(&reply.await.unwrap()));
            }
        } else {
            for upload in uploads(&guard, &other, photo) {
                outcomes.push(outcome(&bring(upload).await.unwrap()));
            }
        }
        shows(&mut guard, case, photo, &litter()).await;
        all.push(outcomes);
    }
    let (whole, small) = (litter().len().to_string(), thumb().len().to_string());
    let conflict = "file.conflict".to_owned();
    let alone = vec!["0".to_owned(), whole.clone(), whole, conflict.clone(), conflict, small.clone(), small];
    assert_eq!(all, [alone.clone(), alone]);
}

async fn the_last_upload_that_may_be_begun_is_begun_once(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let announce = || {
        let announced = Announced::of(&guard, new_photo(&guard), Part::Full, &litter());
        bring((guard.carrier(), announced, None))
    };
    for _ in 0..48 {
        assert_eq!(announce().await.unwrap().status, 201);
    }
    let somebody = Writer::begin(&app.app, &site()).await.unwrap().unwrap();
    let mut sent = Vec::new();
    for waiting in 0..4 {
        sent.push(announce());
        waits(&app, waiting).await;
    }
    drop(somebody);
    let mut outcomes = Vec::new();
    for reply in sent {
        outcomes.push(outcome(&reply.await.unwrap()));
    }
    assert_eq!(outcomes, ["0", "0", "file.too_many", "file.too_many"]);
}

/// The codes of a reply's answers, or of the refusal of all of it.
fn codes(reply: &Reply) -> Vec<String> {
    if reply.status != 200 {
        return vec![reply.problem().1];
    }
    let code = |answer: &Answer| {
        let verdict = serde_json::to_value(&answer.verdict).unwrap();
        let (name, content) = verdict.as_object().unwrap().iter().next().unwrap();
        content["code"].as_str().unwrap_or(name).to_owned()
    };
    answers(reply).iter().map(code).collect()
}

/// A command of a made-up push.
#[derive(Clone, Debug)]
enum Made {
    /// Of one of a few cases, whether or not it exists.
    Of(usize, &'static str, Value),
    /// Settles whatever an earlier command was.
    Settle(usize),
    /// Uses the id of an earlier command.
    Again(usize),
    /// Is none.
    Junk,
}

/// Who pushes what; or who pushes again what was pushed before.
#[derive(Clone, Debug)]
enum Pushed {
    New(usize, Vec<Made>),
    Repeat(usize),
}

/// A report that is refused.
fn nowhere() -> Value {
    json!({ "category": "leak", "place": "nowhere", "text": "x", "source": "found" })
}

fn made(people: &[shared::ids::PersonId]) -> impl Strategy<Value = Made> + use<> {
    let (accused, technician) = (people[0], people[2]);
    let body = prop_oneof![
        4 => Just(("case.report", leak())),
        1 => Just(("case.report", nowhere())),
        1 => Just(("case.report", complaint(accused))),
        3 => select(vec!["a", "b", "c"]).prop_map(|text| ("case.comment", json!({ "text": text }))),
        2 => Just(("case.see", json!({}))),
        3 => Just(("case.dispatch", json!({ "to": technician }))),
        2 => Just(("case.accept", json!({}))),
        1 => Just(("case.arrive", json!({}))),
        1 => Just(("case.complete", json!({ "result": "x" }))),
        1 => Just(("case.confirm", json!({}))),
        1 => Just(("case.nonsense", json!({}))),
    ];
    prop_oneof![
        20 => (0..4_usize, body).prop_map(|(case, (kind, body))| Made::Of(case, kind, body)),
        2 => (0..8_usize).prop_map(Made::Settle),
        1 => (0..8_usize).prop_map(Made::Again),
        1 => Just(Made::Junk),
    ]
}

/// Makes the pushes of a script.
fn write(script: &[Pushed], devices: &mut [Device]) -> Vec<PushRequest> {
    let cases: Vec<CaseId> = (0..4).map(|_| devices[0].new_case()).collect();
    let mut ids: Vec<CommandId> = Vec::new();
    let mut pushes: Vec<PushRequest> = Vec::new();
    for pushed in script {
        let (device, commands) = match pushed {
            Pushed::New(device, commands) => (&mut devices[*device], commands),
            Pushed::Repeat(earlier) => {
                pushes.extend(pushes.get(*earlier).cloned());
                continue;
            }
        };
        let earlier = |ids: &[CommandId], i: usize| ids.get(i).copied().unwrap_or(CommandId(Uuid::nil()));
        let mut texts = Vec::new();
        for (place, command) in commands.iter().enumerate() {
            let envelope = match command {
                Made::Of(case, kind, body) => device.envelope(kind, cases[*case].0, body.clone()),
                Made::Settle(i) => device.envelope(SETTLE, earlier(&ids, *i).0, json!({})),
                Made::Again(i) => {
                    let id = earlier(&ids, *i);
                    Envelope { id, ..device.envelope("case.see", cases[0].0, json!({})) }
                }
                // Says nothing of the command before it, so that it can only be the first of its push.
                Made::Junk if place == 0 => {
                    texts.push(device.chain("{".to_owned()));
                    continue;
                }
                Made::Junk => device.envelope("case.see", Uuid::nil(), json!({})),
            };
            ids.push(envelope.id);
            texts.push(device.chain(envelope.write()));
        }
        if commands.iter().all(|command| matches!(command, Made::Junk)) {
            // What no site is concerned with waits for none.
            texts.push(device.make("case.see", cases[0], json!({})));
        }
        pushes.push(device.pack(texts));
    }
    pushes
}

/// Everything that pushes leave in the database, but for what says how often something was locked, and the traces of
/// what nobody could ever see.
async fn kept(app: &TestApp) -> Vec<String> {
    let mut kept = Vec::new();
    let mut conn = app.app.db.connection().await.unwrap();
    for (table, columns, only) in [
        ("sites", "code, day", "1 = 1"),
        ("sites", "code, cast(head as text)", "1 = 1"),
        ("chains", "device, author, cast(n as text), hash, cast(last_at as text)", "n > 0"),
        (
            "commands",
            "device, author, cast(n as text), hash, id, site, aggregate, kind, text, cast(event_at as text), \
             cast(received as text), status, verdict, cast(private as text)",
            "1 = 1",
        ),
        ("events", "aggregate, cast(version as text), cast(seq as text), body, command", "1 = 1"),
        ("docs", "doc, cast(version as text), cast(born as text), cast(seq as text), body", "1 = 1"),
        ("feed", "principal, doc, cast(seq as text)", "gone = 0"),
        ("case_facts", "case_id, number, category, stage, cast(stage_since as text), handler", "1 = 1"),
    ] {
        let sql = sqlx::AssertSqlSafe(format!("select {columns} from {table} where {only}"));
        let mut rows: Vec<String> = Vec::new();
        for row in sqlx::query(sql).fetch_all(&mut *conn).await.unwrap() {
            let values = (0..row.len()).map(|i| row.try_get::<Option<String>, _>(i).unwrap());
            rows.push(format!("{table} {:?}", values.collect::<Vec<_>>()));
        }
        rows.sort();
        kept.extend(rows);
    }
    kept
}

async fn pushes_that_share_a_transaction_get_what_they_would_get_alone(on: On) {
    const PEOPLE: [&str; 4] = [cast::GUARD, cast::DESK, cast::TECHNICIAN, cast::CLEANER];
    let cases = match on {
        On::Sqlite | On::S3 => 24,
        On::Postgres | On::PostgresAndS3 => 8,
    };
    let first = TestApp::start(on).await;
    let mut people = Vec::new();
    for name in PEOPLE {
        people.push(first.person(name).await);
    }
    let push = prop_oneof![
        9 => (0..PEOPLE.len(), vec(made(&people), 1..5)).prop_map(|(device, made)| Pushed::New(device, made)),
        1 => (0..8_usize).prop_map(Pushed::Repeat),
    ];
    // Without files of failed cases: what a seed finds becomes a test of its own.
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Handle::current();
    let check = |script: Vec<Pushed>| {
        runtime.block_on(async {
            let (alone, shared) = (TestApp::start(on).await, TestApp::start(on).await);
            let mut devices = Vec::new();
            for name in PEOPLE {
                devices.push(alone.sign_in(name).await);
            }
            let carrier = devices[0].carrier();
            let pushes = write(&script, &mut devices);
            for (device, name) in devices.iter_mut().zip(PEOPLE) {
                device.router = shared.router.clone();
                assert_eq!(device.sign_in(name, crate::kit::PASSWORD).await.status, 200);
            }
            let mut one_by_one = Vec::new();
            for push in &pushes {
                let reply = carrier.try_push(push).await;
                one_by_one.push(reply.text);
            }
            let together = together(&shared, &devices[0], &pushes).await;
            for (alone, shared) in one_by_one.iter().zip(&together) {
                let (alone, shared): (Value, Value) = (serde_json::from_str(alone).unwrap(), shared.json());
                assert_eq!((&alone["answers"], &alone["code"]), (&shared["answers"], &shared["code"]));
            }
            assert_eq!(kept(&alone).await, kept(&shared).await);
        });
    };
    let one = |device, kind, body| Pushed::New(device, vec![Made::Of(3, kind, body)]);
    let twice_refused_at_once = vec![
        one(1, "case.report", nowhere()),
        one(0, "case.report", nowhere()),
        one(0, "case.comment", json!({ "text": "a" })),
    ];
    tokio::task::block_in_place(|| {
        check(twice_refused_at_once);
        TestRunner::new(config).run(&vec(push, 1..16), |script| {
            check(script);
            Ok(())
        })
    })
    .unwrap();
}

async fn a_command_that_cannot_be_stored_harms_nobody_else(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let (mut desk, mut cleaner) = (app.sign_in(cast::DESK).await, app.sign_in(cast::CLEANER).await);
    // The database refuses a second case of the same category.
    let mut tx = app.app.db.write().await.unwrap();
    sqlx::raw_sql("create unique index odd on case_facts (site, category)").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let of = |category: &str| json!({ "category": category, "place": "B1-1-LOBBY", "text": "x", "source": "found" });
    let report = |device: &mut Device, categories: &[&str]| {
        let texts =
            categories.iter().map(|category| device.make("case.report", device.new_case(), of(category)));
        let texts = texts.collect();
        device.pack(texts)
    };
    let first = report(&mut cleaner, &["power"]);
    let pushes = [
        first.clone(),
        report(&mut guard, &["leak"]),
        report(&mut other, &["lift", "leak", "litter"]),
        report(&mut desk, &["noise"]),
        first,
    ];
    let replies = together(&app, &guard, &pushes).await;
    let codes: Vec<Vec<String>> = replies.iter().map(codes).collect();
    assert_eq!(codes[0], ["accepted"]);
    assert_eq!(codes[1], ["accepted"]);
    assert_eq!(codes[2], ["accepted", "server.failed", "command.predecessor_missing"]);
    assert_eq!(codes[3], ["accepted"]);
    assert_eq!(codes[4], ["accepted"]);
    assert_eq!(desk.pull().await.docs.len(), 3 + 4);
    // Once the database is in order again, the repeats get the same verdicts, and the rest its own.
    let mut tx = app.app.db.write().await.unwrap();
    sqlx::raw_sql("drop index odd").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let again = together(&app, &guard, &pushes).await;
    for place in [0, 1, 3, 4] {
        assert_eq!(answers(&again[place]), answers(&replies[place]));
    }
    assert_eq!(answers(&again[2])[0], answers(&replies[2])[0]);
    assert_eq!(self::codes(&again[2]), ["accepted"; 3]);
}

async fn who_hangs_up_does_not_stop_what_began(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let pushes = [&mut guard, &mut other].map(|device| {
        let text = device.make("case.report", device.new_case(), leak());
        device.pack(vec![text])
    });
    let somebody = Writer::begin(&app.app, &site()).await.unwrap().unwrap();
    let mut sent = Vec::new();
    for (waiting, push) in pushes.iter().enumerate() {
        sent.push(send(&guard, push.clone()));
        waits(&app, waiting).await;
    }
    sent.iter().for_each(JoinHandle::abort);
    for sent in sent {
        assert!(sent.await.unwrap_err().is_cancelled());
    }
    drop(somebody);
    app.app.lanes.drained().await;
    assert_eq!(guard.pull().await.docs.len(), 3 + 1);
    assert_eq!(other.pull().await.docs.len(), 3 + 1);
    for push in &pushes {
        assert_eq!(codes(&guard.try_push(push).await), ["accepted"]);
    }
}

async fn nobody_is_forgotten_when_the_server_stops(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let pushes: Vec<PushRequest> = (0..5)
        .map(|_| {
            let text = guard.make("case.report", guard.new_case(), leak());
            guard.pack(vec![text])
        })
        .collect();
    let somebody = Writer::begin(&app.app, &site()).await.unwrap().unwrap();
    let mut sent = Vec::new();
    for (waiting, push) in pushes.into_iter().enumerate() {
        sent.push(send(&guard, push));
        waits(&app, waiting).await;
    }
    let parts = app.app.clone();
    let stopped = tokio::spawn(async move {
        parts.lanes.drained().await;
        parts.db.close().await;
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!stopped.is_finished());
    drop(somebody);
    stopped.await.unwrap();
    for sent in sent {
        assert_eq!(codes(&sent.await.unwrap()), ["accepted"]);
    }
}

async fn two_servers_on_one_database_give_every_number_once(on: On) {
    let app = TestApp::start(on).await;
    let second = app.second().await;
    let mut reader = app.sign_in(cast::DESK).await;
    let mut tasks = tokio::task::JoinSet::new();
    for (i, name) in ["P023", "P024", "P025", "P026"].into_iter().enumerate() {
        let mut guard = app.sign_in(name).await;
        if i % 2 == 0 {
            guard.router = second.clone();
        }
        tasks.spawn(async move {
            for _ in 0..10 {
                let texts = vec![
                    guard.make("case.report", guard.new_case(), leak()),
                    guard.make("case.report", guard.new_case(), leak()),
                ];
                let carrier = guard.carrier();
                let other = send(&carrier, guard.pack(texts.clone()));
                let one = codes(&guard.try_push(&guard.pack(texts)).await);
                assert_eq!(one, ["accepted", "accepted"]);
                assert_eq!(codes(&other.await.unwrap()), one);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let mut numbers: Vec<String> =
        reader.pull().await.cases().map(|view| view.number().unwrap().0.clone()).collect();
    numbers.sort();
    let expected: Vec<String> = (1..=80).map(|n| format!("20261123-{n:03}")).collect();
    assert_eq!(numbers, expected);
}

async fn r3_waiting_for_its_turn_makes_no_report_later(on: On) {
    let app = TestApp::start(on).await;
    let mut device = app.sign_in(cast::GUARD).await;
    let made = app.now();
    let case = device.new_case();
    let text = device.make("case.report", case, leak());
    let push = device.pack(vec![text]);
    let all = app.app.turns.wait(usize::MAX).await.unwrap();
    let sent = send(&device, push);
    while app.app.turns.waiting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    app.advance(1);
    drop(all);
    assert_eq!(codes(&sent.await.unwrap()), ["accepted"]);
    let feed = device.pull().await;
    let reported = feed.case(case).unwrap().full().unwrap().reported;
    assert_eq!((reported.at, reported.received), (made, made));
}
