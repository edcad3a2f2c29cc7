//! What is on this device and not at the server, put together per command: text, photos, and why it was refused. Every
//! place that counts it reads it here, so that no two of them differ.

use leptos::prelude::*;
use shared::{
    Code, Rejection,
    case::{CaseCommand, command::Origin},
    ids::{AttachmentId, CaseId, CommandId, PersonId, RoundId},
    sync::{Delivery, OutboxRow, UploadRow, UploadState},
    time::Ms,
    wire::{DISCARD, Envelope, Part, Refusal, SETTLE, TAKE},
};

use crate::{
    order,
    reactive::{Memo, memo},
    state::State,
};

const REPORT: &str = "case.report";
const SAVE_ROUTE: &str = "route.save";

/// How much is not at the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unsent {
    /// What waits for the network or the server, text and photos.
    pub waiting: usize,
    /// What was refused, on this device or on another of the same person.
    pub needs_somebody: usize,
    /// How much of both is on this device.
    pub here: usize,
    /// When the oldest of what waits was made, by this device's clock.
    pub oldest: Option<Ms>,
}

impl Unsent {
    /// Counts entries.
    pub fn of(entries: &[Entry]) -> Self {
        let needs_somebody = entries.iter().filter(|entry| entry.needs_somebody()).count();
        let waiting = entries.iter().filter(|entry| !entry.needs_somebody());
        Unsent {
            waiting: entries.len() - needs_somebody,
            needs_somebody,
            here: entries.iter().filter(|entry| entry.here).count(),
            oldest: waiting.filter_map(|entry| entry.at).min(),
        }
    }

    /// Both.
    pub fn all(&self) -> usize {
        self.waiting + self.needs_somebody
    }
}

/// How much of this person's is not at the server.
pub fn unsent_count(state: State) -> Memo<Unsent> {
    memo(move |_| Unsent::of(&of_state(state)))
}

/// Everything of this person's that is not at the server.
pub fn of_state(state: State) -> Vec<Entry> {
    let Some(me) = state.session.with(|session| session.as_ref().map(|session| session.person)) else {
        return Vec::new();
    };
    state.outbox.with(|outbox| {
        state.uploads.with(|uploads| {
            state.refusals.with(|refusals| {
                let refusals: Vec<&Refusal> = refusals.iter().map(AsRef::as_ref).collect();
                entries(outbox, uploads, &refusals, me)
            })
        })
    })
}

/// What of it is of a round: what was done in it, with its photos, and what was reported from one of its stops.
pub fn of_round(
    mut entries: Vec<Entry>,
    round: RoundId,
    text: impl Fn(CommandId) -> Option<String>,
) -> Vec<Entry> {
    let reported = |entry: &Entry| {
        let from = || at_stop(&text(entry.command)?).map(|from| from.round);
        entry.kind.as_deref() == Some(REPORT) && from() == Some(round)
    };
    entries.retain(|entry| entry.case.0 == round.0 || reported(entry));
    entries
}

/// At which stop of a round a command was made, read from its text.
pub fn at_stop(text: &str) -> Option<Origin> {
    let envelope = Envelope::read(text).ok()?;
    if let Some(command) = envelope.case_command() {
        return match command {
            CaseCommand::Report(report) => report.from.map(|from| *from),
            _ => None,
        };
    }
    // Those of a round's commands that are made at a stop name it so.
    let stop = envelope.body.get("stop").filter(|_| envelope.kind.starts_with("round."))?;
    Some(Origin { round: RoundId(envelope.aggregate), stop: stop.as_str()?.into() })
}

/// How far one thing got.
#[derive(Clone, PartialEq, Debug)]
pub enum Got {
    /// On this device only.
    Here,
    /// The server waits for something else first.
    Held(Code),
    /// Its text is there, its photos are not.
    Photos,
    /// A photo of it was refused.
    PhotoRefused(Code),
    /// Refused, until somebody mends or withdraws it.
    Refused(Rejection),
}

impl Got {
    /// A number that differs where the entry has to be shown anew.
    pub fn turn(&self) -> (u8, &'static str) {
        match self {
            Got::Here => (0, ""),
            Got::Held(code) => (1, code.as_str()),
            Got::Photos => (2, ""),
            Got::PhotoRefused(code) => (3, code.as_str()),
            Got::Refused(rejection) => (4, rejection.code.as_str()),
        }
    }
}

/// One thing that is not at the server.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The command.
    pub command: CommandId,
    /// What it asks; `None` where only photos are left.
    pub kind: Option<String>,
    /// Of which case.
    pub case: CaseId,
    /// When it was made, by this device's clock.
    pub at: Option<Ms>,
    /// How far it got.
    pub got: Got,
    /// How many photos it brings.
    pub photos: usize,
    /// It was made on this device.
    pub here: bool,
    /// What was refused only because this report was: it goes with it, mended or withdrawn.
    pub children: Vec<CommandId>,
}

impl Entry {
    /// Whether it waits for a person and not for the network.
    pub fn needs_somebody(&self) -> bool {
        matches!(self.got, Got::Refused(_) | Got::PhotoRefused(_))
    }

    fn is_child(&self) -> bool {
        self.kind.as_deref() != Some(REPORT)
            && matches!(&self.got, Got::Refused(rejection) if rejection.code == Code::CommandParentRejected)
    }

    fn is_parent(&self, case: CaseId) -> bool {
        self.case == case && self.kind.as_deref() == Some(REPORT) && matches!(self.got, Got::Refused(_))
    }
}

/// Everything that is not at the server: what needs somebody first, each group in the order in which it was made.
pub fn entries(
    outbox: &[OutboxRow],
    uploads: &[UploadRow],
    refusals: &[&Refusal],
    me: PersonId,
) -> Vec<Entry> {
    let mut entries: Vec<Entry> = outbox.iter().filter_map(|row| of_row(row, uploads)).collect();
    let mut orphans: Vec<CommandId> = uploads
        .iter()
        .filter(|upload| !matches!(upload.state, UploadState::Done { .. }))
        .map(|upload| upload.command)
        .filter(|command| outbox.iter().all(|row| row.id != *command))
        .collect();
    orphans.dedup();
    for command in orphans {
        if entries.iter().all(|entry| entry.command != command) {
            entries.extend(of_photos(command, uploads));
        }
    }
    let elsewhere = refusals
        .iter()
        .filter(|refusal| refusal.author == me && outbox.iter().all(|row| row.id != refusal.id));
    entries.extend(elsewhere.filter_map(|refusal| of_refusal(refusal)));
    order::by(adopt(entries), |entry| [i64::from(!entry.needs_somebody()), entry.at.map_or(0, |at| at.0), 0])
}

/// Puts what was refused because of a report under that report.
fn adopt(entries: Vec<Entry>) -> Vec<Entry> {
    let (children, mut entries): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(Entry::is_child);
    for child in order::by(children, |child| [child.at.map_or(0, |at| at.0), 0, 0]) {
        match entries.iter_mut().find(|entry| entry.is_parent(child.case)) {
            Some(parent) => parent.children.push(child.command),
            None => entries.push(child),
        }
    }
    entries
}

fn of_row(row: &OutboxRow, uploads: &[UploadRow]) -> Option<Entry> {
    // That a refusal is settled, or a case was seen, matters to its person only where it was refused.
    if row.is_quiet() && !matches!(row.delivery, Delivery::Refused { .. }) {
        return None;
    }
    let photos = Photos::of(row.id, uploads);
    let got = match &row.delivery {
        Delivery::Pending | Delivery::Again(_) => Got::Here,
        Delivery::Held { code, .. } => Got::Held(*code),
        Delivery::Refused { rejection, .. } => Got::Refused(rejection.clone()),
        Delivery::Done { .. } => photos.got()?,
    };
    Some(Entry {
        command: row.id,
        kind: Some(row.kind.clone()),
        case: CaseId(row.aggregate),
        at: Some(row.at),
        got,
        photos: photos.count,
        here: true,
        children: Vec::new(),
    })
}

fn of_photos(command: CommandId, uploads: &[UploadRow]) -> Option<Entry> {
    let upload = uploads.iter().find(|upload| upload.command == command)?;
    let photos = Photos::of(command, uploads);
    Some(Entry {
        command,
        kind: None,
        case: upload.case,
        at: taken(upload.photo),
        got: photos.got()?,
        photos: photos.count,
        here: true,
        children: Vec::new(),
    })
}

fn of_refusal(refusal: &Refusal) -> Option<Entry> {
    let envelope = Envelope::read(&refusal.text).ok()?;
    Some(Entry {
        command: refusal.id,
        kind: Some(envelope.kind),
        case: CaseId(envelope.aggregate),
        at: Some(envelope.at),
        got: Got::Refused(refusal.rejection.clone()),
        photos: 0,
        here: false,
        children: Vec::new(),
    })
}

/// When a photo was taken, by the clock of the device: its id says so.
pub fn taken(photo: AttachmentId) -> Option<Ms> {
    let (seconds, nanos) = photo.0.get_timestamp()?.to_unix();
    let seconds = i64::try_from(seconds).ok()?;
    Some(Ms(seconds.checked_mul(1_000)?.checked_add(i64::from(nanos / 1_000_000))?))
}

/// How far the photos of a command got.
#[derive(Clone, PartialEq, Debug)]
pub struct Photos {
    /// How many there are.
    pub count: usize,
    /// How many of their bytes are at the server.
    pub sent: u64,
    /// Of how many.
    pub bytes: u64,
    waiting: bool,
    refused: Option<Code>,
}

impl Photos {
    /// The photos of a command.
    pub fn of(command: CommandId, uploads: &[UploadRow]) -> Self {
        let mut photos = Photos { count: 0, sent: 0, bytes: 0, waiting: false, refused: None };
        for upload in uploads.iter().filter(|upload| upload.command == command) {
            let (bytes, sent) = match upload.state {
                UploadState::Waiting => {
                    photos.waiting = true;
                    (upload.bytes, upload.offset)
                }
                UploadState::Done { .. } => (upload.bytes, upload.bytes),
                UploadState::Refused { code } => {
                    photos.refused = Some(code);
                    (upload.bytes, upload.offset)
                }
            };
            // A thumbnail is no photo of its own: the receipt counts the same bytes.
            if upload.part == Part::Full {
                photos.count += 1;
                photos.bytes += u64::from(bytes);
                photos.sent += u64::from(sent);
            }
        }
        photos
    }

    fn got(&self) -> Option<Got> {
        match self.refused {
            Some(code) => Some(Got::PhotoRefused(code)),
            None => self.waiting.then_some(Got::Photos),
        }
    }
}

/// Where a refused command is mended: reports and routes on their page, everything else at its case.
#[derive(Clone, PartialEq, Debug)]
pub enum Mend {
    /// On this page.
    At(String),
    /// There is nothing to mend, only to withdraw.
    No,
}

/// Whether making it once more could help: not if something else counts in its place.
pub fn is_mendable(rejection: &Rejection) -> bool {
    !matches!(rejection.code, Code::CommandOriginalDone | Code::CommandTakenBack)
}

/// Where an entry is mended.
pub fn mend(entry: &Entry, case_is_known: bool) -> Mend {
    match entry.kind.as_deref() {
        _ if matches!(&entry.got, Got::Refused(rejection) if !is_mendable(rejection)) => Mend::No,
        Some(REPORT) => Mend::At(format!("/report?mend={}", entry.command)),
        Some(SAVE_ROUTE) => Mend::At(format!("/watch/route?mend={}", entry.command)),
        Some(SETTLE | TAKE | DISCARD) | None => Mend::No,
        Some(_) if case_is_known => Mend::At(format!("/cases/{}", entry.case)),
        Some(_) => Mend::No,
    }
}

/// The text of a command, from this device or from the server's copy of what it refused.
pub fn text_of(state: State, command: CommandId) -> Option<String> {
    let here = state
        .outbox
        .with_untracked(|rows| rows.iter().find(|row| row.id == command).map(|row| row.text.clone()));
    here.or_else(|| {
        state.refusals.with_untracked(|refusals| {
            refusals.iter().find(|refusal| refusal.id == command).map(|refusal| refusal.text.clone())
        })
    })
}

/// What a command asks, read from its text.
pub fn asked(text: &str) -> Option<CaseCommand> {
    Envelope::read(text).ok()?.case_command()
}

/// What was refused because this report was, in the order in which it was made.
pub fn children(state: State, report: CommandId) -> Vec<CommandId> {
    let entries = untrack(|| of_state(state));
    let parent = entries.into_iter().find(|entry| entry.command == report);
    parent.map(|entry| entry.children).unwrap_or_default()
}

/// What a command says in its own words, for whoever has to recognise it.
pub fn said(text: &str) -> Option<String> {
    let said = match asked(text)? {
        CaseCommand::Report(report) => report.text,
        CaseCommand::Fix { result, .. } | CaseCommand::Complete { result, .. } => result,
        CaseCommand::Comment { text, .. } => text,
        CaseCommand::Decline { reason }
        | CaseCommand::Pause { reason, .. }
        | CaseCommand::Promise { reason, .. }
        | CaseCommand::Postpone { reason, .. }
        | CaseCommand::Confirm { reason, .. }
        | CaseCommand::Reopen { reason }
        | CaseCommand::Succeed { reason, .. }
        | CaseCommand::Cancel { reason } => reason,
        CaseCommand::Dispatch { note, .. } | CaseCommand::Tell { note, .. } => note,
        CaseCommand::Classify { .. }
        | CaseCommand::Accept {}
        | CaseCommand::Arrive {}
        | CaseCommand::Resume {}
        | CaseCommand::Check {}
        | CaseCommand::See {} => String::new(),
    };
    (!said.trim().is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use shared::{
        case::command::{Report, Source},
        ids::DeviceId,
        round::RoundCommand,
    };
    use uuid::Uuid;

    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn row(number: u128, kind: &str, delivery: Delivery) -> OutboxRow {
        OutboxRow {
            n: u64::try_from(number).unwrap(),
            id: CommandId(id(number)),
            author: PersonId(id(1)),
            site: "jinzhou".into(),
            aggregate: id(100 + number),
            kind: kind.to_owned(),
            at: Ms(i64::try_from(number).unwrap()),
            text: String::new(),
            hash: String::new(),
            signature: String::new(),
            delivery,
        }
    }

    fn upload(command: u128, part: Part, offset: u32, state: UploadState) -> UploadRow {
        UploadRow {
            photo: AttachmentId(id(command)),
            part,
            command: CommandId(id(command)),
            author: PersonId(id(1)),
            site: "jinzhou".into(),
            case: CaseId(id(100 + command)),
            sha256: String::new(),
            bytes: 100,
            offset,
            state,
        }
    }

    fn done() -> Delivery {
        Delivery::Done { version: 1, recorded: false, at: Ms(0), seq: 0 }
    }

    fn refused() -> Delivery {
        Delivery::Refused { rejection: Code::CasePostponedOnce.into(), at: Ms(0) }
    }

    #[test]
    fn what_is_at_the_server_is_not_listed_and_what_needs_somebody_comes_first() {
        let outbox = [
            row(1, "case.report", done()),
            row(2, "case.comment", Delivery::Pending),
            row(3, "case.postpone", refused()),
            row(4, "case.report", done()),
        ];
        let uploads = [
            upload(1, Part::Full, 100, UploadState::Done { at: Ms(0), seq: 0 }),
            upload(4, Part::Thumb, 100, UploadState::Done { at: Ms(0), seq: 0 }),
            upload(4, Part::Full, 40, UploadState::Waiting),
        ];
        let listed = entries(&outbox, &uploads, &[], PersonId(id(1)));
        let commands: Vec<u128> = listed.iter().map(|entry| entry.command.0.as_u128()).collect();
        assert_eq!(commands, [3, 2, 4]);
        assert_eq!((listed[2].photos, &listed[2].got), (1, &Got::Photos));
        let photos = Photos::of(listed[2].command, &uploads);
        assert_eq!((photos.sent, photos.bytes), (40, 100));
    }

    #[test]
    fn photos_stay_listed_when_their_command_is_settled() {
        let uploads = [
            upload(7, Part::Thumb, 0, UploadState::Waiting),
            upload(7, Part::Full, 0, UploadState::Refused { code: Code::FileNotAPhoto }),
        ];
        let listed = entries(&[], &uploads, &[], PersonId(id(1)));
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].got, Got::PhotoRefused(Code::FileNotAPhoto));
        assert_eq!(listed[0].kind, None);
    }

    #[test]
    fn my_refusals_from_other_devices_are_listed_and_other_peoples_are_not() {
        let envelope = Envelope {
            id: CommandId(id(9)),
            device: DeviceId(id(50)),
            author: PersonId(id(1)),
            n: 1,
            prev: String::new(),
            kind: "case.comment".to_owned(),
            v: 1,
            site: "jinzhou".into(),
            aggregate: id(109),
            base: None,
            at: Ms(5),
            heard: None,
            mends: Vec::new(),
            body: serde_json::json!({ "text": "门没锁" }),
        };
        let refusal = |number: u128, author: u128| Refusal {
            id: CommandId(id(number)),
            author: PersonId(id(author)),
            received: Ms(6),
            rejection: Code::CaseNotVisible.into(),
            text: envelope.write(),
        };
        let (mine, theirs, both) = (refusal(9, 1), refusal(10, 2), refusal(3, 1));
        let outbox = [row(3, "case.comment", refused())];
        let listed = entries(&outbox, &[], &[&mine, &theirs, &both], PersonId(id(1)));
        let commands: Vec<(u128, bool)> =
            listed.iter().map(|entry| (entry.command.0.as_u128(), entry.here)).collect();
        assert_eq!(commands, [(3, true), (9, false)]);
        assert_eq!(said(&mine.text).as_deref(), Some("门没锁"));
    }

    fn text(kind: &str, aggregate: Uuid, body: serde_json::Value) -> String {
        let envelope = Envelope {
            id: CommandId(id(9)),
            device: DeviceId(id(50)),
            author: PersonId(id(1)),
            n: 1,
            prev: String::new(),
            kind: kind.to_owned(),
            v: 1,
            site: "jinzhou".into(),
            aggregate,
            base: None,
            at: Ms(5),
            heard: None,
            mends: Vec::new(),
            body,
        };
        envelope.write()
    }

    #[test]
    fn of_a_round_are_its_commands_their_photos_and_what_was_reported_from_its_stops() {
        let round = RoundId(id(700));
        let tick =
            RoundCommand::Skip { stop: "gate".into(), reason: "门锁着".to_owned(), photos: Vec::new() };
        let of = |number, kind: &str, aggregate, body, delivery| OutboxRow {
            aggregate,
            text: text(kind, aggregate, body),
            ..row(number, kind, delivery)
        };
        let report = |from: Option<RoundId>| {
            let report = CaseCommand::Report(Report {
                category: "loose".into(),
                place: "S".into(),
                text: String::new(),
                since: String::new(),
                source: Source::Found,
                urgency: None,
                isolated: false,
                accused: None,
                on_behalf_of: None,
                photos: Vec::new(),
                from: from.map(|round| Box::new(Origin { round, stop: "pump".into() })),
            });
            report.body()
        };
        let outbox = [
            of(1, tick.kind(), round.0, tick.body(), refused()),
            of(2, REPORT, id(102), report(Some(round)), Delivery::Pending),
            of(3, REPORT, id(103), report(None), Delivery::Pending),
            of(4, REPORT, id(104), report(Some(RoundId(id(701)))), Delivery::Pending),
            of(5, "round.read", round.0, serde_json::json!({ "stop": "hall", "readings": {} }), done()),
            of(6, "round.tick", id(701), tick.body(), Delivery::Pending),
        ];
        let uploads = [upload(5, Part::Full, 0, UploadState::Waiting)];
        let text = |command| outbox.iter().find(|row| row.id == command).map(|row| row.text.clone());
        let listed = of_round(entries(&outbox, &uploads, &[], PersonId(id(1))), round, text);
        let commands: Vec<u128> = listed.iter().map(|entry| entry.command.0.as_u128()).collect();
        assert_eq!(commands, [1, 2, 5]);
        let stop = |at: usize| at_stop(&outbox[at].text).map(|from| (from.round, from.stop.to_string()));
        assert_eq!(stop(0), Some((round, "gate".to_owned())));
        assert_eq!(stop(1), Some((round, "pump".to_owned())));
        assert_eq!(stop(2), None);
        assert_eq!(stop(4), Some((round, "hall".to_owned())));
    }

    #[test]
    fn reports_and_routes_are_mended_on_their_page_and_the_rest_at_the_case() {
        let listed = |kind: &str| entries(&[row(3, kind, refused())], &[], &[], PersonId(id(1))).remove(0);
        let report = listed("case.report");
        assert_eq!(mend(&report, false), Mend::At(format!("/report?mend={}", report.command)));
        let route = listed("route.save");
        assert_eq!(mend(&route, false), Mend::At(format!("/watch/route?mend={}", route.command)));
        assert_eq!(mend(&listed("route.retire"), false), Mend::No);
        let pause = listed("case.pause");
        assert_eq!(mend(&pause, true), Mend::At(format!("/cases/{}", pause.case)));
        assert_eq!(mend(&pause, false), Mend::No);
        assert_eq!(mend(&listed(SETTLE), true), Mend::No);
    }

    #[test]
    fn a_photo_tells_when_it_was_taken() {
        let at = 1_795_329_128_456_u64;
        let id = uuid::Builder::from_unix_timestamp_millis(at, &[7; 10]).into_uuid();
        assert_eq!(taken(AttachmentId(id)), Some(Ms(1_795_329_128_456)));
        assert_eq!(taken(AttachmentId(Uuid::nil())), None);
    }

    #[test]
    fn what_something_else_counts_for_is_not_made_once_more() {
        let entry = |code: Code| {
            let delivery = Delivery::Refused { rejection: code.into(), at: Ms(0) };
            entries(&[row(1, "case.report", delivery)], &[], &[], PersonId(id(1))).remove(0)
        };
        assert!(matches!(mend(&entry(Code::CaseUnknownPlace), true), Mend::At(_)));
        assert_eq!(mend(&entry(Code::CommandOriginalDone), true), Mend::No);
        assert_eq!(mend(&entry(Code::CommandTakenBack), true), Mend::No);
    }

    #[test]
    fn what_goes_on_by_itself_counts_only_when_it_was_refused() {
        let outbox = [
            row(1, "case.see", Delivery::Pending),
            row(2, SETTLE, Delivery::Pending),
            row(3, SETTLE, refused()),
        ];
        let listed = entries(&outbox, &[], &[], PersonId(id(1)));
        let commands: Vec<u128> = listed.iter().map(|entry| entry.command.0.as_u128()).collect();
        assert_eq!(commands, [3]);
    }

    #[test]
    fn photos_that_wait_count_as_well_as_text_and_refusals_stand_apart() {
        let outbox = [
            row(1, "case.report", done()),
            row(2, "case.comment", Delivery::Pending),
            row(3, "case.postpone", refused()),
            row(4, "case.see", Delivery::Pending),
        ];
        let uploads = [upload(1, Part::Full, 0, UploadState::Waiting)];
        let count = Unsent::of(&entries(&outbox, &uploads, &[], PersonId(id(1))));
        assert_eq!(count, Unsent { waiting: 2, needs_somebody: 1, here: 3, oldest: Some(Ms(1)) });
        assert_eq!(count.all(), 3);
        let sent = [upload(1, Part::Full, 100, UploadState::Done { at: Ms(0), seq: 0 })];
        assert_eq!(Unsent::of(&entries(&outbox[..1], &sent, &[], PersonId(id(1)))), Unsent::default());
    }

    #[test]
    fn what_was_refused_with_its_report_stands_under_it_and_alone_once_the_report_is_gone() {
        let with = |number: u128| OutboxRow {
            aggregate: id(101),
            ..row(
                number,
                "case.comment",
                Delivery::Refused { rejection: Code::CommandParentRejected.into(), at: Ms(0) },
            )
        };
        let outbox = [row(1, "case.report", refused()), with(3), with(2), row(4, "case.postpone", refused())];
        let listed = entries(&outbox, &[], &[], PersonId(id(1)));
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0].children, [CommandId(id(2)), CommandId(id(3))]);
        assert!(listed[1].children.is_empty());
        let alone = entries(&outbox[1..], &[], &[], PersonId(id(1)));
        assert_eq!(alone.len(), 3);
    }
}
