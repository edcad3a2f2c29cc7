//! A text that may be long: its beginning, and all of it for whoever wants to read on.

use leptos::prelude::*;
use leptos::text_prop::TextProp;

use super::{Show, view, words};

use crate::reactive::{RwSignal, Signal, memo};

/// So many lines of a text are shown at first; `app.css` says the same.
const LINES: usize = 4;
/// A line of a phone holds at least so many signs of a Latin script, and half as many Chinese ones.
const WIDTH: usize = 36;

/// A text of any length. What it pushes down is what somebody came for, so that a long one is cut.
#[component]
pub fn LongText(
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// What the button that shows all of it says.
    #[prop(into)]
    more: TextProp,
    /// What the same says then.
    #[prop(into)]
    less: TextProp,
) -> impl IntoView {
    let whole = RwSignal::new(false);
    let cut = memo(move |_| text.with(|text| long(text)));
    let label = TextProp::from(move || if whole.get() { less.get() } else { more.get() });
    view! {
        <p class="pre" class:clamp=move || cut.get() && !whole.get()>
            {move || text.get()}
        </p>
        <Show when=move || cut.get()>
            <button
                type="button"
                class="link"
                aria-expanded=move || whole.get().to_string()
                on:click=move |_| whole.update(|whole| *whole = !*whole)
            >
                {words(label.clone())}
            </button>
        </Show>
    }
    .into_any()
}

/// Whether a text may take more lines than are shown at first. One that takes just as many is not cut for one sign.
fn long(text: &str) -> bool {
    let lines = text.lines().map(|line| {
        let width: usize = line.chars().map(|char| if char.is_ascii() { 1 } else { 2 }).sum();
        width.div_ceil(WIDTH).max(1)
    });
    lines.sum::<usize>() > LINES
}

#[cfg(test)]
mod tests {
    use super::long;

    #[test]
    fn a_text_is_long_by_its_lines_and_by_its_length() {
        assert!(!long(""));
        assert!(!long("天花板滴水，地面已湿"));
        assert!(!long("一\n二\n三\n四"));
        assert!(long("一\n二\n三\n四\n五"));
        assert!(!long(&"水".repeat(72)));
        assert!(long(&"水".repeat(73)));
        assert!(!long(&"w".repeat(144)));
        assert!(long(&"w".repeat(145)));
    }
}
