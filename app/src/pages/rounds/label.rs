//! A label's link, followed from the phone's own camera or a tag: ticks the stop at which the label hangs, in the round that
//! was on when the link was followed. Everything that becomes known later is ticked by a tap only.

use leptos::prelude::*;
use shared::{
    ids::{RoundId, StopCode},
    label::{self, Shown},
    round::command::{Proof, Via},
};

use crate::{
    address::{self, Address},
    components::{minute, toast},
    i18n::*,
    platform::device,
    reactive::{Memo, RwSignal, effect, memo},
    state::{Led, State},
    ui::{Button, EmptyState, Glyph, Skeleton, TopBar, view},
    words::{self, round as said},
};

/// What the address says once somebody was told that nothing is ticked: a page that comes back by itself ticks nothing either.
const TOLD: &str = "told";

/// What the parts of the page share.
#[derive(Clone, Copy)]
struct Page {
    state: State,
    i18n: I18n,
    address: Address,
    token: StoredValue<String>,
    busy: RwSignal<bool>,
}

impl Page {
    fn tick(self, id: RoundId, stop: StopCode) {
        if self.busy.get_untracked() {
            return;
        }
        self.busy.set(true);
        let proof = Proof::Token { via: Via::Link, token: self.token.get_value() };
        let locale = self.i18n.get_locale_untracked();
        leptos::task::spawn_local(async move {
            let ticked = self.state.tick(id, stop, proof, None, None).await;
            if ticked.is_ok() {
                device::vibrate(60);
            }
            let property = self.state.property.get_untracked();
            toast(ticked.map(|place| said::ticked(locale, property.as_deref(), &place)));
            // Not to come back to: it would be ticked again.
            self.address.instead(&format!("/rounds/{id}"));
        });
    }
}

/// The page of a label's link.
#[component]
pub fn LabelPage() -> impl IntoView {
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let token = label::read_link(&address.path().get_untracked()).map(str::to_owned);
    let body = match token {
        Some(token) => view! { <Followed token=token /> }.into_any(),
        None => view! {
            <EmptyState
                glyph=Glyph::Qr
                title=t_string!(i18n, rounds.label_broken)
                text=t_string!(i18n, rounds.label_broken_text)
            >
                <ToRounds />
            </EmptyState>
        }
        .into_any(),
    };
    view! {
        <TopBar title=t_string!(i18n, rounds.title) />
        <main class="main" tabindex="-1">
            {body}
        </main>
    }
    .into_any()
}

/// A link with a token in it.
#[component]
fn Followed(token: String) -> impl IntoView {
    let state = expect_context::<State>();
    let i18n = use_i18n();
    let address = expect_context::<Address>();
    let minute = minute(state);
    let opened = state.now_ms();
    let token = StoredValue::new(token);
    let page = Page { state, i18n, address, token, busy: RwSignal::new(false) };
    let told = RwSignal::new(address::asked(&address.here(), TOLD).is_some());
    let led = memo(move |_| {
        minute.track();
        token.with_value(|token| state.led(Shown::Token(token), opened, told.get()))
    });
    effect(move || match led.get() {
        Led::Wait => {}
        Led::Tick(round, stop) => page.tick(round, stop),
        Led::Offer(..) | Led::Site(_) | Led::Nowhere => {
            if !told.get_untracked() && !page.busy.get_untracked() {
                told.set(true);
                let path = address.path().get_untracked();
                address.instead(&address::with(&path, &[(TOLD, "1")]));
            }
        }
    });
    view! { <Leads page=page led=led /> }.into_any()
}

/// What is said of where it leads.
#[component]
fn Leads(page: Page, led: Memo<Led>) -> impl IntoView {
    let Page { state, i18n, busy, .. } = page;
    move || match led.get() {
        _ if busy.get() => view! { <Skeleton label=t_string!(i18n, rounds.opening) /> }.into_any(),
        Led::Wait | Led::Tick(..) => view! { <Skeleton label=t_string!(i18n, rounds.looking) /> }.into_any(),
        Led::Offer(round, stop) => view! { <Offered page=page round=round stop=stop /> }.into_any(),
        Led::Site(site) => {
            let name = state.session.with(|session| {
                let mut sites = session.iter().flat_map(|session| &session.sites);
                sites.find(|one| one.code == site).map(|one| one.name.clone())
            });
            let name = name.unwrap_or_else(|| site.to_string());
            let change = move || state.show_site(Some(site.clone()));
            view! {
                <EmptyState
                    glyph=Glyph::Pin
                    title=said::with(t_string!(i18n, rounds.label_site), &name)
                    text=t_string!(i18n, rounds.label_site_text)
                >
                    <Button
                        label=said::with(t_string!(i18n, rounds.label_switch), &name)
                        on_click=change
                    />
                </EmptyState>
            }
            .into_any()
        }
        Led::Nowhere => view! {
            <EmptyState
                glyph=Glyph::Qr
                title=t_string!(i18n, rounds.label_none)
                text=t_string!(i18n, rounds.label_none_text)
            >
                <ToRounds />
            </EmptyState>
        }
        .into_any(),
    }
}

/// A stop that is ticked by a tap.
#[component]
fn Offered(page: Page, round: RoundId, stop: StopCode) -> impl IntoView {
    let Page { state, i18n, .. } = page;
    let (locale, property) = (i18n.get_locale_untracked(), state.property.get_untracked());
    let walk = state.walk(round, state.now_ms());
    let words = property.zip(walk).and_then(|(property, walk)| {
        let place = words::spot(&property, &walk.round.find(&stop)?.place);
        let clock = |at| words::clock(&property.zone, at);
        let task = &walk.round.task;
        let title = said::title(locale, &walk.round, walk.route.as_deref(), &property.zone);
        Some((place, format!("{title} · {}–{}", clock(task.from), clock(task.until))))
    });
    let (place, title) = words.unwrap_or_default();
    view! {
        <EmptyState glyph=Glyph::Qr title=title text=t_string!(i18n, rounds.label_offer_text)>
            <Button
                label=said::with(t_string!(i18n, rounds.label_offer), &place)
                on_click=move || page.tick(round, stop.clone())
            />
            <ToRounds />
        </EmptyState>
    }
    .into_any()
}

#[component]
fn ToRounds() -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <a class="btn ghost" href="/rounds">
            {t_string!(i18n, rounds.to_rounds)}
        </a>
    }
    .into_any()
}
