//! The rungs of the receipt ladder, derived from a case and from what of it still lies on this device.
//!
//! Nothing here says that the server has something before the server said so: its number stands on the case, or its
//! verdict in the outbox.

use std::collections::BTreeSet;

use shared::{
    Code,
    case::{Case, CaseChange, Stage, StageName},
    ids::{CaseId, CommandId, PersonId},
    sync::{Delivery, OutboxRow, UploadRow, UploadState},
    time::Ms,
    wire::Part,
};

use crate::ui::StepTone;

/// One rung.
#[derive(Clone, PartialEq, Debug)]
pub enum Rung {
    /// On the device that made it.
    Phone {
        /// When it was made.
        at: Ms,
    },
    /// At the server.
    Text {
        /// When it arrived there; `None` while that is not known.
        received: Option<Ms>,
        /// How much later than it happened, where that is worth saying (R3).
        late_by: Option<i64>,
        /// The server waits for something else first.
        held: Option<Code>,
    },
    /// The bytes of all photos.
    Photos {
        /// Verified at the server.
        kept: usize,
        /// In all.
        all: usize,
        /// Bytes known to be at the server.
        sent: u64,
        /// Bytes in all.
        bytes: u64,
        /// The server refused one.
        refused: Option<Code>,
    },
    /// Later steps that are on this device only.
    Unsent {
        /// Their kinds, in order.
        kinds: Vec<String>,
    },
    /// With the service desk.
    Desk {
        /// Who took it, when, and to whom it was given; `None` while it waits there.
        taken: Option<Taken>,
        /// It waits there once more, after a refusal or a reopening.
        again: bool,
    },
    /// The work.
    Work(Work),
    /// The end.
    End(End),
}

/// Who took a case at the desk.
#[derive(Clone, PartialEq, Debug)]
pub struct Taken {
    /// Who.
    pub by: Option<PersonId>,
    /// When.
    pub at: Ms,
    /// To whom it was given.
    pub to: PersonId,
}

/// How far the work is.
#[derive(Clone, PartialEq, Debug)]
pub enum Work {
    /// Still to be done.
    Open {
        /// The stage.
        stage: StageName,
        /// Who has it.
        handler: Option<PersonId>,
        /// Done by then.
        promise: Option<Ms>,
        /// Paused until then.
        paused: Option<Ms>,
    },
    /// Done.
    Done {
        /// By whom.
        by: Option<PersonId>,
        /// When.
        at: Ms,
        /// What was done.
        result: String,
    },
}

/// How it ends.
#[derive(Clone, PartialEq, Debug)]
pub enum End {
    /// To be confirmed: by the first-asked person, of a complaint by the desk.
    ToConfirm {
        /// The first-asked person; `None` for the desk.
        by: Option<PersonId>,
    },
    /// Solved.
    Closed {
        /// Confirmed by whom.
        by: Option<PersonId>,
        /// When.
        at: Ms,
        /// The customer's answer.
        satisfied: Option<bool>,
    },
    /// Called off.
    Cancelled {
        /// By whom.
        by: Option<PersonId>,
        /// When.
        at: Ms,
        /// Why.
        reason: String,
    },
}

/// The ladder of a case. `rows` and `uploads` may hold those of other cases; `sending` says that the device is at it.
pub fn rungs(case: &Case, rows: &[OutboxRow], uploads: &[UploadRow], sending: bool) -> Vec<(Rung, StepTone)> {
    let rows: Vec<&OutboxRow> = rows.iter().filter(|row| row.aggregate == case.id.0).collect();
    let unsent = |kinds: &[&str]| rows.iter().any(|row| row.unsent() && kinds.contains(&row.kind.as_str()));
    let under_way = if sending { StepTone::Going } else { StepTone::Waiting };
    let mut ladder = vec![(Rung::Phone { at: case.reported.at }, StepTone::Done)];
    ladder.push(text(case, &rows, under_way));
    ladder.extend(photos(case, uploads, under_way));
    let kinds: Vec<String> = rows
        .iter()
        .filter(|row| row.unsent() && !matches!(row.kind.as_str(), "case.report" | "case.see"))
        .map(|row| row.kind.clone())
        .collect();
    if !kinds.is_empty() {
        ladder.push((Rung::Unsent { kinds }, under_way));
    }
    ladder.extend(desk(case).map(|(rung, tone)| {
        let tone = if unsent(&["case.dispatch"]) { under_way } else { tone };
        (rung, tone)
    }));
    ladder.extend(work(case).map(|(work, tone)| {
        let tone = if unsent(&["case.complete", "case.fix"]) { under_way } else { tone };
        (Rung::Work(work), tone)
    }));
    ladder.extend(end(case).map(|(end, tone)| {
        let tone = if unsent(&["case.confirm", "case.cancel"]) { under_way } else { tone };
        (Rung::End(end), tone)
    }));
    ladder
}

fn text(case: &Case, rows: &[&OutboxRow], under_way: StepTone) -> (Rung, StepTone) {
    let report = rows.iter().find(|row| row.kind == "case.report");
    let (received, held, tone) = match report.map(|row| &row.delivery) {
        _ if case.number.is_some() => (Some(case.reported.received), None, StepTone::Done),
        Some(Delivery::Done { at, .. }) => (Some(*at), None, StepTone::Done),
        Some(Delivery::Held { code, .. }) => (None, Some(*code), StepTone::Waiting),
        Some(Delivery::Refused { .. }) => (None, None, StepTone::Bad),
        Some(Delivery::Pending | Delivery::Again(_)) | None => (None, None, under_way),
    };
    let late_by = (case.number.is_some() && case.reported.late())
        .then(|| case.reported.received.since(case.reported.at));
    (Rung::Text { received, late_by, held }, tone)
}

fn photos(case: &Case, uploads: &[UploadRow], under_way: StepTone) -> Option<(Rung, StepTone)> {
    if case.photos.is_empty() {
        return None;
    }
    let upload_of = |photo| {
        uploads
            .iter()
            .find(move |upload| upload.case == case.id && upload.photo == photo && upload.part == Part::Full)
    };
    let (mut kept, mut sent, mut bytes, mut refused) = (0, 0, 0, None);
    for photo in &case.photos {
        let size = u64::from(photo.photo.bytes);
        bytes += size;
        let upload = upload_of(photo.photo.id);
        let verified =
            photo.kept || upload.is_some_and(|upload| matches!(upload.state, UploadState::Done { .. }));
        if verified {
            kept += 1;
            sent += size;
            continue;
        }
        if let Some(upload) = upload {
            sent += u64::from(upload.offset);
            if let UploadState::Refused { code } = upload.state {
                refused = Some(code);
            }
        }
    }
    let all = case.photos.len();
    let tone = if refused.is_some() {
        StepTone::Bad
    } else if kept == all {
        StepTone::Done
    } else {
        under_way
    };
    Some((Rung::Photos { kept, all, sent, bytes, refused }, tone))
}

fn desk(case: &Case) -> Option<(Rung, StepTone)> {
    let taken = case.trail.iter().rev().find_map(|event| match &event.change {
        CaseChange::Dispatched { to, .. } => Some(Taken { by: event.by, at: event.time.at, to: *to }),
        _ => None,
    });
    match case.stage.name() {
        StageName::Reported => {
            let again = taken.is_some();
            Some((Rung::Desk { taken: None, again }, StepTone::Waiting))
        }
        // What was solved on the spot, or called off, never was the desk's to give.
        StageName::Completed | StageName::Closed | StageName::Cancelled if taken.is_none() => None,
        _ => Some((Rung::Desk { taken, again: false }, StepTone::Done)),
    }
}

fn work(case: &Case) -> Option<(Work, StepTone)> {
    let done = |by: Option<PersonId>, at: Ms, result: &str| {
        Some((Work::Done { by, at, result: result.to_owned() }, StepTone::Done))
    };
    match &case.stage {
        Stage::Completed { by, since, result, .. } => done(*by, *since, result),
        Stage::Closed { result, .. } => {
            let finished = case.trail.iter().rev().find(|event| {
                matches!(event.change, CaseChange::Completed { .. } | CaseChange::Fixed { .. })
            });
            done(
                finished.and_then(|event| event.by),
                finished.map_or(case.stage.since(), |event| event.time.at),
                result,
            )
        }
        Stage::Cancelled { .. } => None,
        stage => {
            let paused = match stage {
                Stage::Paused { until, .. } => Some(*until),
                _ => None,
            };
            let tone = match stage.name() {
                StageName::Accepted | StageName::Arrived => StepTone::Going,
                _ => StepTone::Waiting,
            };
            let promise = case.promise.as_ref().map(|promise| promise.until);
            Some((Work::Open { stage: stage.name(), handler: stage.handler(), promise, paused }, tone))
        }
    }
}

fn end(case: &Case) -> Option<(End, StepTone)> {
    match &case.stage {
        Stage::Completed { .. } => {
            let by = (!case.confidential()).then_some(case.first_asked.person);
            Some((End::ToConfirm { by }, StepTone::Waiting))
        }
        Stage::Closed { by, since, satisfied, .. } => {
            Some((End::Closed { by: *by, at: *since, satisfied: *satisfied }, StepTone::Done))
        }
        Stage::Cancelled { by, since, reason } => {
            Some((End::Cancelled { by: *by, at: *since, reason: reason.clone() }, StepTone::Done))
        }
        _ => None,
    }
}

/// The commands of a case that the server refused, oldest first.
pub fn refused(case: CaseId, rows: &[OutboxRow]) -> Vec<OutboxRow> {
    rows.iter()
        .filter(|row| row.aggregate == case.0 && matches!(row.delivery, Delivery::Refused { .. }))
        .cloned()
        .collect()
}

/// The commands of a case of whose photos the server refused some.
pub fn refused_photos(case: CaseId, uploads: &[UploadRow]) -> Vec<CommandId> {
    let of_case = uploads.iter().filter(|upload| upload.case == case);
    let refused = of_case.filter(|upload| matches!(upload.state, UploadState::Refused { .. }));
    let commands: BTreeSet<CommandId> = refused.map(|upload| upload.command).collect();
    commands.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use shared::{Rejection, case::CaseCommand, ids::SiteCode, time::MINUTE};
    use uuid::Uuid;

    use super::*;
    use crate::components::office_kit::{
        DESK, GUARD, MORNING, TECHNICIAN, at_server, dispatched, on_phone, person, report, then,
    };

    fn row(case: &Case, kind: &str, delivery: Delivery) -> OutboxRow {
        OutboxRow {
            n: 1,
            id: CommandId(Uuid::from_u128(70)),
            author: person(GUARD),
            site: SiteCode::from("jinzhou"),
            aggregate: case.id.0,
            kind: kind.to_owned(),
            at: MORNING,
            text: String::new(),
            hash: String::new(),
            signature: String::new(),
            delivery,
        }
    }

    fn upload(case: &Case, photo: usize, offset: u32, state: UploadState) -> UploadRow {
        let photo = &case.photos[photo].photo;
        UploadRow {
            photo: photo.id,
            part: Part::Full,
            command: CommandId(Uuid::from_u128(70)),
            author: person(GUARD),
            site: SiteCode::from("jinzhou"),
            case: case.id,
            sha256: photo.sha256.clone(),
            bytes: photo.bytes,
            offset,
            state,
        }
    }

    fn tones(ladder: &[(Rung, StepTone)]) -> Vec<StepTone> {
        ladder.iter().map(|(_, tone)| *tone).collect()
    }

    #[test]
    fn nothing_is_at_the_server_before_the_server_said_so() {
        use StepTone::{Done, Going, Waiting};
        let case = on_phone(10, &report("leak", 1), MORNING);
        let pending = [row(&case, "case.report", Delivery::Pending)];
        let ladder = rungs(&case, &pending, &[], false);
        assert_eq!(tones(&ladder), [Done, Waiting, Waiting, Waiting, Waiting]);
        assert_eq!(ladder[1].0, Rung::Text { received: None, late_by: None, held: None });
        // While it is being sent it is under way, no more.
        assert_eq!(tones(&rungs(&case, &pending, &[], true))[1], Going);
        let receipt = Delivery::Done { version: 1, recorded: false, at: MORNING, seq: 0 };
        let ladder = rungs(&case, &[row(&case, "case.report", receipt)], &[], false);
        assert_eq!(ladder[1].1, Done);
    }

    #[test]
    fn r3_a_late_arrival_is_said_with_both_times() {
        let case = at_server(10, &report("leak", 0), MORNING, 3 * MINUTE);
        let ladder = rungs(&case, &[], &[], false);
        let received = Some(MORNING.plus(3 * MINUTE));
        assert_eq!(
            ladder[1],
            (Rung::Text { received, late_by: Some(3 * MINUTE), held: None }, StepTone::Done)
        );
        assert_eq!(ladder[0].0, Rung::Phone { at: MORNING });
    }

    #[test]
    fn photos_count_as_verified_one_by_one_and_are_left_out_where_there_are_none() {
        let case = at_server(10, &report("leak", 2), MORNING, 0);
        let uploads = [
            upload(&case, 0, 1_000, UploadState::Done { at: MORNING, seq: 0 }),
            upload(&case, 1, 400, UploadState::Waiting),
        ];
        let ladder = rungs(&case, &[], &uploads, true);
        let half = Rung::Photos { kept: 1, all: 2, sent: 1_400, bytes: 2_000, refused: None };
        assert_eq!(ladder[2], (half, StepTone::Going));
        let uploads = [upload(&case, 0, 0, UploadState::Refused { code: Code::FileWrongHash })];
        assert_eq!(tones(&rungs(&case, &[], &uploads, false))[2], StepTone::Bad);
        let bare = at_server(10, &report("leak", 0), MORNING, 0);
        assert!(rungs(&bare, &[], &[], false).iter().all(|(rung, _)| !matches!(rung, Rung::Photos { .. })));
    }

    #[test]
    fn a_dispatch_that_only_this_device_knows_is_not_done() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        let find = |ladder: &[(Rung, StepTone)]| {
            ladder.iter().find(|(rung, _)| matches!(rung, Rung::Desk { .. })).map(|(_, tone)| *tone)
        };
        assert_eq!(find(&rungs(&case, &[], &[], false)), Some(StepTone::Done));
        let pending = [row(&case, "case.dispatch", Delivery::Pending)];
        let ladder = rungs(&case, &pending, &[], false);
        assert_eq!(find(&ladder), Some(StepTone::Waiting));
        let unsent = Rung::Unsent { kinds: vec!["case.dispatch".to_owned()] };
        assert!(ladder.iter().any(|(rung, _)| *rung == unsent));
    }

    #[test]
    fn the_ladder_ends_with_who_is_to_confirm_and_with_the_result() {
        let case = dispatched(&at_server(10, &report("leak", 0), MORNING, 0), MORNING);
        let complete = CaseCommand::Complete { result: "换了接头".to_owned(), photos: Vec::new() };
        let case = then(&case, TECHNICIAN, &complete, MORNING.plus(MINUTE));
        let ladder = rungs(&case, &[], &[], false);
        let [.., (work, StepTone::Done), (end, StepTone::Waiting)] = ladder.as_slice() else {
            panic!("{ladder:?}")
        };
        let by = Some(person(TECHNICIAN));
        let done = Work::Done { by, at: MORNING.plus(MINUTE), result: "换了接头".to_owned() };
        assert_eq!(*work, Rung::Work(done));
        assert_eq!(*end, Rung::End(End::ToConfirm { by: Some(person(GUARD)) }));
        let confirm = CaseCommand::Confirm { satisfied: None, reason: String::new() };
        let case = then(&case, GUARD, &confirm, MORNING.plus(2 * MINUTE));
        let last = rungs(&case, &[], &[], false).pop();
        let closed = End::Closed { by: Some(person(GUARD)), at: MORNING.plus(2 * MINUTE), satisfied: None };
        assert_eq!(last, Some((Rung::End(closed), StepTone::Done)));
    }

    #[test]
    fn what_is_called_off_was_never_the_desks() {
        let case = at_server(10, &report("leak", 0), MORNING, 0);
        let cancel = CaseCommand::Cancel { reason: "报错了".to_owned() };
        let case = then(&case, DESK, &cancel, MORNING);
        let ladder = rungs(&case, &[], &[], false);
        assert_eq!(ladder.len(), 3);
        assert!(matches!(ladder.last(), Some((Rung::End(End::Cancelled { .. }), StepTone::Done))));
    }

    #[test]
    fn refused_photos_of_this_case_are_named_once_by_their_command() {
        let case = at_server(10, &report("leak", 2), MORNING, 0);
        let other = at_server(11, &report("leak", 2), MORNING, 0);
        let refused = UploadState::Refused { code: Code::FileNotAPhoto };
        let uploads = [upload(&case, 0, 0, refused.clone()), upload(&case, 1, 0, refused.clone())];
        assert_eq!(refused_photos(case.id, &uploads), [CommandId(Uuid::from_u128(70))]);
        assert_eq!(refused_photos(other.id, &uploads), []);
        assert_eq!(refused_photos(case.id, &[upload(&case, 0, 0, UploadState::Waiting)]), []);
    }

    #[test]
    fn only_what_was_refused_of_this_case_is_shown() {
        let (case, other) =
            (at_server(10, &report("leak", 0), MORNING, 0), at_server(11, &report("leak", 0), MORNING, 0));
        let rejection = Rejection::from(Code::CasePostponedOnce);
        let refusal = || Delivery::Refused { rejection: rejection.clone(), at: MORNING };
        let rows = [
            row(&case, "case.postpone", refusal()),
            row(&other, "case.postpone", refusal()),
            row(&case, "case.check", Delivery::Pending),
        ];
        assert_eq!(refused(case.id, &rows), rows[..1]);
    }
}
