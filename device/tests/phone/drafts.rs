//! What is begun on a phone: found again by its key, and by what its key begins with.

use device::{Ask, PlatformError, Subject};
use futures::executor::block_on;
use shared::case::{
    CaseCommand,
    command::{Report, Source},
};
use uuid::Uuid;

use crate::kit::{CLEANER, Phone, subject};

#[test]
fn drafts_are_found_by_what_their_keys_begin_with_and_one_of_another_version_is_none() {
    block_on(async {
        let cleaner = Phone::default().sign_in("cleaner").await;
        for (key, draft) in
            [("report", "1"), ("report/a/gate", "2"), ("mend-report", "3"), ("round/a/finish", "4")]
        {
            cleaner.keep_draft(key, &draft).await.unwrap();
        }
        cleaner.keep_draft("report/a/hall", &5).await.unwrap();
        assert_eq!(cleaner.drafts::<String>("report").await.unwrap(), ["1", "2"]);
        assert_eq!(cleaner.drafts::<String>("rest").await.unwrap(), Vec::<String>::new());
    });
}

fn report() -> Ask {
    Ask::from(&CaseCommand::Report(Report {
        category: "leak".into(),
        place: "B5-L".into(),
        text: "漏水".to_owned(),
        since: String::new(),
        source: Source::Found,
        urgency: None,
        isolated: false,
        accused: None,
        on_behalf_of: None,
        photos: Vec::new(),
        from: None,
    }))
}

#[test]
fn a_report_that_two_tabs_have_open_is_sent_once() {
    block_on(async {
        let phone = Phone::default();
        let one = phone.sign_in("cleaner").await;
        let other = phone.local(CLEANER).await;
        one.keep_draft("report", &"漏水").await.unwrap();
        one.commit(&subject(CLEANER), &[report()], &[], Some("report")).await.unwrap();
        // What is typed in the other tab keeps the draft anew: it still names the same case.
        other.keep_draft("report", &"漏水，地面已湿").await.unwrap();
        let again = other.commit(&subject(CLEANER), &[report()], &[], Some("report")).await;
        assert_eq!(again, Err(PlatformError::Sent));
        let outbox = one.outbox().await.unwrap();
        assert_eq!(outbox.len(), 1);
        assert_eq!(other.draft::<String>("report").await.unwrap().as_deref(), Some("漏水，地面已湿"));
        // In the place of the refused one it is sent again.
        let mended = [outbox[0].id];
        other.commit(&subject(CLEANER), &[report()], &mended, Some("report")).await.unwrap();
        // And from the first tab, where it has another case, not once more.
        let elsewhere = Subject { aggregate: Uuid::from_u128(10), ..subject(CLEANER) };
        let again = one.commit(&elsewhere, &[report()], &mended, None).await;
        assert_eq!(again, Err(PlatformError::Sent));
    });
}

#[test]
fn a_remark_that_two_tabs_have_open_is_sent_once_and_the_next_one_as_well() {
    block_on(async {
        let phone = Phone::default();
        let one = phone.sign_in("cleaner").await;
        let other = phone.local(CLEANER).await;
        let remark = Ask::from(&CaseCommand::Comment { text: "又漏了".to_owned(), photos: Vec::new() });
        one.keep_draft("comment:9", &"又漏了").await.unwrap();
        let asks = [remark];
        one.commit_kept(&subject(CLEANER), &asks, &[], "comment:9").await.unwrap();
        let again = other.commit_kept(&subject(CLEANER), &asks, &[], "comment:9").await;
        assert_eq!(again, Err(PlatformError::Sent));
        assert_eq!(one.outbox().await.unwrap().len(), 1);
        other.keep_draft("comment:9", &"又漏了").await.unwrap();
        other.commit_kept(&subject(CLEANER), &asks, &[], "comment:9").await.unwrap();
        assert_eq!(one.outbox().await.unwrap().len(), 2);
    });
}
