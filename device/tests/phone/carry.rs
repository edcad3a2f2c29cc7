//! What one person left unsent on a device goes out with the session of the next, under the first one's signature.

use device::{Ask, Engine, Nudge, left_by_others};
use futures::executor::block_on;
use shared::{
    Code,
    case::CaseCommand,
    ids::PersonId,
    sync::{Delivery, UploadState},
    wire,
};

use crate::kit::{CLEANER, GUARD, Phone, run, subject};

#[test]
fn what_the_one_before_left_goes_under_their_own_name_and_signature() {
    block_on(async {
        let phone = Phone::default();
        let photo = phone.left_by_the_guard().await;
        let guard = phone.local(GUARD).await;
        let row = guard.outbox().await.unwrap().remove(0);
        let cleaner = phone.sign_in("cleaner").await;
        assert_eq!(left_by_others(&phone, CLEANER).await.unwrap(), 1);

        let told = run(&mut Engine::new(cleaner.clone())).await;
        assert_eq!(told, [1, 0]);
        let [push] = &phone.pushes()[..] else { panic!("one push") };
        assert_eq!((push.author, push.device), (GUARD, guard.device));
        assert_eq!((&push.commands, &push.signature), (&vec![row.text], &row.signature));
        let author = GUARD.to_string();
        let names = [wire::Part::Thumb, wire::Part::Full]
            .map(|part| (wire::file_name(photo.id, part), author.clone()));
        assert_eq!(phone.uploads(), names);
        assert_eq!(left_by_others(&phone, CLEANER).await.unwrap(), 0);
        // The receipts wait for their author, who pulls the document; nothing has come to whoever carried.
        let row = guard.outbox().await.unwrap().remove(0);
        assert!(matches!(row.delivery, Delivery::Done { .. }));
        let uploads = guard.uploads().await.unwrap();
        assert!(uploads.iter().all(|upload| matches!(upload.state, UploadState::Done { .. })));
        assert!(cleaner.outbox().await.unwrap().is_empty());
        assert!(cleaner.blobs().await.unwrap().is_empty());
    });
}

#[test]
fn ones_own_goes_before_what_others_left() {
    block_on(async {
        let phone = Phone::default();
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        let comment = CaseCommand::Comment { text: "打扫过".to_owned(), photos: Vec::new() };
        cleaner.commit(&subject(CLEANER), &[Ask::from(&comment)], &[], None).await.unwrap();
        run(&mut Engine::new(cleaner)).await;
        let authors: Vec<PersonId> = phone.pushes().iter().map(|push| push.author).collect();
        assert_eq!(authors, [CLEANER, GUARD]);
    });
}

#[test]
fn an_ended_session_is_told_to_whoever_carries_and_all_goes_once_they_have_signed_in() {
    block_on(async {
        let phone = Phone::default();
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        let mut engine = Engine::new(cleaner);
        *phone.says.borrow_mut() = Some((401, Code::AuthRequired));
        run(&mut engine).await;
        assert!(engine.expired());
        assert_eq!(phone.pushes().len(), 1);

        *phone.says.borrow_mut() = None;
        engine.nudged(Nudge::SignedIn).await.unwrap();
        run(&mut engine).await;
        assert_eq!(left_by_others(&phone, CLEANER).await.unwrap(), 0);
    });
}

#[test]
fn a_key_that_the_server_does_not_know_waits_for_its_owner_and_asks_nobody_else_to_sign_in() {
    block_on(async {
        let phone = Phone::default();
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        let mut engine = Engine::new(cleaner);
        *phone.says.borrow_mut() = Some((403, Code::PushUnknownDevice));
        run(&mut engine).await;
        run(&mut engine).await;
        assert!(!engine.expired());
        assert_eq!(phone.pushes().len(), 1);
        let row = phone.local(GUARD).await.outbox().await.unwrap().remove(0);
        assert_eq!(row.delivery, Delivery::Pending);
    });
}

#[test]
fn whoever_serves_elsewhere_carries_the_text_and_leaves_the_photos() {
    block_on(async {
        let phone = Phone::default();
        phone.elsewhere.set(true);
        phone.left_by_the_guard().await;
        let cleaner = phone.sign_in("cleaner").await;
        run(&mut Engine::new(cleaner)).await;
        assert_eq!(phone.pushes().len(), 1);
        assert_eq!(phone.uploads(), []);
        let uploads = phone.local(GUARD).await.uploads().await.unwrap();
        assert!(uploads.iter().all(|upload| upload.state == UploadState::Waiting));
    });
}
