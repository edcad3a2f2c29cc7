//! The frame of a page: the bar on top, whose heading is the browser's title too, and the tabs at the bottom, which wide
//! screens show in the bar.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Glyph, Icon, IconButton, view, words};

use crate::{
    platform::device,
    reactive::{Signal, effect},
};

/// The bar on top: where am I, a way back, and on its right what holds now (state, actions).
#[component]
pub fn TopBar(
    /// The page's heading.
    #[prop(into)]
    title: TextProp,
    /// A smaller line below it.
    #[prop(optional, into)]
    sub: Option<TextProp>,
    /// Name of the way back; shown together with `on_back`.
    #[prop(optional, into)]
    back: Option<TextProp>,
    /// Called when the way back is taken.
    #[prop(optional, into)]
    on_back: Option<Callback<()>>,
    /// The right side: chips and small buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let named = title.clone();
    effect(move || device::set_title(Some(&*named.get())));
    let back = back
        .zip(on_back)
        .map(|(label, on_click)| view! { <IconButton glyph=Glyph::ArrowLeft class="back" label on_click/> });
    view! {
        <header class="bar">
            <div class="bar-title">
                {back}
                <div>
                    // Focused when somebody has come to the page, so that it is read out: `app/src/address.rs`.
                    <h1 tabindex="-1">{words(title)}</h1>
                    {sub.map(|sub| view! { <div class="xs">{words(sub)}</div> })}
                </div>
            </div>
            {children.map(|children| view! { <div class="bar-right">{children()}</div> })}
        </header>
    }
    .into_any()
}

/// One tab.
#[derive(Clone, Debug)]
pub struct TabItem {
    /// The path that it leads to.
    pub href: &'static str,
    /// Its icon.
    pub glyph: Glyph,
    /// Its name.
    pub label: TextProp,
    /// How many things wait there; nothing is shown for 0.
    pub count: Signal<u32>,
}

/// The tabs. The one that leads to `current`, or to the nearest path above it, is marked.
#[component]
pub fn TabBar(
    /// Name of the navigation for screen readers.
    #[prop(into)]
    label: TextProp,
    /// The tabs, at most five.
    items: Vec<TabItem>,
    /// The path of the page shown now.
    #[prop(into)]
    current: TextProp,
) -> impl IntoView {
    let tabs = items.into_iter().map(|item| tab(item, current.clone())).collect_view();
    view! {
        <nav class="tabs" aria-label=move || label.get()>
            {tabs}
        </nav>
    }
    .into_any()
}

fn tab(item: TabItem, current: TextProp) -> AnyView {
    let TabItem { href, glyph, label, count } = item;
    let here = move || leads_to(href, &current.get()).then_some("page");
    let badge = move || {
        let count = count.get();
        (count > 0).then(|| view! { <span class="badge">{count}</span> }.into_any())
    };
    view! {
        <a href=href aria-current=here>
            <Icon glyph/>
            <span>{words(label)}</span>
            {badge}
        </a>
    }
    .into_any()
}

fn leads_to(href: &str, path: &str) -> bool {
    match path.strip_prefix(href) {
        Some("") => true,
        Some(rest) => href != "/" && rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn a_tab_is_marked_on_its_page_and_on_those_below_it() {
        assert!(leads_to("/", "/"));
        assert!(leads_to("/cases", "/cases"));
        assert!(leads_to("/cases", "/cases/0190"));
        assert!(!leads_to("/", "/cases"));
        assert!(!leads_to("/case", "/cases"));
    }
}
