//! The building blocks that every page is made of.
//!
//! They present and nothing else: texts, values and callbacks come in as props; no state of the app, no
//! translation, no storage is known here. Their looks are classes in `public/app.css`. Every component erases its
//! view type at its edge, which keeps the wasm small.
//!
//! Texts are [`TextProp`]: a `&str`, a `String`, a signal, or a closure giving one
//! of them, such as `move || t_string!(i18n, report.title)`, which follows the chosen language.

mod button;
mod dialog;
mod element;
mod erased;
mod feedback;
mod field;
mod icon;
mod list;
mod long;
mod photo;
mod pick;
mod shell;
mod steps;
mod surface;

pub use button::{Button, ButtonKind, IconButton};
pub use dialog::Sheet;
pub use element::{Element, IntoChild, IntoSetting};
pub use erased::{Show, live};
pub use feedback::{Banner, EmptyState, Skeleton, Toast, Toasts};
pub use field::{Field, FieldKind};
pub use icon::{Glyph, Icon};
pub use list::For;
pub use long::LongText;
pub use photo::{Lightbox, Photo, PhotoAdd, PhotoStrip, Picture};
pub use pick::{Choice, Picks, PicksLayout};
pub use shell::{TabBar, TabItem, TopBar};
pub use steps::{Countdown, Progress, Step, StepTone, Steps, TimeLeft, TimeUnit};
pub use surface::{Card, Chip};
pub use view::view;

use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// What a coloured element says by its colour. Colour is never the only sign: a text always says the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Neutral,
    /// Ours: selected, first-asked, mine.
    Brand,
    /// Good or done.
    Ok,
    /// Going on, for information.
    Info,
    /// Needs attention soon.
    Warn,
    /// Urgent, overdue, refused.
    Urgent,
}

crate::reactive::fixed!(Tone, StepTone, Vec<Choice>);

impl Tone {
    /// The class that colours chips, banners, toasts, progress and countdowns.
    pub const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "",
            Self::Brand => "brand",
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Urgent => "urgent",
        }
    }
}

/// A text as a child of an element. One function, so that all texts share one view type.
fn words(text: TextProp) -> AnyView {
    (move || text.get()).into_any()
}
