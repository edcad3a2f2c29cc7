//! A phone's engine, with a server of a few lines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod carry;
mod drafts;
mod kit;
mod left;
mod mends;
mod room;
mod stays;
