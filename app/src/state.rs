//! What the screens show, and the only way for them to change anything.
//!
//! Pages read the signals of [`State`] and call its methods; nothing else calls `device` or
//! [`sync`](crate::sync). A change is judged by the rules, stored on the device, shown, and sent whenever there is a
//! network: no method waits for one, but signing in and looking at what is not on the device: a photo, an old case.

mod drafts;
mod hold;
mod older;
mod relay;
mod rounds;
mod session;
mod unkept;
mod write;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
    rc::Rc,
    sync::Arc,
};

use futures::{channel::mpsc::UnboundedSender, lock::Mutex};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use shared::{
    Code, Rejection,
    case::{Case, CaseCommand, CaseView},
    ids::{CaseId, CommandId, PersonId, RoundId, RouteId, SiteCode},
    round::Round,
    route::Route,
    session::Session,
    site::{Member, People, Places, Role, Site},
    sync::{Delivery, Judge, OutboxRow, UploadRow, UploadState},
    time::{Heard, Ms, Zone},
    unread::Unread,
    wire::{DISCARD, Doc, DocKey, Quarantined, Refusal, SETTLE, TAKE},
};

use ::device::{Nudge, PlatformError, Stock, platform::Platform};

use crate::{
    part::Part,
    platform::{Browser, background, clock, device, device::Room, events, tabs::Channel},
    reactive::RwSignal,
    sync::Wake,
};

pub use ::device::Link;
pub use drafts::{REPORT_DRAFT, ReportDraft, report_address, report_key};
pub use hold::Hold;
pub use older::LookedUp;
pub use relay::HandedOver;
#[cfg(test)]
pub(crate) use rounds::kit as rounds_kit;
pub use rounds::{Changed, DaysAsked, Hangs, Led, ReadingsAsked, Rounds, Turn, Walk, Watched};
pub use unkept::Unkept;

/// A person's database in this browser.
pub type Local = ::device::Local<Browser>;

/// How far the app is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Reading what is on the device.
    Starting,
    /// Nobody is known on this device.
    SignedOut,
    /// Somebody is; with or without a network.
    Ready,
    /// The device's storage cannot be opened.
    Broken(Rejection),
}

/// The property, as it was last pulled.
#[derive(Clone, Debug)]
pub struct Property {
    /// Settings.
    pub site: Site,
    /// The calendar.
    pub zone: Zone,
    /// Places.
    pub places: Places,
    /// Everybody.
    pub people: People,
    /// The person whose device it is.
    pub me: Member,
}

impl Property {
    /// A person's name; the id's beginning for somebody unknown.
    pub fn name(&self, id: PersonId) -> String {
        match self.people.get(id) {
            Some(member) => member.name.clone(),
            None => id.to_string().chars().take(8).collect(),
        }
    }

    /// A place in words, from the building down: `5 号楼 › 1 层 › 大堂`.
    pub fn place(&self, id: &shared::ids::PlaceCode) -> String {
        let path = self.places.path(id);
        let inner = if path.len() > 1 { &path[1..] } else { &path[..] };
        let names: Vec<&str> = inner.iter().map(|place| place.name.as_str()).collect();
        if names.is_empty() { id.to_string() } else { names.join(" › ") }
    }

    /// Whether the control room does now what the desk does else (R12).
    pub fn control_room_stands_in(&self, now: Ms) -> bool {
        let there = |member: &Member| member.is(Role::ControlRoom) && !member.gone;
        !self.site.desk_open(&self.zone, now) && self.people.people.iter().any(there)
    }

    /// The rules as they are for this person here.
    pub fn judge(&self, offset: i64) -> Judge<'_> {
        Judge {
            me: &self.me,
            site: &self.site,
            zone: &self.zone,
            places: &self.places,
            people: &self.people,
            offset,
        }
    }

    /// What this person is to a case.
    pub fn standings(&self, case: &Case, now: Ms) -> shared::case::Standings {
        case.standings(&self.me, &self.site, &self.zone, now)
    }
}

#[derive(Clone, Debug, Default)]
struct Parts {
    site: Option<Site>,
    places: Option<Places>,
    people: Option<People>,
}

/// What one tab tells the others of the same person.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Told {
    /// The outbox or the uploads have changed, and these documents.
    Changed { docs: Vec<(SiteCode, DocKey)> },
    /// Somebody signed in or out.
    Session,
    /// There is something to send; a person may have asked for it.
    Nudge { asked: bool },
    /// So many records of other people are still unsent.
    Left { count: usize },
    /// How the network was when it was last needed: only the tab that syncs needs it.
    Link(Link),
    /// Whether somebody has to sign in before anything is sent: only the tab that syncs finds out.
    Expired(bool),
    /// How is the network, and is there a session?
    Asks,
}

#[derive(Default)]
struct Inner {
    browser: Browser,
    local: Option<Local>,
    base: HashMap<(SiteCode, CaseId), CaseView>,
    parts: HashMap<SiteCode, Parts>,
    refusals: BTreeMap<(SiteCode, CommandId), Arc<Refusal>>,
    quarantine: BTreeMap<(SiteCode, CommandId), Arc<Quarantined>>,
    routes: BTreeMap<(SiteCode, RouteId), Arc<Unread<Route>>>,
    rounds: BTreeMap<(SiteCode, RoundId), Arc<Unread<Round>>>,
    /// One thing at a time is done in rounds: what comes next sees what came before.
    in_round: Rc<Mutex<()>>,
    /// Counts the readings of outbox and uploads: only the latest is shown.
    turn: u64,
    wake: Option<UnboundedSender<Wake>>,
    /// This tab is the one that syncs.
    syncs: bool,
    channel: Option<Channel<Told>>,
    guards: Vec<events::Listener>,
    ticker: Option<events::Ticker>,
}

/// The signals and methods that pages use. Cheap to copy; from `expect_context::<State>()`.
#[derive(Clone, Copy)]
pub struct State {
    /// How far the app is.
    pub phase: RwSignal<Phase>,
    /// Who is signed in, also without a network.
    pub session: RwSignal<Option<Session>>,
    /// The session has ended: recording goes on, sending waits for signing in.
    pub expired: RwSignal<bool>,
    /// The site that is shown.
    pub site: RwSignal<Option<SiteCode>>,
    /// Its settings, places and people; `None` until the first pull.
    pub property: RwSignal<Option<Arc<Property>>>,
    /// Its cases as this person sees them, with what is not sent yet on top.
    pub cases: RwSignal<BTreeMap<CaseId, Arc<CaseView>>>,
    /// Its refused commands that the server keeps, of this person and (for the desk) of others.
    pub refusals: RwSignal<Vec<Arc<Refusal>>>,
    /// Its commands in quarantine that this person may rule on, those ruled on here already without.
    pub quarantine: RwSignal<Vec<Arc<Quarantined>>>,
    /// Its routes; only the pages of rounds read them, see [`State::known_routes`].
    pub routes: RwSignal<Vec<Arc<Unread<Route>>>>,
    /// Its rounds as the server last showed them; with what is not sent yet they are a [`Walk`].
    pub rounds: RwSignal<Vec<Arc<Unread<Round>>>>,
    /// The commands made on this device that are not settled.
    pub outbox: RwSignal<Vec<OutboxRow>>,
    /// The photos on their way.
    pub uploads: RwSignal<Vec<UploadRow>>,
    /// How the network was.
    pub link: RwSignal<Link>,
    /// Something is being sent or fetched.
    pub busy: RwSignal<bool>,
    /// Now, by the server's clock as far as it is known; ticks every second while the app is visible.
    pub now: RwSignal<Ms>,
    /// How much room there is on this device, where the browser says so.
    pub room: RwSignal<Option<Room>>,
    /// How many records of other people lie unsent on this device.
    pub left_by_others: RwSignal<usize>,
    /// Whoever is signed in was led to a first page of their own.
    pub led: RwSignal<bool>,
    /// The round whose page opens with the scanner, once: whoever comes back to it did not ask for that.
    pub to_scan: RwSignal<Option<RoundId>>,
    /// Photos are being made small for the report: its page waits until they are in the draft.
    pub taking: RwSignal<bool>,
    /// What forms hold and nothing keeps.
    pub unkept: Unkept,
    /// The part of the app that is loaded after the start.
    pub part: Part,
    inner: StoredValue<Rc<RefCell<Inner>>, LocalStorage>,
}

impl State {
    /// The state of an app that has not looked at anything yet.
    pub fn new(part: Part) -> Self {
        State {
            phase: RwSignal::new(Phase::Starting),
            session: RwSignal::new(None),
            expired: RwSignal::new(false),
            site: RwSignal::new(None),
            property: RwSignal::new(None),
            cases: RwSignal::new(BTreeMap::new()),
            refusals: RwSignal::new(Vec::new()),
            quarantine: RwSignal::new(Vec::new()),
            routes: RwSignal::new(Vec::new()),
            rounds: RwSignal::new(Vec::new()),
            outbox: RwSignal::new(Vec::new()),
            uploads: RwSignal::new(Vec::new()),
            link: RwSignal::new(Link::Unknown),
            busy: RwSignal::new(false),
            now: RwSignal::new(Ms(clock::now_ms())),
            room: RwSignal::new(None),
            left_by_others: RwSignal::new(0),
            led: RwSignal::new(false),
            to_scan: RwSignal::new(None),
            taking: RwSignal::new(false),
            unkept: Unkept::default(),
            part,
            inner: StoredValue::new_local(Rc::new(RefCell::new(Inner::default()))),
        }
    }

    fn inner(&self) -> Rc<RefCell<Inner>> {
        self.inner.get_value()
    }

    /// This person's database.
    ///
    /// # Errors
    /// `auth.required` while nobody is known on this device.
    pub(crate) fn local(&self) -> Result<Local, Rejection> {
        self.inner().borrow().local.clone().ok_or_else(|| Code::AuthRequired.into())
    }

    /// This browser.
    pub(crate) fn browser(&self) -> Browser {
        self.inner().borrow().browser.clone()
    }

    /// What was last heard of the server's clock.
    pub(crate) fn heard(&self) -> Option<Heard> {
        self.inner().borrow().browser.heard()
    }

    /// How far the server's clock is ahead of this device's, in milliseconds.
    pub fn offset(&self) -> i64 {
        self.inner().borrow().offset()
    }

    /// Now, by the server's clock as far as it is known.
    pub fn now_ms(&self) -> Ms {
        Ms(clock::now_ms()).plus(self.offset())
    }

    /// Something is to be sent, or may have come back: wakes the sync engine, in whichever tab it runs.
    pub(crate) fn nudge(&self, why: Nudge) {
        self.wake(Wake::Nudge(why));
    }

    /// Wakes the loop that syncs, and that of the other tabs.
    pub(crate) fn wake(&self, why: Wake) {
        let asked = why == Wake::Nudge(Nudge::Asked);
        if let Some(wake) = &self.inner().borrow().wake {
            // A closed channel means that nobody is signed in.
            let _ = wake.unbounded_send(why);
        }
        // The other tabs look at the database anyway, only later.
        self.tell(&Told::Nudge { asked });
    }

    /// Looks how much room there is.
    pub fn measure_room(self) {
        leptos::task::spawn_local(async move {
            let room = device::room().await;
            self.room.set(room);
        });
    }

    /// Shows how many records of other people are still unsent, here and in the other tabs.
    pub(crate) fn tell_left(&self, count: usize) {
        self.left_by_others.set(count);
        self.tell(&Told::Left { count });
    }

    /// Shows how the network was, here and in the other tabs.
    pub(crate) fn tell_link(&self, link: Link) {
        if self.link.with_untracked(|old| *old != link) {
            self.tell(&Told::Link(link.clone()));
            self.link.set(link);
        }
    }

    /// Shows whether somebody has to sign in, here and in the other tabs.
    pub(crate) fn tell_expired(&self, expired: bool) {
        if self.expired.get_untracked() != expired {
            self.tell(&Told::Expired(expired));
            self.expired.set(expired);
        }
    }

    /// Asks the tab that syncs how the network is; where there is none, nobody answers.
    pub(crate) fn ask_other_tabs(&self) {
        self.tell(&Told::Asks);
    }

    /// From now on this tab is the one that syncs.
    pub(crate) fn syncs(&self) {
        self.inner().borrow_mut().syncs = true;
    }

    fn tell(&self, told: &Told) {
        if let Some(channel) = &self.inner().borrow().channel {
            // Without the channel each tab knows what it finds out by itself.
            let _ = channel.post(told);
        }
    }

    /// Has the browser send what waits, should the app be closed before it is sent.
    pub(crate) fn send_in_background(&self) {
        let outbox = self.outbox.with_untracked(|rows| rows.iter().any(OutboxRow::unsent));
        let waits = |upload: &UploadRow| upload.state == UploadState::Waiting;
        if outbox || self.uploads.with_untracked(|uploads| uploads.iter().any(waits)) {
            leptos::task::spawn_local(background::ask());
        }
    }

    /// Somebody wants what waits to be sent now.
    pub fn try_again(&self) {
        self.nudge(Nudge::Asked);
    }

    /// A case as it is shown.
    pub fn case(&self, id: CaseId) -> Option<Arc<CaseView>> {
        self.cases.with(|cases| cases.get(&id).cloned())
    }

    /// Whether the rules let this person do this to a case now; what is typed into it does not matter yet.
    pub fn may(&self, view: &CaseView, command: &CaseCommand) -> bool {
        let Some(property) = self.property.get() else { return false };
        let verdict = property.judge(self.offset()).check(Some(view), command, self.now_ms());
        match verdict {
            Ok(()) => true,
            Err(rejection) => !matches!(
                rejection.code,
                Code::CaseNotVisible | Code::CaseNotAllowed | Code::CaseWrongStage | Code::CaseExists
            ),
        }
    }

    /// Takes what is on the device.
    fn load(&self, stock: Stock) {
        let inner = self.inner();
        {
            let mut inner = inner.borrow_mut();
            inner.base.clear();
            inner.parts.clear();
            inner.refusals.clear();
            inner.quarantine.clear();
            inner.routes.clear();
            inner.rounds.clear();
            for (site, doc) in stock.docs {
                inner.take(site, doc);
            }
        }
        self.outbox.set(stock.outbox);
        self.uploads.set(stock.uploads);
        let remembered = self.site.get_untracked().or(stock.site);
        let sites: Vec<SiteCode> = stock
            .session
            .iter()
            .flat_map(|session| session.sites.iter().map(|site| site.code.clone()))
            .collect();
        self.session.set(stock.session);
        self.show_site(remembered.filter(|site| sites.contains(site)).or_else(|| sites.first().cloned()));
    }

    /// Shows another of the person's sites.
    pub fn show_site(&self, site: Option<SiteCode>) {
        if let (Some(site), Ok(local)) = (site.clone(), self.local()) {
            leptos::task::spawn_local(async move {
                // Else the next start shows the first of the person's sites.
                let _ = local.keep_site(&site).await;
            });
        }
        self.site.set(site);
        self.show_property();
        self.show_cases(None);
        self.show_rounds();
    }

    fn show_property(&self) {
        let person = self.session.with_untracked(|session| session.as_ref().map(|session| session.person));
        let inner = self.inner();
        let inner = inner.borrow();
        let property = self.site.get_untracked().and_then(|site| {
            let parts = inner.parts.get(&site)?;
            let (site, places, people) = (parts.site.clone()?, parts.places.clone()?, parts.people.clone()?);
            let me = people.get(person?)?.clone();
            Some(Arc::new(Property { zone: site.calendar(), site, places, people, me }))
        });
        self.property.set(property);
    }

    /// Shows the routes and rounds of the site.
    fn show_rounds(&self) {
        let site = self.site.get_untracked();
        let inner = self.inner();
        let inner = inner.borrow();
        let routes = inner.routes.iter().filter(|((of, _), _)| Some(of) == site.as_ref());
        self.routes.set(routes.map(|(_, route)| route.clone()).collect());
        let rounds = inner.rounds.iter().filter(|((of, _), _)| Some(of) == site.as_ref());
        self.rounds.set(rounds.map(|(_, round)| round.clone()).collect());
    }

    /// Computes anew how cases are shown: these, or all.
    fn show_cases(&self, only: Option<&BTreeSet<CaseId>>) {
        let inner = self.inner();
        let inner = inner.borrow();
        let Some(site) = self.site.get_untracked() else {
            self.cases.set(BTreeMap::new());
            self.refusals.set(Vec::new());
            self.quarantine.set(Vec::new());
            return;
        };
        let outbox = self.outbox.get_untracked();
        let property = self.property.get_untracked();
        let judge = property.as_ref().map(|property| property.judge(inner.offset()));
        let show = |id: CaseId| {
            let base = inner.base.get(&(site.clone(), id)).cloned();
            let rows = outbox.iter().filter(|row| row.site == site);
            match &judge {
                Some(judge) => judge.overlay(id, base, rows),
                None => base,
            }
        };
        let of_outbox = outbox.iter().filter(|row| row.site == site).map(|row| CaseId(row.aggregate));
        let all: BTreeSet<CaseId> = match only {
            Some(ids) => ids.clone(),
            None => {
                let of_base = inner.base.keys().filter(|(of, _)| *of == site).map(|(_, id)| *id);
                of_base.chain(of_outbox).collect()
            }
        };
        let mut shown: Vec<(CaseId, Option<CaseView>)> = all.into_iter().map(|id| (id, show(id))).collect();
        if only.is_some() {
            // Every list looks again at every change: what is as it was is none.
            self.cases.with_untracked(|cases| {
                shown.retain(|(id, view)| cases.get(id).map(AsRef::as_ref) != view.as_ref());
            });
        }
        if only.is_none() || !shown.is_empty() {
            self.cases.update(|cases| {
                if only.is_none() {
                    cases.clear();
                }
                for (id, view) in shown {
                    match view {
                        Some(view) => drop(cases.insert(id, Arc::new(view))),
                        None => drop(cases.remove(&id)),
                    }
                }
            });
        }
        // What is being settled or ruled on here is so already, though the server's document still stands.
        let answered = |id, kinds: &[&str]| {
            outbox.iter().any(|row| {
                kinds.contains(&row.kind.as_str())
                    && CommandId(row.aggregate) == id
                    && !matches!(row.delivery, Delivery::Refused { .. })
            })
        };
        let refusals: Vec<Arc<Refusal>> = inner
            .refusals
            .iter()
            .filter(|((of, id), _)| *of == site && !answered(*id, &[SETTLE]))
            .map(|(_, refusal)| refusal.clone())
            .collect();
        if self.refusals.with_untracked(|old| *old != refusals) {
            self.refusals.set(refusals);
        }
        let quarantine: Vec<Arc<Quarantined>> = inner
            .quarantine
            .iter()
            .filter(|((of, id), _)| *of == site && !answered(*id, &[TAKE, DISCARD]))
            .map(|(_, quarantined)| quarantined.clone())
            .collect();
        if self.quarantine.with_untracked(|old| *old != quarantine) {
            self.quarantine.set(quarantine);
        }
    }

    /// Reads outbox and uploads again, and shows what they and these documents change.
    ///
    /// # Errors
    /// Of storage.
    pub(crate) async fn refresh(&self, changed: &[(SiteCode, DocKey)]) -> Result<(), PlatformError> {
        let Ok(local) = self.local() else { return Ok(()) };
        let mut touched: BTreeSet<CaseId> = BTreeSet::new();
        let mut property = false;
        let mut rounds = false;
        for (site, key) in changed {
            let doc = local.doc(site, *key).await?;
            match key {
                DocKey::Case(id) => drop(touched.insert(*id)),
                DocKey::Site | DocKey::Places | DocKey::People => property = true,
                DocKey::Route(_) | DocKey::Round(_) => rounds = true,
                DocKey::Refusal(_) | DocKey::Quarantine(_) => {}
            }
            if !self.is_open(&local) {
                return Ok(());
            }
            let inner = self.inner();
            let mut inner = inner.borrow_mut();
            match doc {
                Some(doc) => inner.take(site.clone(), doc),
                None => inner.lose(site, *key),
            }
        }
        let turn = {
            let inner = self.inner();
            let mut inner = inner.borrow_mut();
            inner.turn += 1;
            inner.turn
        };
        let (outbox, uploads) = (local.outbox().await?, local.uploads().await?);
        if !self.is_open(&local) {
            return Ok(());
        }
        // A reading that began later knows more.
        if self.inner().borrow().turn == turn {
            self.outbox.with_untracked(|old| {
                let changed = |row: &&OutboxRow| !(old.contains(row) && outbox.contains(row));
                touched.extend(old.iter().chain(&outbox).filter(changed).map(|row| CaseId(row.aggregate)));
            });
            self.outbox.set(outbox);
            self.uploads.set(uploads);
        }
        if property {
            self.show_property();
        }
        if rounds {
            self.show_rounds();
        }
        self.show_cases(if property { None } else { Some(&touched) });
        Ok(())
    }

    /// Whether this database is the one that is shown: somebody else may have signed in meanwhile.
    pub(crate) fn is_open(&self, local: &Local) -> bool {
        self.local().is_ok_and(|open| open.name() == local.name())
    }

    /// Shows a change of the database here, and has the other tabs show it.
    ///
    /// # Errors
    /// Of storage.
    pub(crate) async fn changed(&self, docs: Vec<(SiteCode, DocKey)>) -> Result<(), PlatformError> {
        self.refresh(&docs).await?;
        if let Some(channel) = &self.inner().borrow().channel {
            channel.post(&Told::Changed { docs })?;
        }
        Ok(())
    }
}

impl Inner {
    fn offset(&self) -> i64 {
        self.browser.heard().map_or(0, |heard| heard.server.since(heard.device))
    }

    fn take(&mut self, site: SiteCode, doc: Doc) {
        match doc {
            Doc::Case(view) => drop(self.base.insert((site, view.id()), view)),
            Doc::Route(route) => drop(self.routes.insert((site, RouteId(route.id)), route.into())),
            Doc::Round(round) => drop(self.rounds.insert((site, RoundId(round.id)), round.into())),
            Doc::Refusal(refusal) => drop(self.refusals.insert((site, refusal.id), Arc::new(refusal))),
            Doc::Quarantine(quarantined) => {
                drop(self.quarantine.insert((site, quarantined.id), Arc::new(quarantined)));
            }
            Doc::Site(settings) => self.parts.entry(site).or_default().site = Some(*settings),
            Doc::Places(places) => self.parts.entry(site).or_default().places = Some(places),
            Doc::People(people) => self.parts.entry(site).or_default().people = Some(people),
        }
    }

    fn lose(&mut self, site: &SiteCode, key: DocKey) {
        match key {
            DocKey::Case(id) => drop(self.base.remove(&(site.clone(), id))),
            DocKey::Route(id) => drop(self.routes.remove(&(site.clone(), id))),
            DocKey::Round(id) => drop(self.rounds.remove(&(site.clone(), id))),
            DocKey::Refusal(id) => drop(self.refusals.remove(&(site.clone(), id))),
            DocKey::Quarantine(id) => drop(self.quarantine.remove(&(site.clone(), id))),
            DocKey::Site | DocKey::Places | DocKey::People => drop(self.parts.remove(site)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_tab_tells_another_reads_as_it_was_said() {
        for link in [Link::Unknown, Link::Online, Link::Refused(Code::DeviceFull.into())] {
            let said = serde_json::to_string(&Told::Link(link.clone())).unwrap();
            let heard: Told = shared::json::read(&said).unwrap();
            assert!(matches!(heard, Told::Link(heard) if heard == link), "{said}");
        }
        let said = serde_json::to_string(&Told::Nudge { asked: true }).unwrap();
        assert!(matches!(shared::json::read(&said).unwrap(), Told::Nudge { asked: true }));
        assert!(matches!(
            shared::json::read(&serde_json::to_string(&Told::Asks).unwrap()).unwrap(),
            Told::Asks
        ));
    }
}
