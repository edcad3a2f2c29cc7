//! The world of a test: a server of its own with the two demo properties, a clock, and people with devices.

mod device;
mod world;

use std::{future::Future, pin::Pin};

pub use device::{Device, Reply, complaint, leak};
pub use world::{On, PASSWORD, TestApp, demo, postgres_url};

/// A test of the interface.
#[derive(Clone, Copy)]
pub struct Test {
    /// Module and function.
    pub name: &'static str,
    /// The databases that it is about.
    pub on: &'static [On],
    /// Its body.
    pub body: fn(On) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// Runs a test on a database.
pub fn run(test: Test, on: On) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on((test.body)(on));
}

/// Lists the tests of a module; one that is missing is dead code, which is denied.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $crate::kit::tests![on &[$crate::kit::On::Sqlite, $crate::kit::On::Postgres]; $($name),*];
    };
    (on $on:expr; $($name:ident),* $(,)?) => {
        pub fn tests() -> Vec<$crate::kit::Test> {
            vec![$($crate::kit::Test {
                name: concat!(module_path!(), "::", stringify!($name)),
                on: $on,
                body: |on| Box::pin($name(on)),
            }),*]
        }
    };
}
pub(crate) use tests;

/// The cast, from the demo property: one per role, by staff code.
pub mod cast {
    /// A guard of the subcontractor anda.
    pub const GUARD: &str = "P023";
    /// Another one.
    pub const OTHER_GUARD: &str = "P024";
    /// The on-site lead of anda.
    pub const LEAD: &str = "P022";
    /// A cleaner.
    pub const CLEANER: &str = "P011";
    /// A technician.
    pub const TECHNICIAN: &str = "P044";
    /// Of the service desk.
    pub const DESK: &str = "P003";
    /// Of the control room.
    pub const CONTROL_ROOM: &str = "P018";
    /// The general group's supervisor.
    pub const SUPERVISOR: &str = "P002";
    /// The director.
    pub const DIRECTOR: &str = "P001";
    /// A guard of the other property.
    pub const FOREIGN_GUARD: &str = "P505";
    /// The desk of the other property.
    pub const FOREIGN_DESK: &str = "P503";
}
