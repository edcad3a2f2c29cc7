//! Relay files: what one phone has unsent, given to the server by another, sealed, once.

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Payload},
};
use axum::{
    body::Body,
    http::{Request, header},
};
use hkdf::Hkdf;
use p256::{
    PublicKey, SecretKey,
    ecdh::diffie_hellman,
    ecdsa::{Signature, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};
use serde_json::json;
use server::relay::RelayKey;
use sha2::{Digest, Sha256};
use shared::{
    case::CaseView,
    ids::AttachmentId,
    relay::{self, Commands, Head, INFO, MAGIC, MIME, POINT, Photo, Receipt, Row},
    wire::{self, Part, read_base64url},
};

use crate::{
    files::{litter, named, new_photo, photo_path, read, thumb},
    import::without,
    kit::{Device, On, Reply, TestApp, cast, complaint, leak, tests},
};

/// What the frozen file of `shared/tests/relay.rs` holds, sealed by a browser's WebCrypto to the key of 32 sevens.
const SEALED: &[u8] = include_bytes!("../../../shared/tests/golden/relay_sealed_v1.bin");
const PLAIN: &[u8] = include_bytes!("../../../shared/tests/golden/relay_v1.bin");

tests![
    what_webcrypto_has_sealed_is_opened,
    a_colleague_gives_what_one_phone_has_unsent,
    a_file_given_twice_counts_once,
    what_was_relayed_and_is_sent_after_all_counts_once,
    photos_arrive_with_the_commands_that_name_them,
    a_photo_that_was_begun_is_completed,
    r3_the_time_of_what_was_relayed_is_the_best_known_and_uncertain,
    r9_a_complaint_passes_through_hands_that_may_not_see_it,
    what_a_leaver_handed_over_goes_to_the_quarantine,
    what_follows_a_missing_part_is_to_be_given_again,
    a_file_of_another_server_or_an_altered_one_is_unreadable,
    somebody_elses_signature_is_not_the_authors,
    nobody_gives_anything_without_a_session_or_at_another_site,
    the_key_outlives_the_server_and_is_the_same_for_all,
];

/// Seals pieces to a server, as a phone does it.
fn seal(server: &str, pieces: &[(Head, Vec<u8>)]) -> Vec<u8> {
    let server = read_base64url(server).unwrap();
    // A new one for each file on a phone; here the same, so that files are the same each time.
    let ephemeral = SecretKey::from_slice(&[5; 32]).unwrap();
    let point: [u8; POINT] = ephemeral.public_key().to_sec1_point(false).as_bytes().try_into().unwrap();
    let shared = diffie_hellman(
        ephemeral.to_nonzero_scalar(),
        PublicKey::from_sec1_bytes(&server).unwrap().as_affine(),
    );
    let mut key = [0; 32];
    let salt = relay::salt(&point, &server);
    Hkdf::<Sha256>::new(Some(&salt), shared.raw_secret_bytes()).expand(INFO, &mut key).unwrap();
    let cipher = Aes256Gcm::new_from_slice(&key).unwrap();
    let sealed: Vec<Vec<u8>> = (0..)
        .zip(pieces)
        .map(|(number, (head, bytes))| {
            let plain = relay::plain(head, bytes);
            let payload = Payload { msg: &plain, aad: MAGIC };
            relay::piece(&point, number, &cipher.encrypt(&relay::nonce(number).into(), payload).unwrap())
        })
        .collect();
    relay::file(&sealed)
}

fn key_of(app: &TestApp) -> String {
    app.app.relay_key.public()
}

/// A device's commands as they lie in its outbox.
fn commands(device: &Device, texts: &[String]) -> Head {
    let rows = texts.iter().map(|text| {
        let hash = wire::hash(text);
        let signature: Signature = device.key.sign(&wire::signing_bytes(&hash));
        Row { text: text.clone(), hash, signature: wire::base64url(&signature.to_bytes()) }
    });
    Head::Commands(Commands { device: device.id, author: device.person, rows: rows.collect() })
}

fn photo(device: &Device, photo: AttachmentId, part: Part, bytes: &[u8]) -> (Head, Vec<u8>) {
    let sha256 = wire::hex(&Sha256::digest(bytes));
    let site = device.site.as_str().into();
    (Head::Photo(Photo { site, author: device.person, photo, part, sha256 }), bytes.to_vec())
}

async fn give_piece(carrier: &Device, piece: &[u8]) -> Reply {
    let mut request = Request::builder().method("POST").uri("/api/relay").header(header::CONTENT_TYPE, MIME);
    if !carrier.cookie.is_empty() {
        request = request.header(header::COOKIE, &carrier.cookie);
    }
    Reply::of(&carrier.router, request.body(Body::from(piece.to_vec())).unwrap()).await
}

/// Gives a file piece by piece; all of it must be taken.
async fn give(carrier: &Device, file: &[u8]) -> Receipt {
    let mut all: Option<Receipt> = None;
    for piece in relay::read_file(file).unwrap() {
        let reply = give_piece(carrier, piece).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let receipt: Receipt = serde_json::from_str(&reply.text).unwrap();
        all = Some(match all {
            Some(before) => before.and(receipt),
            None => receipt,
        });
    }
    all.unwrap()
}

async fn what_webcrypto_has_sealed_is_opened(_on: On) {
    let key = RelayKey::new(&[7; 32]).unwrap();
    let opened: Vec<Vec<u8>> =
        relay::read_file(SEALED).unwrap().into_iter().map(|piece| key.open(piece).unwrap()).collect();
    let plain = relay::read_file(PLAIN).unwrap();
    assert_eq!(opened, plain.iter().map(|piece| piece[relay::PREFIX..].to_vec()).collect::<Vec<_>>());
    // Neither two pieces nor their numbers can be changed for each other.
    let mut swapped = relay::read_file(SEALED).unwrap()[0].to_vec();
    swapped[relay::PREFIX - 1] = 1;
    assert!(key.open(&swapped).is_err());
}

async fn a_colleague_gives_what_one_phone_has_unsent(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let mut carrier = app.sign_in(cast::OTHER_GUARD).await;
    let case = team.guard.new_case();
    let texts = [
        team.guard.make("case.report", case, leak()),
        team.guard.make("case.comment", case, json!({ "text": "关了水阀" })),
        team.guard.make("case.confirm", case, json!({})),
    ];
    let file = seal(&key_of(&app), &[(commands(&team.guard, &texts), Vec::new())]);
    let receipt = give(&carrier, &file).await;
    let author = team.guard.person;
    assert_eq!(receipt, Receipt { author, taken: 2, waiting: 0, refused: 1, again: 0, photos: 0 });
    let CaseView::Full(view) = team.desk.pull().await.case(case).unwrap().clone() else {
        panic!("an outline")
    };
    assert_eq!((view.first_asked.person, view.relay), (author, None));
    // Nothing of it is the carrier's: not the case, not the chain, not the refusal.
    let feed = carrier.pull().await;
    assert!(feed.case(case).is_none() && feed.refusals().is_empty());
    carrier.report().await;
}

async fn a_file_given_twice_counts_once(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let texts = [team.guard.make("case.report", team.guard.new_case(), leak())];
    let file = seal(&key_of(&app), &[(commands(&team.guard, &texts), Vec::new())]);
    let first = give(&team.technician, &file).await;
    assert_eq!(give(&team.desk, &file).await, first);
    let (one, two) = tokio::join!(give(&team.desk, &file), give(&team.technician, &file));
    assert_eq!((&one, &two), (&first, &first));
    assert_eq!(team.desk.pull().await.docs.len(), 3 + 1);
}

async fn what_was_relayed_and_is_sent_after_all_counts_once(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.new_case();
    let texts = vec![
        team.guard.make("case.report", case, leak()),
        team.guard.make("case.comment", case, json!({ "text": "x" })),
    ];
    let file = seal(&key_of(&app), &[(commands(&team.guard, &texts[..1]), Vec::new())]);
    give(&team.technician, &file).await;
    team.guard.push(texts).await;
    assert_eq!(team.guard.pull().await.case(case).unwrap().version(), 2);
    assert_eq!(give(&team.technician, &file).await.taken, 1);
}

async fn photos_arrive_with_the_commands_that_name_them(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let (id, bytes, case) = (new_photo(&team.guard), litter(), team.guard.new_case());
    let mut report = leak();
    report["photos"] = json!([named(id, &bytes)]);
    let text = team.guard.make("case.report", case, report);
    let pieces = [
        (commands(&team.guard, &[text]), Vec::new()),
        photo(&team.guard, id, Part::Thumb, &thumb()),
        photo(&team.guard, id, Part::Full, &bytes),
    ];
    let file = seal(&key_of(&app), &pieces);
    for _ in 0..2 {
        assert_eq!(give(&team.technician, &file).await.photos, 2);
    }
    let CaseView::Full(view) = team.desk.pull().await.case(case).unwrap().clone() else {
        panic!("an outline")
    };
    assert!(view.photos[0].kept);
    assert_eq!(view.photos[0].by, Some(team.guard.person));
    assert_eq!(read(&team.desk, &photo_path(case, id, ""), None).await.0, 200);
    assert_eq!(read(&team.technician, &photo_path(case, id, ""), None).await.0, 404);
    // Before its command, a photo is nobody's to carry.
    let stray = new_photo(&team.guard);
    let file = seal(&key_of(&app), &[photo(&team.guard, stray, Part::Full, &bytes)]);
    let reply = give_piece(&team.technician, relay::read_file(&file).unwrap()[0]).await;
    assert_eq!(reply.problem(), (404, "file.not_found".to_owned()));
}

async fn a_photo_that_was_begun_is_completed(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let (id, bytes, case) = (new_photo(&team.guard), litter(), team.guard.new_case());
    let mut report = leak();
    report["photos"] = json!([named(id, &bytes)]);
    let text = team.guard.make("case.report", case, report);
    team.guard.push(vec![text]).await;
    let announced = crate::files::Announced::of(&team.guard, id, Part::Full, &bytes);
    announced.post_with(&team.guard, &bytes[..1_000]).await;
    let file = seal(&key_of(&app), &[photo(&team.guard, id, Part::Full, &bytes)]);
    assert_eq!(give(&team.technician, &file).await.photos, 1);
    assert_eq!(crate::files::offset(&team.guard, &announced.name).await, bytes.len().to_string());
}

async fn r3_the_time_of_what_was_relayed_is_the_best_known_and_uncertain(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    team.guard.ahead = 3 * 60 * 60 * 1_000;
    let (case, made) = (team.guard.new_case(), app.now());
    let text = team.guard.make("case.report", case, leak());
    let file = seal(&key_of(&app), &[(commands(&team.guard, &[text]), Vec::new())]);
    app.advance(90);
    give(&team.technician, &file).await;
    let CaseView::Full(view) = team.desk.pull().await.case(case).unwrap().clone() else {
        panic!("an outline")
    };
    assert_eq!((view.reported.at, view.reported.received), (made, app.now()));
    assert!(view.reported.uncertain, "nothing says that the clock was not moved after making");
}

async fn r9_a_complaint_passes_through_hands_that_may_not_see_it(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.new_case();
    let text = team.guard.make("case.report", case, complaint(team.technician.person));
    let file = seal(&key_of(&app), &[(commands(&team.guard, &[text]), Vec::new())]);
    let words = "态度不好".as_bytes();
    assert!(!file.windows(words.len()).any(|window| window == words));
    let receipt = give(&team.technician, &file).await;
    let author = team.guard.person;
    assert_eq!(receipt, Receipt { author, taken: 1, waiting: 0, refused: 0, again: 0, photos: 0 });
    assert!(team.technician.pull().await.case(case).is_none());
    assert!(team.desk.pull().await.case(case).is_some());
}

async fn what_a_leaver_handed_over_goes_to_the_quarantine(on: On) {
    let app = TestApp::start(on).await;
    let (mut leaver, desk) = (app.sign_in(cast::CLEANER).await, app.sign_in(cast::DESK).await);
    let (id, bytes) = (new_photo(&leaver), litter());
    let mut report = leak();
    report["photos"] = json!([named(id, &bytes)]);
    let text = leaver.make("case.report", leaver.new_case(), report);
    let pieces = [(commands(&leaver, &[text]), Vec::new()), photo(&leaver, id, Part::Full, &bytes)];
    let file = seal(&key_of(&app), &pieces);
    app.reimport("jinzhou", without(cast::CLEANER)).await;
    let receipt = give(&desk, &file).await;
    assert_eq!((receipt.waiting, receipt.photos), (1, 1));
}

async fn what_follows_a_missing_part_is_to_be_given_again(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.new_case();
    let texts = [
        team.guard.make("case.report", case, leak()),
        team.guard.make("case.comment", case, json!({ "text": "x" })),
    ];
    let pieces = texts.each_ref().map(|text| (commands(&team.guard, std::slice::from_ref(text)), Vec::new()));
    let [earlier, later] = pieces.map(|piece| seal(&key_of(&app), &[piece]));
    assert_eq!(give(&team.technician, &later).await.again, 1);
    assert_eq!(give(&team.technician, &earlier).await.taken, 1);
    assert_eq!(give(&team.technician, &later).await.taken, 1);
}

async fn a_file_of_another_server_or_an_altered_one_is_unreadable(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let text = team.guard.make("case.report", team.guard.new_case(), leak());
    let pieces = [(commands(&team.guard, &[text]), Vec::new())];
    let unreadable = (400, "relay.unreadable".to_owned());
    let foreign = seal(&RelayKey::new(&[9; 32]).unwrap().public(), &pieces);
    let piece = relay::read_file(&foreign).unwrap()[0].to_vec();
    assert_eq!(give_piece(&team.desk, &piece).await.problem(), unreadable);
    let ours = seal(&key_of(&app), &pieces);
    let piece = relay::read_file(&ours).unwrap()[0].to_vec();
    for at in [0, POINT, relay::PREFIX, piece.len() - 1] {
        let mut altered = piece.clone();
        altered[at] ^= 1;
        assert_eq!(give_piece(&team.desk, &altered).await.problem(), unreadable, "byte {at}");
    }
    for short in [&b""[..], b"hello", &piece[..relay::PREFIX], &piece[..piece.len() - 1]] {
        assert_eq!(give_piece(&team.desk, short).await.problem(), unreadable);
    }
    // Sealed properly, and nothing that a phone would write.
    let rows = Vec::new();
    let empty = Head::Commands(Commands { device: team.guard.id, author: team.guard.person, rows });
    let file = seal(&key_of(&app), &[(empty, Vec::new())]);
    assert_eq!(give_piece(&team.desk, relay::read_file(&file).unwrap()[0]).await.problem(), unreadable);
    assert_eq!(give_piece(&team.desk, &piece).await.status, 200);
}

async fn somebody_elses_signature_is_not_the_authors(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let text = team.guard.make("case.report", team.guard.new_case(), leak());
    team.guard.key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    let file = seal(&key_of(&app), &[(commands(&team.guard, &[text]), Vec::new())]);
    let reply = give_piece(&team.desk, relay::read_file(&file).unwrap()[0]).await;
    assert_eq!(reply.problem(), (403, "relay.foreign".to_owned()));
    assert_eq!(team.desk.pull().await.docs.len(), 3);
}

async fn nobody_gives_anything_without_a_session_or_at_another_site(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let (id, bytes) = (new_photo(&team.guard), litter());
    let mut report = leak();
    report["photos"] = json!([named(id, &bytes)]);
    let text = team.guard.make("case.report", team.guard.new_case(), report);
    let pieces = [(commands(&team.guard, &[text]), Vec::new()), photo(&team.guard, id, Part::Full, &bytes)];
    let file = seal(&key_of(&app), &pieces);
    let sealed = relay::read_file(&file).unwrap();
    assert_eq!(give_piece(&Device::new(&app), sealed[0]).await.problem().0, 401);
    let stranger = app.sign_in(cast::FOREIGN_GUARD).await;
    // Text is carried by anybody, as in a push; bytes by who serves there.
    assert_eq!(give_piece(&stranger, sealed[0]).await.status, 200);
    assert_eq!(give_piece(&stranger, sealed[1]).await.problem(), (403, "site.not_member".to_owned()));
}

async fn the_key_outlives_the_server_and_is_the_same_for_all(on: On) {
    let mut app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let key = key_of(&app);
    assert_eq!(guard.get("/api/session").await.json()["relay_key"], json!(key));
    app.restart().await;
    assert_eq!(key_of(&app), key);
}
