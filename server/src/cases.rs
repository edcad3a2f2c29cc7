//! Cases on the server: what they are in a [`Ledger`], what statistics ask of them, and how old ones are found.

mod search;
pub mod store;

use std::collections::BTreeSet;

use shared::{
    case::{Case, CaseEvent, Photo, command::PhotoRef},
    ids::{AttachmentId, CaseId, CaseNumber, PersonId, Principal},
    site::Role,
    time::Ms,
    wire::DocKey,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    App, Error, Mutant,
    ledger::{Aggregate, Ledger, Pictured},
    sites::{Known, Writer},
};

/// The address at which cases are found.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search::search))
}

impl Aggregate for Case {
    type Id = CaseId;
    type Event = CaseEvent;
    const KIND: &'static str = "case";

    fn key(id: CaseId) -> DocKey {
        DocKey::Case(id)
    }

    fn begin(id: CaseId, event: &CaseEvent) -> Option<Case> {
        Case::begin(id, event)
    }

    fn evolve(self, event: &CaseEvent) -> Case {
        Case::evolve(self, event)
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn audience(&self, writer: &Writer, known: &Known) -> BTreeSet<Principal> {
        let mut audience = Case::audience(self, &known.people);
        if self.confidential() && writer.mutated(Mutant::ComplaintInRoleFeed) {
            audience.insert(Principal::Role(Role::Desk));
        }
        audience
    }

    async fn put_facts(writer: &mut Writer, _: &Known, changed: &[Case]) -> Result<(), Error> {
        let site = writer.code().clone();
        Ok(store::put_facts(writer.conn(), &site, changed).await?)
    }
}

impl Pictured for Case {
    const NAMES: [&'static str; 2] = ["case_photos", "case_id"];

    fn named(&self) -> Vec<(PersonId, &PhotoRef)> {
        self.photos.iter().filter_map(|Photo { photo, by, .. }| Some(((*by)?, photo))).collect()
    }

    fn photo_kept(&self, author: PersonId, photo: AttachmentId, sha256: &str, now: Ms) -> Option<CaseEvent> {
        Case::photo_kept(self, author, photo, sha256, now)
    }
}

impl Ledger<Case> {
    /// Whether a case has this number already, in the database or in this transaction.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn number_taken(&self, writer: &mut Writer, number: &CaseNumber) -> Result<bool, Error> {
        if self.all().any(|case| case.number.as_ref() == Some(number)) {
            return Ok(true);
        }
        let site = writer.code().clone();
        Ok(store::number_taken(writer.conn(), &site, number).await?)
    }
}
