//! Commands: how they arrive, what vouches for them, and what becomes of them.
//!
//! A push is looked at as a whole first: its size, its signature, its chain. Nothing of it is kept unless all of that
//! holds. Then its commands are judged one by one, in the order of their chain; each takes its place in the chain
//! whatever the verdict, and a final verdict is stored in the transaction that makes it true.
//!
//! The commands of one site that follow each other are judged in one transaction, which they share with those of others
//! that arrive at the same time: see [`gather`](crate::gather). After a restore, they are [collected](collect) before
//! they are judged.

mod chain;
pub mod collect;
mod journal;
mod judge;
mod push;
pub mod quarantine;
mod refusals;
mod rounds;
pub mod store;

use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use judge::{Court, Run, nowhere};
pub(crate) use push::carry;
pub use push::vouches;

use crate::App;

/// The address of pushing.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(push::push))
}
