//! Routes and rounds on the server: what they are in a [`Ledger`](crate::ledger::Ledger), the versions by which rounds are
//! judged, the [`labels`] at their places and the [`sheet`] on which they are printed, what the server does by the plan
//! ([`keeper`]), and what there is to say of rounds afterwards ([`report`], [`usual`]).
//!
//! A round's document is made when it begins, by the server or by whoever starts it first.

pub(crate) mod import;
pub mod keeper;
pub mod labels;
pub mod report;
pub mod sheet;
pub mod store;
mod table;
pub mod usual;

use std::{collections::BTreeSet, sync::Arc};

use shared::{
    case::command::PhotoRef,
    ids::{AttachmentId, CommandId, PersonId, PlaceCode, Principal, RoundId, RouteId},
    round::{Round, RoundEvent},
    route::{Route, RouteEvent},
    site::{People, Site},
    time::Ms,
    wire::DocKey,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App, Error,
    ledger::{Aggregate, Ledger, Ledgers, Pictured},
    sites::{Known, Publication, Writer},
};

/// The addresses of what belongs to rounds and does not travel as commands and documents.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sheet::labels))
        .routes(routes!(report::report))
        .routes(routes!(report::readings))
}

impl Aggregate for Route {
    type Id = RouteId;
    type Event = RouteEvent;
    const KIND: &'static str = "route";

    fn key(id: RouteId) -> DocKey {
        DocKey::Route(id)
    }

    fn begin(id: RouteId, event: &RouteEvent) -> Option<Route> {
        Route::begin(id, event)
    }

    fn evolve(self, event: &RouteEvent) -> Route {
        Route::evolve(self, event)
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn audience(&self, _: &Writer, known: &Known) -> BTreeSet<Principal> {
        Route::audience(self, &known.site, &known.people)
    }

    fn document(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.view())
    }

    async fn put_facts(writer: &mut Writer, known: &Known, changed: &[Route]) -> Result<(), Error> {
        let (site, now) = (writer.code().clone(), writer.now());
        for route in changed {
            let next = route.next_round(now, &known.zone).map(|slot| slot.from);
            store::put_route(writer.conn(), &site, route, next, now).await?;
        }
        Ok(())
    }
}

impl Aggregate for Round {
    type Id = RoundId;
    type Event = RoundEvent;
    const KIND: &'static str = "round";

    fn key(id: RoundId) -> DocKey {
        DocKey::Round(id)
    }

    fn begin(id: RoundId, event: &RoundEvent) -> Option<Round> {
        Round::begin(id, event)
    }

    fn evolve(self, event: &RoundEvent) -> Round {
        Round::evolve(self, event)
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn audience(&self, _: &Writer, _: &Known) -> BTreeSet<Principal> {
        Round::audience(self)
    }

    async fn put_facts(writer: &mut Writer, _: &Known, changed: &[Round]) -> Result<(), Error> {
        let site = writer.code().clone();
        Ok(store::put_rounds(writer.conn(), &site, changed).await?)
    }
}

impl Pictured for Round {
    const NAMES: [&'static str; 2] = ["round_photos", "round_id"];

    fn named(&self) -> Vec<(PersonId, &PhotoRef)> {
        let by = |event: &RoundEvent| event.by;
        let events = self.log.iter().filter_map(|event| Some((by(event)?, event)));
        events.flat_map(|(author, event)| event.change.photos().map(move |photo| (author, photo))).collect()
    }

    fn photo_kept(&self, author: PersonId, photo: AttachmentId, sha256: &str, now: Ms) -> Option<RoundEvent> {
        Round::photo_kept(self, author, photo, sha256, now)
    }
}

/// Adds events that the rules have decided to a route, and sees to it that each of its places has a label. Answers with the
/// sequence number and version that it has then.
///
/// # Errors
/// If the database fails, or the system has no randomness.
pub(crate) async fn change(
    writer: &mut Writer,
    ledgers: &mut Ledgers,
    id: RouteId,
    events: &[RouteEvent],
    command: Option<CommandId>,
) -> Result<(i64, u32), Error> {
    let answer = ledgers.routes.append(writer, id, events, command)?;
    ledgers.versions.remove(&id);
    if let Some(route) = ledgers.routes.get_mut(id).filter(|_| !events.is_empty()) {
        let places = places(std::slice::from_ref(route));
        labels::ensure(writer, &places).await?;
        route.labels = labels::at(writer, &places).await?;
    }
    Ok(answer)
}

/// Every version of a route, oldest first, the last one with all labels that ever hung at any of their places.
///
/// # Errors
/// If the database fails.
pub(crate) async fn versions(
    writer: &mut Writer,
    ledgers: &mut Ledgers,
    id: RouteId,
) -> Result<Arc<Vec<Route>>, Error> {
    if let Some(versions) = ledgers.versions.get(&id) {
        return Ok(Arc::clone(versions));
    }
    let mut versions: Vec<Route> = Vec::new();
    for event in ledgers.routes.events(writer, id).await? {
        versions.extend(match versions.last() {
            Some(route) => Some(route.clone().evolve(&event)),
            None => Route::begin(id, &event),
        });
    }
    let places = places(&versions);
    if let Some(last) = versions.last_mut() {
        last.labels = labels::at(writer, &places).await?;
    }
    let versions = Arc::new(versions);
    ledgers.versions.insert(id, Arc::clone(&versions));
    Ok(versions)
}

fn places(routes: &[Route]) -> BTreeSet<PlaceCode> {
    routes.iter().flat_map(|route| &route.design.stops).map(|stop| stop.place.clone()).collect()
}

/// The routes of the writer's site.
///
/// # Errors
/// If the database fails.
async fn all(writer: &mut Writer) -> Result<Ledger<Route>, Error> {
    let site = writer.code().clone();
    let codes = store::codes(writer.conn(), &site).await?;
    let mut routes = Ledger::default();
    routes.load(writer, codes.iter().map(|code| RouteId::of(&site, code))).await?;
    Ok(routes)
}

/// Looks again at who may see the routes of a site whose people or settings have changed.
///
/// # Errors
/// If the database fails.
pub(crate) async fn readdress(writer: &mut Writer, site: &Site, people: &People) -> Result<(), Error> {
    for route in all(writer).await?.all() {
        let audience = Route::audience(route, site, people);
        writer.readdress(DocKey::Route(route.id), &audience, &BTreeSet::new()).await?;
    }
    Ok(())
}

/// Shows a route as it is to whom it concerns, though no event has changed it.
fn show(writer: &mut Writer, known: &Known, route: &Route) -> Result<(), Error> {
    let body = route.document().map_err(anyhow::Error::from)?;
    let audience = Aggregate::audience(route, writer, known);
    let (key, version, seq) = (DocKey::Route(route.id), i64::from(route.version), writer.next_seq());
    writer.publish(Publication { key, version, seq, born: None, body, audience: &audience });
    Ok(())
}
