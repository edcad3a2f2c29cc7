//! The pages and the frame around them: bars, banners, tabs, and which page an address shows.
//!
//! Here, too, it is said which pages a phone loads first: all that are not reached through `further` alone. What else
//! comes later is said by `engine` in `app/src/sync.rs`.

mod case;
mod cases;
mod desk;
mod home;
mod jobs;
mod me;
mod own;
mod part;
mod report;
mod rounds;
mod sign_in;
mod unsent;
mod watch;

use leptos::prelude::*;
use shared::{
    case::command::Origin,
    ids::{CaseId, CommandId, RoundId},
    site::{Member, Role},
};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::{
    address::{self, Address},
    components::{Notes, Notices, give_voice, unsent_count},
    i18n::*,
    part::{Got, Part},
    platform::update,
    prefs::Prefs,
    reactive::{RwSignal, Signal, memo},
    state::{Phase, State},
    ui::{EmptyState, Glyph, Sheet, Show, Skeleton, TabBar, TabItem, live, view},
    words,
};

/// Which page is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Page {
    Home,
    /// The report that is begun, or one in place of this refused command.
    Report(Option<CommandId>),
    /// A report from a stop of a round.
    ReportAt(Origin),
    Cases,
    /// `None` where the address names none.
    Case(Option<CaseId>),
    Jobs,
    Rounds,
    /// `None` where the address names none.
    Round(Option<RoundId>),
    /// A label's link was followed.
    Label,
    Desk,
    /// Tonight's rounds, for those who look after them.
    Watch,
    /// The trail of a round; `None` where the address names none.
    Trail(Option<RoundId>),
    /// What there is to say of the rounds of some days.
    Days,
    /// What an item of a stop was lately.
    Lately,
    Routes,
    /// A route to be made or changed.
    Route,
    Unsent,
    Me,
}

impl Page {
    /// The page of an address; the home page of one that there is none for.
    fn at(address: &str) -> Self {
        match address::path(address).trim_end_matches('/') {
            "/report" => {
                let round = address::asked(address, "round").and_then(|id| id.parse().ok());
                let stop = address::asked(address, "stop").map(|stop| stop.as_str().into());
                match round.zip(stop) {
                    Some((round, stop)) => Page::ReportAt(Origin { round, stop }),
                    None => Page::Report(address::asked(address, "mend").and_then(|id| id.parse().ok())),
                }
            }
            "/cases" => Page::Cases,
            "/jobs" => Page::Jobs,
            "/rounds" => Page::Rounds,
            "/desk" => Page::Desk,
            "/watch" => Page::Watch,
            "/watch/days" => Page::Days,
            "/watch/readings" => Page::Lately,
            "/watch/routes" => Page::Routes,
            "/watch/route" => Page::Route,
            "/unsent" => Page::Unsent,
            "/me" => Page::Me,
            path => match path.get(1..).and_then(|rest| rest.split_once('/')) {
                Some(("cases", id)) => Page::Case(id.parse().ok()),
                Some(("rounds", id)) => Page::Round(id.parse().ok()),
                Some(("watch", id)) => Page::Trail(id.parse().ok()),
                Some(("c", _)) => Page::Label,
                Some(_) | None => Page::Home,
            },
        }
    }

    /// Pages with an action bar of their own use the room of the tabs.
    fn with_tabs(&self) -> bool {
        !matches!(
            self,
            Page::Report(_) | Page::ReportAt(_) | Page::Case(_) | Page::Round(_) | Page::Route | Page::Unsent
        )
    }
}

/// The pages that are not needed for a start. What is reached through this function alone comes with a part of the build
/// that is loaded once the home page stands; how it is waited for is in [`Part`].
#[wasm_split(pages, fallible, preload(load_further))]
fn further(page: Page) -> Result<AnyView, SplitLoaderError> {
    let view = match page {
        // The page itself is shown while this part is still on its way.
        Page::Home => view! { <rounds::CurrentRound /> }.into_any(),
        Page::Report(mend) => view! { <report::Report mend=mend from=None /> }.into_any(),
        Page::ReportAt(from) => view! { <report::Report mend=None from=Some(from) /> }.into_any(),
        Page::Cases => view! { <cases::Cases /> }.into_any(),
        Page::Case(id) => view! { <case::CasePage id=id /> }.into_any(),
        Page::Jobs => view! { <jobs::Jobs /> }.into_any(),
        Page::Rounds => view! { <rounds::RoundsPage /> }.into_any(),
        Page::Round(id) => view! { <rounds::WalkPage id=id /> }.into_any(),
        Page::Label => view! { <rounds::LabelPage /> }.into_any(),
        Page::Desk => view! { <desk::Desk /> }.into_any(),
        Page::Watch => view! { <watch::WatchPage /> }.into_any(),
        Page::Trail(id) => view! { <watch::TrailPage id=id /> }.into_any(),
        Page::Days => view! { <watch::DaysPage /> }.into_any(),
        Page::Lately => view! { <watch::ReadingsPage /> }.into_any(),
        Page::Routes => view! { <watch::RoutesPage /> }.into_any(),
        Page::Route => view! { <watch::EditorPage /> }.into_any(),
        Page::Unsent => view! { <unsent::Unsent /> }.into_any(),
        Page::Me => view! { <me::Me /> }.into_any(),
    };
    Ok(view)
}

/// The app.
#[component]
pub fn App() -> impl IntoView {
    let prefs = Prefs::default();
    prefs.apply();
    provide_context(prefs);
    let state = State::new(Part::new(|| Box::pin(load_further())));
    provide_context(state);
    let notes = Notes::default();
    provide_context(notes);
    give_voice(notes, state, prefs);
    leptos::task::spawn_local(state.start());
    provide_context(Address::follow());
    view! { <Frame /> }
}

#[component]
fn Frame() -> impl IntoView {
    let state = expect_context::<State>();
    let prefs = expect_context::<Prefs>();
    let i18n = use_i18n();

    let update_ready = RwSignal::new(false);
    let heard = update::on_update(move || update_ready.set(true)).ok();
    let _heard = StoredValue::new_local(heard);
    leptos::task::spawn_local(async move {
        if update::is_waiting().await {
            update_ready.set(true);
        }
    });
    let signing_in = RwSignal::new(false);

    // Texts are put in place once: another language builds the page anew. What is typed comes back where it is a draft;
    // a password is typed again.
    let page = move || {
        prefs.locale.track();
        let phase = memo(move |_| state.phase.get());
        let body = live(move || match phase.get() {
            Phase::Starting => {
                view! { <main class="main"><Skeleton label=t_string!(i18n, frame.loading) /></main> }
                    .into_any()
            }
            Phase::Broken(rejection) => view! {
                <main class="main">
                    <EmptyState
                        glyph=Glyph::Warn
                        title=words::sentence(i18n.get_locale_untracked(), &rejection, None)
                    />
                </main>
            }
            .into_any(),
            Phase::SignedOut => view! { <sign_in::SignIn on_done=move || () /> }.into_any(),
            Phase::Ready => view! { <Inside /> }.into_any(),
        });
        view! {
            <Notices update_ready=update_ready on_sign_in=move || signing_in.set(true) />
            {body}
            <Sheet
                id="sign-in-again"
                title=t_string!(i18n, frame.sign_in)
                close=t_string!(i18n, frame.close)
                open=signing_in
                on_close=move || signing_in.set(false)
            >
                <sign_in::SignInForm on_done=move || signing_in.set(false) />
            </Sheet>
        }
        .into_any()
    };
    view! { <div class="app">{live(page)}</div> }
}

/// The pages for somebody who is known, with the tabs that fit what the person is at the site.
#[component]
fn Inside() -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let path = address.path();
    let is = move |what: fn(&Member) -> bool| {
        state.property.with(|property| property.as_ref().is_some_and(|property| what(&property.me)))
    };
    let at_desk = memo(move |_| is(own::at_desk));
    // Cleaners, guards and the office are dispatched too: whoever has or had something in hand has the page for it.
    let handles = memo(move |_| is(|me| me.is(Role::Technician)) || jobs::has_any(state));
    let unsent = unsent_count(state);
    let jobs = memo(move |_| jobs::waiting(state));
    // Who looks after rounds has the routes, too, and another place for them.
    let walks = memo(move |_| {
        let some =
            state.routes.with(|routes| !routes.is_empty()) || state.rounds.with(|rounds| !rounds.is_empty());
        some && !at_desk.get()
    });
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let tabs = move || {
        let mut tabs = Vec::new();
        if at_desk.get() {
            tabs.push(TabItem {
                href: "/desk",
                glyph: Glyph::List,
                label: t_string!(i18n, desk.title).into(),
                count: Signal::derive(|| 0),
            });
        }
        if handles.get() {
            tabs.push(TabItem {
                href: "/jobs",
                glyph: Glyph::Wrench,
                label: t_string!(i18n, desk.jobs).into(),
                count: Signal::derive(move || count(jobs.get())),
            });
        }
        tabs.push(TabItem {
            href: "/",
            glyph: Glyph::Home,
            label: t_string!(i18n, field.home).into(),
            count: Signal::derive(|| 0),
        });
        if at_desk.get() || walks.get() {
            tabs.push(TabItem {
                href: if at_desk.get() { "/watch" } else { "/rounds" },
                glyph: Glyph::Walk,
                label: t_string!(i18n, frame.rounds).into(),
                count: Signal::derive(|| 0),
            });
        }
        tabs.push(TabItem {
            href: "/cases",
            glyph: Glyph::List,
            label: t_string!(i18n, field.my_cases).into(),
            count: Signal::derive(|| 0),
        });
        tabs.push(TabItem {
            href: "/me",
            glyph: Glyph::Me,
            label: t_string!(i18n, field.me).into(),
            count: Signal::derive(move || count(unsent.get().all())),
        });
        view! {
            <TabBar label=t_string!(i18n, frame.navigation) items=tabs current=move || path.get() />
        }
    };
    let page = memo(move |_| address.shown().with(|shown| Page::at(shown)));
    view! {
        {move || match page.get() {
            Page::Home => {
                let round = move || part::once_here(state.part, move || further(Page::Home));
                view! { <home::Home round=round /> }.into_any()
            }
            page => part::show(state.part, i18n, move || further(page)),
        }}
        // Whoever waits for a page in vain finds the way back.
        <Show when=move || { page.get().with_tabs() || state.part.got() != Got::Whole }>{tabs}</Show>
    }
}

#[cfg(test)]
mod tests {
    use shared::{case::command::Origin, ids::RoundId};
    use uuid::Uuid;

    use super::Page;
    use crate::state::report_address;

    #[test]
    fn every_page_has_an_address_and_any_other_address_leads_home() {
        for (address, page) in [
            ("/", Page::Home),
            ("", Page::Home),
            ("/report", Page::Report(None)),
            ("/cases", Page::Cases),
            ("/cases/", Page::Cases),
            ("/cases?q=%E6%BC%8F", Page::Cases),
            ("/jobs", Page::Jobs),
            ("/desk", Page::Desk),
            ("/unsent", Page::Unsent),
            ("/me/", Page::Me),
            ("/rounds", Page::Rounds),
            ("/watch", Page::Watch),
            ("/watch/days?day=2026%2D11%2D23", Page::Days),
            ("/watch/readings?route=a", Page::Lately),
            ("/watch/routes/", Page::Routes),
            ("/watch/route?code=R", Page::Route),
            ("/c/q83vEjRWeJCrze8SNFZ4kA", Page::Label),
            ("/elsewhere", Page::Home),
        ] {
            assert_eq!(Page::at(address), page, "{address}");
        }
    }

    #[test]
    fn an_address_names_its_round_and_what_is_done_there() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        let round = RoundId(id);
        assert_eq!(Page::at(&format!("/rounds/{id}")), Page::Round(Some(round)));
        assert_eq!(Page::at("/rounds/0190"), Page::Round(None));
        assert_eq!(Page::at(&format!("/watch/{id}")), Page::Trail(Some(round)));
        assert_eq!(Page::at("/watch/0190"), Page::Trail(None));
        assert_eq!(Page::at(&format!("/report?round={id}")), Page::Report(None));
        assert_eq!(Page::at(&report_address(None)), Page::Report(None));
        // A stop keeps its code while a change of the route gives it another number.
        let from = Origin { round, stop: "3 号楼-B2".into() };
        assert_eq!(Page::at(&report_address(Some(&from))), Page::ReportAt(from));
    }

    #[test]
    fn an_address_names_its_case_and_its_refused_command_and_a_cut_one_none() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        assert_eq!(Page::at(&format!("/cases/{id}")), Page::Case(Some(id.to_string().parse().unwrap())));
        assert_eq!(Page::at(&format!("/cases/{id}/")), Page::at(&format!("/cases/{id}")));
        assert_eq!(Page::at("/cases/0190"), Page::Case(None));
        let mend = Page::at(&format!("/report?mend={id}"));
        assert_eq!(mend, Page::Report(Some(id.to_string().parse().unwrap())));
        assert_eq!(Page::at("/report?mend=0190"), Page::Report(None));
    }
}
