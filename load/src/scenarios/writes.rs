//! Reports without photos, made beforehand: in batches, and one by one.

use crate::{
    Options, bare,
    client::{Client, Sent, deal, push_all},
    crew::{self, Push},
    figures::Figures,
    scenarios::nothing_is_lost,
    subject::{Place, Server},
};

/// Pushes of 50 over 16 connections.
pub async fn batches(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (phones, pushes) = if options.smoke { (4, 1) } else { (64, 8) };
    let load = Load { phones, before: 1, pushes, commands: 50, connections: 16 };
    Ok(vec![measure(options, "pushes of 50, 16 connections", load).await?])
}

/// Pushes of one from 200 devices at once; and what that takes if they share no transactions.
pub async fn singles(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (phones, pushes) = if options.smoke { (20, 2) } else { (200, 50) };
    let load = Load { phones, before: 10, pushes, commands: 1, connections: phones };
    let mut figures = measure(options, "pushes of 1, 200 devices at once", load).await?;
    let apart = load.send(options, &["--transaction-commands", "1"]).await?.per_second;
    figures.note("commands/s, a transaction for each push", apart);
    if let Some(together) = figures.get(PER_SECOND) {
        figures.note("gain of sharing transactions, times", together / apart);
    }
    Ok(vec![figures])
}

const PER_SECOND: &str = "commands/s";

/// What is sent.
#[derive(Clone, Copy)]
struct Load {
    phones: usize,
    /// Pushes per phone that are not counted: a site begins only once.
    before: usize,
    /// Per phone, one after the other.
    pushes: usize,
    /// Per push.
    commands: usize,
    connections: usize,
}

/// What came of it.
struct Run {
    place: Place,
    per_second: f64,
    sent: Sent,
    /// Requests a second that ask for nothing, over as many connections.
    empty: f64,
    /// Seconds of a core that the server took.
    cpu: f64,
    /// Megabytes of its memory.
    peak: f64,
}

impl Load {
    fn reports(&self) -> usize {
        self.phones * self.pushes * self.commands
    }

    /// Sends it to a server with these flags.
    async fn send(self, options: &Options, flags: &[&str]) -> anyhow::Result<Run> {
        let place = Place::new(options).await?;
        let mut phones = crew::hire(&place, self.phones, crew::field).await?;
        // The phones take turns: what is sent at the same time was made at the same time.
        let mut make = |pushes| -> anyhow::Result<Vec<Vec<Push>>> {
            let mut made: Vec<Vec<Push>> = phones.iter().map(|_| Vec::with_capacity(pushes)).collect();
            for _ in 0..pushes {
                for (phone, made) in phones.iter_mut().zip(&mut made) {
                    made.push(phone.reports(self.commands)?);
                }
            }
            Ok(made)
        };
        let (first, sending) = (make(self.before)?, make(self.pushes)?);
        let subject = Server::start_with(options, &place, flags).await?;
        let client = Client::of(&subject.url);
        push_all(&client, deal(first, self.connections)).await?;
        place.analyze().await?;
        let before = subject.used()?;
        let sent = push_all(&client, deal(sending, self.connections)).await?;
        let used = subject.used()?;
        let empty = bare::requests(options, &client, self.connections).await?;
        drop(subject);
        nothing_is_lost(&place, self.reports() + self.phones * self.before * self.commands).await?;
        let per_second = self.reports() as f64 / sent.all.as_secs_f64();
        Ok(Run { place, per_second, sent, empty, cpu: used.cpu - before.cpu, peak: used.peak })
    }
}

async fn measure(options: &Options, title: &str, load: Load) -> anyhow::Result<Figures> {
    let Run { place, per_second, sent, empty, cpu, peak } = load.send(options, &[]).await?;
    let mut figures = Figures::of(title);
    figures.note("devices", load.phones as f64);
    figures.note(PER_SECOND, per_second);
    let ceiling = bare::ceiling(options, &place).await?;
    figures.note("bare database commands/s", ceiling);
    figures.note("share of the bare database %", 100.0 * per_second / ceiling);
    figures.note("requests/s that ask for nothing", empty);
    figures.note("signatures/s verified by one core", bare::signatures()?);
    figures.percentiles("push", sent.took);
    figures.note("server CPU ms per command", 1_000.0 * cpu / load.reports() as f64);
    figures.note("server CPU s", cpu);
    figures.note("server peak memory MB", peak);
    figures.note("sent MB", sent.up as f64 / 1e6);
    figures.note("received MB", sent.down as f64 / 1e6);
    Ok(figures)
}
