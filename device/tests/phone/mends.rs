//! What takes the place of a refused command.

use device::Ask;
use futures::executor::block_on;
use shared::{
    case::CaseCommand,
    wire::{Envelope, SETTLE},
};

use crate::kit::{CLEANER, Phone, subject};

#[test]
fn what_mends_a_command_names_it_behind_the_word_that_it_is_settled() {
    block_on(async {
        let phone = Phone::default();
        let cleaner = phone.sign_in("cleaner").await;
        phone.comment_with_photo(&cleaner, CLEANER).await;
        let refused = cleaner.outbox().await.unwrap()[0].id;
        let again = CaseCommand::Comment { text: "漏水，二楼".to_owned(), photos: Vec::new() };
        let asks = [Ask::from(&again), Ask::from(&CaseCommand::See {})];
        cleaner.commit(&subject(CLEANER), &asks, &[refused], None).await.unwrap();
        let made: Vec<Envelope> =
            cleaner.outbox().await.unwrap().iter().map(|row| Envelope::read(&row.text).unwrap()).collect();
        let kinds: Vec<&str> = made.iter().map(|envelope| envelope.kind.as_str()).collect();
        assert_eq!(kinds, [SETTLE, "case.comment", "case.see"], "the refused one went with it");
        assert_eq!(made[0].aggregate, refused.0);
        assert!(made[0].mends.is_empty());
        assert_eq!(made[1].mends, [refused]);
        assert_eq!(made[2].mends, [refused]);
        // What mends the second stands for the first, too.
        let second = made[1].id;
        cleaner.commit(&subject(CLEANER), &asks[..1], &[second], None).await.unwrap();
        let last = cleaner.outbox().await.unwrap().pop().unwrap();
        assert_eq!(Envelope::read(&last.text).unwrap().mends, [second, refused]);
    });
}
