//! Reports without photos, made beforehand: in batches, and one by one.

use crate::{
    Options, bare,
    client::{Client, deal, push_all},
    crew::{self, Push},
    figures::Figures,
    scenarios::nothing_is_lost,
    subject::{Place, Server},
};

/// Pushes of 50 over 16 connections.
pub async fn batches(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (phones, pushes) = if options.smoke { (4, 1) } else { (64, 8) };
    measure(options, "pushes of 50, 16 connections", Load { phones, pushes, commands: 50, connections: 16 })
        .await
}

/// Pushes of one from 200 devices at once.
pub async fn singles(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (phones, pushes) = if options.smoke { (20, 2) } else { (200, 50) };
    let load = Load { phones, pushes, commands: 1, connections: phones };
    measure(options, "pushes of 1, 200 devices at once", load).await
}

/// What is sent.
struct Load {
    phones: usize,
    /// Per phone, one after the other.
    pushes: usize,
    /// Per push.
    commands: usize,
    connections: usize,
}

async fn measure(options: &Options, title: &str, load: Load) -> anyhow::Result<Vec<Figures>> {
    let place = Place::new(options).await?;
    let mut phones = crew::hire(&place, load.phones, crew::field).await?;
    let mut sending: Vec<Vec<Push>> = Vec::new();
    for phone in &mut phones {
        sending.push((0..load.pushes).map(|_| phone.reports(load.commands)).collect::<anyhow::Result<_>>()?);
    }
    let reports = load.phones * load.pushes * load.commands;
    let subject = Server::start(options, &place).await?;
    let client = Client::of(&subject.url);
    let before = subject.used()?;
    let sent = push_all(&client, deal(sending, load.connections)).await?;
    let used = subject.used()?;
    drop(subject);
    nothing_is_lost(&place, reports).await?;

    let mut figures = Figures::of(title);
    let per_second = reports as f64 / sent.all.as_secs_f64();
    figures.note("devices", load.phones as f64);
    figures.note("commands/s", per_second);
    let ceiling = bare::ceiling(options, &place).await?;
    figures.note("bare database commands/s", ceiling);
    figures.note("share of the bare database %", 100.0 * per_second / ceiling);
    figures.percentiles("push", sent.took);
    figures.note("server CPU ms per command", 1_000.0 * (used.cpu - before.cpu) / reports as f64);
    figures.note("server CPU s", used.cpu - before.cpu);
    figures.note("server peak memory MB", used.peak);
    figures.note("sent MB", sent.up as f64 / 1e6);
    figures.note("received MB", sent.down as f64 / 1e6);
    Ok(vec![figures])
}
