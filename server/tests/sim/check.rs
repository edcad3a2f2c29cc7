//! What must hold when everything has come to rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display, Formatter},
};

use anyhow::{Context, bail, ensure};
use device::{Table, memory::MemoryStore};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use server::{
    App, accounts, cases,
    db::Conn,
    feed,
    files::{photo::Checker, store as uploads},
    ledger::{Aggregate, store as ledger},
    sites,
};
use shared::{
    Code,
    case::{Case, CaseEvent, CaseView},
    ids::{AttachmentId, CaseId, CommandId, PersonId, Principal, RoundId, SiteCode},
    round::Round,
    route::Route,
    site::{Member, People, Site},
    sync::{Delivery, OutboxRow, UploadRow, UploadState},
    time::{HOUR, Ms},
    unread::Unread,
    wire::{self, Doc, DocKey, Envelope, GENESIS, Part, Verdict},
};
use sqlx::Row;

use crate::{
    backend::{Backend, SITES},
    oracle, plan,
    world::{World, ready},
};

/// Cases that ended so long ago are not on phones any more.
const STAYS: i64 = 30 * 24 * HOUR;
/// Rounds whose windows ended so long ago neither.
const ROUNDS_STAY: i64 = 7 * 24 * HOUR;

/// What must hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Invariant {
    /// Nothing acknowledged is lost.
    Kept,
    /// Every command takes effect at most once.
    Once,
    /// A command has one final verdict.
    Verdict,
    /// What one device does to a case takes effect in the order in which it was done.
    Order,
    /// Nobody holds what they may not see.
    Sight,
    /// Every queue drains.
    Drains,
    /// What a phone shows is the server's view of the same document.
    Views,
    /// A photo is as it was taken.
    Photos,
    /// Chains are whole, and signed by their authors.
    Chains,
    /// A document is the fold of its events.
    Fold,
    /// What cannot come back after a restore is named, and nothing else is.
    Named,
    /// What is refused is refused by the rules, and changes nothing.
    Refusals,
    /// What somebody who has left had made waits for the office, and becomes what that says.
    Quarantine,
    /// A round is once, and where the plan has it.
    Plan,
    /// Whoever was at a stop in time is told to have been, however late that arrives.
    Timely,
    /// What somebody did in a round is in it once, as it was done, and when.
    Walked,
    /// A case that was found at a stop and the round name each other.
    Linked,
}

impl Display for Invariant {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl Invariant {
    /// It does not hold, as can be seen from this.
    pub fn broken(self, what: impl Into<String>) -> anyhow::Error {
        anyhow::Error::msg(what.into()).context(self)
    }
}

/// All that moves at the server: what feeds say, which commands have their verdict, and which photos are here.
///
/// Not how far the sites have counted: a server that draws numbers which it does not use would never seem to rest, and
/// be told from a right one by that alone.
pub fn state(world: &World) -> anyhow::Result<[i64; 3]> {
    world.backend.run(state_of(&world.backend.app))
}

async fn state_of(app: &App) -> anyhow::Result<[i64; 3]> {
    let mut conn = app.db.connection().await?;
    let mut state = [0; 3];
    for (part, query) in state.iter_mut().zip([
        "select coalesce(sum(seq), 0) from feed",
        "select count(*) from commands where status in ('done', 'rejected')",
        "select count(*) from uploads where mime is not null",
    ]) {
        *part = sqlx::query_scalar(query).fetch_one(&mut *conn).await?;
    }
    Ok(state)
}

/// Everybody's staff code, by where they serve.
pub fn codes(backend: &Backend) -> anyhow::Result<BTreeMap<(SiteCode, PersonId), String>> {
    backend.run(async {
        let mut codes = BTreeMap::new();
        for site in SITES.map(SiteCode::from) {
            for member in sites::store::members(&mut *backend.app.db.connection().await?, &site).await? {
                codes.insert((site.clone(), member.id), member.code);
            }
        }
        anyhow::Ok(codes)
    })
}

/// The numbers of all cases.
pub fn numbers(world: &World) -> anyhow::Result<BTreeMap<CaseId, (SiteCode, String)>> {
    world.backend.run(all_numbers(&world.backend.app))
}

async fn all_numbers(app: &App) -> anyhow::Result<BTreeMap<CaseId, (SiteCode, String)>> {
    let mut numbers = BTreeMap::new();
    for site in SITES.map(SiteCode::from) {
        for case in all_cases(app, &site).await? {
            if let Some(number) = case.number {
                numbers.insert(case.id, (site.clone(), number.0));
            }
        }
    }
    Ok(numbers)
}

/// A command as the server has it.
pub struct Known {
    pub device: String,
    pub author: PersonId,
    pub n: u64,
    pub hash: String,
    pub id: CommandId,
    pub aggregate: Option<String>,
    /// What it waits for, if that is not what it is about.
    pub lacks: Option<String>,
    pub text: String,
    pub status: String,
    pub verdict: Verdict,
    /// When it was made, as far as the server can know.
    pub event_at: Ms,
    pub uncertain: bool,
}

/// What a person has on a phone.
pub struct Database {
    pub phone: usize,
    pub name: String,
    person: PersonId,
    pub docs: BTreeMap<(SiteCode, DocKey), Doc>,
    pub outbox: Vec<OutboxRow>,
    pub uploads: Vec<UploadRow>,
    pub blobs: Vec<String>,
}

pub fn at_rest(world: &World) -> anyhow::Result<()> {
    let missing = if world.ledger.restored { world.backend.missing()? } else { String::new() };
    world.backend.run(all_holds(world, &missing))
}

async fn all_holds(world: &World, missing: &str) -> anyhow::Result<()> {
    let app = &world.backend.app;
    let commands = commands(app).await?;
    let databases = databases(world)?;
    // Whoever has left cannot sign in, and what they have is where it was.
    let mut present = BTreeSet::new();
    for database in &databases {
        let mut conn = app.db.connection().await?;
        if !accounts::store::sites_of(&mut conn, database.person).await?.is_empty() {
            present.insert(database.person);
        }
    }
    hold(Invariant::Kept, nothing_is_lost(world, &commands, &databases, missing))?;
    hold(Invariant::Once, nothing_is_said_twice(world, &commands))?;
    let rounds = rounds(app).await?;
    hold(Invariant::Drains, queues_are_empty(world, &commands, &rounds, &databases, &present, missing))?;
    hold(Invariant::Chains, chains_hold(world, &commands, missing).await)?;
    hold(Invariant::Order, order_is_kept(world, &commands))?;
    for site in SITES.map(SiteCode::from) {
        hold(Invariant::Once, effects_happen_once(app, &site, &commands).await)?;
        hold(Invariant::Fold, cases_are_the_fold_of_their_events(app, &site).await)?;
        hold(Invariant::Fold, routes_and_rounds_are_the_fold_of_theirs(app, &site).await)?;
        plan::rounds_are_right(world, app, &site, &commands, &all_rounds_as_told(world, &site).await?)
            .await?;
        hold(Invariant::Sight, complaints_are_addressed_to_persons(app, &site).await)?;
        let shown = screens_show_what_the_server_shows(world, &site, &databases, &present).await;
        hold(Invariant::Views, shown)?;
    }
    hold(Invariant::Photos, uploads_are_through(world, &databases, &present, missing))?;
    hold(Invariant::Photos, photos_are_as_they_were_taken(world, &commands, &present, missing).await)?;
    let numbers = all_numbers(app).await?;
    let named = oracle::what_is_missing_is_named(world, &commands, &databases, &numbers, missing);
    hold(Invariant::Named, named)?;
    hold(Invariant::Refusals, oracle::refusals_are_right(world, &commands))?;
    hold(Invariant::Quarantine, oracle::quarantine_is_ruled_on(world, &commands))
}

/// What is wrong breaks this invariant, unless it says itself which one.
fn hold(invariant: Invariant, checked: anyhow::Result<()>) -> anyhow::Result<()> {
    checked.map_err(|error| if error.is::<Invariant>() { error } else { error.context(invariant) })
}

async fn commands(app: &App) -> anyhow::Result<Vec<Known>> {
    let rows = sqlx::query(
        "select device, author, n, hash, id, aggregate, lacks, text, status, verdict, event_at, uncertain \
         from commands \
         order by device, author, n",
    )
    .fetch_all(&mut *app.db.connection().await?)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Known {
                device: row.try_get("device")?,
                author: row.try_get::<&str, _>("author")?.parse()?,
                n: row.try_get::<i64, _>("n")?.unsigned_abs(),
                hash: row.try_get("hash")?,
                id: row.try_get::<&str, _>("id")?.parse()?,
                aggregate: row.try_get("aggregate")?,
                lacks: row.try_get("lacks")?,
                text: row.try_get("text")?,
                status: row.try_get("status")?,
                verdict: serde_json::from_str(row.try_get("verdict")?)?,
                event_at: Ms(row.try_get("event_at")?),
                uncertain: row.try_get::<i64, _>("uncertain")? != 0,
            })
        })
        .collect()
}

fn databases(world: &World) -> anyhow::Result<Vec<Database>> {
    let mut all = Vec::new();
    for phone in &world.phones {
        for (name, store) in phone.machine.stores.borrow().iter() {
            let person = name.strip_prefix("firsthand-").and_then(|id| id.parse().ok());
            let Some(person) = person else { continue };
            all.push(database(phone.machine.number, name, person, store)?);
        }
    }
    Ok(all)
}

fn database(phone: usize, name: &str, person: PersonId, store: &MemoryStore) -> anyhow::Result<Database> {
    use device::Store as _;
    #[derive(serde::Deserialize)]
    struct Stored {
        site: SiteCode,
        doc: Doc,
    }
    let docs: Vec<Stored> = ready(store.readable_rows(Table::Docs))?;
    let blobs = ready(store.keys(Table::Blobs, &device::Span::All))?;
    Ok(Database {
        phone,
        name: name.to_owned(),
        person,
        docs: docs.into_iter().map(|stored| ((stored.site, stored.doc.key()), stored.doc)).collect(),
        outbox: ready(store.readable_rows(Table::Outbox))?,
        uploads: ready(store.readable_rows(Table::Attachments))?,
        blobs: blobs
            .into_iter()
            .filter_map(|key| match key {
                device::Key::Text(name) => Some(name),
                device::Key::Number(_) => None,
            })
            .collect(),
    })
}

/// Every command that was ever in an outbox is at the server, word for word, or still on its phone; or it was let go
/// with good reason before an older backup was put back, and the server says that it is lost.
fn nothing_is_lost(
    world: &World,
    commands: &[Known],
    databases: &[Database],
    missing: &str,
) -> anyhow::Result<()> {
    let lost = oracle::lost(missing)?;
    let known: BTreeMap<CommandId, &Known> = commands.iter().map(|known| (known.id, known)).collect();
    for saved in world.ledger.saved.values() {
        let row = &saved.row;
        match known.get(&row.id) {
            Some(known) => ensure!(
                known.hash == row.hash && known.text == row.text,
                "command {} of phone {} is at the server with other words",
                row.n,
                saved.phone
            ),
            None => {
                let kept = databases
                    .iter()
                    .filter(|database| database.phone == saved.phone && database.name == saved.database)
                    .any(|database| database.outbox.iter().any(|kept| kept.id == row.id));
                if kept {
                    // That it is still there is for another check to judge.
                    continue;
                }
                let envelope = Envelope::read(&row.text)?;
                let device = envelope.device.to_string();
                let named = lost.iter().any(|lost| lost.device == device && lost.places.contains(&row.n));
                // What its author took back after it was refused is nobody's any more, and nobody misses it.
                let mut saved_by_all = world.ledger.saved.values();
                let taken_back =
                    saved_by_all.any(|by| by.row.kind == wire::SETTLE && by.row.aggregate == row.id.0);
                ensure!(
                    taken_back || named && world.ledger.reached_back,
                    "command {} ({}) of phone {}, {}, is nowhere: {:?}{}",
                    row.n,
                    row.kind,
                    saved.phone,
                    saved.database,
                    row.delivery,
                    if named { ", though its phone had to keep it" } else { ", and nobody says so" }
                );
            }
        }
    }
    for (of, promised) in &world.ledger.promised {
        let kept =
            world.ledger.saved.values().filter(|saved| (saved.phone, &saved.database) == (of.0, &of.1));
        ensure!(kept.count() >= *promised, "phone {} said that more was saved than there was", of.0);
    }
    Ok(())
}

/// A deed is one command, unless it was refused and made again.
fn nothing_is_said_twice(world: &World, commands: &[Known]) -> anyhow::Result<()> {
    for (_, deed) in world.ledger.deeds.iter().filter(|(_, deed)| !deed.words.is_empty()) {
        let words = format!("{:?}", deed.words);
        let said: Vec<&Known> = commands.iter().filter(|known| known.text.contains(&words)).collect();
        let good = said.iter().filter(|known| known.status != "rejected").count();
        ensure!(good <= 1, "{} was made {good} times: {}", deed.what, deed.words);
    }
    Ok(())
}

/// The rounds that there are, at any site.
async fn rounds(app: &App) -> anyhow::Result<BTreeSet<String>> {
    let mut conn = app.db.connection().await?;
    let docs: Vec<(String,)> =
        sqlx::query_as("select doc from docs where doc like 'round:%'").fetch_all(&mut *conn).await?;
    Ok(docs.iter().filter_map(|(doc,)| doc.strip_prefix("round:")).map(str::to_owned).collect())
}

/// Everything that was asked has its answer, unless it waits for a ruling, or after a restore for a report or the beginning
/// of a round that is lost, or on the phone of somebody who has left; then the server says so.
fn queues_are_empty(
    world: &World,
    commands: &[Known],
    rounds: &BTreeSet<String>,
    databases: &[Database],
    present: &BTreeSet<PersonId>,
    missing: &str,
) -> anyhow::Result<()> {
    let quarantined: BTreeSet<&Option<String>> =
        commands.iter().filter(|known| known.status == "quarantined").map(|known| &known.aggregate).collect();
    let here: BTreeSet<CommandId> = commands.iter().map(|known| known.id).collect();
    let reports = world.ledger.saved.values().filter(|saved| saved.row.kind == "case.report");
    let gone: BTreeSet<Option<String>> = reports
        .filter(|saved| world.ledger.restored && !here.contains(&saved.row.id))
        .map(|saved| Some(saved.row.aggregate.to_string()))
        .collect();
    // A round may have been there by a start that is lost, or by a plan that the backup does not know.
    let unbegun = |known: &Known| {
        let of_round = known.lacks.is_some() || known.text.contains("\"kind\":\"round.");
        let awaited = known.lacks.as_ref().or(known.aggregate.as_ref());
        world.ledger.restored && of_round && awaited.is_some_and(|round| !rounds.contains(round))
    };
    let named = |known: &Known| {
        let command = format!(", command {}", known.id);
        missing.lines().any(|line| line.starts_with("waits for its ") && line.ends_with(&command))
    };
    // A report that waits itself, for the round in which it was made.
    let report = |aggregate: &Option<String>| {
        let held = |known: &&Known| known.status == "held" && known.lacks.is_some();
        commands.iter().filter(held).find(|known| known.aggregate == *aggregate)
    };
    for known in commands {
        let first = if known.lacks.is_none() { report(&known.aggregate).unwrap_or(known) } else { known };
        let awaited = if first.lacks.is_some() { &first.lacks } else { &first.aggregate };
        let waits = match known.status.as_str() {
            "held" if gone.contains(awaited) || unbegun(first) => !named(first),
            "held" => !quarantined.contains(awaited),
            "done" | "rejected" => !known.verdict.is_final(),
            "quarantined" => false,
            _ => true,
        };
        ensure!(!waits, "command {} is {} with {:?}", known.id, known.status, known.verdict);
    }
    let known: BTreeMap<CommandId, &Known> = commands.iter().map(|known| (known.id, known)).collect();
    for database in databases.iter().filter(|database| present.contains(&database.person)) {
        let phone = database.phone;
        for row in &database.outbox {
            let known = known.get(&row.id);
            match &row.delivery {
                Delivery::Pending | Delivery::Again(_) => {
                    bail!("command {} of phone {phone} was never answered", row.n)
                }
                Delivery::Done { .. } => {
                    bail!("command {} ({}) of phone {phone} stays though it is done", row.n, row.kind)
                }
                Delivery::Held { code, .. } => ensure!(
                    known.is_some_and(|known| known.status == "held" || known.status == "quarantined"),
                    "command {} of phone {phone} waits for {code}",
                    row.n
                ),
                Delivery::Refused { rejection, .. } => ensure!(
                    known.is_some_and(|known| known.verdict == Verdict::Rejected(rejection.clone())),
                    "command {} of phone {phone} is not refused at the server",
                    row.n
                ),
            }
        }
    }
    Ok(())
}

/// Whether the server says that a photo's bytes are missing.
fn is_named(photo: AttachmentId, missing: &str) -> bool {
    missing.contains(&format!("photo {photo} "))
}

/// Every photo that a phone has still to send belongs to a command that is still there, and none is lost on the way. One
/// that had to make room on a full phone, before the server was put back to a time when it did not have it, is said to be.
fn uploads_are_through(
    world: &World,
    databases: &[Database],
    present: &BTreeSet<PersonId>,
    missing: &str,
) -> anyhow::Result<()> {
    for phone in &world.phones {
        let thrown_away = phone.machine.thrown_away.borrow();
        ensure!(
            thrown_away.is_empty(),
            "phone {} threw {thrown_away:?} away that it had to send",
            phone.machine.number
        );
    }
    for database in databases.iter().filter(|database| present.contains(&database.person)) {
        for upload in &database.uploads {
            let through = match upload.state {
                UploadState::Done { .. } => true,
                UploadState::Refused { code: Code::FileNotFound } => {
                    let made_room = world.phones[database.phone].machine.made_room.borrow();
                    made_room.contains(&(database.name.clone(), upload.name()))
                        && is_named(upload.photo, missing)
                }
                UploadState::Waiting | UploadState::Refused { .. } => false,
            };
            ensure!(
                through || database.outbox.iter().any(|row| row.id == upload.command),
                "photo {} of {} on phone {} is {:?}",
                upload.name(),
                database.person,
                database.phone,
                upload.state
            );
        }
    }
    Ok(())
}

/// Every chain is whole, in order, and signed by a key that its author registered.
async fn chains_hold(world: &World, commands: &[Known], missing: &str) -> anyhow::Result<()> {
    let lost = oracle::lost(missing)?;
    let rows = sqlx::query("select device, account, public_key from devices")
        .fetch_all(&mut *world.backend.app.db.connection().await?)
        .await?;
    let mut keys: BTreeMap<(String, String), Vec<VerifyingKey>> = BTreeMap::new();
    for row in &rows {
        let point = wire::read_base64url(row.try_get("public_key")?).context("a key is no base64")?;
        let of = (row.try_get("device")?, row.try_get("account")?);
        keys.entry(of).or_default().push(VerifyingKey::from_sec1_bytes(&point)?);
    }
    let mut before: Option<&Known> = None;
    for known in commands {
        let follows = before.filter(|before| before.device == known.device && before.author == known.author);
        let envelope = Envelope::read(&known.text)?;
        let (n, prev) = follows.map_or((1, GENESIS), |before| (before.n + 1, before.hash.as_str()));
        let goes_on = known.n == n && envelope.prev == prev;
        let gap = lost.iter().any(|lost| lost.device == known.device && *lost.places.end() + 1 == known.n);
        ensure!(
            envelope.n == known.n && (goes_on || gap),
            "the chain breaks at {} of {}",
            known.n,
            known.device
        );
        ensure!(wire::hash(&known.text) == known.hash, "command {} has another hash", known.id);
        let saved = world.ledger.saved.get(&known.id).context("nobody made a command")?;
        let signature = wire::read_base64url(&saved.row.signature).context("no signature")?;
        let signature = Signature::from_slice(&signature)?;
        let of = (known.device.clone(), known.author.to_string());
        let signed = keys
            .get(&of)
            .into_iter()
            .flatten()
            .any(|key| key.verify(&wire::signing_bytes(&known.hash), &signature).is_ok());
        ensure!(signed, "command {} is signed by nobody", known.id);
        before = Some(known);
    }
    Ok(())
}

/// What a device does to a case or in a round takes effect in the order in which it was done, unless the server had to wait.
fn order_is_kept(world: &World, commands: &[Known]) -> anyhow::Result<()> {
    let mut latest: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for known in commands {
        if let (Verdict::Accepted { seq, .. } | Verdict::Recorded { seq, .. }, Some(aggregate)) =
            (&known.verdict, &known.aggregate)
            && !world.ledger.waited.contains(&known.id)
            && ["case.", "round.", "route."].iter().any(|of| known.text.contains(&format!("\"kind\":\"{of}")))
        {
            let last = latest.entry((known.device.as_str(), aggregate.as_str())).or_default();
            ensure!(*last <= *seq, "command {} took effect before the one before it", known.id);
            *last = *seq;
        }
    }
    Ok(())
}

/// What a command has caused was caused at one moment, on one case or round, and by one that was accepted. A problem found
/// at a stop makes a case, and an entry in its round.
async fn effects_happen_once(app: &App, site: &SiteCode, commands: &[Known]) -> anyhow::Result<()> {
    let rows: Vec<(String, String, i64, String)> = sqlx::query_as(
        "select kind, aggregate, seq, command from events where site = $1 and command is not null order by seq",
    )
    .bind(site.as_str())
    .fetch_all(&mut *app.db.connection().await?)
    .await?;
    let done: BTreeSet<String> =
        commands.iter().filter(|known| known.status == "done").map(|known| known.id.to_string()).collect();
    let from_stops: BTreeSet<String> = commands
        .iter()
        .filter(|known| known.text.contains("\"kind\":\"case.report\"") && known.text.contains("\"from\":{"))
        .map(|known| known.id.to_string())
        .collect();
    let mut effects: BTreeMap<(String, Option<String>), (String, i64)> = BTreeMap::new();
    for (kind, aggregate, seq, command) in rows {
        ensure!(done.contains(&command), "command {command} took effect without being accepted");
        let effect = (aggregate, seq);
        let kind = from_stops.contains(&command).then_some(kind);
        let first = effects.entry((command.clone(), kind)).or_insert_with(|| effect.clone());
        ensure!(*first == effect, "command {command} took effect twice");
    }
    Ok(())
}

async fn routes_and_rounds_are_the_fold_of_theirs(app: &App, site: &SiteCode) -> anyhow::Result<()> {
    let mut rounds = folded::<Round>(app, site).await?;
    for (id, round) in all::<Round>(app, site).await? {
        ensure!(rounds.remove(&id).as_ref() == Some(&round), "round {id} is not the fold of its events");
    }
    ensure!(rounds.is_empty(), "rounds {:?} have no documents", rounds.keys());
    let mut routes = folded::<Route>(app, site).await?;
    for (id, route) in all::<Route>(app, site).await? {
        // Labels are replaced without an event.
        let route = Route { labels: Default::default(), ..route };
        ensure!(routes.remove(&id).as_ref() == Some(&route), "route {id} is not the fold of its events");
    }
    ensure!(routes.is_empty(), "routes {:?} have no documents", routes.keys());
    Ok(())
}

/// What the events of a site's rounds or routes make of them.
async fn folded<A: Aggregate>(app: &App, site: &SiteCode) -> anyhow::Result<BTreeMap<String, A>> {
    let mut conn = app.db.connection().await?;
    let ids: Vec<String> =
        sqlx::query_scalar("select distinct aggregate from events where site = $1 and kind = $2")
            .bind(site.as_str())
            .bind(A::KIND)
            .fetch_all(&mut *conn)
            .await?;
    let mut all = BTreeMap::new();
    for id in ids {
        let of: A::Id = id.parse()?;
        let events = ledger::events::<A>(&mut conn, site, of).await?;
        let (first, rest) = events.split_first().context("no events")?;
        let made = A::begin(of, first).context("a history begins with another event")?;
        let folded = rest.iter().fold(made, A::evolve);
        ensure!(folded.version() as usize == events.len(), "a version of {id} is missing");
        all.insert(id, folded);
    }
    Ok(all)
}

/// The documents of a site's rounds or routes.
async fn all<A: Aggregate>(app: &App, site: &SiteCode) -> anyhow::Result<BTreeMap<String, A>> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("select doc, body from docs where site = $1 and doc like $2 order by doc")
            .bind(site.as_str())
            .bind(format!("{}:%", A::KIND))
            .fetch_all(&mut *app.db.connection().await?)
            .await?;
    let id = |doc: &str| doc.split_once(':').map(|(_, id)| id.to_owned()).unwrap_or_default();
    rows.iter().map(|(doc, body)| Ok((id(doc), serde_json::from_str(body)?))).collect()
}

/// The rounds of a site as JSON, and what the rules say of their stops.
async fn all_rounds_as_told(world: &World, site: &SiteCode) -> anyhow::Result<BTreeMap<String, plan::Shown>> {
    let now = world.backend.now();
    let rounds = all::<Round>(&world.backend.app, site).await?.into_iter();
    let told = rounds.map(|(id, round)| {
        let mut stops = BTreeMap::new();
        for stop in &round.task.stops {
            let name = serde_json::to_value(round.stop(stop, now).state.name())?;
            stops.insert(stop.code.to_string(), name.as_str().unwrap_or_default().to_owned());
        }
        Ok((id, plan::Shown { body: serde_json::to_value(&round)?, stops }))
    });
    told.collect()
}

/// Documents follow from their history.
async fn cases_are_the_fold_of_their_events(app: &App, site: &SiteCode) -> anyhow::Result<()> {
    let mut conn = app.db.connection().await?;
    let rows: Vec<(String, i64, String)> = sqlx::query_as(
        "select aggregate, version, body from events where site = $1 and kind = 'case' \
         order by aggregate, version",
    )
    .bind(site.as_str())
    .fetch_all(&mut *conn)
    .await?;
    let mut folded: BTreeMap<CaseId, Case> = BTreeMap::new();
    for (aggregate, version, body) in rows {
        let id: CaseId = aggregate.parse()?;
        let event: CaseEvent = serde_json::from_str(&body)?;
        let case = match folded.remove(&id) {
            Some(case) => case.evolve(&event),
            None => Case::begin(id, &event).context("a history begins without a report")?,
        };
        ensure!(i64::from(case.version) == version, "a version is missing");
        folded.insert(id, case);
    }
    let stored = all_cases(app, site).await?;
    ensure!(stored.len() == folded.len(), "{} documents of {} cases", stored.len(), folded.len());
    for case in stored {
        ensure!(folded.get(&case.id) == Some(&case), "document {} is not the fold of its events", case.id);
    }
    Ok(())
}

async fn complaints_are_addressed_to_persons(app: &App, site: &SiteCode) -> anyhow::Result<()> {
    let mut conn = app.db.connection().await?;
    for case in all_cases(app, site).await?.iter().filter(|case| case.confidential()) {
        let audience = feed::store::audience(&mut conn, site, DocKey::Case(case.id)).await?;
        let role = audience.iter().find(|principal| !principal.starts_with("person:"));
        ensure!(role.is_none(), "complaint {} is addressed to {role:?}", case.id);
    }
    Ok(())
}

async fn all_cases(app: &App, site: &SiteCode) -> anyhow::Result<Vec<Case>> {
    let bodies: Vec<String> =
        sqlx::query_scalar("select body from docs where site = $1 and doc like 'case:%' order by doc")
            .bind(site.as_str())
            .fetch_all(&mut *app.db.connection().await?)
            .await?;
    bodies.iter().map(|body| Ok(serde_json::from_str(body)?)).collect()
}

/// A phone holds what its person may see, as that person may see it: no more, no less, no other (R9, R10).
async fn screens_show_what_the_server_shows(
    world: &World,
    site: &SiteCode,
    databases: &[Database],
    present: &BTreeSet<PersonId>,
) -> anyhow::Result<()> {
    let app = &world.backend.app;
    let mut conn = app.db.connection().await?;
    let settings = feed::store::doc(&mut conn, site, DocKey::Site).await?.context("no such site")?;
    let settings: Site = serde_json::from_str(&settings.body)?;
    let zone = settings.calendar();
    let people = People { people: sites::store::members(&mut conn, site).await? };
    let cases = all_cases(app, site).await?;
    let rounds = all::<Round>(app, site).await?;
    let routes = all::<Route>(app, site).await?;
    let others: Vec<(String, String)> = sqlx::query_as(
        "select doc, body from docs where site = $1 and doc not like 'case:%' and doc not like 'round:%' \
         and doc not like 'route:%' order by doc",
    )
    .bind(site.as_str())
    .fetch_all(&mut *conn)
    .await?;
    // What somebody stands in for changes with the hours of the desk, also while everything comes to rest.
    let instants = [world.rested, world.backend.now()];
    for database in databases.iter().filter(|database| present.contains(&database.person)) {
        let member = people.get(database.person).filter(|member| !member.gone);
        // A version that does not know of them is sent nothing that only rounds or the quarantine bring with them.
        let older = world.phones[database.phone].machine.older.get();
        let holds: BTreeSet<String> = member
            .map(Member::principals)
            .iter()
            .flatten()
            .filter(|principal| !older || principal.reads().is_none())
            .map(Principal::to_string)
            .collect();
        let holds_one = |audience: BTreeSet<Principal>| {
            audience.iter().any(|principal| holds.contains(&principal.to_string()))
        };
        // As it may be seen at one of the instants, or at none.
        let mut shown: BTreeMap<DocKey, Vec<Option<Doc>>> = BTreeMap::new();
        for (key, body) in &others {
            let key: DocKey = key.parse().map_err(|code| anyhow::anyhow!("{key}: {code}"))?;
            if feed::store::audience(&mut conn, site, key).await?.is_disjoint(&holds) {
                continue;
            }
            let doc = match key {
                DocKey::Site => Doc::Site(serde_json::from_str(body)?),
                DocKey::Places => Doc::Places(serde_json::from_str(body)?),
                DocKey::People => Doc::People(serde_json::from_str(body)?),
                DocKey::Refusal(_) => Doc::Refusal(serde_json::from_str(body)?),
                DocKey::Quarantine(_) => Doc::Quarantine(serde_json::from_str(body)?),
                DocKey::Case(_) | DocKey::Route(_) | DocKey::Round(_) => continue,
            };
            shown.insert(key, vec![Some(doc)]);
        }
        for route in routes.values() {
            if holds_one(route.audience(&settings, &people)) {
                shown.insert(DocKey::Route(route.id), vec![Unread::of(route).map(Doc::Route)]);
            }
        }
        for round in rounds.values() {
            let left = round.ended && round.task.until <= world.swept.plus(-ROUNDS_STAY);
            let views = instants.map(|at| {
                let member = member.filter(|_| !left && holds_one(round.audience()))?;
                let view = round.view(member, round.standings(member, &settings, &zone, at), &people)?;
                Unread::of(&view).map(Doc::Round)
            });
            shown.insert(DocKey::Round(round.id), views.to_vec());
        }
        let mut hidden_photos: BTreeSet<String> = BTreeSet::new();
        for round in rounds.values() {
            let views = shown.get(&DocKey::Round(round.id)).into_iter().flatten();
            if views.flatten().next().is_none() {
                let photos = round.log.iter().flat_map(|event| event.change.photos());
                hidden_photos.extend(
                    photos.flat_map(|photo| {
                        [Part::Thumb, Part::Full].map(|part| wire::file_name(photo.id, part))
                    }),
                );
            }
        }
        for upload in &database.uploads {
            hidden_photos.remove(&upload.name());
        }
        for case in &cases {
            let audience: BTreeSet<String> =
                case.audience(&people).iter().map(Principal::to_string).collect();
            let views = instants.map(|at| {
                let member = member.filter(|_| !audience.is_disjoint(&holds))?;
                case.view(case.standings(member, &settings, &zone, at))
            });
            if !views.iter().any(|view| matches!(view, Some(CaseView::Full(_)))) {
                for photo in case.photos.iter().filter(|photo| photo.by != Some(database.person)) {
                    hidden_photos
                        .extend([Part::Thumb, Part::Full].map(|part| wire::file_name(photo.photo.id, part)));
                }
            }
            // What ended long ago has left the phones.
            let left = case.stage.name().ended() && case.stage.since() <= world.swept.plus(-STAYS);
            shown.insert(
                DocKey::Case(case.id),
                views.into_iter().map(|view| view.filter(|_| !left).map(Doc::Case)).collect(),
            );
        }
        let (phone, person) = (database.phone, database.person);
        let name = people.get(person).map_or_else(|| person.to_string(), |member| member.code.clone());
        for ((of, key), doc) in &database.docs {
            if of != site {
                continue;
            }
            let views: Vec<Doc> = shown.remove(key).into_iter().flatten().flatten().collect();
            let Some(right) = views.first() else {
                let held = format!("{name} at phone {phone} holds {key} of {site} and may not see it");
                return Err(Invariant::Sight.broken(held));
            };
            let version = |doc: &Doc| doc.version().unwrap_or(0);
            ensure!(
                views.contains(doc),
                "{name} at phone {phone} has {key} of {site} otherwise than the server: version {} for {}",
                version(doc),
                version(right)
            );
        }
        shown.retain(|_, views| views.iter().all(Option::is_some));
        ensure!(
            shown.is_empty(),
            "{name} at phone {phone} lacks {:?} of {site}",
            shown.keys().map(DocKey::to_string).collect::<Vec<_>>()
        );
        if let Some(photo) = database.blobs.iter().find(|name| hidden_photos.contains(*name)) {
            let held = format!("{name} at phone {phone} holds photo {photo} of a case that is hidden");
            return Err(Invariant::Sight.broken(held));
        }
    }
    Ok(())
}

/// Every photo of an accepted command is at the server, pixel by pixel, and its case says so; or it was let go with good
/// reason before an older backup was put back, and the server says that its bytes are missing.
async fn photos_are_as_they_were_taken(
    world: &World,
    commands: &[Known],
    present: &BTreeSet<PersonId>,
    missing: &str,
) -> anyhow::Result<()> {
    let app = &world.backend.app;
    let checker = Checker::new(50);
    let mut conn = app.db.connection().await?;
    let deeds = world.ledger.deeds.iter();
    for ((phone, database), (photo, taken)) in
        deeds.flat_map(|(of, deed)| deed.photos.iter().map(move |photo| (of, photo)))
    {
        let id = photo.id.to_string();
        let made_room = |part| {
            let of = (database.clone(), wire::file_name(photo.id, part));
            world.phones[*phone].machine.made_room.borrow().contains(&of)
        };
        let let_go = world.ledger.reached_back || made_room(Part::Thumb) || made_room(Part::Full);
        if let_go && is_named(photo.id, missing) {
            continue;
        }
        let named = commands.iter().filter(|known| known.status == "done" && known.text.contains(&id));
        for known in named.filter(|known| present.contains(&known.author)) {
            let envelope = Envelope::read(&known.text)?;
            for (part, sha256, bytes) in
                [(Part::Thumb, &photo.thumb_sha256, &taken.thumb), (Part::Full, &photo.sha256, &taken.full)]
            {
                let key = uploads::UploadKey {
                    site: envelope.site.clone(),
                    author: known.author,
                    photo: photo.id,
                    part,
                };
                let upload = uploads::find(&mut conn, &key).await?;
                let Some(upload) = upload else { bail!("{part:?} of photo {id} is not at the server") };
                ensure!(
                    upload.sha256 == *sha256 && matches!(upload.state, uploads::State::Kept { .. }),
                    "{part:?} of photo {id} is {:?}",
                    upload.state
                );
                let right = checker.check(bytes.clone().into(), sha256).await?.bytes;
                ensure!(app.files.depot.read(&key, sha256).await? == right, "photo {id} has other pixels");
            }
            if envelope.kind.starts_with("round.") {
                let round =
                    ledger::find::<Round>(&mut conn, &envelope.site, RoundId(envelope.aggregate)).await?;
                let round = round.context("a round that shows a photo is not there")?;
                ensure!(round.kept.contains(&photo.id), "the round does not say that photo {id} is there");
                continue;
            }
            let case = CaseId(envelope.aggregate);
            let shown = cases::store::find(&mut conn, &envelope.site, case).await?;
            match shown.iter().flat_map(|case| &case.photos).find(|one| one.photo.id == photo.id) {
                Some(shown) => ensure!(shown.kept, "the case does not say that photo {id} is there"),
                None => ensure!(
                    left_with_confidence(&mut conn, &envelope.site, case).await?.contains(&photo.id),
                    "the case does not show photo {id}"
                ),
            }
        }
    }
    Ok(())
}

/// The photos that a case lost when it was found to be no complaint: what only the office saw is not shown to more
/// people (R9). The bytes stay, like the events that name them.
async fn left_with_confidence(
    conn: &mut Conn,
    site: &SiteCode,
    id: CaseId,
) -> anyhow::Result<BTreeSet<AttachmentId>> {
    let bodies: Vec<String> =
        sqlx::query_scalar("select body from events where site = $1 and aggregate = $2 order by version")
            .bind(site.as_str())
            .bind(id.to_string())
            .fetch_all(conn)
            .await?;
    let photos = |case: &Case| case.photos.iter().map(|photo| photo.photo.id).collect::<BTreeSet<_>>();
    let (mut case, mut left) = (None::<Case>, BTreeSet::new());
    for body in bodies {
        let event: CaseEvent = serde_json::from_str(&body)?;
        let (confidential, before) =
            case.as_ref().map_or_else(Default::default, |case| (case.confidential(), photos(case)));
        let after = match case {
            Some(case) => case.evolve(&event),
            None => Case::begin(id, &event).context("a history begins without a report")?,
        };
        if confidential && !after.confidential() {
            left.extend(before.difference(&photos(&after)));
        }
        case = Some(after);
    }
    Ok(left)
}
