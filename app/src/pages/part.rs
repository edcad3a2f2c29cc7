//! A part of the app that is loaded after the home page stands: how far it has got, and what is shown until it is here.

use futures::{FutureExt as _, future::LocalBoxFuture};
use leptos::{prelude::*, task::spawn_local};
use wasm_split_helpers::SplitLoaderError;

use crate::{
    i18n::*,
    platform::{clock, device, http},
    reactive::{RwSignal, effect, memo},
    state::{Link, Phase, State},
    sync::REST_MS,
    ui::{Button, ButtonKind, EmptyState, Glyph, Skeleton, view},
};

/// A part of the app.
#[derive(Clone, Copy)]
pub struct Part {
    got: RwSignal<Got>,
    load: fn() -> LocalBoxFuture<'static, Result<(), SplitLoaderError>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Got {
    Nothing,
    Coming,
    /// It could not be loaded.
    Failed,
    Whole,
}

impl Part {
    /// A part that is loaded like this.
    pub fn new(load: fn() -> LocalBoxFuture<'static, Result<(), SplitLoaderError>>) -> Self {
        Part { got: RwSignal::new(Got::Nothing), load }
    }

    /// Loads it once the app has shown who is there, and again when there is a network after it could not be loaded.
    pub fn load_when_idle(self, state: State) {
        let started = memo(move |_| state.phase.with(|phase| !matches!(phase, Phase::Starting)));
        let online = memo(move |_| state.link.with(|link| *link == Link::Online));
        effect(move || {
            online.track();
            if started.get() {
                spawn_local(async move {
                    clock::sleep(REST_MS).await;
                    if matches!(self.got.get_untracked(), Got::Nothing | Got::Failed) {
                        self.load().await;
                    }
                });
            }
        });
    }

    /// Whether it is here.
    pub fn is_here(self) -> bool {
        self.got.get() == Got::Whole
    }

    /// A page of it; until it is here, what is to be said about that.
    pub fn show<F>(self, i18n: I18n, page: impl FnOnce() -> F) -> AnyView
    where
        F: Future<Output = Result<AnyView, SplitLoaderError>>,
    {
        match self.got.get() {
            // What is here is not waited for.
            Got::Whole => page().now_or_never().and_then(Result::ok).into_any(),
            Got::Failed => view! { <Missing part=self /> }.into_any(),
            Got::Nothing | Got::Coming => {
                if self.got.get_untracked() == Got::Nothing {
                    spawn_local(self.load());
                }
                view! { <main class="main"><Skeleton label=t_string!(i18n, frame.loading) /></main> }
                    .into_any()
            }
        }
    }

    async fn load(self) {
        self.got.set(Got::Coming);
        let got = if (self.load)().await.is_ok() { Got::Whole } else { Got::Failed };
        self.got.set(got);
    }
}

/// In place of a page whose part could not be loaded.
#[component]
fn Missing(
    /// What is missing.
    part: Part,
) -> impl IntoView {
    let i18n = use_i18n();
    let state = expect_context::<State>();
    let again = move || {
        spawn_local(async move {
            part.load().await;
            if part.got.get_untracked() == Got::Whole {
                // What syncs came with it.
                state.try_again();
            }
            // The server is there and has no such part: it is of another version by now, and so is its page. What was
            // typed is in drafts.
            if part.got.get_untracked() == Got::Failed && http::server_answers().await {
                device::reload();
            }
        });
    };
    view! {
        <main class="main">
            <EmptyState
                glyph=Glyph::CloudOff
                title=t_string!(i18n, frame.missing)
                text=t_string!(i18n, frame.missing_text)
            >
                <Button
                    label=t_string!(i18n, frame.try_again)
                    kind=ButtonKind::Ghost
                    on_click=again
                />
            </EmptyState>
        </main>
    }
    .into_any()
}
