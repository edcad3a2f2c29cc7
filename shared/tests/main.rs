//! The tests of the rules and of the wire, in one program: linking one for each file takes longer than running them all.

mod kit;

mod commands;
mod deadlines;
mod json;
mod properties;
mod quarantine;
mod relay;
mod rounds;
mod rounds_report;
mod rounds_trust;
mod rounds_who_may_do_what;
mod rounds_wire;
mod routes;
mod sync;
mod time;
mod views;
mod who_may_do_what;
mod wire;
