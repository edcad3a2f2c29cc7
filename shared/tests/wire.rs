//! The wire of version 1, frozen: what the golden files hold is read for ever, and is still what this code writes.
//!
//! The files are checked in; the tests build the same messages and compare. A difference means that devices in the
//! field and the server no longer understand each other: the answer is a new version, not a new file.

use std::collections::BTreeSet;

use crate::kit::story as kit;
use kit::{
    Story, TEXT,
    cast::{CAPTAIN, CLEANER, DESK, GUARD, SECOND_TECHNICIAN, SUPERVISOR, TECHNICIAN, UNIT, World},
    classify, complete, confirm, customers, dispatch, found, name, pause, photo, postpone, promise, reopen,
    tell,
};
use p256::ecdsa::{
    Signature, SigningKey, VerifyingKey,
    signature::{Signer, Verifier},
};
use rstest::rstest;
use serde_json::{Value, json};
use shared::{
    Code, Rejection,
    case::{
        CaseCommand, CaseView, StageName,
        command::{About, Customer, NAME_MAX, PHOTOS_MAX, Report, Source, TEXT_MAX, Urgency},
    },
    ids::{CaseId, CaseNumber, CommandId, DeviceId, Principal, RoundId, RouteId},
    quarantine::Ruling,
    site::Role,
    time::{EventTime, HOUR, Heard, MINUTE, Ms},
    wire::{
        Answer, Command, DISCARD, Doc, DocKey, Envelope, GENESIS, Had, PUSH_BYTES, Part, PullResponse,
        PushRequest, PushResponse, Quarantined, Refusal, SETTLE, TAKE, Verdict, base64url, file_name,
        gap_bytes, hash, read_base64url, read_file_name, signing_bytes,
    },
};
use uuid::Uuid;

const PUSH: &str = include_str!("golden/push_v1.json");
const PULL: &str = include_str!("golden/pull_v1.json");
const ANSWERS: &str = include_str!("golden/answers_v1.json");
const PUSH_QUARANTINE: &str = include_str!("golden/push_quarantine_v1.json");
const PULL_QUARANTINE: &str = include_str!("golden/pull_quarantine_v1.json");

/// The public half of the key that signed the golden push: the uncompressed point, as a device registers it.
const PUBLIC_KEY: &str =
    "BB4YUy_UdUwC8wQdnHXOszuD_9gax85P6ILMscmLxYlupGwxHE4v9A3ZajZT5uRURdMt_khuztdcepDGoYiBwKM";

const EPOCH: &str = "0190a5c0-epoch";
const NOW: Ms = Ms(1_795_312_800_000);

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn value(of: &impl serde::Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_else(|error| panic!("{error}"))
}

fn pretty(of: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(of).unwrap_or_else(|error| panic!("{error}"))
}

/// The key of the golden push. It signs the same bytes the same way every time (RFC 6979).
fn key() -> SigningKey {
    SigningKey::from_slice(&[7; 32]).unwrap_or_else(|error| panic!("{error}"))
}

fn public_key() -> VerifyingKey {
    read_base64url(PUBLIC_KEY)
        .and_then(|point| VerifyingKey::from_sec1_bytes(&point).ok())
        .unwrap_or_else(|| panic!("no point: {PUBLIC_KEY}"))
}

fn command_id(n: u64) -> CommandId {
    CommandId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n)))
}

/// Commands of every kind, each field of each kind in use at least once.
fn commands() -> Vec<CaseCommand> {
    let text = |text: &str| text.to_owned();
    let told = |whom, about, means| CaseCommand::Tell { whom, about, means, consent: None, note: text("") };
    use shared::case::command::{Means, Told};
    vec![
        CaseCommand::Report(Report {
            since: text("since this morning"),
            urgency: Some(Urgency { urgent: true, reason: text("it drips on the stairs") }),
            isolated: true,
            accused: Some(CLEANER),
            on_behalf_of: Some(CAPTAIN),
            photos: vec![photo(1), photo(2)],
            ..customers("door")
        }),
        CaseCommand::Report(found("litter")),
        CaseCommand::Fix { result: text("picked up"), photos: vec![photo(3)] },
        CaseCommand::Classify {
            category: "leak".into(),
            urgency: Some(Urgency { urgent: false, reason: text("a drop an hour") }),
            accused: Some(CLEANER),
        },
        classify("idea", None),
        CaseCommand::Dispatch { to: TECHNICIAN, note: text("take the long ladder") },
        dispatch(SECOND_TECHNICIAN),
        CaseCommand::Accept {},
        CaseCommand::Decline { reason: text("in the lift") },
        CaseCommand::Arrive {},
        pause(NOW.plus(HOUR)),
        CaseCommand::Resume {},
        CaseCommand::Promise { until: NOW.plus(2 * HOUR), reason: text("made to order") },
        promise(NOW.plus(2 * HOUR)),
        postpone(NOW.plus(3 * HOUR)),
        tell(About::Promise),
        told(Told::FirstAsked, About::Delay, Means::InPerson),
        told(Told::Customer, About::Result, Means::Message),
        CaseCommand::Complete { result: text("sealed"), photos: vec![photo(4)] },
        confirm(Some(true)),
        CaseCommand::Confirm { satisfied: None, reason: text("") },
        reopen(),
        CaseCommand::Check {},
        CaseCommand::Succeed { to: GUARD, reason: text("leave") },
        CaseCommand::Comment { text: text("首问:水还在滴 💧"), photos: vec![photo(5)] },
        CaseCommand::Cancel { reason: text("dew") },
        CaseCommand::See {},
    ]
}

fn envelope(n: u64, prev: String, kind: &str, body: Value) -> Envelope {
    Envelope {
        id: command_id(n),
        device: DeviceId(Uuid::from_u128(0xd0)),
        author: GUARD,
        n,
        prev,
        kind: kind.to_owned(),
        v: 1,
        site: "test".into(),
        aggregate: Uuid::from_u128(0xca5e),
        base: (n > 1).then_some(3),
        at: NOW.plus(-10 * MINUTE),
        heard: (n > 1).then_some(Heard { server: NOW.plus(-HOUR), device: NOW.plus(-HOUR - 1) }),
        mends: Vec::new(),
        body,
    }
}

fn push() -> PushRequest {
    let mut bodies: Vec<(String, Value)> =
        commands().iter().map(|command| (command.kind().to_owned(), command.body())).collect();
    bodies.push((SETTLE.to_owned(), json!({})));
    push_of(bodies)
}

/// Rulings on what is in quarantine, which version 1 did not have from its beginning.
fn push_quarantine() -> PushRequest {
    let reason = |text: &str| json!({ "reason": text });
    push_of(vec![
        (TAKE.to_owned(), reason("照片和现场一致")),
        (DISCARD.to_owned(), reason("reported by a colleague meanwhile")),
    ])
}

fn push_of(bodies: Vec<(String, Value)>) -> PushRequest {
    let mut prev = GENESIS.to_owned();
    let mut texts = Vec::new();
    for (n, (kind, body)) in (1..).zip(bodies) {
        let text = envelope(n, prev, &kind, body).write();
        prev = hash(&text);
        texts.push(text);
    }
    let signature: Signature = key().sign(&signing_bytes(&prev));
    PushRequest {
        v: 1,
        device: DeviceId(Uuid::from_u128(0xd0)),
        author: GUARD,
        sent_at: NOW,
        commands: texts,
        signature: base64url(&signature.to_bytes()),
        had: Vec::new(),
        gap: None,
    }
}

fn answers() -> PushResponse {
    let too_long = Rejection::new(Code::CaseFieldTooLong).with("field", "text").with("max", TEXT_MAX);
    let answers = vec![
        Answer { id: Some(command_id(1)), verdict: Verdict::Accepted { seq: 41, version: 1 } },
        Answer { id: Some(command_id(2)), verdict: Verdict::Recorded { seq: 42, version: 7 } },
        Answer { id: None, verdict: Verdict::Rejected(Code::CommandUnreadable.into()) },
        Answer { id: Some(command_id(3)), verdict: Verdict::Rejected(too_long) },
        Answer { id: Some(command_id(4)), verdict: Verdict::Held { code: Code::CommandCreateMissing } },
    ];
    PushResponse { answers, server_time: NOW, epoch: EPOCH.to_owned() }
}

/// Cases that between them have been in every stage and seen every change.
fn stories() -> Vec<Story> {
    let world = World::new();
    let begin = |report| Story::begin(&world, CAPTAIN, report, "2026-11-22 10:00");
    let behalf =
        || Report { on_behalf_of: Some(GUARD), photos: vec![photo(1), photo(2)], ..customers("door") };
    let reason = || "reason".to_owned();
    let day = |story: &Story, days: i64| story.now.at.plus(days * 24 * HOUR);
    let reported = begin(behalf()).then(GUARD, CaseCommand::See {});
    let dispatched = begin(behalf())
        .then(DESK, dispatch(SECOND_TECHNICIAN))
        .then(SECOND_TECHNICIAN, CaseCommand::Decline { reason: reason() })
        .then(SECOND_TECHNICIAN, CaseCommand::Arrive {})
        .then(DESK, classify("leak", None))
        .then(DESK, dispatch(TECHNICIAN));
    let accepted = begin(behalf())
        .then(DESK, dispatch(TECHNICIAN))
        .then(TECHNICIAN, CaseCommand::Accept {})
        .then(GUARD, CaseCommand::Check {})
        .then(GUARD, CaseCommand::Comment { text: reason(), photos: vec![photo(3)] });
    let mut arrived = begin(behalf()).worked_on();
    arrived.now = EventTime { at: arrived.now.at.plus(-30), received: arrived.now.at, uncertain: true };
    let arrived = arrived.then(SUPERVISOR, CaseCommand::Succeed { to: CLEANER, reason: reason() });
    let paused = begin(behalf()).worked_on();
    let (until, beyond) = (day(&paused, 1), day(&paused, 2));
    let paused = paused
        .then(TECHNICIAN, promise(until))
        .then(TECHNICIAN, tell(About::Promise))
        .then(TECHNICIAN, pause(beyond));
    let mut completed = begin(behalf()).worked_on();
    let until = completed.now.at.plus(HOUR);
    completed = completed
        .then(TECHNICIAN, pause(until))
        .then(TECHNICIAN, CaseCommand::Resume {})
        .then(TECHNICIAN, CaseCommand::Complete { result: reason(), photos: vec![photo(4)] });
    let kept = completed.case.photo_kept(TECHNICIAN, photo(4).id, &photo(4).sha256, completed.now.at);
    completed.apply(kept.into_iter().collect());
    let closed = begin(behalf())
        .worked_on()
        .then(TECHNICIAN, complete())
        .then(GUARD, reopen())
        .then(GUARD, CaseCommand::Fix { result: reason(), photos: vec![photo(5)] })
        .then(GUARD, confirm(Some(true)));
    let cancelled = begin(found("leak")).then(CAPTAIN, CaseCommand::Cancel { reason: reason() });
    let complaint = Story::begin(
        &world,
        GUARD,
        Report { accused: Some(CLEANER), ..customers("complaint") },
        "2026-11-22 10:00",
    );
    vec![reported, dispatched, accepted, arrived, paused, completed, closed, cancelled, complaint]
}

fn pull() -> PullResponse {
    let World { mut site, places, people, .. } = World::new();
    // What a zone's file holds changes with every release of the time zone database.
    site.tzif = "VFppZg==".to_owned();
    let mut docs = vec![Doc::Site(Box::new(site)), Doc::Places(places), Doc::People(people)];
    for story in stories() {
        docs.extend([DESK, GUARD].into_iter().filter_map(|reader| story.view(reader)).map(Doc::Case));
    }
    docs.push(Doc::Refusal(Refusal {
        id: command_id(1),
        author: GUARD,
        received: NOW,
        rejection: Rejection::new(Code::CaseUnknownPlace).with("place", UNIT),
        text: push().commands.swap_remove(0),
    }));
    let gone = docs.iter().map(Doc::key).collect::<BTreeSet<_>>().into_iter().collect();
    PullResponse {
        site: "test".into(),
        epoch: EPOCH.to_owned(),
        docs,
        gone,
        cursor: "opaque".to_owned(),
        more: true,
        stable_seq: None,
        server_time: NOW,
    }
}

fn pull_quarantine() -> PullResponse {
    let time = EventTime { at: NOW.plus(-HOUR), received: NOW, uncertain: true };
    let text = push().commands.swap_remove(0);
    let quarantined = Doc::Quarantine(Quarantined { id: command_id(1), author: GUARD, time, text });
    PullResponse { gone: vec![quarantined.key()], docs: vec![quarantined], ..pull() }
}

// --- the golden files ---

#[rstest]
#[case::push("push_v1.json", PUSH, pretty(&push()))]
#[case::pull("pull_v1.json", PULL, pretty(&pull()))]
#[case::answers("answers_v1.json", ANSWERS, pretty(&answers()))]
#[case::push_quarantine("push_quarantine_v1.json", PUSH_QUARANTINE, pretty(&push_quarantine()))]
#[case::pull_quarantine("pull_quarantine_v1.json", PULL_QUARANTINE, pretty(&pull_quarantine()))]
fn the_wire_of_version_1_is_frozen(#[case] name: &str, #[case] golden: &str, #[case] built: String) {
    let (golden, now): (Value, Value) = (read(golden), read(&built));
    assert!(golden == now, "{name} holds another message than this code writes:\n{built}");
}

#[test]
fn the_golden_messages_are_read_and_written_again_without_loss() {
    assert_eq!(value(&read::<PushRequest>(PUSH)), read::<Value>(PUSH));
    assert_eq!(value(&read::<PullResponse>(PULL)), read::<Value>(PULL));
    assert_eq!(value(&read::<PushResponse>(ANSWERS)), read::<Value>(ANSWERS));
    assert_eq!(value(&read::<PushRequest>(PUSH_QUARANTINE)), read::<Value>(PUSH_QUARANTINE));
    assert_eq!(value(&read::<PullResponse>(PULL_QUARANTINE)), read::<Value>(PULL_QUARANTINE));
}

#[test]
fn what_a_restore_adds_to_version_1_is_frozen_too() {
    let had = vec![
        Had {
            n: 1,
            verdict: Verdict::Accepted { seq: 41, version: 1 },
            at: NOW,
            number: Some(CaseNumber("20261122-014".to_owned())),
        },
        Had { n: 2, verdict: Verdict::Rejected(Code::CaseWrongStage.into()), at: NOW, number: None },
    ];
    let added = json!([
        { "n": 1, "verdict": { "accepted": { "seq": 41, "version": 1 } }, "at": NOW, "number": "20261122-014" },
        { "n": 2, "verdict": { "rejected": { "code": "case.wrong_stage" } }, "at": NOW },
    ]);
    let request = PushRequest { had, gap: Some("signature".to_owned()), ..push() };
    let written = value(&request);
    assert_eq!((&written["had"], &written["gap"]), (&added, &json!("signature")));
    assert_eq!(read::<PushRequest>(&written.to_string()), request);
    assert_eq!(gap_bytes(EPOCH, "ab"), b"firsthand-gap-v1:0190a5c0-epoch:ab");

    let response = PullResponse { stable_seq: Some(41), ..pull() };
    let written = value(&response);
    assert_eq!(written["stable_seq"], 41);
    assert_eq!(read::<PullResponse>(&written.to_string()), response);
}

#[test]
fn the_golden_commands_are_read_and_written_again_without_loss() {
    let texts = [PUSH, PUSH_QUARANTINE].map(|text| read::<PushRequest>(text).commands).concat();
    let mut kinds = BTreeSet::new();
    let mut asked = Vec::new();
    for text in &texts {
        let envelope = Envelope::read(text).unwrap_or_else(|refusal| panic!("{refusal:?} for {text}"));
        assert_eq!(envelope.write(), *text, "to the byte: the hash is over it");
        match envelope.command() {
            Ok(Command::Case(command)) => {
                assert_eq!(command.kind(), envelope.kind);
                assert_eq!(command.body(), envelope.body);
                asked.push(*command);
            }
            Ok(Command::Route(_) | Command::Round(_)) => {
                panic!("not of the first commands: see rounds_wire.rs")
            }
            Ok(Command::Settle) => assert_eq!(envelope.kind, SETTLE),
            Ok(Command::Rule(Ruling { take, reason })) => {
                assert_eq!(envelope.kind, if take { TAKE } else { DISCARD });
                assert_eq!(envelope.body, json!({ "reason": reason }));
            }
            Err(refusal) => panic!("{refusal:?} for {text}"),
        }
        kinds.insert(envelope.kind);
    }
    let known = CaseCommand::KINDS.into_iter().chain([SETTLE, TAKE, DISCARD]).map(str::to_owned).collect();
    assert_eq!(kinds, known, "every kind is in the file");
    assert_eq!(asked, commands());
}

#[test]
fn the_golden_push_is_chained_and_signed() {
    let push: PushRequest = read(PUSH);
    let mut prev = GENESIS.to_owned();
    for (n, text) in (1..).zip(&push.commands) {
        let envelope = Envelope::read(text).unwrap_or_else(|refusal| panic!("{refusal:?}"));
        assert_eq!((envelope.n, envelope.prev), (n, prev));
        prev = hash(text);
    }
    let signature = read_base64url(&push.signature)
        .and_then(|bytes| Signature::from_slice(&bytes).ok())
        .unwrap_or_else(|| panic!("no signature: {}", push.signature));
    assert!(public_key().verify(&signing_bytes(&prev), &signature).is_ok());
    let altered = hash(&push.commands[0].replace(TEXT, "another text"));
    assert_ne!(altered, hash(&push.commands[0]), "an altered command has another hash");
    assert!(public_key().verify(&signing_bytes(&altered), &signature).is_err());
    assert!(public_key().verify(prev.as_bytes(), &signature).is_err(), "it signs nothing but pushes");
}

#[test]
fn a_hash_is_sha_256_in_lowercase_hex() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hash("abc"), abc);
    assert_eq!(GENESIS.len(), abc.len());
}

#[test]
fn the_golden_pull_holds_every_kind_of_document_stage_and_change() {
    let docs = [PULL, PULL_QUARANTINE].map(|text| read::<PullResponse>(text).docs).concat();
    let mut kinds = BTreeSet::new();
    let mut stages = BTreeSet::new();
    let mut changes = BTreeSet::new();
    for doc in &docs {
        kinds.insert(match doc {
            Doc::Site(_) => "site",
            Doc::Places(_) => "places",
            Doc::People(_) => "people",
            Doc::Case(CaseView::Full(case)) => {
                stages.insert(case.stage.name());
                for event in &case.trail {
                    changes.insert(name(&event.change));
                }
                "case"
            }
            Doc::Case(CaseView::Outline(_)) => "outline",
            Doc::Route(_) | Doc::Round(_) => panic!("not of the first documents: see rounds_wire.rs"),
            Doc::Refusal(_) => "refusal",
            Doc::Quarantine(_) => "quarantine",
        });
    }
    assert_eq!(kinds, ["site", "places", "people", "case", "outline", "refusal", "quarantine"].into());
    assert_eq!(stages, StageName::ALL.into());
    // The report is the case itself; who has seen it and which photos are kept stand beside the trail.
    let told = "fixed classified dispatched accepted declined arrived paused resumed promised postponed told \
                completed confirmed reopened checked succeeded commented cancelled recorded";
    assert_eq!(changes, told.split_whitespace().map(str::to_owned).collect());
}

#[test]
fn the_golden_answers_hold_every_verdict() {
    let response: PushResponse = read(ANSWERS);
    let verdicts: BTreeSet<_> = response
        .answers
        .iter()
        .map(|answer| match &answer.verdict {
            Verdict::Accepted { .. } => "accepted",
            Verdict::Recorded { .. } => "recorded",
            Verdict::Rejected(_) => "rejected",
            Verdict::Held { .. } => "held",
        })
        .collect();
    assert_eq!(verdicts, ["accepted", "recorded", "rejected", "held"].into());
}

#[test]
fn only_held_is_not_final() {
    let finals = [
        Verdict::Accepted { seq: 1, version: 1 },
        Verdict::Recorded { seq: 1, version: 1 },
        Verdict::Rejected(Code::CaseNotVisible.into()),
    ];
    assert!(finals.iter().all(Verdict::is_final));
    assert!(!Verdict::Held { code: Code::CommandCreateMissing }.is_final());
}

// --- bad input ---

#[rstest]
#[case::nothing("")]
#[case::cut_off("{\"id\":\"0190000")]
#[case::html("<!doctype html><title>502</title>")]
#[case::another_shape("[]")]
#[case::nothing_in_it("{}")]
#[case::null("null")]
fn an_unreadable_command_has_its_code(#[case] text: &str) {
    assert_eq!(Envelope::read(text).map_err(|refusal| refusal.code), Err(Code::CommandUnreadable));
}

#[test]
fn a_command_cut_off_anywhere_is_unreadable() {
    let text = &push().commands[0];
    for end in 0..text.len() {
        let cut = Envelope::read(&text[..end]).map_err(|refusal| refusal.code);
        assert_eq!(cut, Err(Code::CommandUnreadable), "after {end} bytes");
    }
}

#[rstest]
#[case::unheard_of("case.teleport", 1)]
#[case::no_kind("", 1)]
#[case::a_change_is_no_command("reported", 1)]
#[case::a_newer_version("case.accept", 2)]
#[case::a_newer_ruling(TAKE, 2)]
fn an_unknown_kind_has_its_code(#[case] kind: &str, #[case] v: u16) {
    let envelope = Envelope { v, ..envelope(1, GENESIS.to_owned(), kind, json!({})) };
    let refusal = Rejection::new(Code::CommandUnknownKind).with("kind", kind);
    assert_eq!(envelope.command(), Err(refusal));
}

#[test]
fn a_bad_body_has_its_code_in_every_kind() {
    for kind in CaseCommand::KINDS.into_iter().chain([TAKE, DISCARD]) {
        for body in [json!(null), json!(7), json!("text"), json!([]), json!([7])] {
            let refused = envelope(1, GENESIS.to_owned(), kind, body.clone()).command();
            let code = refused.map_err(|refusal| refusal.code);
            assert_eq!(code, Err(Code::CommandBadBody), "{kind} with {body}");
        }
    }
}

#[rstest]
#[case::a_field_is_missing("case.dispatch", json!({ "note": "x" }))]
#[case::a_person_is_no_id("case.dispatch", json!({ "to": "the technician" }))]
#[case::a_time_is_a_text("case.promise", json!({ "until": "tomorrow" }))]
#[case::a_time_is_a_fraction("case.promise", json!({ "until": 1.5 }))]
#[case::a_word_is_unknown("case.tell", json!({ "whom": "nobody", "about": "result", "means": "phone" }))]
#[case::a_ruling_without_a_reason(TAKE, json!({}))]
#[case::a_reason_that_is_no_text(DISCARD, json!({ "reason": 7 }))]
#[case::photos_are_no_list("case.comment", json!({ "text": "x", "photos": {} }))]
fn a_bad_body_has_its_code(#[case] kind: &str, #[case] body: Value) {
    let refused = envelope(1, GENESIS.to_owned(), kind, body).command();
    assert_eq!(refused.map_err(|refusal| refusal.code), Err(Code::CommandBadBody));
}

#[rstest]
#[case("case.report", json!({ "category": "leak", "place": "b1", "source": "found" }))]
#[case("case.report", json!({ "category": "leak", "place": "b1", "source": { "customer": { "name": "W" } } }))]
#[case("case.fix", json!({ "result": "x" }))]
#[case("case.classify", json!({ "category": "leak" }))]
#[case("case.dispatch", json!({ "to": TECHNICIAN }))]
#[case("case.promise", json!({ "until": 7 }))]
#[case("case.tell", json!({ "whom": "customer", "about": "delay", "means": "phone" }))]
#[case("case.complete", json!({ "result": "x" }))]
#[case("case.confirm", json!({}))]
#[case("case.comment", json!({ "text": "x" }))]
#[case::of_a_newer_app("case.see", json!({ "screen": "home" }))]
fn what_may_be_left_out_may_be_left_out(#[case] kind: &str, #[case] body: Value) {
    assert!(envelope(1, GENESIS.to_owned(), kind, body).command().is_ok());
}

#[test]
fn one_legal_command_always_fits_a_push() {
    // A control character takes most room in JSON: six bytes.
    let longest = |chars| "\u{1}".repeat(chars);
    let photos: Vec<_> = (0..PHOTOS_MAX as u128).map(photo).collect();
    let customer = Customer { name: longest(NAME_MAX), phone: longest(NAME_MAX), flat: longest(NAME_MAX) };
    let report = Report {
        text: longest(TEXT_MAX),
        since: longest(TEXT_MAX),
        source: Source::Customer(Some(customer)),
        urgency: Some(Urgency { urgent: true, reason: longest(TEXT_MAX) }),
        isolated: true,
        accused: Some(CLEANER),
        on_behalf_of: Some(CAPTAIN),
        photos,
        ..found("leak")
    };
    let world = World::new();
    let story = Story::begin(&world, GUARD, report.clone(), "2026-11-22 10:00");
    assert_eq!(story.case.photos.len(), PHOTOS_MAX, "the rules take it");
    let body = CaseCommand::Report(report).body();
    assert!(envelope(2, GENESIS.to_owned(), "case.report", body).write().len() <= PUSH_BYTES);
}

// --- keys, names, codes ---

#[test]
fn a_document_key_is_read_as_it_is_written() {
    let id = Uuid::from_u128(7);
    let keys = [
        DocKey::Site,
        DocKey::Places,
        DocKey::People,
        DocKey::Case(CaseId(id)),
        DocKey::Route(RouteId(id)),
        DocKey::Round(RoundId(id)),
        DocKey::Refusal(CommandId(id)),
        DocKey::Quarantine(CommandId(id)),
    ];
    for key in keys {
        assert_eq!(key.to_string().parse(), Ok(key));
    }
    for text in ["", "case", "case:", "case:7", "site:", "lift:00000000-0000-0000-0000-000000000007"] {
        assert_eq!(text.parse::<DocKey>(), Err(Code::RequestBadBody), "{text}");
    }
}

#[test]
fn a_photos_address_is_read_as_it_is_written() {
    let id = photo(9).id;
    for part in [Part::Thumb, Part::Full] {
        assert_eq!(read_file_name(&file_name(id, part)), Some((id, part)));
    }
    for name in ["", ".thumb", "../../etc/passwd", "7.thumb"] {
        assert_eq!(read_file_name(name), None, "{name}");
    }
}

#[test]
fn base64url_is_read_as_it_is_written_and_nothing_else_is() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(read_base64url(&base64url(&bytes)), Some(bytes));
    for text in ["AA==", "+/+/", "A", "?"] {
        assert_eq!(read_base64url(text), None, "{text}");
    }
}

#[test]
fn codes_are_unique_and_are_read_as_they_are_written() {
    let texts: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    for code in Code::ALL {
        assert_eq!(Code::find(code.as_str()), Some(*code));
    }
    assert_eq!(Code::find("case.unheard_of"), None);
    assert!(serde_json::from_value::<Code>(json!("case.unheard_of")).is_err());
}

#[test]
fn names_are_the_same_in_code_and_in_json() {
    for stage in StageName::ALL {
        assert_eq!(value(&stage), stage.as_str());
    }
    for role in Role::ALL {
        assert_eq!(value(&role), role.as_str());
        assert_eq!(Principal::Role(role).to_string(), format!("role:{}", role.as_str()));
    }
    for command in commands() {
        assert_eq!(value(&command), json!({ command.kind(): command.body() }));
    }
}

#[test]
fn a_case_number_is_the_sites_date_and_a_counter() {
    let number = CaseNumber::new(jiff::civil::date(2026, 1, 2), 14);
    assert_eq!(number.0, "20260102-014");
    assert_eq!((number.short(2026), number.short(2027)), ("0102-014", "20260102-014"));
    assert_eq!(CaseNumber::new(jiff::civil::date(2026, 1, 2), 1_000).0, "20260102-1000");
    assert_eq!(number.date_and_count(), Some((jiff::civil::date(2026, 1, 2), 14)));
    for other in ["", "20260102", "20260102-14", "20261302-014", "2026010-014", "20260102-014 ", "楼0102-014"]
    {
        assert_eq!(CaseNumber(other.to_owned()).date_and_count(), None, "{other}");
    }
}

#[test]
fn an_offline_code_is_six_characters_without_look_alikes() {
    let code = |id: u128| CaseId(Uuid::from_u128(id)).offline_code();
    assert_eq!(code(0), "000000");
    assert_eq!(code((1 << 30) - 1), "ZZZZZZ");
    assert_eq!(code(1 << 30), "000000", "taken from the random end");
    let all: BTreeSet<_> = (0..32).map(code).collect();
    assert_eq!(all.len(), 32);
    assert!(all.iter().all(|code| !code.contains(['I', 'L', 'O', 'U'])));
}

#[test]
fn a_reason_that_a_newer_server_gives_spoils_nothing_that_came_with_it() {
    let answers = json!({ "answers": [
        { "id": null, "verdict": { "rejected": { "code": "case.not_invented_yet", "fields": { "a": "b" } } } },
        { "id": null, "verdict": { "held": { "code": "command.not_invented_yet" } } },
    ], "server_time": 1, "epoch": "e" });
    let read: PushResponse = serde_json::from_value(answers).unwrap();
    let codes: Vec<Code> = read
        .answers
        .into_iter()
        .map(|answer| match answer.verdict {
            Verdict::Rejected(rejection) => rejection.code,
            Verdict::Held { code } => code,
            Verdict::Accepted { .. } | Verdict::Recorded { .. } => panic!("it was not refused"),
        })
        .collect();
    assert_eq!(codes, [Code::DeviceNewer; 2]);
}
