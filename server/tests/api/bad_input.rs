//! What is damaged, forged or made up: a stable code for each, nothing else lost, nothing panics.

use serde_json::{Value, json};
use shared::wire::{self, Envelope, PUSH_BYTES, Verdict};

use crate::kit::{Device, On, TestApp, cast, leak, tests};

tests![
    an_unreadable_command_spoils_none_of_its_neighbours,
    what_stands_before_an_unreadable_text_is_not_vouched_for,
    the_same_unreadable_text_may_come_again_and_from_others,
    what_a_newer_server_has_taken_is_known_again,
    the_same_foreign_text_may_come_in_two_chains,
    an_unknown_kind_and_a_damaged_body_are_refused_by_themselves,
    an_id_used_twice_with_different_bodies_is_refused,
    an_id_of_another_device_is_refused,
    a_command_altered_at_its_place_is_refused,
    a_command_of_another_device_or_author_is_foreign,
    a_wrong_signature_is_refused_and_nothing_is_kept,
    an_unregistered_device_is_refused,
    a_broken_chain_is_refused_and_nothing_is_kept,
    a_push_of_ten_megabytes_is_refused,
    a_push_of_too_many_bytes_is_refused_and_the_largest_legal_one_fits,
    a_push_of_another_version_asks_for_an_update,
    a_body_that_is_no_json_is_refused,
    an_unknown_site_is_refused_by_itself,
    nothing_that_a_body_can_hold_makes_the_server_fail,
];

fn codes(verdicts: &[Verdict]) -> Vec<String> {
    let code = |verdict: &Verdict| match verdict {
        Verdict::Accepted { .. } | Verdict::Recorded { .. } => "taken".to_owned(),
        Verdict::Rejected(rejection) => rejection.code.to_string(),
        Verdict::Held { code } => code.to_string(),
    };
    verdicts.iter().map(code).collect()
}

async fn an_unreadable_command_spoils_none_of_its_neighbours(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let mut texts = vec![guard.chain("{ not json".to_owned()), guard.make("case.report", case, leak())];
    for odd in [json!("\u{0}"), json!(null), json!({ "x": [] })] {
        let link = json!({ "n": guard.n + 1, "prev": guard.prev, "id": odd });
        texts.push(guard.chain(link.to_string()));
        texts.push(guard.make("case.comment", case, json!({ "text": "x" })));
    }
    let verdicts = guard.push(texts.clone()).await;
    let unreadable = "command.unreadable";
    let alternating = [unreadable, "taken"].repeat(4);
    assert_eq!(codes(&verdicts), alternating);
    assert_eq!(guard.push(texts).await, verdicts);
    let alone = guard.chain("alone".to_owned());
    assert_eq!(codes(&guard.push(vec![alone.clone()]).await), [unreadable]);
    assert_eq!(codes(&guard.push(vec![alone]).await), [unreadable]);
    guard.report().await;
}

async fn what_stands_before_an_unreadable_text_is_not_vouched_for(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, carrier) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let case = guard.report().await;
    let forged = guard.envelope("case.comment", case.0, json!({ "text": "forged" })).write();
    // The guard signs these two; the carrier puts a command in front.
    let bare = guard.chain("[]".to_owned());
    let signed = guard.pack(vec![bare.clone()]);
    let with_forged = wire::PushRequest { commands: vec![forged.clone(), bare.clone()], ..signed.clone() };
    assert_eq!(carrier.try_push(&with_forged).await.problem(), (409, "push.chain_broken".to_owned()));
    assert_eq!(carrier.try_push(&signed).await.status, 200);
    let newer = json!({ "n": guard.n + 1, "prev": guard.prev, "v": 9 }).to_string();
    let newer = guard.chain(newer);
    let signed = guard.pack(vec![newer.clone()]);
    let with_forged = wire::PushRequest { commands: vec![forged, newer], ..signed.clone() };
    assert_eq!(carrier.try_push(&with_forged).await.problem(), (409, "push.chain_broken".to_owned()));
    assert_eq!(carrier.try_push(&signed).await.status, 200);
    assert_eq!(guard.pull().await.case(case).unwrap().version(), 1);
    guard.report().await;
}

async fn the_same_unreadable_text_may_come_again_and_from_others(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let unreadable = "command.unreadable";
    for text in ["", "null", "{}"] {
        let first = guard.chain(text.to_owned());
        assert_eq!(codes(&guard.push(vec![first.clone()]).await), [unreadable]);
        assert_eq!(codes(&guard.push(vec![first]).await), [unreadable]);
        guard.report().await;
    }
    // Alone, with the same text further back.
    let alone = guard.chain(String::new());
    assert_eq!(codes(&guard.push(vec![alone.clone()]).await), [unreadable]);
    assert_eq!(codes(&guard.push(vec![alone]).await), [unreadable]);
    guard.report().await;
    let theirs = other.chain(String::new());
    assert_eq!(codes(&other.push(vec![theirs]).await), [unreadable]);
    other.report().await;
}

async fn what_a_newer_server_has_taken_is_known_again(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let id = guard.new_id();
    let newer = json!({ "n": guard.n + 1, "prev": guard.prev, "id": id, "v": 9 }).to_string();
    let newer = guard.chain(newer);
    let verdicts = guard.push(vec![newer.clone()]).await;
    assert_eq!(codes(&verdicts), ["command.unreadable"]);
    // As one that could read it would have kept it: under its own id.
    let mut tx = app.app.db.write().await.unwrap();
    let kept =
        sqlx::query("update commands set id = $1").bind(id.to_string()).execute(&mut *tx).await.unwrap();
    assert_eq!(kept.rows_affected(), 1);
    tx.commit().await.unwrap();
    assert_eq!(guard.push(vec![newer]).await, verdicts);
    guard.report().await;
}

async fn the_same_foreign_text_may_come_in_two_chains(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let technician = app.sign_in(cast::TECHNICIAN).await;
    let foreign = technician.envelope("case.report", technician.new_id(), leak()).write();
    for device in [&mut guard, &mut other] {
        let text = device.chain(foreign.clone());
        assert_eq!(codes(&device.push(vec![text.clone()]).await), ["command.foreign"]);
        assert_eq!(codes(&device.push(vec![text]).await), ["command.foreign"], "and again");
        device.report().await;
    }
}

async fn an_unknown_kind_and_a_damaged_body_are_refused_by_themselves(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let texts = vec![
        guard.make("case.teleport", case, json!({})),
        guard.make("case.report", case, leak()),
        guard.make("case.comment", case, json!({ "text": 7 })),
        guard.make("case.comment", case, json!("text")),
        guard.make("case.comment", case, json!({ "text": "x" })),
    ];
    let verdicts = guard.push(texts).await;
    let expected = ["command.unknown_kind", "taken", "command.bad_body", "command.bad_body", "taken"];
    assert_eq!(codes(&verdicts), expected);
    let mut newer = guard.envelope("case.comment", case.0, json!({ "text": "x" }));
    newer.v = 2;
    let text = guard.chain(newer.write());
    assert_eq!(codes(&guard.push(vec![text]).await), ["command.unknown_kind"]);
}

async fn an_id_used_twice_with_different_bodies_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.report().await;
    let first = guard.envelope("case.comment", case.0, json!({ "text": "one" }));
    let id = first.id;
    let first = guard.chain(first.write());
    let second = Envelope { id, ..guard.envelope("case.comment", case.0, json!({ "text": "two" })) };
    let second = guard.chain(second.write());
    let third = guard.make("case.comment", case, json!({ "text": "three" }));
    let texts = vec![first, second, third];
    let verdicts = guard.push(texts.clone()).await;
    assert_eq!(codes(&verdicts), ["taken", "command.id_reused", "taken"]);
    assert_eq!(guard.push(texts).await, verdicts);
    assert_eq!(guard.pull().await.case(case).unwrap().version(), 3);
}

async fn an_id_of_another_device_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, mut other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let mine = guard.make("case.report", guard.new_case(), leak());
    guard.push(vec![mine.clone()]).await;
    let id = Envelope::read(&mine).unwrap().id;
    let stolen = Envelope { id, ..other.envelope("case.report", other.new_id(), leak()) };
    let stolen = other.chain(stolen.write());
    assert_eq!(codes(&other.push(vec![stolen.clone()]).await), ["command.id_reused"]);
    assert_eq!(codes(&other.push(vec![stolen]).await), ["command.id_reused"], "and again");
    other.report().await;
}

async fn a_command_altered_at_its_place_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.report().await;
    let envelope = guard.envelope("case.comment", case.0, json!({ "text": "one" }));
    let text = guard.chain(envelope.write());
    guard.push(vec![text]).await;
    let altered = Envelope { body: json!({ "text": "two" }), ..envelope.clone() };
    assert_eq!(codes(&guard.push(vec![altered.write()]).await), ["command.id_reused"]);
    // Under another id it is another chain.
    let forked = Envelope { id: shared::ids::CommandId(guard.new_id()), ..envelope };
    let reply = guard.try_push(&guard.pack(vec![forked.write()])).await;
    assert_eq!(reply.problem(), (409, "push.chain_broken".to_owned()));
}

async fn a_command_of_another_device_or_author_is_foreign(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let in_others_name =
        Envelope { author: other.person, ..guard.envelope("case.report", guard.new_id(), leak()) };
    let id = in_others_name.id;
    let first = guard.chain(in_others_name.write());
    let from_elsewhere =
        Envelope { device: other.id, ..guard.envelope("case.report", guard.new_id(), leak()) };
    let second = guard.chain(from_elsewhere.write());
    let third = guard.make("case.report", guard.new_case(), leak());
    let verdicts = guard.push(vec![first, second, third]).await;
    assert_eq!(codes(&verdicts), ["command.foreign", "command.foreign", "taken"]);
    // The id was not taken from whom it belongs to.
    let mut other = other;
    let theirs = Envelope { id, ..other.envelope("case.report", other.new_id(), leak()) };
    let theirs = other.chain(theirs.write());
    assert_eq!(codes(&other.push(vec![theirs]).await), ["taken"]);
}

async fn a_wrong_signature_is_refused_and_nothing_is_kept(on: On) {
    let app = TestApp::start(on).await;
    let (mut guard, other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::OTHER_GUARD).await);
    let text = guard.make("case.report", guard.new_case(), leak());
    let right = guard.pack(vec![text.clone()]);
    for signature in [
        String::new(),
        "not base64!".to_owned(),
        wire::base64url(&[0; 64]),
        other.pack(vec![text.clone()]).signature,
        guard.pack(vec!["another text".to_owned()]).signature,
    ] {
        let reply = guard.try_push(&wire::PushRequest { signature, ..right.clone() }).await;
        assert_eq!(reply.problem(), (403, "push.bad_signature".to_owned()));
    }
    assert_eq!(guard.pull().await.docs.len(), 3);
    assert_eq!(codes(&guard.push(vec![text]).await), ["taken"]);
}

async fn an_unregistered_device_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    guard.id = Device::new(&app).id;
    let text = guard.make("case.report", guard.new_case(), leak());
    let reply = guard.try_push(&guard.pack(vec![text])).await;
    assert_eq!(reply.problem(), (403, "push.unknown_device".to_owned()));
}

async fn a_broken_chain_is_refused_and_nothing_is_kept(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.report().await;
    let good = guard.make("case.comment", case, json!({ "text": "one" }));
    let next = guard.make("case.comment", case, json!({ "text": "two" }));
    for texts in [
        vec![good.replace("one", "won"), next.clone()],
        vec![next.clone(), good.clone()],
        vec![good.clone(), good.clone()],
        vec![good.replace(r#""prev":""#, r#""prev":"0"#)],
        vec![good.replace(r#""n":2"#, r#""n":0"#)],
        vec![good.replace(r#""n":2"#, r#""n":18446744073709551615"#)],
    ] {
        let reply = guard.try_push(&guard.pack(texts)).await;
        assert_eq!(reply.problem(), (409, "push.chain_broken".to_owned()));
    }
    assert_eq!(guard.pull().await.case(case).unwrap().version(), 1);
    assert_eq!(codes(&guard.push(vec![good, next]).await), ["taken", "taken"]);
}

async fn a_push_of_ten_megabytes_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let text = guard.make("case.report", guard.new_case(), json!({ "text": "x".repeat(10 << 20) }));
    let reply = guard.try_push(&guard.pack(vec![text])).await;
    assert_eq!(reply.problem(), (413, "push.too_large".to_owned()));
}

async fn a_push_of_too_many_bytes_is_refused_and_the_largest_legal_one_fits(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.report().await;
    // Quotes double on the wire, which must not make a legal push too large.
    let long = "\"".repeat(1_990);
    let texts: Vec<String> =
        (0..59).map(|_| guard.make("case.comment", case, json!({ "text": long }))).collect();
    let size: usize = texts.iter().map(String::len).sum();
    assert!(size > PUSH_BYTES * 4 / 5 && size <= PUSH_BYTES, "{size}");
    assert!(codes(&guard.push(texts).await).iter().all(|code| code == "taken"));
    let texts: Vec<String> =
        (0..70).map(|_| guard.make("case.comment", case, json!({ "text": long }))).collect();
    let reply = guard.try_push(&guard.pack(texts)).await;
    assert_eq!(reply.problem(), (413, "push.too_large".to_owned()));
}

async fn a_push_of_another_version_asks_for_an_update(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let text = guard.make("case.report", guard.new_case(), leak());
    let reply = guard.try_push(&wire::PushRequest { v: 9, ..guard.pack(vec![text]) }).await;
    assert_eq!(reply.problem(), (426, "request.upgrade".to_owned()));
}

async fn a_body_that_is_no_json_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    for body in ["", "{", "[]", "\"text\"", r#"{"v":1}"#] {
        for path in ["/api/push", "/api/session"] {
            let reply = guard.request("POST", path, Some(body.to_owned())).await;
            assert_eq!(reply.problem(), (400, "request.bad_body".to_owned()), "{path} {body}");
        }
    }
    let reply = guard.try_push(&guard.pack(Vec::new())).await;
    assert_eq!(reply.problem(), (400, "request.bad_body".to_owned()));
}

async fn an_unknown_site_is_refused_by_itself(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let report = guard.make("case.report", case, leak());
    let mut texts = vec![report];
    for site in ["nowhere", "wanjing", "", "'; drop table sites; --"] {
        guard.site = site.to_owned();
        texts.push(guard.make("case.report", guard.new_case(), leak()));
    }
    guard.site = "jinzhou".to_owned();
    texts.push(guard.make("case.comment", case, json!({ "text": "x" })));
    let verdicts = guard.push(texts.clone()).await;
    let unknown = "command.unknown_site";
    assert_eq!(codes(&verdicts), ["taken", unknown, unknown, unknown, unknown, "taken"]);
    assert_eq!(guard.push(texts[1..2].to_vec()).await, verdicts[1..2]);
}

async fn nothing_that_a_body_can_hold_makes_the_server_fail(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.report().await;
    let odd = [
        json!({ "text": "\u{0}\u{1F4A7}\u{202E}" }),
        json!({ "text": "" }),
        json!({ "text": "长".repeat(3_000) }),
        json!({ "text": "x", "photos": [{ "id": case, "sha256": "zz", "bytes": 0, "width": 0, "height": 0,
            "thumb_sha256": "", "thumb_bytes": 4_000_000_000_u32 }] }),
        Value::Null,
        json!(-1),
    ];
    for body in odd {
        for kind in ["case.comment", "case.report", "case.promise", "case.dispatch"] {
            let verdict = guard.send(kind, case, body.clone()).await;
            assert!(verdict.is_final(), "{kind} {body}: {verdict:?}");
        }
    }
    let odd_kind = guard.send("case.\0", case, json!({})).await;
    assert_eq!(codes(&[odd_kind]), ["command.unknown_kind"]);
    assert_eq!(guard.get("/api/pull?site=%00").await.problem().1, "site.not_member");
    assert_eq!(guard.request("DELETE", "/api/sessions/%00", None).await.problem().1, "request.not_found");
    assert_eq!(Device::new(&app).sign_in("\0", "\0").await.problem().1, "auth.wrong");
    for until in [i64::MAX, i64::MIN, 0] {
        let mut desk = app.sign_in(cast::DESK).await;
        desk.send("case.promise", case, json!({ "until": until, "reason": "x" })).await;
    }
    guard.pull().await;
}
