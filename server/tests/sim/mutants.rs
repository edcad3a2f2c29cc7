//! Mistakes that would lose or leak something: the simulator must notice each of them.

use crate::{
    check::Invariant,
    world::{self, Failure, Run},
};

/// A mistake, in the server or in the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mutant {
    Server(server::Mutant),
    Device(device::Mutant),
}

impl Mutant {
    pub fn of_server(self) -> Option<server::Mutant> {
        match self {
            Mutant::Server(mutant) => Some(mutant),
            Mutant::Device(_) => None,
        }
    }

    pub fn of_device(self) -> Option<device::Mutant> {
        match self {
            Mutant::Device(mutant) => Some(mutant),
            Mutant::Server(_) => None,
        }
    }
}

/// Within so many seeds a mistake must show.
const SEEDS: u64 = 100;

/// The first seed in which anything is wrong says that this mistake is being made, and not some other thing.
///
/// It is looked for from the seed on that first showed it when this was written: those before take time only.
fn caught(mutant: Mutant, breaks: Invariant, from: u64) {
    let seeds: Vec<u64> = (from..from + SEEDS).collect();
    let first = world::first_failure(&seeds, |seed| Run { mutant: Some(mutant), ..Run::of(seed) });
    let Some(Failure { run, invariant, reason, .. }) = first else {
        panic!("{mutant:?} went unnoticed for {SEEDS} seeds");
    };
    println!("{mutant:?}: seed {} says: {reason}", run.seed);
    assert_eq!(invariant, Some(breaks), "{mutant:?} in seed {}: {reason}", run.seed);
}

#[test]
fn a_plain_serial_cursor_is_caught() {
    caught(Mutant::Server(server::Mutant::SerialCursor), Invariant::Views, 31);
}

#[test]
fn one_cursor_for_all_principals_is_caught() {
    caught(Mutant::Server(server::Mutant::OneCursor), Invariant::Views, 78);
}

#[test]
fn a_lost_key_of_idempotency_is_caught() {
    caught(Mutant::Server(server::Mutant::LostKey), Invariant::Once, 0);
}

#[test]
fn a_complaint_in_a_roles_feed_is_caught() {
    caught(Mutant::Server(server::Mutant::ComplaintInRoleFeed), Invariant::Sight, 0);
}

#[test]
fn a_refused_command_that_blocks_the_rest_is_caught() {
    caught(Mutant::Device(device::Mutant::RefusedBlocks), Invariant::Drains, 4);
}

#[test]
fn a_photo_deleted_before_its_receipt_is_caught() {
    caught(Mutant::Device(device::Mutant::PhotoBeforeReceipt), Invariant::Photos, 58);
}

#[test]
fn a_cursor_moved_before_its_page_is_stored_is_caught() {
    caught(Mutant::Device(device::Mutant::CursorBeforePage), Invariant::Views, 1);
}

#[test]
fn a_late_tick_that_leaves_its_stop_missed_is_caught() {
    caught(Mutant::Server(server::Mutant::LateStaysMissed), Invariant::Timely, 0);
}

#[test]
fn a_round_that_the_plan_makes_a_second_time_is_caught() {
    caught(Mutant::Server(server::Mutant::RoundTwice), Invariant::Plan, 0);
}
