//! Routes of a property's file.
//!
//! The file and the app both change routes. So a file that is imported again changes those that it says otherwise than
//! before, and leaves alone what was changed in the app since.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::{
    Rejection,
    ids::{PersonId, RouteCode, RouteId},
    route::{self, Route, RouteCommand},
    time::EventTime,
};

use super::{change, labels};
use crate::{
    Error,
    ledger::Ledgers,
    sites::{Writer, import::Plan},
};

/// Takes the routes of a file over into its site, whose file was `before` until now, and gives a label to each checkpoint.
///
/// # Errors
/// What a route is refused for; or if the database fails.
pub(crate) async fn take(
    writer: &mut Writer,
    plan: &Plan,
    before: &str,
    ids: &BTreeMap<String, PersonId>,
) -> Result<(), Error> {
    let (was, is) = (routes(before), routes(&plan.source));
    let mut ledgers = Ledgers::default();
    for (code, design) in plan.designs(ids) {
        let id = RouteId::of(&plan.code, &code);
        let present = ledgers.routes.find(writer, id).await?;
        let said = was.get(code.as_str()) == is.get(code.as_str());
        if present.is_some_and(|route| said || (!route.retired && route.design == design)) {
            continue;
        }
        let (version, from) = (present.map_or(0, |route| route.version), present.map(Route::stamp));
        judge(writer, &mut ledgers, id, &RouteCommand::Save { code, version, from, design }).await?;
    }
    for code in was.keys().filter(|code| !is.contains_key(*code)) {
        let code = RouteCode(code.clone());
        let id = RouteId::of(&plan.code, &code);
        if ledgers.routes.find(writer, id).await?.is_some() {
            judge(writer, &mut ledgers, id, &RouteCommand::Retire { code }).await?;
        }
    }
    labels::ensure(writer, &plan.checkpoints).await?;
    ledgers.write(writer).await
}

async fn judge(
    writer: &mut Writer,
    ledgers: &mut Ledgers,
    id: RouteId,
    command: &RouteCommand,
) -> Result<(), Error> {
    let known = writer.known()?;
    let context = route::Context {
        actor: None,
        site: &known.site.code,
        places: &known.places,
        people: &known.people,
        now: EventTime::exact(writer.now()),
    };
    let decided = command.decide(id, ledgers.routes.find(writer, id).await?, &context);
    let events = decided.map_err(|rejection: Rejection| rejection.with("route", command.code()))?;
    change(writer, ledgers, id, &events, None).await?;
    Ok(())
}

/// The routes as a file says them, by code.
fn routes(source: &str) -> BTreeMap<String, Value> {
    let file: Value = serde_json::from_str(source).unwrap_or_default();
    let routes = file["routes"].as_array().cloned().unwrap_or_default();
    routes.into_iter().filter_map(|route| Some((route["code"].as_str()?.to_owned(), route))).collect()
}
