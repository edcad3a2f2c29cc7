//! Many writers and readers at once: no row that commits late is passed by a cursor, and nobody waits for ever.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use server::{config::Settings, db::Db};
use shared::{
    ids::CaseId,
    wire::{DocKey, Verdict},
};

use crate::kit::{Device, On, TestApp, cast, leak, tests};

tests![
    no_poller_misses_a_row_of_sixteen_writers,
    writers_that_cross_each_other_do_not_wait_for_ever,
    who_hangs_up_while_beginning_to_read_leaves_no_old_look_to_others,
];

const WRITERS: usize = 16;
/// Cases that each of them reports.
const CASES: usize = 10;

/// A server with a connection for each writer and some for readers.
async fn start(on: On) -> TestApp {
    let settings =
        Settings { requests_burst: 1_000_000, db_connections: WRITERS as u32 + 4, ..Settings::default() };
    TestApp::with(on, settings).await
}

/// Reports a case and comments on it, so that rows are written and written again.
async fn write(mut device: Device) -> Vec<(CaseId, i64)> {
    let mut written = Vec::new();
    for _ in 0..CASES {
        let case = device.new_case();
        let texts = vec![
            device.make("case.report", case, leak()),
            device.make("case.comment", case, json!({ "text": "同时" })),
        ];
        for verdict in device.push(texts).await {
            let Verdict::Accepted { seq, .. } = verdict else { panic!("{verdict:?}") };
            written.push((case, seq));
        }
    }
    written
}

async fn no_poller_misses_a_row_of_sixteen_writers(on: On) {
    let app = start(on).await;
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        let name = [cast::GUARD, cast::OTHER_GUARD, cast::CLEANER, cast::TECHNICIAN][number % 4];
        writers.push(app.sign_in(name).await);
    }
    let ended = Arc::new(AtomicBool::new(false));
    let mut pollers = Vec::new();
    for limit in [1, 7, 200] {
        let mut desk = app.sign_in(cast::DESK).await;
        let ended = Arc::clone(&ended);
        pollers.push(tokio::spawn(async move {
            // Whoever looks once more after all has ended has had everything, or never gets it.
            loop {
                let last = ended.load(Ordering::SeqCst);
                desk.pull_by("jinzhou", limit).await;
                if last {
                    return desk.feeds.remove("jinzhou").unwrap();
                }
            }
        }));
    }
    let writers: Vec<_> = writers.into_iter().map(|writer| tokio::spawn(write(writer))).collect();
    let mut written = Vec::new();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }
    ended.store(true, Ordering::SeqCst);
    let cases: BTreeSet<CaseId> = written.iter().map(|(case, _)| *case).collect();
    let seqs: BTreeSet<i64> = written.iter().map(|(_, seq)| *seq).collect();
    assert_eq!((cases.len(), seqs.len()), (WRITERS * CASES, written.len()), "each has its own");
    for poller in pollers {
        let feed = poller.await.unwrap();
        let missed: Vec<_> = cases.iter().filter(|case| feed.case(**case).is_none()).collect();
        assert!(missed.is_empty(), "{} of {} cases were missed", missed.len(), cases.len());
        let old = cases.iter().filter(|case| feed.case(**case).unwrap().version() < 2).count();
        assert_eq!(old, 0, "cases of which the second change was missed");
    }
}

async fn writers_that_cross_each_other_do_not_wait_for_ever(on: On) {
    let app = start(on).await;
    // One person of both sites whose chain goes from one to the other and back, sent twice at once; people who sign in
    // meanwhile; and files that are imported again: all that takes more than one row.
    let guard = app.sign_in(cast::GUARD).await;
    let mut pushes = Vec::new();
    let mut last = guard;
    for round in 0..10 {
        let mut texts = Vec::new();
        for site in ["jinzhou", "wanjing", "jinzhou"] {
            last.site = site.to_owned();
            let case = last.new_case();
            texts.push(last.make("case.report", case, leak()));
        }
        pushes.push((round, last.pack(texts)));
    }
    let router = app.router.clone();
    let crossing = async {
        for (round, push) in &pushes {
            let (one, other) = tokio::join!(last.try_push(push), last.try_push(push));
            for reply in [one, other] {
                assert_eq!(reply.status, 200, "round {round}: {}", reply.text);
            }
        }
    };
    let importing = async {
        for round in 0..5 {
            let name = |site: &str| format!("{site} {round}");
            app.reimport("jinzhou", |file| file["name"] = json!(name("金洲"))).await;
            app.reimport("wanjing", |file| file["name"] = json!(name("万景"))).await;
        }
    };
    let signing_in = async {
        for name in [cast::DESK, cast::LEAD, cast::TECHNICIAN, cast::GUARD, cast::FOREIGN_GUARD] {
            let mut device = app.sign_in(name).await;
            device.router = router.clone();
            device.pull().await;
        }
    };
    tokio::join!(crossing, importing, signing_in);
    let mut desk = app.sign_in(cast::DESK).await;
    let cases = desk.pull().await.docs.keys().filter(|key| matches!(key, DocKey::Case(_))).count();
    assert_eq!(cases, 2 * pushes.len(), "each once");
}

async fn who_hangs_up_while_beginning_to_read_leaves_no_old_look_to_others(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    // One connection, so that whoever comes next gets that of whoever hung up.
    let db = Db::open(&app.storage.database_url().unwrap(), 1).await.unwrap();
    let head = async || -> i64 {
        let mut conn = db.connection().await.unwrap();
        let head = sqlx::query_scalar("select head from sites where code = 'jinzhou'");
        head.fetch_one(&mut *conn).await.unwrap()
    };
    for round in 0..24 {
        // It hangs up after so many of the steps in which the database answers.
        let mut reading = Box::pin(db.read());
        for _ in 0..round % 8 {
            if futures::poll!(&mut reading).is_ready() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        drop(reading);
        let before = head().await;
        team.guard.report().await;
        assert!(head().await > before, "round {round}: what is seen is of before the report");
    }
    db.close().await;
}
