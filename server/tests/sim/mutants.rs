//! Mistakes that would lose or leak something: the simulator must notice each of them.

use crate::world::{self, Run};

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
const SEEDS: u64 = 150;

fn caught(mutant: Mutant) {
    let seeds: Vec<u64> = (0..SEEDS).collect();
    let first = world::first_failure(&seeds, |seed| Run { mutant: Some(mutant), ..Run::of(seed) });
    match first {
        Some(failure) => println!("{mutant:?}: seed {} says: {}", failure.run.seed, failure.reason),
        None => panic!("{mutant:?} went unnoticed for {SEEDS} seeds"),
    }
}

#[test]
fn a_plain_serial_cursor_is_caught() {
    caught(Mutant::Server(server::Mutant::SerialCursor));
}

#[test]
fn one_cursor_for_all_principals_is_caught() {
    caught(Mutant::Server(server::Mutant::OneCursor));
}

#[test]
fn a_lost_key_of_idempotency_is_caught() {
    caught(Mutant::Server(server::Mutant::LostKey));
}

#[test]
fn a_complaint_in_a_roles_feed_is_caught() {
    caught(Mutant::Server(server::Mutant::ComplaintInRoleFeed));
}

#[test]
fn a_refused_command_that_blocks_the_rest_is_caught() {
    caught(Mutant::Device(device::Mutant::RefusedBlocks));
}

#[test]
fn a_photo_deleted_before_its_receipt_is_caught() {
    caught(Mutant::Device(device::Mutant::PhotoBeforeReceipt));
}

#[test]
fn a_cursor_moved_before_its_page_is_stored_is_caught() {
    caught(Mutant::Device(device::Mutant::CursorBeforePage));
}
