//! Reactive building blocks that are compiled once.
//!
//! Leptos compiles a reactive block anew for every closure that it is given. These take the closure behind a pointer
//! first, so that a hundred of them share one piece of code: a phone has to load every byte.

use leptos::prelude::*;

type Compute<T> = Box<dyn Fn(Option<&T>) -> T + Send + Sync>;

/// A value that is computed again when what it reads changes, and tells its readers only when it differs.
pub fn memo<T: PartialEq + Send + Sync + 'static>(
    compute: impl Fn(Option<&T>) -> T + Send + Sync + 'static,
) -> Memo<T> {
    let compute: Compute<T> = Box::new(compute);
    Memo::new(compute)
}

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
pub fn live(build: impl Fn() -> AnyView + Send + 'static) -> AnyView {
    let build: Box<dyn Fn() -> AnyView + Send> = Box::new(build);
    build.into_any()
}
