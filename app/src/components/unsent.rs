//! What is on this device and not at the server, put together per command: text, photos, and why it was refused.

use shared::{
    Code, Rejection,
    case::CaseCommand,
    ids::{CaseId, CommandId, PersonId},
    sync::{Delivery, OutboxRow, UploadRow, UploadState},
    time::Ms,
    wire::{Command, Envelope, Part, Refusal, SETTLE},
};

use crate::order;

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
}

impl Entry {
    /// Whether it waits for a person and not for the network.
    pub fn needs_somebody(&self) -> bool {
        matches!(self.got, Got::Refused(_) | Got::PhotoRefused(_))
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
    order::by(entries, |entry| [i64::from(!entry.needs_somebody()), entry.at.map_or(0, |at| at.0), 0])
}

fn of_row(row: &OutboxRow, uploads: &[UploadRow]) -> Option<Entry> {
    let photos = Photos::of(row.id, uploads);
    let got = match &row.delivery {
        Delivery::Pending => Got::Here,
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
    })
}

fn of_photos(command: CommandId, uploads: &[UploadRow]) -> Option<Entry> {
    let case = uploads.iter().find(|upload| upload.command == command)?.case;
    let photos = Photos::of(command, uploads);
    Some(Entry { command, kind: None, case, at: None, got: photos.got()?, photos: photos.count, here: true })
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
    })
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

/// Where a refused command is mended: reports on their page, everything else at its case.
#[derive(Clone, PartialEq, Debug)]
pub enum Mend {
    /// On this page.
    At(String),
    /// There is nothing to mend, only to withdraw.
    No,
}

/// Where an entry is mended.
pub fn mend(entry: &Entry, case_is_known: bool) -> Mend {
    match entry.kind.as_deref() {
        Some("case.report") => Mend::At(format!("/report?mend={}", entry.command)),
        Some(SETTLE) | None => Mend::No,
        Some(_) if case_is_known => Mend::At(format!("/cases/{}", entry.case)),
        Some(_) => Mend::No,
    }
}

/// What a command says in its own words, for whoever has to recognise it.
pub fn said(text: &str) -> Option<String> {
    let command = match Envelope::read(text).and_then(|envelope| envelope.command()).ok()? {
        Command::Case(command) => command,
        Command::Settle => return None,
    };
    let said = match *command {
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
    use shared::ids::{AttachmentId, DeviceId};
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
        Delivery::Done { version: 1, recorded: false, at: Ms(0) }
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
            upload(1, Part::Full, 100, UploadState::Done { at: Ms(0) }),
            upload(4, Part::Thumb, 100, UploadState::Done { at: Ms(0) }),
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

    #[test]
    fn reports_are_mended_on_their_page_and_the_rest_at_the_case() {
        let listed = |kind: &str| entries(&[row(3, kind, refused())], &[], &[], PersonId(id(1))).remove(0);
        let report = listed("case.report");
        assert_eq!(mend(&report, false), Mend::At(format!("/report?mend={}", report.command)));
        let pause = listed("case.pause");
        assert_eq!(mend(&pause, true), Mend::At(format!("/cases/{}", pause.case)));
        assert_eq!(mend(&pause, false), Mend::No);
        assert_eq!(mend(&listed(SETTLE), true), Mend::No);
    }
}
