//! What is begun on a phone: found again by its key, and by what its key begins with.

use futures::executor::block_on;

use crate::kit::Phone;

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
