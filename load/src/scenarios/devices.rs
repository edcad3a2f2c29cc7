//! Devices that run the engine which the app runs: after an outage, over a day, new, and idle.

use std::time::Duration;

use anyhow::{Context, ensure};
use device::{Ask, Engine, Local, Nudge, PlatformError, Subject, platform::Platform};
use serde_json::json;
use server::{App, clock::Clock, config::Settings};
use shared::{
    case::CaseCommand,
    ids::SiteCode,
    session::{Session, SessionSite},
    site::Member,
    sync::Delivery,
    wire::Doc,
};
use tokio::task::LocalSet;

use crate::{
    Options,
    client::{Client, deal, push_all},
    crew::{self, SITE, admit, cookie, found},
    figures::{Figures, now, since},
    machine::{Did, Machine},
    relay::{AT_ONCE, FOUR_G, Relay},
    scenarios::nothing_is_lost,
    subject::{Place, Server, Used},
};

/// A device and who uses it.
struct Unit {
    engine: Engine<Machine>,
    site: SiteCode,
    member: Member,
    /// Reports made.
    made: u64,
}

impl Unit {
    /// A device on which somebody of a site is signed in.
    async fn new(app: &App, number: u64, site: SiteCode, member: Member) -> anyhow::Result<Unit> {
        let token = format!("device-{number}");
        let machine = Machine::new(number, cookie(&token));
        let local = Local::open(&machine, "device").await.map_err(failed)?;
        let public_key = local.public_key().await.map_err(failed)?;
        let mut tx = app.db.write().await?;
        admit(&mut tx, local.device, member.id, &public_key, &token).await?;
        tx.commit().await?;
        let session = Session {
            person: member.id,
            name: member.name.clone(),
            sites: vec![SessionSite { code: site.clone(), name: site.to_string() }],
            chain: None,
            server_time: machine.now(),
            epoch: app.epoch.clone(),
            relay_key: None,
        };
        local.keep_session(Some(&session)).await.map_err(failed)?;
        machine.hear(session.server_time);
        Ok(Unit { engine: Engine::new(local), site, member, made: number })
    }

    fn machine(&self) -> &Machine {
        self.engine.local().platform()
    }

    /// Makes so many reports and saves them on the device.
    async fn report(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            self.made += 1;
            let command: CaseCommand = serde_json::from_value(json!({ "case.report": found(self.made) }))?;
            let subject = Subject {
                author: self.member.id,
                site: self.site.clone(),
                aggregate: self.machine().new_id().map_err(failed)?,
                base: None,
            };
            self.engine.local().commit(&subject, &[Ask::from(&command)], &[], None).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Syncs until there is nothing more to do. What fails is tried again, as the engine says when.
    async fn sync(&mut self) -> anyhow::Result<()> {
        let patience = now() + Duration::from_secs(300);
        while now() < patience {
            let planned = match self.engine.plan(true).await {
                Ok(planned) => planned,
                Err(error) => return Err(failed(error)),
            };
            let busy = planned.is_busy();
            let taken = self.engine.take(planned, || None).await.map_err(failed)?;
            let waits = taken.wait.map(|until| until.since(self.machine().now()).max(0));
            if !busy && self.engine.at_ease() {
                return Ok(());
            }
            if let Some(ms) = waits {
                tokio::time::sleep(Duration::from_millis(ms.unsigned_abs().min(5_000))).await;
            }
        }
        anyhow::bail!("a device is not through after five minutes")
    }

    /// How many of its commands the server does not have yet.
    async fn unsent(&self) -> anyhow::Result<usize> {
        let outbox = self.engine.local().outbox().await.map_err(failed)?;
        Ok(outbox.iter().filter(|row| !matches!(row.delivery, Delivery::Done { .. })).count())
    }
}

fn failed(error: PlatformError) -> anyhow::Error {
    anyhow::anyhow!("a device: {error}")
}

/// The guards of a property who report to one desk.
const GUARDS: usize = 50;

/// So many devices, each of a guard of its own.
async fn units(place: &Place, count: usize) -> anyhow::Result<Vec<Unit>> {
    let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
    let guards = crew::guards(&app, count.div_ceil(GUARDS), GUARDS).await?;
    let mut units = Vec::with_capacity(count);
    for (number, (site, member)) in (0..).zip(guards).take(count) {
        units.push(Unit::new(&app, number, site, member).await?);
    }
    app.db.close().await;
    ensure!(units.len() == count, "only {} guards", units.len());
    Ok(units)
}

/// Lets devices do something, so many at a time, and gives them back.
async fn each<F>(units: Vec<Unit>, at_once: usize, what: F) -> anyhow::Result<Vec<Unit>>
where
    F: AsyncFn(&mut Unit) -> anyhow::Result<()> + Clone + 'static,
{
    let mut done = Vec::with_capacity(units.len());
    let mut units = units.into_iter();
    let set = LocalSet::new();
    set.run_until(async {
        let mut tasks = tokio::task::JoinSet::new();
        loop {
            while tasks.len() < at_once
                && let Some(mut unit) = units.next()
            {
                let what = what.clone();
                tasks.spawn_local(async move {
                    what(&mut unit).await?;
                    anyhow::Ok(unit)
                });
            }
            match tasks.join_next().await {
                Some(unit) => done.push(unit.context("a device ended")??),
                None => return anyhow::Ok(()),
            }
        }
    })
    .await?;
    Ok(done)
}

/// What devices have sent since this was last asked.
fn did(units: &[Unit]) -> Did {
    units.iter().map(|unit| unit.machine().did()).fold(Did::default(), |mut all, did| {
        all.pushes.extend(did.pushes);
        all.pulls.extend(did.pulls);
        all.errors += did.errors;
        all.bytes += did.bytes;
        all
    })
}

/// What a device has reported before the outage.
const BEFORE: usize = 2;

/// Everybody back at once, each with 50 reports.
pub async fn outage(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (devices, reports) = if options.smoke { (10, 5) } else { (1_000, 50) };
    let place = Place::new(options).await?;
    let units = units(&place, devices).await?;
    let subject = Server::start(options, &place).await?;
    let client = Client::of(&subject.url);
    for unit in &units {
        unit.machine().connect(&client);
    }
    // Everybody has the site's documents and has reported before, and then makes reports without a network.
    let units = each(units, 16, async |unit| {
        unit.report(BEFORE).await?;
        unit.sync().await
    })
    .await?;
    place.analyze().await?;
    let units = each(units, devices, async move |unit| unit.report(reports).await).await?;
    did(&units);
    subject.forget_peak()?;
    let before = subject.used()?;
    let start = now();
    let units = each(units, devices, async |unit| {
        unit.engine.nudged(Nudge::Online).await.map_err(failed)?;
        unit.sync().await
    })
    .await?;
    let took = since(start).as_secs_f64();
    let used = subject.used()?;
    let mut unsent = 0;
    for unit in &units {
        unsent += unit.unsent().await?;
    }
    ensure!(unsent == 0, "{unsent} commands are still on devices");
    drop(subject);
    nothing_is_lost(&place, devices * (BEFORE + reports)).await?;

    let mut figures = Figures::of(format!("{devices} devices back at once with {reports} reports each"));
    figures.note("seconds until all are through", took);
    note(&mut figures, &units, devices * reports, took, [before, used]);
    Ok(vec![figures])
}

/// Notes what devices have sent, and what it cost the server from one reading to the next.
fn note(figures: &mut Figures, units: &[Unit], commands: usize, took: f64, [before, used]: [Used; 2]) {
    let did = did(units);
    figures.note("devices", units.len() as f64);
    figures.note("commands/s", commands as f64 / took);
    figures.percentiles("push", did.pushes);
    figures.percentiles("pull", did.pulls);
    figures.note("bodies MB", did.bytes as f64 / 1e6);
    figures.note("errors", did.errors as f64);
    figures.note("server CPU s", used.cpu - before.cpu);
    figures.note("server peak memory MB", used.peak);
}

/// Devices that report, listen, and read what the others do.
pub async fn day(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (devices, rounds) = if options.smoke { (5, 2) } else { (200, 6) };
    let pause = Duration::from_millis(if options.smoke { 10 } else { 5_000 });
    let place = Place::new(options).await?;
    let units = units(&place, devices).await?;
    let subject = Server::start(options, &place).await?;
    let client = Client::of(&subject.url);
    for unit in &units {
        unit.machine().connect(&client);
    }
    let units = each(units, 16, async |unit| unit.sync().await).await?;
    did(&units);
    let before = subject.used()?;
    let start = now();
    let units = each(units, devices, async move |unit| {
        // Not all at the same moment.
        let place = u32::try_from(unit.made % 100).unwrap_or(0);
        tokio::time::sleep(pause * place / 100).await;
        let mut pokes = client.listen(unit.machine().cookie()).await?;
        for _ in 0..rounds {
            unit.report(1).await?;
            unit.engine.nudged(Nudge::Saved).await.map_err(failed)?;
            unit.sync().await?;
            let next = now() + pause;
            while let Ok(poked) =
                tokio::time::timeout(next.saturating_duration_since(now()), pokes.next()).await
            {
                poked?;
                unit.engine.nudged(Nudge::Poked(unit.site.clone())).await.map_err(failed)?;
                unit.sync().await?;
            }
        }
        Ok(())
    })
    .await?;
    let took = since(start).as_secs_f64();
    let used = subject.used()?;
    drop(subject);
    nothing_is_lost(&place, devices * rounds).await?;

    let mut figures = Figures::of(format!("{devices} devices that report every 5 s, listen and read"));
    note(&mut figures, &units, devices * rounds, took, [before, used]);
    Ok(vec![figures])
}

/// A new phone at the desk gets 2,000 documents over 4G.
pub async fn first(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let pushes = if options.smoke { 1 } else { 20 };
    let place = Place::new(options).await?;
    let mut phones = crew::hire(&place, 2, crew::field).await?;
    let (unit, subject) = with_one(options, &place, crew::desk).await?;
    let client = Client::of(&subject.url);
    let mut sending = Vec::new();
    for phone in &mut phones {
        sending.push((0..pushes).map(|_| phone.reports(50)).collect::<anyhow::Result<_>>()?);
    }
    push_all(&client, deal(sending, 2)).await?;
    let count = phones.len() * pushes * 50;

    let relay = Relay::to(&subject.url, FOUR_G).await?;
    unit.machine().connect(&Client::of(&relay.url));
    let start = now();
    let units = each(vec![unit], 1, async |unit| unit.sync().await).await?;
    let took = since(start);
    let unit = units.first().context("the device is gone")?;
    let stock = unit.engine.local().stock().await.map_err(failed)?;
    let cases = stock.docs.iter().filter(|(_, doc)| matches!(doc, Doc::Case(_))).count();
    ensure!(cases == count, "of {count} cases {cases} came");

    let mut figures = Figures::of(format!("first sync of {count} documents over 4G"));
    figures.note("seconds", took.as_secs_f64());
    figures.note("pulls", did(&units).pulls.len() as f64);
    figures.note("bytes on the line", relay.bytes() as f64);
    Ok(vec![figures])
}

/// A phone on which nothing happens: it is on screen, listens, and asks every 45 seconds.
pub async fn idle(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let seconds = if options.smoke { 1 } else { 180 };
    let place = Place::new(options).await?;
    let (mut unit, subject) = with_one(options, &place, crew::field).await?;
    let relay = Relay::to(&subject.url, AT_ONCE).await?;
    let client = Client::of(&relay.url);
    unit.machine().connect(&client);
    unit.sync().await?;
    let pokes = client.listen(&cookie("device-0")).await?;
    let before = relay.bytes();
    let end = now() + Duration::from_secs(seconds);
    while now() < end {
        // What the engine plans by itself while the app is on screen.
        unit.sync().await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let bytes = relay.bytes() - before;
    drop(pokes);
    let mut figures = Figures::of("an idle phone, on screen");
    figures.note("bytes/h", bytes as f64 * 3_600.0 / seconds as f64);
    figures.note("pulls", did(&[unit]).pulls.len() as f64);
    Ok(vec![figures])
}

/// A device of somebody, and a server that knows it.
async fn with_one(
    options: &Options,
    place: &Place,
    who: impl Fn(&Member) -> bool,
) -> anyhow::Result<(Unit, Server)> {
    let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
    let member =
        crew::people(&app).await?.into_iter().find(|member| who(member)).context("nobody is there")?;
    let unit = Unit::new(&app, 0, SITE.into(), member).await?;
    app.db.close().await;
    Ok((unit, Server::start(options, place).await?))
}
