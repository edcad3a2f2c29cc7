//! The relay file of version 1, frozen: what a phone hands over today is read for ever.

use crate::kit::story as kit;
use kit::cast::{CAPTAIN, GUARD};
use rstest::rstest;
use shared::{
    ids::{AttachmentId, CaseId, CommandId, DeviceId, PersonId},
    relay::{
        Commands, Head, MAGIC, POINT, PREFIX, Photo, Row, Unreadable, commands, file, nonce, piece, plain,
        read_file, read_piece, read_plain, salt,
    },
    sync::{Delivery, OutboxRow, UploadRow, UploadState},
    time::Ms,
    wire::{PUSH_BYTES, PUSH_COMMANDS, Part},
};
use uuid::Uuid;

/// The plain bytes of two pieces, in a file whose seal is none.
const GOLDEN: &[u8] = include_bytes!("golden/relay_v1.bin");

const DEVICE: DeviceId = DeviceId(Uuid::from_u128(0xd0));

fn row(n: u64, author: PersonId, delivery: Delivery) -> OutboxRow {
    OutboxRow {
        n,
        id: CommandId(Uuid::from_u128(u128::from(n))),
        author,
        site: "test".into(),
        aggregate: Uuid::from_u128(7),
        kind: "case.report".to_owned(),
        at: Ms(1),
        text: format!("{{\"n\":{n}}}"),
        hash: format!("hash {n}"),
        signature: format!("signature {n}"),
        delivery,
    }
}

fn numbers(pieces: &[Commands]) -> Vec<Vec<String>> {
    pieces.iter().map(|piece| piece.rows.iter().map(|row| row.hash.replace("hash ", "")).collect()).collect()
}

fn golden() -> Vec<u8> {
    let outbox = [row(4, GUARD, Delivery::Pending), row(5, GUARD, Delivery::Pending)];
    let upload = UploadRow {
        photo: AttachmentId(Uuid::from_u128(9)),
        part: Part::Thumb,
        command: CommandId(Uuid::from_u128(4)),
        author: GUARD,
        site: "test".into(),
        case: CaseId(Uuid::from_u128(7)),
        sha256: "00".repeat(32),
        bytes: 4,
        offset: 0,
        state: UploadState::Waiting,
    };
    let heads = [
        plain(&Head::Commands(commands(DEVICE, &outbox).remove(0)), b""),
        plain(&Head::Photo(Photo::of(&upload)), b"jpeg"),
    ];
    let point = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
    file(&[piece(&point, 0, &heads[0]), piece(&point, 1, &heads[1])])
}

#[test]
fn the_relay_file_of_version_1_is_frozen() {
    assert!(golden() == GOLDEN, "a phone hands over another file than before");
}

#[test]
fn the_golden_file_is_read() {
    let pieces =
        read_file(GOLDEN).map(|pieces| pieces.iter().map(|piece| read_piece(piece)).collect::<Vec<_>>());
    let pieces = pieces.unwrap_or_default();
    assert_eq!(pieces.iter().flatten().map(|(_, number, _)| *number).collect::<Vec<_>>(), [0, 1]);
    let plains: Vec<_> = pieces.iter().flatten().map(|(_, _, sealed)| read_plain(sealed)).collect();
    let row = |n: u64| {
        let OutboxRow { text, hash, signature, .. } = row(n, GUARD, Delivery::Pending);
        Row { text, hash, signature }
    };
    let expected = Commands { device: DEVICE, author: GUARD, rows: vec![row(4), row(5)] };
    assert_eq!(plains[0], Ok((Head::Commands(expected), &b""[..])));
    let Ok((Head::Photo(photo), bytes)) = &plains[1] else { panic!("no photo: {:?}", plains[1]) };
    assert_eq!((photo.author, photo.part, *bytes), (GUARD, Part::Thumb, &b"jpeg"[..]));
}

#[rstest]
#[case::nothing(b"")]
#[case::another_file(b"\x89PNG\r\n\x1a\n")]
#[case::a_newer_version(b"FHRELAY2")]
#[case::no_pieces(MAGIC)]
#[case::an_endless_piece(b"FHRELAY1\xff\xff\xff\xff")]
#[case::a_piece_without_a_seal(b"FHRELAY1\0\0\0\x01x")]
fn what_is_no_relay_file_is_unreadable(#[case] bytes: &[u8]) {
    assert_eq!(read_file(bytes), Err(Unreadable));
}

#[test]
fn a_file_that_was_cut_off_is_unreadable_or_ends_with_a_whole_piece() {
    let whole = read_file(GOLDEN).map(|pieces| pieces.len());
    assert_eq!(whole, Ok(2));
    let first = 8 + 4 + read_file(GOLDEN).map_or(0, |pieces| pieces[0].len());
    for end in 0..GOLDEN.len() {
        let read = read_file(&GOLDEN[..end]).map(|pieces| pieces.len());
        assert_eq!(read, if end == first { Ok(1) } else { Err(Unreadable) }, "after {end} bytes");
    }
}

#[rstest]
#[case::nothing(b"")]
#[case::too_short(b"\0\0")]
#[case::longer_than_there_is(b"\0\0\0\x09{}")]
#[case::no_json(b"\0\0\0\x01{")]
#[case::an_unknown_head(b"\0\0\0\x0d{\"secrets\":{}}")]
#[case::no_text(b"\0\0\0\x01\xff")]
fn plain_bytes_that_no_phone_writes_are_unreadable(#[case] bytes: &[u8]) {
    assert_eq!(read_plain(bytes), Err(Unreadable));
}

#[test]
fn only_what_is_unsent_is_handed_over_and_each_piece_is_a_push() {
    let refused = Delivery::Refused { rejection: shared::Code::CaseExists.into(), at: Ms(0) };
    let held = Delivery::Held { code: shared::Code::CommandCreateMissing, since: Ms(0) };
    let outbox = [
        row(1, GUARD, Delivery::Done { version: 1, recorded: false, seq: 1, at: Ms(0) }),
        row(2, GUARD, held),
        row(3, GUARD, refused),
        row(4, GUARD, Delivery::Pending),
        row(5, GUARD, Delivery::Pending),
        row(6, CAPTAIN, Delivery::Pending),
    ];
    let pieces = commands(DEVICE, &outbox);
    assert_eq!(numbers(&pieces), [vec!["2"], vec!["4", "5"], vec!["6"]]);
    assert_eq!(pieces[2].author, CAPTAIN);
    assert!(commands(DEVICE, &outbox[..1]).is_empty());
}

#[test]
fn a_piece_keeps_to_the_limits_of_a_push_and_one_command_always_fits() {
    let many: Vec<OutboxRow> = (1..=250).map(|n| row(n, GUARD, Delivery::Pending)).collect();
    let counts: Vec<usize> = commands(DEVICE, &many).iter().map(|piece| piece.rows.len()).collect();
    assert_eq!(counts, [PUSH_COMMANDS, PUSH_COMMANDS, 50]);
    let long =
        |n: u64, bytes: usize| OutboxRow { text: "x".repeat(bytes), ..row(n, GUARD, Delivery::Pending) };
    let counts =
        |rows: &[OutboxRow]| numbers(&commands(DEVICE, rows)).iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(counts(&[long(1, PUSH_BYTES / 2), long(2, PUSH_BYTES / 2), long(3, 1)]), [2, 1]);
    assert_eq!(counts(&[long(1, PUSH_BYTES + 1), long(2, 1)]), [1, 1]);
}

#[test]
fn no_two_pieces_of_a_file_have_the_same_nonce_and_each_pair_of_keys_its_own_salt() {
    assert_eq!(nonce(0), [0; 12]);
    assert_eq!(nonce(0x0102_0304)[8..], [1, 2, 3, 4]);
    assert_ne!(salt(&[1; POINT], &[2; POINT]), salt(&[2; POINT], &[1; POINT]));
    let sealed = piece(&[4; POINT], 7, b"sealed");
    assert_eq!(sealed.len(), PREFIX + 6);
    assert_eq!(read_piece(&sealed), Ok((&[4; POINT], 7, &b"sealed"[..])));
}
