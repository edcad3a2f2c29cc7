//! Lists whose rows keep their place on the page while others come and go.
//!
//! What finds out which rows moved is compiled once: a row is what its key hashes to and a closure that builds it.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use leptos::{
    prelude::*,
    reactive::owner::Owner,
    tachys::{reactive_graph::OwnedView, view::keyed::keyed},
};

use super::live;

struct Row {
    key: u64,
    build: Box<dyn FnOnce() -> AnyView + Send>,
}

/// One view for each item of a list that changes. A row whose key stays is left as it is.
#[component]
pub fn For<T, K>(
    /// The items now.
    each: impl Fn() -> Vec<T> + Send + 'static,
    /// What tells one item from another. Equal keys hash alike; that different ones of a list do is as good as
    /// impossible in 64 bits.
    key: impl Fn(&T) -> K + Send + Sync + 'static,
    /// One item's view.
    children: impl Fn(T) -> AnyView + Send + Sync + 'static,
) -> AnyView
where
    T: Send + 'static,
    K: Hash + 'static,
{
    let children: Arc<dyn Fn(T) -> AnyView + Send + Sync> = Arc::new(children);
    rows(Box::new(move || {
        let row = |item| {
            let mut hasher = DefaultHasher::new();
            key(&item).hash(&mut hasher);
            let children = Arc::clone(&children);
            Row { key: hasher.finish(), build: Box::new(move || children(item)) }
        };
        each().into_iter().map(row).collect()
    }))
}

fn rows(each: Box<dyn Fn() -> Vec<Row> + Send>) -> AnyView {
    // What a row makes lives as long as the row, not until the list changes.
    let parent = Owner::current().unwrap_or_default();
    live(move || {
        let parent = parent.clone();
        let build = move |_, row: Row| {
            let owner = parent.with(Owner::new);
            let view = owner.with(row.build);
            (|_: usize| (), OwnedView::new_with_owner(view, owner))
        };
        keyed(each(), |row: &Row| row.key, build).into_any()
    })
}
