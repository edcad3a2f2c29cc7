//! Importing a property.

use serde_json::{Value, json};
use server::sites::import::{FirstPassword, add_admin, import, read, sentence};
use shared::{
    ids::SiteCode,
    site::Role,
    wire::{Doc, DocKey},
};

use crate::kit::{Device, On, PASSWORD, TestApp, cast, complaint, demo, tests};

tests![
    importing_a_file_again_changes_nothing,
    a_changed_file_reaches_everybody,
    roles_leads_and_the_control_room_follow_from_the_file,
    telephone_numbers_are_shown_of_desk_and_control_room_only,
    what_is_wrong_with_a_file_is_named_and_nothing_is_written,
    passwords_are_made_once_and_only_when_asked_for,
    a_telephone_number_of_somebody_else_is_refused,
    a_code_passed_on_gives_nobody_the_account_of_another,
    the_number_of_somebody_who_leaves_is_free,
    one_person_may_serve_at_two_sites,
    r9_who_joins_the_office_sees_complaints_and_who_leaves_does_not,
    r9_who_heard_a_complaint_first_sees_of_it_what_the_new_role_may,
    an_administrator_made_by_hand_survives_an_import,
];

/// A file without somebody.
pub fn without(code: &'static str) -> impl FnOnce(&mut Value) {
    move |file| {
        file["people"].as_array_mut().unwrap().retain(|person| person["code"] != code);
        file["routes"] = json!([]);
    }
}

async fn importing_a_file_again_changes_nothing(on: On) {
    let app = TestApp::start(on).await;
    let mut device = app.sign_in(cast::GUARD).await;
    device.pull().await;
    app.reimport("jinzhou", |_| ()).await;
    assert!(device.pull().await.changed.is_empty());
}

async fn a_changed_file_reaches_everybody(on: On) {
    let app = TestApp::start(on).await;
    let mut device = app.sign_in(cast::GUARD).await;
    device.pull().await;
    app.reimport("jinzhou", |file| file["places"][0]["name"] = json!("金洲花园一期")).await;
    let feed = device.pull().await;
    assert_eq!(feed.changed.iter().copied().collect::<Vec<_>>(), [DocKey::Places]);
    let Some(Doc::Places(places)) = feed.docs.get(&DocKey::Places) else { panic!("no places") };
    assert_eq!(places.all()[0].name, "金洲花园一期");
    assert_eq!(places.all().len(), 789);
}

async fn roles_leads_and_the_control_room_follow_from_the_file(on: On) {
    let app = TestApp::start(on).await;
    let mut device = app.sign_in(cast::GUARD).await;
    let feed = device.pull().await;
    let Some(Doc::People(people)) = feed.docs.get(&DocKey::People) else { panic!("no people") };
    let find = |code: &str| people.people.iter().find(|member| member.code == code).unwrap();
    assert_eq!(find(cast::LEAD).roles, [Role::Guard].into());
    assert_eq!(find(cast::LEAD).lead_of, ["anda".into()].into());
    assert_eq!(find(cast::CONTROL_ROOM).roles, [Role::Guard, Role::ControlRoom].into());
    assert!(find(cast::GUARD).lead_of.is_empty());
    let Some(Doc::Site(site)) = feed.docs.get(&DocKey::Site) else { panic!("no site") };
    assert_eq!(site.desk_hours, [7 * 60, 23 * 60]);
    assert_eq!(site.ladder, [find(cast::SUPERVISOR).id, find(cast::DIRECTOR).id]);
    assert!(site.company(&"anda".into()).unwrap().subcontractor);
    assert_eq!(site.calendar().minute_of_day(app.now()), 10 * 60);
}

async fn telephone_numbers_are_shown_of_desk_and_control_room_only(on: On) {
    let app = TestApp::start(on).await;
    let mut device = app.sign_in(cast::GUARD).await;
    let feed = device.pull().await;
    let Some(Doc::People(people)) = feed.docs.get(&DocKey::People) else { panic!("no people") };
    for member in &people.people {
        let public = member.is(Role::Desk) || member.is(Role::ControlRoom);
        assert_eq!(member.phone.is_some(), public, "{}", member.code);
    }
}

async fn what_is_wrong_with_a_file_is_named_and_nothing_is_written(on: On) {
    let app = TestApp::start(on).await;
    let wrong = |change: &dyn Fn(&mut Value)| {
        let mut file: Value = serde_json::from_str(&demo("wanjing")).unwrap();
        file["code"] = json!("third");
        change(&mut file);
        let wrong = read(&file.to_string()).unwrap_err();
        wrong.iter().map(sentence).collect::<Vec<_>>().join("\n")
    };
    // Once per database.
    insta::allow_duplicates! {
    insta::assert_snapshot!(wrong(&|file| file["places"][2]["parent"] = json!("W9")),
        @"import.place_parent: place W1-LOBBY lies in W9, which the file does not have: add it or correct the parent");
    insta::assert_snapshot!(wrong(&|file| {
        file["places"][1]["parent"] = json!("W1-LOBBY");
    }), @r#"
    import.bad_reference: circle "W1" leads nowhere: correct it
    import.bad_reference: circle "W1-LOBBY" leads nowhere: correct it
    "#);
    insta::assert_snapshot!(wrong(&|file| {
        file["people"][0]["org"] = json!("gone");
        file["people"][1]["code"] = json!("P503");
        file["ladder"] = json!(["P999"]);
        file["time_zone"] = json!("Asia/Shenzhen");
        file["desk_hours"] = json!(["08:00", "25:00"]);
        file["categories"][0]["dispatch_to"] = json!("nobody");
        file["people"][2]["roles"] = json!(["wizard"]);
    }), @r#"
    import.unknown_zone: the time zone Asia/Shenzhen is unknown: use a name like Asia/Shanghai
    import.bad_reference: desk_hours "25:00" leads nowhere: correct it
    import.duplicate: person P503 stands twice: give each its own
    import.person_company: person P501 works for gone, which is not among the orgs: add it or correct the org
    import.bad_reference: role "wizard" leads nowhere: correct it
    import.bad_reference: dispatch_to "nobody" leads nowhere: correct it
    import.bad_reference: ladder "P999" leads nowhere: correct it
    import.bad_value: ladder cannot be 1: correct it
    import.bad_reference: group "P502" leads nowhere: correct it
    "#);
    insta::assert_snapshot!(wrong(&|file| {
        file["ladder"] = json!([]);
        file["figures"] = json!({
            "urgent_days": [0, 2], "other_days": [3, 2], "grace": -1, "feedback_days": 4_000, "promise_days": 0,
        });
    }), @r#"
    import.bad_value: figures.urgent_days cannot be [0, 2]: correct it
    import.bad_value: figures.other_days cannot be [3, 2]: correct it
    import.bad_value: figures.grace cannot be -1: correct it
    import.bad_value: figures.feedback_days cannot be 4000: correct it
    import.bad_value: figures.promise_days cannot be 0: correct it
    import.bad_value: ladder cannot be 0: correct it
    "#);
    }
    assert!(read("{").unwrap_err()[0].code == shared::Code::ImportBadFile);
    let mut conn = app.app.db.connection().await.unwrap();
    assert!(server::sites::store::head(&mut conn, &SiteCode::from("third")).await.unwrap().is_none());
}

async fn passwords_are_made_once_and_only_when_asked_for(on: On) {
    let app = TestApp::start(on).await;
    let mut file: Value = serde_json::from_str(&demo("wanjing")).unwrap();
    file["code"] = json!("third");
    for (i, person) in file["people"].as_array_mut().unwrap().iter_mut().enumerate() {
        person["phone"] = json!(format!("1370000000{i}"));
    }
    let plan = read(&file.to_string()).unwrap();
    assert!(import(&app.app, &plan, FirstPassword::None).await.unwrap().is_empty());
    assert_eq!(Device::new(&app).sign_in("third/P505", PASSWORD).await.problem().1, "auth.wrong");
    let made = import(&app.app, &plan, FirstPassword::Random).await.unwrap();
    assert_eq!(made.len(), 7);
    let guard = made.iter().find(|one| one.code == "P505").unwrap();
    assert_eq!(Device::new(&app).sign_in("third/P505", &guard.password).await.status, 200);
    assert!(import(&app.app, &plan, FirstPassword::Random).await.unwrap().is_empty());
}

async fn a_telephone_number_of_somebody_else_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let mut file: Value = serde_json::from_str(&demo("wanjing")).unwrap();
    file["people"][0]["phone"] = json!("13900000023");
    let plan = read(&file.to_string()).unwrap();
    let error = import(&app.app, &plan, FirstPassword::None).await.unwrap_err();
    assert_eq!(error.rejection().code, shared::Code::ImportDuplicate);
}

async fn a_code_passed_on_gives_nobody_the_account_of_another(on: On) {
    let app = TestApp::start(on).await;
    let mut file: Value = serde_json::from_str(&demo("wanjing")).unwrap();
    let mut newcomer = file["people"][4].clone();
    newcomer["name"] = json!("新来的");
    newcomer["phone"] = Value::Null;
    file["people"][4]["code"] = json!("P599");
    file["people"].as_array_mut().unwrap().push(newcomer);
    let plan = read(&file.to_string()).unwrap();
    let error = import(&app.app, &plan, FirstPassword::None).await.unwrap_err();
    let rejection = error.rejection();
    assert_eq!(
        (rejection.code, rejection.fields["what"].as_str()),
        (shared::Code::ImportDuplicate, "account")
    );
}

async fn the_number_of_somebody_who_leaves_is_free(on: On) {
    let app = TestApp::start(on).await;
    let phone = "13900000011";
    for _ in 0..2 {
        app.reimport("jinzhou", |file| {
            without(cast::CLEANER)(file);
            let people = file["people"].as_array_mut().unwrap();
            people.iter_mut().find(|person| person["code"] == cast::GUARD).unwrap()["phone"] = json!(phone);
        })
        .await;
        let person = app.sign_in(phone).await.person;
        assert_eq!(person, app.person(cast::GUARD).await);
    }
}

async fn one_person_may_serve_at_two_sites(on: On) {
    let app = TestApp::start(on).await;
    app.reimport("wanjing", |file| {
        file["people"][4]["code"] = json!("P599");
        file["people"][4]["phone"] = json!("13900000023");
        file["people"][4]["name"] = json!("杨敏");
    })
    .await;
    let mut device = app.sign_in("13900000023").await;
    let session = device.get("/api/session").await.json();
    assert_eq!(session["sites"].as_array().unwrap().len(), 2);
    for site in ["jinzhou", "wanjing"] {
        assert_eq!(device.pull_by(site, 200).await.docs.len(), 3);
    }
}

async fn r9_who_joins_the_office_sees_complaints_and_who_leaves_does_not(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let about = app.person(cast::CLEANER).await;
    let case = guard.new_case();
    guard.accepted("case.report", case, complaint(about)).await;
    let mut technician = app.sign_in(cast::TECHNICIAN).await;
    let mut desk = app.sign_in(cast::DESK).await;
    assert!(technician.pull().await.case(case).is_none());
    assert!(desk.pull().await.case(case).is_some());
    app.reimport("jinzhou", |file| {
        for person in file["people"].as_array_mut().unwrap() {
            if person["code"] == cast::TECHNICIAN {
                person["roles"] = json!(["desk"]);
            } else if person["code"] == cast::DESK {
                person["roles"] = json!(["cleaner"]);
            }
        }
    })
    .await;
    assert!(technician.pull().await.case(case).is_some());
    let feed = desk.pull().await;
    assert!(feed.case(case).is_none());
    assert!(feed.gone.contains(&DocKey::Case(case)));
}

async fn r9_who_heard_a_complaint_first_sees_of_it_what_the_new_role_may(on: On) {
    let app = TestApp::start(on).await;
    let (mut desk, mut guard) = (app.sign_in(cast::DESK).await, app.sign_in(cast::GUARD).await);
    let about = app.person(cast::CLEANER).await;
    let (of_desk, of_guard) = (desk.new_case(), guard.new_case());
    desk.accepted("case.report", of_desk, complaint(about)).await;
    guard.accepted("case.report", of_guard, complaint(about)).await;
    assert!(desk.pull().await.case(of_desk).unwrap().full().is_some());
    assert!(guard.pull().await.case(of_guard).unwrap().full().is_none());
    app.reimport("jinzhou", |file| {
        for person in file["people"].as_array_mut().unwrap() {
            if person["code"] == cast::GUARD {
                person["roles"] = json!(["desk"]);
            } else if person["code"] == cast::DESK {
                person["roles"] = json!(["cleaner"]);
            }
        }
    })
    .await;
    assert!(desk.pull().await.case(of_desk).unwrap().full().is_none());
    assert!(guard.pull().await.case(of_guard).unwrap().full().is_some());
}

async fn an_administrator_made_by_hand_survives_an_import(on: On) {
    let app = TestApp::start(on).await;
    let site = SiteCode::from("jinzhou");
    let password = add_admin(&app.app, &site, "ADMIN", "管理员", None).await.unwrap();
    app.reimport("jinzhou", |file| file["name"] = json!("金洲")).await;
    let mut device = Device::new(&app);
    assert_eq!(device.sign_in("ADMIN", &password).await.status, 200);
    assert_eq!(device.pull().await.docs.len(), 3);
    assert!(add_admin(&app.app, &site, cast::GUARD, "管理员", None).await.is_err());
    assert!(add_admin(&app.app, &site, "ADMIN", "管理员", Some("short".to_owned())).await.is_err());
}
