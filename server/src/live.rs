//! `GET /api/live`: server-sent events that say when a pull is worthwhile.
//!
//! After a commit the writer tells [`Wake`] whom it touched; every stream hears it, and passes on only what concerns
//! its person. Where several processes serve one database, [`across`] has each hear of the others' commits. Nothing
//! depends on a poke: who misses one pulls a little later.

pub mod across;
mod wake;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    extract::State,
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use shared::{
    Code, Rejection,
    ids::{Principal, SiteCode},
    wire::{Poke, Problem},
};
use tokio::sync::{
    broadcast::{self, error::RecvError},
    mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{App, Error, accounts::SignedIn, sites};

pub use wake::{Touched, Wake};

/// How long pokes are gathered, so that a push of many commands is one poke.
const GATHER: Duration = Duration::from_millis(50);
/// How often something is sent, so that nobody in between thinks that the stream is dead.
const ALIVE: Duration = Duration::from_secs(20);
/// How often it is looked whether the session is still on.
const CHECK: Duration = Duration::from_secs(15);

/// The most streams of a session: one per open page, and some that are not yet known to be dead.
const STREAMS_MAX: usize = 10;
/// When to come again with one too many, in seconds: by then the dead ones are known.
const COME_AGAIN: u64 = 30;

/// The address of the stream.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(live))
}

/// The open streams of each session.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<HashMap<String, usize>>>);

/// An open stream, until it is dropped.
#[derive(Debug)]
struct Stream {
    streams: Streams,
    session: String,
}

impl Streams {
    fn open(&self, session: &str) -> Result<Stream, Rejection> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(session.to_owned()).or_default();
        if *count >= STREAMS_MAX {
            return Err(Rejection::new(Code::RequestTooMany).with("seconds", COME_AGAIN));
        }
        *count += 1;
        Ok(Stream { streams: self.clone(), session: session.to_owned() })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut streams = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.session) {
            *count -= 1;
            if *count == 0 {
                streams.remove(&self.session);
            }
        }
    }
}

/// Says when a pull is worthwhile, as server-sent events, each a `Poke`.
#[utoipa::path(
    get, path = "/api/live", tag = "sync",
    responses(
        (status = 200, body = Poke, content_type = "text/event-stream"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")
    )
)]
async fn live(State(app): State<App>, signed_in: SignedIn) -> Result<impl IntoResponse, Error> {
    let stream = app.streams.open(&signed_in.session)?;
    let commits = app.wake.subscribe();
    let listener = Listener { holds: holds(&app, &signed_in).await?, app, signed_in, _stream: stream };
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(listener.run(commits, sender));
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(ALIVE)))
}

/// The principals of a person, by site, with how far each site is.
async fn holds(app: &App, signed_in: &SignedIn) -> Result<BTreeMap<SiteCode, BTreeSet<String>>, Error> {
    let mut conn = app.db.connection().await?;
    let mut holds = BTreeMap::new();
    for site in sites::store::sites_of(&mut conn, signed_in.person).await? {
        if let Some(member) = sites::store::member(&mut conn, &site, signed_in.person).await? {
            holds.insert(site, member.principals().iter().map(Principal::to_string).collect());
        }
    }
    Ok(holds)
}

struct Listener {
    app: App,
    signed_in: SignedIn,
    holds: BTreeMap<SiteCode, BTreeSet<String>>,
    /// Counts until the listener ends.
    _stream: Stream,
}

type Pokes = mpsc::Sender<Result<Event, Infallible>>;

impl Listener {
    /// Listens until the reader is gone, the session has ended, or the server stops.
    async fn run(mut self, mut commits: broadcast::Receiver<Arc<Touched>>, pokes: Pokes) {
        let mut stopping = self.app.stopping.subscribe();
        // The guard of the watched value may not be held across the other waits.
        let mut stopped =
            std::pin::pin!(async { stopping.wait_for(|stopping| *stopping).await.map_or((), drop) });
        let mut check = tokio::time::interval(CHECK);
        // What was committed between the reader's last pull and this moment.
        if self.poke_all(&pokes).await.is_none() {
            return;
        }
        loop {
            let more = tokio::select! {
                () = &mut stopped => None,
                () = pokes.closed() => None,
                _ = check.tick() => self.still().await,
                commit = commits.recv() => match commit {
                    Ok(first) => self.gather(first, &mut commits, &pokes).await,
                    Err(RecvError::Lagged(_)) => self.poke_all(&pokes).await,
                    Err(RecvError::Closed) => None,
                },
            };
            if more.is_none() {
                return;
            }
        }
    }

    /// Whether the session is still on. A stream that cannot know ends, and is opened again.
    async fn still(&self) -> Option<()> {
        self.signed_in.still(&self.app).await.is_ok_and(|still| still).then_some(())
    }

    /// Waits a moment for further commits, and sends one poke per site.
    async fn gather(
        &mut self,
        first: Arc<Touched>,
        commits: &mut broadcast::Receiver<Arc<Touched>>,
        pokes: &Pokes,
    ) -> Option<()> {
        tokio::time::sleep(GATHER).await;
        let mut heads: BTreeMap<SiteCode, i64> = BTreeMap::new();
        let mut next = Some(first);
        while let Some(commit) = next {
            if self.concerned(&commit).await {
                heads.insert(commit.site.clone(), commit.seq);
            }
            next = commits.try_recv().ok();
        }
        if !heads.is_empty() {
            self.still().await?;
        }
        self.send(heads, pokes).await
    }

    async fn concerned(&mut self, commit: &Touched) -> bool {
        let all = Principal::All.to_string();
        // What is addressed to all may be the list of people itself: who joined or changed roles is found there.
        if commit.principals.as_ref().is_none_or(|principals| principals.contains(&all))
            && let Ok(holds) = holds(&self.app, &self.signed_in).await
        {
            let before = std::mem::replace(&mut self.holds, holds);
            if before.contains_key(&commit.site) {
                return true;
            }
        }
        self.holds.get(&commit.site).is_some_and(|holds| {
            commit.principals.as_ref().is_none_or(|principals| !holds.is_disjoint(principals))
        })
    }

    async fn poke_all(&self, pokes: &Pokes) -> Option<()> {
        let mut heads = BTreeMap::new();
        {
            let mut conn = self.app.db.connection().await.ok()?;
            for site in self.holds.keys() {
                heads.insert(site.clone(), sites::store::head(&mut conn, site).await.ok()??);
            }
        }
        self.send(heads, pokes).await
    }

    async fn send(&self, heads: BTreeMap<SiteCode, i64>, pokes: &Pokes) -> Option<()> {
        for (site, seq) in heads {
            let event = Event::default().json_data(Poke { site, seq }).ok()?;
            pokes.send(Ok(event)).await.ok()?;
        }
        Some(())
    }
}
