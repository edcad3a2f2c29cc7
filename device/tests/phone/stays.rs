//! What is on a device stays what it was made to be, whatever was read of it before.

use device::{Engine, Page, accounts};
use futures::executor::block_on;
use serde_json::json;
use shared::{
    Code,
    ids::SiteCode,
    sync::{Delivery, OutboxRow, Pulled},
    time::Ms,
    wire::{self, Part},
};

use crate::kit::{CLEANER, HERE, Phone, run, subject};

const DONE: Delivery = Delivery::Done { version: 1, recorded: false, at: Ms(0), seq: 1 };

#[test]
fn a_photo_that_a_command_names_does_not_go_with_a_draft() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        let photo = phone.comment_with_photo(&cleaner, CLEANER).await;
        cleaner.drop_photo("draft", &json!({ "photos": [] }), &photo).await.unwrap();
        cleaner.drop_draft("draft", std::slice::from_ref(&photo)).await.unwrap();
        let full = wire::file_name(photo.id, Part::Full);
        assert_eq!(cleaner.blob(&full).await.unwrap(), Some(vec![1, 2, 3]));
        let drafted = phone.take_photo(&cleaner).await;
        cleaner.drop_draft("draft", std::slice::from_ref(&drafted)).await.unwrap();
        assert_eq!(cleaner.blob(&wire::file_name(drafted.id, Part::Full)).await.unwrap(), None);
    });
}

#[test]
fn a_late_answer_does_not_bring_back_what_was_taken_back() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        cleaner.notice_epoch("first").await.unwrap();
        let [row] = <[OutboxRow; 1]>::try_from(cleaner.outbox().await.unwrap()).unwrap();
        let refused = Delivery::Refused { rejection: Code::CaseWrongStage.into(), at: Ms(0) };
        let refused = OutboxRow { delivery: refused, ..row.clone() };
        cleaner.keep_answered(std::slice::from_ref(&refused), "first").await.unwrap();
        assert_eq!(cleaner.outbox().await.unwrap(), [refused]);
        cleaner.commit(&subject(CLEANER), &[], &[row.id], None).await.unwrap();
        cleaner.keep_answered(&[OutboxRow { delivery: DONE, ..row.clone() }], "first").await.unwrap();
        assert!(cleaner.outbox().await.unwrap().iter().all(|kept| kept.id != row.id));
    });
}

#[test]
fn an_answer_of_a_life_that_is_over_changes_nothing() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        let before = cleaner.outbox().await.unwrap();
        cleaner.notice_epoch("first").await.unwrap();
        cleaner.notice_epoch("second").await.unwrap();
        let done = OutboxRow { delivery: DONE, ..before[0].clone() };
        cleaner.keep_answered(std::slice::from_ref(&done), "first").await.unwrap();
        assert_eq!(cleaner.outbox().await.unwrap(), before);
        cleaner.keep_answered(std::slice::from_ref(&done), "second").await.unwrap();
        assert_eq!(cleaner.outbox().await.unwrap(), [done]);
    });
}

#[test]
fn an_upload_that_was_given_up_meanwhile_stays_given_up() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        let photo = phone.comment_with_photo(&cleaner, CLEANER).await;
        let upload = cleaner.uploads().await.unwrap().remove(0);
        let [row] = <[OutboxRow; 1]>::try_from(cleaner.outbox().await.unwrap()).unwrap();
        // Taken back with its photos.
        cleaner.commit(&subject(CLEANER), &[], &[row.id], None).await.unwrap();
        assert_eq!(cleaner.blob(&wire::file_name(photo.id, Part::Full)).await.unwrap(), None);
        cleaner.keep_upload(&upload).await.unwrap();
        assert_eq!(cleaner.uploads().await.unwrap(), []);
        run(&mut Engine::new(cleaner.clone())).await;
    });
}

#[test]
fn what_waits_again_since_a_restore_does_not_go_with_a_page_that_was_asked_for_before() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        cleaner.notice_epoch("first").await.unwrap();
        let [row] = <[OutboxRow; 1]>::try_from(cleaner.outbox().await.unwrap()).unwrap();
        let done = [OutboxRow { delivery: DONE, ..row }];
        cleaner.keep_answered(&done, "first").await.unwrap();
        let page = || Page { docs: &[], gone: &[], photos: &[], pulled: Pulled::default() };
        let site = SiteCode::from(HERE);
        cleaner.notice_epoch("second").await.unwrap();
        cleaner.keep_page(&site, &page(), &done).await.unwrap();
        assert!(matches!(cleaner.outbox().await.unwrap()[0].delivery, Delivery::Again(_)));
        cleaner.keep_answered(&done, "second").await.unwrap();
        cleaner.keep_page(&site, &page(), &done).await.unwrap();
        assert_eq!(cleaner.outbox().await.unwrap(), []);
    });
}

#[test]
fn a_key_that_comes_late_signs_nobody_in_again() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        let known = cleaner.keep_relay_key(Some("key".to_owned())).await.unwrap().unwrap();
        assert_eq!(cleaner.session().await.unwrap(), Some(known));
        accounts::sign_out(&phone, &cleaner).await.unwrap();
        assert_eq!(cleaner.keep_relay_key(Some("key".to_owned())).await.unwrap(), None);
        assert_eq!(cleaner.session().await.unwrap(), None);
    });
}
