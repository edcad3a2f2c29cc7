//! Reactive building blocks that are compiled once.
//!
//! Leptos compiles a reactive block anew for every closure that it is given. These take the closure behind a pointer
//! first, so that a hundred of them share one piece of code: a phone has to load every byte.

use leptos::prelude::*;

use super::IntoChild;
use crate::reactive::{Signal, memo};

/// Shows its children while a condition holds.
#[component]
pub fn Show(
    /// The condition.
    #[prop(into)]
    when: Signal<bool>,
    /// What is shown else.
    #[prop(optional, into)]
    fallback: ViewFn,
    /// What is shown.
    children: ChildrenFn,
) -> AnyView {
    let when = memo(move |_| when.get());
    live(move || if when.get() { children() } else { fallback.run() })
}

/// A part of a page that is built again when what it reads changes.
pub fn live<T: IntoChild>(build: impl Fn() -> T + Send + 'static) -> AnyView {
    live_part(Box::new(build))
}

fn live_part(build: Box<dyn Build + Send>) -> AnyView {
    (move || build.build()).into_any()
}

/// Builds a part of a page. As with [`Ask`](super::element::Ask), a closure's own traits would cost more.
trait Build {
    fn build(&self) -> AnyView;
}

impl<F: Fn() -> T, T: IntoChild> Build for F {
    fn build(&self) -> AnyView {
        self().into_child()
    }
}
