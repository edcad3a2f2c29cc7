//! Rounds: what the server makes of plans by itself, and what a day's report costs as the years go by.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use server::{
    App,
    clock::{Clock, ManualClock},
    config::Settings,
    ledger,
    rounds::keeper,
    sites::import::{FirstPassword, import, read},
};
use shared::{
    ids::{RoundId, RouteId},
    round::{
        self, Round, RoundCommand,
        command::{Proof, Tick},
    },
    route::Route,
    site::{Member, People, Places, Role, Site},
    time::{EventTime, Ms},
    wire::DocKey,
};

use crate::{
    Options,
    client::Client,
    crew::{self, SITE},
    figures::{Figures, now, percentile, since},
    store,
    subject::{Place, Server},
};

const FILE: &str = include_str!("../../../demo/site-wanjing.json");
/// Monday, 23 November 2026, at midnight in the time zone of the demo properties.
const MIDNIGHT: Ms = Ms(1_795_363_200_000);
const DAY: i64 = 24 * 3_600_000;

/// A day of the plan at 200 sites of 20 routes, each with a round every two hours, without anybody who walks.
pub async fn plan(options: &Options) -> anyhow::Result<Vec<Figures>> {
    let (sites, routes) = if options.smoke { (2, 2) } else { (200, 20) };
    let place = Place::new(options).await?;
    let clock = ManualClock::at(MIDNIGHT.plus(-60_000));
    let app = App::open(&place.storage, Settings::default(), Clock::Manual(clock.clone())).await?;
    for site in 0..sites {
        let mut file: Value = serde_json::from_str(FILE)?;
        file["code"] = json!(format!("s{site:03}"));
        for person in file["people"].as_array_mut().context("a property has people")? {
            person["phone"] = Value::Null;
        }
        let mut route = file["routes"][0].clone();
        for (field, value) in [("start", json!("00:00")), ("last", json!("22:00"))] {
            route[field] = value;
        }
        (route["every_min"], route["window_min"]) = (json!(120), json!(60));
        file["routes"] = (0..routes)
            .map(|number| {
                route["code"] = json!(format!("R{number:02}"));
                route.clone()
            })
            .collect();
        let plan = read(&file.to_string()).map_err(|wrong| anyhow::anyhow!("wrong: {wrong:?}"))?;
        import(&app, &plan, FirstPassword::None).await?;
    }
    let start = now();
    let mut longest = std::time::Duration::ZERO;
    while let Some(next) = keeper::run_due(&app).await?.filter(|next| *next < MIDNIGHT.plus(DAY)) {
        clock.set(next);
        let moment = now();
        keeper::run_due(&app).await?;
        longest = longest.max(since(moment));
    }
    let took = since(start).as_secs_f64();
    let mut conn = app.db.connection().await?;
    let made = store::count(&mut conn, "round_facts").await?;
    ensure!(made == sites * routes * 12, "{made} rounds were made");
    let open = store::count(&mut conn, "round_facts where ended = 0").await?;
    ensure!(open == 0, "{open} rounds have not ended");
    drop(conn);
    app.db.close().await;

    let mut figures = Figures::of("a day of the plan at 200 sites of 20 routes");
    figures.note("rounds made and ended", made as f64);
    figures.note("seconds", took);
    figures.note("ms a round", took * 1_000.0 / made as f64);
    figures.note("longest moment s", longest.as_secs_f64());
    Ok(vec![figures])
}

/// The report of a day of 100 rounds, of nine ticks each, when a site has stored ten thousand and a million ticks.
pub async fn report(options: &Options) -> anyhow::Result<Vec<Figures>> {
    const ROUNDS_A_DAY: usize = 100;
    let sizes: &[usize] = if options.smoke { &[900, 1_800] } else { &[10_000, 1_000_000] };
    let asked = if options.smoke { 2 } else { 30 };
    let place = Place::new(options).await?;
    let phones = crew::hire(&place, 1, |member: &Member| member.is(Role::Supervisor)).await?;
    let phone = phones.first().context("nobody asks")?;
    let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
    let walked = walked(&app).await?;
    app.db.close().await;
    let ticks = walked.log.iter().filter(|event| event.change.tick().is_some()).count();
    let mut all = Vec::new();
    let mut filled = 0;
    for size in sizes {
        let rounds = size.div_ceil(ticks * ROUNDS_A_DAY) * ROUNDS_A_DAY;
        let app = App::open(&place.storage, Settings::default(), Clock::System).await?;
        while filled < rounds {
            let next = (filled + 2_000).min(rounds);
            let mut tx = app.db.write().await?;
            store::fill_rounds(&mut tx, &walked, filled..next, ROUNDS_A_DAY).await?;
            tx.commit().await?;
            filled = next;
        }
        app.db.close().await;
        let subject = Server::start(options, &place).await?;
        let client = Client::of(&subject.url);
        let day = store::day_of(&walked, 1)?;
        let mut figures = Figures::of(format!("a day's report of 100 rounds at a site of {size} ticks"));
        for format in ["json", "xlsx"] {
            let path = format!("/api/rounds/report?site={SITE}&day={day}&format={format}");
            let mut took = Vec::new();
            for _ in 0..asked {
                let start = now();
                let reply = client.get(&path, &phone.cookie).await?;
                took.push(since(start));
                ensure!(reply.status == 200, "{}", String::from_utf8_lossy(&reply.body));
                ensure!(format != "json" || count(&reply.body)? == ROUNDS_A_DAY, "rounds are missing");
            }
            took.sort_unstable();
            for percent in [50, 95] {
                let at = percentile(&took, percent).unwrap_or_default();
                figures.note(format!("{format} p{percent} ms"), at.as_secs_f64() * 1_000.0);
            }
        }
        figures.note("server peak memory MB", subject.used()?.peak);
        all.push(figures);
    }
    Ok(all)
}

fn count(body: &[u8]) -> anyhow::Result<usize> {
    let told: Value = serde_json::from_slice(body)?;
    Ok(told["report"]["rounds"].as_array().map_or(0, Vec::len))
}

/// A round of the demo property in which a guard has ticked each of nine stops.
async fn walked(app: &App) -> anyhow::Result<Round> {
    let mut conn = app.db.connection().await?;
    let mut docs = BTreeMap::new();
    for key in [DocKey::Site, DocKey::Places, DocKey::People] {
        let doc = server::feed::store::doc(&mut conn, &SITE.into(), key).await?;
        docs.insert(key, doc.context("a property has documents")?.body);
    }
    let site: Site = serde_json::from_str(&docs[&DocKey::Site])?;
    let places: Places = serde_json::from_str(&docs[&DocKey::Places])?;
    let people: People = serde_json::from_str(&docs[&DocKey::People])?;
    let zone = site.calendar();
    let id = RouteId::of(&site.code, &"R-N".into());
    let mut route: Route =
        ledger::store::find(&mut conn, &site.code, id).await?.context("a property has routes")?;
    route.since = MIDNIGHT;
    let slot = route.next_round(MIDNIGHT, &zone).context("a route has rounds")?;
    let id = RoundId::of(&site.code, &route.code, slot.occurrence);
    let plan = Round::plan(&route, slot, &site, &places, &people, slot.from);
    let mut round = Round::begin(id, &plan).context("a plan makes a round")?;
    let guard = people.people.iter().find(|member| member.is(Role::Guard)).context("a guard")?;
    for (minute, stop) in (1..).zip(&route.design.stops) {
        let context = round::Context {
            actor: guard,
            site: &site,
            zone: &zone,
            places: &places,
            people: &people,
            now: EventTime::exact(slot.from.plus(minute * 300_000)),
            routes: std::slice::from_ref(&route),
            clock_moved: false,
            chain_gap: false,
        };
        let tick = RoundCommand::Tick(Box::new(Tick {
            stop: stop.code.clone(),
            place: stop.place.clone(),
            proof: Proof::Photo { reason: "measured".to_owned(), photos: Vec::new() },
            readings: BTreeMap::new(),
            position: None,
        }));
        let events = round.decide(&tick, &context).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
        round = events.iter().fold(round, Round::evolve);
    }
    let end = round.end(slot.until).context("its window is over")?;
    Ok(round.evolve(&end))
}
