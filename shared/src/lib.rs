//! The rules of Firsthand and the wire between its devices and its server.
//!
//! This crate does no IO, asks for no time and draws no random number: clocks, ids and keys come in as arguments. The
//! server and the app run the same functions on the same types, so that a phone in a basement and the server in its
//! rack judge alike.
//!
//! Where to start: [`case`] holds the rules of a reported problem (`decide`, `evolve`, `view`, `deadlines`), [`route`] and
//! [`round`] those of what is walked by plan, [`wire`] the whole protocol, [`sync`] what a device does next, [`site`] the
//! property as its staff see it.

pub mod case;
pub mod code;
pub mod ids;
pub mod json;
pub mod label;
pub mod quarantine;
pub mod rejection;
pub mod relay;
pub mod round;
pub mod route;
pub mod session;
pub mod site;
pub mod sync;
pub mod time;
pub mod unread;
pub mod wire;

pub use code::Code;
pub use rejection::Rejection;
