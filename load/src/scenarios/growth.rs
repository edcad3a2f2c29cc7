//! What readers get: everything at once, what has changed at a large site, and a poke when it changes.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use server::{App, clock::Clock, config::Settings};
use shared::site::{Member, Role};
use tokio::sync::{mpsc, watch};

use crate::{
    Options,
    client::{Client, deal, push_all},
    crew::{self, Phone, SITE},
    figures::{Figures, now, percentile, since},
    store,
    subject::{Place, Server},
};

/// What a pull says of itself; its documents are only counted.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    docs: Vec<&'a serde_json::value::RawValue>,
    cursor: String,
    more: bool,
}

/// Where a reader stands.
#[derive(Default)]
struct Reader {
    cursor: Option<String>,
    cookie: String,
}

impl Reader {
    fn of(phone: &Phone) -> Reader {
        Reader { cursor: None, cookie: phone.cookie.clone() }
    }

    /// Pulls until there is no more; how many documents and bytes came.
    async fn pull(&mut self, client: &Client, limit: usize) -> anyhow::Result<(usize, usize)> {
        let (mut docs, mut bytes) = (0, 0);
        loop {
            let cursor = self.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let reply =
                client.get(&format!("/api/pull?site={SITE}&limit={limit}{cursor}"), &self.cookie).await?;
            ensure!(reply.status == 200, "{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
            let page: Page<'_> = serde_json::from_slice(&reply.body)?;
            docs += page.docs.len();
            bytes += reply.body.len();
            self.cursor = Some(page.cursor);
            if !page.more {
                return Ok((docs, bytes));
            }
        }
    }
}

fn office(member: &Member) -> bool {
    member.roles.contains(&Role::Desk)
}

fn field_or_desk(member: &Member) -> bool {
    crew::field(member) || crew::desk(member)
}

/// A desk and reporters, out of phones of both.
fn split(phones: Vec<Phone>) -> anyhow::Result<(Phone, Vec<Phone>)> {
    let (mut desks, reporters): (Vec<Phone>, Vec<Phone>) =
        phones.into_iter().partition(|phone| office(&phone.member));
    Ok((desks.pop().context("nobody is at the desk")?, reporters))
}

/// 10,000 documents are handed out.
pub async fn documents(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (pushes, commands) = if options.smoke { (1, 5) } else { (5, 50) };
    let place = Place::new(options).await?;
    let (desk, mut reporters) = split(crew::hire(&place, 60, field_or_desk).await?)?;
    reporters.truncate(40);
    let mut sending = Vec::new();
    for phone in &mut reporters {
        let pushes: anyhow::Result<Vec<_>> = (0..pushes).map(|_| phone.reports(commands)).collect();
        sending.push(pushes?);
    }
    let count = reporters.len() * pushes * commands;
    let subject = Server::start(options, &place).await?;
    let client = Client::of(&subject.url);
    push_all(&client, deal(sending, 16)).await?;
    let before = subject.used()?;
    let start = now();
    let (docs, bytes) = Reader::of(&desk).pull(&client, 500).await?;
    let took = since(start).as_secs_f64();
    let used = subject.used()?;
    ensure!(docs == count + 3, "of {count} documents and the site's three {docs} came");

    let mut figures = Figures::of("10,000 documents to one device");
    figures.note("documents", docs as f64);
    figures.note("seconds", took);
    figures.note("documents/s", docs as f64 / took);
    figures.note("bytes per document", bytes as f64 / docs as f64);
    figures.note("server CPU s", used.cpu - before.cpu);
    figures.note("server peak memory MB", used.peak);
    Ok(vec![figures])
}

/// Pulls of 100 changes while the site grows.
pub async fn growth(options: &Options) -> anyhow::Result<Vec<Figures>> {
    const CHANGES: usize = 100;
    let sizes: &[usize] = if options.smoke { &[50, 100] } else { &[10_000, 100_000, 1_000_000] };
    let pulls = if options.smoke { 2 } else { 30 };
    let place = Place::new(options).await?;
    let (desk, mut reporters) = split(crew::hire(&place, 60, field_or_desk).await?)?;
    let reporter = reporters.first_mut().context("nobody reports")?;
    let mut all = Vec::new();
    let mut first = None;
    let mut filled = 0;
    for size in sizes {
        // The server is started anew, so that its memory is that of this size.
        let subject = Server::start(options, &place).await?;
        let client = Client::of(&subject.url);
        if filled == 0 {
            client.push(&reporter.reports(1)?).await?;
        }
        drop(subject);
        let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
        while filled < *size {
            let next = (filled + 20_000).min(*size);
            let mut tx = app.db.write().await?;
            store::fill(&mut tx, filled, next).await?;
            tx.commit().await?;
            filled = next;
        }
        app.db.close().await;

        let subject = Server::start(options, &place).await?;
        let client = Client::of(&subject.url);
        // A new phone at the desk: it gets what is open, however many cases have ended.
        let mut reader = Reader::of(&desk);
        let start = now();
        reader.pull(&client, 500).await?;
        let first_pull = since(start);
        let mut took = Vec::new();
        for _ in 0..pulls {
            client.push(&reporter.reports(CHANGES / 2)?).await?;
            client.push(&reporter.reports(CHANGES / 2)?).await?;
            let start = now();
            let (docs, _) = reader.pull(&client, 200).await?;
            took.push(since(start));
            ensure!(docs == CHANGES, "of {CHANGES} changes {docs} came");
        }
        took.sort_unstable();
        let median = percentile(&took, 50).context("no pull")?.as_secs_f64();
        let first = *first.get_or_insert(median);
        let used = subject.used()?;
        let mut figures = Figures::of(format!("a pull of 100 changes at {size} cases"));
        figures.note("times the first", median / first);
        figures.percentiles("pull", took);
        figures.note("first pull of a new phone ms", first_pull.as_secs_f64() * 1_000.0);
        figures.note("server memory MB", used.memory);
        figures.note("database MB", place.database_bytes() as f64 / 1e6);
        all.push(figures);
    }
    Ok(all)
}

/// 50 listeners at desks hear of every report.
pub async fn wall(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (listeners, reports) = if options.smoke { (5, 3) } else { (50, 60) };
    let place = Place::new(options).await?;
    let phones = crew::hire(&place, listeners * 20, field_or_desk).await?;
    let (desks, mut reporters): (Vec<Phone>, Vec<Phone>) =
        phones.into_iter().partition(|phone| office(&phone.member));
    ensure!(desks.len() >= listeners, "only {} at the desk", desks.len());
    let reporter = reporters.first_mut().context("nobody reports")?;
    let subject = Server::start(options, &place).await?;
    let client = Client::of(&subject.url);
    let (heard, mut hears) = mpsc::channel(listeners * 2);
    let (sent_at, when) = watch::channel(now());
    for desk in desks.iter().take(listeners) {
        let mut reader = Reader::of(desk);
        reader.pull(&client, 500).await?;
        let (client, heard, when) = (client.clone(), heard.clone(), when.clone());
        tokio::spawn(async move {
            let outcome = listen(&client, &mut reader, &when, &heard).await;
            if let Err(error) = outcome {
                heard.send(Err(error)).await.ok();
            }
        });
    }
    drop(heard);
    for _ in 0..listeners {
        // Each is greeted with a poke when it begins to listen.
        hears.recv().await.context("a listener is gone")??;
    }
    let (mut pokes, mut screens) = (Vec::new(), Vec::new());
    let before = subject.used()?;
    for _ in 0..reports {
        let push = reporter.reports(1)?;
        sent_at.send_replace(now());
        client.push(&push).await?;
        for _ in 0..listeners {
            let next = tokio::time::timeout(Duration::from_secs(20), hears.recv()).await;
            let (poke, screen) = next.context("a poke is missing")?.context("a listener is gone")??;
            pokes.push(poke);
            screens.push(screen);
        }
    }
    let used = subject.used()?;
    let mut figures = Figures::of(format!("{listeners} listeners at the desk"));
    figures.note("reports", reports as f64);
    figures.percentiles("sending to poke", pokes);
    figures.percentiles("sending to pulled", screens);
    figures.note("server CPU ms per report", 1_000.0 * (used.cpu - before.cpu) / f64::from(reports));
    figures.note("server peak memory MB", used.peak);
    Ok(vec![figures])
}

type Heard = anyhow::Result<(Duration, Duration)>;

/// Hears pokes, pulls, and says how long after the sending each was.
async fn listen(
    client: &Client,
    reader: &mut Reader,
    when: &watch::Receiver<std::time::Instant>,
    heard: &mpsc::Sender<Heard>,
) -> anyhow::Result<()> {
    let mut pokes = client.listen(&reader.cookie).await?;
    loop {
        pokes.next().await?;
        let poke = since(*when.borrow());
        reader.pull(client, 200).await?;
        let screen = since(*when.borrow());
        if heard.send(Ok((poke, screen))).await.is_err() {
            return Ok(());
        }
    }
}
