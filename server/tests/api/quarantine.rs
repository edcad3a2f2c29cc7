//! Commands of somebody who has left: kept for the office, seen by whom it concerns, taken or discarded once.

use serde_json::{Value, json};
use shared::{
    Rejection,
    case::{CaseView, StageName},
    ids::{CaseId, CommandId},
    wire::{DISCARD, Doc, DocKey, Envelope, Part, PullResponse, PushResponse, SETTLE, TAKE, Verdict},
};

use crate::{
    files::{Announced, litter, named, new_photo, photo_path, read},
    import::without,
    kit::{Device, On, PASSWORD, TestApp, cast, complaint, leak, tests},
};

tests![
    what_is_taken_is_judged_as_its_authors,
    what_is_discarded_is_refused_with_name_and_reason,
    what_follows_is_taken_after_what_it_follows,
    what_waited_for_a_quarantined_report_goes_on_with_it,
    what_waited_for_a_discarded_report_is_refused_with_it,
    a_fact_of_somebody_who_left_is_recorded_though_the_case_has_moved_on,
    what_is_taken_against_the_rules_is_refused_and_shown,
    of_two_rulings_the_first_counts,
    a_photo_reaches_the_quarantine_and_then_its_case,
    r9_what_is_about_a_complaint_is_shown_to_persons_only,
    r9_what_turns_out_to_be_about_a_complaint_is_taken_back,
    r9_who_joins_or_leaves_the_office_gains_and_loses_what_is_in_quarantine,
    somebody_who_is_back_goes_on_behind_what_is_in_quarantine,
    nobody_rules_on_their_own,
    what_was_only_seen_or_settled_is_nothing_to_rule_on,
    an_app_that_cannot_read_the_quarantine_is_not_sent_it,
    a_ruling_needs_the_office_and_a_reason,
];

/// A second one of the desk.
const OTHER_DESK: &str = "P005";

fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted { .. } => "accepted",
        Verdict::Recorded { .. } => "recorded",
        Verdict::Rejected(Rejection { code, .. }) | Verdict::Held { code } => code.as_str(),
    }
}

fn id(text: &str) -> CommandId {
    Envelope::read(text).unwrap().id
}

fn because(reason: &str) -> Value {
    json!({ "reason": reason })
}

/// Carries somebody's commands.
async fn carry(carrier: &Device, author: &Device, texts: &[String]) -> Vec<Verdict> {
    let reply = carrier.try_push(&author.pack(texts.to_vec())).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let response: PushResponse = serde_json::from_str(&reply.text).unwrap();
    response.answers.into_iter().map(|answer| answer.verdict).collect()
}

async fn carried(carrier: &Device, author: &Device, texts: &[String]) -> Vec<&'static str> {
    carry(carrier, author, texts).await.iter().map(code).collect()
}

async fn quarantined(device: &mut Device) -> Vec<CommandId> {
    let docs = &device.pull().await.docs;
    let of = |doc: &Doc| match doc {
        Doc::Quarantine(quarantined) => Some(quarantined.id),
        Doc::Site(_)
        | Doc::Places(_)
        | Doc::People(_)
        | Doc::Case(_)
        | Doc::Route(_)
        | Doc::Round(_)
        | Doc::Refusal(_) => None,
    };
    docs.values().filter_map(of).collect()
}

async fn ruled(device: &mut Device, kind: &str, text: &str) -> &'static str {
    code(&device.send(kind, id(text), because("现场看过")).await)
}

/// A cleaner who makes something offline and then leaves, and the desk.
async fn with_leaver(on: On) -> (TestApp, Device, Device) {
    let app = TestApp::start(on).await;
    let (leaver, desk) = (app.sign_in(cast::CLEANER).await, app.sign_in(cast::DESK).await);
    (app, leaver, desk)
}

async fn leaves(app: &TestApp) {
    app.reimport("jinzhou", without(cast::CLEANER)).await;
}

async fn what_is_taken_is_judged_as_its_authors(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let case = leaver.new_case();
    let made = app.now();
    let texts = [
        leaver.make("case.report", case, leak()),
        leaver.make("case.comment", case, json!({ "text": "关了水阀" })),
    ];
    leaves(&app).await;
    app.advance(60);
    assert_eq!(carried(&desk, &leaver, &texts).await, ["command.author_revoked"; 2]);
    assert_eq!(carried(&desk, &leaver, &texts).await, ["command.author_revoked"; 2], "not twice in it");
    assert!(desk.pull().await.case(case).is_none());
    assert_eq!(quarantined(&mut desk).await.len(), 2);
    let Some(Doc::Quarantine(shown)) = desk.pull().await.docs.get(&DocKey::Quarantine(id(&texts[0]))) else {
        panic!("it is not shown")
    };
    assert_eq!((shown.author, shown.time.at, &shown.text), (leaver.person, made, &texts[0]));
    for other in [cast::GUARD, cast::TECHNICIAN, cast::CONTROL_ROOM] {
        assert!(quarantined(&mut app.sign_in(other).await).await.is_empty());
    }
    for text in &texts {
        assert_eq!(ruled(&mut desk, TAKE, text).await, "accepted");
    }
    assert!(quarantined(&mut desk).await.is_empty());
    let CaseView::Full(view) = desk.pull().await.case(case).unwrap().clone() else { panic!("an outline") };
    assert_eq!((view.first_asked.person, view.reported.at, view.version), (leaver.person, made, 2));
    let first = carry(&desk, &leaver, &texts).await;
    assert_eq!(first.iter().map(code).collect::<Vec<_>>(), ["accepted"; 2]);
    assert_eq!(carry(&desk, &leaver, &texts).await, first, "for ever");
}

async fn what_is_discarded_is_refused_with_name_and_reason(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let text = leaver.make("case.report", leaver.new_case(), leak());
    leaves(&app).await;
    carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    assert_eq!(code(&desk.send(DISCARD, id(&text), because(" 同事已报 ")).await), "accepted");
    assert!(quarantined(&mut desk).await.is_empty());
    assert!(desk.pull().await.refusals().is_empty(), "the desk has seen to it");
    let verdicts = carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    let Verdict::Rejected(rejection) = &verdicts[0] else { panic!("{verdicts:?}") };
    assert_eq!(rejection.code.as_str(), "command.discarded");
    assert_eq!(rejection.fields["person"], desk.person.to_string());
    assert_eq!(rejection.fields["reason"], "同事已报");
    // Back, on whatever device, the author is told.
    app.reimport("jinzhou", |_| ()).await;
    let mut back = app.sign_in(cast::CLEANER).await;
    assert_eq!(back.pull().await.refusals(), [(id(&text), "command.discarded".to_owned())]);
    back.accepted(SETTLE, id(&text), json!({})).await;
    assert!(back.pull().await.refusals().is_empty());
}

async fn what_follows_is_taken_after_what_it_follows(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let (case, other) = (leaver.new_case(), leaver.new_case());
    let texts = [
        leaver.make("case.report", case, leak()),
        leaver.make("case.report", other, leak()),
        leaver.make("case.comment", case, json!({ "text": "一" })),
        leaver.make("case.comment", case, json!({ "text": "二" })),
    ];
    leaves(&app).await;
    carry(&desk, &leaver, &texts).await;
    assert_eq!(ruled(&mut desk, TAKE, &texts[2]).await, "quarantine.earlier_first");
    assert_eq!(ruled(&mut desk, TAKE, &texts[0]).await, "accepted");
    assert_eq!(ruled(&mut desk, TAKE, &texts[3]).await, "quarantine.earlier_first");
    // Another case has its own order, and what is discarded stands in nobody's way.
    assert_eq!(ruled(&mut desk, DISCARD, &texts[2]).await, "accepted");
    assert_eq!(ruled(&mut desk, TAKE, &texts[3]).await, "accepted");
    assert_eq!(quarantined(&mut desk).await, [id(&texts[1])]);
    let refused = desk.pull().await.refusals();
    assert!(refused.is_empty(), "what was only too early is not to be mended: {refused:?}");
    let verdicts = carried(&desk, &leaver, &texts).await;
    assert_eq!(verdicts, ["accepted", "command.author_revoked", "command.discarded", "accepted"]);
}

async fn what_waited_for_a_quarantined_report_goes_on_with_it(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let case = leaver.new_case();
    let report = leaver.make("case.report", case, leak());
    leaves(&app).await;
    carry(&desk, &leaver, std::slice::from_ref(&report)).await;
    let mut other = app.sign_in(OTHER_DESK).await;
    let comment = other.make("case.comment", case, json!({ "text": "已派人" }));
    assert_eq!(code(&other.push(vec![comment.clone()]).await[0]), "command.create_missing");
    assert_eq!(ruled(&mut desk, TAKE, &report).await, "accepted");
    assert_eq!(code(&other.push(vec![comment]).await[0]), "accepted");
    assert_eq!(other.pull().await.case(case).unwrap().version(), 2);
}

async fn what_waited_for_a_discarded_report_is_refused_with_it(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let case = leaver.new_case();
    let texts = [
        leaver.make("case.report", case, leak()),
        leaver.make("case.comment", case, json!({ "text": "关了水阀" })),
    ];
    leaves(&app).await;
    carry(&desk, &leaver, &texts).await;
    let mut other = app.sign_in(OTHER_DESK).await;
    let comment = other.make("case.comment", case, json!({ "text": "已派人" }));
    other.push(vec![comment.clone()]).await;
    assert_eq!(ruled(&mut desk, DISCARD, &texts[0]).await, "accepted");
    assert_eq!(code(&other.push(vec![comment]).await[0]), "command.parent_rejected");
    assert_eq!(carried(&desk, &leaver, &texts).await, ["command.discarded", "command.parent_rejected"]);
    assert!(quarantined(&mut desk).await.is_empty());
}

async fn a_fact_of_somebody_who_left_is_recorded_though_the_case_has_moved_on(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.report().await;
    let technician = team.technician.person;
    team.desk.accepted("case.dispatch", case, json!({ "to": technician })).await;
    team.technician.pull().await;
    let texts = [
        team.technician.make("case.accept", case, json!({})),
        team.technician.make("case.arrive", case, json!({})),
    ];
    app.reimport("jinzhou", without(cast::TECHNICIAN)).await;
    carry(&team.desk, &team.technician, &texts).await;
    let other = app.person("P045").await;
    team.desk.accepted("case.dispatch", case, json!({ "to": other })).await;
    for text in &texts {
        assert_eq!(ruled(&mut team.desk, TAKE, text).await, "accepted");
    }
    // To accept is no fact: somebody else has the case now.
    assert_eq!(carried(&team.desk, &team.technician, &texts).await, ["case.not_allowed", "recorded"]);
    assert_eq!(team.desk.pull().await.case(case).unwrap().stage(), StageName::Dispatched);
}

async fn what_is_taken_against_the_rules_is_refused_and_shown(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let nowhere = json!({ "category": "leak", "place": "nowhere", "text": "x", "source": "found" });
    let text = leaver.make("case.report", leaver.new_case(), nowhere);
    leaves(&app).await;
    carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    assert_eq!(ruled(&mut desk, TAKE, &text).await, "accepted");
    assert_eq!(desk.pull().await.refusals(), [(id(&text), "case.unknown_place".to_owned())]);
    assert_eq!(carried(&desk, &leaver, &[text]).await, ["case.unknown_place"]);
}

async fn of_two_rulings_the_first_counts(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let text = leaver.make("case.report", leaver.new_case(), leak());
    leaves(&app).await;
    carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    let mut other = app.sign_in(OTHER_DESK).await;
    let first = desk.make(TAKE, id(&text), because("看过"));
    let (one, two) = tokio::join!(desk.push(vec![first.clone()]), desk.push(vec![first]));
    assert_eq!((code(&one[0]), &one), ("accepted", &two));
    assert_eq!(ruled(&mut other, DISCARD, &text).await, "quarantine.not_there");
    assert_eq!(carried(&desk, &leaver, &[text]).await, ["accepted"]);
}

async fn a_photo_reaches_the_quarantine_and_then_its_case(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    let (photo, bytes, case) = (new_photo(&leaver), litter(), leaver.new_case());
    let mut report = leak();
    report["photos"] = json!([named(photo, &bytes)]);
    let text = leaver.make("case.report", case, report);
    leaves(&app).await;
    carry(&guard, &leaver, std::slice::from_ref(&text)).await;
    let mut announced = Announced::of(&leaver, photo, Part::Full, &bytes);
    announced.author = Some(leaver.person.to_string());
    let reply = announced.post_with(&guard, &bytes).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let path = photo_path(case, photo, "");
    let (status, _, shown) = read(&desk, &path, None).await;
    assert_eq!(status, 200);
    assert!(!shown.is_empty());
    assert_eq!(read(&guard, &path, None).await.0, 404, "carrying it does not show it");
    assert_eq!(ruled(&mut desk, TAKE, &text).await, "accepted");
    let CaseView::Full(view) = desk.pull().await.case(case).unwrap().clone() else { panic!("an outline") };
    assert!(view.photos[0].kept);
    assert_eq!(view.photos[0].by, Some(leaver.person));
    assert_eq!(read(&desk, &path, None).await.2, shown);
}

async fn r9_what_is_about_a_complaint_is_shown_to_persons_only(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let mut other = app.sign_in(OTHER_DESK).await;
    let mut supervisor = app.sign_in(cast::SUPERVISOR).await;
    let (photo, bytes, case) = (new_photo(&leaver), litter(), leaver.new_case());
    let mut report = complaint(desk.person);
    report["photos"] = json!([named(photo, &bytes)]);
    let texts = [
        leaver.make("case.report", case, report),
        leaver.make("case.comment", case, json!({ "text": "他又说了一遍" })),
    ];
    let announced = Announced::of(&leaver, photo, Part::Full, &bytes);
    announced.post_with(&leaver, &bytes).await;
    leaves(&app).await;
    carry(&supervisor, &leaver, &texts).await;
    assert!(quarantined(&mut desk).await.is_empty(), "it is about this one");
    assert!(desk.pull().await.gone.is_empty());
    for text in &texts {
        assert_eq!(ruled(&mut desk, TAKE, text).await, "quarantine.not_there");
        assert_eq!(ruled(&mut desk, DISCARD, text).await, "quarantine.not_there");
    }
    let path = photo_path(case, photo, "");
    assert_eq!(read(&desk, &path, None).await.0, 404);
    assert_eq!(read(&other, &path, None).await.0, 200);
    for colleague in [&mut other, &mut supervisor] {
        assert_eq!(quarantined(colleague).await.len(), 2);
    }
    for text in &texts {
        assert_eq!(ruled(&mut other, TAKE, text).await, "accepted");
    }
    assert!(desk.pull().await.case(case).is_none());
    assert!(supervisor.pull().await.case(case).is_some());
}

async fn r9_what_turns_out_to_be_about_a_complaint_is_taken_back(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let mut other = app.sign_in(OTHER_DESK).await;
    let case = leaver.report().await;
    let text = leaver.make("case.comment", case, json!({ "text": "服务台的人骂了我" }));
    leaves(&app).await;
    carry(&other, &leaver, std::slice::from_ref(&text)).await;
    let key = DocKey::Quarantine(id(&text));
    assert!(desk.pull().await.docs.contains_key(&key));
    other.accepted("case.classify", case, json!({ "category": "complaint", "accused": desk.person })).await;
    let feed = desk.pull().await;
    assert!(!feed.docs.contains_key(&key) && feed.gone.contains(&key));
    assert_eq!(ruled(&mut desk, DISCARD, &text).await, "quarantine.not_there");
    assert!(other.pull().await.docs.contains_key(&key));
    assert_eq!(ruled(&mut other, TAKE, &text).await, "accepted");
}

async fn r9_who_joins_or_leaves_the_office_gains_and_loses_what_is_in_quarantine(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let about = app.person(OTHER_DESK).await;
    let texts = [
        leaver.make("case.report", leaver.new_case(), leak()),
        leaver.make("case.report", leaver.new_case(), complaint(about)),
    ];
    leaves(&app).await;
    carry(&desk, &leaver, &texts).await;
    assert_eq!(quarantined(&mut desk).await.len(), 2);
    assert!(quarantined(&mut guard).await.is_empty());
    let roles = |person: &'static str, role: &'static str| {
        move |file: &mut Value| {
            without(cast::CLEANER)(file);
            let people = file["people"].as_array_mut().unwrap();
            people.iter_mut().find(|one| one["code"] == person).unwrap()["roles"] = json!([role]);
        }
    };
    app.reimport("jinzhou", roles(cast::GUARD, "supervisor")).await;
    assert_eq!(quarantined(&mut guard).await.len(), 2);
    app.reimport("jinzhou", roles(cast::DESK, "guard")).await;
    let feed = desk.pull().await;
    assert!(texts.iter().all(|text| feed.gone.contains(&DocKey::Quarantine(id(text)))));
    // The import made a guard of the guard again, too.
    assert!(quarantined(&mut guard).await.is_empty());
    assert_eq!(ruled(&mut guard, TAKE, &texts[0]).await, "quarantine.not_there");
}

async fn somebody_who_is_back_goes_on_behind_what_is_in_quarantine(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let case = leaver.report().await;
    let text = leaver.make("case.comment", case, json!({ "text": "一" }));
    leaves(&app).await;
    carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    app.reimport("jinzhou", |_| ()).await;
    leaver.sign_in(cast::CLEANER, PASSWORD).await;
    let next = leaver.make("case.comment", case, json!({ "text": "二" }));
    assert_eq!(code(&leaver.push(vec![next.clone()]).await[0]), "command.predecessor_missing");
    // Another case has nothing to do with it.
    leaver.report().await;
    assert_eq!(ruled(&mut desk, TAKE, &text).await, "accepted");
    assert_eq!(code(&leaver.push(vec![next]).await[0]), "accepted");
    let CaseView::Full(view) = leaver.pull().await.case(case).unwrap().clone() else { panic!("an outline") };
    let said: Vec<String> =
        view.trail.iter().map(|event| serde_json::to_value(&event.change).unwrap().to_string()).collect();
    assert!(said[0].contains('一') && said[1].contains('二'), "{said:?}");
}

async fn nobody_rules_on_their_own(on: On) {
    let app = TestApp::start(on).await;
    let (mut leaver, mut desk) = (app.sign_in(OTHER_DESK).await, app.sign_in(cast::DESK).await);
    let text = leaver.make("case.report", leaver.new_case(), leak());
    app.reimport("jinzhou", without(OTHER_DESK)).await;
    carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    assert_eq!(ruled(&mut leaver, TAKE, &text).await, "quarantine.not_there");
    app.reimport("jinzhou", |_| ()).await;
    assert_eq!(ruled(&mut leaver, TAKE, &text).await, "quarantine.own");
    assert_eq!(ruled(&mut desk, TAKE, &text).await, "accepted");
}

async fn what_was_only_seen_or_settled_is_nothing_to_rule_on(on: On) {
    let app = TestApp::start(on).await;
    let (mut leaver, mut desk) = (app.sign_in(OTHER_DESK).await, app.sign_in(cast::DESK).await);
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.report().await;
    guard.send("case.confirm", case, json!({})).await;
    let refused = desk.pull().await.refusals()[0].0;
    let texts = [leaver.make("case.see", case, json!({})), leaver.make(SETTLE, refused, json!({}))];
    app.reimport("jinzhou", without(OTHER_DESK)).await;
    // Who has left settles nothing in the desk's place.
    assert_eq!(carried(&desk, &leaver, &texts).await, ["accepted", "case.not_visible"]);
    assert!(quarantined(&mut desk).await.is_empty());
    assert_eq!(desk.pull().await.refusals().len(), 1);
}

async fn an_app_that_cannot_read_the_quarantine_is_not_sent_it(on: On) {
    let (app, mut leaver, desk) = with_leaver(on).await;
    let text = leaver.make("case.report", leaver.new_case(), leak());
    let pull = async |cursor: &str, reads: &str| -> PullResponse {
        let reply = desk.get(&format!("/api/pull?site=jinzhou&cursor={cursor}{reads}")).await;
        serde_json::from_str(&reply.text).unwrap()
    };
    let key = DocKey::Quarantine(id(&text));
    let holds = |page: &PullResponse| page.docs.iter().any(|doc| doc.key() == key);
    let old = pull("", "").await;
    leaves(&app).await;
    carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    let old = pull(&old.cursor, "").await;
    assert!(!holds(&old) && !old.more);
    // Brought up to date, it gets what it could not read before; and loses nothing by going back.
    let new = pull(&old.cursor, "&reads=quarantine").await;
    assert!(holds(&new));
    let back = pull(&new.cursor, "").await;
    assert!(!holds(&back) && back.gone.is_empty());
    assert!(holds(&pull(&back.cursor, "&reads=other,quarantine").await));
}

async fn a_ruling_needs_the_office_and_a_reason(on: On) {
    let (app, mut leaver, mut desk) = with_leaver(on).await;
    let text = leaver.make("case.report", leaver.new_case(), leak());
    leaves(&app).await;
    carry(&desk, &leaver, std::slice::from_ref(&text)).await;
    let mut control = app.sign_in(cast::CONTROL_ROOM).await;
    assert_eq!(ruled(&mut control, TAKE, &text).await, "quarantine.not_there");
    assert_eq!(code(&desk.send(TAKE, id(&text), because(" ")).await), "case.field_missing");
    assert_eq!(code(&desk.send(TAKE, id(&text), json!({})).await), "command.bad_body");
    let nothing = CommandId(desk.new_id());
    assert_eq!(code(&desk.send(TAKE, nothing, because("x")).await), "quarantine.not_there");
    assert_eq!(code(&desk.send(TAKE, CaseId(desk.new_id()), because("x")).await), "quarantine.not_there");
    assert_eq!(quarantined(&mut desk).await, [id(&text)]);
}
