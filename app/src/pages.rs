//! The pages and the frame around them: bars, banners, and who gets to see which page first.
//!
//! Here, too, is said what a phone loads first: all that is not reached through `further` alone.

mod case;
mod cases;
mod desk;
mod home;
mod jobs;
mod me;
mod part;
mod report;
mod sign_in;
mod unsent;

use leptos::prelude::*;
use shared::{ids::CaseId, site::Role};
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use self::part::Part;
use crate::{
    address::Address,
    components::{Notes, Notices, give_voice, unsent_count},
    i18n::*,
    platform::update,
    prefs::Prefs,
    reactive::{RwSignal, Signal, memo},
    state::{Phase, State},
    ui::{EmptyState, Glyph, Sheet, Show, Skeleton, TabBar, TabItem, live, view},
    words,
};

/// A form holds what is not saved as a draft: an update waits until it is through.
#[derive(Clone, Copy)]
pub struct Dirty(pub RwSignal<bool>);

/// The home page is making photos small for the report: its page waits until they are in the draft.
#[derive(Clone, Copy)]
pub struct Taking(pub RwSignal<bool>);

/// Which page is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Page {
    Home,
    Report,
    Cases,
    /// `None` where the address names none.
    Case(Option<CaseId>),
    Jobs,
    Desk,
    Unsent,
    Me,
}

impl Page {
    /// The page of an address; the home page of one that there is none for.
    fn at(path: &str) -> Self {
        match path {
            "/report" => Page::Report,
            "/cases" => Page::Cases,
            "/jobs" => Page::Jobs,
            "/desk" => Page::Desk,
            "/unsent" => Page::Unsent,
            "/me" => Page::Me,
            path => match path.strip_prefix("/cases/") {
                Some(id) => Page::Case(id.parse().ok()),
                None => Page::Home,
            },
        }
    }

    /// Pages with an action bar of their own use the room of the tabs.
    fn with_tabs(self) -> bool {
        !matches!(self, Page::Report | Page::Case(_) | Page::Unsent)
    }
}

/// The pages that are not needed for a start. What is reached through this function alone is a part of the build of its
/// own, loaded once the home page stands; how it is waited for is in [`Part`].
#[wasm_split(pages, fallible, preload(load_further))]
fn further(page: Page) -> Result<AnyView, SplitLoaderError> {
    let view = match page {
        // It is shown while this part is still on its way.
        Page::Home => ().into_any(),
        Page::Report => view! { <report::Report /> }.into_any(),
        Page::Cases => view! { <cases::Cases /> }.into_any(),
        Page::Case(id) => view! { <case::CasePage id=id /> }.into_any(),
        Page::Jobs => view! { <jobs::Jobs /> }.into_any(),
        Page::Desk => view! { <desk::Desk /> }.into_any(),
        Page::Unsent => view! { <unsent::Unsent /> }.into_any(),
        Page::Me => view! { <me::Me /> }.into_any(),
    };
    Ok(view)
}

/// The app.
#[component]
pub fn App() -> impl IntoView {
    let prefs = Prefs::default();
    prefs.keep();
    provide_context(prefs);
    let state = State::default();
    provide_context(state);
    let notes = Notes::default();
    provide_context(notes);
    give_voice(notes, state, prefs);
    provide_context(Dirty(RwSignal::new(false)));
    provide_context(Taking(RwSignal::new(false)));
    leptos::task::spawn_local(state.start());
    let pages = Part::new(|| Box::pin(load_further()));
    provide_context(pages);
    pages.load_when_idle(state);
    provide_context(Address::follow());
    view! { <Frame /> }
}

#[component]
fn Frame() -> impl IntoView {
    let state = expect_context::<State>();
    let prefs = expect_context::<Prefs>();
    let Dirty(dirty) = expect_context::<Dirty>();
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

    // Texts are put in place once: another language builds the page anew. What a form holds is a draft, and comes back.
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
            <Notices update_ready=update_ready dirty=dirty on_sign_in=move || signing_in.set(true) />
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
    let path = expect_context::<Address>().path();
    let pages = expect_context::<Part>();
    let is = move |role: Role| {
        state.property.with(|property| property.as_ref().is_some_and(|property| property.me.is(role)))
    };
    let office = memo(move |_| is(Role::Desk) || is(Role::Supervisor) || is(Role::Director));
    let control_room = memo(move |_| is(Role::ControlRoom));
    // Cleaners, guards and the office are dispatched too: whoever has or had something in hand has the page for it.
    let handles = memo(move |_| is(Role::Technician) || jobs::has_any(state));
    let unsent = unsent_count(state);
    let jobs = memo(move |_| jobs::waiting(state));
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let tabs = move || {
        let mut tabs = Vec::new();
        if office.get() || control_room.get() {
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
    let page = memo(move |_| path.with(|path| Page::at(path)));
    view! {
        {move || match page.get() {
            Page::Home => view! { <home::Home /> }.into_any(),
            page => pages.show(i18n, move || further(page)),
        }}
        // Whoever waits for a page in vain finds the way back.
        <Show when=move || page.get().with_tabs() || !pages.is_here()>{tabs}</Show>
    }
}
