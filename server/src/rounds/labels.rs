//! The labels at checkpoints: made when a place becomes one, replaced when one is lost or has been passed on.
//!
//! A token leaves the server on the printed sheet alone; phones get what it is recognised by.

use std::collections::BTreeSet;

use anyhow::Context;
use shared::{
    ids::{PlaceCode, SiteCode},
    label::{self, Labels, TOKEN_BYTES},
};

use super::{show, store};
use crate::{App, Error, random, sites::Writer};

/// Gives a label to each of some places that has none.
///
/// # Errors
/// If the database fails, or the system has no randomness.
pub async fn ensure(writer: &mut Writer, places: &BTreeSet<PlaceCode>) -> Result<(), Error> {
    let (site, now) = (writer.code().clone(), writer.now());
    let present = store::labels(writer.conn(), &site, places).await?;
    let labelled: BTreeSet<&PlaceCode> =
        present.iter().filter(|row| row.replaced.is_none()).map(|row| &row.place).collect();
    for place in places.iter().filter(|place| !labelled.contains(place)) {
        store::add_label(writer.conn(), &site, place, &new_token()?, now).await?;
    }
    Ok(())
}

/// What the labels at some places are recognised by, those that were replaced too.
///
/// # Errors
/// If the database fails.
pub async fn at(writer: &mut Writer, places: &BTreeSet<PlaceCode>) -> Result<Labels, Error> {
    let site = writer.code().clone();
    let mut labels = Labels::new();
    for row in store::labels(writer.conn(), &site, places).await? {
        let label = label::Label { replaced: row.replaced, ..label::Label::of(&row.token) };
        labels.entry(row.place).or_default().push(label);
    }
    Ok(labels)
}

fn new_token() -> anyhow::Result<String> {
    label::token(&random::bytes::<TOKEN_BYTES>()?).context("a token is too short")
}

/// Makes new labels for some places; those that hang there count as replaced from now on.
///
/// # Errors
/// If there is no such site or label, or the database fails; then all hang as before.
pub async fn replace(app: &App, site: &SiteCode, places: &BTreeSet<PlaceCode>) -> anyhow::Result<()> {
    let Some(mut writer) = Writer::begin(app, site).await? else { anyhow::bail!("there is no site {site}") };
    let (known, now) = (writer.known()?, writer.now());
    for place in places {
        if !store::replace_label(writer.conn(), site, place, now).await? {
            anyhow::bail!("no label hangs at {place}");
        }
        store::add_label(writer.conn(), site, place, &new_token()?, now).await?;
    }
    let routes = super::all(&mut writer).await?;
    let passing: Vec<_> = routes
        .all()
        .filter(|route| route.design.stops.iter().any(|stop| places.contains(&stop.place)))
        .cloned()
        .collect();
    for mut route in passing {
        route.labels = at(&mut writer, &super::places(std::slice::from_ref(&route))).await?;
        show(&mut writer, &known, &route)?;
    }
    writer.commit().await?;
    Ok(())
}
