//! What becomes of a site that somebody has left: nothing of it is shown, and nothing made there is lost.

use device::{Engine, Local, Nudge, Op, Store, Table};
use futures::executor::block_on;
use serde_json::json;
use shared::{
    ids::{AttachmentId, SiteCode},
    sync::{Delivery, HELD_AGAIN, PULL_EVERY, UploadState},
    wire::{self, Doc, Part},
};
use uuid::Uuid;

use crate::kit::{CLEANER, HERE, Phone, TAKEN, run};

fn here() -> SiteCode {
    SiteCode(HERE.to_owned())
}

async fn assert_given_up(local: &Local<Phone>) {
    assert_eq!(local.doc_keys(&here()).await.unwrap(), []);
    assert!(!local.pulled_sites().await.unwrap().contains(&here()));
}

#[test]
fn a_site_that_was_left_is_given_up_though_the_server_was_restored_meanwhile() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        run(&mut Engine::new(cleaner.clone())).await;
        assert_eq!(cleaner.doc_keys(&here()).await.unwrap().len(), 1);

        phone.elsewhere.set(true);
        phone.epoch.set(1);
        phone.sign_in("cleaner").await;
        run(&mut Engine::new(cleaner.clone())).await;
        assert_given_up(&cleaner).await;
    });
}

#[test]
fn a_site_that_was_left_is_given_up_though_another_version_wrote_its_documents() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        run(&mut Engine::new(cleaner.clone())).await;
        let store = phone.stores.borrow()[cleaner.name()].clone();
        store.put(Table::Docs, format!("{HERE}|people"), "of another version").await.unwrap();

        phone.elsewhere.set(true);
        phone.sign_in("cleaner").await;
        cleaner.stock().await.unwrap();
        run(&mut Engine::new(cleaner.clone())).await;
        assert_given_up(&cleaner).await;
    });
}

#[test]
fn what_is_taken_at_a_site_after_its_author_left_goes() {
    block_on(async {
        let phone = Phone::default();
        phone.elsewhere.set(true);
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        run(&mut Engine::new(cleaner.clone())).await;
        assert_eq!(cleaner.outbox().await.unwrap(), []);
        assert_eq!(cleaner.uploads().await.unwrap(), []);
        assert!(cleaner.blobs().await.unwrap().is_empty(), "of a case that is not shown");
    });
}

#[test]
fn a_photo_of_a_round_goes_with_its_round() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        run(&mut Engine::new(cleaner.clone())).await;
        let store = phone.stores.borrow()[cleaner.name()].clone();
        let photo = AttachmentId(Uuid::from_u128(9));
        let round = json!({
            "id": Uuid::from_u128(8), "version": 2,
            "task": {
                "route": "R-C1", "route_version": 1, "occurrence": "2026-11-23/13:00", "from": 0, "until": 1,
                "name": "", "kind": "cleaning", "ordered": false, "who": { "roles": ["cleaner"] }, "stops": [],
            },
            "log": [{
                "time": { "at": 0, "received": 0, "uncertain": false },
                "change": { "skipped": { "stop": "lobby", "reason": "施工", "photos": [{
                    "id": photo, "sha256": "", "bytes": 1, "width": 1, "height": 1,
                    "thumb_sha256": "", "thumb_bytes": 1,
                }] } },
            }],
        });
        let shown: Doc = serde_json::from_value(json!({ "round": round })).unwrap();
        let stored = json!({ "site": HERE, "doc": shown });
        store.put(Table::Docs, format!("{HERE}|{}", shown.key()), &stored).await.unwrap();
        let name = wire::file_name(photo, Part::Full);
        store.apply(&[Op::put_bytes(Table::Blobs, name, vec![1])]).await.unwrap();

        phone.elsewhere.set(true);
        phone.passed.set(PULL_EVERY);
        phone.sign_in("cleaner").await;
        run(&mut Engine::new(cleaner.clone())).await;
        assert_given_up(&cleaner).await;
        assert!(cleaner.blobs().await.unwrap().is_empty(), "of a round that is not shown");
    });
}

#[test]
fn what_is_done_at_a_site_that_was_left_stays_until_a_backup_has_it() {
    block_on(async {
        let phone = Phone::default();
        phone.stable.set(Some(TAKEN - 1));
        phone.elsewhere.set(true);
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        let mut engine = Engine::new(cleaner.clone());
        run(&mut engine).await;
        let [row] = &cleaner.outbox().await.unwrap()[..] else { panic!("one command") };
        assert!(matches!(row.delivery, Delivery::Done { .. }));
        let uploads = cleaner.uploads().await.unwrap();
        assert!(uploads.iter().all(|upload| matches!(upload.state, UploadState::Done { .. })));
        assert_eq!((uploads.len(), cleaner.blobs().await.unwrap().len()), (2, 2));

        phone.stable.set(Some(TAKEN));
        for _ in 0..2 {
            phone.passed.set(phone.passed.get() + PULL_EVERY);
            run(&mut engine).await;
        }
        assert_eq!(cleaner.outbox().await.unwrap(), []);
        assert_eq!(cleaner.uploads().await.unwrap(), []);
        assert!(!cleaner.pulled_sites().await.unwrap().contains(&here()));
    });
}

#[test]
fn who_is_back_at_a_site_sees_it_again() {
    block_on(async {
        let phone = Phone::default();
        phone.stable.set(Some(TAKEN - 1));
        phone.elsewhere.set(true);
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        let mut engine = Engine::new(cleaner.clone());
        run(&mut engine).await;

        // Back, and signed in as before: nothing is shown until they sign in.
        phone.elsewhere.set(false);
        for _ in 0..2 {
            phone.passed.set(phone.passed.get() + PULL_EVERY);
            run(&mut engine).await;
            assert_eq!(cleaner.doc_keys(&here()).await.unwrap(), []);
        }
        phone.sign_in("cleaner").await;
        engine.nudged(Nudge::SignedIn).await.unwrap();
        run(&mut engine).await;
        assert_eq!(cleaner.doc_keys(&here()).await.unwrap().len(), 1);
    });
}

#[test]
fn a_photo_of_a_site_that_was_left_waits_for_its_command() {
    block_on(async {
        let phone = Phone::default();
        phone.elsewhere.set(true);
        phone.holds.set(true);
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        let mut engine = Engine::new(cleaner.clone());
        run(&mut engine).await;
        let uploads = cleaner.uploads().await.unwrap();
        assert!(uploads.iter().all(|upload| upload.state == UploadState::Waiting), "{uploads:?}");
        assert_eq!(uploads.len(), 2);

        phone.holds.set(false);
        phone.passed.set(phone.passed.get() + HELD_AGAIN);
        run(&mut engine).await;
        assert_eq!(cleaner.outbox().await.unwrap(), []);
        assert_eq!(cleaner.uploads().await.unwrap(), []);
    });
}
