//! A full device: what has to go first.

use device::{Engine, Op, Store as _, Table};
use futures::executor::block_on;
use shared::{ids::AttachmentId, wire};
use uuid::Uuid;

use crate::kit::{CLEANER, Phone, TAKEN, run};

#[test]
fn photos_make_room_that_can_be_had_again_and_only_then_those_that_no_backup_has() {
    block_on(async {
        let phone = Phone::default();
        phone.stable.set(Some(TAKEN - 1));
        let cleaner = phone.sign_in("cleaner").await;
        let own = phone.comment_with_photo(&cleaner, CLEANER).await;
        run(&mut Engine::new(cleaner.clone())).await;
        let store = phone.stores.borrow()[cleaner.name()].clone();
        let looked_at = wire::file_name(AttachmentId(Uuid::from_u128(5)), wire::Part::Full);
        let parts = |photo| [wire::Part::Thumb, wire::Part::Full].map(|part| wire::file_name(photo, part));
        for large in [looked_at.clone(), wire::file_name(own.id, wire::Part::Full)] {
            store.apply(&[Op::put_bytes(Table::Blobs, large, vec![0; 10_000])]).await.unwrap();
        }
        let has = async |names: &[String]| {
            let blobs = cleaner.blobs().await.unwrap();
            names.iter().all(|name| blobs.contains(name))
        };

        store.limit(store.bytes_held());
        let second = phone.comment_with_photo(&cleaner, CLEANER).await;
        assert!(!has(&[looked_at]).await, "what the server has is fetched again");
        assert!(has(&parts(own.id)).await, "no backup has it");

        store.limit(store.bytes_held());
        let third = phone.comment_with_photo(&cleaner, CLEANER).await;
        let [thumb, full] = parts(own.id);
        assert!(!has(&[full]).await && has(&[thumb]).await, "of a small one little would be won");
        assert!(has(&parts(second.id)).await && has(&parts(third.id)).await, "nobody else has them");
        assert_eq!(cleaner.outbox().await.unwrap().len(), 3);

        let drafted = phone.take_photo(&cleaner).await;
        store.limit(store.bytes_held());
        let fourth = cleaner.keep_draft("other", &"x".repeat(10_000)).await;
        assert!(fourth.is_err(), "there is nothing left to let go of");
        assert!(has(&parts(drafted.id)).await, "it is written about");
    });
}
