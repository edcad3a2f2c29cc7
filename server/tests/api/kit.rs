//! The world of a test: a server of its own with the two demo properties, a clock, and people with devices.

mod device;
mod phone;
mod process;
mod world;

use std::{env, future::Future, pin::Pin};

pub use self::device::{Device, Feed, Reply, complaint, leak};
pub use phone::Phone;
pub use process::{Process, pass_on, program};
pub use world::{On, PASSWORD, TestApp, demo, long_photo, postgres_url, s3_url};

/// A test of the interface.
#[derive(Clone, Copy)]
pub struct Test {
    /// Module and function.
    pub name: &'static str,
    /// The databases that it is about.
    pub on: &'static [On],
    /// What it asks for besides a database.
    pub asks: Asks,
    /// Its body.
    pub body: fn(On) -> Pin<Box<dyn Future<Output = ()>>>,
}

/// What a test asks for; without it, it is listed as ignored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asks {
    Nothing,
    /// More time than every change has: `cargo xtask test --long`.
    Long,
    /// To be root, which mounts a small disk.
    Root,
    /// Node with `tus-js-client`.
    Node,
    /// Python with `tuspy`.
    Python,
}

impl Asks {
    /// Whether it is missing.
    pub fn missing(self) -> bool {
        match self {
            Asks::Nothing => false,
            Asks::Long => true,
            Asks::Root => !is_root(),
            Asks::Node => foreign_node().is_none(),
            Asks::Python => foreign_python().is_none(),
        }
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// The Node that has `tus-js-client` beside the scripts.
pub fn foreign_node() -> Option<String> {
    env::var("TEST_NODE").ok().filter(|path| !path.is_empty())
}

/// The Python that has `tuspy`.
pub fn foreign_python() -> Option<String> {
    env::var("TEST_PYTHON").ok().filter(|path| !path.is_empty())
}

/// Runs a test on a database.
pub fn run(test: Test, on: On) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on((test.body)(on));
}

/// Lists the tests of a module, those that ask for something behind its name; one that is missing is dead code, which is
/// denied.
macro_rules! tests {
    ($($name:ident),* $(,)? $(; $asks:ident: $($asking:ident),* $(,)?)*) => {
        pub fn tests() -> Vec<$crate::kit::Test> {
            const BOTH: &[$crate::kit::On] = &[$crate::kit::On::Sqlite, $crate::kit::On::Postgres];
            vec![
                $($crate::kit::tests!(@one BOTH, $name, Nothing),)*
                $($($crate::kit::tests!(@one BOTH, $asking, $asks),)*)*
            ]
        }
    };
    (on $on:expr; $($name:ident),* $(,)?) => {
        pub fn tests() -> Vec<$crate::kit::Test> {
            vec![$($crate::kit::tests!(@one $on, $name, Nothing)),*]
        }
    };
    (@one $on:expr, $name:ident, $asks:ident) => {
        $crate::kit::Test {
            name: concat!(module_path!(), "::", stringify!($name)),
            on: $on,
            asks: $crate::kit::Asks::$asks,
            body: |on| Box::pin($name(on)),
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
