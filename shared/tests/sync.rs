//! The sync engine as a function: what comes next, what answers and faults make of it, what a device shows meanwhile.

use crate::kit::{story as kit, walk as patrol};
use kit::{
    cast::{GUARD, TECHNICIAN, World},
    complete, dispatch, found, photo,
};
use patrol::{GATE, PUMP, Walk, cast::LOBBY, ticks};
use rstest::rstest;
use shared::{
    Code, Rejection,
    case::{CaseCommand, CaseView, StageName, command::Report},
    ids::{CaseId, CaseNumber, CommandId, DeviceId, PersonId, RoundId, SiteCode},
    round::{Round, RoundCommand},
    sync::{
        BACKOFF_MAX, Delivery, Fault, HELD_AGAIN, Judge, OutboxRow, PULL_EVERY, Pulled, Reaction, Retry,
        Snapshot, Step, UploadRow, UploadState, has_gap, plan, react, settled, verdicts,
    },
    time::{MINUTE, Ms, SECOND},
    wire::{self, Answer, Envelope, Had, Part, Verdict},
};
use uuid::Uuid;

const NOW: Ms = Ms(1_000_000_000);
const CASE: CaseId = CaseId(Uuid::from_u128(42));

fn site() -> SiteCode {
    "test".into()
}

fn row(n: u64, delivery: Delivery) -> OutboxRow {
    row_of(n, CASE, GUARD, &CaseCommand::Check {}, delivery)
}

fn row_of(n: u64, case: CaseId, author: PersonId, command: &CaseCommand, delivery: Delivery) -> OutboxRow {
    let envelope = Envelope {
        id: CommandId(Uuid::from_u128(u128::from(n))),
        device: DeviceId(Uuid::from_u128(7)),
        author,
        n,
        prev: wire::GENESIS.to_owned(),
        kind: command.kind().to_owned(),
        v: 1,
        site: site(),
        aggregate: case.0,
        base: None,
        at: NOW.plus(n as i64 * SECOND),
        heard: None,
        mends: Vec::new(),
        body: command.body(),
    };
    let text = envelope.write();
    OutboxRow {
        n,
        id: envelope.id,
        author,
        site: site(),
        aggregate: case.0,
        kind: envelope.kind,
        at: envelope.at,
        hash: wire::hash(&text),
        text,
        signature: String::new(),
        delivery,
    }
}

fn done(version: u32) -> Delivery {
    Delivery::Done { version, recorded: false, at: NOW, seq: 5 }
}

/// What the server had accepted before it was restored.
fn again(seq: i64) -> Delivery {
    Delivery::Again(Had { n: 1, verdict: Verdict::Accepted { seq, version: 3 }, at: NOW, number: None })
}

fn refused() -> Delivery {
    Delivery::Refused { rejection: Code::CasePostponedOnce.into(), at: NOW }
}

fn held(since: Ms) -> Delivery {
    Delivery::Held { code: Code::CommandCreateMissing, since }
}

fn upload(n: u128, part: Part, command: u64, state: UploadState) -> UploadRow {
    let photo = photo(n);
    UploadRow {
        photo: photo.id,
        part,
        command: CommandId(Uuid::from_u128(u128::from(command))),
        author: GUARD,
        site: site(),
        case: CASE,
        sha256: photo.sha256,
        bytes: 10,
        offset: 0,
        state,
    }
}

fn next(outbox: &[OutboxRow], uploads: &[UploadRow], pulled: Pulled) -> Step {
    let sites = [(site(), pulled)];
    let snapshot =
        Snapshot { signed_in: true, visible: true, outbox, uploads, sites: &sites, retry: Retry::default() };
    plan(&snapshot, NOW)
}

fn fresh() -> Pulled {
    Pulled { cursor: Some("c".to_owned()), at: Some(NOW), ..Pulled::default() }
}

fn stale() -> Pulled {
    Pulled { at: Some(NOW.plus(-PULL_EVERY)), ..fresh() }
}

#[rstest]
#[case::commands_before_everything(&[row(1, Delivery::Pending)], stale(), Step::Push(vec![1]))]
#[case::in_order(&[row(1, Delivery::Pending), row(2, Delivery::Pending)], fresh(), Step::Push(vec![1, 2]))]
#[case::a_refused_one_blocks_nobody(&[row(1, refused()), row(2, Delivery::Pending)], fresh(), Step::Push(vec![2]))]
#[case::a_done_one_is_not_sent_again(&[row(1, done(1))], stale(), Step::Pull(site()))]
#[case::nothing_follows_a_hole_in_one_push(
    &[row(1, held(NOW.plus(-HELD_AGAIN))), row(2, done(1)), row(3, Delivery::Pending)], fresh(), Step::Push(vec![1])
)]
#[case::behind_it_goes_by_itself(
    &[row(1, held(NOW)), row(2, done(1)), row(3, Delivery::Pending)], fresh(), Step::Push(vec![3])
)]
#[case::what_the_server_lost_goes_again(
    &[row(1, again(5)), row(2, Delivery::Pending)], fresh(), Step::Push(vec![1, 2])
)]
#[case::a_held_one_waits(
    &[row(1, held(NOW))], fresh(), Step::Wait(Some(NOW.plus(PULL_EVERY.min(HELD_AGAIN))))
)]
#[case::a_held_one_comes_again(&[row(1, held(NOW.plus(-HELD_AGAIN)))], fresh(), Step::Push(vec![1]))]
#[case::a_held_one_goes_alone_where_the_next_is_done_already(
    &[row(1, held(NOW.plus(-HELD_AGAIN))), row(2, done(1)), row(3, Delivery::Pending)],
    fresh(),
    Step::Push(vec![1])
)]
#[case::a_clock_set_back_does_not_hold_it_for_ever(&[row(1, held(NOW.plus(1)))], fresh(), Step::Push(vec![1]))]
#[case::news_before_photos(&[], stale(), Step::Pull(site()))]
#[case::more_pages(&[], Pulled { more: true, ..fresh() }, Step::Pull(site()))]
#[case::never_pulled(&[], Pulled::default(), Step::Pull(site()))]
#[case::pulled_in_the_future(&[], Pulled { at: Some(NOW.plus(1)), ..fresh() }, Step::Pull(site()))]
#[case::nothing(&[], fresh(), Step::Wait(Some(NOW.plus(PULL_EVERY))))]
fn what_comes_next(#[case] outbox: &[OutboxRow], #[case] pulled: Pulled, #[case] expected: Step) {
    assert_eq!(next(outbox, &[], pulled), expected);
}

#[test]
fn thumbnails_go_before_photos_and_photos_of_refused_commands_stay() {
    let uploads = [
        upload(1, Part::Full, 1, UploadState::Waiting),
        upload(2, Part::Thumb, 9, UploadState::Waiting),
        upload(3, Part::Thumb, 1, UploadState::Waiting),
    ];
    let outbox = [row(1, done(1)), row(9, refused())];
    assert_eq!(next(&outbox, &uploads, fresh()), Step::Upload(uploads[2].name()));
    let through = UploadState::Done { at: NOW, seq: 0 };
    let rest = [uploads[0].clone(), uploads[1].clone(), upload(3, Part::Thumb, 1, through)];
    assert_eq!(next(&outbox, &rest, fresh()), Step::Upload(rest[0].name()));
    assert!(matches!(next(&outbox, &rest[1..], fresh()), Step::Wait(_)));
    // What it was to take the place of took effect, and may show the same photo.
    let superseded = Delivery::Refused { rejection: Code::CommandOriginalDone.into(), at: NOW };
    let outbox = [row(1, done(1)), row(9, superseded)];
    assert_eq!(next(&outbox, &rest[1..], fresh()), Step::Upload(rest[1].name()));
}

#[test]
fn a_batch_keeps_to_the_wires_limits_and_one_command_always_fits() {
    let many: Vec<OutboxRow> = (1..=250).map(|n| row(n, Delivery::Pending)).collect();
    assert_eq!(next(&many, &[], fresh()), Step::Push((1..=100).collect()));
    let long = |n| OutboxRow { text: "x".repeat(200 * 1024), ..row(n, Delivery::Pending) };
    assert_eq!(next(&[long(1), long(2)], &[], fresh()), Step::Push(vec![1]));
    let huge = OutboxRow { text: "x".repeat(wire::PUSH_BYTES + 1), ..row(1, Delivery::Pending) };
    assert_eq!(next(&[huge], &[], fresh()), Step::Push(vec![1]));
}

#[test]
fn without_a_session_everything_waits_and_after_a_failure_for_a_while() {
    let outbox = [row(1, Delivery::Pending)];
    let snapshot = Snapshot {
        signed_in: false,
        visible: true,
        outbox: &outbox,
        uploads: &[],
        sites: &[],
        retry: Retry::default(),
    };
    assert_eq!(plan(&snapshot, NOW), Step::Wait(None));
    let later = NOW.plus(MINUTE);
    let retry = Retry { failures: 1, not_before: later };
    let failed = Snapshot { signed_in: true, retry, ..snapshot };
    assert_eq!(plan(&failed, NOW), Step::Wait(Some(later)));
    assert_eq!(plan(&failed, later), Step::Push(vec![1]));
    // The clock was set back since: so long a wait there is not.
    assert_eq!(plan(&failed, later.plus(-BACKOFF_MAX - 1)), Step::Push(vec![1]));
}

#[test]
fn waits_grow_from_two_seconds_to_five_minutes_and_keep_to_what_the_server_asks() {
    let mut retry = Retry::default();
    let mut waits = Vec::new();
    for _ in 0..12 {
        retry = retry.failed(NOW, 1.0, None);
        waits.push(retry.not_before.since(NOW));
    }
    assert_eq!(waits[..3], [2 * SECOND, 4 * SECOND, 8 * SECOND]);
    assert!(waits.is_sorted() && waits.last() == Some(&BACKOFF_MAX));
    assert_eq!(Retry::default().failed(NOW, 0.0, Some(30 * SECOND)).not_before, NOW.plus(30 * SECOND));
    assert_eq!(Retry::default().failed(NOW, 0.0, Some(i64::MAX)).not_before, NOW.plus(BACKOFF_MAX));
}

#[rstest]
#[case(Fault::Unreachable, Reaction::Retry { after: None })]
#[case(answered(401, None), Reaction::SignIn)]
#[case(answered(403, Some(Code::PushUnknownDevice)), Reaction::SignIn)]
#[case(answered(429, None), Reaction::Retry { after: Some(7) })]
#[case(answered(503, Some(Code::ServerUnavailable)), Reaction::Retry { after: Some(7) })]
#[case(answered(507, Some(Code::ServerFull)), Reaction::Retry { after: Some(MINUTE) })]
#[case(answered(400, Some(Code::CursorFuture)), Reaction::Restart)]
#[case(answered(422, Some(Code::FileNotAPhoto)), Reaction::Refused(Code::FileNotAPhoto))]
#[case::a_captive_portal(answered(404, None), Reaction::Retry { after: Some(7) })]
fn what_a_fault_leads_to(#[case] fault: Fault, #[case] expected: Reaction) {
    assert_eq!(react(&fault), expected);
}

fn answered(status: u16, code: Option<Code>) -> Fault {
    Fault::Answered { status, code, retry_after: Some(7) }
}

#[test]
fn answers_are_matched_by_place_and_never_to_another_command() {
    let rows = [row(1, Delivery::Pending), row(2, Delivery::Pending), row(3, Delivery::Pending)];
    let rejection: Rejection = Code::CasePostponedOnce.into();
    let answers = [
        Answer { id: Some(rows[0].id), verdict: Verdict::Accepted { seq: 5, version: 2 } },
        Answer { id: Some(rows[2].id), verdict: Verdict::Accepted { seq: 6, version: 3 } },
        Answer { id: None, verdict: Verdict::Rejected(rejection.clone()) },
    ];
    let stored = verdicts(&rows, &answers, NOW);
    let deliveries: Vec<_> = stored.iter().map(|row| (row.n, row.delivery.clone())).collect();
    assert_eq!(deliveries, [(1, done(2)), (3, Delivery::Refused { rejection, at: NOW })]);
}

#[rstest]
#[case(done(3), Some(3), true)]
#[case(done(3), Some(2), false)]
#[case(done(3), None, true)]
#[case(Delivery::Pending, Some(9), false)]
#[case(refused(), Some(9), false)]
#[case(held(NOW), None, false)]
#[case(again(5), Some(9), false)]
fn a_command_goes_only_with_its_receipt(
    #[case] delivery: Delivery,
    #[case] shown: Option<u32>,
    #[case] expected: bool,
) {
    assert_eq!(settled(&row(1, delivery), shown, &fresh()), expected);
}

#[rstest]
#[case::without_backups(None, true)]
#[case::before_the_backup(Some(4), false)]
#[case::in_the_backup(Some(5), true)]
fn a_command_goes_only_with_a_backup_that_has_it(#[case] stable: Option<i64>, #[case] expected: bool) {
    let pulled = Pulled { stable, ..fresh() };
    assert_eq!(settled(&row(1, done(3)), Some(3), &pulled), expected);
}

#[test]
fn after_a_restore_what_was_answered_is_sent_again_with_its_answer() {
    let number = CaseNumber("20261122-014".to_owned());
    let report = OutboxRow { kind: "case.report".to_owned(), ..row(7, done(3)) };
    let had = |verdict, number| Some(Delivery::Again(Had { n: 7, verdict, at: NOW.plus(10), number }));
    let after = |row: &OutboxRow| row.after_restore(Some(number.clone()), 10).map(|row| row.delivery);
    let accepted = Verdict::Accepted { seq: 5, version: 3 };
    assert_eq!(after(&report), had(accepted.clone(), Some(number.clone())));
    let comment = OutboxRow { kind: "case.comment".to_owned(), ..report };
    assert_eq!(after(&comment), had(accepted, None), "only a report was numbered");
    let recorded = Delivery::Done { version: 3, recorded: true, at: NOW, seq: 5 };
    let comment = OutboxRow { delivery: recorded, ..comment };
    assert_eq!(after(&comment), had(Verdict::Recorded { seq: 5, version: 3 }, None));
    let comment = OutboxRow { delivery: refused(), ..comment };
    assert_eq!(after(&comment), had(Verdict::Rejected(Code::CasePostponedOnce.into()), None));
    assert_eq!(after(&row(7, held(NOW))), Some(Delivery::Pending));
    for delivery in [Delivery::Pending, again(5)] {
        assert_eq!(after(&row(7, delivery)), None);
    }
}

#[test]
fn after_a_restore_the_server_is_asked_what_it_has_of_a_photo() {
    let through = upload(1, Part::Full, 1, UploadState::Done { at: NOW, seq: 9 });
    let asked = through.after_restore().unwrap();
    assert_eq!((asked.state.clone(), asked.offset), (UploadState::Waiting, through.bytes));
    assert_eq!(asked.after_restore(), None);
}

#[test]
fn a_gap_is_what_the_server_waits_for_and_this_device_does_not_have() {
    let waits = Delivery::Held { code: Code::CommandPredecessorMissing, since: NOW };
    let first = row(7, waits);
    assert!(has_gap(&[row(3, done(1)), first.clone(), row(8, Delivery::Pending)], &first));
    assert!(!has_gap(&[row(6, Delivery::Pending), first.clone()], &first), "it goes first");
    let failed = row(6, Delivery::Held { code: Code::ServerFull, since: NOW });
    assert!(!has_gap(&[failed, first.clone()], &first), "the server has no place for it yet");
    assert!(
        has_gap(&[row(3, held(NOW)), first.clone()], &first),
        "the one before has its place at the server"
    );
    let other = row(7, held(NOW));
    assert!(!has_gap(std::slice::from_ref(&other), &other));
}

fn judge(world: &World, me: PersonId) -> Judge<'_> {
    Judge {
        me: world.member(me),
        site: &world.site,
        zone: &world.zone,
        places: &world.places,
        people: &world.people,
        offset: 0,
    }
}

fn report() -> Report {
    Report { photos: vec![photo(1)], ..found("leak") }
}

fn stage(view: Option<&CaseView>) -> Option<StageName> {
    view.map(CaseView::stage)
}

#[test]
fn a_report_shows_at_once_and_stays_while_its_receipt_travels() {
    let world = World::new();
    let judge = judge(&world, GUARD);
    let made = |delivery| row_of(1, CASE, GUARD, &CaseCommand::Report(report()), delivery);
    let mut shown = Vec::new();
    for delivery in [Delivery::Pending, held(NOW), done(1)] {
        let view = judge.overlay(CASE, None, &[made(delivery)]).unwrap();
        assert_eq!(view.number(), None);
        shown.push(view);
    }
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(judge.overlay(CASE, None, &[made(refused())]), None);
}

#[test]
fn own_commands_lie_on_top_until_the_servers_version_has_them() {
    let world = World::new();
    let reported = row_of(1, CASE, GUARD, &CaseCommand::Report(report()), done(1));
    let fixed = CaseCommand::Fix { result: "tightened".to_owned(), photos: Vec::new() };
    let fix = |delivery| row_of(2, CASE, GUARD, &fixed, delivery);
    let judge = judge(&world, GUARD);
    let base = judge.overlay(CASE, None, [&reported]);
    assert_eq!(stage(base.as_ref()), Some(StageName::Reported));
    let over = |delivery| judge.overlay(CASE, base.clone(), &[reported.clone(), fix(delivery)]);
    assert_eq!(stage(over(Delivery::Pending).as_ref()), Some(StageName::Closed));
    assert_eq!(stage(over(done(2)).as_ref()), Some(StageName::Closed));
    assert_eq!(stage(over(refused()).as_ref()), Some(StageName::Reported));
    let servers = over(done(2));
    let again = judge.overlay(CASE, servers.clone(), &[reported.clone(), fix(done(2))]);
    assert_eq!(again, servers);
}

#[test]
fn what_the_rules_refuse_changes_nothing_on_screen() {
    let world = World::new();
    let guard = judge(&world, GUARD);
    let base = guard.overlay(CASE, None, &[row_of(1, CASE, GUARD, &CaseCommand::Report(report()), done(1))]);
    let not_his = [
        row_of(2, CASE, GUARD, &dispatch(TECHNICIAN), Delivery::Pending),
        row_of(3, CASE, GUARD, &complete(), Delivery::Pending),
    ];
    assert_eq!(guard.overlay(CASE, base.clone(), &not_his), base);
    let unreadable = OutboxRow { text: "no command".to_owned(), ..row(4, Delivery::Pending) };
    assert_eq!(guard.overlay(CASE, base.clone(), &[unreadable]), base);
    assert_eq!(guard.check(base.as_ref(), &not_his_command(), NOW).unwrap_err().code, Code::CaseNotAllowed);
}

fn not_his_command() -> CaseCommand {
    dispatch(TECHNICIAN)
}

/// What somebody did in a round, as a row of the outbox.
fn round_row(n: u64, id: RoundId, command: &RoundCommand, at: Ms, delivery: Delivery) -> OutboxRow {
    made(n, id.0, command.kind(), command.body(), at, delivery)
}

fn report_row(n: u64, case: CaseId, report: Report, at: Ms) -> OutboxRow {
    let command = CaseCommand::Report(report);
    made(n, case.0, command.kind(), command.body(), at, Delivery::Pending)
}

fn made(
    n: u64,
    aggregate: Uuid,
    kind: &str,
    body: serde_json::Value,
    at: Ms,
    delivery: Delivery,
) -> OutboxRow {
    let envelope = Envelope {
        id: CommandId(Uuid::from_u128(u128::from(n))),
        device: DeviceId(Uuid::from_u128(7)),
        author: GUARD,
        n,
        prev: wire::GENESIS.to_owned(),
        kind: kind.to_owned(),
        v: 1,
        site: site(),
        aggregate,
        base: None,
        at,
        heard: None,
        mends: Vec::new(),
        body,
    };
    let row = row(n, delivery);
    OutboxRow { aggregate, kind: kind.to_owned(), at, text: envelope.write(), ..row }
}

fn walker(world: &patrol::cast::World) -> Judge<'_> {
    Judge {
        me: world.member(GUARD),
        site: &world.site,
        zone: &world.zone,
        places: &world.places,
        people: &world.people,
        offset: 0,
    }
}

/// The stops that are ticked, in the order of their times.
fn ticked(round: &Round) -> Vec<&str> {
    round.log.iter().filter_map(|event| Some(event.change.tick()?.stop.as_str())).collect()
}

#[rstest]
#[case::on_this_device_only(Delivery::Pending, true)]
#[case::that_waits_for_something(held(NOW), true)]
#[case::that_the_server_lost(again(5), true)]
#[case::newer_than_what_was_shown(done(99), true)]
#[case::that_is_in_what_was_shown(done(1), false)]
#[case::that_was_refused(refused(), false)]
fn a_round_is_shown_with_a_tick(#[case] delivery: Delivery, #[case] expected: bool) {
    let walk = Walk::night();
    let start = walk.start(1);
    let walk = walk.on("2026-11-22 22:04").then(GUARD, start);
    let at = walk.world.at("2026-11-22 22:05");
    let rows = [round_row(2, walk.round.id, &ticks(GATE), at, delivery)];
    let base = Some(walk.round.clone());
    let shown = walker(&walk.world).overlay_round(walk.round.id, base, &walk.routes, &rows).unwrap();
    assert_eq!(ticked(&shown), if expected { vec![GATE] } else { vec![] });
}

#[test]
fn a_round_that_is_delivered_in_part_has_each_of_its_ticks_once() {
    let walk = Walk::night();
    let (id, start) = (walk.round.id, walk.start(1));
    let early = walk.world.at("2026-11-22 22:05");
    let mut rows = vec![
        round_row(1, id, &start, early, done(2)),
        round_row(2, id, &ticks(GATE), early.plus(SECOND), done(3)),
        round_row(3, id, &ticks(LOBBY), early.plus(MINUTE), held(NOW)),
        round_row(4, id, &ticks(PUMP), early.plus(2 * MINUTE), Delivery::Pending),
    ];
    let judge = walker(&walk.world);
    let delivered = walk.clone().on("2026-11-22 22:05").then(GUARD, start).then(GUARD, ticks(GATE));
    assert_eq!(delivered.round.version, 3);
    let shown = judge.overlay_round(id, Some(delivered.round.clone()), &walk.routes, &rows).unwrap();
    assert_eq!(ticked(&shown), [GATE, LOBBY, PUMP]);
    // The server's word on the last comes before its document.
    rows[3].delivery = done(5);
    let shown = judge.overlay_round(id, Some(delivered.round), &walk.routes, &rows).unwrap();
    assert_eq!(ticked(&shown), [GATE, LOBBY, PUMP]);
    // Nothing of it is pulled yet: it comes about by this device's own commands.
    let shown = judge.overlay_round(id, None, &walk.routes, &rows).unwrap();
    assert_eq!(ticked(&shown), [GATE, LOBBY, PUMP]);
}

#[test]
fn a_round_comes_of_its_start_and_of_nothing_else() {
    let walk = Walk::night();
    let (id, at) = (walk.round.id, walk.world.at("2026-11-22 22:05"));
    let judge = walker(&walk.world);
    let tick = round_row(1, id, &ticks(GATE), at, Delivery::Pending);
    assert_eq!(judge.overlay_round(id, None, &walk.routes, [&tick]), None);
    let refused = round_row(1, id, &walk.start(1), at, refused());
    assert_eq!(judge.overlay_round(id, None, &walk.routes, [&refused, &tick]), None);
    let start = round_row(1, id, &walk.start(1), at, Delivery::Pending);
    let begun = judge.overlay_round(id, None, &walk.routes, [&start, &tick]).unwrap();
    assert_eq!(ticked(&begun), [GATE]);
    let other = RoundId(Uuid::from_u128(99));
    assert_eq!(judge.overlay_round(other, None, &walk.routes, [&start, &tick]), None);
}

#[test]
fn a_report_from_a_stop_is_in_its_round_once_that_has_begun_and_only_there() {
    let walk = Walk::night();
    let (id, at) = (walk.round.id, walk.world.at("2026-11-22 22:05"));
    let judge = walker(&walk.world);
    let start = round_row(1, id, &walk.start(1), at, Delivery::Pending);
    let report = report_row(2, CASE, patrol::found(id, GATE, "leak"), at.plus(MINUTE));
    let cases = |base: Option<Round>, rows: &[&OutboxRow]| {
        let shown = judge.overlay_round(id, base, &walk.routes, rows.iter().copied())?;
        Some(shown.log.iter().filter_map(|event| event.change.case()).collect::<Vec<_>>())
    };
    assert_eq!(cases(None, &[&report]), None, "nobody has begun the round");
    assert_eq!(cases(None, &[&report, &start]), Some(vec![]), "it was made before the round");
    assert_eq!(cases(None, &[&start, &report]), Some(vec![CASE]));
    let elsewhere = report_row(3, CASE, patrol::found(RoundId(Uuid::from_u128(99)), GATE, "leak"), at);
    assert_eq!(cases(None, &[&start, &elsewhere]), Some(vec![]), "it is another round's");
    // What the server shows of it already is not there twice.
    let shown = judge.overlay_round(id, None, &walk.routes, [&start, &report]);
    assert_eq!(cases(shown, &[&report]), Some(vec![CASE]));
}

#[test]
fn what_somebody_is_about_to_do_in_a_round_is_judged_one_after_the_other() {
    let walk = Walk::night();
    let (id, at) = (walk.round.id, walk.world.at("2026-11-22 22:05"));
    let judge = walker(&walk.world);
    let judged = |round: Option<Round>, commands: &[RoundCommand]| {
        let round = judge.walk(id, round, &walk.routes, commands, at);
        round.map_err(|refusal| refusal.code).map(|round| round.map(|round| ticked(&round).len()))
    };
    assert_eq!(judged(None, &[ticks(GATE)]), Err(Code::RoundNotThere));
    assert_eq!(judged(None, &[walk.start(1), ticks(GATE), ticks(LOBBY)]), Ok(Some(2)));
    assert_eq!(judged(Some(walk.round.clone()), &[ticks(GATE)]), Ok(Some(1)));
    assert_eq!(judged(None, &[]), Ok(None));
    let unknown = ticks("roof");
    assert_eq!(judged(None, &[walk.start(1), ticks(GATE), unknown]), Err(Code::RoundUnknownStop));
}
